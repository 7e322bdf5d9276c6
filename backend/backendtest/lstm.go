package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var lstmChecks = []check{
	{"LSTMCell", checkLSTMCell},
	{"LSTMCellGrad", checkLSTMCellGrad},
	{"LSTMForward", checkLSTMForward},
	{"LSTMBackward", checkLSTMBackward},
	{"LSTMScratch", checkLSTMScratch},
}

// lstmPaths returns the ways in which an LSTM layer can run on b.
func lstmPaths(b backend.Backend) []path {
	paths := []path{plain}
	if _, ok := b.(backend.LSTMCeller); ok {
		paths = append(paths, path{"fused cell", func(b backend.Backend) backend.Backend {
			return struct {
				backend.Backend
				backend.LSTMCeller
			}{b, b.(backend.LSTMCeller)}
		}})
	}
	if _, ok := b.(backend.LSTMSequencer); ok {
		paths = append(paths, whole)
	}
	return paths
}

// lstmScratch returns no more scratch than a layer without the absent operands
// must do with.
func (d dims) lstmScratch(b backend.Backend, absent []string) operand {
	return out("Scratch", 1, backend.LSTMScratch(b, backend.LSTMDims{
		Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden, Peephole: !slices.Contains(absent, "Peep")}))
}

// lstmContent draws the operands of both passes.
func lstmContent(g source, d dims) content {
	t, n, i, h := d.steps, d.batch, d.input, d.hidden
	w := d.weight()
	return content{
		"X": g.uniform(t*n*i, -1, 1), "WIH": g.uniform(4*h*i, -w, w), "WHH": g.uniform(4*h*h, -w, w),
		"BIH": g.uniform(4*h, -0.5, 0.5), "BHH": g.uniform(4*h, -0.5, 0.5), "Peep": g.uniform(3*h, -0.7, 0.7),
		"H": g.uniform(n*h, -1, 1), "C": g.uniform(n*h, -1.5, 1.5),
		"DY": g.uniform(t*n*h, -1, 1), "DHLast": g.uniform(n*h, -1, 1), "DCLast": g.uniform(n*h, -1, 1),
		"DWIH": g.uniform(4*h*i, -1, 1), "DWHH": g.uniform(4*h*h, -1, 1),
		"DBIH": g.uniform(4*h, -1, 1), "DBHH": g.uniform(4*h, -1, 1), "DPeep": g.uniform(3*h, -1, 1),
	}
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

// lstmInputs returns the operands that both passes only read. H and C are not
// among them, as the forward pass writes them in part.
func lstmInputs(d dims, x content) []operand {
	return []operand{
		in("X", d.steps*d.batch, d.input, x["X"]), in("WIH", 4*d.hidden, d.input, x["WIH"]),
		in("WHH", 4*d.hidden, d.hidden, x["WHH"]), in("BIH", 1, 4*d.hidden, x["BIH"]),
		in("BHH", 1, 4*d.hidden, x["BHH"]), in("Peep", 3, d.hidden, x["Peep"]),
	}
}

// lstmForwardTrial returns the forward pass. H and C begin with the initial
// state; the rest is poisoned.
func lstmForwardTrial(b backend.Backend, way path, d dims, x content, absent ...string) trial {
	rows, skip := d.steps*d.batch, d.batch*d.hidden
	t := trial{
		name: way.name + "/" + d.String(),
		operands: append(lstmInputs(d, x),
			in("H", rows+d.batch, d.hidden, x["H"]), in("C", rows+d.batch, d.hidden, x["C"]),
			out("Gates", rows, 4*d.hidden), d.lstmScratch(way.on(b), absent)),
		call: func(b backend.Backend, x tensors) { backend.LSTMForward(way.on(b), lstmArgs(d.batch, x)) },
		tolerance: map[string]tolerance{
			"H": d.forwardTolerance(skip), "C": d.forwardTolerance(skip), "Gates": d.forwardTolerance(0), "Scratch": nil,
		},
	}
	return t.without(absent...)
}

func checkLSTMForward(p *probe) {
	try := func(d dims, x content, absent ...string) {
		want := p.expect(lstmForwardTrial(p.device, plain, d, x, absent...))
		for _, way := range lstmPaths(p.device) {
			t := lstmForwardTrial(p.device, way, d, x, absent...)
			t.want = want
			p.verify(t)
		}
	}
	for _, d := range p.layers() {
		try(d, lstmContent(p.source(d.String()), d))
		try(d, lstmContent(p.source(d.String()), d), "Peep", "BHH")
	}
	for _, absent := range [][]string{
		{"Peep"}, {"BIH"}, {"BHH"}, {"Peep", "BIH"}, {"BIH", "BHH"}, {"Peep", "BIH", "BHH"},
	} {
		try(smallDims, lstmContent(p.source(smallDims.String()), smallDims), absent...)
	}
	x := lstmContent(p.source(specialDims.String()), specialDims)
	try(specialDims, specialDims.spoilt(x, "X"))
	try(specialDims, saturated(x))
}

// lstmBackwardTrial returns the backward pass after a forward pass that has
// left the given values.
func lstmBackwardTrial(b backend.Backend, way path, d dims, x content, forward values, absent ...string) trial {
	rows, h := d.steps*d.batch, d.hidden
	t := trial{
		name: way.name + "/" + d.String(),
		operands: append(lstmInputs(d, x),
			in("H", rows+d.batch, h, float32s(forward["H"])), in("C", rows+d.batch, h, float32s(forward["C"])),
			in("Gates", rows, 4*h, float32s(forward["Gates"])),
			in("DY", rows, h, x["DY"]), in("DHLast", d.batch, h, x["DHLast"]), in("DCLast", d.batch, h, x["DCLast"]),
			out("DZ", rows, 4*h), out("DX", rows, d.input), out("DH0", d.batch, h), out("DC0", d.batch, h),
			in("DWIH", 4*h, d.input, x["DWIH"]), in("DWHH", 4*h, h, x["DWHH"]),
			in("DBIH", 1, 4*h, x["DBIH"]), in("DBHH", 1, 4*h, x["DBHH"]), in("DPeep", 3, h, x["DPeep"]),
			d.lstmScratch(way.on(b), absent)),
		call:    func(b backend.Backend, x tensors) { backend.LSTMBackward(way.on(b), lstmGradArgs(d.batch, x)) },
		sharing: []sharing{{"DZ": "Gates"}},
		tolerance: map[string]tolerance{
			"DZ": nil, "DX": nil, "DH0": nil, "DC0": nil, "DWIH": nil, "DWHH": nil, "DBIH": nil, "DBHH": nil, "DPeep": nil, "Scratch": nil,
		},
	}
	return t.without(absent...)
}

// lstmGradients are the outputs of the backward pass that go with an input.
var lstmGradients = map[string]string{"BIH": "DBIH", "BHH": "DBHH", "Peep": "DPeep"}

func checkLSTMBackward(p *probe) {
	try := func(d dims, x content, absent ...string) {
		var missing []string // from the forward pass too
		for _, name := range absent {
			if gradient, ok := lstmGradients[name]; ok {
				missing = append(missing, name)
				absent = append(absent, gradient)
			}
		}
		forward := p.expect(lstmForwardTrial(p.device, plain, d, x, missing...))
		want := p.expect(lstmBackwardTrial(p.device, plain, d, x, forward, absent...))
		data := d.backwardTolerance(want["DZ"], want["DX"], want["DH0"], want["DC0"])
		all := map[string]tolerance{"DZ": data, "DX": data, "DH0": data, "DC0": data}
		for _, name := range []string{"DWIH", "DWHH", "DBIH", "DBHH"} {
			all[name] = d.weightTolerance(want["DZ"], 1, x[name])
		}
		all["DPeep"] = d.weightTolerance(want["DZ"], largest(forward["C"]), x["DPeep"])
		for _, way := range lstmPaths(p.device) {
			t := lstmBackwardTrial(p.device, way, d, x, forward, absent...)
			t.want = want
			for name := range t.tolerance {
				t.tolerance[name] = all[name]
			}
			p.verify(t)
		}
	}
	for _, d := range p.layers() {
		x := lstmContent(p.source(d.String()), d)
		try(d, x)
		try(d, x, "Peep", "BHH", "DHLast", "DCLast", "DH0")
	}
	for _, absent := range [][]string{
		{"Peep"}, {"BIH"}, {"BHH"}, {"BIH", "BHH"}, {"Peep", "BIH", "BHH"},
		{"DX"}, {"DH0"}, {"DC0"}, {"DHLast"}, {"DCLast"}, {"DH0", "DC0"}, {"DHLast", "DCLast"}, {"DX", "DHLast"},
		{"DX", "DH0", "DC0", "DHLast", "DCLast"},
		{"Peep", "DX", "DH0", "DC0", "DHLast", "DCLast"},
		{"Peep", "BIH", "BHH", "DX", "DH0", "DC0", "DHLast", "DCLast"},
	} {
		try(smallDims, lstmContent(p.source(smallDims.String()), smallDims), absent...)
	}
	x := lstmContent(p.source(specialDims.String()), specialDims)
	try(specialDims, specialDims.spoilt(x, "DY"))
	try(specialDims, saturated(x))
}

// checkLSTMScratch checks that a smaller layer fits the scratch of a larger one.
func checkLSTMScratch(p *probe) {
	for _, way := range lstmPaths(p.device) {
		p.attempt(way.name, func() {
			b := way.on(p.device)
			g := p.source(way.name)
			for range 2000 {
				small := backend.LSTMDims{Steps: g.IntN(9), Batch: g.extent(), Input: g.extent(), Hidden: g.extent()}
				large := backend.LSTMDims{
					Steps: small.Steps + g.IntN(3), Batch: small.Batch + g.IntN(3),
					Input: small.Input + g.IntN(3), Hidden: small.Hidden + g.IntN(3), Peephole: g.IntN(2) == 1,
				}
				if a, b := backend.LSTMScratch(b, small), backend.LSTMScratch(b, large); a > b || a < 0 {
					p.stopf("%+v needs %d, %+v needs %d (%s)", small, a, large, b, p.seed())
				}
			}
		})
	}
}

// lstmCell is one element of LSTMCell, in float64.
type lstmCell struct{ i, f, g, o, c, h float64 }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// newLSTMCell computes the cell from the arguments z of the gates.
func newLSTMCell(z [4]float64, before float64, peep [3]float64) lstmCell {
	var e lstmCell
	e.i = sigmoid(z[0] + peep[0]*before)
	e.f = sigmoid(z[1] + peep[1]*before)
	e.g = math.Tanh(z[2])
	e.c = e.f*before + e.i*e.g
	e.o = sigmoid(z[3] + peep[2]*e.c)
	e.h = e.o * math.Tanh(e.c)
	return e
}

// grad returns the gradients of z and of the cell before, given those of the
// output and of the cell after.
func (e lstmCell) grad(before float64, peep [3]float64, dh, dc float64) (dz [4]float64, dBefore float64) {
	t := math.Tanh(e.c)
	dz[3] = dh * t * e.o * (1 - e.o)
	dc += dh*e.o*(1-t*t) + dz[3]*peep[2]
	dz[0] = dc * e.g * e.i * (1 - e.i)
	dz[1] = dc * before * e.f * (1 - e.f)
	dz[2] = dc * e.i * (1 - e.g*e.g)
	return dz, dc*e.f + dz[0]*peep[0] + dz[1]*peep[1]
}

// cellTolerance admits some dozens of operations on magnitudes of 1 and of the
// cells; where gates saturate, the size of their arguments has no influence.
func cellTolerance(scale []float64) tolerance {
	return func(k int, want float64) float64 { return 64 * unit * (scale[k] + math.Abs(want)) }
}

// cellShapes are batch and hidden sizes of cells.
func (p *probe) cellShapes() []shape {
	shapes := []shape{{0, 3}, {3, 0}, {1, 1}, {3, 5}}
	for _, n := range p.sizes() {
		shapes = append(shapes, shape{2, n}, shape{n, 3})
	}
	return shapes
}

// lstmCells draws a batch of cells: arguments of the gates, cells before and
// peepholes, the latter nil if the cell has none.
func (p *probe) lstmCells(run func(name string, s shape, z, before, peep []float32)) {
	if _, ok := p.device.(backend.LSTMCeller); !ok {
		p.result.Skipped = "the backend has no fused LSTM cell"
		return
	}
	for _, s := range p.cellShapes() {
		g := p.source(s.String())
		z, before := g.uniform(4*s.size(), -4, 4), g.uniform(s.size(), -2, 2)
		run(s.String(), s, z, before, g.uniform(3*s.cols, -1, 1))
		run(s.String()+", no peephole", s, z, before, nil)
	}
	s := shape{len(extremes), len(extremes)}
	g := p.source("extremes")
	z := make([]float32, 4*s.size())
	for k := range z {
		z[k] = float32(extremes[(k*7+k/s.cols)%len(extremes)])
	}
	before := g.uniform(s.size(), -40, 40)
	run("extremes", s, z, before, g.uniform(3*s.cols, -1, 1))
	run("extremes, no peephole", s, z, before, nil)
}

// at returns the arguments of element k of a batch of LSTM cells.
func lstmCellAt(s shape, k int, gates, peep []float32) (z [4]float64, w [3]float64) {
	row, column := k/s.cols, k%s.cols
	for gate := range z {
		z[gate] = float64(gates[(4*row+gate)*s.cols+column])
	}
	if peep != nil {
		for gate := range w {
			w[gate] = float64(peep[gate*s.cols+column])
		}
	}
	return z, w
}

func checkLSTMCell(p *probe) {
	p.lstmCells(func(name string, s shape, z, before, peep []float32) {
		want := values{"Gates": make([]float64, len(z)), "C": make([]float64, s.size()), "H": make([]float64, s.size())}
		scale := make([]float64, s.size())
		gateScale := make([]float64, len(z))
		for k := range s.size() {
			arguments, w := lstmCellAt(s, k, z, peep)
			e := newLSTMCell(arguments, float64(before[k]), w)
			want["C"][k], want["H"][k] = e.c, e.h
			scale[k] = 1 + abs(before[k])
			for gate, y := range []float64{e.i, e.f, e.g, e.o} {
				at := (4*(k/s.cols)+gate)*s.cols + k%s.cols
				want["Gates"][at], gateScale[at] = y, scale[k]
			}
		}
		t := trial{
			name: name,
			operands: []operand{
				in("Gates", s.rows, 4*s.cols, z), in("CPrev", s.rows, s.cols, before), in("Peep", 3, s.cols, peep),
				out("C", s.rows, s.cols), out("H", s.rows, s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.LSTMCeller).LSTMCell(backend.LSTMCellArgs{
					Gates: x["Gates"], CPrev: x["CPrev"], Peep: x["Peep"], C: x["C"], H: x["H"]})
			},
			want: want,
			tolerance: map[string]tolerance{
				"Gates": cellTolerance(gateScale), "C": cellTolerance(scale), "H": cellTolerance(scale)},
		}
		if peep == nil {
			t = t.without("Peep")
		}
		p.verify(t)
	})
}

func checkLSTMCellGrad(p *probe) {
	p.lstmCells(func(name string, s shape, z, before, peep []float32) {
		g := p.source(name + ", gradients")
		dy, dh, dc := g.uniform(s.size(), -1, 1), g.uniform(s.size(), -1, 1), g.uniform(s.size(), -1, 1)
		gates, c := make([]float32, len(z)), make([]float32, s.size())
		want := values{"DZ": make([]float64, len(z)), "DC": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(z))
		for k := range s.size() {
			arguments, w := lstmCellAt(s, k, z, peep)
			e := newLSTMCell(arguments, float64(before[k]), w)
			// The operands hold what float32 has left of the forward pass.
			e = lstmCell{
				i: float64(float32(e.i)), f: float64(float32(e.f)), g: float64(float32(e.g)),
				o: float64(float32(e.o)), c: float64(float32(e.c)),
			}
			c[k] = float32(e.c)
			dz, dBefore := e.grad(float64(before[k]), w, float64(dy[k])+float64(dh[k]), float64(dc[k]))
			want["DC"][k] = dBefore
			scale[k] = (1 + abs(before[k])) * (1 + abs(dy[k]) + abs(dh[k]) + abs(dc[k]))
			for gate, y := range []float64{e.i, e.f, e.g, e.o} {
				at := (4*(k/s.cols)+gate)*s.cols + k%s.cols
				gates[at], want["DZ"][at], gateScale[at] = float32(y), dz[gate], scale[k]
			}
		}
		t := trial{
			name: name,
			operands: []operand{
				in("Gates", s.rows, 4*s.cols, gates), in("CPrev", s.rows, s.cols, before), in("C", s.rows, s.cols, c),
				in("Peep", 3, s.cols, peep), in("DY", s.rows, s.cols, dy), in("DH", s.rows, s.cols, dh),
				in("DC", s.rows, s.cols, dc), out("DZ", s.rows, 4*s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.LSTMCeller).LSTMCellGrad(backend.LSTMCellGradArgs{
					Gates: x["Gates"], CPrev: x["CPrev"], C: x["C"], Peep: x["Peep"],
					DY: x["DY"], DH: x["DH"], DC: x["DC"], DZ: x["DZ"]})
			},
			want:      want,
			sharing:   []sharing{{"DZ": "Gates"}},
			tolerance: map[string]tolerance{"DZ": cellTolerance(gateScale), "DC": cellTolerance(scale)},
		}
		if peep == nil {
			t = t.without("Peep")
		}
		p.verify(t)
	})
}
