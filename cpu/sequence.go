package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// recurrence is a recurrent layer over a sequence, forward or backward. Each step
// is one matrix product and a pointwise part. Rows of the batch don't depend on
// each other.
type recurrence interface {
	// product returns the product of a step, over all rows of the batch, without
	// dst and a.
	product() product

	// operands returns dst and a of step t, or nil if the step has no product.
	operands(t int) (dst, a []float32)

	// points computes the pointwise part of step t for some rows of the batch.
	points(t, from, to int)
}

// sequence is the job that runs a recurrence. Each part takes some rows of the
// batch through all steps, so workers don't wait for each other at each step.
type sequence struct {
	recurrence
	steps, batch int
	backward     bool // from the last step to the first, and points before the product
	shard        int  // rows of a part
}

func (s *sequence) part(worker, index int) {
	from := index * s.shard
	to := min(from+s.shard, s.batch)
	p := s.product()
	multiply := func(t int) {
		if p.dst, p.a = s.operands(t); p.dst != nil {
			p.block(from, to, 0, p.n, p.scratch[worker])
		}
	}
	for i := range s.steps {
		if s.backward {
			t := s.steps - 1 - i
			s.points(t, from, to)
			multiply(t)
		} else {
			multiply(i)
			s.points(i, from, to)
		}
	}
}

// step is the pointwise part of one step of a recurrence.
type step struct {
	recurrence
	t int
}

func (s *step) run(from, to int) { s.points(s.t, from, to) }

// shardRows is the fewest rows in a shard. Each shard reads all recurrent weights.
const shardRows = 4

// unroll runs a recurrence. cost is the number of multiplications of a step.
func (c *Backend) unroll(s sequence, cost int) {
	workers := len(c.scratch)
	if s.batch < shardRows*workers && cost >= 2*parallelWork {
		c.unrollSteps(s)
		return
	}
	parts := min(workers, ceilDiv(s.batch, shardRows), ceilDiv(s.steps*cost, parallelWork))
	if parts == 0 {
		return
	}
	s.shard = ceilDiv(s.batch, parts)
	c.jobs.sequence = s
	c.pool.run(&c.jobs.sequence, ceilDiv(s.batch, s.shard))
}

// unrollSteps runs a recurrence with few rows: all workers share each step.
func (c *Backend) unrollSteps(s sequence) {
	points := func(t int) {
		c.jobs.step = step{s.recurrence, t}
		c.forEach(&c.jobs.step, s.batch, 1)
	}
	p := s.product()
	multiply := func(t int) {
		if p.dst, p.a = s.operands(t); p.dst != nil {
			c.multiply(p)
		}
	}
	for i := range s.steps {
		if s.backward {
			t := s.steps - 1 - i
			points(t)
			multiply(t)
		} else {
			multiply(i)
			points(i)
		}
	}
}

// forwardProduct holds z += h·whhᵀ over all steps.
type forwardProduct struct{ all product }

// newForwardProduct returns the product of a layer. packed is storage of recurrentSize
// floats, which the product uses from then on.
func (c *Backend) newForwardProduct(z, h, whh backend.Tensor, batch int, packed []float32) forwardProduct {
	p := c.newProduct(backend.NoTrans, backend.Trans, batch, whh.Rows, whh.Cols)
	p.dst, p.a, p.b, p.beta = floats(z), floats(h), floats(whh), 1
	if z.Rows > shardRows { // else the weights are read once, or a few times
		c.pack(&p, packed)
	}
	return forwardProduct{p}
}

func (f *forwardProduct) product() product { return f.all }

func (f *forwardProduct) operands(t int) (dst, a []float32) {
	p := &f.all
	return stepOf(p.dst, t, p.m*p.n), stepOf(p.a, t, p.m*p.k)
}

// backwardProduct holds dh = dz·whh, plus beta·dh. dz has all steps.
type backwardProduct struct {
	all     product
	initial bool // the gradient of the initial h is wanted
}

// newBackwardProduct returns the product of a layer. packed is as in
// newForwardProduct.
func (c *Backend) newBackwardProduct(dh, dz, whh backend.Tensor, batch int, beta float32, packed []float32, initial bool) backwardProduct {
	p := c.newProduct(backend.NoTrans, backend.NoTrans, batch, whh.Cols, whh.Rows)
	p.dst, p.a, p.b, p.beta = floats(dh), floats(dz), floats(whh), beta
	c.pack(&p, packed)
	return backwardProduct{p, initial}
}

func (b *backwardProduct) product() product { return b.all }

func (b *backwardProduct) operands(t int) (dst, a []float32) {
	p := &b.all
	if t == 0 && !b.initial {
		return nil, nil
	}
	return p.dst, stepOf(p.a, t, p.m*p.k)
}

// recurrentSize returns the size of the packed recurrent weights, [gates·hidden,
// hidden], of either pass.
func (c *Backend) recurrentSize(gates, hidden int) int {
	return max(c.packedSize(hidden, gates*hidden), c.packedSize(gates*hidden, hidden))
}

// stepOf returns step t of x. A step has size elements.
func stepOf(x []float32, t, size int) []float32 { return x[t*size : (t+1)*size] }

// inputProduct is z = x·wihᵀ + bias of all steps, as a job over blocks of rows. They
// are small enough for z to stay in the second cache between bias and product.
type inputProduct struct {
	product
	bias []float32 // nil for none
}

// inputRows is how many rows a block has, a few of the largest tiles of AVX-512.
const inputRows = 56

func (p *inputProduct) part(worker, index int) {
	from := index * p.blockRows
	to := min(from+p.blockRows, p.m)
	if p.bias != nil {
		for row := from; row < to; row++ {
			copy(p.dst[row*p.n:], p.bias)
		}
	}
	p.block(from, to, 0, p.n, p.scratch[worker])
}

// inputProduct computes z = x·wihᵀ + bih + bhh for all steps. packed is storage of
// packedSize floats for wih, sum for a row of z, if both biases may be there.
func (c *Backend) inputProduct(z, x, wih, bih, bhh backend.Tensor, packed []float32, sum backend.Tensor) {
	bias := bih
	switch {
	case bih.Present() && bhh.Present():
		c.Add(sum, bih, bhh)
		bias = sum
	case bhh.Present():
		bias = bhh
	}
	p := inputProduct{product: c.newProduct(backend.NoTrans, backend.Trans, x.Rows, wih.Rows, wih.Cols)}
	p.dst, p.a, p.b = floats(z), floats(x), floats(wih)
	if bias.Present() {
		p.bias, p.beta = floats(bias), 1
	}
	switch {
	case p.m == 0 || p.n == 0:
		return
	case p.k == 0:
		c.fillRows(z, bias)
		return
	}
	if p.m > shardRows {
		c.pack(&p.product, packed)
	}
	if p.m*p.n*p.k >= 2*parallelWork {
		p.blockRows = min(inputRows, p.m)
	}
	c.jobs.inputProduct = p
	c.pool.run(&c.jobs.inputProduct, ceilDiv(p.m, p.blockRows))
}

// fillRows sets each row of dst to row, or to 0 if row is absent.
func (c *Backend) fillRows(dst, row backend.Tensor) {
	if row.Present() {
		c.applyRows(second, cheapGrain, dst, dst, row)
	} else {
		c.Fill(dst, 0)
	}
}

// second sets dst = y.
func second(_ *simd.Vector, dst, _, y []float32, _ float32) { copy(dst, y) }

// parameterGrads computes the gradients of input, weights and biases from dz, the
// gradient of the pre-activations of all steps. sum is storage for a row of dz.
func (c *Backend) parameterGrads(dz, x, hPrev, wih, dx, dwih, dwhh, dbih, dbhh, sum backend.Tensor) {
	if dx.Present() {
		c.Gemm(dx, backend.NoTrans, backend.NoTrans, 1, dz, wih, 0)
	}
	c.Gemm(dwih, backend.Trans, backend.NoTrans, 1, dz, x, 1)
	c.Gemm(dwhh, backend.Trans, backend.NoTrans, 1, dz, hPrev, 1)
	if !dbih.Present() && !dbhh.Present() {
		return
	}
	c.SumRows(sum, dz, 0)
	if dbih.Present() {
		c.Add(dbih, dbih, sum)
	}
	if dbhh.Present() {
		c.Add(dbhh, dbhh, sum)
	}
}

// copyOrZero sets dst = x, or 0 if x is absent.
func (c *Backend) copyOrZero(dst, x backend.Tensor) {
	if x.Present() {
		c.Copy(dst, x)
	} else {
		c.Fill(dst, 0)
	}
}
