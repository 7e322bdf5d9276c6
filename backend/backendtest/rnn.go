package backendtest

import (
	"math"

	"gputrain/backend"
)

var rnnChecks = []check{
	{"RNNCell", checkRNNCell},
	{"RNNCellGrad", checkRNNCellGrad},
	{"RNNForward", checkRNNForward},
	{"RNNBackward", checkRNNBackward},
	{"RNNScratch", checkRNNScratch},
}

// rnnPaths returns the ways in which an RNN layer can run on b.
func rnnPaths(b backend.Backend) []path {
	paths := []path{plain}
	if _, ok := b.(backend.RNNCeller); ok {
		paths = append(paths, path{"fused cell", func(b backend.Backend) backend.Backend {
			return struct {
				backend.Backend
				backend.RNNCeller
			}{b, b.(backend.RNNCeller)}
		}})
	}
	if _, ok := b.(backend.RNNSequencer); ok {
		paths = append(paths, whole)
	}
	return paths
}

func (d dims) rnn() backend.RNNDims {
	return backend.RNNDims{Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden}
}

// rnnContent draws the operands of both passes.
func rnnContent(g source, d dims) content {
	t, n, i, h := d.steps, d.batch, d.input, d.hidden
	w := d.weight()
	return content{
		"X": g.uniform(t*n*i, -1, 1), "WIH": g.uniform(h*i, -w, w), "WHH": g.uniform(h*h, -w, w),
		"BIH": g.uniform(h, -0.5, 0.5), "BHH": g.uniform(h, -0.5, 0.5), "H": g.uniform(n*h, -1, 1),
		"DY": g.uniform(t*n*h, -1, 1), "DHLast": g.uniform(n*h, -1, 1),
		"DWIH": g.uniform(h*i, -1, 1), "DWHH": g.uniform(h*h, -1, 1),
		"DBIH": g.uniform(h, -1, 1), "DBHH": g.uniform(h, -1, 1),
	}
}

// nonlinearity is the RNN's.
type nonlinearity struct {
	name string
	relu bool
}

var nonlinearities = []nonlinearity{{"tanh", false}, {"ReLU", true}}

func (f nonlinearity) args(batch int, x tensors) backend.RNNArgs {
	return backend.RNNArgs{
		Batch: batch, ReLU: f.relu, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"],
		H: x["H"], Scratch: x["Scratch"],
	}
}

func (f nonlinearity) gradArgs(batch int, x tensors) backend.RNNGradArgs {
	return backend.RNNGradArgs{
		RNNArgs: f.args(batch, x), DY: x["DY"], DHLast: x["DHLast"], DZ: x["DZ"], DX: x["DX"], DH0: x["DH0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"],
	}
}

// rnnInputs returns the operands that both passes only read, H excepted.
func rnnInputs(d dims, x content) []operand {
	return []operand{
		in("X", d.steps*d.batch, d.input, x["X"]), in("WIH", d.hidden, d.input, x["WIH"]),
		in("WHH", d.hidden, d.hidden, x["WHH"]), in("BIH", 1, d.hidden, x["BIH"]), in("BHH", 1, d.hidden, x["BHH"]),
	}
}

// forward returns the forward pass. H begins with the initial state; the rest
// is poisoned.
func (f nonlinearity) forward(b backend.Backend, way path, d dims, x content, absent ...string) trial {
	t := trial{
		name: way.name + "/" + f.name + "/" + d.String(),
		operands: append(rnnInputs(d, x),
			in("H", (d.steps+1)*d.batch, d.hidden, x["H"]),
			out("Scratch", 1, backend.RNNScratch(way.on(b), d.rnn()))),
		call:      func(b backend.Backend, x tensors) { backend.RNNForward(way.on(b), f.args(d.batch, x)) },
		tolerance: map[string]tolerance{"H": d.forwardTolerance(d.batch * d.hidden), "Scratch": nil},
	}
	return t.without(absent...)
}

func checkRNNForward(p *probe) {
	for _, f := range nonlinearities {
		try := func(d dims, x content, absent ...string) {
			want := p.expect(f.forward(p.device, plain, d, x, absent...))
			for _, way := range rnnPaths(p.device) {
				t := f.forward(p.device, way, d, x, absent...)
				t.want = want
				p.verify(t)
			}
		}
		for _, d := range p.layers() {
			try(d, rnnContent(p.source(d.String()), d))
		}
		for _, absent := range [][]string{{"BIH"}, {"BHH"}, {"BIH", "BHH"}} {
			try(smallDims, rnnContent(p.source(smallDims.String()), smallDims), absent...)
		}
		x := rnnContent(p.source(specialDims.String()), specialDims)
		try(specialDims, specialDims.spoilt(x, "X"))
		if !f.relu {
			try(specialDims, saturated(x))
		}
	}
}

// backward returns the backward pass after a forward pass that has left h.
func (f nonlinearity) backward(b backend.Backend, way path, d dims, x content, h []float64, absent ...string) trial {
	rows := d.steps * d.batch
	t := trial{
		name: way.name + "/" + f.name + "/" + d.String(),
		operands: append(rnnInputs(d, x),
			in("H", rows+d.batch, d.hidden, float32s(h)),
			in("DY", rows, d.hidden, x["DY"]), in("DHLast", d.batch, d.hidden, x["DHLast"]),
			out("DZ", rows, d.hidden), out("DX", rows, d.input), out("DH0", d.batch, d.hidden),
			in("DWIH", d.hidden, d.input, x["DWIH"]), in("DWHH", d.hidden, d.hidden, x["DWHH"]),
			in("DBIH", 1, d.hidden, x["DBIH"]), in("DBHH", 1, d.hidden, x["DBHH"]),
			out("Scratch", 1, backend.RNNScratch(way.on(b), d.rnn()))),
		call: func(b backend.Backend, x tensors) { backend.RNNBackward(way.on(b), f.gradArgs(d.batch, x)) },
		tolerance: map[string]tolerance{
			"DZ": nil, "DX": nil, "DH0": nil, "DWIH": nil, "DWHH": nil, "DBIH": nil, "DBHH": nil, "Scratch": nil,
		},
	}
	return t.without(absent...)
}

func checkRNNBackward(p *probe) {
	for _, f := range nonlinearities {
		try := func(d dims, x content, absent ...string) {
			h := p.expect(f.forward(p.device, plain, d, x))["H"]
			want := p.expect(f.backward(p.device, plain, d, x, h, absent...))
			data := d.backwardTolerance(want["DZ"], want["DX"], want["DH0"])
			all := map[string]tolerance{"DZ": data, "DX": data, "DH0": data}
			for _, name := range []string{"DWIH", "DWHH", "DBIH", "DBHH"} {
				all[name] = d.weightTolerance(want["DZ"], largest(h), x[name])
			}
			for _, way := range rnnPaths(p.device) {
				t := f.backward(p.device, way, d, x, h, absent...)
				t.want = want
				for name := range t.tolerance {
					t.tolerance[name] = all[name]
				}
				p.verify(t)
			}
		}
		for _, d := range p.layers() {
			try(d, rnnContent(p.source(d.String()), d))
		}
		for _, absent := range [][]string{
			{"BIH", "DBIH"}, {"BHH", "DBHH"}, {"BIH", "BHH", "DBIH", "DBHH"},
			{"DX"}, {"DH0"}, {"DHLast"}, {"DX", "DHLast"}, {"DX", "DH0", "DHLast"},
			{"BIH", "BHH", "DBIH", "DBHH", "DX", "DH0", "DHLast"},
		} {
			try(smallDims, rnnContent(p.source(smallDims.String()), smallDims), absent...)
		}
		x := rnnContent(p.source(specialDims.String()), specialDims)
		try(specialDims, specialDims.spoilt(x, "DY"))
	}
}

// checkRNNScratch checks that a smaller layer fits the scratch of a larger one.
func checkRNNScratch(p *probe) {
	for _, way := range rnnPaths(p.device) {
		p.attempt(way.name, func() {
			b := way.on(p.device)
			g := p.source(way.name)
			for range 2000 {
				small := backend.RNNDims{Steps: g.IntN(9), Batch: g.extent(), Input: g.extent(), Hidden: g.extent()}
				large := backend.RNNDims{
					Steps: small.Steps + g.IntN(3), Batch: small.Batch + g.IntN(3),
					Input: small.Input + g.IntN(3), Hidden: small.Hidden + g.IntN(3),
				}
				if a, b := backend.RNNScratch(b, small), backend.RNNScratch(b, large); a > b || a < 0 {
					p.stopf("%+v needs %d, %+v needs %d (%s)", small, a, large, b, p.seed())
				}
			}
		})
	}
}

// rnnCells calls run for both nonlinearities and all shapes of cells, with
// arguments z of the nonlinearity.
func (p *probe) rnnCells(run func(name string, f nonlinearity, s shape, z []float32)) {
	if _, ok := p.device.(backend.RNNCeller); !ok {
		p.result.Skipped = "the backend has no fused RNN cell"
		return
	}
	for _, f := range nonlinearities {
		for _, s := range p.cellShapes() {
			name := f.name + "/" + s.String()
			run(name, f, s, p.source(name).uniform(s.size(), -4, 4))
		}
		special := argument.special
		run(f.name+"/special values", f, shape{1, len(special)}, float32s(special))
	}
}

func (f nonlinearity) of(z float64) float64 {
	if f.relu {
		return math.Max(z, 0)
	}
	return math.Tanh(z)
}

func checkRNNCell(p *probe) {
	p.rnnCells(func(name string, f nonlinearity, s shape, z []float32) {
		want := make([]float64, s.size())
		for k := range want {
			want[k] = f.of(float64(z[k]))
		}
		p.verify(trial{
			name:     name,
			operands: []operand{in("Z", s.rows, s.cols, z), out("H", s.rows, s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.RNNCeller).RNNCell(backend.RNNCellArgs{ReLU: f.relu, Z: x["Z"], H: x["H"]})
			},
			want:      values{"H": want},
			sharing:   []sharing{{"H": "Z"}},
			tolerance: map[string]tolerance{"H": ulps(4)},
		})
	})
}

func checkRNNCellGrad(p *probe) {
	p.rnnCells(func(name string, f nonlinearity, s shape, z []float32) {
		g := p.source(name + ", gradients")
		dy, dh := g.uniform(s.size(), -1, 1), g.uniform(s.size(), -1, 1)
		h := make([]float32, s.size())
		want, scale := make([]float64, s.size()), make([]float64, s.size())
		for k := range want {
			h[k] = float32(f.of(float64(z[k])))
			slope := 1 - float64(h[k])*float64(h[k])
			scale[k] = (abs(dy[k]) + abs(dh[k])) * (1 + abs(h[k])*abs(h[k]))
			if f.relu {
				slope, scale[k] = 0, abs(dy[k])+abs(dh[k])
				if h[k] > 0 {
					slope = 1
				}
			}
			want[k] = slope * (float64(dy[k]) + float64(dh[k]))
		}
		p.verify(trial{
			name: name,
			operands: []operand{
				in("H", s.rows, s.cols, h), in("DY", s.rows, s.cols, dy), in("DH", s.rows, s.cols, dh), out("DZ", s.rows, s.cols)},
			call: func(b backend.Backend, x tensors) {
				b.(backend.RNNCeller).RNNCellGrad(backend.RNNCellGradArgs{
					ReLU: f.relu, H: x["H"], DY: x["DY"], DH: x["DH"], DZ: x["DZ"]})
			},
			want:      values{"DZ": want},
			sharing:   []sharing{{"DZ": "DY"}, {"DZ": "DH"}},
			tolerance: map[string]tolerance{"DZ": rounded(4, scale)},
		})
	})
}
