package backendtest

import "gputrain/backend"

func (b fused) LSTM1997Forward(a backend.LSTM1997Args) {
	backend.CheckLSTM1997Forward(b.Backend, a)
	if b.Err() == nil {
		backend.LSTM1997Forward(b.Backend, a)
	}
}

func (b fused) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	backend.CheckLSTM1997Backward(b.Backend, a)
	if b.Err() == nil {
		backend.LSTM1997Backward(b.Backend, a)
	}
}

// brokenLSTM1997Sequence replaces what is not nil.
type brokenLSTM1997Sequence struct {
	fused
	forward  func(b fused, a backend.LSTM1997Args)
	backward func(b fused, a backend.LSTM1997GradArgs)
}

func (b brokenLSTM1997Sequence) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.forward == nil {
		b.forward = fused.LSTM1997Forward
	}
	if b.backward == nil {
		b.backward = fused.LSTM1997Backward
	}
	return b
}

func (b brokenLSTM1997Sequence) LSTM1997Forward(a backend.LSTM1997Args) {
	b.forward(b.fused, a)
}

func (b brokenLSTM1997Sequence) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	b.backward(b.fused, a)
}

func lstm1997SequenceForwardControls() []control {
	mistakes := map[string]func(b fused, a backend.LSTM1997Args){
		"peepholes forgotten": func(b fused, a backend.LSTM1997Args) {
			a.Peep = backend.Tensor{}
			b.LSTM1997Forward(a)
		},
		"g and h swapped": func(b fused, a backend.LSTM1997Args) {
			a.G, a.H = a.H, a.G
			b.LSTM1997Forward(a)
		},
		"bias taken for 2": func(b fused, a backend.LSTM1997Args) {
			each(b, a.Source, func(k int, v float32) float32 {
				if (k+1)%a.Source.Cols == 0 {
					return 2
				}
				return v
			})
			b.LSTM1997Forward(a)
		},
		"nothing fed back where the first outputs are 0": func(b fused, a backend.LSTM1997Args) {
			if allZero(b, a.Y.Slice(0, a.Batch)) {
				a.Weight = clone(b, a.Weight)
				each(b, a.Weight, func(k int, v float32) float32 {
					if j := k % a.Weight.Cols; j >= a.X.Cols && j < a.X.Cols+a.S.Cols {
						return 0
					}
					return v
				})
			}
			b.LSTM1997Forward(a)
		},
		"last step left out": func(b fused, a backend.LSTM1997Args) {
			keeping(b, a.Y, func(row, _ int) bool { return row >= a.Y.Rows-a.Batch }, func() { b.LSTM1997Forward(a) })
		},
	}
	for name, state := range map[string]func(a backend.LSTM1997Args) backend.Tensor{
		"gates":   func(a backend.LSTM1997Args) backend.Tensor { return a.Gates },
		"states":  func(a backend.LSTM1997Args) backend.Tensor { return a.S },
		"outputs": func(a backend.LSTM1997Args) backend.Tensor { return a.Y },
	} {
		mistakes["first step ignores "+name] = func(b fused, a backend.LSTM1997Args) {
			b.withZero(state(a).Slice(0, a.Batch), func() { b.LSTM1997Forward(a) })
		}
		mistakes[name+" before the first step overwritten"] = func(b fused, a backend.LSTM1997Args) {
			b.LSTM1997Forward(a)
			b.Fill(state(a).Slice(0, a.Batch), 0)
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.LSTM1997Args)) func(backend.Backend) backend.Backend {
		return brokenLSTM1997Sequence{forward: m}.on
	}, "LSTM1997Forward")
	return append(controls, control{check: "LSTM1997Forward", name: "steps beyond 256 left out", atLeast: 257,
		mistake: brokenLSTM1997Sequence{forward: func(b fused, a backend.LSTM1997Args) {
			keeping(b, a.Y, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 256 }, func() { b.LSTM1997Forward(a) })
		}}.on})
}

func lstm1997SequenceBackwardControls() []control {
	mistakes := map[string]func(b fused, a backend.LSTM1997GradArgs){
		"h of the output is the identity": func(b fused, a backend.LSTM1997GradArgs) {
			a.H = backend.Squash{}
			b.LSTM1997Backward(a)
		},
		"nothing done where DY is 0": func(b fused, a backend.LSTM1997GradArgs) {
			if !allZero(b, a.DY) {
				b.LSTM1997Backward(a)
			}
		},
		"errors of one step late": func(b fused, a backend.LSTM1997GradArgs) {
			dy := fresh(b, a.DY.Rows, a.DY.Cols, make([]float32, a.DY.Size()))
			if last := dy.Rows - a.Batch; last > 0 {
				b.Copy(dy.Slice(a.Batch, dy.Rows), a.DY.Slice(0, last))
			}
			a.DY = dy
			b.LSTM1997Backward(a)
		},
	}
	for name, output := range map[string]func(a backend.LSTM1997GradArgs) backend.Tensor{
		"PIn":     func(a backend.LSTM1997GradArgs) backend.Tensor { return a.PIn },
		"PForget": func(a backend.LSTM1997GradArgs) backend.Tensor { return a.PForget },
		"PCell":   func(a backend.LSTM1997GradArgs) backend.Tensor { return a.PCell },
		"DW":      func(a backend.LSTM1997GradArgs) backend.Tensor { return a.DW },
		"DPeep":   func(a backend.LSTM1997GradArgs) backend.Tensor { return a.DPeep },
	} {
		mistakes[name+" taken for zero"] = func(b fused, a backend.LSTM1997GradArgs) {
			b.clear(output(a))
			b.LSTM1997Backward(a)
		}
		mistakes[name+" forgotten"] = func(b fused, a backend.LSTM1997GradArgs) {
			b.preserving(output(a), func() { b.LSTM1997Backward(a) })
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.LSTM1997GradArgs)) func(backend.Backend) backend.Backend {
		return brokenLSTM1997Sequence{backward: m}.on
	}, "LSTM1997Backward")
	return append(controls, control{check: "LSTM1997Backward", name: "steps beyond 256 left out", atLeast: 257,
		mistake: brokenLSTM1997Sequence{backward: func(b fused, a backend.LSTM1997GradArgs) {
			if rows := 256 * a.Batch; rows < a.DY.Rows {
				a.X, a.Source, a.DY = a.X.Slice(0, rows), a.Source.Slice(0, rows), a.DY.Slice(0, rows)
				rows += a.Batch
				a.Gates, a.S, a.Y = a.Gates.Slice(0, rows), a.S.Slice(0, rows), a.Y.Slice(0, rows)
			}
			b.LSTM1997Backward(a)
		}}.on})
}
