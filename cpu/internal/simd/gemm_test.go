package simd

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

var exhaustive = flag.Bool("exhaustive", false, "multiply matrices of all sizes up to 70")

// gemmCase is a product and how it lies in memory.
type gemmCase struct {
	level          Level
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	lda, ldb, ldc  int
}

func (p gemmCase) String() string {
	return fmt.Sprintf("%v transA %t transB %t m %d n %d k %d alpha %g beta %g lda %d ldb %d ldc %d",
		p.level, p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.beta, p.lda, p.ldb, p.ldc)
}

// define sets c as the comment in gemm.go defines it, in scalars.
func (p gemmCase) define(a, b, c []float32) {
	add := fma32
	if p.level == Generic {
		add = mulAdd
	}
	ofA, ofB := p.elements()
	for i := range p.m {
		for j := range p.n {
			dst, scale := &c[i*p.ldc+j], p.beta
			if p.k == 0 || p.alpha == 0 {
				*dst = blend(p.level, 0, 0, scale, *dst)
				continue
			}
			step := chunk(p.k)
			for from := 0; from < p.k; from += step {
				var sum float32
				for at := from; at < min(from+step, p.k); at++ {
					sum = add(a[ofA.at(i, at)], b[ofB.at(at, j)], sum)
				}
				*dst = blend(p.level, p.alpha, sum, scale, *dst)
				scale = 1
			}
		}
	}
}

// operands returns random operands whose rows lie in NaN.
func (p gemmCase) operands(random *rand.Rand) (a, b, c []float32) {
	operand := func(trans bool, rows, cols, ld int) []float32 {
		if trans {
			rows, cols = cols, rows
		}
		s := repeated(rows*ld, nan)
		for i := range rows {
			copy(s[i*ld:], randomFloats(random, cols))
		}
		return s
	}
	return operand(p.transA, p.m, p.k, p.lda), operand(p.transB, p.k, p.n, p.ldb), operand(false, p.m, p.n, p.ldc)
}

// elements returns where those of op(a) and op(b) lie.
func (p gemmCase) elements() (ofA, ofB strides) {
	ofA, ofB = strides{p.lda, 1}, strides{p.ldb, 1}
	if p.transA {
		ofA = strides{1, p.lda}
	}
	if p.transB {
		ofB = strides{1, p.ldb}
	}
	return ofA, ofB
}

type strides [2]int

func (s strides) at(i, j int) int { return i*s[0] + j*s[1] }

// blend returns alpha·sum + beta·c.
func blend(level Level, alpha, sum, beta, c float32) float32 {
	switch {
	case beta == 0 && alpha == 0:
		return 0
	case beta == 0:
		return alpha * sum
	case alpha == 0:
		return beta * c
	case level == Generic:
		return mulAdd(beta, c, alpha*sum)
	}
	return fma32(alpha, sum, beta*c)
}

func mulAdd(a, b, c float32) float32 { return c + float32(a*b) }

func TestFMA32RoundsOnce(t *testing.T) {
	for _, test := range []struct{ a, b, c, want float32 }{
		{0x1p-12, 0x1p-12, 1, 1}, // a tie, to even
		{0x1p-12 + 0x1p-35, 0x1p-12, 1, 1 + 0x1p-23},
		{0x1p-12, 0x1p-12, 1 + 0x1p-23, 1 + 0x1p-22},
		{0x1p-12 - 0x1p-36, 0x1p-12, 1 + 0x1p-23, 1 + 0x1p-23},
		{0x1p-12 + 0x1p-35, 0x1p-40, 0x1p-28, 0x1p-28 + 0x1p-51}, // a tie but for 2^-75
	} {
		if got := fma32(test.a, test.b, test.c); got != test.want {
			t.Errorf("fma32(%x, %x, %x) = %x, want %x", test.a, test.b, test.c, got, test.want)
		}
	}
}

// multiplications are the ways to compute a product. Each sets c.
var multiplications = []struct {
	name string
	do   func(p gemmCase, a, b, c, scratch []float32)
}{
	{"Sgemm", func(p gemmCase, a, b, c, scratch []float32) {
		p.level.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc, scratch)
	}},
	{"MultiplyPacked", func(p gemmCase, a, b, c, scratch []float32) {
		size := p.level.PackedSize(p.k, p.n)
		packed, scratch := scratch[:size], scratch[size:]
		p.level.PackB(packed, p.transB, p.k, p.n, b, p.ldb, 0, p.n)
		p.level.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, a, p.lda, packed, p.beta, c, p.ldc, 0, p.n, scratch)
	}},
	{"MultiplyPacked in parts", func(p gemmCase, a, b, c, scratch []float32) {
		size, middle := p.level.PackedSize(p.k, p.n), p.n/2/p.level.PanelWidth()*p.level.PanelWidth()
		packed, scratch := scratch[:size], scratch[size:]
		p.level.PackB(packed, p.transB, p.k, p.n, b, p.ldb, middle, p.n)
		p.level.PackB(packed, p.transB, p.k, p.n, b, p.ldb, 0, middle)
		for i := range p.m { // row by row
			row := a[min(i, len(a)):]
			if !p.transA {
				row = a[i*p.lda:]
			}
			p.level.MultiplyPacked(p.transA, 1, p.n, p.k, p.alpha, row, max(p.lda, 1), packed, p.beta, c[i*p.ldc:], p.ldc, middle, p.n, scratch)
			p.level.MultiplyPacked(p.transA, 1, p.n, p.k, p.alpha, row, max(p.lda, 1), packed, p.beta, c[i*p.ldc:], p.ldc, 0, middle, scratch)
		}
	}},
	{"SgemmPair", func(p gemmCase, a, b, c, scratch []float32) {
		if p.transB { // which no pair is
			p.level.Sgemm(p.transA, true, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc, scratch)
			return
		}
		middle := p.n / 3
		left, right := Right{middle, b, c, p.ldb, p.ldc}, Right{p.n - middle, nil, nil, p.ldb, p.ldc}
		if p.k > 0 {
			right.B = b[middle:]
		}
		if p.m > 0 {
			right.C = c[middle:]
		}
		p.level.SgemmPair(p.transA, p.m, p.k, p.alpha, a, p.lda, p.beta, left, right, scratch)
	}},
}

// same reports whether two floats have the same bits, or are both NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func randomFloats(random *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(random.NormFloat64())
	}
	return s
}

func repeated(n int, v float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}

var nan = float32(math.NaN())

// All products with one k are corners of the largest one. Rows are longer than
// they need be, and what lies beyond a corner must neither count nor change.
func TestProductsOfAllSizes(t *testing.T) {
	const most, ld = 70, 73
	sizes := []int{1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 17, 28, 31, 32, 33, 48, 64, 65, 70}
	depths := []int{1, 2, 3, 4, 5, 7, 8, 15, 16, 18, 33, 69}
	if testing.Short() { // under the race detector
		depths = []int{3, 33}
	}
	if *exhaustive {
		sizes = nil
		for size := range most {
			sizes = append(sizes, size+1)
		}
		depths = sizes
	}
	random := rand.New(rand.NewPCG(1, 1))
	a, b, start := randomFloats(random, most*ld), randomFloats(random, most*ld), randomFloats(random, most*ld)
	aT, bT := make([]float32, most*ld), make([]float32, most*ld)
	for i := range most {
		for j := range most {
			aT[j*ld+i], bT[j*ld+i] = a[i*ld+j], b[i*ld+j]
		}
	}
	for _, level := range Levels() {
		scratch := make([]float32, level.ScratchSize()+level.PackedSize(most, most))
		c := make([]float32, most*ld)
		for _, k := range depths {
			full := gemmCase{level, false, false, most, most, k, 1.25, -0.5, ld, ld, ld}
			blended := slices.Clone(start)
			full.define(a, b, blended)
			full.alpha, full.beta = 1, 0
			fresh := make([]float32, most*ld)
			full.define(a, b, fresh)
			for at, m := range sizes {
				for _, n := range sizes {
					p := full
					p.m, p.n = m, n
					want, before := fresh, repeated(most*ld, nan)
					if (at+n)%2 == 0 {
						p.alpha, p.beta, want, before = 1.25, -0.5, blended, start
					}
					for trans := range 4 {
						p.transA, p.transB = trans&1 != 0, trans&2 != 0
						ofA, ofB := a, b
						if p.transA {
							ofA = aT
						}
						if p.transB {
							ofB = bT
						}
						multiplication := multiplications[(m+n+trans)%2]
						copy(c, before)
						multiplication.do(p, ofA, ofB, c, scratch)
						if at, ok := corner(c, want, before, m, n, ld); !ok {
							t.Fatalf("%s %v: c[%d,%d] is %g, want %g", multiplication.name, p, at/ld, at%ld, c[at], want[at])
						}
					}
				}
			}
		}
	}
}

// corner reports whether c is as wanted in its first m rows and n columns and
// as before elsewhere, or where it isn't.
func corner(c, want, before []float32, m, n, ld int) (at int, ok bool) {
	for at := range c {
		expected := before
		if at/ld < m && at%ld < n {
			expected = want
		}
		if !same(c[at], expected[at]) {
			return at, false
		}
	}
	return 0, true
}

// run computes p in all ways, from random operands whose rows lie in NaN, and
// compares with the definition.
func (p gemmCase) run(t *testing.T, random *rand.Rand) {
	t.Helper()
	a, b, before := p.operands(random)
	want := slices.Clone(before)
	p.define(a, b, want)
	scratch := make([]float32, p.level.ScratchSize()+p.level.PackedSize(p.k, p.n))
	for _, multiplication := range multiplications {
		c := slices.Clone(before)
		multiplication.do(p, a, b, c, scratch)
		for at := range c {
			if !same(c[at], want[at]) {
				t.Fatalf("%s %v: c[%d,%d] is %g, want %g", multiplication.name, p, at/p.ldc, at%p.ldc, c[at], want[at])
			}
		}
	}
}

// newCase returns a product whose rows are extra floats longer than they need be.
func newCase(level Level, trans, m, n, k, extra int) gemmCase {
	p := gemmCase{level, trans&1 != 0, trans&2 != 0, m, n, k, 1, 1, max(k, 1) + extra, max(n, 1) + extra, max(n, 1) + extra}
	if p.transA {
		p.lda = max(m, 1) + extra
	}
	if p.transB {
		p.ldb = max(k, 1) + extra
	}
	return p
}

func TestProductsOfManyChunksAndBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, level := range Levels() {
		for i, size := range [][3]int{
			{1, 200, 257}, {3, 97, 256}, {5, 130, 300}, {14, 64, 515}, {15, 65, 769},
			{217, 9, 33}, {505, 33, 30}, {1009, 17, 5}, {64, 260, 259},
		} {
			for trans := range 4 {
				p := newCase(level, trans, size[0], size[1], size[2], i%3)
				p.alpha, p.beta = 0.75, float32(i%4)-1
				p.run(t, random)
			}
		}
	}
}

func TestBlocksThatFillTheirScratch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	for _, level := range Levels() {
		kernels := kernelsOf[level]
		for _, trans := range []int{0, 1} {
			p := newCase(level, trans, blockTiles*kernels.rows, kernels.width+1, chunkDepth, 0)
			p.run(t, random)
		}
	}
}

func TestProductsWithoutElements(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	for _, level := range Levels() {
		for _, size := range [][3]int{{0, 5, 5}, {5, 0, 5}, {5, 5, 0}, {0, 0, 0}} {
			for trans := range 4 {
				p := newCase(level, trans, size[0], size[1], size[2], 1)
				for _, p.beta = range []float32{0, 1, -2} {
					p.run(t, random)
				}
			}
		}
	}
}

func TestAlphaZeroDoesNotReadAAndB(t *testing.T) {
	for _, level := range Levels() {
		p := newCase(level, 0, 9, 40, 20, 0)
		a, b := repeated(p.m*p.k, nan), repeated(p.k*p.n, nan)
		for _, beta := range []float32{0, 0.5} {
			p.alpha, p.beta = 0, beta
			for _, multiplication := range multiplications {
				c := repeated(p.m*p.n, 3)
				multiplication.do(p, a, b, c, make([]float32, level.ScratchSize()+level.PackedSize(p.k, p.n)))
				if slices.ContainsFunc(c, func(v float32) bool { return v != 3*beta }) {
					t.Errorf("%s %v: got %g", multiplication.name, p, c)
				}
			}
		}
	}
}

// NaN, infinities, zeros of both signs and subnormals go where IEEE sends them.
func TestProductsOfSpecialValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 4))
	values := []float32{0, float32(math.Copysign(0, -1)), 1, -1, nan, float32(math.Inf(1)), float32(math.Inf(-1)),
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-127, 0x1.fffffcp-127, 0x1p-126, -0x1p-75, 0x1p-74,
		math.MaxFloat32, -math.MaxFloat32}
	pick := func(n, from int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = values[from:][random.IntN(len(values)-from)]
			if random.IntN(2) == 0 {
				s[i] = float32(random.NormFloat64() * 0x1p-70)
			}
		}
		return s
	}
	for _, level := range Levels() {
		scratch := make([]float32, level.ScratchSize()+1<<14)
		for at := range 250 {
			rows := 1 + random.IntN(20)
			if at%5 == 0 {
				rows = 1
			}
			p := newCase(level, random.IntN(4), rows, 1+random.IntN(70), 1+random.IntN(7), 0)
			p.alpha = []float32{1, -1, 0.5, float32(math.Inf(1)), nan}[random.IntN(5)]
			p.beta = []float32{0, float32(math.Copysign(0, -1)), 1, -1, nan, 0x1p-30}[random.IntN(6)]
			from := 7 * random.IntN(2) // without the infinite ones, half of the time
			a, b, before := pick(p.m*p.k, from), pick(p.k*p.n, from), pick(p.m*p.n, 0)
			want := slices.Clone(before)
			p.define(a, b, want)
			for _, multiplication := range multiplications {
				c := slices.Clone(before)
				multiplication.do(p, a, b, c, scratch)
				for at := range c {
					if !same(c[at], want[at]) {
						t.Fatalf("%s %v: c[%d,%d] is %g, want %g", multiplication.name, p, at/p.ldc, at%p.ldc, c[at], want[at])
					}
				}
			}
		}
	}
}

// The definition that the other tests compare with is a matrix product.
func TestProductsAreWithinTheBoundOfFloat32(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	const m, n, k = 20, 50, 1200
	a, b := randomFloats(random, m*k), randomFloats(random, k*n)
	for _, level := range Levels() {
		c := make([]float32, m*n)
		level.Sgemm(false, false, m, n, k, 1, a, k, b, n, 0, c, n, make([]float32, level.ScratchSize()))
		for i := range m {
			for j := range n {
				var want, sum float64
				for p := range k {
					term := float64(a[i*k+p]) * float64(b[p*n+j])
					want += term
					sum += math.Abs(term)
				}
				if bound := (k + 2) * 0x1p-24 * sum; math.Abs(float64(c[i*n+j])-want) > bound {
					t.Fatalf("%v: c[%d,%d] is %g, want %g within %g", level, i, j, c[i*n+j], want, bound)
				}
			}
		}
	}
}

func TestProductsDoNotAllocate(t *testing.T) {
	for _, level := range Levels() {
		p := newCase(level, 2, 33, 70, 300, 0)
		a, b, c := make([]float32, p.m*p.k), make([]float32, p.k*p.n), make([]float32, p.m*p.n)
		scratch := make([]float32, level.ScratchSize()+level.PackedSize(p.k, p.n))
		for _, multiplication := range multiplications {
			if n := testing.AllocsPerRun(5, func() { multiplication.do(p, a, b, c, scratch) }); n != 0 {
				t.Errorf("%s %v allocates %g times", multiplication.name, p, n)
			}
		}
		blas32 := NewBLAS(level)
		if n := testing.AllocsPerRun(5, func() {
			blas32.Sgemm(blas.NoTrans, blas.Trans, p.m, p.n, p.k, 1, a, p.lda, b, p.ldb, 1, c, p.ldc)
		}); n != 0 {
			t.Errorf("Sgemm of BLAS, %v, allocates %g times", level, n)
		}
	}
}

func TestBLASIsGonums(t *testing.T) {
	var _ blas.Float32Level3 = (*BLAS)(nil)
	random := rand.New(rand.NewPCG(1, 6))
	const m, n, k = 7, 35, 11
	a, b, start := randomFloats(random, m*k), randomFloats(random, k*n), randomFloats(random, m*n)
	transposes := []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	for _, level := range Levels() {
		for _, transA := range transposes {
			for _, transB := range transposes {
				p := newCase(level, 0, m, n, k, 0)
				if transA != blas.NoTrans {
					p.lda = m
				}
				if transB != blas.NoTrans {
					p.ldb = k
				}
				got, want := slices.Clone(start), slices.Clone(start)
				NewBLAS(level).Sgemm(transA, transB, m, n, k, 2, a, p.lda, b, p.ldb, -1, got, n)
				gonum.Implementation{}.Sgemm(transA, transB, m, n, k, 2, a, p.lda, b, p.ldb, -1, want, n)
				for i := range got {
					if math.Abs(float64(got[i]-want[i])) > 1e-4 {
						t.Fatalf("%v %c %c: c[%d,%d] is %g, want %g", level, transA, transB, i/n, i%n, got[i], want[i])
					}
				}
			}
		}
	}
}

func TestBLASServesManyGoroutines(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 8))
	p := newCase(Best(), 2, 30, 50, 40, 0)
	a, b := randomFloats(random, p.m*p.k), randomFloats(random, p.k*p.n)
	want := make([]float32, p.m*p.n)
	p.define(a, b, want)
	blas32 := NewBLAS(p.level)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				c := make([]float32, p.m*p.n)
				blas32.Sgemm(blas.NoTrans, blas.Trans, p.m, p.n, p.k, 1, a, p.lda, b, p.ldb, 1, c, p.ldc)
				if !slices.Equal(c, want) {
					t.Error("a product is wrong where others are computed at the same time")
				}
			}
		})
	}
	group.Wait()
}

func TestMisuseOfProductsPanics(t *testing.T) {
	x := make([]float32, 100)
	for _, level := range Levels() {
		scratch := make([]float32, level.ScratchSize())
		for want, do := range map[string]func(){
			"a has 100 floats, want 101":          func() { level.Sgemm(false, false, 2, 5, 5, 1, x, 96, x, 5, 0, x, 5, scratch) },
			"b has 100 floats, want 101":          func() { level.Sgemm(false, true, 2, 2, 5, 1, x, 5, x, 96, 0, x, 5, scratch) },
			"c has 100 floats, want 101":          func() { level.Sgemm(true, false, 2, 5, 5, 1, x, 5, x, 5, 0, x, 96, scratch) },
			"rows of a begin every 4 floats":      func() { level.Sgemm(true, false, 5, 5, 5, 1, x, 4, x, 5, 0, x, 5, scratch) },
			"rows of b begin every 4 floats":      func() { level.Sgemm(false, false, 5, 5, 5, 1, x, 5, x, 4, 0, x, 5, scratch) },
			"rows of c begin every 4 floats":      func() { level.Sgemm(false, false, 5, 5, 5, 1, x, 5, x, 5, 0, x, 4, scratch) },
			"a is [-1,5]":                         func() { level.Sgemm(false, false, -1, 5, 5, 1, x, 5, x, 5, 0, x, 5, scratch) },
			"scratch has 1 floats":                func() { level.Sgemm(false, false, 1, 5, 5, 1, x, 5, x, 5, 0, x, 5, scratch[:1]) },
			"packed b has 1 floats":               func() { level.MultiplyPacked(false, 1, 5, 5, 1, x, 5, x[:1], 0, x, 5, 0, 5, scratch) },
			"dst has 1 floats":                    func() { level.PackB(x[:1], false, 5, 5, x, 5, 0, 5) },
			"columns 1 to 5 of 5, want multiples": func() { level.PackB(scratch, false, 5, 5, x, 5, 1, 5) },
			"columns 0 to 6 of 5, want multiples": func() { level.MultiplyPacked(false, 1, 5, 5, 1, x, 5, scratch, 0, x, 5, 0, 6, scratch) },
			"no such transpose":                   func() { NewBLAS(level).Sgemm('X', blas.NoTrans, 1, 1, 1, 1, x, 1, x, 1, 0, x, 1) },
		} {
			func() {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
						t.Errorf("%v: got the panic %q, want %q", level, got, want)
					}
				}()
				do()
			}()
		}
	}
}
