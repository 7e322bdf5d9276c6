package backendtest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gputrain/backend"
)

var updateChecks = []check{
	{"SGD", checkSGD},
	{"RMSProp", checkRMSProp},
	{"Adam", checkAdam},
	{"ClipNorm", checkClipNorm},
	{"ClipFactor", checkClipFactor},
}

// The tolerances of the optimizers follow the rounding errors through the
// formulas, to first order, element by element. Scalars may be rounded to
// float32 before anything is computed from them, such as 1−Beta2.

// update is a call of an optimizer on one tensor of parameters.
type update struct {
	name  string
	call  func(b backend.Backend, x tensors)
	state []domain // the optimizer's, by field name
	out   []string // the operands that change

	// bounds sets the tolerances of Param and the state, given one element
	// before, by name, and after.
	bounds func(before, after, bound map[string]float64)
}

// check tries the update on all shapes, in the midst of training and, with
// zero state, at its start.
func (u update) check(p *probe, shapes []shape) {
	for _, s := range shapes {
		for _, fresh := range []string{"", ", fresh state"} {
			if fresh != "" && s.size() > 1<<16 {
				continue // the tolerances take long
			}
			name := fmt.Sprintf("%s/%v%s", u.name, s, fresh)
			g := p.source(name)
			n := s.size()
			x := content{"Param": g.uniform(n, -1, 1), "Grad": g.uniform(n, -1, 1)}
			for k := range n / 3 {
				x["Grad"][k] *= 1e-4
			}
			if n > 4 {
				x["Grad"][3] = 0
				x["Grad"][4] = float32(math.NaN()) // spoils its own parameter alone
			}
			for _, d := range u.state {
				x[d.name] = make([]float32, n)
				if fresh == "" {
					x[d.name] = g.uniform(n, d.low, d.high)
				}
			}
			p.verify(u.trial(p, name, s, x))
		}
	}
	u.checkSubnormal(p)
	u.checkSpecial(p)
	u.checkFactor(p)
}

// checkFactor tries factors of the gradient, on a backend that takes them.
func (u update) checkFactor(p *probe) {
	if _, ok := p.device.(backend.ClipFactorer); !ok {
		return
	}
	tinyFactor := float32(largestSubnormal)
	for _, factor := range []float32{0.37, 1, 0, tinyFactor, float32(math.NaN())} {
		s := shape{3, 11}
		name := fmt.Sprintf("%s/factor %v", u.name, factor)
		g := p.source(name)
		x := content{"Param": g.uniform(s.size(), -1, 1), "Grad": g.uniform(s.size(), -1, 1), "Factor": {factor}}
		for _, d := range u.state {
			x[d.name] = g.uniform(s.size(), d.low, d.high)
		}
		p.verify(u.trial(p, name, s, x))
	}
}

// checkSubnormal tries numbers that are subnormal, and squares that are.
func (u update) checkSubnormal(p *probe) {
	const root = 0x1p-65
	for _, c := range []struct {
		name               string
		size, grad, square float64
	}{{"subnormal", largestSubnormal, largestSubnormal, largestSubnormal}, {"subnormal squares", largestSubnormal, root, root * root}} {
		s := shape{3, 11}
		name := u.name + "/" + c.name
		g := p.source(name)
		x := content{"Param": g.uniform(s.size(), -c.size, c.size), "Grad": g.uniform(s.size(), -c.grad, c.grad)}
		for _, d := range u.state {
			size := c.size
			if d.name == "Square" {
				size = c.square
			}
			x[d.name] = scaled(g.uniform(s.size(), d.low, d.high), size)
		}
		p.verify(u.trial(p, name, s, x))
	}
}

// checkSpecial tries zeros of both signs, in part and throughout, and infinite
// gradients.
func (u update) checkSpecial(p *probe) {
	s := shape{3, 11}
	name := u.name + "/zeros"
	g := p.source(name)
	x := content{"Param": g.riddled(g.uniform(s.size(), -1, 1)), "Grad": g.riddled(g.uniform(s.size(), -1, 1))}
	for _, d := range u.state {
		x[d.name] = g.riddled(g.uniform(s.size(), d.low, d.high))
	}
	p.verify(u.trial(p, name, s, x))

	x = maps.Clone(x)
	x["Grad"] = make([]float32, s.size())
	p.verify(u.trial(p, u.name+"/zero gradient", s, x))

	name = u.name + "/infinite gradients"
	g = p.source(name)
	x["Grad"] = g.uniform(s.size(), -1, 1)
	for k, v := range []float64{inf, -inf, negativeNaN} {
		x["Grad"][7*k] = float32(v)
	}
	p.verify(u.trial(p, name, s, x))
}

func (u update) trial(p *probe, name string, s shape, x content) trial {
	t := trial{name: name, call: u.call, tolerance: map[string]tolerance{}}
	for _, operand := range append([]domain{{name: "Param"}, {name: "Grad"}}, u.state...) {
		t.operands = append(t.operands, in(operand.name, s.rows, s.cols, x[operand.name]))
	}
	if factor, ok := x["Factor"]; ok {
		t.operands = append(t.operands, in("Factor", 1, 1, factor))
	}
	t.want = p.expect(t)
	all := map[string][]float64{}
	for _, name := range u.out {
		all[name] = make([]float64, s.size())
		t.tolerance[name] = within(all[name])
	}
	before, after, bounds := map[string]float64{}, map[string]float64{}, map[string]float64{}
	for k := range s.size() {
		for name := range x {
			if name != "Factor" {
				before[name], after[name] = float64(x[name][k]), t.want[name][k]
			}
		}
		u.bounds(before, after, bounds)
		for name, bound := range all {
			bound[k] = bounds[name]
		}
	}
	return t
}

func checkSGD(p *probe) {
	for i, c := range []struct {
		momentum, decay float64
		nesterov        bool
		velocity        bool
	}{
		{0.9, 0.01, true, true},
		{0.9, 0.01, false, true}, {0.9, 0, true, true}, {0.9, 0, false, true}, {0.5, 0.3, true, true},
		{0, 0, false, false}, {0, 0.01, false, false}, {0, 0.01, true, false},
		{0, 0, false, true}, {0, 0.01, true, true},
	} {
		u := update{
			name: fmt.Sprintf("momentum %v, decay %v, Nesterov %v, velocity %v", c.momentum, c.decay, c.nesterov, c.velocity),
			call: func(b backend.Backend, x tensors) {
				b.SGD(backend.SGDArgs{Param: x["Param"], Grad: x["Grad"], Velocity: x["Velocity"], Factor: x["Factor"],
					LR: 0.1, Momentum: c.momentum, WeightDecay: c.decay, Nesterov: c.nesterov})
			},
			out: []string{"Param"},
			bounds: func(x, _, bound map[string]float64) {
				g := math.Abs(x["Grad"]) + c.decay*math.Abs(x["Param"])
				v := c.momentum*math.Abs(x["Velocity"]) + g
				step := g + c.momentum*v
				bound["Velocity"] = 5 * unit * v
				bound["Param"] = unit * (math.Abs(x["Param"]) + 0.1*8*max(v, step))
			},
		}
		if c.velocity {
			u.state = []domain{{name: "Velocity", low: -1, high: 1}}
		}
		if c.momentum != 0 {
			u.out = append(u.out, "Velocity")
		}
		u.check(p, p.shapesOf(i))
	}
}

func checkRMSProp(p *probe) {
	for i, c := range []struct {
		lr, decay, epsilon, momentum, weightDecay float64
		velocity                                  bool
	}{
		{0.01, 0.99, 1e-8, 0.9, 0.01, true},
		{0.01, 0.99, 1e-8, 0, 0, false}, {0.01, 0.9, 0.1, 0, 0, false}, {0.01, 0.9, 0.1, 0.5, 0, true},
		{0.01, 0.99, 1e-8, 0, 0.3, false}, {0.01, 0.99, 1e-8, 0, 0, true}, {0.5, 0, 0.1, 0.9, 0.3, true},
	} {
		u := update{
			name: fmt.Sprintf("decay %v, epsilon %v, momentum %v, weight decay %v, velocity %v",
				c.decay, c.epsilon, c.momentum, c.weightDecay, c.velocity),
			call: func(b backend.Backend, x tensors) {
				b.RMSProp(backend.RMSPropArgs{
					Param: x["Param"], Grad: x["Grad"], Square: x["Square"], Velocity: x["Velocity"], Factor: x["Factor"],
					LR: c.lr, Decay: c.decay, Epsilon: c.epsilon, Momentum: c.momentum, WeightDecay: c.weightDecay})
			},
			state: []domain{{name: "Square", low: 0, high: 1}},
			out:   []string{"Param", "Square"},
			bounds: func(x, after, bound map[string]float64) {
				g := math.Abs(x["Grad"]) + c.weightDecay*math.Abs(x["Param"])
				square := meanTolerance(c.decay, x["Square"], g*g, 7)
				root := math.Sqrt(after["Square"]) + c.epsilon
				step := (3*unit*g+2*tiny)/root + g/root*(4*unit+rootError(square, after["Square"])/root)
				velocity := 3*unit*(c.momentum*math.Abs(x["Velocity"])+g/root) + step
				bound["Square"], bound["Velocity"] = square, velocity
				bound["Param"] = unit*math.Abs(x["Param"]) +
					c.lr*(velocity+4*unit*(c.momentum*math.Abs(x["Velocity"])+g/root))
			},
		}
		if c.velocity {
			u.state = append(u.state, domain{name: "Velocity", low: -1, high: 1})
		}
		if c.momentum != 0 {
			u.out = append(u.out, "Velocity")
		}
		u.check(p, p.shapesOf(i))
	}
}

// meanTolerance is that of beta·mean + (1−beta)·x, where x has the given
// number of roundings behind it. A beta rounded to float32 moves weight of
// 2⁻²⁴·beta between the terms.
func meanTolerance(beta, mean, x, roundings float64) float64 {
	mean, x = math.Abs(mean), math.Abs(x)
	return unit*(4*beta*mean+(roundings+4)*(1-beta)*x+beta*(mean+x)) + 4*tiny
}

// rootError returns the error of √x, given that of x, which is not 0.
func rootError(err, x float64) float64 {
	return math.Min(err/(2*math.Sqrt(x)), math.Sqrt(err))
}

func checkAdam(p *probe) {
	type options struct {
		lr, beta1, beta2, epsilon, decay float64
		decoupled                        bool
		step                             int
	}
	var all []options
	for _, decoupled := range []bool{false, true} {
		for _, decay := range []float64{0.01, 0} {
			for _, step := range []int{3, 1, 2, 10, 1000, 1 << 16, 1<<20 + 2} {
				all = append(all,
					options{0.01, 0.9, 0.999, 1e-8, decay, decoupled, step},
					options{0.1, 0.5, 0.9, 0.1, 10 * decay, decoupled, step})
			}
		}
	}
	all = append(all, options{0.01, 0.9, 0.99999, 1e-8, 0, false, longer}, options{0.01, 0, 0, 1e-8, 0, false, 1}, options{0.01, 0, 0.9, 1e-4, 0.1, true, 5})
	for i, c := range all {
		correction1, err1 := biasCorrection(c.beta1, c.step)
		correction2, err2 := biasCorrection(c.beta2, c.step)
		update{
			name: fmt.Sprintf("beta1 %v, beta2 %v, epsilon %v, decay %v, decoupled %v, step %d",
				c.beta1, c.beta2, c.epsilon, c.decay, c.decoupled, c.step),
			call: func(b backend.Backend, x tensors) {
				b.Adam(backend.AdamArgs{
					Param: x["Param"], Grad: x["Grad"], Mean: x["Mean"], Square: x["Square"], Factor: x["Factor"],
					LR: c.lr, Beta1: c.beta1, Beta2: c.beta2, Epsilon: c.epsilon, WeightDecay: c.decay,
					Decoupled: c.decoupled, Step: c.step})
			},
			state: []domain{{name: "Mean", low: -1, high: 1}, {name: "Square", low: 0, high: 1}},
			out:   []string{"Param", "Mean", "Square"},
			bounds: func(x, after, bound map[string]float64) {
				g, shrink := math.Abs(x["Grad"]), c.lr*c.decay*math.Abs(x["Param"])
				if !c.decoupled {
					g, shrink = g+c.decay*math.Abs(x["Param"]), 0
				}
				mean := meanTolerance(c.beta1, x["Mean"], g, 3)
				square := meanTolerance(c.beta2, x["Square"], g*g, 7)
				root := math.Sqrt(after["Square"]/correction2) + c.epsilon
				scale := c.lr / correction1 / root
				step := scale*mean + tiny/root +
					scale*math.Abs(after["Mean"])*(8*unit+err1+err2/2+rootError(square, after["Square"])/math.Sqrt(correction2)/root)
				bound["Mean"], bound["Square"] = mean, square
				bound["Param"] = 3*unit*math.Abs(x["Param"]) + 4*unit*shrink + step
			},
		}.check(p, p.shapesOf(i))
	}
	checkAdamSteps(p)
}

// biasCorrection returns 1−beta^step and its relative error, where beta is
// rounded to float32 and so is its power.
func biasCorrection(beta float64, step int) (value, err float64) {
	power := math.Pow(beta, float64(step))
	return 1 - power, unit * (2 + (float64(step)+4)*power/(1-power))
}

// checkAdamSteps makes several steps in one case, to find state that is kept
// elsewhere than in the operands.
func checkAdamSteps(p *probe) {
	const name, steps, lr = "five steps in a row", 5, 0.01
	g := p.source(name)
	s := shape{3, 11}
	t := trial{
		name: name,
		operands: []operand{
			in("Param", s.rows, s.cols, g.uniform(s.size(), -1, 1)), in("Grad", s.rows, s.cols, g.uniform(s.size(), 0.5, 1)),
			in("Mean", s.rows, s.cols, make([]float32, s.size())), in("Square", s.rows, s.cols, make([]float32, s.size()))},
		call: func(b backend.Backend, x tensors) {
			for step := range steps {
				b.Adam(backend.AdamArgs{
					Param: x["Param"], Grad: x["Grad"], Mean: x["Mean"], Square: x["Square"],
					LR: lr, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Step: step + 1})
			}
		},
	}
	// With a constant gradient, each step moves by about LR; the errors of a
	// step are dominated by 1−Beta2, which is off by 2⁻²⁴/0.001 of itself.
	relativeError := func(_ int, want float64) float64 { return steps * 1000 * unit * math.Abs(want) }
	t.tolerance = map[string]tolerance{
		"Mean": relativeError, "Square": relativeError,
		"Param": func(_ int, want float64) float64 { return steps*1000*unit*lr + steps*unit },
	}
	p.verify(t)
}

func checkClipNorm(p *probe) {
	for _, s := range p.shapes() {
		n := float64(s.size())
		for _, c := range []struct {
			name  string
			limit float64
		}{{"below the limit", 10 * (n + 1)}, {"above the limit", 0.1}} {
			name := fmt.Sprintf("%v %s", s, c.name)
			// A sum of n squares, halved by the root, and the product.
			p.clipNorm(name, s, p.source(name).uniform(s.size(), -1, 1), c.limit, n/2+8)
			name += ", whole numbers"
			p.clipNorm(name, s, p.source(name).whole(s.size(), 1), c.limit, 8)
		}
	}
	for _, s := range append(p.longShapes(), p.manyParts()...) {
		name := s.String() + ", whole numbers"
		p.clipNorm(name, s, p.source(name).whole(s.size(), 1), 0.1, 8)
	}
	p.clipNorm("no limit", shape{1, 33}, p.source("no limit").uniform(33, -9, 9), inf, 24)
	p.clipNorm("NaN", shape{1, 3}, float32s([]float64{1, math.NaN(), 0}), 1, 8)
	zero := make([]float32, 33)
	p.clipNorm("zero", shape{1, 33}, zero, 0.5, 0)
	tiny := p.source("tiny").uniform(33, 0.5e-6, 1e-6)
	p.clipNorm("tiny, above the limit", shape{1, 33}, tiny, 1e-6, 50)
	// About the limit. Where the norm is small, 10⁻⁶ is much beside it.
	for _, size := range []float64{1e-4, 1, 1e6} {
		name := fmt.Sprintf("elements of %v", size)
		near := p.source(name).uniform(33, -size, size)
		var square float64
		for _, v := range near {
			square += float64(v) * float64(v)
		}
		for _, ratio := range []float64{0.7, 0.999, 0.9999, 1, 1.0001, 1.0005, 1.001} {
			p.clipNorm(fmt.Sprintf("%s, limit %v of the norm", name, ratio), shape{1, 33}, near, ratio*math.Sqrt(square), 24)
		}
	}
	p.clipNorm("exactly at the limit", shape{1, 2}, []float32{3 * 0x1p-9, -4 * 0x1p-9}, 5*0x1p-9, 8)
	p.clipNorm("within 1e-6 below the limit", shape{1, 2}, []float32{3 * 0x1p-9, -4 * 0x1p-9}, 5*0x1p-9+5e-7, 8)
	subnormal := p.source("subnormal").uniform(33, -largestSubnormal, largestSubnormal)
	p.clipNorm("subnormal", shape{3, 11}, subnormal, 1, 33)
	p.clipNorm("subnormal, above the limit", shape{3, 11}, subnormal, smallestNormal, 33)
	mixed := append(slices.Clone(subnormal), -3, 4)
	p.clipNorm("subnormal and not", shape{5, 7}, mixed, 0.5, 24)
	p.clipNorm("infinite", shape{1, 3}, float32s([]float64{1, -inf, 0}), 1, 8) // Inf·0 is NaN
	// Norms that float32 holds, of elements whose squares it does not.
	for _, c := range []struct {
		name   string
		a, b   float64 // magnitudes of one half and the other
		limits [2]float64
	}{
		{"large", 1e24, 1e36, [2]float64{1e38, 0.1}},
		{"small", 1e-38, 1e-26, [2]float64{1, 1e-9}},
		{"one and small", 1, 1e-30, [2]float64{100, 1e-3}},
		{"one and large", 1, 1e30, [2]float64{1e32, 1e-3}},
		{"small and large", 1e-38, 1e36, [2]float64{1e38, 0.1}},
	} {
		const half = 33
		for _, limit := range c.limits {
			name := fmt.Sprintf("%s, limit %v", c.name, limit)
			g := p.source(name)
			x := slices.Concat(g.uniform(half, c.a/2, c.a), g.uniform(half, -c.b, -c.b/2))
			p.clipNorm(name, shape{2, half}, x, limit, half+8)
		}
	}
	for _, c := range []struct {
		name string
		x    []float64
	}{
		{"NaN", []float64{1, math.NaN(), 2}},
		{"negative NaN", []float64{1, 2, negativeNaN}},
		{"overflow", []float64{math.MaxFloat32, -math.MaxFloat32, 1}},
	} {
		t := clipNormTrial(c.name, shape{1, 3}, float32s(c.x), 1)
		t.tolerance = map[string]tolerance{"norm": exact, "x": nil} // what becomes of x is open
		p.verify(t)
	}
}

func (p *probe) clipNorm(name string, s shape, x []float32, limit, roundings float64) {
	t := clipNormTrial(name, s, x, limit)
	relativeError := func(_ int, want float64) float64 { return roundings * (unit*math.Abs(want) + tiny) }
	t.tolerance = map[string]tolerance{"norm": relativeError, "x": relativeError}
	t.want = p.expect(t)
	if t.want["norm"][0]*(1+roundings*unit)+1e-6 < limit*(1-roundings*unit) {
		t.tolerance["x"] = exact
	}
	p.verify(t)
}

func clipNormTrial(name string, s shape, x []float32, limit float64) trial {
	return trial{
		name:     name,
		operands: []operand{in("x", s.rows, s.cols, x), out("norm", 1, 1)},
		call:     func(b backend.Backend, x tensors) { b.ClipNorm(x["x"], x["norm"], limit) },
	}
}

func checkClipFactor(p *probe) {
	if _, ok := p.device.(backend.ClipFactorer); !ok {
		p.result.Skipped = "the optimizers take no factor of the gradient"
		return
	}
	try := func(name string, s shape, x []float32, limit, roundings float64) {
		relativeError := func(_ int, want float64) float64 { return roundings * (unit*math.Abs(want) + tiny) }
		t := trial{
			name:     name,
			operands: []operand{in("x", s.rows, s.cols, x), out("norm", 1, 1), out("factor", 1, 1)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.ClipFactorer).ClipFactor(x["x"], x["norm"], x["factor"], limit)
			},
			tolerance: map[string]tolerance{"norm": relativeError, "factor": relativeError},
		}
		t.want = p.expect(t)
		if t.want["norm"][0]*(1+roundings*unit)+1e-6 < limit*(1-roundings*unit) {
			t.tolerance["factor"] = exact
		}
		p.verify(t)
	}
	for _, s := range p.shapes() {
		n := float64(s.size())
		for _, limit := range []float64{10 * (n + 1), 0.1} {
			name := fmt.Sprintf("%v, limit %v", s, limit)
			try(name, s, p.source(name).uniform(s.size(), -1, 1), limit, n/2+8)
		}
	}
	for _, s := range p.manyParts() {
		name := s.String() + ", whole numbers"
		try(name, s, p.source(name).whole(s.size(), 1), 0.1, 8)
	}
	row := shape{1, 3}
	try("no limit", row, []float32{9, -9, 3}, inf, 8)
	try("zero", row, []float32{0, 0, 0}, 0.5, 8)
	try("NaN", row, float32s([]float64{1, math.NaN(), 0}), 1, 8)
	try("infinite", row, float32s([]float64{1, -inf, 0}), 1, 8)
	for _, ratio := range []float64{0.999, 1, 1.0005} {
		try(fmt.Sprintf("limit %v of the norm", ratio), row, []float32{2, -1, 2}, 3*ratio, 8)
	}
}
