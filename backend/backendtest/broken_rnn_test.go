package backendtest

import (
	"slices"

	"gputrain/backend"
)

// brokenRNN replaces what is not nil.
type brokenRNN struct {
	fused
	cell     func(f nonlinearity, z float64) float64
	gradient func(f nonlinearity, h, dy, dh float64) float64
	forward  func(b fused, a backend.RNNArgs)
	backward func(b fused, a backend.RNNGradArgs)
}

func (b brokenRNN) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.cell == nil {
		b.cell = nonlinearity.of
	}
	if b.gradient == nil {
		b.gradient = nonlinearity.grad
	}
	if b.forward == nil {
		b.forward = func(f fused, a backend.RNNArgs) { f.rnnForward(a, b) }
	}
	if b.backward == nil {
		b.backward = func(f fused, a backend.RNNGradArgs) { f.rnnBackward(a, b) }
	}
	return b
}

func (b brokenRNN) RNNCell(a backend.RNNCellArgs)         { b.rnnCell(a, b.cell) }
func (b brokenRNN) RNNCellGrad(a backend.RNNCellGradArgs) { b.rnnCellGrad(a, b.gradient) }
func (b brokenRNN) RNNForward(a backend.RNNArgs)          { b.forward(b.fused, a) }
func (b brokenRNN) RNNBackward(a backend.RNNGradArgs)     { b.backward(b.fused, a) }

func rnnCellControls() []control {
	cells := map[string]func(f nonlinearity, z float64) float64{
		"ReLU ignored": func(_ nonlinearity, z float64) float64 { return nonlinearity{}.of(z) },
		"always ReLU":  func(_ nonlinearity, z float64) float64 { return nonlinearity{relu: true}.of(z) },
		"ReLU limited": func(f nonlinearity, z float64) float64 { return min(f.of(z), 6) },
		"linear":       func(_ nonlinearity, z float64) float64 { return z },
	}
	gradients := map[string]func(f nonlinearity, h, dy, dh float64) float64{
		"ReLU ignored":                          func(_ nonlinearity, h, dy, dh float64) float64 { return nonlinearity{}.grad(h, dy, dh) },
		"gradient from above forgotten":         func(f nonlinearity, h, _, dh float64) float64 { return f.grad(h, 0, dh) },
		"gradient from the next step forgotten": func(f nonlinearity, h, dy, _ float64) float64 { return f.grad(h, dy, 0) },
		"flat where the output is 0": func(f nonlinearity, h, dy, dh float64) float64 {
			if h == 0 {
				return 0
			}
			return f.grad(h, dy, dh)
		},
		"no gradient where that from above is 0": func(f nonlinearity, h, dy, dh float64) float64 {
			if dy == 0 {
				return 0
			}
			return f.grad(h, dy, dh)
		},
		"gradient limited": func(f nonlinearity, h, dy, dh float64) float64 {
			return f.grad(h, min(max(dy, -50), 50), min(max(dh, -50), 50))
		},
		"slope forgotten": func(_ nonlinearity, _, dy, dh float64) float64 { return dy + dh },
	}
	return slices.Concat(
		named(cells, func(m func(f nonlinearity, z float64) float64) func(backend.Backend) backend.Backend {
			return brokenRNN{cell: m}.on
		}, "RNNCell", "RNNForward"),
		named(gradients, func(m func(f nonlinearity, h, dy, dh float64) float64) func(backend.Backend) backend.Backend {
			return brokenRNN{gradient: m}.on
		}, "RNNCellGrad", "RNNBackward"),
	)
}

func rnnForwardControls() []control {
	mistakes := map[string]func(b fused, a backend.RNNArgs){
		"BIH forgotten": func(b fused, a backend.RNNArgs) { a.BIH = backend.Tensor{}; b.RNNForward(a) },
		"BHH forgotten": func(b fused, a backend.RNNArgs) { a.BHH = backend.Tensor{}; b.RNNForward(a) },
		"first step ignores h": func(b fused, a backend.RNNArgs) {
			b.withZero(a.H.Slice(0, a.Batch), func() { b.RNNForward(a) })
		},
		"scratch taken for zero": func(b fused, a backend.RNNArgs) {
			b.RNNForward(a)
			b.addScratch(a.H.Slice(a.Batch, a.H.Rows), a.Scratch)
		},
		"tanh overflows": func(b fused, a backend.RNNArgs) {
			b.rnnForward(a, brokenRNN{fused: b, cell: func(f nonlinearity, z float64) float64 {
				if f.relu {
					return f.of(z)
				}
				return overflowingTanh(z)
			}})
		},
		"nothing recurrent where the first h is 0": func(b fused, a backend.RNNArgs) {
			if allZero(b, a.H.Slice(0, a.Batch)) {
				a.WHH = clone(b, a.WHH)
				b.Fill(a.WHH, 0)
			}
			b.RNNForward(a)
		},
		"recurrent weights transposed": func(b fused, a backend.RNNArgs) {
			a.WHH = b.transposedBlocks(a.WHH)
			b.RNNForward(a)
		},
	}
	controls := named(mistakes, func(m func(b fused, a backend.RNNArgs)) func(backend.Backend) backend.Backend {
		return brokenRNN{forward: m}.on
	}, "RNNForward")
	return append(controls,
		control{check: "RNNForward", name: "steps beyond 256 left out", atLeast: 257,
			mistake: brokenRNN{forward: func(b fused, a backend.RNNArgs) {
				keeping(b, a.H, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 256 }, func() { b.RNNForward(a) })
			}}.on},
		control{check: "RNNForward", name: "nothing recurrent in wide layers", atLeast: 257,
			mistake: brokenRNN{forward: func(b fused, a backend.RNNArgs) {
				a.WHH = b.withoutWide(a.WHH)
				b.RNNForward(a)
			}}.on},
	)
}

func rnnBackwardControls() []control {
	absent := backend.Tensor{}
	mistakes := map[string]func(b fused, a backend.RNNGradArgs){
		"DHLast ignored":  func(b fused, a backend.RNNGradArgs) { a.DHLast = absent; b.RNNBackward(a) },
		"DH0 not written": func(b fused, a backend.RNNGradArgs) { a.DH0 = absent; b.RNNBackward(a) },
		"DX not written":  func(b fused, a backend.RNNGradArgs) { a.DX = absent; b.RNNBackward(a) },
		"scratch taken for zero": func(b fused, a backend.RNNGradArgs) {
			dirty := clone(b, a.Scratch)
			b.RNNBackward(a)
			b.addScratch(a.DZ, dirty)
		},
		"gradients of NaN skipped": func(b fused, a backend.RNNGradArgs) {
			a.DY = withoutNaN(b, a.DY)
			b.RNNBackward(a)
		},
		"DH0 is 0 where the first h is": func(b fused, a backend.RNNGradArgs) {
			b.RNNBackward(a)
			if a.DH0.Present() && allZero(b, a.H.Slice(0, a.Batch)) {
				b.Fill(a.DH0, 0)
			}
		},
		"DHLast ignored where DY is 0": func(b fused, a backend.RNNGradArgs) {
			if allZero(b, a.DY) {
				a.DHLast = absent
			}
			b.RNNBackward(a)
		},
		"DY used for DZ": func(b fused, a backend.RNNGradArgs) {
			b.RNNBackward(a)
			b.Copy(a.DY, a.DZ)
		},
	}
	for name, gradient := range map[string]func(a backend.RNNGradArgs) backend.Tensor{
		"DWIH": func(a backend.RNNGradArgs) backend.Tensor { return a.DWIH },
		"DWHH": func(a backend.RNNGradArgs) backend.Tensor { return a.DWHH },
		"DBIH": func(a backend.RNNGradArgs) backend.Tensor { return a.DBIH },
		"DBHH": func(a backend.RNNGradArgs) backend.Tensor { return a.DBHH },
	} {
		mistakes[name+" overwritten"] = func(b fused, a backend.RNNGradArgs) {
			b.clear(gradient(a))
			b.RNNBackward(a)
		}
		mistakes[name+" added to, not overwritten"] = func(b fused, a backend.RNNGradArgs) {
			before := gradient(a)
			if before.Present() {
				before = clone(b, before)
			}
			b.RNNBackward(a)
			if before.Present() && a.Overwrite {
				b.Add(gradient(a), gradient(a), before)
			}
		}
		mistakes[name+" forgotten"] = func(b fused, a backend.RNNGradArgs) {
			b.preserving(gradient(a), func() { b.RNNBackward(a) })
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.RNNGradArgs)) func(backend.Backend) backend.Backend {
		return brokenRNN{backward: m}.on
	}, "RNNBackward")
	return append(controls,
		control{check: "RNNBackward", name: "nothing more than 256 steps back", atLeast: 257,
			mistake: brokenRNN{backward: func(b fused, a backend.RNNGradArgs) {
				b.RNNBackward(a)
				b.clearEarly(a.DZ, a.Batch)
			}}.on},
		control{check: "RNNBackward", name: "nothing recurrent in wide layers", atLeast: 257,
			mistake: brokenRNN{backward: func(b fused, a backend.RNNGradArgs) {
				a.WHH = b.withoutWide(a.WHH)
				b.RNNBackward(a)
			}}.on},
	)
}
