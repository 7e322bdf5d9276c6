package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
)

var linearChecks = []check{
	{"Gemm", checkGemm},
	{"SumRows", checkSumRows},
	{"GatherRows", checkGatherRows},
	{"ScatterAddRows", checkScatterAddRows},
	{"ArgMaxRows", checkArgMaxRows},
}

// gemm is one product.
type gemm struct {
	transA, transB backend.Transpose
	m, n, k        int
	alpha, beta    float64
}

func (g gemm) String() string {
	return fmt.Sprintf("%s/%dx%dx%d/alpha %v, beta %v", g.transposes(), g.m, g.n, g.k, g.alpha, g.beta)
}

// transposes names op(a) and op(b) as BLAS does: "NT".
func (g gemm) transposes() string {
	letter := map[backend.Transpose]string{backend.NoTrans: "N", backend.Trans: "T"}
	return letter[g.transA] + letter[g.transB]
}

// sizes returns the stored shapes of a and b.
func (g gemm) sizes() (a, b shape) {
	a, b = shape{g.m, g.k}, shape{g.k, g.n}
	if g.transA {
		a = shape{g.k, g.m}
	}
	if g.transB {
		b = shape{g.n, g.k}
	}
	return a, b
}

// trial returns the product of the given operands. Sums of magnitudes, with
// which the tolerance grows, are the same product of absolute values.
func (g gemm) trial(p *probe, name string, dst, a, b []float32) trial {
	t := g.exactTrial(name, dst, a, b)
	magnitude := g
	magnitude.alpha, magnitude.beta = math.Abs(g.alpha), math.Abs(g.beta)
	sums := p.expect(magnitude.exactTrial("", absolutes(dst), absolutes(a), absolutes(b)))["dst"]
	t.tolerance["dst"] = rounded(float64(g.k)+2+p.product/unit, sums)
	return t
}

// exactTrial is trial for operands that make the result exact. With beta = 0,
// dst is poisoned.
func (g gemm) exactTrial(name string, dst, a, b []float32) trial {
	as, bs := g.sizes()
	if g.beta == 0 {
		dst = nil
	}
	return trial{
		name: name,
		operands: []operand{
			in("dst", g.m, g.n, dst), in("a", as.rows, as.cols, a), in("b", bs.rows, bs.cols, b)},
		call: func(b backend.Backend, x tensors) {
			b.Gemm(x["dst"], g.transA, g.transB, g.alpha, x["a"], x["b"], g.beta)
		},
		tolerance: map[string]tolerance{"dst": exact},
	}
}

// factors are the pairs alpha, beta.
var factors = [...][2]float64{
	{1, 0}, {1, 1}, {-0.5, -0.5}, {0, 1}, {0, 0}, {-0.5, 0}, {0, -0.5}, {1, -0.5}, {-0.5, 1}, {1.5, 2},
	{1, -1}, {-1, 3}, {0, 2},
}

func checkGemm(p *probe) {
	for _, tA := range []backend.Transpose{backend.NoTrans, backend.Trans} {
		for _, tB := range []backend.Transpose{backend.NoTrans, backend.Trans} {
			for i, s := range p.gemmSizes() {
				for j, f := range factors {
					// Small or empty products of whole numbers have all pairs, all others
					// have 1, 0 and one that changes from case to case.
					g := gemm{tA, tB, s[0], s[1], s[2], f[0], f[1]}
					chosen := j == 0 || j == 1+i%(len(factors)-1)
					if chosen {
						p.gemmRandom(g)
					}
					if chosen || s[0]*s[1]*s[2] <= 4096 {
						p.gemmWhole(g, false)
					}
				}
			}
			for i, s := range p.gemmLong() {
				// Half of the products of each kind do not read dst. What splits a sum may
				// forget a factor where it adds up the parts.
				p.gemmWhole(gemm{tA, tB, s[0], s[1], s[2], -2, []float64{-0.5, 0}[i%2]}, true)
			}
			p.gemmSpecial(gemm{tA, tB, 5, 7, 9, 1, 0})
			p.gemmSpecial(gemm{tA, tB, 32, 33, 31, 1, 0})
			for _, k := range []int{1, 7, 13, 20, 28, 39} {
				p.gemmStriped(gemm{tA, tB, 6, 6, k, 1, 0})
			}
			for _, f := range factors {
				p.gemmSubnormal(gemm{tA, tB, 7, 5, 9, f[0], f[1]})
				if f[1] != 0 {
					p.gemmSpoiltBefore(gemm{tA, tB, 7, 5, 9, f[0], f[1]})
				}
			}
			p.gemmSubnormal(gemm{tA, tB, 33, 31, 32, 1, 1})
			for _, f := range [][2]float64{{0.3, 1.7}, {-1.1, 0}, {1, 1e-3}, {1e4, 0.9}} {
				p.gemmRandom(gemm{tA, tB, 7, 5, 9, f[0], f[1]})
			}
		}
	}
	// Inputs may share memory: x·xᵀ.
	product := gemm{backend.NoTrans, backend.Trans, 33, 33, 19, 1, 0}
	x := p.source("x times its transpose").uniform(33*19, -1, 1)
	t := product.trial(p, "x times its transpose", nil, x, x)
	t.sharing = []sharing{{"b": "a"}}
	p.verify(t)
}

// gemmSizes returns m, n, k: each size once as each of them, and some products
// that are large in two dimensions, so that they are split and tiled.
func (p *probe) gemmSizes() [][3]int {
	sizes := [][3]int{{0, 3, 4}, {3, 0, 4}, {3, 4, 0}, {0, 0, 0}, {2, 3, 5}, {8, 8, 8}, {16, 4, 8}}
	for _, v := range p.sizes() {
		sizes = append(sizes, [3]int{v, 5, 3}, [3]int{3, v, 7}, [3]int{2, 9, v})
	}
	for _, s := range [][3]int{
		{33, 31, 32}, {32, 33, 33}, {64, 64, 64}, {65, 63, 66}, {128, 127, 129}, {129, 128, 16},
		{257, 255, 65}, {255, 33, 257}, {256, 256, 31}, {31, 257, 256}, {1025, 33, 65}, {33, 1023, 31}, {32, 65, 1025},
	} {
		if max(s[0], s[1], s[2]) <= p.maxSize {
			sizes = append(sizes, s)
		}
	}
	return sizes
}

// gemmLong returns products of which one dimension is large: what remains of it
// beyond whole tiles, blocks and chunks of 32 to 192 is a little less than one,
// nothing, or one. Those beyond 65,535 are tried where their other dimensions
// make whole tiles affordable.
func (p *probe) gemmLong() [][3]int {
	const tile = 32
	whole := func(n int) int { return (n + tile - 1) / tile * tile }
	sizes := [][3]int{{5, 6, 1025}}
	for _, n := range []int{191, 192, 193, 319, 511, 513} {
		sizes = append(sizes, [3]int{n, 33, 17}, [3]int{17, n, 33}, [3]int{5, 6, n})
	}
	sizes = append(sizes, [3]int{191, 127, 63}, [3]int{127, 191, 65}, [3]int{63, 129, 319},
		[3]int{long, 1, 2}, [3]int{2, long, 1}, [3]int{1, 2, longer})
	return slices.DeleteFunc(sizes, func(s [3]int) bool { return whole(s[0])*whole(s[1])*whole(s[2]) > p.maxWork })
}

// gemmRandom tries a product on numbers of any kind, held to the rounding of a sum.
func (p *probe) gemmRandom(g gemm) {
	as, bs := g.sizes()
	s := p.source(g.String())
	p.verify(g.trial(p, g.String(), s.uniform(g.m*g.n, -1, 1), s.uniform(as.size(), -1, 1), s.uniform(bs.size(), -1, 1)))
}

// gemmWhole tries a product on whole numbers, which must be exact; with once, in
// one layout.
func (p *probe) gemmWhole(g gemm, once bool) {
	as, bs := g.sizes()
	name := g.String() + ", whole numbers"
	s := p.source(name)
	t := g.exactTrial(name, s.whole(g.m*g.n, 3), s.whole(as.size(), 3), s.whole(bs.size(), 3))
	t.once = once
	p.verify(t)
}

// gemmSpecial tries NaN in a, which fills a row of the product, and Inf in b,
// which fills a column.
func (p *probe) gemmSpecial(g gemm) {
	as, bs := g.sizes()
	name := g.String() + ", NaN in a, Inf in b"
	s := p.source(name)
	a, b := s.uniform(as.size(), 0.5, 1), s.uniform(bs.size(), 0.5, 1)
	a[len(a)/2] = float32(math.NaN())
	b[len(b)/3] = float32(-inf)
	p.verify(g.trial(p, name, nil, a, b))
}

// gemmStriped tries NaN in each second row of op(a) and column of op(b). They
// are neighbours in memory of the others, which they spoil if the sum takes in
// one k more, even where it meets a zero.
func (p *probe) gemmStriped(g gemm) {
	as, bs := g.sizes()
	name := g.String() + ", NaN in each second row and column"
	s := p.source(name)
	a, b := s.uniform(as.size(), -1, 1), s.uniform(bs.size(), -1, 1)
	spoilLines(a, as, !bool(g.transA))
	spoilLines(b, bs, bool(g.transB))
	p.verify(g.trial(p, name, nil, a, b))
}

// gemmSubnormal tries whole numbers, scaled to where sums and products are
// subnormal and exact.
func (p *probe) gemmSubnormal(g gemm) {
	as, bs := g.sizes()
	for _, a := range []float64{0x1p-70, tiny} {
		name := fmt.Sprintf("%s, subnormal, a of size %v", g, a)
		s := p.source(name)
		// Even numbers, of which a factor ½ leaves no remainder.
		t := g.exactTrial(name, scaled(s.whole(g.m*g.n, 99), 2*tiny),
			scaled(s.whole(as.size(), 9), 2*a), scaled(s.whole(bs.size(), 9), tiny/a))
		if off := 9 * tiny / a * p.step * float64(g.k) * math.Abs(g.alpha); a < 0x1p-126 && off > 0 {
			t.tolerance["dst"] = func(int, float64) float64 { return off }
		}
		p.verify(t)
	}
}

// scaled multiplies x by factor, in place, and returns it.
func scaled(x []float32, factor float64) []float32 {
	for k, v := range x {
		x[k] = float32(float64(v) * factor)
	}
	return x
}

// gemmSpoiltBefore tries NaN and infinities in dst, which stay if beta is not 0.
func (p *probe) gemmSpoiltBefore(g gemm) {
	as, bs := g.sizes()
	name := g.String() + ", NaN and Inf in dst"
	s := p.source(name)
	dst := s.uniform(g.m*g.n, -1, 1)
	for i, v := range []float64{math.NaN(), inf, -inf} {
		dst[i*len(dst)/3] = float32(v)
	}
	p.verify(g.trial(p, name, dst, s.uniform(as.size(), -1, 1), s.uniform(bs.size(), -1, 1)))
}

// spoilLines sets each second row, or column, to NaN.
func spoilLines(x []float32, s shape, rows bool) {
	for k := range x {
		line := k % s.cols
		if rows {
			line = k / s.cols
		}
		if line%2 == 1 {
			x[k] = float32(math.NaN())
		}
	}
}

func checkSumRows(p *probe) {
	for i, beta := range []float64{-0.5, 0, 1, -1, 2} {
		shapes := p.shapesOf(i)
		if beta == 0 {
			shapes = append(shapes, p.longColumn()...)
		}
		for _, s := range shapes {
			name := fmt.Sprintf("%v/beta %v", s, beta)
			g := p.source(name)
			dst, x := g.uniform(s.cols, -1, 1), g.uniform(s.size(), -1, 1)
			sums := p.expect(sumRowsTrial("", s, math.Abs(beta), absolutes(dst), absolutes(x)))["dst"]
			t := sumRowsTrial(name, s, beta, dst, x)
			t.tolerance["dst"] = rounded(float64(s.rows)+2, sums)
			p.verify(t)

			name += ", whole numbers"
			g = p.source(name)
			p.verify(sumRowsTrial(name, s, beta, g.whole(s.cols, 9), g.whole(s.size(), 9)))
		}
		s := shape{7, 5}
		name := fmt.Sprintf("beta %v, subnormal", beta)
		g := p.source(name)
		p.verify(sumRowsTrial(name, s, beta, scaled(g.whole(s.cols, 99), 2*tiny), scaled(g.whole(s.size(), 99), tiny)))
		if beta != 0 {
			before := float32s([]float64{math.NaN(), 1, inf, 1, -inf})
			p.verify(sumRowsTrial(fmt.Sprintf("beta %v, NaN and Inf in dst", beta), s, beta, before, g.whole(s.size(), 9)))
		}
	}
	for _, beta := range []float64{0, 1} {
		s := shape{0, 5}
		p.verify(sumRowsTrial(fmt.Sprintf("%v/beta %v, nothing to add", s, beta), s, beta, []float32{1, 2, 3, 4, 5}, nil))
	}
	x := p.source("NaN").uniform(33*5, -1, 1)
	x[32*5+3] = float32(math.NaN())
	x[7*5+1] = float32(inf)
	t := sumRowsTrial("NaN and Inf", shape{33, 5}, 0, nil, x)
	t.tolerance["dst"] = ulps(100)
	p.verify(t)
}

func sumRowsTrial(name string, s shape, beta float64, dst, x []float32) trial {
	if beta == 0 {
		dst = nil
	}
	return trial{
		name:      name,
		operands:  []operand{in("dst", 1, s.cols, dst), in("x", s.rows, s.cols, x)},
		call:      func(b backend.Backend, x tensors) { b.SumRows(x["dst"], x["x"], beta) },
		tolerance: map[string]tolerance{"dst": exact},
	}
}

func checkGatherRows(p *probe) {
	try := func(n int, s shape) {
		name := fmt.Sprintf("%d of %v", n, s)
		g := p.source(name)
		ids := g.ids(n, s.rows)
		if n > 0 {
			ids[0], ids[n-1] = 0, int32(s.rows-1)
		}
		p.verify(gatherTrial(name, s, g.uniform(s.size(), -1, 1), ids))
	}
	for _, s := range p.shapes() {
		for _, n := range []int{s.rows, s.rows/2 + 1, 0} {
			if s.rows == 0 {
				n = 0
			}
			try(n, s)
		}
	}
	for _, s := range p.longShapes() {
		try(5, s)
		try(s.cols, shape{5, s.rows}) // the most of ids, or of columns
	}
	x := p.stored(sweep())
	s := shape{len(x) / 4, 4}
	p.verify(gatherTrial("every exponent", s, x, p.source("every exponent").ids(s.rows, s.rows)))
}

func gatherTrial(name string, s shape, x []float32, ids []int32) trial {
	return trial{
		name:      name,
		operands:  []operand{out("dst", len(ids), s.cols), in("x", s.rows, s.cols, x), inInts("ids", ids)},
		call:      func(b backend.Backend, x tensors) { b.GatherRows(x["dst"], x["x"], x.ints("ids")) },
		tolerance: map[string]tolerance{"dst": exact},
	}
}

func checkScatterAddRows(p *probe) {
	try := func(s shape, rows int) {
		name := fmt.Sprintf("%v into %d", s, rows)
		g := p.source(name)
		ids := g.ids(s.rows, rows)
		if s.rows > 0 {
			ids[s.rows-1] = int32(rows - 1)
		}
		p.verify(scatterTrial(name+", whole numbers", s, rows, g.whole(rows*s.cols, 9), g.whole(s.size(), 9), ids))
		if max(s.rows, s.cols, rows) >= long {
			return
		}
		dst, x := g.uniform(rows*s.cols, -1, 1), g.uniform(s.size(), -1, 1)
		sums := p.expect(scatterTrial("", s, rows, absolutes(dst), absolutes(x), ids))["dst"]
		t := scatterTrial(name, s, rows, dst, x, ids)
		t.tolerance["dst"] = rounded(float64(s.rows), sums)
		p.verify(t)
	}
	for _, s := range p.shapes() {
		// Rows are hit never, once and often; then all go to one row.
		for _, rows := range []int{2*s.rows + 1, s.rows/7 + 1, 1} {
			try(s, rows)
		}
	}
	s, g := shape{9, 5}, p.source("subnormal")
	p.verify(scatterTrial("subnormal", s, 3, scaled(g.whole(3*s.cols, 99), tiny), scaled(g.whole(s.size(), 99), tiny), g.ids(s.rows, 3)))
	x := g.whole(s.size(), 9)
	x[7], x[14] = float32(math.NaN()), float32(inf)
	p.verify(scatterTrial("NaN and Inf", s, 3, g.whole(3*s.cols, 9), x, g.ids(s.rows, 3)))
	for _, s := range append(p.longShapes(), p.longColumn()...) {
		try(s, 3)
	}
	if long*32 <= p.maxWork { // a row of dst is a sum over ids
		try(shape{5, 1}, long)
	}
}

func scatterTrial(name string, s shape, rows int, dst, x []float32, ids []int32) trial {
	return trial{
		name:      name,
		operands:  []operand{in("dst", rows, s.cols, dst), in("x", s.rows, s.cols, x), inInts("ids", ids)},
		call:      func(b backend.Backend, x tensors) { b.ScatterAddRows(x["dst"], x["x"], x.ints("ids")) },
		tolerance: map[string]tolerance{"dst": exact},
	}
}

func checkArgMaxRows(p *probe) {
	for _, s := range p.shapes() {
		if s.rows > 0 && s.cols == 0 {
			continue
		}
		name := s.String()
		p.verify(argMaxTrial(name, s, p.source(name).uniform(s.size(), -1, 1)))
		name += ", ties"
		p.verify(argMaxTrial(name, s, p.source(name).whole(s.size(), 2)))
		name = s.String() + ", largest last"
		x := p.source(name).uniform(s.size(), -1, 1)
		for k := s.cols - 1; k >= 0 && k < len(x); k += s.cols {
			x[k] = 2
		}
		p.verify(argMaxTrial(name, s, x))
		name = s.String() + ", NaN"
		x = p.source(name).uniform(s.size(), -1, 1)
		for k := range x {
			if k%5 == 2 {
				x[k] = float32([]float64{math.NaN(), inf, -inf}[k%3])
			}
		}
		p.verify(argMaxTrial(name, s, x))
	}
	for _, s := range p.manyRows() {
		p.verify(argMaxTrial(s.String(), s, p.source(s.String()).uniform(s.size(), -1, 1)))
	}
	for _, s := range p.longRow() {
		name := s.String() + ", largest last"
		x := p.source(name).uniform(s.size(), -1, 1)
		x[s.cols-1] = 2
		p.verify(argMaxTrial(name, s, x))
	}
	rows := float32s([]float64{
		-inf, -inf, -inf, -inf,
		negative0, 0, negative0, 0,
		inf, math.NaN(), inf, math.NaN(),
		math.NaN(), inf, 1, 2,
		-inf, -math.MaxFloat32, -inf, 0,
		-3, -1, -2, -1,
		inf, 0, inf, 0,
	})
	p.verify(argMaxTrial("special rows", shape{7, 4}, rows))
	for _, n := range p.upTo(1, 5, 33, 257) {
		p.argMaxEverywhere(n)
	}
}

// argMaxEverywhere tries rows of n elements in which the largest is first found
// at each place, and then again further on.
func (p *probe) argMaxEverywhere(n int) {
	number := func(bits uint32) float32 { return math.Float32frombits(bits) }
	quiet, negative := number(0x7fc00000), number(0xffc00000)
	for _, c := range []struct {
		name                 string
		all, largest, equals float32 // of which the last comes further on
	}{
		{"NaN", float32(inf), quiet, quiet},
		{"negative NaN", 1, negative, quiet},
		{"NaN before a negative one", -1, quiet, negative},
		{"NaN before one with more bits", 1, number(0x7fc00001), number(0x7fffffff)},
		{"NaN before one with fewer bits", 1, number(0xffffffff), number(0xffc00001)},
		{"signalling NaN", float32(inf), number(0x7f800001), quiet},
		{"negative signalling NaN", 1, number(0xffbfffff), number(0x7fbfffff)},
		{"zeros", -tiny, 0, float32(negative0)},
		{"zeros, negative first", -tiny, float32(negative0), 0},
		{"infinities", float32(-inf), -math.MaxFloat32, -math.MaxFloat32},
		{"subnormal", 0, tiny, tiny},
		{"negative", -1 - 2*unit, -1, -1},
		{"large", math.MaxFloat32, float32(inf), float32(inf)},
	} {
		x := make([]float32, n*n)
		for k := range x {
			switch i, j := k/n, k%n; {
			case j == i:
				x[k] = c.largest
			case j > i && (j-i)%max(1, n-1-i) == 0, j > i && j%7 == 3:
				x[k] = c.equals
			default:
				x[k] = c.all
			}
		}
		t := argMaxTrial(fmt.Sprintf("%d columns, %s", n, c.name), shape{n, n}, p.stored(x))
		t.once = n > 33 // what more calls bring out, fewer columns do
		p.verify(t)
	}
}

func argMaxTrial(name string, s shape, x []float32) trial {
	return trial{
		name:      name,
		operands:  []operand{outInts("dst", s.rows), in("x", s.rows, s.cols, x)},
		call:      func(b backend.Backend, x tensors) { b.ArgMaxRows(x.ints("dst"), x["x"]) },
		tolerance: map[string]tolerance{"dst": exact},
	}
}
