package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var rnnChecks = []check{
	{"RNNCell", checkRNNCell},
	{"RNNCellGrad", checkRNNCellGrad},
	{"RNNForward", checkRNNForward},
	{"RNNBackward", checkRNNBackward},
	{"RNNScratch", checkRNNScratch},
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

// layer returns the RNN with nonlinearity f.
func (f nonlinearity) layer() layer {
	return layer{
		paths:    rnnPaths,
		content:  func(g source, d dims) content { return d.layerContent(g, 1) },
		forward:  f.forward,
		backward: f.backward,
		overwrite: func(b backend.Backend, batch int, x tensors) {
			a := f.gradArgs(batch, x)
			a.Overwrite = true
			backend.RNNBackward(b, a)
		},

		data:       []string{"DZ", "DX", "DH0"},
		parameters: weightsAndBiases("DZ", "DZ"),

		optional:         optionalBiases,
		optionalBackward: optionalGradients,
		unbounded:        f.relu,
	}
}

func rnnPaths(b backend.Backend) []path {
	_, sequencer := b.(backend.RNNSequencer)
	return pathsOf(b, sequencer, func(b backend.Backend, cell backend.RNNCeller) backend.Backend { return rnnLoop{b, cell} })
}

// rnnLoop has a fused cell and nothing else.
type rnnLoop struct {
	backend.Backend
	backend.RNNCeller
}

func checkRNNForward(p *probe) {
	for _, f := range nonlinearities {
		f.layer().checkForward(p)
	}
}

func checkRNNBackward(p *probe) {
	for _, f := range nonlinearities {
		f.layer().checkBackward(p)
	}
}

func checkRNNScratch(p *probe) {
	checkScratch(p, rnnPaths(p.device), func(b backend.Backend, d backend.LSTMDims) int {
		return backend.RNNScratch(b, backend.RNNDims{Steps: d.Steps, Batch: d.Batch, Input: d.Input, Hidden: d.Hidden})
	})
}

func (f nonlinearity) forward(b backend.Backend, d dims, x content, _ []string) trial {
	return trial{
		name:      f.name + "/" + d.String(),
		operands:  append(d.layerInputs(x, 1, x["H"]), d.rnnScratch(b)),
		call:      func(b backend.Backend, x tensors) { backend.RNNForward(b, f.args(d.batch, x)) },
		tolerance: map[string]tolerance{"H": d.forwardTolerance(d.batch * d.hidden), "Scratch": nil},
	}
}

func (f nonlinearity) backward(b backend.Backend, d dims, x content, after values, _ []string) trial {
	return trial{
		name: f.name + "/" + d.String(),
		operands: slices.Concat(d.layerInputs(x, 1, float32s(after["H"])), d.layerGradients(x, 1),
			[]operand{out("DZ", d.steps*d.batch, d.hidden), d.rnnScratch(b)}),
		call: func(b backend.Backend, x tensors) { backend.RNNBackward(b, f.gradArgs(d.batch, x)) },
	}
}

func (d dims) rnnScratch(b backend.Backend) operand {
	return out("Scratch", 1, backend.RNNScratch(b, backend.RNNDims{Steps: d.steps, Batch: d.batch, Input: d.input, Hidden: d.hidden}))
}

// rnnCells calls run for both nonlinearities with arguments z of cells of all
// shapes, with special values and with zeros.
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
		z := p.stored(sweep())
		run(f.name+"/every exponent", f, shape{1, len(z)}, z)
		s, name := zerosShape, f.name+"/zeros"
		g := p.source(name)
		run(name, f, s, g.riddled(g.uniform(s.size(), -4, 4)))
	}
}

func (f nonlinearity) of(z float64) float64 {
	if f.relu {
		return math.Max(z, 0)
	}
	return math.Tanh(z)
}

func (f nonlinearity) cellArgs(x tensors) backend.RNNCellArgs {
	return backend.RNNCellArgs{ReLU: f.relu, Z: x["Z"], H: x["H"]}
}

func (f nonlinearity) cellGradArgs(x tensors) backend.RNNCellGradArgs {
	return backend.RNNCellGradArgs{ReLU: f.relu, H: x["H"], DY: x["DY"], DH: x["DH"], DZ: x["DZ"]}
}

func checkRNNCell(p *probe) {
	p.rnnCells(func(name string, f nonlinearity, s shape, z []float32) {
		want := make([]float64, s.size())
		for k := range want {
			want[k] = f.of(float64(z[k]))
		}
		p.verify(trial{
			name:      name,
			operands:  []operand{in("Z", s.rows, s.cols, z), out("H", s.rows, s.cols)},
			call:      func(b backend.Backend, x tensors) { b.(backend.RNNCeller).RNNCell(f.cellArgs(x)) },
			want:      values{"H": want},
			sharing:   []sharing{{"H": "Z"}},
			tolerance: map[string]tolerance{"H": ulps(4)},
		})
	})
}

func checkRNNCellGrad(p *probe) {
	p.rnnCells(func(name string, f nonlinearity, s shape, z []float32) {
		g := p.source(name + ", gradients")
		dy, dh := g.riddled(g.uniform(s.size(), -1, 1)), g.riddled(g.uniform(s.size(), -1, 1))
		for k := 2; k < s.size(); k += 5 {
			dy[k], dh[k] = 1000*dy[k], 1000*dh[k]
		}
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
			call:      func(b backend.Backend, x tensors) { b.(backend.RNNCeller).RNNCellGrad(f.cellGradArgs(x)) },
			want:      values{"DZ": want},
			sharing:   []sharing{{"DZ": "DY"}, {"DZ": "DH"}},
			tolerance: map[string]tolerance{"DZ": rounded(4, scale)},
		})
	})
}
