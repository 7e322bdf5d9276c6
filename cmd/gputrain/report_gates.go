package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/palette/brewer"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// gateMaps show the last recurrent layer of a network while it reads a sample.
type gateMaps struct {
	Sample       string // which one
	Steps, Units int    // shown, of AllSteps and AllUnits
	AllSteps     int
	AllUnits     int
	Maps         []gateMap
	Scales       []gateScale
}

// gateMap is a picture with a row for each unit and a column for each time step.
type gateMap struct {
	Name  string
	Image template.URL
}

// gateScale explains colours.
type gateScale struct {
	Of, Least, Most string
	Image           template.URL
}

// mostGateSteps and mostGateUnits bound a heat map.
const mostGateSteps, mostGateUnits = 400, 256

// gates returns the heat maps of a run. The error says why it has none.
func (r *pastRun) gates() (*gateMaps, error) {
	d, file, err := readModel(string(r.dir))
	switch {
	case err != nil:
		return nil, err
	case !d.recurrent():
		return nil, errors.New("the network is not recurrent")
	}
	last := d.layers()[lastRecurrent(d.layers())]
	if err := canTraceGates(last); err != nil {
		return nil, err
	}
	eval := evalCommand{inference: inference{Model: string(r.dir)}}
	set, _, err := eval.load(d)
	if err != nil {
		return nil, err
	}
	sample := ""
	if d.ofText() {
		sample, err = textSample(d, set)
	} else if set, err = set.First(1); err == nil {
		if set, err = set.WithSteps(d.Steps); err == nil {
			sample = sampleName(set)
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := openCPU()
	if err != nil {
		return nil, err
	}
	defer b.Close()
	trace, err := traceGates(b, d, file, set)
	if err != nil {
		return nil, err
	}
	m := &gateMaps{Sample: sample, AllSteps: d.Steps, AllUnits: last.Hidden, Steps: min(d.Steps, mostGateSteps), Units: min(last.Hidden, mostGateUnits)}
	return m, m.draw(trace)
}

// sampleName describes the first sample of a set.
func sampleName(set *data.Dataset) string {
	if set.PerStep || len(set.Labels) == 0 || set.Labels[0] < 0 {
		return "the first sample of the test set"
	}
	return "the first sample of the test set, which is of class " + shortName(set.Classes[set.Labels[0]])
}

// textSample returns what is read of a text, in quotes.
func textSample(d *description, set *data.Dataset) (string, error) {
	vocabulary, err := d.textVocabulary(data.TextUnits(d.Units))
	if err != nil {
		return "", err
	}
	if len(set.IDs) < d.Steps {
		return "", fmt.Errorf("the test set has less than the %d steps of a part", d.Steps)
	}
	var text []byte
	before := int32(-1)
	for _, id := range set.IDs[:d.Steps] {
		text = vocabulary.AppendText(text, before, id)
		before = id
	}
	return strconv.Quote(string(text)), nil
}

// canTraceGates returns an error for a recurrent layer whose gates are not drawn.
func canTraceGates(l layer) error {
	if !slices.Contains([]string{"lstm", "gru", "rnn"}, l.Kind) {
		return fmt.Errorf("they are drawn for an lstm, gru or rnn, and the last recurrent layer is %s", l.Kind)
	}
	for _, key := range given(l) {
		if !slices.Contains([]string{"hidden", "layers", "dropout", "forget-bias", "init", "bptt-window", "peepholes", "activation"}, key) {
			return fmt.Errorf("they are not drawn for an %s with %s", l.Kind, key)
		}
	}
	return nil
}

// inputsOf returns the first sample of set as layer number last sees it, [steps, width].
func inputsOf(b backend.Backend, d *description, file *model.File, set *data.Dataset, last int) ([]float32, error) {
	before := slices.Concat(d.front(), stackSpec(d.layers()[:last], 0, d.ofText()))
	if len(before) == 0 {
		return set.X[:d.Steps*d.Width], nil
	}
	net, err := model.New(b, before, d.input(1), model.Options{})
	if err != nil {
		return nil, err
	}
	defer net.Free()
	part := &model.File{Tensors: map[string]model.Array{}}
	for _, p := range net.Parameters() {
		part.Tensors[p.Name] = file.Tensors[p.Name]
	}
	if err := net.Load(part); err != nil {
		return nil, err
	}
	var y backend.Tensor
	if d.ofText() {
		ids, err := b.NewInts(d.Steps)
		if err != nil {
			return nil, err
		}
		b.UploadInts(ids, set.IDs[:d.Steps])
		y = net.ForwardIDs(ids, d.Steps, model.Evaluation)
	} else {
		x, err := b.New(d.Steps, d.Width)
		if err != nil {
			return nil, err
		}
		b.Upload(x, set.X[:d.Steps*d.Width])
		if net.TakesColumnIDs() {
			net.SetColumnIDs(set.X[:d.Steps*d.Width])
		}
		y = net.Forward(x, d.Steps, model.Evaluation)
	}
	inputs := make([]float32, y.Size())
	return inputs, b.Download(inputs, y)
}

// gateTrace is what happens in a layer: values [steps, units] with their names.
type gateTrace struct {
	name   string
	values []float32
	signed bool // else from 0 to 1
}

// traceGates runs the network over the first sample of set, and returns what happens in
// the last layer that looks at several time steps.
func traceGates(b backend.Backend, d *description, file *model.File, set *data.Dataset) (traces []gateTrace, err error) {
	last := lastRecurrent(d.layers())
	inputs, err := inputsOf(b, d, file, set, last)
	if err != nil {
		return nil, err
	}
	l, steps := d.layers()[last], d.Steps
	gates := map[string][]string{"lstm": {"input gate", "forget gate", "candidate", "output gate"}, "gru": {"reset gate", "update gate", "candidate"}}[l.Kind]
	hidden := l.Hidden
	upload := func(rows, columns int, values []float32) backend.Tensor {
		t, failed := b.New(rows, columns)
		if failed != nil {
			err = failed
			return t
		}
		if values != nil {
			b.Upload(t, values)
		}
		return t
	}
	for layer := range l.Layers {
		weight := func(kind string) backend.Tensor {
			array := file.Tensors[fmt.Sprintf("%s.%s_l%d", l.Name, kind, layer)]
			rows, columns := 1, len(array.Data)
			if len(array.Shape) == 2 {
				rows, columns = array.Shape[0], array.Shape[1]
			}
			return upload(rows, columns, array.Data)
		}
		x := upload(steps, len(inputs)/steps, inputs)
		wih, whh, bih, bhh := weight("weight_ih"), weight("weight_hh"), weight("bias_ih"), weight("bias_hh")
		var peep backend.Tensor
		if l.Peepholes {
			peep = weight("weight_peep")
		}
		zeros := make([]float32, (steps+1)*hidden)
		h, c := upload(steps+1, hidden, zeros), upload(steps+1, hidden, zeros)
		g, recurrent := upload(steps, max(1, len(gates))*hidden, nil), upload(steps, 3*hidden, nil)
		dims := backend.RNNDims{Steps: steps, Batch: 1, Input: x.Cols, Hidden: hidden}
		if err != nil {
			return nil, err
		}
		switch l.Kind {
		case "lstm":
			scratch := upload(1, max(1, backend.LSTMScratch(b, backend.LSTMDims{Steps: dims.Steps, Batch: 1, Input: dims.Input, Hidden: hidden, Peepholes: l.Peepholes})), nil)
			backend.LSTMForward(b, backend.LSTMArgs{Batch: 1, X: x, WIH: wih, WHH: whh, BIH: bih, BHH: bhh, Peep: peep, H: h, C: c, Gates: g, Scratch: scratch})
		case "gru":
			scratch := upload(1, max(1, backend.GRUScratch(b, backend.GRUDims(dims))), nil)
			backend.GRUForward(b, backend.GRUArgs{Batch: 1, X: x, WIH: wih, WHH: whh, BIH: bih, BHH: bhh, H: h, Gates: g, Recurrent: recurrent, Scratch: scratch})
		default:
			scratch := upload(1, max(1, backend.RNNScratch(b, dims)), nil)
			backend.RNNForward(b, backend.RNNArgs{ReLU: l.Activation == "relu", Batch: 1, X: x, WIH: wih, WHH: whh, BIH: bih, BHH: bhh, H: h, Scratch: scratch})
		}
		download := func(t backend.Tensor) []float32 {
			values := make([]float32, t.Size())
			err = errors.Join(err, b.Download(values, t))
			return values
		}
		inputs = download(h.Slice(1, steps+1))
		traces = nil
		for i, name := range gates {
			values, all := make([]float32, 0, steps*hidden), download(g)
			for t := range steps {
				values = append(values, all[(t*len(gates)+i)*hidden:][:hidden]...)
			}
			traces = append(traces, gateTrace{name, values, name == "candidate"})
		}
		if l.Kind == "lstm" {
			traces = append(traces, gateTrace{"cell state", download(c.Slice(1, steps+1)), true})
		}
		traces = append(traces, gateTrace{"output", inputs, true})
		if err != nil {
			return nil, err
		}
	}
	return traces, nil
}

// draw makes pictures of traces.
func (m *gateMaps) draw(traces []gateTrace) error {
	for _, t := range traces {
		most := 1.0
		for _, v := range t.values {
			most = max(most, math.Abs(float64(v))) // a cell state may be large
		}
		colors, err := gateColors(t.signed)
		if err != nil {
			return err
		}
		img := image.NewPaletted(image.Rect(0, 0, m.Steps, m.Units), colors)
		for step := range m.Steps {
			for unit := range m.Units {
				part := float64(t.values[step*m.AllUnits+unit]) / most
				if t.signed {
					part = (part + 1) / 2
				}
				img.SetColorIndex(step, unit, uint8(min(int(part*float64(len(colors))), len(colors)-1)))
			}
		}
		picture, err := encodePNG(img)
		if err != nil {
			return err
		}
		m.Maps = append(m.Maps, gateMap{t.name, picture})

		scale := image.NewPaletted(image.Rect(0, 0, len(colors), 1), colors)
		for i := range colors {
			scale.SetColorIndex(i, 0, uint8(i))
		}
		if picture, err = encodePNG(scale); err != nil {
			return err
		}
		s := gateScale{t.name, "0", significant(most), picture}
		if t.signed {
			s.Least = "−" + s.Most
		}
		m.Scales = append(m.Scales, s)
	}
	return nil
}

// gateColors returns the colours from the least value to the largest.
func gateColors(signed bool) (color.Palette, error) {
	kind, name, count := brewer.TypeSequential, "Blues", 9
	if signed {
		kind, name, count = brewer.TypeDiverging, "PuOr", 11
	}
	palette, err := brewer.GetPalette(kind, name, count)
	if err != nil {
		return nil, err
	}
	return palette.Colors(), nil
}

func encodePNG(img image.Image) (template.URL, error) {
	var content bytes.Buffer
	err := png.Encode(&content, img)
	return pngURL(content.Bytes()), err
}
