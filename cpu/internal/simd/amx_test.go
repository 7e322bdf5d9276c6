package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

var bfloat16Maths = []Math{BF16x6, BF16x3, BF16}

// tilesOf returns the tiles to test: the oracle and, where there is one, the unit of the
// machine.
func tilesOf(math Math) []*Tiles {
	all := []*Tiles{NewOracle(Best(), math)}
	if tiles, err := NewTiles(Best(), math); err == nil {
		all = append(all, tiles)
	}
	return all
}

// tileCase is a product on a tile unit.
type tileCase struct {
	gemmCase
	*Tiles
}

func newTileCase(t *Tiles, trans, m, n, k, extra int) tileCase {
	return tileCase{newCase(t.level, trans, m, n, k, extra), t}
}

func (p tileCase) String() string {
	unit := "AMX"
	if p.unit == &oracleUnit {
		unit = "oracle"
	}
	return fmt.Sprintf("%s, %d parts, %v", unit, p.parts, p.gemmCase)
}

// tileMultiplications are the ways to compute a product.
var tileMultiplications = []func(p tileCase, a, b, c, scratch []float32){
	func(p tileCase, a, b, c, scratch []float32) {
		p.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc, scratch)
	},
	func(p tileCase, a, b, c, scratch []float32) {
		packed, scratch := cut(scratch, p.PackedSize(p.k, p.n))
		middle := p.n / 2 / tileSide * tileSide
		p.PackB(packed, p.transB, p.k, p.n, b, p.ldb, middle, p.n)
		p.PackB(packed, p.transB, p.k, p.n, b, p.ldb, 0, middle)
		p.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, a, p.lda, packed, p.beta, c, p.ldc, middle, p.n, scratch)
		p.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, a, p.lda, packed, p.beta, c, p.ldc, 0, middle, scratch)
	},
}

// scratch returns what both ways need. It holds NaN, which must not count.
func (p tileCase) scratch() []float32 { return repeated(p.ScratchSize()+p.PackedSize(p.k, p.n), nan) }

// compute returns the product of a and b, computed in the given way, added to a copy
// of c.
func (p tileCase) compute(way int, a, b, c []float32) []float32 {
	c = slices.Clone(c)
	tileMultiplications[way](p, a, b, c, p.scratch())
	return c
}

// check compares the bits of got with those of want.
func (p tileCase) check(t *testing.T, got, want []float32) {
	t.Helper()
	for at := range got {
		if !same(got[at], want[at]) {
			t.Fatalf("%v: c[%d,%d] is %x, want %x", p, at/p.ldc, at%p.ldc, got[at], want[at])
		}
	}
}

// All products with one k are corners of the largest one, which the oracle computes.
// What lies beyond a corner must neither count nor change.
func TestTilesOfAllSizes(t *testing.T) {
	const most, ld = 70, 73
	sizes := []int{1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70}
	depths := []int{1, 2, 15, 16, 17, 31, 32, 33, 64, 70}
	if *exhaustive {
		sizes = nil
		for size := range most {
			sizes = append(sizes, size+1)
		}
		depths = sizes
	}
	random := rand.New(rand.NewPCG(2, 1))
	a, b, start := randomFloats(random, most*ld), randomFloats(random, most*ld), randomFloats(random, most*ld)
	aT, bT := make([]float32, most*ld), make([]float32, most*ld)
	for i := range most {
		for j := range most {
			aT[j*ld+i], bT[j*ld+i] = a[i*ld+j], b[i*ld+j]
		}
	}
	for _, math := range bfloat16Maths {
		tiles := tilesOf(math)
		last := tiles[len(tiles)-1]
		for _, k := range depths {
			p := tileCase{gemmCase{Best(), false, false, most, most, k, 1.25, -0.5, ld, ld, ld}, tiles[0]}
			blended := p.compute(0, a, b, start)
			p.alpha, p.beta = 1, 0
			fresh := p.compute(0, a, b, start)
			p.Tiles = last
			c, scratch := make([]float32, most*ld), p.scratch()
			for at, m := range sizes {
				for _, n := range sizes {
					if last.unit == &oracleUnit && (at+n+k)%16 != 0 {
						continue
					}
					p.m, p.n, p.alpha, p.beta = m, n, 1, 0
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
						copy(c, before)
						tileMultiplications[(m+n+trans)%2](p, ofA, ofB, c, scratch)
						if at, ok := corner(c, want, before, m, n, ld); !ok {
							t.Fatalf("%v: c[%d,%d] is %g, want %g", p, at/ld, at%ld, c[at], want[at])
						}
					}
				}
			}
		}
	}
}

func TestTilesOfManyChunksAndBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for _, math := range bfloat16Maths {
		for i, size := range [][3]int{{3, 97, 256}, {33, 40, 257}, {5, 130, 300}, {40, 33, 515}, {289, 33, 5}, {530, 3, 33}, {64, 300, 3}, {260, 530, 2}} {
			for trans := range 4 {
				oracle := newTileCase(NewOracle(Best(), math), trans, size[0], size[1], size[2], i%3)
				oracle.alpha, oracle.beta = 0.75, float32(i%4)-1
				a, b, c := oracle.operands(random)
				want := oracle.compute(0, a, b, c)
				for _, tiles := range tilesOf(math) {
					p := oracle
					p.Tiles = tiles
					p.check(t, p.compute(1, a, b, c), want)
					if tiles.unit != &oracleUnit {
						p.check(t, p.compute(0, a, b, c), want)
					}
				}
			}
		}
	}
}

// Words of any bits but those of Inf and NaN, many of them with products near the
// smallest normal number: there the unit takes what is subnormal for 0.
func TestUnitIsItsOracle(t *testing.T) {
	unit, err := amx()
	if err != nil {
		t.Skip(err)
	}
	random := rand.New(rand.NewPCG(2, 3))
	for trial := range 200 {
		rows, blocks := 1+random.IntN(32), 1+random.IntN(3)
		parts := 1 + random.IntN(3)
		operand := func(least, most int) []float32 {
			half := func() uint32 {
				return uint32(least+random.IntN(most-least))<<7 | random.Uint32()&0x807f
			}
			words := make([]float32, blocks*parts*tileFloats)
			for i := range words {
				words[i] = math.Float32frombits(half()<<16 | half())
			}
			return words
		}
		a, b := operand(110, 130), operand(110, 130)
		switch trial % 3 {
		case 1: // products from 2⁻¹⁴⁷ to 2⁻¹¹⁷
			a, b = operand(60, 75), operand(47, 62)
		case 2: // subnormal ones among them
			a, b = operand(0, 10), operand(120, 130)
		}
		got, want := repeated(sumsFloats, nan), repeated(sumsFloats, nan)
		unit.multiply(parts, rows, blocks, 1, 1, a, b, 0, got)
		oracleUnit.multiply(parts, rows, blocks, 1, 1, a, b, 0, want)
		for at := range got {
			if !same(got[at], want[at]) {
				t.Fatalf("trial %d, %d rows, %d blocks, %d parts: sum %d,%d is %x, want %x", trial, rows, blocks, parts, at/tileSide, at%tileSide, got[at], want[at])
			}
		}
	}
}

// productErrors are the largest errors of a product by the math, in units of its
// magnitude.
var productErrors = map[Math]float64{BF16x6: 0x1p-24, BF16x3: 0x1p-15 + 0x1p-23, BF16: 0x1p-7 + 0x1p-16}

func TestTilesAreWithinTheirBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 4))
	for _, maths := range bfloat16Maths {
		for _, tiles := range tilesOf(maths) {
			worst := 0.0
			for _, k := range []int{1, 2, 3, 5, 8, 16, 17, 32, 33, 100, 700} {
				for kind, draw := range []func() float64{
					random.NormFloat64,
					func() float64 { return math.Abs(random.NormFloat64()) },
					func() float64 { return random.NormFloat64() * math.Ldexp(1, random.IntN(60)-30) },
					func() float64 { return 1 + float64(random.IntN(3)) + 0x1p-8 - 0x1p-16 - 0x1p-23 }, // large parts
				} {
					const m, n = 9, 35
					p := newTileCase(tiles, random.IntN(4), m, n, k, 0)
					p.beta = 0
					a, b := make([]float32, m*k), make([]float32, k*n)
					for _, x := range [][]float32{a, b} {
						for i := range x {
							x[i] = float32(draw())
						}
					}
					c := p.compute(0, a, b, make([]float32, m*n))
					ofA, ofB := p.elements()
					for i := range m {
						for j := range n {
							var want, sum float64
							for at := range k {
								term := float64(a[ofA.at(i, at)]) * float64(b[ofB.at(at, j)])
								want += term
								sum += math.Abs(term)
							}
							bound := (float64(k) + 2) * 0x1p-24 * sum // that of float32
							if maths != BF16x6 {
								bound += productErrors[maths] * sum
							}
							off := math.Abs(float64(c[i*n+j]) - want)
							worst = max(worst, off/bound)
							if !(off <= bound) {
								t.Fatalf("%v, numbers of kind %d: c[%d,%d] is %g, want %g within %g", p, kind, i, j, c[i*n+j], want, bound)
							}
						}
					}
				}
			}
			t.Logf("%v: the largest error is %.2g of the bound", maths, worst)
		}
	}
}

// Rows and columns that the unit can't compute have the bits of float32, all others
// those that they have without the former.
func TestWhatDoesNotFitTheUnitIsFloat32(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 5))
	inf := float32(math.Inf(1))
	for _, math := range bfloat16Maths {
		for _, tiles := range tilesOf(math) {
			for trial, special := range []float32{nan, inf, -inf, 0x1p-149, -0x1p-127, 0x1p-104, 0x1.fffffep-104, -0x1p127, 0x1.fffffep127, 0x1p125, 0x1p-100} {
				for _, trans := range []int{trial % 4, (trial + 1) % 4} {
					p := newTileCase(tiles, trans, 70, 45, 40, trial%3)
					p.alpha, p.beta = 0.75, -1
					if tiles.level == Generic { // it rounds products, here too, and the unit does not
						p.alpha, p.beta = 1, 0
					}
					a, b, c := p.operands(random)
					clean := p.compute(trans%2, a, b, c)
					ofA, ofB := p.elements()
					row, col := random.IntN(p.m), random.IntN(p.n)
					a[ofA.at(row, random.IntN(p.k))] = special
					b[ofB.at(random.IntN(p.k), col)] = -special
					want := slices.Clone(c)
					tiles.level.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, want, p.ldc, make([]float32, tiles.level.ScratchSize()))
					for i := range p.m {
						for j := range p.n {
							if i != row && j != col {
								want[i*p.ldc+j] = clean[i*p.ldc+j]
							}
						}
					}
					for way := range tileMultiplications {
						p.check(t, p.compute(way, a, b, c), want)
					}
				}
			}
		}
	}
}

// A zero spoils no span: it has the bits of the parts, not those of float32.
func TestZerosFitTheUnit(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 10))
	for _, tiles := range tilesOf(BF16x6) {
		p := newTileCase(tiles, 0, 3, 5, 64, 0)
		a, b, c := p.operands(random)
		a[1], a[20], b[7], b[100] = 0, float32(math.Copysign(0, -1)), 0, 0
		want := tileCase{p.gemmCase, NewOracle(Best(), BF16x6)}.compute(0, a, b, c)
		p.check(t, p.compute(0, a, b, c), want)
		float := slices.Clone(c)
		tiles.level.Sgemm(false, false, p.m, p.n, p.k, 1, a, p.lda, b, p.ldb, 1, float, p.ldc, make([]float32, tiles.level.ScratchSize()))
		if slices.Equal(float, want) {
			t.Error("the oracle has the bits of float32")
		}
	}
}

// The same in a later chunk and block: a row of 1 and a subnormal number meets a column
// that is 0 but for the latter.
func TestWhatDoesNotFitInLaterChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 12))
	for _, tiles := range tilesOf(BF16x6) {
		for trans := range 4 {
			m := 300
			if tiles.unit == &oracleUnit {
				m = 3 // it takes its time
			}
			p := newTileCase(tiles, trans, m, 40, tileDepth+100, 1)
			p.beta = 0
			a, b, c := p.operands(random)
			ofA, ofB := p.elements()
			row, col, at := m-2, 35, tileDepth+70
			for k := range p.k {
				a[ofA.at(row, k)], b[ofB.at(k, col)] = 1, 0
			}
			a[ofA.at(row, at)], b[ofB.at(at, col)] = 0x1p-140, 0x1p100
			for way := range tileMultiplications {
				if got := p.compute(way, a, b, c)[row*p.ldc+col]; got != 0x1p-40 {
					t.Errorf("%v: got %g, want %g", p, got, 0x1p-40)
				}
			}
		}
	}
}

// Rows that vanish, or grow, by any power of two have the sums of the others, scaled.
func TestUnusualRowsAreScaled(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 11))
	for _, math := range bfloat16Maths {
		for _, tiles := range tilesOf(math) {
			for trans := range 4 {
				p := newTileCase(tiles, trans, 40, 33, 70, 1)
				p.beta = 0
				a, b, c := p.operands(random)
				want := p.compute(0, a, b, c)
				ofA, _ := p.elements()
				scale := func(row int) float32 { return []float32{1, 0x1p-100, 0x1p-70, 0x1p90, 0x1p-110}[row%5] }
				for i := range p.m {
					for at := range p.k {
						a[ofA.at(i, at)] *= scale(i)
					}
					for j := range p.n {
						want[i*p.ldc+j] *= scale(i)
					}
				}
				for way := range tileMultiplications {
					p.check(t, p.compute(way, a, b, c), want)
				}
			}
		}
	}
}

func TestDivisors(t *testing.T) {
	for _, test := range []struct {
		span
		want float32
	}{
		{span{0, math.Inf(1)}, 1},
		{span{1, 0x1p-48}, 1},
		{span{3, 0x1p-49}, 2},
		{span{0x1p-90, 0x1p-100}, 0x1p-90},
		{span{0x1.8p49, 1}, 0x1p49},
		{span{0x1p-126, 0x1p-149}, 0x1p-126},
		{span{0x1p-127, 0x1p-149}, 0x1p-126},
		{span{math.MaxFloat32, 0x1p100}, 0x1p126},
		{span{0x1p-20, 0x1p-124}, 1},
		{span{2, 0x1p-149}, 1},
		{span{math.Inf(1), 1}, 1},
		{span{math.NaN(), 1}, 1},
	} {
		if got := test.divisor(); got != test.want {
			t.Errorf("the divisor of %x is %x, want %x", test.span, got, test.want)
		}
	}
}

func TestSpansThatFit(t *testing.T) {
	inf := math.Inf(1)
	zeros := span{0, inf}
	for _, test := range []struct {
		a, b span
		want bool
	}{
		{span{1, 1}, span{1, 1}, true},
		{zeros, zeros, true},
		{zeros, span{1, 1}, true},
		{zeros, span{inf, 1}, false}, // 0·Inf is NaN
		{zeros, span{math.NaN(), 1}, false},
		{span{1, 0x1p-103}, span{0x1p50, 0x1p7}, true},
		{span{1, 0x1p-104}, span{0x1p50, 0x1p50}, false},
		{span{1, 0x1p-48}, span{1, 0x1p-48}, true},
		{span{1, 0x1p-48}, span{1, 0x1p-49}, false},
		{span{0x1p58, 1}, span{0x1p58, 1}, true},
		{span{0x1p58, 1}, span{0x1p59, 1}, false},
		{span{0x1p126, 1}, span{0x1p-10, 0x1p-20}, true},
		{span{0x1p127, 1}, span{0x1p-20, 0x1p-20}, false},
	} {
		if got, other := test.a.fits(test.b), test.b.fits(test.a); got != test.want || other != test.want {
			t.Errorf("%v fits %v: %t and %t, want %t", test.a, test.b, got, other, test.want)
		}
	}
}

func TestTilesWithoutElements(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 6))
	for _, tiles := range tilesOf(BF16x6) {
		for _, size := range [][3]int{{0, 5, 5}, {5, 0, 5}, {5, 5, 0}, {0, 0, 0}, {5, 5, 5}} {
			for _, beta := range []float32{0, 1, -2} {
				p := newTileCase(tiles, 0, size[0], size[1], size[2], 1)
				p.beta = beta
				a, b, c := p.operands(random)
				if p.m*p.n*p.k > 0 {
					p.alpha, a, b = 0, repeated(len(a), nan), repeated(len(b), nan)
				}
				want := slices.Clone(c)
				scaleRows(want, p.ldc, p.m, p.n, beta)
				for way := range tileMultiplications {
					p.check(t, p.compute(way, a, b, c), want)
				}
			}
		}
	}
}

func TestTilesDoNotAllocate(t *testing.T) {
	for _, tiles := range tilesOf(BF16x6) {
		p := newTileCase(tiles, 1, 33, 40, 40, 0)
		a, b, c := p.operands(rand.New(rand.NewPCG(2, 7)))
		b[0] = nan
		scratch := p.scratch()
		for _, multiply := range tileMultiplications {
			if n := testing.AllocsPerRun(3, func() { multiply(p, a, b, c, scratch) }); n != 0 {
				t.Errorf("%v allocates %g times", p, n)
			}
		}
	}
}

// The registers of tiles outlive neither a call nor a thread's turn.
func TestTilesAmongGoroutinesAndCollections(t *testing.T) {
	tiles := tilesOf(BF16x6)
	p := newTileCase(tiles[len(tiles)-1], 0, 40, 70, 33, 0)
	a, b, c := p.operands(rand.New(rand.NewPCG(2, 8)))
	want := p.compute(0, a, b, c)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for way := range 10 {
				got := p.compute(way%2, a, b, c)
				for at := range got {
					if !same(got[at], want[at]) {
						t.Errorf("%v: element %d is %g, want %g", p, at, got[at], want[at])
						return
					}
				}
				runtime.GC()
			}
		})
	}
	group.Wait()
}

func TestMisuseOfTilesPanics(t *testing.T) {
	x := make([]float32, 100)
	tiles := NewOracle(Generic, BF16x6)
	scratch := make([]float32, tiles.ScratchSize())
	for want, do := range map[string]func(){
		"a has 100 floats, want 101":          func() { tiles.Sgemm(false, false, 2, 5, 5, 1, x, 96, x, 5, 0, x, 5, scratch) },
		"b has 100 floats, want 101":          func() { tiles.Sgemm(false, true, 2, 2, 5, 1, x, 5, x, 96, 0, x, 5, scratch) },
		"c has 100 floats, want 101":          func() { tiles.MultiplyPacked(true, 2, 5, 5, 1, x, 5, scratch, 0, x, 96, 0, 5, scratch) },
		"scratch has 1 floats":                func() { tiles.Sgemm(false, false, 1, 5, 5, 1, x, 5, x, 5, 0, x, 5, scratch[:1]) },
		"packed b has 1 floats":               func() { tiles.MultiplyPacked(false, 1, 5, 5, 1, x, 5, x[:1], 0, x, 5, 0, 5, scratch) },
		"dst has 1 floats":                    func() { tiles.PackB(x[:1], false, 5, 5, x, 5, 0, 5) },
		"columns 1 to 5 of 5, want multiples": func() { tiles.PackB(scratch, false, 5, 5, x, 5, 1, 5) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("got the panic %q, want %q", got, want)
				}
			}()
			do()
		}()
	}
}

func TestMathsParse(t *testing.T) {
	for _, name := range Maths() {
		if math, err := ParseMath(name); err != nil || math.String() != name {
			t.Errorf("ParseMath(%q) = %v, %v", name, math, err)
		}
	}
	if _, err := ParseMath("tf32"); err == nil {
		t.Error("ParseMath took tf32")
	}
}
