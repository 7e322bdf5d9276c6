package onnx

import "slices"

// state is what passes from time step to time step.
type state struct {
	name  string
	width int
}

// loop describes the time steps of a layer that ONNX has no operator for: a Scan, which
// runs a graph within the graph for each step.
type loop struct {
	states   []state
	stateful bool // the states have inputs and outputs of the graph
	reverse  bool

	// held keeps the states in the padding. So the last ones are those at the lengths,
	// and a layer in reverse begins there.
	held bool

	// step adds one time step to the graph within, given the states before it and a row
	// of x for each sequence. It returns the states after it and the output, of width out.
	step func(within *exporter, before []string, x string) (after []string, y string)
	out  int
}

// scan adds the loop over x, [steps, batch, width], and returns its output of all steps.
func (e *exporter) scan(l loop, x string, width int) string {
	body := *e
	body.graph = graph{names: e.names, scope: e.scope + "step/"}
	inputs := make([]string, 0, len(l.states)+2)
	var before []string
	for _, s := range l.states {
		if l.stateful {
			inputs = append(inputs, e.initialState(s.name, s.width))
		} else {
			inputs = append(inputs, e.zeros(x, s.width))
		}
		before = append(before, body.input(body.scope+s.name, typeFloat, "batch", s.width))
	}
	inputs = append(inputs, x)
	now, sequences := body.input(body.scope+"x", typeFloat, "batch", width), 1
	inside := ""
	if l.held && e.lengths != "" {
		inputs = append(inputs, e.within)
		inside = body.input(body.scope+"within", typeBool, "batch", 1)
		sequences++
	}
	after, y := l.step(&body, before, now)
	for i, s := range l.states {
		if inside != "" {
			after[i] = body.op("Where", []string{inside, after[i], before[i]})
		}
		body.output(body.scope+s.name+".after", after[i], typeFloat, "batch", s.width)
	}
	body.output(body.scope+"y", y, typeFloat, "batch", l.out)

	attributes := []*message{attributeInt("num_scan_inputs", sequences), attributeGraph("body", &body.graph)}
	if l.reverse {
		attributes = append(attributes, attributeInts("scan_input_directions", slices.Repeat([]int{1}, sequences)...), attributeInts("scan_output_directions", 1))
	}
	outputs := e.ops("Scan", len(l.states)+1, inputs, attributes...)
	if l.stateful {
		for i, s := range l.states {
			e.finalState(s.name, outputs[i], s.width)
		}
	}
	return outputs[len(l.states)]
}

// zeros adds [batch, width] zeros for the sequences of x.
func (e *exporter) zeros(x string, width int) string {
	batch := e.binary("Gather", e.unary("Shape", x), e.integers("second", 1))
	shape := e.op("Concat", []string{batch, e.integers("width", width)}, attributeInt("axis", 0))
	return e.unary("ConstantOfShape", shape)
}

// overSteps adds what layer makes of x. A layer over a single step gets that as a
// sequence.
func (e *exporter) overSteps(x value, width int, layer func(x string) string) value {
	y := value{width: width, sequence: x.sequence}
	if x.sequence {
		y.name = layer(x.name)
	} else {
		y.name = e.stepAt(layer(e.unsqueezed(x.name, 0)), 0)
	}
	return y
}

// split adds the columns of x, [·, Σ widths], in parts.
func (e *exporter) split(x string, widths ...int) []string {
	return e.ops("Split", len(widths), []string{x, e.integers("widths", widths...)}, attributeInt("axis", -1))
}

// concat adds the columns of all xs.
func (e *exporter) concat(xs ...string) string {
	return e.op("Concat", xs, attributeInt("axis", -1))
}
