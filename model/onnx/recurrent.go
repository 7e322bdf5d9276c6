package onnx

import (
	"cmp"
	"fmt"
	"slices"

	"gputrain/model"
)

// operator describes a stack of layers for each of which ONNX has an operator.
type operator struct {
	kind           string // of the node
	hidden, layers int
	noBias         bool
	peepholes      bool
	bidirectional  bool
	stateful       bool
	gates          []int    // which of PyTorch's gates are ONNX's first, second, ...
	states         []string // of a layer
	attributes     []*message
}

// ONNX's gates of a GRU are z, r, h; PyTorch's are r, z, n. Those of an LSTM are
// i, o, f, c; PyTorch's are i, f, g, o.
var (
	gatesRNN  = []int{0}
	gatesGRU  = []int{1, 0, 2}
	gatesLSTM = []int{0, 3, 1, 2}
	peepholes = []int{0, 2, 1} // i, o, f; ours are i, f, o
)

func rnnOperator(r model.RNN) operator {
	f := "Tanh"
	if r.ReLU {
		f = "Relu"
	}
	o := operator{
		kind: "RNN", hidden: r.Hidden, layers: cmp.Or(r.Layers, 1), noBias: r.NoBias,
		bidirectional: r.Bidirectional, stateful: r.Stateful, gates: gatesRNN, states: []string{"h"},
	}
	o.attributes = []*message{attributeStrings("activations", slices.Repeat([]string{f}, o.directions())...)}
	return o
}

func gruOperator(g model.GRU) operator {
	return operator{
		kind: "GRU", hidden: g.Hidden, layers: cmp.Or(g.Layers, 1), noBias: g.NoBias,
		bidirectional: g.Bidirectional, stateful: g.Stateful, gates: gatesGRU, states: []string{"h"},
		attributes: []*message{attributeInt("linear_before_reset", 1)},
	}
}

func lstmOperator(l model.LSTM) operator {
	return operator{
		kind: "LSTM", hidden: l.Hidden, layers: cmp.Or(l.Layers, 1), noBias: l.NoBias, peepholes: l.Peepholes,
		bidirectional: l.Bidirectional, stateful: l.Stateful, gates: gatesLSTM, states: []string{"h", "c"},
	}
}

func (o operator) directions() int {
	if o.bidirectional {
		return 2
	}
	return 1
}

// suffixes end the names of the parameters and states of a layer's directions.
func suffixes(layer, directions int) []string {
	all := []string{fmt.Sprintf("_l%d", layer), fmt.Sprintf("_l%d_reverse", layer)}
	return all[:directions]
}

// recurrent adds a stack of layers.
func (e *exporter) recurrent(o operator, x value) value {
	return e.overSteps(x, o.directions()*o.hidden, func(y string) string {
		for layer := range o.layers {
			y = e.recurrentLayer(o, suffixes(layer, o.directions()), y)
		}
		if e.lengths != "" {
			y = e.binary("Mul", y, e.mask)
		}
		return y
	})
}

// recurrentLayer adds a layer, whose parameters have these suffixes.
func (e *exporter) recurrentLayer(o operator, suffixes []string, x string) string {
	directions := len(suffixes)
	stacked := func(name string, rows []int, parameters ...string) string {
		return e.stacked(name+suffixes[0], suffixes, rows, parameters...)
	}
	bias, peep := "", ""
	if !o.noBias {
		bias = stacked("B", o.gates, "bias_ih", "bias_hh")
	}
	if o.peepholes {
		peep = stacked("P", peepholes, "weight_peep")
	}
	inputs := []string{x, stacked("W", o.gates, "weight_ih"), stacked("R", o.gates, "weight_hh"), bias, e.lengths}
	initial := map[string]string{} // [directions, batch, hidden]
	if o.stateful {
		for _, state := range o.states {
			initial[state] = e.initialStates(state, suffixes, o.hidden)
		}
	}
	inputs = append(inputs, initial["h"], initial["c"], peep)
	for inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	direction := "forward"
	if o.bidirectional {
		direction = "bidirectional"
	}
	attributes := append(slices.Clone(o.attributes), attributeInt("hidden_size", o.hidden), attributeString("direction", direction))
	outputs := e.ops(o.kind, 1+len(o.states), inputs, attributes...)
	if o.stateful {
		for i, state := range o.states {
			final := outputs[1+i]
			if e.lengths != "" { // ONNX does not say what an empty sequence ends with
				final = e.op("Where", []string{e.stepAt(e.within, 0), final, initial[state]})
			}
			for d, suffix := range suffixes {
				e.finalState(state+suffix, e.stepAt(final, d), o.hidden)
			}
		}
	}
	// [steps, directions, batch, hidden] to [steps, batch, directions·hidden]
	return e.reshaped(e.transposed(outputs[0], 0, 2, 1, 3), 0, 0, directions*o.hidden)
}

// stacked adds parameters of a layer in the order that ONNX wants: for each direction,
// for each of the parameters, the blocks of rows that the gates have.
func (e *exporter) stacked(name string, suffixes []string, gates []int, parameters ...string) string {
	size := 0
	for _, parameter := range parameters {
		size += len(suffixes) * len(e.weight(parameter+suffixes[0]).Data)
	}
	values, shape := make([]float32, 0, size), []int{}
	for _, suffix := range suffixes {
		for _, parameter := range parameters {
			a := e.weight(parameter + suffix)
			shape = slices.Clone(a.Shape)
			size := len(a.Data) / len(gates)
			for _, gate := range gates {
				values = append(values, a.Data[gate*size:(gate+1)*size]...)
			}
		}
	}
	shape[0] *= len(parameters)
	if parameters[0] == "weight_peep" {
		shape = []int{len(values) / len(suffixes)}
	}
	return e.floats(name, append([]int{len(suffixes)}, shape...), values)
}

// initialStates adds the inputs of a state of a layer, [directions, batch, width].
func (e *exporter) initialStates(state string, suffixes []string, width int) string {
	var all []string
	for _, suffix := range suffixes {
		all = append(all, e.unsqueezed(e.initialState(state+suffix, width), 0))
	}
	if len(all) == 1 {
		return all[0]
	}
	return e.op("Concat", all, attributeInt("axis", 0))
}

// initialState adds the input for a state of the stage.
func (e *exporter) initialState(state string, width int) string {
	return e.input(e.stage+"."+state+".initial", typeFloat, "batch", width)
}

// finalState adds the output for a state of the stage.
func (e *exporter) finalState(state, value string, width int) {
	e.output(e.stage+"."+state+".final", value, typeFloat, "batch", width)
}
