package onnx

import "fmt"

// graph is a GraphProto in the making. The numbers of the fields are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
type graph struct {
	names names
	scope string // begins the names of the values

	nodes, constants, inputs, outputs []*message
}

// names are the names of values that are taken, in a graph and those within it.
type names map[string]bool

// unique returns name, or name with a number behind it if name is taken, and takes it.
func (n names) unique(name string) string {
	free := name
	for i := 2; n[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	n[free] = true
	return free
}

// The data types of TensorProto.
const (
	typeFloat  = 1
	typeInt32  = 6
	typeInt64  = 7
	typeString = 8
	typeBool   = 9
)

// op adds a node of one output, and returns its name. An input that is "" is left
// out.
func (g *graph) op(kind string, inputs []string, attributes ...*message) string {
	return g.ops(kind, 1, inputs, attributes...)[0]
}

// unary and binary add a node of one or two inputs that needs no attributes.
func (g *graph) unary(kind, x string) string     { return g.op(kind, []string{x}) }
func (g *graph) binary(kind, x, y string) string { return g.op(kind, []string{x, y}) }

// ops adds a node of several outputs.
func (g *graph) ops(kind string, outputs int, inputs []string, attributes ...*message) []string {
	names := make([]string, outputs)
	for i := range names {
		names[i] = g.names.unique(g.scope + kind)
	}
	g.node(kind, inputs, names, attributes...)
	return names
}

// node adds a node whose outputs have these names.
func (g *graph) node(kind string, inputs, outputs []string, attributes ...*message) {
	node := new(message)
	for _, name := range inputs {
		node.text(1, name)
	}
	for _, name := range outputs {
		node.text(2, name)
	}
	node.text(3, outputs[0])
	node.text(4, kind)
	for _, a := range attributes {
		node.message(5, a)
	}
	g.nodes = append(g.nodes, node)
}

// attribute returns an attribute of a type of AttributeProto.
func attribute(name string, kind int, set func(a *message)) *message {
	a := new(message)
	a.text(1, name)
	set(a)
	a.integer(20, kind)
	return a
}

func attributeFloat(name string, value float64) *message {
	return attribute(name, 1, func(a *message) { a.float(2, float32(value)) })
}

func attributeInt(name string, value int) *message {
	return attribute(name, 2, func(a *message) { a.integer(3, value) })
}

func attributeString(name, value string) *message {
	return attribute(name, 3, func(a *message) { a.text(4, value) })
}

func attributeGraph(name string, g *graph) *message {
	return attribute(name, 5, func(a *message) { a.message(6, g.message(name)) })
}

func attributeInts(name string, values ...int) *message {
	return attribute(name, 7, func(a *message) {
		for _, v := range values {
			a.integer(8, v)
		}
	})
}

func attributeStrings(name string, values ...string) *message {
	return attribute(name, 8, func(a *message) {
		for _, v := range values {
			a.text(9, v)
		}
	})
}

// tensor adds a constant.
func (g *graph) tensor(name string, kind int, shape []int, set func(t *message)) string {
	name = g.names.unique(g.scope + name)
	t := new(message)
	for _, d := range shape {
		t.integer(1, d)
	}
	t.integer(2, kind)
	t.text(8, name)
	set(t)
	g.constants = append(g.constants, t)
	return name
}

// floats adds a constant that shares values.
func (g *graph) floats(name string, shape []int, values []float32) string {
	return g.tensor(name, typeFloat, shape, func(t *message) { t.floats(9, values) })
}

// scalar adds a constant without dimensions.
func (g *graph) scalar(name string, value float64) string {
	return g.floats(name, nil, []float32{float32(value)})
}

// integers adds a vector.
func (g *graph) integers(name string, values ...int) string {
	return g.tensor(name, typeInt64, []int{len(values)}, func(t *message) {
		for _, v := range values {
			t.integer(7, v)
		}
	})
}

func (g *graph) integer(name string, value int) string {
	return g.tensor(name, typeInt64, nil, func(t *message) { t.integer(7, value) })
}

func (g *graph) strings(name string, values []string) string {
	return g.tensor(name, typeString, []int{len(values)}, func(t *message) {
		for _, v := range values {
			t.text(6, v)
		}
	})
}

// input adds an input and returns its name. A dimension is a number, or a name for any.
func (g *graph) input(name string, kind int, shape ...any) string {
	name = g.names.unique(name)
	g.inputs = append(g.inputs, valueInfo(name, kind, shape))
	return name
}

// output makes value an output called name.
func (g *graph) output(name, value string, kind int, shape ...any) {
	name = g.names.unique(name)
	g.node("Identity", []string{value}, []string{name})
	g.outputs = append(g.outputs, valueInfo(name, kind, shape))
}

func valueInfo(name string, kind int, shape []any) *message {
	dimensions, tensor, whole, info := new(message), new(message), new(message), new(message)
	for _, d := range shape {
		dimension := new(message)
		switch d := d.(type) {
		case int:
			dimension.integer(1, d)
		case string:
			dimension.text(2, d)
		}
		dimensions.message(1, dimension)
	}
	tensor.integer(1, kind)
	tensor.message(2, dimensions)
	whole.message(1, tensor)
	info.text(1, name)
	info.message(2, whole)
	return info
}

// message returns the GraphProto.
func (g *graph) message(name string) *message {
	m := new(message)
	for _, node := range g.nodes {
		m.message(1, node)
	}
	m.text(2, name)
	for _, t := range g.constants {
		m.message(5, t)
	}
	for _, v := range g.inputs {
		m.message(11, v)
	}
	for _, v := range g.outputs {
		m.message(12, v)
	}
	return m
}
