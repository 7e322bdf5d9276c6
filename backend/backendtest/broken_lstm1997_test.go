package backendtest

import (
	"slices"

	"gputrain/backend"
)

// brokenLSTM1997 replaces what is not nil.
type brokenLSTM1997 struct {
	sound backend.Backend
	step  func(b backend.Backend, a backend.LSTM1997CellArgs)
	grad  func(b backend.Backend, a backend.LSTM1997CellGradArgs)
}

func (b brokenLSTM1997) on(sound backend.Backend) backend.Backend {
	b.sound = sound
	if b.step == nil {
		b.step = backend.Backend.LSTM1997Cell
	}
	if b.grad == nil {
		b.grad = backend.Backend.LSTM1997CellGrad
	}
	return altered{sound, b}
}

func (b brokenLSTM1997) LSTM1997Cell(a backend.LSTM1997CellArgs)         { b.step(b.sound, a) }
func (b brokenLSTM1997) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) { b.grad(b.sound, a) }

var brokenLSTM1997s = append(lstm1997Controls(), lstm1997GradControls()...)

// exchange puts columns of x, width from first on and from second on, in each
// other's place.
func exchange(b backend.Backend, x backend.Tensor, first, second, width int) {
	before := clone(b, x)
	b.CopyCols(x, first, before, second, width)
	b.CopyCols(x, second, before, first, width)
}

// withoutPeephole returns the peepholes without those of a gate.
func withoutPeephole(b backend.Backend, peep backend.Tensor, gate int) backend.Tensor {
	if peep.Present() {
		peep = clone(b, peep)
		b.Fill(peep.Slice(gate, gate+1), 0)
	}
	return peep
}

// withoutCellsBeyond20 returns x, whose columns are cells, with 0 for those
// behind the 20th of a block.
func withoutCellsBeyond20(b backend.Backend, x backend.Tensor, blocks int) backend.Tensor {
	x = clone(b, x)
	each(b, x, func(k int, v float32) float32 {
		if k%x.Cols%(x.Cols/blocks) >= 20 {
			return 0
		}
		return v
	})
	return x
}

func lstm1997Controls() []control {
	type args = backend.LSTM1997CellArgs
	mistakes := map[string]func(b backend.Backend, a args){
		"gates of in and out exchanged": func(b backend.Backend, a args) {
			out := a.Gates.Cols - a.S.Cols - a.Blocks
			exchange(b, a.Gates, 0, out, a.Blocks)
			b.LSTM1997Cell(a)
			exchange(b, a.Gates, 0, out, a.Blocks)
		},
		"state before forgotten": func(b backend.Backend, a args) {
			a.SPrev = clone(b, a.SPrev)
			b.Fill(a.SPrev, 0)
			b.LSTM1997Cell(a)
		},
		"gates of φ and out exchanged": func(b backend.Backend, a args) {
			if !a.Forget() {
				b.LSTM1997Cell(a)
				return
			}
			exchange(b, a.Gates, a.Blocks, 2*a.Blocks, a.Blocks)
			b.LSTM1997Cell(a)
			exchange(b, a.Gates, a.Blocks, 2*a.Blocks, a.Blocks)
		},
		"g is that of h":    func(b backend.Backend, a args) { a.G = a.H; b.LSTM1997Cell(a) },
		"h is the identity": func(b backend.Backend, a args) { a.H = backend.Squash{}; b.LSTM1997Cell(a) },
		"the identity is a tanh": func(b backend.Backend, a args) {
			if a.G == (backend.Squash{}) {
				a.G = backend.Squash{Range: 1, Slope: 1}
			}
			b.LSTM1997Cell(a)
		},
		"output gate sees the state before": func(b backend.Backend, a args) {
			if a.Peep.Present() {
				states, out := a.S.Cols, a.Gates.Cols-a.S.Cols-a.Blocks
				peep, before := read(b, a.Peep), read(b, a.SPrev)
				z := read(b, a.Gates)
				for k, s := range before {
					n, v := k/states, k%states
					z[n*a.Gates.Cols+out+v/(states/a.Blocks)] += peep[2*states+v] * s
				}
				b.Upload(a.Gates, z)
				a.Peep = withoutPeephole(b, a.Peep, 2)
			}
			b.LSTM1997Cell(a)
		},
		"absent peepholes are 0": func(b backend.Backend, a args) {
			if !a.Peep.Present() {
				a.Peep = fresh(b, 3, a.S.Cols, make([]float32, 3*a.S.Cols))
			}
			b.LSTM1997Cell(a)
		},
		"gates keep their arguments": func(b backend.Backend, a args) {
			keeping(b, a.Gates, func(_, col int) bool { return col < a.Blocks }, func() { b.LSTM1997Cell(a) })
		},
		"cells keep their arguments": func(b backend.Backend, a args) {
			keeping(b, a.Gates, func(_, col int) bool { return col >= a.Gates.Cols-a.S.Cols }, func() { b.LSTM1997Cell(a) })
		},
		"arguments of gates cut at 17": func(b backend.Backend, a args) {
			each(b, a.Gates, func(_ int, z float32) float32 { return min(max(z, -17), 17) })
			b.LSTM1997Cell(a)
		},
		"peepholes beyond 20 cells of a block forgotten": func(b backend.Backend, a args) {
			if a.Peep.Present() {
				a.Peep = withoutCellsBeyond20(b, a.Peep, a.Blocks)
			}
			b.LSTM1997Cell(a)
		},
		"forget gates left alone where all states before are 0": func(b backend.Backend, a args) {
			if a.Forget() && allZero(b, a.SPrev) {
				keeping(b, a.Gates, func(_, col int) bool { return col/a.Blocks == 1 }, func() { b.LSTM1997Cell(a) })
				return
			}
			b.LSTM1997Cell(a)
		},
		"states before limited": func(b backend.Backend, a args) {
			a.SPrev = clone(b, a.SPrev)
			each(b, a.SPrev, func(_ int, s float32) float32 { return min(max(s, -50), 50) })
			b.LSTM1997Cell(a)
		},
		"s and y exchanged": func(b backend.Backend, a args) { a.S, a.Y = a.Y, a.S; b.LSTM1997Cell(a) },
		"first row alone": func(b backend.Backend, a args) {
			keeping(b, a.Y, func(row, _ int) bool { return row > 0 }, func() { b.LSTM1997Cell(a) })
		},
	}
	for gate, name := range []string{"in", "φ", "out"} {
		mistakes["peepholes of "+name+" forgotten"] = func(b backend.Backend, a args) {
			a.Peep = withoutPeephole(b, a.Peep, gate)
			b.LSTM1997Cell(a)
		}
	}
	controls := named(mistakes, func(m func(b backend.Backend, a args)) func(backend.Backend) backend.Backend {
		return brokenLSTM1997{step: m}.on
	}, "LSTM1997Cell")
	return append(controls,
		control{check: "LSTM1997Cell", name: "batch beyond blocks left out", atLeast: 257,
			mistake: brokenLSTM1997{step: func(b backend.Backend, a args) {
				keeping(b, a.Y, func(row, _ int) bool { return row >= 256 }, func() { b.LSTM1997Cell(a) })
			}}.on},
		control{check: "Misuse", name: "LSTM1997Cell is unchecked", mistake: brokenLSTM1997{step: func(b backend.Backend, a args) {
			silently(func() { b.LSTM1997Cell(a) })
		}}.on})
}

func lstm1997GradControls() []control {
	type args = backend.LSTM1997CellGradArgs
	absent := backend.Tensor{}
	mistakes := map[string]func(b backend.Backend, a args){
		"partials do not decay": func(b backend.Backend, a args) {
			if a.Forget() {
				a.Gates = clone(b, a.Gates)
				ones := slices.Repeat([]float32{1}, a.S.Rows*a.Blocks)
				b.CopyCols(a.Gates, a.Blocks, fresh(b, a.S.Rows, a.Blocks, ones), 0, a.Blocks)
			}
			b.LSTM1997CellGrad(a)
		},
		"partials of the step before forgotten": func(b backend.Backend, a args) {
			b.Fill(a.PIn, 0)
			b.LSTM1997CellGrad(a)
		},
		"cells beyond 20 of a block left out": func(b backend.Backend, a args) {
			a.DY = withoutCellsBeyond20(b, a.DY, a.Blocks)
			b.LSTM1997CellGrad(a)
		},
		"slopes of saturated gates are 0": func(b backend.Backend, a args) {
			first := a.Gates.Cols - a.S.Cols
			a.Gates = clone(b, a.Gates)
			each(b, a.Gates, func(k int, y float32) float32 {
				if k%a.Gates.Cols < first {
					return float32(wholeIfNear(float64(y)))
				}
				return y
			})
			b.LSTM1997CellGrad(a)
		},
		"errors limited": func(b backend.Backend, a args) {
			a.DY = clone(b, a.DY)
			each(b, a.DY, func(_ int, v float32) float32 { return min(max(v, -10), 10) })
			b.LSTM1997CellGrad(a)
		},
		"partials left alone where DY is 0": func(b backend.Backend, a args) {
			if !allZero(b, a.DY) {
				b.LSTM1997CellGrad(a)
			}
		},
		"partials left alone where the sources are 0": func(b backend.Backend, a args) {
			if allZero(b, a.Source) {
				keeping(b, a.PCell, func(int, int) bool { return true }, func() { b.LSTM1997CellGrad(a) })
				return
			}
			b.LSTM1997CellGrad(a)
		},
		"h' is 1":         func(b backend.Backend, a args) { a.H = backend.Squash{}; b.LSTM1997CellGrad(a) },
		"g' is 1":         func(b backend.Backend, a args) { a.G = backend.Squash{}; b.LSTM1997CellGrad(a) },
		"sources changed": func(b backend.Backend, a args) { b.LSTM1997CellGrad(a); b.Add(a.Source, a.Source, a.Source) },
		"output gate by the state before": func(b backend.Backend, a args) {
			a.S = a.SPrev
			b.LSTM1997CellGrad(a)
		},
		"out' forgotten": func(b backend.Backend, a args) {
			out := a.Gates.Cols - a.S.Cols - a.Blocks
			keeping(b, a.DW, func(row, _ int) bool { return row >= out && row < out+a.Blocks }, func() { b.LSTM1997CellGrad(a) })
		},
		"gradients of the first sequence alone": func(b backend.Backend, a args) {
			if a.S.Rows > 1 {
				a.DY = clone(b, a.DY)
				b.Fill(a.DY.Slice(1, a.S.Rows), 0)
			}
			b.LSTM1997CellGrad(a)
		},
	}
	for name, tensor := range map[string]func(a args) backend.Tensor{
		"PIn": func(a args) backend.Tensor { return a.PIn }, "PForget": func(a args) backend.Tensor { return a.PForget },
		"PCell": func(a args) backend.Tensor { return a.PCell },
		"DW":    func(a args) backend.Tensor { return a.DW }, "DPeep": func(a args) backend.Tensor { return a.DPeep },
	} {
		mistakes[name+" overwritten"] = func(b backend.Backend, a args) {
			if x := tensor(a); x != absent {
				b.Fill(x, 0)
			}
			b.LSTM1997CellGrad(a)
		}
		mistakes[name+" forgotten"] = func(b backend.Backend, a args) {
			x := tensor(a)
			if x == absent {
				b.LSTM1997CellGrad(a)
				return
			}
			keeping(b, x, func(int, int) bool { return true }, func() { b.LSTM1997CellGrad(a) })
		}
	}
	for gate, name := range []string{"in", "φ", "out"} {
		mistakes["DPeep of "+name+" forgotten"] = func(b backend.Backend, a args) {
			if a.DPeep == absent {
				b.LSTM1997CellGrad(a)
				return
			}
			keeping(b, a.DPeep, func(row, _ int) bool { return row == gate }, func() { b.LSTM1997CellGrad(a) })
		}
	}
	controls := named(mistakes, func(m func(b backend.Backend, a args)) func(backend.Backend) backend.Backend {
		return brokenLSTM1997{grad: m}.on
	}, "LSTM1997CellGrad")
	return append(controls,
		control{check: "LSTM1997CellGrad", name: "last of many sequences left out of DW", atLeast: 257,
			mistake: brokenLSTM1997{grad: func(b backend.Backend, a args) {
				if a.S.Rows > 64 {
					a.DY = clone(b, a.DY)
					b.Fill(a.DY.Slice(a.S.Rows-1, a.S.Rows), 0)
				}
				b.LSTM1997CellGrad(a)
			}}.on},
		control{check: "LSTM1997CellGrad", name: "last of many sources left out", atLeast: 257,
			mistake: brokenLSTM1997{grad: func(b backend.Backend, a args) {
				keeping(b, a.PCell, func(_, col int) bool { return col >= 256 }, func() { b.LSTM1997CellGrad(a) })
			}}.on},
		control{check: "Misuse", name: "LSTM1997CellGrad is unchecked", mistake: brokenLSTM1997{grad: func(b backend.Backend, a args) {
			silently(func() { b.LSTM1997CellGrad(a) })
		}}.on})
}
