package backendtest

import (
	"math"

	"gputrain/backend"
)

var gruChecks = []check{
	{"GRUCell", checkGRUCell},
	{"GRUCellGrad", checkGRUCellGrad},
	{"GRUForward", checkGRUForward},
	{"GRUBackward", checkGRUBackward},
}

// gruPaths returns the ways in which a GRU layer can run on b.
func gruPaths(b backend.Backend) []path {
	paths := []path{plain}
	if _, ok := b.(backend.GRUCeller); ok {
		paths = append(paths, whole)
	}
	return paths
}

// gruContent draws the operands of both passes.
func gruContent(g source, d dims) content {
	t, n, i, h := d.steps, d.batch, d.input, d.hidden
	w := d.weight()
	return content{
		"X": g.uniform(t*n*i, -1, 1), "WIH": g.uniform(3*h*i, -w, w), "WHH": g.uniform(3*h*h, -w, w),
		"BIH": g.uniform(3*h, -0.5, 0.5), "BHH": g.uniform(3*h, -0.5, 0.5), "H": g.uniform(n*h, -1, 1),
		"DY": g.uniform(t*n*h, -1, 1), "DHLast": g.uniform(n*h, -1, 1),
		"DWIH": g.uniform(3*h*i, -1, 1), "DWHH": g.uniform(3*h*h, -1, 1),
		"DBIH": g.uniform(3*h, -1, 1), "DBHH": g.uniform(3*h, -1, 1),
	}
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

// gruInputs returns the operands that both passes only read, H excepted.
func gruInputs(d dims, x content) []operand {
	return []operand{
		in("X", d.steps*d.batch, d.input, x["X"]), in("WIH", 3*d.hidden, d.input, x["WIH"]),
		in("WHH", 3*d.hidden, d.hidden, x["WHH"]), in("BIH", 1, 3*d.hidden, x["BIH"]), in("BHH", 1, 3*d.hidden, x["BHH"]),
	}
}

func (d dims) gruScratch(b backend.Backend) operand {
	return out("Scratch", 1, backend.GRUScratch(b, backend.GRUDims{Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden}))
}

// gruForwardTrial returns the forward pass. H begins with the initial state; the
// rest is poisoned.
func gruForwardTrial(b backend.Backend, way path, d dims, x content, absent ...string) trial {
	rows := d.steps * d.batch
	t := trial{
		name: way.name + "/" + d.String(),
		operands: append(gruInputs(d, x),
			in("H", rows+d.batch, d.hidden, x["H"]),
			out("Gates", rows, 3*d.hidden), out("Recurrent", rows, 3*d.hidden), d.gruScratch(way.on(b))),
		call: func(b backend.Backend, x tensors) { backend.GRUForward(way.on(b), gruArgs(d.batch, x)) },
		tolerance: map[string]tolerance{
			"H": d.forwardTolerance(d.batch * d.hidden), "Gates": d.forwardTolerance(0), "Recurrent": d.forwardTolerance(0), "Scratch": nil,
		},
	}
	return t.without(absent...)
}

func checkGRUForward(p *probe) {
	try := func(d dims, x content, absent ...string) {
		want := p.expect(gruForwardTrial(p.device, plain, d, x, absent...))
		for _, way := range gruPaths(p.device) {
			t := gruForwardTrial(p.device, way, d, x, absent...)
			t.want = want
			p.verify(t)
		}
	}
	for _, d := range p.layers() {
		try(d, gruContent(p.source(d.String()), d))
	}
	for _, absent := range [][]string{{"BIH"}, {"BHH"}, {"BIH", "BHH"}} {
		try(smallDims, gruContent(p.source(smallDims.String()), smallDims), absent...)
	}
	x := gruContent(p.source(specialDims.String()), specialDims)
	try(specialDims, specialDims.spoilt(x, "X"))
	try(specialDims, saturated(x))
}

// gruBackwardTrial returns the backward pass after a forward pass that has left
// the given values.
func gruBackwardTrial(b backend.Backend, way path, d dims, x content, forward values, absent ...string) trial {
	rows, h := d.steps*d.batch, d.hidden
	t := trial{
		name: way.name + "/" + d.String(),
		operands: append(gruInputs(d, x),
			in("H", rows+d.batch, h, float32s(forward["H"])), in("Gates", rows, 3*h, float32s(forward["Gates"])),
			in("Recurrent", rows, 3*h, float32s(forward["Recurrent"])),
			in("DY", rows, h, x["DY"]), in("DHLast", d.batch, h, x["DHLast"]),
			out("DV", rows, 3*h), out("DU", rows, 3*h), out("DX", rows, d.input), out("DH0", d.batch, h),
			in("DWIH", 3*h, d.input, x["DWIH"]), in("DWHH", 3*h, h, x["DWHH"]),
			in("DBIH", 1, 3*h, x["DBIH"]), in("DBHH", 1, 3*h, x["DBHH"]), d.gruScratch(way.on(b))),
		call:    func(b backend.Backend, x tensors) { backend.GRUBackward(way.on(b), gruGradArgs(d.batch, x)) },
		sharing: []sharing{{"DV": "Gates", "DU": "Recurrent"}},
		tolerance: map[string]tolerance{
			"DV": nil, "DU": nil, "DX": nil, "DH0": nil, "DWIH": nil, "DWHH": nil, "DBIH": nil, "DBHH": nil, "Scratch": nil,
		},
	}
	return t.without(absent...)
}

func checkGRUBackward(p *probe) {
	try := func(d dims, x content, absent ...string) {
		forward := p.expect(gruForwardTrial(p.device, plain, d, x))
		want := p.expect(gruBackwardTrial(p.device, plain, d, x, forward, absent...))
		data := d.backwardTolerance(want["DV"], want["DU"], want["DX"], want["DH0"])
		all := map[string]tolerance{"DV": data, "DU": data, "DX": data, "DH0": data}
		for name, dz := range map[string]string{"DWIH": "DV", "DBIH": "DV", "DWHH": "DU", "DBHH": "DU"} {
			all[name] = d.weightTolerance(want[dz], 1, x[name])
		}
		for _, way := range gruPaths(p.device) {
			t := gruBackwardTrial(p.device, way, d, x, forward, absent...)
			t.want = want
			for name := range t.tolerance {
				t.tolerance[name] = all[name]
			}
			p.verify(t)
		}
	}
	for _, d := range p.layers() {
		try(d, gruContent(p.source(d.String()), d))
	}
	for _, absent := range [][]string{
		{"BIH", "DBIH"}, {"BHH", "DBHH"}, {"BIH", "BHH", "DBIH", "DBHH"}, {"DX"}, {"DH0"}, {"DHLast"},
		{"BIH", "BHH", "DBIH", "DBHH", "DX", "DH0", "DHLast"},
	} {
		try(smallDims, gruContent(p.source(smallDims.String()), smallDims), absent...)
	}
	x := gruContent(p.source(specialDims.String()), specialDims)
	try(specialDims, specialDims.spoilt(x, "DY"))
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

// grad returns the gradients of v and u and what passes by them to the state
// before, given that of the output.
func (e gruCell) grad(u [3]float64, before, dh float64) (dv, du [3]float64, dBefore float64) {
	dn := dh * (1 - e.z) * (1 - e.n*e.n)
	dz := dh * (before - e.n) * e.z * (1 - e.z)
	dr := dn * u[2] * e.r * (1 - e.r)
	return [3]float64{dr, dz, dn}, [3]float64{dr, dz, dn * e.r}, dh * e.z
}

// triple returns the gates of element k of a batch of GRU cells, setTriple sets
// them.
func triple[T float32 | float64](s shape, k int, gates []T) (v [3]float64) {
	for gate := range v {
		v[gate] = float64(gates[(3*(k/s.cols)+gate)*s.cols+k%s.cols])
	}
	return v
}

func setTriple[T float32 | float64](s shape, k int, gates []T, v [3]float64) {
	for gate := range v {
		gates[(3*(k/s.cols)+gate)*s.cols+k%s.cols] = T(v[gate])
	}
}

// gruCells draws batches of cells: the arguments v and u, and the states before.
func (p *probe) gruCells(run func(name string, s shape, v, u, before []float32)) {
	if _, ok := p.device.(backend.GRUCeller); !ok {
		p.result.Skipped = "the backend has no fused GRU cell"
		return
	}
	for _, s := range p.cellShapes() {
		g := p.source(s.String())
		run(s.String(), s, g.uniform(3*s.size(), -3, 3), g.uniform(3*s.size(), -3, 3), g.uniform(s.size(), -2, 2))
	}
	s := shape{len(extremes), len(extremes)}
	g := p.source("extremes")
	v := make([]float32, 3*s.size())
	for k := range v {
		v[k] = float32(extremes[(k*7+k/s.cols)%len(extremes)])
	}
	run("extremes", s, v, g.uniform(3*s.size(), -3, 3), g.uniform(s.size(), -2, 2))
}

func checkGRUCell(p *probe) {
	p.gruCells(func(name string, s shape, v, u, before []float32) {
		want := values{"Gates": make([]float64, len(v)), "H": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(v))
		for k := range s.size() {
			e := newGRUCell(triple(s, k, v), triple(s, k, u), float64(before[k]))
			want["H"][k], scale[k] = e.h, 1+abs(before[k])
			setTriple(s, k, want["Gates"], [3]float64{e.r, e.z, e.n})
			setTriple(s, k, gateScale, [3]float64{1, 1, 1})
		}
		p.verify(trial{
			name: name,
			operands: []operand{
				in("Gates", s.rows, 3*s.cols, v), in("Recurrent", s.rows, 3*s.cols, u),
				in("HPrev", s.rows, s.cols, before), out("H", s.rows, s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.GRUCeller).GRUCell(backend.GRUCellArgs{
					Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"], H: x["H"]})
			},
			want:      want,
			tolerance: map[string]tolerance{"Gates": cellTolerance(gateScale), "H": cellTolerance(scale)},
		})
	})
}

func checkGRUCellGrad(p *probe) {
	p.gruCells(func(name string, s shape, v, u, before []float32) {
		g := p.source(name + ", gradients")
		dy, dh := g.uniform(s.size(), -1, 1), g.uniform(s.size(), -1, 1)
		gates := make([]float32, len(v))
		want := values{"DV": make([]float64, len(v)), "DU": make([]float64, len(v)), "DH": make([]float64, s.size())}
		scale, gateScale := make([]float64, s.size()), make([]float64, len(v))
		for k := range s.size() {
			from, at := triple(s, k, u), float64(before[k])
			e := newGRUCell(triple(s, k, v), from, at)
			// The gates as the cell gets them.
			setTriple(s, k, gates, [3]float64{e.r, e.z, e.n})
			kept := triple(s, k, gates)
			e.r, e.z, e.n = kept[0], kept[1], kept[2]
			dv, du, dBefore := e.grad(from, at, float64(dy[k])+float64(dh[k]))
			setTriple(s, k, want["DV"], dv)
			setTriple(s, k, want["DU"], du)
			want["DH"][k] = dBefore
			scale[k] = abs(dy[k]) + abs(dh[k])
			most := scale[k] * (1 + math.Abs(at)) * (1 + math.Abs(from[2]))
			setTriple(s, k, gateScale, [3]float64{most, most, most})
		}
		p.verify(trial{
			name: name,
			operands: []operand{
				in("Gates", s.rows, 3*s.cols, gates), in("Recurrent", s.rows, 3*s.cols, u), in("HPrev", s.rows, s.cols, before),
				in("DY", s.rows, s.cols, dy), in("DH", s.rows, s.cols, dh), out("DV", s.rows, 3*s.cols), out("DU", s.rows, 3*s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.GRUCeller).GRUCellGrad(backend.GRUCellGradArgs{
					Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"], DY: x["DY"], DH: x["DH"], DV: x["DV"], DU: x["DU"]})
			},
			want:    want,
			sharing: []sharing{{"DV": "Gates"}, {"DU": "Recurrent"}, {"DV": "Gates", "DU": "Recurrent"}},
			tolerance: map[string]tolerance{
				"DV": cellTolerance(gateScale), "DU": cellTolerance(gateScale), "DH": cellTolerance(scale)},
		})
	})
}
