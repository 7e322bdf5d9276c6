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
	input        product // forward, if the layer has one: what z begins with
	steps, batch int
	backward     bool // from the last step to the first, and points before the product
	shard        int  // rows of a part
	stepwise     bool // each step computes its rows of input
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
			if s.stepwise {
				s.input.block(i*s.batch+from, i*s.batch+to, 0, s.input.n, s.input.scratch[worker])
			}
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

// With so many rows in a shard, and weights that the second cache holds, a step computes
// its z as a whole, which then need not come back from memory.
const (
	stepwiseRows    = 16
	stepwiseWeights = 1 << 18
)

// unroll runs a recurrence. cost is the number of multiplications of a step.
func (c *Backend) unroll(s sequence, cost int) {
	workers := len(c.scratch)
	p := s.product()
	if s.batch < shardRows*workers && max(cost, p.work()) >= 2*parallelWork {
		c.multiplyInput(s.input)
		c.unrollSteps(s)
		return
	}
	parts := min(workers, ceilDiv(s.batch, shardRows), ceilDiv(s.steps*cost, parallelWork))
	if parts == 0 {
		return
	}
	s.shard = ceilDiv(s.batch, parts)
	weights := len(s.input.b) + len(p.b)
	s.stepwise = s.input.n > 0 && s.shard >= stepwiseRows && weights <= stepwiseWeights
	if !s.stepwise {
		c.multiplyInput(s.input)
	}
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

// forwardProduct holds z += h·whhᵀ, or z = h·whhᵀ + bias, over all steps.
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

// inputRows is how many rows a block of multiplyInput has, a few of the largest tiles of
// AVX-512.
const inputRows = 56

// newInputProduct returns z = x·wihᵀ + bih + bhh, of all steps. packed is storage of
// packedSize floats for wih, sum for a row of z, if both biases may be there.
func (c *Backend) newInputProduct(z, x, wih, bih, bhh backend.Tensor, packed []float32, sum backend.Tensor) product {
	bias := bih
	switch {
	case bih.Present() && bhh.Present():
		c.Add(sum, bih, bhh)
		bias = sum
	case bhh.Present():
		bias = bhh
	}
	p := c.newProduct(backend.NoTrans, backend.Trans, x.Rows, wih.Rows, wih.Cols)
	p.dst, p.a, p.b = floats(z), floats(x), floats(wih)
	p.setBias(bias)
	if p.m > shardRows {
		c.pack(&p, packed)
	}
	return p
}

// multiplyInput computes z of all steps at once, by blocks of rows that stay in the
// second cache between bias and product.
func (c *Backend) multiplyInput(p product) {
	if !p.packed {
		c.multiply(p)
		return
	}
	if p.m*p.n*p.k >= 2*parallelWork {
		p.blockRows = min(inputRows, p.m)
	}
	c.jobs.product = p
	c.pool.run(&c.jobs.product, ceilDiv(p.m, p.blockRows))
}

// parameterGrads computes the gradients of input, weights and biases from dz, the
// gradient of the pre-activations of all steps. Those of weights and biases overwrite what
// is there, or are added to it. sum is storage for a row of dz.
func (c *Backend) parameterGrads(dz, x, hPrev, wih, dx, dwih, dwhh, dbih, dbhh, sum backend.Tensor, overwrite bool) {
	if dx.Present() {
		c.Gemm(dx, backend.NoTrans, backend.NoTrans, 1, dz, wih, 0)
	}
	c.weightGrads(dz, x, hPrev, dwih, dwhh, beta(overwrite))
	if !dbih.Present() && !dbhh.Present() {
		return
	}
	c.SumRows(sum, dz, 0)
	for _, bias := range [...]backend.Tensor{dbih, dbhh} {
		switch {
		case !bias.Present():
		case overwrite:
			c.Copy(bias, sum)
		default:
			c.Add(bias, bias, sum)
		}
	}
}

// beta returns the factor of a gradient that is there before.
func beta(overwrite bool) float64 {
	if overwrite {
		return 0
	}
	return 1
}

// weightGrads computes the gradients of both weights, dzᵀ·x and dzᵀ·hPrev, plus beta times
// what is there. Together they read dz once, if each worker then has rows enough.
func (c *Backend) weightGrads(dz, x, hPrev, dwih, dwhh backend.Tensor, beta float64) {
	workers := len(c.scratch)
	rows := ceilDiv(dz.Cols, workers)
	if c.blas != nil || workers > 1 && rows < gradRows {
		c.Gemm(dwih, backend.Trans, backend.NoTrans, 1, dz, x, beta)
		c.Gemm(dwhh, backend.Trans, backend.NoTrans, 1, dz, hPrev, beta)
		return
	}
	c.jobs.weightGrads = weightGrads{
		multiplier: c.multiplier, dz: floats(dz), steps: dz.Rows, units: dz.Cols, rows: rows, beta: float32(beta),
		input:  simd.Right{N: x.Cols, B: floats(x), LDB: max(1, x.Cols), C: floats(dwih), LDC: max(1, x.Cols)},
		hidden: simd.Right{N: hPrev.Cols, B: floats(hPrev), LDB: max(1, hPrev.Cols), C: floats(dwhh), LDC: max(1, hPrev.Cols)},
	}
	c.pool.run(&c.jobs.weightGrads, ceilDiv(dz.Cols, max(1, rows)))
}

// gradRows is the fewest rows of weights whose gradients a worker computes. With fewer,
// it would read little of each row of dz.
const gradRows = 64

// weightGrads is weightGrads as a job over blocks of rows of both weights.
type weightGrads struct {
	multiplier
	dz            []float32 // [steps,units]
	steps, units  int
	rows          int // of a block
	beta          float32
	input, hidden simd.Right
}

func (g *weightGrads) part(worker, index int) {
	from := index * g.rows
	rows := min(g.rows, g.units-from)
	input, hidden := g.input, g.hidden
	input.C, hidden.C = input.C[from*input.N:], hidden.C[from*hidden.N:]
	g.kernels.SgemmPair(true, rows, g.steps, 1, g.dz[from:], g.units, g.beta, input, hidden, g.scratch[worker])
}

// copyOrZero sets dst = x, or 0 if x is absent.
func (c *Backend) copyOrZero(dst, x backend.Tensor) {
	if x.Present() {
		c.Copy(dst, x)
	} else {
		c.Fill(dst, 0)
	}
}
