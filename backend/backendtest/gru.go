package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var gruChecks = []check{
	{"GRUCell", checkGRUCell},
	{"GRUCellGrad", checkGRUCellGrad},
	{"GRUForward", gru.checkForward},
	{"GRUBackward", gru.checkBackward},
	{"GRUScratch", checkGRUScratch},
}

// gru is the GRU, whose weights have three rows for each hidden unit.
var gru = layer{
	paths:    gruPaths,
	content:  func(g source, d dims) content { return d.layerContent(g, 3) },
	forward:  gruForward,
	backward: gruBackward,
	overwrite: func(b backend.Backend, batch int, x tensors) {
		a := gruGradArgs(batch, x)
		a.Overwrite = true
		backend.GRUBackward(b, a)
	},

	data:       []string{"DV", "DU", "DX", "DH0"},
	parameters: weightsAndBiases("DV", "DU"),

	optional:         optionalBiases,
	optionalBackward: optionalGradients,
}

func gruPaths(b backend.Backend) []path {
	_, sequencer := b.(backend.GRUSequencer)
	return pathsOf(b, sequencer, func(b backend.Backend, cell backend.GRUCeller) backend.Backend { return gruLoop{b, cell} })
}

func checkGRUScratch(p *probe) {
	checkScratch(p, gruPaths(p.device), func(b backend.Backend, d backend.LSTMDims) int {
		return backend.GRUScratch(b, backend.GRUDims{Steps: d.Steps, Batch: d.Batch, Input: d.Input, Hidden: d.Hidden})
	})
}

// gruLoop has a fused cell and nothing else.
type gruLoop struct {
	backend.Backend
	backend.GRUCeller
}

func gruArgs(batch int, x tensors) backend.GRUArgs {
	return backend.GRUArgs{
		Batch: batch, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"],
		H: x["H"], Gates: x["Gates"], Recurrent: x["Recurrent"], Scratch: x["Scratch"],
	}
}

func gruGradArgs(batch int, x tensors) backend.GRUGradArgs {
	return backend.GRUGradArgs{
		GRUArgs: gruArgs(batch, x), DY: x["DY"], DHLast: x["DHLast"], DV: x["DV"], DU: x["DU"], DX: x["DX"], DH0: x["DH0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"],
	}
}

func gruForward(b backend.Backend, d dims, x content, _ []string) trial {
	rows := d.steps * d.batch
	return trial{
		name: d.String(),
		operands: append(d.layerInputs(x, 3, x["H"]),
			out("Gates", rows, 3*d.hidden), out("Recurrent", rows, 3*d.hidden), d.gruScratch(b)),
		call: func(b backend.Backend, x tensors) { backend.GRUForward(b, gruArgs(d.batch, x)) },
		tolerance: map[string]tolerance{
			"H": d.forwardTolerance(d.batch * d.hidden), "Gates": d.forwardTolerance(0), "Recurrent": d.forwardTolerance(0), "Scratch": nil,
		},
	}
}

func gruBackward(b backend.Backend, d dims, x content, after values, _ []string) trial {
	rows, h := d.steps*d.batch, d.hidden
	return trial{
		name: d.String(),
		operands: slices.Concat(d.layerInputs(x, 3, float32s(after["H"])), d.layerGradients(x, 3), []operand{
			in("Gates", rows, 3*h, float32s(after["Gates"])), in("Recurrent", rows, 3*h, float32s(after["Recurrent"])),
			out("DV", rows, 3*h), out("DU", rows, 3*h), d.gruScratch(b)}),
		call:    func(b backend.Backend, x tensors) { backend.GRUBackward(b, gruGradArgs(d.batch, x)) },
		sharing: []sharing{{"DV": "Gates", "DU": "Recurrent"}},
	}
}

func (d dims) gruScratch(b backend.Backend) operand {
	return out("Scratch", 1, backend.GRUScratch(b, backend.GRUDims{Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden}))
}

// gruCell is one element of GRUCell, in float64.
type gruCell struct{ r, z, n, h float64 }

// newGRUCell computes the cell from its arguments v and u.
func newGRUCell(v, u [3]float64, before float64) gruCell {
	e := gruCell{r: sigmoid(v[0] + u[0]), z: sigmoid(v[1] + u[1])}
	e.n = math.Tanh(v[2] + e.r*u[2])
	e.h = (1-e.z)*e.n + e.z*before
	return e
}

// keptGRUCell returns the cell of which the gates are kept.
func keptGRUCell(gates [3]float64) gruCell { return gruCell{r: gates[0], z: gates[1], n: gates[2]} }

func (e gruCell) gates() [3]float64 { return [3]float64{e.r, e.z, e.n} }

// grad returns the gradients of v and u and what passes by them to the state
// before, given that of the output.
func (e gruCell) grad(u [3]float64, before, dh float64) (dv, du [3]float64, dBefore float64) {
	dn := dh * (1 - e.z) * (1 - e.n*e.n)
	dz := dh * (before - e.n) * e.z * (1 - e.z)
	dr := dn * u[2] * e.r * (1 - e.r)
	return [3]float64{dr, dz, dn}, [3]float64{dr, dz, dn * e.r}, dh * e.z
}

// gruBatch is a batch of GRU cells.
type gruBatch struct {
	cellBatch
	v, u, before []float32 // arguments, states before
}

// gruCells calls run with batches of all sizes, with extreme arguments, with
// saturated gates, with zeros and with large states.
func (p *probe) gruCells(run func(c gruBatch)) {
	if _, ok := p.device.(backend.GRUCeller); !ok {
		p.result.Skipped = "the backend has no fused GRU cell"
		return
	}
	for _, s := range p.cellShapes() {
		g := p.source(s.String())
		run(gruBatch{cellBatch{name: s.String(), shape: s},
			g.uniform(3*s.size(), -3, 3), g.uniform(3*s.size(), -3, 3), g.uniform(s.size(), -2, 2)})
	}
	s, g := extremeShape, p.source("extremes")
	run(gruBatch{cellBatch{name: "extremes", shape: s},
		extremeArguments(3*s.rows, s.cols), g.uniform(3*s.size(), -3, 3), g.uniform(s.size(), -2, 2)})

	s, g = saturatedShape, p.source("saturated")
	v, candidate := g.saturated(3*s.size()), g.uniform(s.size(), 0.1, 0.5)
	for k := range candidate {
		gates := gatesAt[[3]float64](s, k, v)
		gates[2] = float64(candidate[k])
		setGates(s, k, v, gates)
	}
	// The states are above every candidate.
	run(gruBatch{cellBatch{name: "saturated gates", shape: s, saturated: true}, v, g.uniform(3*s.size(), 0.1, 0.5), g.uniform(s.size(), 1.5, 2)})

	s, g = zerosShape, p.source("zeros")
	run(gruBatch{cellBatch{name: "zeros", shape: s, zeros: true}, g.riddled(g.uniform(3*s.size(), -3, 3)),
		g.riddled(g.uniform(3*s.size(), -3, 3)), g.riddled(g.uniform(s.size(), -2, 2))})

	s, g = shape{3, 5}, p.source("large")
	run(gruBatch{cellBatch{name: "large", shape: s, large: true}, g.uniform(3*s.size(), -3, 3), g.uniform(3*s.size(), -3, 3), g.uniform(s.size(), -1000, 1000)})
}

func gruCellArgs(x tensors) backend.GRUCellArgs {
	return backend.GRUCellArgs{Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"], H: x["H"]}
}

func gruCellGradArgs(x tensors) backend.GRUCellGradArgs {
	return backend.GRUCellGradArgs{Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"],
		DY: x["DY"], DH: x["DH"], DV: x["DV"], DU: x["DU"]}
}

func checkGRUCell(p *probe) {
	p.gruCells(func(c gruBatch) {
		s, v, u, before := c.shape, c.v, c.u, c.before
		want := values{"Gates": make([]float64, len(v)), "H": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(v))
		for k := range s.size() {
			e := newGRUCell(gatesAt[[3]float64](s, k, v), gatesAt[[3]float64](s, k, u), float64(before[k]))
			want["H"][k], scale[k] = e.h, 1+abs(before[k])
			setGates(s, k, want["Gates"], e.gates())
			setGates(s, k, gateScale, [3]float64{1, 1, 1})
		}
		p.verify(trial{
			name: c.name,
			operands: []operand{
				in("Gates", s.rows, 3*s.cols, v), in("Recurrent", s.rows, 3*s.cols, u),
				in("HPrev", s.rows, s.cols, before), out("H", s.rows, s.cols)},
			call:      func(b backend.Backend, x tensors) { b.(backend.GRUCeller).GRUCell(gruCellArgs(x)) },
			want:      want,
			tolerance: map[string]tolerance{"Gates": c.tolerance(gateScale), "H": c.tolerance(scale)},
		})
	})
}

func checkGRUCellGrad(p *probe) {
	p.gruCells(func(c gruBatch) {
		s, v, u, before := c.shape, c.v, c.u, c.before
		g := p.source(c.name + ", gradients")
		dy, dh := c.gradient(g), c.gradient(g)
		gates := make([]float32, len(v))
		want := values{"DV": make([]float64, len(v)), "DU": make([]float64, len(v)), "DH": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(v))
		for k := range s.size() {
			from, at := gatesAt[[3]float64](s, k, u), float64(before[k])
			e := newGRUCell(gatesAt[[3]float64](s, k, v), from, at)
			setGates(s, k, gates, e.gates())
			// The gradient is that of what float32 has left of the forward pass.
			e = keptGRUCell(gatesAt[[3]float64](s, k, gates))
			dv, du, dBefore := e.grad(from, at, float64(dy[k])+float64(dh[k]))
			setGates(s, k, want["DV"], dv)
			setGates(s, k, want["DU"], du)
			want["DH"][k] = dBefore
			scale[k] = abs(dy[k]) + abs(dh[k])
			most := scale[k] * (1 + math.Abs(at)) * (1 + math.Abs(from[2]))
			setGates(s, k, gateScale, [3]float64{most, most, most})
		}
		p.verify(trial{
			name: c.name,
			operands: []operand{
				in("Gates", s.rows, 3*s.cols, gates), in("Recurrent", s.rows, 3*s.cols, u), in("HPrev", s.rows, s.cols, before),
				in("DY", s.rows, s.cols, dy), in("DH", s.rows, s.cols, dh), out("DV", s.rows, 3*s.cols), out("DU", s.rows, 3*s.cols)},
			call:    func(b backend.Backend, x tensors) { b.(backend.GRUCeller).GRUCellGrad(gruCellGradArgs(x)) },
			want:    want,
			sharing: []sharing{{"DV": "Gates"}, {"DU": "Recurrent"}, {"DV": "Gates", "DU": "Recurrent"}},
			tolerance: map[string]tolerance{
				"DV": c.tolerance(gateScale), "DU": c.tolerance(gateScale), "DH": c.tolerance(scale)},
		})
	})
}
