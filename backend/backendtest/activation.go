package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
)

var activationChecks = []check{
	{"Sigmoid", unary("y", backend.Backend.Sigmoid, argument, constant(ulps(4)))},
	{"SigmoidGrad", activationGrad(backend.Backend.SigmoidGrad,
		domain{name: "y", low: 0, high: 1, special: []float64{0, tiny, smallestNormal, 0.5, 1 - unit, 1, math.NaN()}}, constant(ulps(4)))},
	{"Tanh", unary("y", backend.Backend.Tanh, argument, constant(ulps(4)))},
	{"TanhGrad", activationGrad(backend.Backend.TanhGrad,
		domain{name: "y", low: -1, high: 1, special: []float64{-1, unit - 1, negative0, 0, tiny, 0.5, 1 - unit, 1, math.NaN()}}, tanhGradTolerance)},
	{"ReLU", unary("y", backend.Backend.ReLU, argument, constant(exact))},
	{"ReLUGrad", activationGrad(backend.Backend.ReLUGrad,
		domain{name: "y", low: -1, high: 1, special: []float64{-1, -tiny, negative0, 0, tiny, 1e-30, 2, inf, math.NaN(), negativeNaN}}, constant(exact))},
	{"Softmax", checkSoftmax},
	{"SoftmaxGrad", checkSoftmaxGrad},
	{"LayerNorm", checkLayerNorm},
	{"LayerNormGrad", checkLayerNormGrad},
}

// argument is the input of an activation: mostly where it bends, and beyond
// where its exponential overflows and underflows.
var argument = domain{name: "x", low: -6, high: 6, special: arguments(), wide: true}

// arguments returns values of both signs, about where implementations change
// over: from a polynomial to an exponential, to a constant, to what would
// overflow or underflow.
func arguments() []float64 {
	x := []float64{0, tiny, smallestNormal, 1e-30, 1e-5, 0.3, 1e4, 1<<24 - 1, 1 << 24, math.MaxFloat32, inf, math.NaN()}
	for _, threshold := range []float64{
		0x1p-12, 0.25, 0.35, 0.55, 0.625, math.Ln2, 1, 2, 4, 6.5, 7, 7.5, 8, 8.66, 9, 9.01, 10, 15, 16, 16.63, 17.32, 17.5, 18, 19.06, 20, 22,
		32, 40, 44, 44.36, 60, 64, 80, 83, 85, 86.64, 87, 87.33, 88, 88.37, 88.72, 88.8, 89, 96, 100, 103.27, 103.97, 104, 110, 126, 127, 128, 150,
		709.78, 745.13,
	} {
		x = append(x, threshold*(1-2*unit), threshold, threshold*(1+4*unit))
	}
	for _, v := range slices.Clone(x) {
		x = append(x, -v)
	}
	return x
}

func activationGrad(op func(b backend.Backend, dx, y, dy backend.Tensor), y domain, t func(content, shape) tolerance) func(*probe) {
	return func(p *probe) {
		pointwise{output: "dx", tolerance: t,
			inputs: []domain{y, {name: "dy", low: -1, high: 1, wide: true,
				special: []float64{0, negative0, 1, -2.5, tiny, -smallestNormal, math.MaxFloat32, inf, -inf, math.NaN(), negativeNaN}}},
			call: func(b backend.Backend, x tensors) { op(b, x["dx"], x["y"], x["dy"]) },
		}.check(p, "", p.elements())
	}
}

// tanhGradTolerance admits the rounding of y², which is large compared to
// 1−y² where that is small.
func tanhGradTolerance(x content, _ shape) tolerance {
	return func(k int, _ float64) float64 {
		return 3*unit*abs(x["dy"][k])*(1+abs(x["y"][k])*abs(x["y"][k])) + 3*tiny
	}
}

func checkSoftmax(p *probe) {
	trialOf := func(name string, s shape, x []float32) trial {
		return trial{
			name:      name,
			operands:  []operand{out("y", s.rows, s.cols), in("x", s.rows, s.cols, x)},
			call:      func(b backend.Backend, t tensors) { b.Softmax(t["y"], t["x"]) },
			tolerance: map[string]tolerance{"y": softmaxTolerance(x, s)},
			sharing:   []sharing{{"y": "x"}},
		}
	}
	for _, s := range append(p.shapes(), p.manyRows()...) {
		p.verify(trialOf(s.String(), s, p.source(s.String()).uniform(s.size(), -8, 8)))
	}
	for _, s := range p.longRow() {
		x := p.source(s.String()).uniform(s.size(), -8, 8)
		p.verify(trialOf(s.String()+", the last dominate", s, withTail(x, dominating)))
	}
	p.verify(trialOf("special rows", shape{len(specialLogits) / 3, 3}, specialLogits))
	for _, n := range p.sizes() {
		s := shape{min(n, 33), n}
		p.verify(trialOf(s.String()+", one column dominates", s, dominated(s)))
	}
	x := pairs()
	t := trialOf("every exponent against 0", shape{len(x) / 2, 2}, x)
	t.once = true
	p.verify(t)
	x = exponents(p.source("exponents"))
	t = trialOf("exponents", shape{len(x) / 2, 2}, x)
	t.once = true
	p.verify(t)
}

// pairs returns rows of two logits: a number of any exponent and 0.
func pairs() (x []float32) {
	for i, v := range sweep() {
		if i%4 < 2 && -inf < float64(v) && float64(v) < inf { // a half will do
			x = append(x, v, 0)
		}
	}
	return x
}

// specialLogits are rows of three. An infinity is defined where it is not the
// largest; NaN spoils its own row.
var specialLogits = float32s([]float64{
	-inf, 0, 1,
	-inf, -3, -inf,
	math.NaN(), 0, 1,
	0, 1, math.NaN(),
	1e4, 1e4 - 1, -1e4,
	-1e4, -1e4, -1e4,
	3e38, -3e38, 0,
	0, negative0, 0,
	100, -100, 99,
	-200, -201, -202,
	-20000, -20001, -20003, // below any number that the search for the largest may begin with
	-1e30, -1e30, -1e30,
	-math.MaxFloat32, -inf, -math.MaxFloat32,
	1e30, -1e30, 1e30,
	math.MaxFloat32, math.MaxFloat32, math.MaxFloat32,
	20003, 20000, 20001,
	0, -87.5, -103, // subnormal results
	0, -1e5, -104.5,
	tiny, 0, -smallestNormal,
	1 << 24, 1<<24 - 1, 1<<24 - 2,
})

// dominated returns logits of which one in each row, somewhere else in each, is
// so much larger than the others that its exponential overflows if it is not
// taken for the largest.
func dominated(s shape) []float32 {
	x := make([]float32, s.size())
	for i := range s.rows {
		x[i*s.cols+i*s.cols/s.rows] = 200
	}
	return x
}

// dominating makes a logit so much larger than others that their exponentials are 0.
func dominating(x float64) float64 { return x + 200 }

// softmaxTolerance is that of exp(x−m)/Σ. The difference is rounded once, and the
// exponential makes a relative error of that, here and in Σ. The rest are
// exponentialError, the cols−1 roundings of Σ, a quotient within 2.5 units in the last
// place, which are 5 roundings and what OpenGL promises, and a product.
func softmaxTolerance(x []float32, s shape) tolerance {
	sums := newExponentials(x, s)
	return func(k int, want float64) float64 {
		if want == 0 {
			return 4 * tiny
		}
		return (unit*(exponentialError+float64(s.cols)+5)+sums.errorAt(k))*want + 4*tiny
	}
}

// exponentialError is that of an exponential within 4 units in the last place, in
// roundings. Where the difference before it is exact, as x−0 is, nothing else may
// make it less accurate, however small the result: see exponents.
const exponentialError = 8

// exponentials are what the rows of logits give.
type exponentials struct {
	shape
	x       []float32
	largest []float64 // of each row
	sum     []float64 // Σ exp(x−m) of each row
	err     []float64 // Σ of the errors of x−m, each by its share of the sum
}

func newExponentials(x []float32, s shape) exponentials {
	e := exponentials{s, x, rowLargest(x, s), make([]float64, s.rows), make([]float64, s.rows)}
	for k, v := range x {
		e.sum[k/s.cols] += math.Exp(float64(v) - e.largest[k/s.cols])
	}
	for k := range x {
		if share := e.share(k); share > 0 {
			e.err[k/s.cols] += share * e.difference(k)
		}
	}
	return e
}

// share returns the softmax of element k.
func (e exponentials) share(k int) float64 {
	i := k / e.cols
	return math.Exp(float64(e.x[k])-e.largest[i]) / e.sum[i]
}

// difference returns by how much x−m of element k is off in float32.
func (e exponentials) difference(k int) float64 {
	d := float64(e.x[k]) - e.largest[k/e.cols]
	return math.Abs(float64(float32(d)) - d)
}

// errorAt returns the relative error that differences make in the softmax of element
// k, whose share is not 0.
func (e exponentials) errorAt(k int) float64 { return e.difference(k) + e.err[k/e.cols] }

// exponents returns rows of two logits, x and 0 in either order, the exponential of
// whose difference is the softmax of the first, up to a sum that is all but 1: from 0
// to where it is no more than half of the least float32, and about multiples of ½ ln 2,
// where implementations go from one power of two to the next.
func exponents(g source) (x []float32) {
	pair := func(v float64) {
		if len(x)%4 == 0 {
			x = append(x, float32(v), 0)
		} else {
			x = append(x, 0, float32(v))
		}
	}
	const least, parts = -104, 400
	for k := range parts {
		pair(least * (float64(k) + g.Float64()) / parts)
	}
	for v := 0.0; v > least; v -= math.Ln2 / 2 {
		pair(v * (1 - unit))
		pair(v * (1 + 2*unit))
	}
	return x
}

// rowLargest returns the largest element of each row.
func rowLargest(x []float32, s shape) []float64 {
	m := make([]float64, s.rows)
	for i := range m {
		m[i] = -inf
		for _, v := range x[i*s.cols : (i+1)*s.cols] {
			m[i] = math.Max(m[i], float64(v))
		}
	}
	return m
}

func checkSoftmaxGrad(p *probe) {
	for _, s := range append(p.shapes(), p.manyRows()...) {
		g := p.source(s.String())
		p.verify(softmaxGradTrial(s.String(), s, g.uniform(s.size(), 0, 1), g.uniform(s.size(), -1, 1)))
	}
	for _, s := range p.longRow() {
		g := p.source(s.String())
		p.verify(softmaxGradTrial(s.String()+", the last outweigh", s, g.uniform(s.size(), 0, 1),
			withTail(g.uniform(s.size(), -1, 1), outweighing)))
	}
	g := p.source("subnormal")
	p.verify(softmaxGradTrial("subnormal", shape{3, 5}, g.uniform(15, 0, 1), g.uniform(15, -largestSubnormal, largestSubnormal)))
	y := []float32{0.25, 0.5, 0.25, 0.5, 0.25, 0.25, 0, 1, 0}
	dy := float32s([]float64{1, math.NaN(), 2, 1, 2, 3, -4, 5, 6})
	p.verify(softmaxGradTrial("NaN in the first of three rows", shape{3, 3}, y, dy))
}

func softmaxGradTrial(name string, s shape, y, dy []float32) trial {
	// dx = y·(dy − Σ dy·y): cols products are summed, then three operations.
	sum := make([]float64, s.rows)
	for k := range y {
		sum[k/s.cols] += abs(dy[k]) * abs(y[k])
	}
	terms := make([]float64, len(y))
	for k := range y {
		terms[k] = abs(y[k]) * (abs(dy[k]) + sum[k/s.cols])
	}
	return trial{
		name: name,
		operands: []operand{
			out("dx", s.rows, s.cols), in("y", s.rows, s.cols, y), in("dy", s.rows, s.cols, dy)},
		call:      func(b backend.Backend, t tensors) { b.SoftmaxGrad(t["dx"], t["y"], t["dy"]) },
		tolerance: map[string]tolerance{"dx": rounded(float64(s.cols)+3, terms)},
		sharing:   []sharing{{"dx": "y"}, {"dx": "dy"}},
	}
}

func checkLayerNorm(p *probe) {
	try := func(name string, s shape, x []float32, epsilon float64) {
		y, rstd := layerNormTolerance(x, s, epsilon)
		p.verify(trial{
			name:      name,
			operands:  []operand{out("y", s.rows, s.cols), out("rstd", s.rows, 1), in("x", s.rows, s.cols, x)},
			call:      func(b backend.Backend, t tensors) { b.LayerNorm(t["y"], t["rstd"], t["x"], epsilon) },
			tolerance: map[string]tolerance{"y": y, "rstd": rstd},
			sharing:   []sharing{{"y": "x"}},
		})
	}
	for _, s := range append(p.shapes(), p.manyRows()...) {
		try(s.String(), s, p.source(s.String()).uniform(s.size(), -3, 1), 1e-5)
	}
	for _, s := range p.longRow() {
		x := p.source(s.String()).uniform(s.size(), -3, 1)
		try(s.String()+", the last outweigh", s, withTail(x, outweighing), 1e-5)
	}
	for _, epsilon := range []float64{0, 0.1, 100} {
		name := fmt.Sprintf("epsilon %v", epsilon)
		try(name, shape{3, 33}, p.source(name).uniform(99, -1, 1), epsilon)
	}
	for _, epsilon := range []float64{0, 1e-5} {
		for _, s := range []shape{{4, 2}, {4, 33}} { // two columns: a sample's variance is twice the mean square
			for _, size := range []float64{1e-18, 1e-4, 1e18} {
				name := fmt.Sprintf("%v of size %v, epsilon %v", s, size, epsilon)
				try(name, s, p.source(name).uniform(s.size(), -size, size/2), epsilon)
			}
		}
	}
	name := "subnormal"
	try(name, shape{3, 33}, p.source(name).uniform(99, -largestSubnormal, largestSubnormal), 1e-5)
	try("special rows", shape{7, 3}, float32s([]float64{
		math.NaN(), 0, 1,
		0, 1, 2,
		inf, 1, 2,
		-1, 0, 1,
		1, -inf, 0,
		0, 0, 0,
		1001, 1000, 999, // the variance is not that of the squares less the square
	}), 1e-3)
}

// layerNormTolerance returns those of y and rstd. The mean is off by the
// roundings of a sum, which the variance sees squared.
func layerNormTolerance(x []float32, s shape, epsilon float64) (y, rstd tolerance) {
	n := float64(s.cols)
	size, mean, scale := make([]float64, s.rows), make([]float64, s.rows), make([]float64, s.rows)
	for i := range s.rows {
		row := x[i*s.cols : (i+1)*s.cols]
		var squares float64
		for _, v := range row {
			mean[i] += float64(v) / n
			size[i] += abs(v) / n
		}
		for _, v := range row {
			squares += (float64(v) - mean[i]) * (float64(v) - mean[i])
		}
		scale[i] = 1 / math.Sqrt(squares/n+epsilon)
	}
	offMean := func(i int) float64 { return (n + 2) * unit * size[i] }
	relative := func(i int) float64 { return (n+8)*unit + offMean(i)*offMean(i)*scale[i]*scale[i] }
	y = func(k int, want float64) float64 {
		i := k / s.cols
		return scale[i]*(offMean(i)+unit*(abs(x[k])+math.Abs(mean[i]))+n*tiny) + relative(i)*math.Abs(want) + tiny
	}
	rstd = func(i int, want float64) float64 { return relative(i) * want }
	return y, rstd
}

func checkLayerNormGrad(p *probe) {
	try := func(name string, s shape, y, rstd, dy []float32) {
		n := float64(s.cols)
		sum, product := make([]float64, s.rows), make([]float64, s.rows)
		for k := range y {
			sum[k/s.cols] += abs(dy[k]) / n
			product[k/s.cols] += abs(dy[k]) * abs(y[k]) / n
		}
		terms := make([]float64, len(y))
		for k := range y {
			i := k / s.cols
			terms[k] = abs(rstd[i]) * (abs(dy[k]) + sum[i] + abs(y[k])*product[i])
		}
		p.verify(trial{
			name: name,
			operands: []operand{out("dx", s.rows, s.cols), in("y", s.rows, s.cols, y), in("rstd", s.rows, 1, rstd),
				in("dy", s.rows, s.cols, dy)},
			call:      func(b backend.Backend, t tensors) { b.LayerNormGrad(t["dx"], t["y"], t["rstd"], t["dy"]) },
			tolerance: map[string]tolerance{"dx": rounded(n+6, terms)},
			sharing:   []sharing{{"dx": "y"}, {"dx": "dy"}},
		})
	}
	for _, s := range append(p.shapes(), p.manyRows()...) {
		g := p.source(s.String())
		try(s.String(), s, g.uniform(s.size(), -2, 2), g.uniform(s.rows, 0.1, 3), g.uniform(s.size(), -1, 1))
	}
	for _, s := range p.longRow() {
		g := p.source(s.String())
		try(s.String()+", the last outweigh", s, withTail(g.uniform(s.size(), -2, 2), math.Abs), g.uniform(s.rows, 0.1, 3),
			withTail(g.uniform(s.size(), -1, 1), outweighing))
	}
	for _, size := range []float64{largestSubnormal, 1e-18, 1e18} {
		name := fmt.Sprintf("gradients of size %v", size)
		g := p.source(name)
		try(name, shape{3, 5}, g.uniform(15, -2, 2), g.uniform(3, 0.1, 3), g.uniform(15, -size, size))
	}
	g := p.source("NaN")
	y, dy := g.uniform(15, -2, 2), g.uniform(15, -1, 1)
	y[1], dy[14] = float32(math.NaN()), float32(math.NaN())
	try("NaN in two of three rows", shape{3, 5}, y, []float32{1, 2, 3}, dy)
}
