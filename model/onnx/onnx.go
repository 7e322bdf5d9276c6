// Package onnx writes networks as ONNX models (https://onnx.ai), which onnxruntime
// and others run. What a network computes in evaluation becomes a graph of ONNX's
// operators: RNN, GRU and LSTM their namesakes, what these cannot say a Scan over
// the time steps. Dropout, windows and all else that is for training leave no trace.
//
// The graph takes batches of any size and, unless Options.Rows, sequences of any
// number of steps. Its operators are those of opset 17, its numbers float32.
package onnx

import (
	"fmt"
	"io"
	"math"
	"slices"

	"gputrain/data"
	"gputrain/model"
)

// Options say what the graph has around the network. Without options it has the
// input x, [steps, batch, Width], time-major, and the output y, [steps, batch, width],
// or [batch, width] behind LastStep. A network for one step without recurrent layers
// has x [batch, Width] and y [batch, width]. A network that takes ids has them as x,
// int64; those in the padding must be ids too.
//
// A network built with model.Options.Ragged has an input more, lengths, [batch],
// int32: how many steps of each sequence count, 0 or more. A recurrent layer with
// Stateful has the states of Network.States as inputs and outputs, [batch, ·]:
// lstm.h_l0.initial and lstm.h_l0.final. Those of a gradient in progress are left out.
type Options struct {
	// Rows makes a sample one row of features, as in a data.Dataset: x is
	// [batch, Steps·Width], and an output with steps is [batch, steps, width].
	Rows bool

	// Columns, with Rows, are the names of the features. Each is an input of its own,
	// [batch, 1], in place of x.
	Columns []string

	// Scaling, with Rows, is applied to the features, which must not be ids.
	Scaling data.Scaling

	// Classes are the names of what the columns of y stand for. There is an output
	// more, class, of text: the name of the largest y of each row.
	Classes []string

	// Output is the name of y; "" means "y". An output whose name a column has gets a
	// number: y_2.
	Output string
}

// maxBytes is the size of the largest message that readers of protobuf take.
const maxBytes = math.MaxInt32

// The versions of the format and of its operators.
const (
	irVersion = 8
	opset     = 17
)

// Write writes net to w. An error names the stage that ONNX has no operators for,
// the scaling that does not fit float32, or what the backend failed at. Write panics
// if the options do not fit the network.
func Write(w io.Writer, net *model.Network, o Options) error {
	e := &exporter{net: net, graph: graph{names: names{}}}
	o.check(net)
	var file model.File
	if err := net.Save(&file); err != nil {
		return err
	}
	e.weights = file.Tensors
	if err := e.network(o); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	m := new(message)
	m.integer(1, irVersion)
	m.text(2, "gputrain")
	m.message(7, e.graph.message("network"))
	operators := new(message)
	operators.integer(2, opset)
	m.message(8, operators)
	if m.size > maxBytes {
		return fmt.Errorf("onnx: the model has %d bytes, more than the %d that readers of ONNX take", m.size, maxBytes)
	}
	return m.write(w)
}

// check panics unless the options fit the input of net.
func (o Options) check(net *model.Network) {
	features := net.Input().Steps * net.Input().Width
	shifts, factors := len(o.Scaling.Shift), len(o.Scaling.Factor)
	switch {
	case !o.Rows && (o.Columns != nil || factors > 0):
		panic("onnx: Write: Columns and Scaling are for Rows")
	case net.IDs() > 0 && factors > 0:
		panic("onnx: Write: the network takes ids, which no Scaling is for")
	case o.Columns != nil && len(o.Columns) != features:
		panic(fmt.Sprintf("onnx: Write: %d Columns for %d features", len(o.Columns), features))
	case slices.Contains(o.Columns, ""):
		panic("onnx: Write: a column has no name")
	case shifts != factors || factors > 1 && factors != features:
		panic(fmt.Sprintf("onnx: Write: the Scaling has %d shifts and %d factors for %d features", shifts, factors, features))
	}
	taken := names{}
	for _, name := range o.Columns {
		if taken.unique(name) != name {
			panic(fmt.Sprintf("onnx: Write: two columns are called %q", name))
		}
	}
}

// exporter builds the graph of a network.
type exporter struct {
	graph
	net     *model.Network
	weights map[string]model.Array
	stage   string // at hand

	lengths string // [batch], int32; "" if all sequences are whole, or past their last step
	length  string // the same as int64
	step    string // [steps, 1]: the numbers of the steps
	within  string // [steps, batch, 1]: whether a step is within the length of its sequence
	mask    string // the same as 1 and 0
}

// value is a value of the graph: [steps, batch, width] if it is a sequence, else
// [batch, width].
type value struct {
	name     string
	width    int
	sequence bool
}

// network adds the network with its inputs and outputs.
func (e *exporter) network(o Options) error {
	x, err := e.features(o)
	if err != nil {
		return err
	}
	if e.net.Ragged() {
		e.lengths = e.input("lengths", typeInt32, "batch")
		if x.sequence {
			e.masks(x)
		}
	}
	for _, stage := range e.net.Spec() {
		e.stage, e.scope = stage.Name, stage.Name+"/"
		if x, err = e.layer(stage.Layer, x); err != nil {
			return fmt.Errorf("stage %q: %w", stage.Name, err)
		}
	}
	e.scope = ""
	e.result(o, x)
	return nil
}

// features adds the input and what Options say of it.
func (e *exporter) features(o Options) (value, error) {
	in, kind := e.net.Input(), typeFloat
	if e.net.IDs() > 0 {
		kind = typeInt64
	}
	x := value{width: in.Width, sequence: in.Steps > 1 || slices.ContainsFunc(e.net.Spec(), overTime)}
	switch {
	case !o.Rows && x.sequence:
		x.name = e.input("x", kind, "steps", "batch", in.Width)
		return x, nil
	case o.Columns == nil:
		x.name = e.input("x", kind, "batch", in.Steps*in.Width)
	default:
		columns := make([]string, len(o.Columns))
		for i, name := range o.Columns {
			columns[i] = e.input(name, kind, "batch", 1)
		}
		x.name = e.op("Concat", columns, attributeInt("axis", 1))
	}
	if len(o.Scaling.Factor) > 0 {
		scaled, err := e.scale(x.name, o.Scaling)
		if err != nil {
			return x, err
		}
		x.name = scaled
	}
	if x.sequence {
		batchFirst := e.binary("Reshape", x.name, e.integers("shape", 0, in.Steps, in.Width))
		x.name = e.transposed(batchFirst, 1, 0, 2)
	}
	return x, nil
}

// scale adds (x − Shift)·Factor. A shift may be a number that float32 does not hold,
// such as the mean of years, beside which the differences are small. So it is
// subtracted in two parts; the difference of the first is exact where it matters.
func (e *exporter) scale(x string, s data.Scaling) (string, error) {
	n := len(s.Factor)
	high, low, factor := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range n {
		high[i], factor[i] = float32(s.Shift[i]), float32(s.Factor[i])
		low[i] = float32(s.Shift[i] - float64(high[i]))
		if !finite(high[i]) || !finite(factor[i]) {
			return "", fmt.Errorf("feature %d has shift %v and factor %v, which float32 cannot hold", i+1, s.Shift[i], s.Factor[i])
		}
	}
	e.scope = "scaling/"
	defer func() { e.scope = "" }()
	x = e.binary("Sub", x, e.floats("shift", []int{n}, high))
	if slices.ContainsFunc(low, func(v float32) bool { return v != 0 }) {
		x = e.binary("Sub", x, e.floats("shift_rest", []int{n}, low))
	}
	return e.binary("Mul", x, e.floats("factor", []int{n}, factor)), nil
}

func finite(x float32) bool { return x-x == 0 }

// result adds the outputs for y.
func (e *exporter) result(o Options, y value) {
	if o.Classes != nil && len(o.Classes) != y.width {
		panic(fmt.Sprintf("onnx: Write: %d Classes, but the network has %d outputs", len(o.Classes), y.width))
	}
	shape := []any{"batch", y.width}
	switch {
	case y.sequence && o.Rows:
		y.name = e.transposed(y.name, 1, 0, 2)
		shape = []any{"batch", e.net.Output().Steps, y.width}
	case y.sequence:
		shape = []any{"steps", "batch", y.width}
	}
	name := o.Output
	if name == "" {
		name = "y"
	}
	e.output(name, y.name, typeFloat, shape...)
	if o.Classes != nil {
		largest := e.op("ArgMax", []string{y.name}, attributeInt("axis", -1), attributeInt("keepdims", 0))
		class := e.binary("Gather", e.strings("classes", o.Classes), largest)
		e.output("class", class, typeString, shape[:len(shape)-1]...)
	}
}

// transposed adds x with its dimensions in another order.
func (e *exporter) transposed(x string, order ...int) string {
	return e.op("Transpose", []string{x}, attributeInts("perm", order...))
}

// reshaped adds x in another shape; 0 means a dimension of x, −1 what is left.
func (e *exporter) reshaped(x string, shape ...int) string {
	return e.binary("Reshape", x, e.integers("shape", shape...))
}

// unsqueezed adds x with a further dimension at axis.
func (e *exporter) unsqueezed(x string, axis int) string {
	return e.binary("Unsqueeze", x, e.integers("axes", axis))
}

// masks adds what the layers need to know about the lengths.
func (e *exporter) masks(x value) {
	e.scope = "lengths/"
	steps := e.binary("Gather", e.unary("Shape", x.name), e.integer("first", 0))
	e.step = e.unsqueezed(e.op("Range", []string{e.integer("zero", 0), steps, e.integer("one", 1)}), 1)
	e.length = e.op("Cast", []string{e.lengths}, attributeInt("to", typeInt64))
	e.within = e.unsqueezed(e.binary("Less", e.step, e.length), 2)
	e.mask = e.op("Cast", []string{e.within}, attributeInt("to", typeFloat))
	e.scope = ""
}
