package onnx

import (
	"cmp"
	"fmt"

	"gputrain/model"
)

// grid adds a Grid LSTM: for each layer an LSTM over time, and one over a single step
// for the depth, whose sequences are all time steps.
func (e *exporter) grid(l model.GridLSTM, x value) value {
	return e.overSteps(x, l.Hidden, func(input string) string {
		project := func(vector string) string {
			y := e.binary("MatMul", input, e.transposedParameter("weight_"+vector))
			return e.binary("Add", y, e.parameter("bias_"+vector))
		}
		h := project("h")
		shape := e.unary("Shape", h)
		asOneStep := func(x string) string { return e.reshaped(x, 1, -1, l.Hidden) }
		m := asOneStep(project("m"))
		for layer := range cmp.Or(l.Layers, 1) {
			suffix := fmt.Sprintf("_l%d", layer)
			h0, m0 := e.unsqueezed(e.zeros(h, l.Hidden), 0), e.unsqueezed(e.zeros(h, l.Hidden), 0)
			if l.Stateful {
				h0, m0 = e.unsqueezed(e.initialState("h"+suffix, l.Hidden), 0), e.unsqueezed(e.initialState("m"+suffix, l.Hidden), 0)
			}
			time := e.gridLSTM("_time"+suffix, l.Hidden, h, h0, m0)
			if l.Stateful {
				e.finalState("h"+suffix, e.stepAt(time[1], 0), l.Hidden)
				e.finalState("m"+suffix, e.stepAt(time[2], 0), l.Hidden)
			}
			all := e.op("Concat", []string{h0, e.binary("Squeeze", time[0], e.integers("axes", 1))}, attributeInt("axis", 0))
			before := e.op("Slice", []string{all, e.integers("from", 0), e.integers("to", -1), e.integers("axes", 0)})
			depth := e.gridLSTM("_depth"+suffix, l.Hidden, asOneStep(h), asOneStep(before), m)
			h, m = e.binary("Reshape", depth[1], shape), depth[2]
		}
		return h
	})
}

// gridLSTM adds the LSTM of one dimension and returns its outputs: h of all steps, and
// the last h and c.
func (e *exporter) gridLSTM(suffix string, hidden int, x, h, c string) []string {
	weight := func(name string) string { return e.stacked(name+suffix, []string{suffix}, gatesLSTM, name) }
	bias := e.op("Concat", []string{weight("bias"), e.floats("zeros", []int{1, 4 * hidden}, make([]float32, 4*hidden))}, attributeInt("axis", 1))
	return e.ops("LSTM", 3, []string{x, weight("weight_ih"), weight("weight_hh"), bias, "", h, c}, attributeInt("hidden_size", hidden))
}
