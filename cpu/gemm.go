package cpu

import (
	"gonum.org/v1/gonum/blas"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// product is dst = alpha·op(a)·op(b) + beta·dst in progress, as a job over the
// blocks of dst. op(a) is [m,k], op(b) [k,n].
type product struct {
	transA, transB backend.Transpose
	m, n, k        int
	alpha, beta    float32
	a, b, dst      []float32
	bias           []float32 // unless nil, each row of dst begins with it; beta is 1
	packed         bool      // b is, by pack
	plain          bool      // loops over dot products, for an a·bᵀ that takes less time than the calls of kernels

	multiplier
	blockRows, blockCols int
}

// BLAS returns gonum's BLAS for float32 with the matrix product of the machine's best
// instruction set, on one core: blas32.Use(cpu.BLAS()). Many goroutines may use it at
// once.
func BLAS() blas.Float32 { return simd.NewBLAS(simd.Best()) }

// multiplier computes blocks of products.
type multiplier struct {
	kernels kernels
	blas    blas.Float32Level3 // takes the place of the kernels, unless nil
	scratch [][]float32        // of each worker
}

// kernels compute products: those of a simd.Level in float32, those of simd.Tiles from
// parts of the floats. The methods are described there.
type kernels interface {
	PanelWidth() int
	PackedSize(k, n int) int
	ScratchSize() int
	PackB(dst []float32, trans bool, k, n int, b []float32, ldb, from, to int)
	MultiplyPacked(transA bool, m, n, k int, alpha float32, a []float32, lda int, packed []float32, beta float32, c []float32, ldc, from, to int, scratch []float32)
	Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, scratch []float32)
	SgemmPair(transA bool, m, k int, alpha float32, a []float32, lda int, beta float32, x, y simd.Right, scratch []float32)
}

func newMultiplier(kernels kernels, blas blas.Float32Level3, workers int) multiplier {
	m := multiplier{kernels, blas, make([][]float32, workers)}
	for i := range m.scratch {
		m.scratch[i] = make([]float32, kernels.ScratchSize())
	}
	return m
}

// parallelWork is how many multiplications keep one worker busy for some 10 µs.
const parallelWork = 1 << 19

// newProduct returns the product of these sizes, without its operands, as one block.
func (c *Backend) newProduct(transA, transB backend.Transpose, m, n, k int) product {
	return product{
		transA: transA, transB: transB, m: m, n: n, k: k, alpha: 1,
		multiplier: c.multiplier, blockRows: m, blockCols: n,
	}
}

// setBias sets the bias to a row, or to none if it is absent. What dst holds is then
// overwritten.
func (p *product) setBias(row backend.Tensor) {
	p.bias, p.beta = floats(row), 0
	if row.Present() {
		p.beta = 1
	}
}

// multiply computes p on all workers.
func (c *Backend) multiply(p product) {
	switch {
	case p.m == 0 || p.n == 0:
		return
	case p.alpha == 0 || p.k == 0 && p.bias == nil:
		// BLAS takes no operands without elements.
		scaleBy(p.dst, p.beta)
		return
	}
	p.divide()
	c.jobs.product = p
	c.pool.run(&c.jobs.product, ceilDiv(p.m, p.blockRows)*ceilDiv(p.n, p.blockCols))
}

// work returns what p costs, in multiplications. A bᵀ that is not packed is turned around
// on the way, which takes as long as the multiplications of some rows.
func (p *product) work() int {
	const turning = 4
	rows := p.m
	if p.transB == backend.Trans && !p.packed {
		rows += turning
	}
	return rows * p.n * p.k
}

// divide cuts dst into blocks, one for each worker. Each block reads its rows of op(a)
// and its columns of op(b), and may pack them, so they are about as high as wide. None
// is too small to be handed to a worker.
func (p *product) divide() {
	parts := min(len(p.scratch), p.work()/parallelWork)
	if len(p.scratch) == 1 || parts < 2 {
		return
	}
	width := p.kernels.PanelWidth()
	least := -1
	for across := 1; across <= parts; across++ {
		rows := ceilDiv(p.m, parts/across)
		cols := ceilDiv(ceilDiv(p.n, across), width) * width
		blocks := ceilDiv(p.m, rows) * ceilDiv(p.n, cols)
		read := ceilDiv(p.m, rows)*p.n + ceilDiv(p.n, cols)*p.m
		if blocks > 1 && (least < 0 || read < least) {
			least, p.blockRows, p.blockCols = read, rows, cols
		}
	}
}

func (p *product) part(worker, index int) {
	across := ceilDiv(p.n, p.blockCols)
	i, j := index/across*p.blockRows, index%across*p.blockCols
	p.block(i, min(i+p.blockRows, p.m), j, min(j+p.blockCols, p.n), p.scratch[worker])
}

// block computes rows i to iEnd of columns j to jEnd of dst.
func (p *product) block(i, iEnd, j, jEnd int, scratch []float32) {
	if p.bias != nil {
		for row := i; row < iEnd; row++ {
			copy(p.dst[row*p.n+j:row*p.n+jEnd], p.bias[j:])
		}
	}
	if p.k == 0 {
		for row := i; row < iEnd; row++ {
			scaleBy(p.dst[row*p.n+j:row*p.n+jEnd], p.beta)
		}
		return
	}
	a, lda := p.a[i*p.k:], p.k
	if p.transA {
		a, lda = p.a[i:], p.m
	}
	rows, dst := iEnd-i, p.dst[i*p.n:]
	if p.plain {
		for ; i < iEnd; i++ {
			p.dots(p.dst[i*p.n+j:i*p.n+jEnd], p.a[i*p.k:(i+1)*p.k], p.b[j*p.k:])
		}
		return
	}
	if p.packed {
		p.kernels.MultiplyPacked(bool(p.transA), rows, p.n, p.k, p.alpha, a, lda, p.b, p.beta, dst, p.n, j, jEnd, scratch)
		return
	}
	b, ldb := p.b[j:], p.n
	if p.transB {
		b, ldb = p.b[j*p.k:], p.k
	}
	if p.blas != nil {
		p.blas.Sgemm(blasTranspose(p.transA), blasTranspose(p.transB), rows, jEnd-j, p.k,
			p.alpha, a, lda, b, ldb, p.beta, dst[j:], p.n)
		return
	}
	p.kernels.Sgemm(bool(p.transA), bool(p.transB), rows, jEnd-j, p.k, p.alpha, a, lda, b, ldb, p.beta, dst[j:], p.n, scratch)
}

// dots sets dst[j] = alpha·Σ_i a[i]·b[j,i] + beta·dst[j].
func (p *product) dots(dst, a, b []float32) {
	k := len(a)
	scaleBy(dst, p.beta)
	for ; len(dst) >= 4; dst = dst[4:] {
		// Four sums at a time: one would wait for each addition.
		b0, b1, b2, b3 := b[:k], b[k:][:k], b[2*k:][:k], b[3*k:][:k]
		var sum0, sum1, sum2, sum3 float32
		for i, v := range a {
			sum0 += v * b0[i]
			sum1 += v * b1[i]
			sum2 += v * b2[i]
			sum3 += v * b3[i]
		}
		dst[0] += p.alpha * sum0
		dst[1] += p.alpha * sum1
		dst[2] += p.alpha * sum2
		dst[3] += p.alpha * sum3
		b = b[4*k:]
	}
	for j := range dst {
		var sum float32
		for i, v := range b[j*k:][:k] {
			sum += a[i] * v
		}
		dst[j] += p.alpha * sum
	}
}

func blasTranspose(t backend.Transpose) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// pack packs the operand b of p into storage, of packedSize floats. The product then
// has it in the layout of its kernels, which pays for an operand of many products.
func (c *Backend) pack(p *product, storage []float32) {
	if p.blas != nil || p.k == 0 {
		return
	}
	c.jobs.packing = packing{*p, storage}
	c.forEach(&c.jobs.packing, ceilDiv(p.n, p.kernels.PanelWidth()), rowGrain(cheapGrain, p.kernels.PanelWidth()*p.k))
	p.b, p.packed = storage, true
}

// packedSize returns the size of a packed op(b), [k,n].
func (c *Backend) packedSize(k, n int) int { return c.kernels.PackedSize(k, n) }

// packing is pack as an operation over panels of columns.
type packing struct {
	product
	storage []float32
}

func (p *packing) run(from, to int) {
	ldb := p.n
	if p.transB {
		ldb = p.k
	}
	width := p.kernels.PanelWidth()
	p.kernels.PackB(p.storage, bool(p.transB), p.k, p.n, p.b, ldb, from*width, min(to*width, p.n))
}

// scaleBy sets dst = beta·dst, without reading dst where beta is 0.
func scaleBy(dst []float32, beta float32) {
	if beta == 0 {
		clear(dst)
	} else {
		for i := range dst {
			dst[i] *= beta
		}
	}
}
