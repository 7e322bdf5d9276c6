package onnx

import (
	"cmp"

	"gputrain/model"
)

// contextLayer describes Elman, Jordan, PartiallyRecurrent and FullyRecurrent.
// model/context.go has the equations.
type contextLayer struct {
	units            int
	activation       model.Activation
	readout          int // 0 for none
	outputActivation model.Activation
	decay            float64
	outputs          int
	connected        func(unit, source int) bool // nil: all are
	stateful         bool
}

func elman(l model.Elman) contextLayer {
	return contextLayer{units: l.Hidden, activation: l.Activation, outputs: l.Hidden, stateful: l.Stateful}
}

func jordan(l model.Jordan) contextLayer {
	return contextLayer{
		units: l.Hidden, activation: l.Activation, readout: l.Out, outputActivation: l.OutputActivation,
		decay: l.Decay, outputs: l.Out, stateful: l.Stateful,
	}
}

func partiallyRecurrent(l model.PartiallyRecurrent, inputs int) contextLayer {
	return contextLayer{
		units: l.Hidden, activation: l.Activation, outputs: l.Hidden, stateful: l.Stateful,
		connected: func(unit, source int) bool { return source < inputs || source == inputs+unit },
	}
}

func fullyRecurrent(l model.FullyRecurrent) contextLayer {
	c := contextLayer{units: l.Hidden, activation: l.Activation, outputs: cmp.Or(l.Out, l.Hidden), stateful: l.Stateful}
	if l.Mask != nil {
		c.connected = func(unit, source int) bool { return l.Mask[unit][source] }
	}
	return c
}

// context adds the layer. Its matrix is applied in two parts: the columns for the input
// and the bias to all steps at once, those for the context step by step.
func (e *exporter) context(c contextLayer, x value) value {
	w, width := e.weight("weight"), cmp.Or(c.readout, c.units)
	element := func(unit, source int) float32 {
		if c.connected != nil && source < x.width+width && !c.connected(unit, source) {
			return 0
		}
		return w.Data[unit*w.Shape[1]+source]
	}
	return e.overSteps(x, c.outputs, func(input string) string {
		z := e.binary("MatMul", input, e.matrix("weight_input", x.width, c.units, func(i, unit int) float32 { return element(unit, i) }))
		z = e.binary("Add", z, e.matrix("bias", 1, c.units, func(_, unit int) float32 { return element(unit, x.width+width) }))
		y := e.scan(loop{
			states: []state{{"context", width}}, stateful: c.stateful, out: width,
			step: func(e *exporter, before []string, z string) ([]string, string) {
				feedback := e.matrix("weight_context", width, c.units, func(i, unit int) float32 { return element(unit, x.width+i) })
				y := e.activation(c.activation, e.binary("Add", z, e.binary("MatMul", before[0], feedback)))
				if c.readout > 0 {
					y = e.activation(c.outputActivation, e.dense(value{name: y}, "output.", c.readout, true).name)
				}
				after := y
				if c.decay > 0 {
					after = e.binary("Add", y, e.scaled(before[0], "decay", c.decay))
				}
				return []string{after}, y
			},
		}, z, c.units)
		if c.outputs < width {
			y = e.split(y, c.outputs, width-c.outputs)[0]
		}
		return y
	})
}

// matrix adds a constant, [rows, cols].
func (e *exporter) matrix(name string, rows, cols int, element func(row, col int) float32) string {
	data := make([]float32, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			data = append(data, element(i, j))
		}
	}
	return e.floats(name, []int{rows, cols}, data)
}
