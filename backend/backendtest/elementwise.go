package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
)

var elementwiseChecks = []check{
	{"Fill", checkFill},
	{"Copy", unary("dst", backend.Backend.Copy, domain{name: "x", low: -1, high: 1, special: special, wide: true}, constant(exact))},
	{"CopyCols", checkCopyCols},
	{"Add", binary(backend.Backend.Add, constant(ulps(1)))},
	{"Sub", binary(backend.Backend.Sub, constant(ulps(1)))},
	{"Mul", binary(backend.Backend.Mul, constant(ulps(1)))},
	{"AddMul", checkAddMul},
	{"Scale", checkScale},
	{"AddScaled", checkAddScaled},
	{"AddRow", withRow(backend.Backend.AddRow)},
	{"MulRow", withRow(backend.Backend.MulRow)},
	{"MulCol", checkMulCol},
	{"Dropout", checkDropout},
}

var (
	inf         = math.Inf(1)
	negative0   = math.Copysign(0, -1)
	negativeNaN = math.Copysign(math.NaN(), -1)
	multiplier  = []float64{-0.5, 0, 1, 1.7}

	// special are values, products of which are subnormal, but none of which
	// overflows.
	special = []float64{
		0, negative0, 1, -1.5, 1e-12, 1e-30, 1e15, 1<<24 - 1, smallestNormal, -largestSubnormal, tiny,
		inf, -inf, math.NaN(), negativeNaN,
	}
)

const smallestNormal, largestSubnormal = 0x1p-126, 0x1p-126 - tiny

// pointwise describes an operation whose output and inputs have one shape.
type pointwise struct {
	output    string
	adds      bool // to the output, which is then the first of inputs
	inputs    []domain
	call      func(b backend.Backend, x tensors)
	tolerance func(x content, s shape) tolerance
}

// domain says from where an input is drawn.
type domain struct {
	name      string
	low, high float64
	special   []float64 // values that are tried in all combinations
	row       bool      // one row for all rows of the output
	wide      bool      // numbers of every exponent are tried too
}

// content is what the operands of a trial hold before it.
type content map[string][]float32

// constant is a tolerance that does not depend on the operands.
func constant(t tolerance) func(content, shape) tolerance {
	return func(content, shape) tolerance { return t }
}

// check tries the operation on all shapes and on the special values.
func (o pointwise) check(p *probe, prefix string, shapes []shape) {
	for _, s := range shapes {
		name := prefix + s.String()
		g := p.source(name)
		x := content{}
		for _, in := range o.inputs {
			x[in.name] = g.uniform(in.shape(s).size(), in.low, in.high)
		}
		p.verify(o.trial(name, s, x, nil))
	}
	x := combinations(o.inputs)
	all := shape{1, len(x[o.inputs[0].name])}
	p.verify(o.trial(prefix+"special values", all, x, nil))
	o.checkShared(p, prefix, all, x)
	o.checkSweep(p, prefix)
}

// checkSweep tries numbers of every exponent.
func (o pointwise) checkSweep(p *probe, prefix string) {
	if !slices.ContainsFunc(o.inputs, func(in domain) bool { return in.wide }) {
		return
	}
	name := prefix + "every exponent"
	g, all := p.source(name), p.stored(sweep())
	x := content{}
	for _, in := range o.inputs {
		if in.wide {
			x[in.name] = g.shuffled(all)
		} else {
			x[in.name] = g.uniform(len(all), in.low, in.high)
		}
	}
	t := o.trial(name, shape{1, len(all)}, x, nil)
	t.once = true
	p.verify(t)
}

// checkShared tries operands that share memory where trial cannot: an output
// that is also added to must hold what the input does, for a run apart to give
// the same, and so must inputs that are one.
func (o pointwise) checkShared(p *probe, prefix string, s shape, x content) {
	first := o.inputs[0].name
	for _, in := range o.inputs[1:] {
		if in.row {
			continue
		}
		same := content{}
		for name := range x {
			same[name] = x[name]
		}
		same[in.name] = x[first]
		shared := []sharing{{in.name: first}}
		if !o.adds {
			shared = append(shared, sharing{in.name: first, o.output: first})
		}
		p.verify(o.trial(prefix+first+" and "+in.name+" are one", s, same, shared))
	}
}

// trial returns the operation on x, in place too where that needs no more.
func (o pointwise) trial(name string, s shape, x content, shared []sharing) trial {
	t := trial{name: name, call: o.call, sharing: shared,
		tolerance: map[string]tolerance{o.output: o.tolerance(x, s)}}
	if !o.adds {
		t.operands = append(t.operands, out(o.output, s.rows, s.cols))
	}
	for _, input := range o.inputs {
		is := input.shape(s)
		t.operands = append(t.operands, in(input.name, is.rows, is.cols, x[input.name]))
		if !o.adds && !input.row && shared == nil {
			t.sharing = append(t.sharing, sharing{o.output: input.name})
		}
	}
	return t
}

func (d domain) shape(s shape) shape {
	if d.row {
		return shape{1, s.cols}
	}
	return s
}

// combinations returns, as rows of equal length, all combinations of the
// inputs' special values.
func combinations(inputs []domain) content {
	total := 1
	for _, in := range inputs {
		total *= len(in.special)
	}
	x := content{}
	every := 1
	for _, in := range inputs {
		v := make([]float32, total)
		for k := range v {
			v[k] = float32(in.special[k/every%len(in.special)])
		}
		x[in.name] = v
		every *= len(in.special)
	}
	return x
}

// matrices returns shapes for elementwise operations to which rows and columns
// are not the same.
func (p *probe) matrices() []shape { return append(p.elements(), p.affordable(shape{long, 3})...) }

func unary(output string, op func(b backend.Backend, dst, x backend.Tensor), x domain, t func(content, shape) tolerance) func(*probe) {
	return func(p *probe) {
		pointwise{output: output, inputs: []domain{x}, tolerance: t,
			call: func(b backend.Backend, x tensors) { op(b, x[output], x["x"]) },
		}.check(p, "", p.elements())
	}
}

func binary(op func(b backend.Backend, dst, x, y backend.Tensor), t func(content, shape) tolerance) func(*probe) {
	return func(p *probe) {
		pointwise{output: "dst", tolerance: t,
			inputs: []domain{
				{name: "a", low: -1, high: 1, special: special, wide: true},
				{name: "b", low: -1, high: 1, special: special, wide: true}},
			call: func(b backend.Backend, x tensors) { op(b, x["dst"], x["a"], x["b"]) },
		}.check(p, "", p.elements())
	}
}

func withRow(op func(b backend.Backend, dst, x, row backend.Tensor)) func(*probe) {
	return func(p *probe) {
		pointwise{output: "dst", tolerance: constant(ulps(1)),
			inputs: []domain{
				{name: "x", low: -1, high: 1, special: special, wide: true},
				{name: "row", low: -1, high: 1, special: special, row: true, wide: true}},
			call: func(b backend.Backend, x tensors) { op(b, x["dst"], x["x"], x["row"]) },
		}.check(p, "", p.matrices())
	}
}

func checkMulCol(p *probe) {
	try := func(name string, s shape, x content) {
		p.verify(trial{
			name:      name,
			operands:  []operand{out("dst", s.rows, s.cols), in("x", s.rows, s.cols, x["x"]), in("col", s.rows, 1, x["col"])},
			call:      func(b backend.Backend, x tensors) { b.MulCol(x["dst"], x["x"], x["col"]) },
			tolerance: map[string]tolerance{"dst": ulps(1)},
			sharing:   []sharing{{"dst": "x"}},
		})
	}
	for _, s := range p.matrices() {
		g := p.source(s.String())
		try(s.String(), s, content{"x": g.uniform(s.size(), -1, 1), "col": g.uniform(s.rows, -1, 1)})
	}
	x := combinations([]domain{{name: "x", special: special}, {name: "col", special: special}})
	try("special values", shape{len(x["x"]), 1}, x)
	g, all := p.source("every exponent"), p.stored(sweep())
	try("every exponent", shape{len(all), 1}, content{"x": g.shuffled(all), "col": g.shuffled(all)})
}

func checkAddMul(p *probe) {
	pointwise{output: "dst", adds: true,
		inputs: []domain{
			{name: "dst", low: -1, high: 1, special: special},
			{name: "a", low: -1, high: 1, special: special},
			{name: "b", low: -1, high: 1, special: special}},
		call: func(b backend.Backend, x tensors) { b.AddMul(x["dst"], x["a"], x["b"]) },
		tolerance: func(x content, _ shape) tolerance {
			return func(k int, _ float64) float64 {
				return 2*unit*(abs(x["dst"][k])+abs(x["a"][k])*abs(x["b"][k])) + 2*tiny
			}
		},
	}.check(p, "", p.elements())
}

func checkScale(p *probe) {
	for i, alpha := range multiplier {
		pointwise{output: "dst", tolerance: constant(ulps(2)),
			inputs: []domain{{name: "x", low: -1, high: 1, special: special, wide: true}},
			call:   func(b backend.Backend, x tensors) { b.Scale(x["dst"], alpha, x["x"]) },
		}.check(p, fmt.Sprintf("%v/", alpha), p.shapesOf(i))
	}
}

func checkAddScaled(p *probe) {
	for i, alpha := range multiplier {
		pointwise{output: "dst", adds: true,
			inputs: []domain{
				{name: "dst", low: -1, high: 1, special: special},
				{name: "x", low: -1, high: 1, special: special}},
			call: func(b backend.Backend, x tensors) { b.AddScaled(x["dst"], alpha, x["x"]) },
			tolerance: func(x content, _ shape) tolerance {
				return func(k int, _ float64) float64 {
					return 3*unit*(abs(x["dst"][k])+math.Abs(alpha)*abs(x["x"][k])) + 3*tiny
				}
			},
		}.check(p, fmt.Sprintf("%v/", alpha), p.shapesOf(i))
	}
}

func abs(x float32) float64 { return math.Abs(float64(x)) }

func checkFill(p *probe) {
	for i, value := range []float64{-0.1, 0, 1, inf, math.NaN(), -inf, math.MaxFloat32, -largestSubnormal} {
		for _, s := range p.shapesOf(i) {
			p.verify(trial{
				name:      fmt.Sprintf("%v/%v", value, s),
				operands:  []operand{out("dst", s.rows, s.cols)},
				call:      func(b backend.Backend, x tensors) { b.Fill(x["dst"], value) },
				tolerance: map[string]tolerance{"dst": exact},
			})
		}
	}
}

func checkCopyCols(p *probe) {
	for _, s := range p.matrices() {
		for _, c := range []struct{ name, wide string }{{"split", "x"}, {"join", "dst"}} {
			name := c.name + "/" + s.String()
			g := p.source(name)
			// The narrow matrix lies inside the wide one, apart from its edges.
			narrow, wide := s, shape{s.rows, s.cols + 7}
			dst, x := narrow, wide
			dstCol, xCol := 0, 4
			if c.wide == "dst" {
				dst, x, dstCol, xCol = wide, narrow, 4, 0
			}
			p.verify(copyColsTrial(g, name, dst, dstCol, x, xCol, s.cols))
		}
	}
	g := p.source("parts")
	for _, c := range []struct {
		name               string
		dstCol, xCol, cols int
	}{{"first column", 0, 0, 1}, {"last column", 8, 4, 1}, {"none", 9, 5, 0}, {"all of x", 2, 0, 5}, {"a part", 3, 1, 3}} {
		p.verify(copyColsTrial(g, c.name, shape{33, 9}, c.dstCol, shape{33, 5}, c.xCol, c.cols))
	}
	all := p.stored(sweep())
	s := shape{len(all) / 8, 8}
	p.verify(copyColsOf("every exponent", s, 1, s, 4, 3, g.shuffled(all), g.shuffled(all)))
}

func copyColsTrial(g source, name string, dst shape, dstCol int, x shape, xCol, cols int) trial {
	return copyColsOf(name, dst, dstCol, x, xCol, cols, g.uniform(dst.size(), -1, 1), g.uniform(x.size(), -1, 1))
}

// copyColsOf copies columns of from, of shape x, to those of to, of shape dst.
func copyColsOf(name string, dst shape, dstCol int, x shape, xCol, cols int, to, from []float32) trial {
	return trial{
		name:      name,
		operands:  []operand{in("dst", dst.rows, dst.cols, to), in("x", x.rows, x.cols, from)},
		call:      func(b backend.Backend, t tensors) { b.CopyCols(t["dst"], dstCol, t["x"], xCol, cols) },
		tolerance: map[string]tolerance{"dst": exact},
	}
}

func checkDropout(p *probe) {
	for i, c := range []struct {
		rate         float64
		seed, offset uint64
	}{
		{0.3, 42, 1<<32 - 40}, {0.5, 1, 0}, {0.1, 7, 12345}, {0, 3, 5},
		{0.999, 9, 561}, // keeps two elements of 33
		// Where the draw is rate·2²⁴, rounded down, and one less: a rate that is
		// first rounded to float32 drops both.
		{0.3, 42, 31558040}, {0.3, 42, 19527784},
		{0.5, 1 << 63, 1}, {0.25, math.MaxUint64, 1<<32 + 7}, {0.5, 5, math.MaxUint64 - 20},
	} {
		for _, s := range p.shapesOf(i) {
			name := fmt.Sprintf("rate %v, seed %d, offset %d/%v", c.rate, c.seed, c.offset, s)
			x := p.source(name).uniform(s.size(), -1, 1)
			for k := range x {
				// What is dropped is 0, whatever it was.
				switch k % 11 {
				case 3:
					x[k] = float32(math.NaN())
				case 7:
					x[k] = float32(inf)
				case 9:
					x[k] *= largestSubnormal
				}
			}
			want := make([]float64, len(x))
			for k := range want {
				if backend.DropoutKeeps(c.seed, c.offset+uint64(k), c.rate) {
					want[k] = float64(x[k]) / (1 - c.rate)
				}
			}
			p.verify(trial{
				name:     name,
				operands: []operand{out("dst", s.rows, s.cols), in("x", s.rows, s.cols, x)},
				call: func(b backend.Backend, t tensors) {
					b.Dropout(t["dst"], t["x"], c.rate, c.seed, c.offset)
				},
				want:      values{"dst": want},
				tolerance: map[string]tolerance{"dst": dropoutTolerance},
				sharing:   []sharing{{"dst": "x"}},
			})
		}
	}
}

// dropoutTolerance is exact for what is dropped.
func dropoutTolerance(k int, want float64) float64 {
	if want == 0 {
		return 0
	}
	return ulps(4)(k, want)
}
