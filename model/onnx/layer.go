package onnx

import (
	"fmt"
	"slices"

	"gputrain/model"
)

// overTime reports whether the layer of a stage looks at several time steps.
func overTime(s model.Stage) bool {
	switch s.Layer.(type) {
	case model.Embedding, model.ColumnEmbedding, model.Dense, model.Perceptron, model.Activation, model.Logistic, model.Squash, model.Threshold, model.Dropout:
		return false
	}
	return true
}

// layer adds a layer and returns its output for x.
func (e *exporter) layer(layer model.Layer, x value) (value, error) {
	switch l := layer.(type) {
	case model.Embedding:
		return e.embedding(l, x), nil
	case model.ColumnEmbedding:
		return e.columnEmbedding(l, x), nil
	case model.Dense:
		return e.dense(x, "", l.Out, !l.NoBias), nil
	case model.Perceptron:
		return e.threshold(e.dense(x, "", l.Out, true), l.Off()), nil
	case model.Threshold:
		return e.threshold(x, model.Perceptron{Binary: l.Binary}.Off()), nil
	case model.Activation:
		x.name = e.activation(l, x.name)
	case model.Logistic:
		x.name = e.unary("Sigmoid", e.scaled(x.name, "slope", l.Slope))
	case model.Squash:
		x.name = e.squash(l, x.name)
	case model.Dropout: // the identity
	case model.LastStep:
		return e.lastStep(l, x), nil
	case model.RNN:
		return e.recurrent(rnnOperator(l), x), nil
	case model.GRU:
		return e.recurrent(gruOperator(l), x), nil
	case model.LSTM:
		if l.Projection > 0 || l.LayerNorm || l.ZoneoutHidden > 0 || l.ZoneoutCell > 0 {
			return e.lstmSteps(l, x), nil
		}
		return e.recurrent(lstmOperator(l), x), nil
	case model.GridLSTM:
		return e.grid(l, x), nil
	case model.LSTM1997:
		return e.lstm1997(l, x), nil
	case model.Elman:
		return e.context(elman(l), x), nil
	case model.Jordan:
		return e.context(jordan(l), x), nil
	case model.PartiallyRecurrent:
		return e.context(partiallyRecurrent(l, x.width), x), nil
	case model.FullyRecurrent:
		return e.context(fullyRecurrent(l), x), nil
	default:
		return x, fmt.Errorf("a layer of type %T cannot be exported: this package knows no ONNX for it", layer)
	}
	return x, nil
}

// weight returns a parameter of the stage.
func (e *exporter) weight(name string) model.Array { return e.weights[e.stage+"."+name] }

// parameter adds a parameter of the stage as it is.
func (e *exporter) parameter(name string) string {
	a := e.weight(name)
	return e.floats(name, a.Shape, a.Data)
}

// transposedParameter adds the transpose of a parameter of the stage.
func (e *exporter) transposedParameter(name string) string {
	a := e.weight(name)
	rows, cols := a.Shape[0], a.Shape[1]
	data := make([]float32, len(a.Data))
	for i := range rows {
		for j := range cols {
			data[j*rows+i] = a.Data[i*cols+j]
		}
	}
	return e.floats(name, []int{cols, rows}, data)
}

// dense adds x·weightᵀ + bias, with the parameters of the stage that begin with
// prefix.
func (e *exporter) dense(x value, prefix string, out int, bias bool) value {
	y := e.binary("MatMul", x.name, e.transposedParameter(prefix+"weight"))
	if bias {
		y = e.binary("Add", y, e.parameter(prefix+"bias"))
	}
	return value{name: y, width: out, sequence: x.sequence}
}

// embedding adds the rows of weight that the ids in x name, side by side.
func (e *exporter) embedding(l model.Embedding, x value) value {
	y := value{width: x.width * l.Out, sequence: x.sequence}
	shape := []int{0, y.width}
	if x.sequence {
		shape = []int{0, 0, y.width}
	}
	y.name = e.reshaped(e.binary("Gather", e.parameter("weight"), x.name), shape...)
	return y
}

// columnEmbedding adds the numbers, and the rows of the weights that the ids among them
// name.
func (e *exporter) columnEmbedding(l model.ColumnEmbedding, x value) value {
	var numbers []int
	for column := range x.width {
		if !slices.ContainsFunc(l.Columns, func(c model.EmbeddedColumn) bool { return c.Column == column }) {
			numbers = append(numbers, column)
		}
	}
	last := attributeInt("axis", -1)
	var parts []string
	if len(numbers) > 0 {
		parts = append(parts, e.op("Gather", []string{x.name, e.integers("numbers", numbers...)}, last))
	}
	y := value{width: len(numbers), sequence: x.sequence}
	for i, c := range l.Columns {
		id := e.op("Gather", []string{x.name, e.integer("column", c.Column)}, last)
		id = e.op("Cast", []string{id}, attributeInt("to", typeInt64))
		parts = append(parts, e.binary("Gather", e.parameter(fmt.Sprintf("%d.weight", i)), id))
		y.width += c.Out
	}
	y.name = e.op("Concat", parts, last)
	return y
}

// threshold adds 1 where x > 0, else off.
func (e *exporter) threshold(x value, off float64) value {
	above := e.binary("Greater", x.name, e.scalar("zero", 0))
	x.name = e.op("Where", []string{above, e.scalar("on", 1), e.scalar("off", off)})
	return x
}

func (e *exporter) activation(a model.Activation, x string) string {
	switch a {
	case model.Identity:
		return x
	case model.Softmax:
		return e.op("Softmax", []string{x}, attributeInt("axis", -1))
	case model.ReLU:
		return e.unary("Relu", x)
	}
	return e.op(a.String(), []string{x}) // Sigmoid or Tanh
}

// squash adds Range·tanh(Slope·x).
func (e *exporter) squash(s model.Squash, x string) string {
	return e.scaled(e.unary("Tanh", e.scaled(x, "slope", s.Slope)), "range", s.Range)
}

// scaled adds factor·x.
func (e *exporter) scaled(x, name string, factor float64) string {
	if factor == 1 {
		return x
	}
	return e.binary("Mul", x, e.scalar(name, factor))
}

// lastStep adds the last step of each sequence, or the steps at which both
// directions end.
func (e *exporter) lastStep(l model.LastStep, x value) value {
	if !x.sequence {
		return x
	}
	last := e.stepAt(x.name, -1)
	if e.lengths != "" {
		last = e.endOfSequences(x.name)
	}
	if l.Bidirectional {
		first := e.stepAt(x.name, 0)
		if e.lengths != "" {
			first = e.binary("Mul", first, e.stepAt(e.mask, 0))
		}
		half := x.width / 2
		halves := e.integers("halves", half, half)
		forward := e.ops("Split", 2, []string{last, halves}, attributeInt("axis", 1))[0]
		reverse := e.ops("Split", 2, []string{first, halves}, attributeInt("axis", 1))[1]
		last = e.op("Concat", []string{forward, reverse}, attributeInt("axis", 1))
	}
	e.lengths = ""
	return value{name: last, width: x.width}
}

// stepAt adds one time step of x; −1 is the last one.
func (e *exporter) stepAt(x string, step int) string {
	return e.op("Gather", []string{x, e.integer("step", step)}, attributeInt("axis", 0))
}

// endOfSequences adds the last step of each sequence within its length, 0 for an empty
// one.
func (e *exporter) endOfSequences(x string) string {
	last := e.binary("Sub", e.length, e.integer("one", 1))
	ends := e.op("Cast", []string{e.binary("Equal", e.step, last)}, attributeInt("to", typeFloat))
	only := e.binary("Mul", x, e.unsqueezed(ends, 2))
	return e.op("ReduceSum", []string{only, e.integers("axes", 0)}, attributeInt("keepdims", 0))
}
