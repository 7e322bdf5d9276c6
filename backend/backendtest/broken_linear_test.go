package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var brokenLinear = []control{
	{check: "Gemm", name: "ignores transA", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.a = backend.Tensor{Buf: p.a.Buf, Off: p.a.Off, Rows: p.dst.Rows, Cols: p.inner()}
		p.transA = backend.NoTrans
		p.on(b)
	})},
	{check: "Gemm", name: "ignores transB", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.b = backend.Tensor{Buf: p.b.Buf, Off: p.b.Off, Rows: p.inner(), Cols: p.dst.Cols}
		p.transB = backend.NoTrans
		p.on(b)
	})},
	{check: "Gemm", name: "transposes dst", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.on(b)
		x := read(b, p.dst)
		each(b, p.dst, func(k int, _ float32) float32 { return x[k/p.dst.Cols+k%p.dst.Cols*p.dst.Rows] })
	})},
	{check: "Gemm", name: "drops the last row", mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(row, _ int) bool { return row == p.dst.Rows-1 }, func() { p.on(b) })
	})},
	{check: "Gemm", name: "drops the last column", mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(_, col int) bool { return col == p.dst.Cols-1 }, func() { p.on(b) })
	})},
	{check: "Gemm", name: "drops the rows beyond whole blocks", atLeast: 257, mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(row, _ int) bool { return row >= 256 }, func() { p.on(b) })
	})},
	{check: "Gemm", name: "drops the columns beyond whole blocks", atLeast: 257, mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(_, col int) bool { return col >= 256 }, func() { p.on(b) })
	})},
	{check: "Gemm", name: "drops the last term of long sums", atLeast: 1025, mistake: gemmMistake(func(b backend.Backend, p product) {
		p.dropLastTerm(b, 1025)
	})},
	{check: "Gemm", name: "drops the last term of odd sums", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.inner()%2 == 1 {
			p.dropLastTerm(b, 3)
			return
		}
		p.on(b)
	})},
	{check: "Gemm", name: "ignores alpha", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.alpha = 1
		p.on(b)
	})},
	{check: "Gemm", name: "ignores beta", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.beta = 0
		p.on(b)
	})},
	{check: "Gemm", name: "adds where beta is not 0", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.beta != 0 {
			p.beta = 1
		}
		p.on(b)
	})},
	{check: "Gemm", name: "adds where beta is −1", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.beta == -1 {
			p.beta = 1
		}
		p.on(b)
	})},
	{check: "Gemm", name: "rounds alpha and beta to halves", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.alpha, p.beta = math.Round(2*p.alpha)/2, math.Round(2*p.beta)/2
		p.on(b)
	})},
	{check: "Gemm", name: "clears NaN in dst", mistake: gemmMistake(func(b backend.Backend, p product) {
		each(b, p.dst, func(_ int, v float32) float32 {
			if isNaN32(v) {
				return 0
			}
			return v
		})
		p.on(b)
	})},
	{check: "Gemm", name: "clears infinities in dst where alpha is 0", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.alpha == 0 {
			each(b, p.dst, func(_ int, v float32) float32 {
				if math.IsInf(float64(v), 0) {
					return 0
				}
				return v
			})
		}
		p.on(b)
	})},
	{check: "Gemm", name: "ignores beta in large products", atLeast: 257, mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.dst.Rows > 128 && p.dst.Cols > 128 {
			p.beta = 0
		}
		p.on(b)
	})},
	{check: "Gemm", name: "ignores alpha in large products of two transposes", atLeast: 257, mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.transA && p.transB && p.inner() > 128 {
			p.alpha = 1
		}
		p.on(b)
	})},
	{check: "Gemm", name: "ignores alpha in long sums of small products", long: true, mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.inner() > 513 {
			p.alpha = 1
		}
		p.on(b)
	})},
	{check: "Gemm", name: "adds in long sums of small products where beta is not 0", long: true, mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.inner() > 513 && p.beta != 0 {
			p.beta = 1
		}
		p.on(b)
	})},
	{check: "Gemm", name: "scales dst by alpha too", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.beta *= p.alpha
		p.on(b)
	})},
	{check: "Gemm", name: "reads dst when beta is 0", mistake: gemmMistake(func(b backend.Backend, p product) {
		before := read(b, p.dst)
		p.on(b)
		each(b, p.dst, func(k int, v float32) float32 { return v + 0*before[k] })
	})},
	{check: "Gemm", name: "leaves dst when there is nothing to sum", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.inner() > 0 {
			p.on(b)
		}
	})},
	{check: "Gemm", name: "leaves dst when alpha is 0", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.alpha != 0 {
			p.on(b)
		}
	})},
	{check: "Gemm", name: "writes behind dst", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.on(b)
		if end := p.dst.Off + p.dst.Size(); end < p.dst.Buf.Meta().Len {
			b.Fill(backend.Tensor{Buf: p.dst.Buf, Off: end, Rows: 1, Cols: 1}, 0)
		}
	})},
	{check: "Gemm", name: "writes before dst", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.on(b)
		if p.dst.Off > 0 {
			b.Fill(backend.Tensor{Buf: p.dst.Buf, Off: p.dst.Off - 1, Rows: 1, Cols: 1}, 0)
		}
	})},
	{check: "Gemm", name: "writes a row of blocks behind dst", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.on(b)
		if end := p.dst.Off + p.dst.Size() + p.dst.Cols; end < p.dst.Buf.Meta().Len {
			b.Fill(backend.Tensor{Buf: p.dst.Buf, Off: end, Rows: 1, Cols: 1}, 0)
		}
	})},
	{check: "Gemm", name: "ignores the offset of a", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.a = clone(b, atStart(p.a))
		p.on(b)
	})},
	{check: "Gemm", name: "scales a in place", mistake: gemmMistake(func(b backend.Backend, p product) {
		b.Scale(p.a, p.alpha, p.a)
		p.alpha = 1
		p.on(b)
	})},
	{check: "Gemm", name: "depends on the number of calls", mistake: func(b backend.Backend) backend.Backend {
		calls := 0
		return altered{b, brokenGemm{b, func(b backend.Backend, p product) {
			calls++
			p.on(b)
			each(b, p.dst, func(_ int, v float32) float32 {
				if calls%2 == 0 {
					return math.Nextafter32(v, 1)
				}
				return v
			})
		}}}
	}},
	{check: "Gemm", name: "rounds its operands to 10 bits", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.a, p.b = clone(b, p.a), clone(b, p.b)
		for _, t := range []backend.Tensor{p.a, p.b} {
			each(b, t, func(_ int, v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1<<13 - 1)) })
		}
		p.on(b)
	})},
	{check: "Gemm", name: "reads beyond a", mistake: gemmMistake(func(b backend.Backend, p product) {
		p.on(b)
		if end := p.a.Off + p.a.Size(); end < p.a.Buf.Meta().Len && p.dst.Size() > 0 {
			beyond := read(b, backend.Tensor{Buf: p.a.Buf, Off: end, Rows: 1, Cols: 1})[0]
			each(b, p.dst, func(_ int, v float32) float32 { return v + 0*beyond })
		}
	})},
	{check: "SumRows", mistake: broken[sumRowsIgnoresBeta]},
	{check: "SumRows", mistake: broken[sumRowsReadsDst]},
	{check: "SumRows", mistake: broken[sumRowsLimitsBeta]},
	{check: "SumRows", mistake: broken[sumRowsAddsWhereBetaIsMinus1]},
	{check: "SumRows", mistake: broken[sumRowsClearsNaN]},
	{check: "SumRows", mistake: broken[sumRowsDropsLast]},
	{check: "SumRows", mistake: broken[sumRowsDropsBeyondBlock], atLeast: 1023},
	{check: "GatherRows", mistake: broken[gatherSwapsEnds]},
	{check: "GatherRows", mistake: broken[gatherIgnoresOffsetOfIDs]},
	{check: "GatherRows", mistake: broken[gatherMultiplies]},
	{check: "ScatterAddRows", mistake: broken[scatterLastWins]},
	{check: "ScatterAddRows", mistake: broken[scatterOverwrites]},
	{check: "ScatterAddRows", mistake: broken[scatterSkipsNaN]},
	{check: "ArgMaxRows", mistake: broken[argMaxTakesLastOfEquals]},
	{check: "ArgMaxRows", mistake: broken[argMaxSkipsNaN]},
	{check: "ArgMaxRows", mistake: broken[argMaxStartsAtZero]},
	{check: "ArgMaxRows", mistake: broken[argMaxOrdersNaN]},
	{check: "ArgMaxRows", mistake: broken[argMaxSkipsNegativeNaN]},
	{check: "ArgMaxRows", mistake: broken[argMaxKnowsOneNaN]},
	{check: "ArgMaxRows", mistake: broken[argMaxFlushes]},
}

// product is a call of Gemm.
type product struct {
	dst            backend.Tensor
	transA, transB backend.Transpose
	alpha          float64
	a, b           backend.Tensor
	beta           float64
}

func (p product) on(b backend.Backend) { b.Gemm(p.dst, p.transA, p.transB, p.alpha, p.a, p.b, p.beta) }

func (p product) inner() int {
	if p.transA {
		return p.a.Rows
	}
	return p.a.Cols
}

// dropLastTerm leaves out the last term of sums of least terms or more.
func (p product) dropLastTerm(b backend.Backend, least int) {
	last := p.inner() - 1
	if last+1 >= least {
		p.a = clone(b, p.a)
		each(b, p.a, func(k int, v float32) float32 {
			term := k % p.a.Cols
			if p.transA {
				term = k / p.a.Cols
			}
			if term == last {
				return 0
			}
			return v
		})
	}
	p.on(b)
}

// brokenGemm calls gemm instead of Gemm.
type brokenGemm struct {
	sound backend.Backend
	gemm  func(b backend.Backend, p product)
}

func gemmMistake(gemm func(b backend.Backend, p product)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return altered{b, brokenGemm{b, gemm}} }
}

func (b brokenGemm) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.gemm(b.sound, product{dst, transA, transB, alpha, x, y, beta})
}

type sumRowsIgnoresBeta mistake

func (b sumRowsIgnoresBeta) SumRows(dst, x backend.Tensor, _ float64) { b.sound.SumRows(dst, x, 0) }

type sumRowsReadsDst mistake

func (b sumRowsReadsDst) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.Scale(dst, beta, dst)
	b.sound.SumRows(dst, x, 1)
}

type sumRowsLimitsBeta mistake

func (b sumRowsLimitsBeta) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.SumRows(dst, x, min(beta, 1))
}

type sumRowsAddsWhereBetaIsMinus1 mistake

func (b sumRowsAddsWhereBetaIsMinus1) SumRows(dst, x backend.Tensor, beta float64) {
	if beta == -1 {
		beta = 1
	}
	b.sound.SumRows(dst, x, beta)
}

type sumRowsClearsNaN mistake

func (b sumRowsClearsNaN) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.Upload(dst, read(b.sound, withoutNaN(b.sound, dst)))
	b.sound.SumRows(dst, x, beta)
}

type sumRowsDropsLast mistake

func (b sumRowsDropsLast) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.SumRows(dst, x.Slice(0, max(0, x.Rows-1)), beta)
}

type sumRowsDropsBeyondBlock mistake

func (b sumRowsDropsBeyondBlock) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.SumRows(dst, x.Slice(0, min(x.Rows, 512)), beta)
}

type gatherSwapsEnds mistake

func (b gatherSwapsEnds) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	rows := readInts(b.sound, ids)
	for i := range rows {
		rows[i] = int32(x.Rows-1) - rows[i]
	}
	backward, err := b.sound.NewInts(len(rows))
	if err != nil {
		panic(err)
	}
	b.sound.UploadInts(backward, rows)
	b.sound.GatherRows(dst, x, backward)
}

type gatherIgnoresOffsetOfIDs mistake

func (b gatherIgnoresOffsetOfIDs) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	b.sound.GatherRows(dst, x, backend.Ints{Buf: ids.Buf, N: ids.N})
}

// gatherMultiplies by a matrix with one 1 in each row, which spoils other rows
// than that of a NaN.
type gatherMultiplies mistake

func (b gatherMultiplies) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	chosen := make([]float32, ids.N*x.Rows)
	for i, id := range readInts(b.sound, ids) {
		chosen[i*x.Rows+int(id)] = 1
	}
	b.sound.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, fresh(b.sound, ids.N, x.Rows, chosen), x, 0)
}

// scatterLastWins is what unsynchronised threads make of rows that are hit
// often.
type scatterLastWins mistake

func (b scatterLastWins) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	rows := readInts(b.sound, ids)
	for i, row := range rows {
		if !slices.Contains(rows[i+1:], row) {
			b.sound.ScatterAddRows(dst, x.Slice(i, i+1), ids.Slice(i, i+1))
		}
	}
}

type scatterOverwrites mistake

func (b scatterOverwrites) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.sound.Fill(dst, 0)
	b.sound.ScatterAddRows(dst, x, ids)
}

type scatterSkipsNaN mistake

func (b scatterSkipsNaN) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.sound.ScatterAddRows(dst, withoutNaN(b.sound, x), ids)
}

// argMax sets dst from the rows of x by a rule of when to change over.
func argMax(b backend.Backend, dst backend.Ints, x backend.Tensor, best float32, over func(v, best float32) bool) {
	values, columns := read(b, x), make([]int32, x.Rows)
	for i := range columns {
		best := best
		for j, v := range values[i*x.Cols : (i+1)*x.Cols] {
			if over(v, best) {
				best, columns[i] = v, int32(j)
			}
		}
	}
	b.UploadInts(dst, columns)
}

func isNaN32(v float32) bool { return v != v }

type argMaxTakesLastOfEquals mistake

func (b argMaxTakesLastOfEquals) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool { return v >= best || isNaN32(v) && !isNaN32(best) })
}

type argMaxSkipsNaN mistake

func (b argMaxSkipsNaN) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool { return v > best })
}

type argMaxStartsAtZero mistake

func (b argMaxStartsAtZero) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	argMax(b.sound, dst, x, 0, func(v, best float32) bool { return v > best || isNaN32(v) && !isNaN32(best) })
}

// argMaxOrdersNaN takes the NaN with the most bits.
type argMaxOrdersNaN mistake

func (b argMaxOrdersNaN) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	payload := func(v float32) uint32 { return math.Float32bits(v) & (1<<23 - 1) }
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool {
		return v > best || isNaN32(v) && (!isNaN32(best) || payload(v) > payload(best))
	})
}

type argMaxSkipsNegativeNaN mistake

func (b argMaxSkipsNegativeNaN) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool {
		return v > best || isNaN32(v) && !isNaN32(best) && !math.Signbit(float64(v))
	})
}

// argMaxKnowsOneNaN looks for the NaN that arithmetic yields.
type argMaxKnowsOneNaN mistake

func (b argMaxKnowsOneNaN) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	isIt := func(v float32) bool { return math.Float32bits(v) == nan }
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool { return v > best || isIt(v) && !isIt(best) })
}

// argMaxFlushes compares without subnormal numbers.
type argMaxFlushes mistake

func (b argMaxFlushes) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	x = clone(b.sound, x)
	flush(b.sound, x)
	b.sound.ArgMaxRows(dst, x)
}
