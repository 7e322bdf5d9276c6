package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/model/onnx"
)

var update = flag.Bool("update", false, "write the graphs in testdata anew")

// proto is a protobuf message that was read: the values of its fields by their
// numbers. A value is a uint64, or []byte.
type proto map[uint64][]any

// parse reads a message by the rules of the encoding alone.
func parse(t *testing.T, b []byte) proto {
	t.Helper()
	m := proto{}
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatal("a number is cut short")
		}
		b = b[n:]
		return v
	}
	take := func(n uint64) []byte {
		if n > uint64(len(b)) {
			t.Fatalf("a field has %d bytes, but %d are there", n, len(b))
		}
		part := b[:n]
		b = b[n:]
		return part
	}
	for len(b) > 0 {
		key := varint()
		var v any
		switch key & 7 {
		case 0:
			v = varint()
		case 2:
			v = take(varint())
		case 5:
			v = uint64(binary.LittleEndian.Uint32(take(4)))
		default:
			t.Fatalf("wire type %d", key&7)
		}
		m[key>>3] = append(m[key>>3], v)
	}
	return m
}

func (m proto) texts(field uint64) (texts []string) {
	for _, v := range m[field] {
		texts = append(texts, string(v.([]byte)))
	}
	return texts
}

func (m proto) text(field uint64) string { return strings.Join(m.texts(field), "") }

func (m proto) integers(field uint64) []int64 {
	list := []int64{}
	for _, v := range m[field] {
		list = append(list, int64(v.(uint64)))
	}
	return list
}

func (m proto) messages(t *testing.T, field uint64) (list []proto) {
	for _, v := range m[field] {
		list = append(list, parse(t, v.([]byte)))
	}
	return list
}

// values returns the values of a TensorProto.
func (m proto) values() any {
	switch m.integers(2)[0] {
	case 1:
		raw := m.text(9)
		floats := make([]float32, len(raw)/4)
		for i := range floats {
			floats[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(raw[4*i:])))
		}
		return floats
	case 7:
		return m.integers(7)
	}
	return m.texts(6)
}

// describe writes a GraphProto as text.
func describe(t *testing.T, w *strings.Builder, indent string, g proto) {
	for _, part := range []struct {
		word  string
		field uint64
	}{{"in ", 11}, {"out", 12}} {
		for _, info := range g.messages(t, part.field) {
			tensor := info.messages(t, 2)[0].messages(t, 1)[0]
			var shape []string
			for _, d := range tensor.messages(t, 2)[0].messages(t, 1) {
				shape = append(shape, strings.Trim(fmt.Sprint(d.integers(1)), "[]")+d.text(2))
			}
			fmt.Fprintf(w, "%s%s %s: type %d [%s]\n", indent, part.word, info.text(1), tensor.integers(1)[0], strings.Join(shape, " "))
		}
	}
	for _, c := range g.messages(t, 5) {
		fmt.Fprintf(w, "%s    %s = %d %v\n", indent, c.text(8), c.integers(1), c.values())
	}
	for _, n := range g.messages(t, 1) {
		fmt.Fprintf(w, "%s    %s = %s(%s)", indent, strings.Join(n.texts(2), ", "), n.text(4), strings.Join(n.texts(1), ", "))
		for _, a := range n.messages(t, 5) {
			fmt.Fprintf(w, " %s=", a.text(1))
			switch a.integers(20)[0] {
			case 1:
				fmt.Fprint(w, math.Float32frombits(uint32(a.integers(2)[0])))
			case 2:
				fmt.Fprint(w, a.integers(3)[0])
			case 3:
				fmt.Fprint(w, a.text(4))
			case 5:
				fmt.Fprintln(w)
				describe(t, w, indent+"    ", a.messages(t, 6)[0])
			case 7:
				fmt.Fprint(w, a.integers(8))
			case 8:
				fmt.Fprint(w, a.texts(9))
			}
		}
		fmt.Fprintln(w)
	}
}

// numbered builds a network whose parameters are 1, 2, 3, ... each, which shows where
// their rows go.
func numbered(t *testing.T, spec model.Spec, in model.Shape, o model.Options) *model.Network {
	t.Helper()
	b := reference.New()
	t.Cleanup(func() { b.Close() })
	net, err := model.New(b, spec, in, o)
	if err != nil {
		t.Fatal(err)
	}
	file := &model.File{Tensors: map[string]model.Array{}}
	for _, p := range net.Parameters() {
		values := make([]float32, p.Value.Size())
		for i := range values {
			values[i] = float32(i + 1)
		}
		file.Tensors[p.Name] = model.Array{Shape: p.Shape, Data: values}
	}
	if err := net.Load(file); err != nil {
		t.Fatal(err)
	}
	return net
}

// The graphs, as a reader sees them that knows no ONNX. onnxruntime_test.go compares
// what they compute.
func TestGraphs(t *testing.T) {
	for name, test := range map[string]struct {
		spec    model.Spec
		in      model.Shape
		network model.Options
		graph   onnx.Options
	}{
		"classifier": {
			spec: model.Spec{
				{Name: "hidden", Layer: model.Dense{Out: 2}}, {Name: "relu", Layer: model.ReLU}, {Name: "drop", Layer: model.Dropout{Rate: 0.5}},
				{Name: "head", Layer: model.Dense{Out: 3, NoBias: true}}, {Name: "probability", Layer: model.Softmax},
			},
			in: model.Shape{Steps: 1, Batch: 4, Width: 2},
			graph: onnx.Options{
				Rows: true, Columns: []string{"year", "age"}, Classes: []string{"a", "b", "ü"}, Output: "probability",
				Scaling: data.Scaling{Shift: []float64{2003.4567, 40}, Factor: []float64{0.25, 0.5}},
			},
		},
		"lstm": {
			spec:    model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 1, Bidirectional: true, Peepholes: true, Stateful: true}}, {Name: "last", Layer: model.LastStep{Bidirectional: true}}},
			in:      model.Shape{Steps: 3, Batch: 2, Width: 2},
			network: model.Options{Ragged: true},
		},
		"gru": {
			spec:  model.Spec{{Name: "gru", Layer: model.GRU{Hidden: 1, Layers: 2}}},
			in:    model.Shape{Steps: 3, Batch: 2, Width: 2},
			graph: onnx.Options{Rows: true},
		},
		"projection": {
			spec:    model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 2, Projection: 1, Bidirectional: true, LayerNorm: true, ZoneoutCell: 0.25, NoBias: true}}},
			in:      model.Shape{Steps: 3, Batch: 2, Width: 1},
			network: model.Options{Ragged: true},
		},
		"jordan": {
			spec: model.Spec{{Name: "net", Layer: model.Jordan{Hidden: 2, Out: 1, OutputActivation: model.Identity, Decay: 0.5, Stateful: true}}},
			in:   model.Shape{Steps: 3, Batch: 2, Width: 1},
		},
		"embedding": {
			spec: model.Spec{{Name: "embed", Layer: model.Embedding{IDs: 3, Out: 2}}, {Name: "last", Layer: model.LastStep{}}},
			in:   model.Shape{Steps: 3, Batch: 2, Width: 2},
		},
		"columns": {
			spec: model.Spec{{Name: "embed", Layer: model.ColumnEmbedding{Columns: []model.EmbeddedColumn{{Column: 1, IDs: 2, Out: 2}}}}},
			in:   model.Shape{Steps: 1, Batch: 2, Width: 3}, graph: onnx.Options{Rows: true, Columns: []string{"age", "city", "income"}},
		},
		"rnn": {
			spec: model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 2, ReLU: true, NoBias: true}}, {Name: "last", Layer: model.LastStep{}}},
			in:   model.Shape{Steps: 3, Batch: 2, Width: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			if err := onnx.Write(&file, numbered(t, test.spec, test.in, test.network), test.graph); err != nil {
				t.Fatal(err)
			}
			m := parse(t, file.Bytes())
			var text strings.Builder
			fmt.Fprintf(&text, "version %d of %q, operators %d\n", m.integers(1), m.text(2), m.messages(t, 8)[0].integers(2))
			describe(t, &text, "", m.messages(t, 7)[0])
			path := "testdata/" + name + ".txt"
			if *update {
				if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if text.String() != string(want) {
				t.Errorf("got\n%s\nwant what %s says:\n%s", text.String(), path, want)
			}
		})
	}
}

// unknownNames returns what a graph uses before it is there, and what it names twice.
func unknownNames(t *testing.T, g proto, known map[string]bool) (wrong []string) {
	add := func(name string) {
		if known[name] {
			wrong = append(wrong, name+" is there twice")
		}
		known[name] = true
	}
	for _, field := range []uint64{11, 5} {
		for _, m := range g.messages(t, field) {
			add(m.text(map[uint64]uint64{11: 1, 5: 8}[field]))
		}
	}
	for _, n := range g.messages(t, 1) {
		for _, name := range n.texts(1) {
			if name != "" && !known[name] {
				wrong = append(wrong, name+" is unknown to "+n.text(3))
			}
		}
		for _, a := range n.messages(t, 5) {
			for _, body := range a.messages(t, 6) {
				wrong = append(wrong, unknownNames(t, body, maps.Clone(known))...)
			}
		}
		for _, name := range n.texts(2) {
			add(name)
		}
	}
	for _, m := range g.messages(t, 12) {
		if !known[m.text(1)] {
			wrong = append(wrong, "output "+m.text(1)+" is unknown")
		}
	}
	return wrong
}

func TestGraphsUseWhatTheyHave(t *testing.T) {
	for seed := range uint64(300) {
		s := randomSample(seed)
		file := s.export(t, s.build(t))
		if wrong := unknownNames(t, parse(t, file).messages(t, 7)[0], map[string]bool{}); len(wrong) > 0 {
			t.Errorf("seed %d: %q\n%+v", seed, wrong, s)
		}
	}
	// The control: without its constants, a graph uses what it does not have.
	g := parse(t, (&sample{}).export(t, numbered(t, model.Spec{{Name: "s", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 1, Batch: 2, Width: 2}, model.Options{}))).messages(t, 7)[0]
	delete(g, 5)
	if wrong := unknownNames(t, g, map[string]bool{"y": true}); len(wrong) != 3 {
		t.Errorf("found %q", wrong)
	}
}

// ownLayer is a layer that the package cannot know.
type ownLayer struct{ model.Dense }

func TestWhatCannotBeSaidIsRefusedByName(t *testing.T) {
	in := model.Shape{Steps: 1, Batch: 2, Width: 2}
	for name, test := range map[string]struct {
		layer model.Layer
		o     onnx.Options
		want  string
	}{
		"own layer":    {ownLayer{model.Dense{Out: 2}}, onnx.Options{}, `onnx: stage "s": a layer of type onnx_test.ownLayer cannot be exported`},
		"large factor": {model.ReLU, onnx.Options{Rows: true, Scaling: data.Scaling{Shift: []float64{0}, Factor: []float64{1e39}}}, "onnx: feature 1 has shift 0 and factor 1e+39, which float32 cannot hold"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			err := onnx.Write(&file, numbered(t, model.Spec{{Name: "s", Layer: test.layer}}, in, model.Options{}), test.o)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || file.Len() > 0 {
				t.Errorf("error %v after %d bytes, want %q", err, file.Len(), test.want)
			}
		})
	}
}

func TestOptionsThatDoNotFitPanic(t *testing.T) {
	net := numbered(t, model.Spec{{Name: "s", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 1, Batch: 2, Width: 2}, model.Options{})
	for want, o := range map[string]onnx.Options{
		"Columns and Scaling are for Rows":                      {Columns: []string{"a", "b"}},
		"1 Columns for 2 features":                              {Rows: true, Columns: []string{"a"}},
		"a column has no name":                                  {Rows: true, Columns: []string{"a", ""}},
		`two columns are called "a"`:                            {Rows: true, Columns: []string{"a", "a"}},
		"the Scaling has 1 shifts and 2 factors for 2 features": {Rows: true, Scaling: data.Scaling{Shift: []float64{1}, Factor: []float64{1, 2}}},
		"the Scaling has 3 shifts and 3 factors for 2 features": {Rows: true, Scaling: data.Scaling{Shift: make([]float64, 3), Factor: make([]float64, 3)}},
		"1 Classes, but the network has 2 outputs":              {Classes: []string{"a"}},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != "onnx: Write: "+want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			onnx.Write(new(bytes.Buffer), net, o)
		}()
	}
}

func TestIDsAreNotScaled(t *testing.T) {
	net := numbered(t, model.Spec{{Name: "s", Layer: model.Embedding{IDs: 2, Out: 2}}}, model.Shape{Steps: 1, Batch: 2, Width: 1}, model.Options{})
	defer func() {
		if got := fmt.Sprint(recover()); got != "onnx: Write: the network takes ids, which no Scaling is for" {
			t.Errorf("panic %q", got)
		}
	}()
	onnx.Write(new(bytes.Buffer), net, onnx.Options{Rows: true, Scaling: data.Scaling{Shift: []float64{1}, Factor: []float64{1}}})
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	net := numbered(t, model.Spec{{Name: "s", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 1, Batch: 2, Width: 2}, model.Options{})
	if err := onnx.Write(fullDisk{}, net, onnx.Options{}); err == nil || err.Error() != "the disk is full" {
		t.Errorf("error %v", err)
	}
}
