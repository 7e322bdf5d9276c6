package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// Gemm implements backend.Linear. A product is cut into tiles, which the workers
// share.
func (c *Backend) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	m, n, k := backend.CheckGemm(c, dst, transA, transB, a, b)
	if c.err != nil {
		return
	}
	p := c.newProduct(transA, transB, m, n, k)
	p.alpha, p.beta = float32(alpha), float32(beta)
	p.dst, p.a, p.b = floats(dst), floats(a), floats(b)
	c.multiply(p)
}

// SumRows implements backend.Linear. Workers share the columns: each sum adds
// the rows in their order.
func (c *Backend) SumRows(dst, x backend.Tensor, beta float64) {
	backend.CheckSumRows(c, dst, x)
	if c.err != nil {
		return
	}
	c.jobs.sumRows = sumRows{c.vector, floats(dst), floats(x), float32(beta)}
	c.forEach(&c.jobs.sumRows, x.Cols, columnGrain(x.Rows))
}

type sumRows struct {
	vector *simd.Vector
	dst, x []float32
	beta   float32
}

func (s *sumRows) run(from, to int) {
	dst := s.dst[from:to]
	scaleBy(dst, s.beta)
	stride, at := len(s.dst), 0
	for ; at+4*stride <= len(s.x); at += 4 * stride {
		s.vector.AddRows(dst, s.x[at+from:at+3*stride+to], stride)
	}
	for ; at < len(s.x); at += stride {
		s.vector.Add(dst, dst, s.x[at+from:at+to])
	}
}

// columnGrain returns how many columns make a part, given the number of rows.
// Fewer would waste much of the memory that each row brings into the cache.
func columnGrain(rows int) int { return max(128, rowGrain(cheapGrain, rows)) }

// GatherRows implements backend.Linear.
func (c *Backend) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(c, dst, x, ids)
	if c.err != nil || !c.rowsExist("GatherRows", ids, "x", x) {
		return
	}
	c.jobs.gatherRows = gatherRows{floats(dst), floats(x), ints(ids), x.Cols}
	c.forEach(&c.jobs.gatherRows, dst.Rows, rowGrain(cheapGrain, x.Cols))
}

type gatherRows struct {
	dst, x []float32
	ids    []int32
	cols   int
}

func (g *gatherRows) run(from, to int) {
	for i := from; i < to; i++ {
		copy(g.dst[i*g.cols:(i+1)*g.cols], g.x[int(g.ids[i])*g.cols:])
	}
}

// ScatterAddRows implements backend.Linear. Workers share the columns, since
// two ids may be the same.
func (c *Backend) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckScatterAddRows(c, dst, x, ids)
	if c.err != nil || !c.rowsExist("ScatterAddRows", ids, "dst", dst) {
		return
	}
	c.jobs.scatterRows = scatterRows{c.vector, floats(dst), floats(x), ints(ids), x.Cols}
	c.forEach(&c.jobs.scatterRows, x.Cols, columnGrain(x.Rows))
}

type scatterRows struct {
	vector *simd.Vector
	dst, x []float32
	ids    []int32
	cols   int
}

func (s *scatterRows) run(from, to int) {
	for i, id := range s.ids {
		dst := s.dst[int(id)*s.cols:][from:to]
		s.vector.Add(dst, dst, s.x[i*s.cols:][from:to])
	}
}

// rowsExist reports whether t has all the rows that ids name. If not, the error
// sticks.
func (c *Backend) rowsExist(op string, ids backend.Ints, name string, t backend.Tensor) bool {
	for i, id := range ints(ids) {
		if id < 0 || int(id) >= t.Rows {
			c.fail("%s: ids[%d] is %d, %s has %d rows", op, i, id, name, t.Rows)
			return false
		}
	}
	return true
}

// ArgMaxRows implements backend.Linear.
func (c *Backend) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	backend.CheckArgMaxRows(c, dst, x)
	if c.err != nil {
		return
	}
	c.jobs.argMaxRows = argMaxRows{ints(dst), floats(x), x.Cols}
	c.forEach(&c.jobs.argMaxRows, x.Rows, rowGrain(cheapGrain, x.Cols))
}

type argMaxRows struct {
	dst  []int32
	x    []float32
	cols int
}

func (a *argMaxRows) run(from, to int) {
	for i := from; i < to; i++ {
		x := a.x[i*a.cols : (i+1)*a.cols]
		best := 0
		for j, v := range x {
			if v > x[best] || v != v && x[best] == x[best] {
				best = j
			}
		}
		a.dst[i] = int32(best)
	}
}
