package onnx

import (
	"gputrain/backend"
	"gputrain/model"
)

// lstm1997 adds memory blocks. backend.LSTM1997CellArgs has the equations.
func (e *exporter) lstm1997(l model.LSTM1997, x value) value {
	w, blocks, cells := e.weight("weight"), l.Blocks, l.Blocks*l.Cells
	kinds := []int{blocks, blocks} // the units: gates in, φ, out, then cells
	if l.ForgetGates {
		kinds = append(kinds, blocks)
	}
	gates := len(kinds) * blocks
	units, fed := gates+cells, gates
	if l.NoGateFeedback {
		fed = 0
	}
	kinds = append(kinds, cells)
	weights := func(e *exporter, name string, first, sources int) string {
		return e.matrix(name, sources, units, func(i, unit int) float32 { return w.Data[unit*w.Shape[1]+first+i] })
	}
	states := []state{{"s", cells}, {"y", cells}}
	if !l.NoGateFeedback {
		states = append(states, state{"gates", units})
	}
	step := func(e *exporter, before []string, z string) ([]string, string) {
		s, sources := before[0], before[1]
		if !l.NoGateFeedback {
			sources = e.concat(e.split(before[2], gates, cells)[0], sources)
		}
		z = e.binary("Add", z, e.binary("MatMul", sources, weights(e, "weight_feedback", x.width, fed+cells)))
		parts := e.split(z, kinds...)
		ofCells := e.matrix("cells", blocks, cells, func(j, v int) float32 {
			if v/l.Cells == j {
				return 1
			}
			return 0
		})
		gate := func(z, s string, row int) string {
			if l.Peepholes {
				z = e.binary("Add", z, e.binary("MatMul", s, e.peephole(row, blocks, l.Cells)))
			}
			return e.unary("Sigmoid", z)
		}
		spread := func(gate string) string { return e.binary("MatMul", gate, ofCells) }

		in, g := gate(parts[0], s, 0), e.squash(model.Squash(backend.SquashInput()), parts[len(parts)-1])
		activations, kept := []string{in}, s
		if l.ForgetGates {
			forget := gate(parts[1], s, 1)
			activations, kept = append(activations, forget), e.binary("Mul", spread(forget), s)
		}
		s = e.binary("Add", kept, e.binary("Mul", spread(in), g))
		out := gate(parts[len(parts)-2], s, 2)
		h := s
		if !l.LinearOutput {
			h = e.squash(model.Squash(backend.SquashOutput()), s)
		}
		y := e.binary("Mul", spread(out), h)
		after := []string{s, y, e.concat(append(activations, out, g)...)}
		return after[:len(states)], y
	}
	return e.overSteps(x, cells, func(input string) string {
		z := e.binary("MatMul", input, weights(e, "weight_input", 0, x.width))
		z = e.binary("Add", z, weights(e, "bias", x.width+fed+cells, 1))
		return e.scan(loop{states: states, stateful: l.Stateful, step: step, out: cells}, z, units)
	})
}

// peephole adds the weights from the states of the cells to one kind of gate of their
// own block, [cells, blocks].
func (e *exporter) peephole(row, blocks, perBlock int) string {
	w := e.weight("weight_peep")
	return e.matrix("weight_peep", blocks*perBlock, blocks, func(v, j int) float32 {
		if v/perBlock != j {
			return 0
		}
		return w.Data[row*blocks*perBlock+v]
	})
}
