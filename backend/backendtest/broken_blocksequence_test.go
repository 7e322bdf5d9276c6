package backendtest

import "gputrain/backend"

func (b fused) MemoryBlockForward(a backend.MemoryBlockSequenceArgs) {
	backend.CheckMemoryBlockForward(b.Backend, a)
	if b.Err() == nil {
		backend.MemoryBlockForward(b.Backend, a)
	}
}

func (b fused) MemoryBlockBackward(a backend.MemoryBlockSequenceGradArgs) {
	backend.CheckMemoryBlockBackward(b.Backend, a)
	if b.Err() == nil {
		backend.MemoryBlockBackward(b.Backend, a)
	}
}

// brokenBlockSequence replaces what is not nil.
type brokenBlockSequence struct {
	fused
	forward  func(b fused, a backend.MemoryBlockSequenceArgs)
	backward func(b fused, a backend.MemoryBlockSequenceGradArgs)
}

func (b brokenBlockSequence) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.forward == nil {
		b.forward = fused.MemoryBlockForward
	}
	if b.backward == nil {
		b.backward = fused.MemoryBlockBackward
	}
	return b
}

func (b brokenBlockSequence) MemoryBlockForward(a backend.MemoryBlockSequenceArgs) {
	b.forward(b.fused, a)
}

func (b brokenBlockSequence) MemoryBlockBackward(a backend.MemoryBlockSequenceGradArgs) {
	b.backward(b.fused, a)
}

func blockSequenceForwardControls() []control {
	mistakes := map[string]func(b fused, a backend.MemoryBlockSequenceArgs){
		"peepholes forgotten": func(b fused, a backend.MemoryBlockSequenceArgs) {
			a.Peep = backend.Tensor{}
			b.MemoryBlockForward(a)
		},
		"g and h swapped": func(b fused, a backend.MemoryBlockSequenceArgs) {
			a.G, a.H = a.H, a.G
			b.MemoryBlockForward(a)
		},
		"bias taken for 2": func(b fused, a backend.MemoryBlockSequenceArgs) {
			each(b, a.Source, func(k int, v float32) float32 {
				if (k+1)%a.Source.Cols == 0 {
					return 2
				}
				return v
			})
			b.MemoryBlockForward(a)
		},
		"nothing fed back where the first outputs are 0": func(b fused, a backend.MemoryBlockSequenceArgs) {
			if allZero(b, a.Y.Slice(0, a.Batch)) {
				a.Weight = clone(b, a.Weight)
				each(b, a.Weight, func(k int, v float32) float32 {
					if j := k % a.Weight.Cols; j >= a.X.Cols && j < a.X.Cols+a.S.Cols {
						return 0
					}
					return v
				})
			}
			b.MemoryBlockForward(a)
		},
		"last step left out": func(b fused, a backend.MemoryBlockSequenceArgs) {
			keeping(b, a.Y, func(row, _ int) bool { return row >= a.Y.Rows-a.Batch }, func() { b.MemoryBlockForward(a) })
		},
	}
	for name, state := range map[string]func(a backend.MemoryBlockSequenceArgs) backend.Tensor{
		"gates":   func(a backend.MemoryBlockSequenceArgs) backend.Tensor { return a.Gates },
		"states":  func(a backend.MemoryBlockSequenceArgs) backend.Tensor { return a.S },
		"outputs": func(a backend.MemoryBlockSequenceArgs) backend.Tensor { return a.Y },
	} {
		mistakes["first step ignores "+name] = func(b fused, a backend.MemoryBlockSequenceArgs) {
			b.withZero(state(a).Slice(0, a.Batch), func() { b.MemoryBlockForward(a) })
		}
		mistakes[name+" before the first step overwritten"] = func(b fused, a backend.MemoryBlockSequenceArgs) {
			b.MemoryBlockForward(a)
			b.Fill(state(a).Slice(0, a.Batch), 0)
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.MemoryBlockSequenceArgs)) func(backend.Backend) backend.Backend {
		return brokenBlockSequence{forward: m}.on
	}, "MemoryBlockForward")
	return append(controls, control{check: "MemoryBlockForward", name: "steps beyond 256 left out", atLeast: 257,
		mistake: brokenBlockSequence{forward: func(b fused, a backend.MemoryBlockSequenceArgs) {
			keeping(b, a.Y, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 256 }, func() { b.MemoryBlockForward(a) })
		}}.on})
}

func blockSequenceBackwardControls() []control {
	mistakes := map[string]func(b fused, a backend.MemoryBlockSequenceGradArgs){
		"h of the output is the identity": func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			a.H = backend.Squash{}
			b.MemoryBlockBackward(a)
		},
		"nothing done where DY is 0": func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			if !allZero(b, a.DY) {
				b.MemoryBlockBackward(a)
			}
		},
		"errors of one step late": func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			dy := fresh(b, a.DY.Rows, a.DY.Cols, make([]float32, a.DY.Size()))
			if last := dy.Rows - a.Batch; last > 0 {
				b.Copy(dy.Slice(a.Batch, dy.Rows), a.DY.Slice(0, last))
			}
			a.DY = dy
			b.MemoryBlockBackward(a)
		},
	}
	for name, output := range map[string]func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor{
		"PIn":     func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor { return a.PIn },
		"PForget": func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor { return a.PForget },
		"PCell":   func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor { return a.PCell },
		"DW":      func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor { return a.DW },
		"DPeep":   func(a backend.MemoryBlockSequenceGradArgs) backend.Tensor { return a.DPeep },
	} {
		mistakes[name+" taken for zero"] = func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			b.clear(output(a))
			b.MemoryBlockBackward(a)
		}
		mistakes[name+" forgotten"] = func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			b.preserving(output(a), func() { b.MemoryBlockBackward(a) })
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.MemoryBlockSequenceGradArgs)) func(backend.Backend) backend.Backend {
		return brokenBlockSequence{backward: m}.on
	}, "MemoryBlockBackward")
	return append(controls, control{check: "MemoryBlockBackward", name: "steps beyond 256 left out", atLeast: 257,
		mistake: brokenBlockSequence{backward: func(b fused, a backend.MemoryBlockSequenceGradArgs) {
			if rows := 256 * a.Batch; rows < a.DY.Rows {
				a.X, a.Source, a.DY = a.X.Slice(0, rows), a.Source.Slice(0, rows), a.DY.Slice(0, rows)
				rows += a.Batch
				a.Gates, a.S, a.Y = a.Gates.Slice(0, rows), a.S.Slice(0, rows), a.Y.Slice(0, rows)
			}
			b.MemoryBlockBackward(a)
		}}.on})
}
