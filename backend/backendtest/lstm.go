package backendtest

import (
	"maps"
	"math"
	"slices"

	"gputrain/backend"
)

var lstmChecks = []check{
	{"LSTMCell", checkLSTMCell},
	{"LSTMCellGrad", checkLSTMCellGrad},
	{"LSTMPeepGrad", checkLSTMPeepGrad},
	{"LSTMForward", checkLSTMForward},
	{"LSTMBackward", lstm.checkBackward},
	{"LSTMScratch", checkLSTMScratch},
}

// lstm is the LSTM, whose weights have four rows for each hidden unit.
var lstm = layer{
	paths:    lstmPaths,
	content:  lstmContent,
	forward:  lstmForward,
	backward: lstmBackward,
	overwrite: func(b backend.Backend, batch int, x tensors) {
		a := lstmGradArgs(batch, x)
		a.Overwrite = true
		backend.LSTMBackward(b, a)
	},

	data:       []string{"DZ", "DX", "DH0", "DC0"},
	parameters: lstmParameters(),

	optional:         append([][]string{{"Peep"}, {"Peep", "BIH"}, {"Peep", "BIH", "BHH"}}, optionalBiases...),
	optionalBackward: append([]string{"Peep", "DC0", "DCLast"}, optionalGradients...),
	frugal:           []string{"Peep", "BHH", "DHLast", "DCLast", "DH0"},
}

func lstmParameters() map[string]gradient {
	all := weightsAndBiases("DZ", "DZ")
	all["DPeep"] = gradient{"DZ", "C"}
	return all
}

func lstmPaths(b backend.Backend) []path {
	_, sequencer := b.(backend.LSTMSequencer)
	return pathsOf(b, sequencer, func(b backend.Backend, cell backend.LSTMCeller) backend.Backend { return lstmLoop{b, cell} })
}

// lstmLoop has a fused cell and nothing else.
type lstmLoop struct {
	backend.Backend
	backend.LSTMCeller
}

func checkLSTMScratch(p *probe) { checkScratch(p, lstmPaths(p.device), backend.LSTMScratch) }

func lstmContent(g source, d dims) content {
	n, h := d.batch, d.hidden
	x := d.layerContent(g, 4)
	maps.Copy(x, content{
		"Peep": g.uniform(3*h, -0.7, 0.7), "C": g.uniform(n*h, -1.5, 1.5),
		"DCLast": g.uniform(n*h, -1, 1), "DPeep": g.uniform(3*h, -1, 1),
	})
	return x
}

func lstmArgs(batch int, x tensors) backend.LSTMArgs {
	return backend.LSTMArgs{
		Batch: batch, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"], Peep: x["Peep"],
		H: x["H"], C: x["C"], Gates: x["Gates"], Scratch: x["Scratch"],
	}
}

func lstmGradArgs(batch int, x tensors) backend.LSTMGradArgs {
	return backend.LSTMGradArgs{
		LSTMArgs: lstmArgs(batch, x), DY: x["DY"], DHLast: x["DHLast"], DCLast: x["DCLast"],
		DZ: x["DZ"], DX: x["DX"], DH0: x["DH0"], DC0: x["DC0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"], DPeep: x["DPeep"],
	}
}

func lstmForward(b backend.Backend, d dims, x content, absent []string) trial {
	rows, first := d.steps*d.batch, d.batch*d.hidden
	return trial{
		name: d.String(),
		operands: append(d.layerInputs(x, 4, x["H"]),
			in("Peep", 3, d.hidden, x["Peep"]), in("C", rows+d.batch, d.hidden, x["C"]),
			out("Gates", rows, 4*d.hidden), d.lstmScratch(b, absent)),
		call: func(b backend.Backend, x tensors) { backend.LSTMForward(b, lstmArgs(d.batch, x)) },
		tolerance: map[string]tolerance{
			"H": d.forwardTolerance(first), "C": d.forwardTolerance(first), "Gates": d.forwardTolerance(0), "Scratch": nil,
		},
	}
}

func lstmBackward(b backend.Backend, d dims, x content, after values, absent []string) trial {
	rows, h := d.steps*d.batch, d.hidden
	return trial{
		name: d.String(),
		operands: slices.Concat(d.layerInputs(x, 4, float32s(after["H"])), d.layerGradients(x, 4), []operand{
			in("Peep", 3, h, x["Peep"]), in("C", rows+d.batch, h, float32s(after["C"])), in("Gates", rows, 4*h, float32s(after["Gates"])),
			in("DCLast", d.batch, h, x["DCLast"]), out("DC0", d.batch, h), in("DPeep", 3, h, x["DPeep"]),
			out("DZ", rows, 4*h), d.lstmScratch(b, absent)}),
		call:    func(b backend.Backend, x tensors) { backend.LSTMBackward(b, lstmGradArgs(d.batch, x)) },
		sharing: []sharing{{"DZ": "Gates"}},
	}
}

// lstmScratch returns no more scratch than a layer without the absent operands
// must do with.
func (d dims) lstmScratch(b backend.Backend, absent []string) operand {
	return out("Scratch", 1, backend.LSTMScratch(b, backend.LSTMDims{
		Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden, Peepholes: !slices.Contains(absent, "Peep")}))
}

// lstmCell is one element of LSTMCell, in float64.
type lstmCell struct{ i, f, g, o, c, h float64 }

// newLSTMCell computes the cell from the arguments z of the gates.
func newLSTMCell(z [4]float64, before float64, peep [3]float64) lstmCell {
	var e lstmCell
	e.i = sigmoid(z[0] + through(peep[0], before))
	e.f = sigmoid(z[1] + through(peep[1], before))
	e.g = math.Tanh(z[2])
	e.c = e.f*before + e.i*e.g
	e.o = sigmoid(z[3] + through(peep[2], e.c))
	e.h = e.o * math.Tanh(e.c)
	return e
}

// through returns what a peephole lets through of x: nothing if it is 0, which is that
// of a cell without peepholes, even if x is infinite.
func through(peep, x float64) float64 {
	if peep == 0 {
		return 0
	}
	return peep * x
}

// keptLSTMCell returns the cell of which the gates and the state are kept.
func keptLSTMCell(gates [4]float64, c float32) lstmCell {
	return lstmCell{i: gates[0], f: gates[1], g: gates[2], o: gates[3], c: float64(c)}
}

func (e lstmCell) gates() [4]float64 { return [4]float64{e.i, e.f, e.g, e.o} }

// grad returns the gradients of z and of the cell before, given those of the
// output and of the cell after.
func (e lstmCell) grad(before float64, peep [3]float64, dh, dc float64) (dz [4]float64, dBefore float64) {
	t := math.Tanh(e.c)
	dz[3] = dh * t * e.o * (1 - e.o)
	dc += dh*e.o*(1-t*t) + through(peep[2], dz[3])
	dz[0] = dc * e.g * e.i * (1 - e.i)
	dz[1] = dc * before * e.f * (1 - e.f)
	dz[2] = dc * e.i * (1 - e.g*e.g)
	return dz, dc*e.f + through(peep[0], dz[0]) + through(peep[1], dz[1])
}

// lstmBatch is a batch of LSTM cells.
type lstmBatch struct {
	cellBatch
	z, before, peep []float32 // arguments of the gates, cells before, peepholes; peep is nil if the cell has none
}

// lstmCells calls run with batches of all sizes, with extreme arguments, with
// saturated gates, with zeros, and with large and infinite states.
func (p *probe) lstmCells(run func(c lstmBatch)) {
	if _, ok := p.device.(backend.LSTMCeller); !ok {
		p.result.Skipped = "the backend has no fused LSTM cell"
		return
	}
	both := func(name string, s shape, z, before, peep []float32) {
		run(lstmBatch{cellBatch{name: name, shape: s}, z, before, peep})
		run(lstmBatch{cellBatch{name: name + ", no peephole", shape: s}, z, before, nil})
	}
	for _, s := range p.cellShapes() {
		g := p.source(s.String())
		both(s.String(), s, g.uniform(4*s.size(), -4, 4), g.uniform(s.size(), -2, 2), g.uniform(3*s.cols, -1, 1))
	}
	s, g := extremeShape, p.source("extremes")
	both("extremes", s, extremeArguments(4*s.rows, s.cols), g.uniform(s.size(), -40, 40), g.uniform(3*s.cols, -1, 1))

	s, g = saturatedShape, p.source("saturated")
	z, candidate := g.saturated(4*s.size()), g.uniform(s.size(), 0.1, 1)
	for k := range candidate {
		gates := gatesAt[[4]float64](s, k, z)
		gates[2] = float64(candidate[k])
		setGates(s, k, z, gates)
	}
	run(lstmBatch{cellBatch{name: "saturated gates", shape: s, saturated: true}, z, g.uniform(s.size(), 0.1, 2), nil})

	s, g = zerosShape, p.source("zeros")
	run(lstmBatch{cellBatch{name: "zeros", shape: s, zeros: true}, g.riddled(g.uniform(4*s.size(), -4, 4)),
		g.riddled(g.uniform(s.size(), -2, 2)), g.riddled(g.uniform(3*s.cols, -1, 1))})

	s, g = shape{3, 5}, p.source("large")
	run(lstmBatch{cellBatch{name: "large", shape: s, large: true}, g.uniform(4*s.size(), -4, 4), g.uniform(s.size(), -1000, 1000), nil})

	g = p.source("infinite states")
	run(lstmBatch{cellBatch{name: "infinite states", shape: s}, g.uniform(4*s.size(), -4, 4), infinite(g.uniform(s.size(), -2, 2)), nil})
}

// infinite replaces each third number by infinity of its sign, and returns x.
func infinite(x []float32) []float32 {
	for k := 0; k < len(x); k += 3 {
		x[k] *= float32(inf)
	}
	return x
}

// stateScale returns 1 + |before|, but 1 if that is infinite: the results are infinite
// then, or have no part of it.
func stateScale(before float32) float64 {
	if math.IsInf(float64(before), 0) {
		return 1
	}
	return 1 + abs(before)
}

// checkLSTMForward also tries infinite states without peepholes, which see nothing of
// them.
func checkLSTMForward(p *probe) {
	lstm.checkForward(p)
	x := lstm.content(p.source("infinite states"), specialDims)
	x["C"] = infinite(x["C"])
	lstm.tryForward(p, ", infinite states", specialDims, x, "Peep")
}

// peepholesAt returns the peepholes of element k of a batch of LSTM cells, 0 if
// there are none.
func peepholesAt(s shape, k int, peep []float32) (w [3]float64) {
	if peep == nil {
		return w
	}
	return gatesAt[[3]float64](shape{1, s.cols}, k%s.cols, peep)
}

func lstmCellArgs(x tensors) backend.LSTMCellArgs {
	return backend.LSTMCellArgs{Gates: x["Gates"], CPrev: x["CPrev"], Peep: x["Peep"], C: x["C"], H: x["H"]}
}

func lstmCellGradArgs(x tensors) backend.LSTMCellGradArgs {
	return backend.LSTMCellGradArgs{Gates: x["Gates"], CPrev: x["CPrev"], C: x["C"], Peep: x["Peep"],
		DY: x["DY"], DH: x["DH"], DC: x["DC"], DZ: x["DZ"]}
}

func checkLSTMCell(p *probe) {
	p.lstmCells(func(c lstmBatch) {
		s, z, before, peep := c.shape, c.z, c.before, c.peep
		want := values{"Gates": make([]float64, len(z)), "C": make([]float64, s.size()), "H": make([]float64, s.size())}
		scale := make([]float64, s.size())
		gateScale := make([]float64, len(z))
		for k := range s.size() {
			e := newLSTMCell(gatesAt[[4]float64](s, k, z), float64(before[k]), peepholesAt(s, k, peep))
			want["C"][k], want["H"][k] = e.c, e.h
			scale[k] = stateScale(before[k])
			setGates(s, k, want["Gates"], e.gates())
			setGates(s, k, gateScale, [4]float64{scale[k], scale[k], scale[k], scale[k]})
		}
		t := trial{
			name: c.name,
			operands: []operand{
				in("Gates", s.rows, 4*s.cols, z), in("CPrev", s.rows, s.cols, before), in("Peep", 3, s.cols, peep),
				out("C", s.rows, s.cols), out("H", s.rows, s.cols)},
			call: func(b backend.Backend, x tensors) { b.(backend.LSTMCeller).LSTMCell(lstmCellArgs(x)) },
			want: want,
			tolerance: map[string]tolerance{
				"Gates": c.tolerance(gateScale), "C": c.tolerance(scale), "H": c.tolerance(scale)},
		}
		if peep == nil {
			t = t.without("Peep")
		}
		p.verify(t)
	})
}

func checkLSTMCellGrad(p *probe) {
	p.lstmCells(func(c lstmBatch) {
		s, z, before, peep := c.shape, c.z, c.before, c.peep
		g := p.source(c.name + ", gradients")
		dy, dh, dc := c.gradient(g), c.gradient(g), c.gradient(g)
		gates, state := make([]float32, len(z)), make([]float32, s.size())
		want := values{"DZ": make([]float64, len(z)), "DC": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(z))
		for k := range s.size() {
			w := peepholesAt(s, k, peep)
			e := newLSTMCell(gatesAt[[4]float64](s, k, z), float64(before[k]), w)
			setGates(s, k, gates, e.gates())
			state[k] = float32(e.c)
			// The gradient is that of what float32 has left of the forward pass.
			e = keptLSTMCell(gatesAt[[4]float64](s, k, gates), state[k])
			dz, dBefore := e.grad(float64(before[k]), w, float64(dy[k])+float64(dh[k]), float64(dc[k]))
			setGates(s, k, want["DZ"], dz)
			want["DC"][k] = dBefore
			scale[k] = stateScale(before[k]) * (1 + abs(dy[k]) + abs(dh[k]) + abs(dc[k]))
			setGates(s, k, gateScale, [4]float64{scale[k], scale[k], scale[k], scale[k]})
		}
		t := trial{
			name: c.name,
			operands: []operand{
				in("Gates", s.rows, 4*s.cols, gates), in("CPrev", s.rows, s.cols, before), in("C", s.rows, s.cols, state),
				in("Peep", 3, s.cols, peep), in("DY", s.rows, s.cols, dy), in("DH", s.rows, s.cols, dh),
				in("DC", s.rows, s.cols, dc), out("DZ", s.rows, 4*s.cols)},
			call:      func(b backend.Backend, x tensors) { b.(backend.LSTMCeller).LSTMCellGrad(lstmCellGradArgs(x)) },
			want:      want,
			sharing:   []sharing{{"DZ": "Gates"}},
			tolerance: map[string]tolerance{"DZ": c.tolerance(gateScale), "DC": c.tolerance(scale)},
		}
		if peep == nil {
			t = t.without("Peep")
		}
		p.verify(t)
	})
}

func lstmPeepGrad(b backend.Backend, x tensors) {
	b.(backend.LSTMPeepGrader).LSTMPeepGrad(x["dPeep"], x["dz"], x["cPrev"], x["c"])
}

// checkLSTMPeepGrad tries the gradient of the peepholes on rows of all time steps.
func checkLSTMPeepGrad(p *probe) {
	if _, ok := p.device.(backend.LSTMPeepGrader); !ok {
		p.result.Skipped = "the backend has no fused gradient of the peepholes"
		return
	}
	for _, s := range p.cellShapes() {
		g := p.source(s.String())
		p.verify(lstmPeepGradTrial(s.String(), s, [4][]float32{
			g.uniform(3*s.cols, -1, 1), g.uniform(4*s.size(), -1, 1), g.uniform(s.size(), -2, 2), g.uniform(s.size(), -2, 2)}))
	}
	for _, s := range p.longColumn() {
		name := s.String() + ", whole numbers" // whose sum is exact
		g := p.source(name)
		t := lstmPeepGradTrial(name, s, [4][]float32{
			g.whole(3*s.cols, 3), g.whole(4*s.size(), 3), g.whole(s.size(), 3), g.whole(s.size(), 3)})
		t.tolerance["dPeep"] = exact
		p.verify(t)
	}
	s, g := zerosShape, p.source("zeros")
	p.verify(lstmPeepGradTrial("zeros", s, [4][]float32{
		g.riddled(g.uniform(3*s.cols, -1, 1)), g.riddled(g.uniform(4*s.size(), -1, 1)),
		g.riddled(g.uniform(s.size(), -2, 2)), g.riddled(g.uniform(s.size(), -2, 2))}))
	s, g = shape{9, 5}, p.source("NaN and Inf")
	x := [4][]float32{g.uniform(15, -1, 1), g.uniform(4*s.size(), 0.1, 1), g.uniform(s.size(), 0.1, 2), g.uniform(s.size(), 0.1, 2)}
	x[1][2*4*s.cols+1], x[2][3*s.cols+2], x[3][s.size()-1] = float32(math.NaN()), float32(inf), float32(math.NaN())
	p.verify(lstmPeepGradTrial("NaN and Inf", s, x))
}

// lstmPeepGradTrial takes dPeep, dz, cPrev and c. Each result is a sum over the rows,
// held to the rounding of its magnitudes.
func lstmPeepGradTrial(name string, s shape, x [4][]float32) trial {
	dPeep, dz, before, after := x[0], x[1], x[2], x[3]
	want, magnitude := make([]float64, len(dPeep)), make([]float64, len(dPeep))
	for k, v := range dPeep {
		want[k], magnitude[k] = float64(v), abs(v)
	}
	for k := range s.size() {
		gates := gatesAt[[4]float64](s, k, dz)
		for row, product := range [3]float64{gates[0] * float64(before[k]), gates[1] * float64(before[k]), gates[3] * float64(after[k])} {
			want[row*s.cols+k%s.cols] += product
			magnitude[row*s.cols+k%s.cols] += math.Abs(product)
		}
	}
	return trial{
		name: name,
		operands: []operand{in("dPeep", 3, s.cols, dPeep), in("dz", s.rows, 4*s.cols, dz),
			in("cPrev", s.rows, s.cols, before), in("c", s.rows, s.cols, after)},
		call:      lstmPeepGrad,
		want:      values{"dPeep": want},
		tolerance: map[string]tolerance{"dPeep": rounded(float64(s.rows)+2, magnitude)},
	}
}
