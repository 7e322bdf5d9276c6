package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var lstm1997SequenceChecks = []check{
	{"LSTM1997Forward", checkLSTM1997Forward},
	{"LSTM1997Backward", checkLSTM1997Backward},
}

// lstm1997Sequence are the sizes of memory blocks over a sequence.
type lstm1997Sequence struct {
	lstm1997Dims
	steps, inputs int
	feedback      bool // the gates are sources
	squashes      squashes
}

// newLSTM1997Sequence counts the sources.
func newLSTM1997Sequence(d lstm1997Dims, steps, inputs int, feedback bool) lstm1997Sequence {
	d.sources = inputs + d.states() + 1
	if feedback {
		d.sources += d.units() - d.states()
	}
	return lstm1997Sequence{d, steps, inputs, feedback, squashes1997}
}

func (d lstm1997Sequence) String() string {
	text := dims{steps: d.steps, batch: d.batch, input: d.inputs, hidden: d.states()}.String() + "/" + d.lstm1997Dims.String()
	if d.feedback {
		text += ", gate feedback"
	}
	return text
}

// sizes returns those that decide about tolerances.
func (d lstm1997Sequence) sizes() dims {
	return dims{steps: d.steps, batch: d.batch, input: d.sources, hidden: d.cells}
}

// lstm1997Sequences calls try for a sequence with zeros, for sequences of many sizes,
// each with and without gates, peepholes and feedback, and for one with a NaN in
// its input.
func (p *probe) lstm1997Sequences(try func(kind string, d lstm1997Sequence, x content)) {
	if _, ok := p.device.(backend.LSTM1997Sequencer); !ok {
		p.result.Skipped = "the backend has no fused memory blocks"
		return
	}
	d := newLSTM1997Sequence(lstm1997Dims{batch: 3, blocks: 2, cells: 2, forget: true, peephole: true}, 2, 3, true)
	g := p.source("zeros")
	x := d.content(g)
	sources := x["Source"]
	g.zeros(x, func(name string, x content) {
		x["Source"] = sources // whose last column is that of the bias
		try(", "+name, d, x)
	})
	for _, s := range []struct{ steps, batch, inputs, blocks, cells int }{
		{257, 1, 1, 1, 2}, {0, 3, 2, 2, 1}, {2, 0, 3, 1, 2}, {2, 3, 0, 2, 2}, {1, 1, 1, 1, 1}, {9, 1, 8, 2, 2}, {3, 5, 3, 3, 2},
		{2, 33, 4, 1, 9}, {2, 3, 2, 1, 33}, {33, 2, 3, 2, 1}, {2, 3, 5, 33, 1}, {2, 257, 3, 2, 2}, {2, 3, 257, 2, 2}, {2, 3, 3, 129, 1},
	} {
		if max(s.steps, s.batch, s.inputs, s.blocks, s.cells) > p.maxSize {
			continue
		}
		for options := range 8 {
			d := lstm1997Dims{batch: s.batch, blocks: s.blocks, cells: s.cells, forget: options&1 != 0, peephole: options&2 != 0}
			sequence := newLSTM1997Sequence(d, s.steps, s.inputs, options&4 != 0)
			try("", sequence, sequence.content(p.source(sequence.String())))
		}
	}
	for _, s := range p.longLayers() {
		sequence := newLSTM1997Sequence(lstm1997Dims{batch: s.batch, blocks: 1, cells: 1, forget: true, peephole: true}, s.steps, s.input, true)
		try(", the last decide", sequence, s.lastly(sequence.content(p.source(sequence.String())), "Weight", sequence.sources))
	}
	d = newLSTM1997Sequence(lstm1997Dims{batch: 5, blocks: 2, cells: 2, forget: true}, 3, 4, true)
	sizes := d.sizes()
	sizes.input = d.inputs
	try(", NaN in X", d, sizes.spoilt(d.content(p.source("NaN")), "X"))
	for _, d.squashes = range allSquashes[1:] {
		try(", "+d.squashes.name, d, d.content(p.source(d.squashes.name)))
	}
}

// content draws the operands of both passes.
func (d lstm1997Sequence) content(g source) content {
	rows, n, states := d.steps*d.batch, d.batch, d.states()
	w := 1 / math.Sqrt(float64(d.sources))
	sources := make([]float32, rows*d.sources)
	for k := range sources {
		sources[k] = float32(math.NaN())
		if (k+1)%d.sources == 0 {
			sources[k] = 1
		}
	}
	return content{
		"X": g.uniform(rows*d.inputs, -1, 1), "Weight": g.uniform(d.units()*d.sources, -w, w), "Peep": g.uniform(3*states, -w, w),
		"Source": sources, "Gates": g.uniform(n*d.units(), 0, 1), "S": g.uniform(n*states, -1, 1), "Y": g.uniform(n*states, -1, 1),
		"DY":  g.uniform(rows*states, -1, 1),
		"PIn": g.uniform(n*states*d.columns(), -1, 1), "PForget": g.uniform(n*states*d.columns(), -1, 1), "PCell": g.uniform(n*states*d.sources, -1, 1),
		"DW": g.uniform(d.units()*d.sources, -1, 1), "DPeep": g.uniform(3*states, -1, 1),
	}
}

func (d lstm1997Sequence) args(x tensors) backend.LSTM1997Args {
	return backend.LSTM1997Args{
		Batch: d.batch, Blocks: d.blocks, G: d.squashes.g, H: d.squashes.h,
		X: x["X"], Weight: x["Weight"], Peep: x["Peep"], Source: x["Source"], Gates: x["Gates"], S: x["S"], Y: x["Y"],
	}
}

func (d lstm1997Sequence) gradArgs(x tensors) backend.LSTM1997GradArgs {
	return backend.LSTM1997GradArgs{
		LSTM1997Args: d.args(x), DY: x["DY"],
		PIn: x["PIn"], PForget: x["PForget"], PCell: x["PCell"], DW: x["DW"], DPeep: x["DPeep"],
	}
}

// lstm1997Paths returns the ways in which memory blocks can run.
func lstm1997Paths() []path { return []path{plain, whole} }

// operands returns those of the forward pass, of which the last four are
// outputs.
func (d lstm1997Sequence) operands(x content) []operand {
	rows := d.steps * d.batch
	return []operand{
		in("X", rows, d.inputs, x["X"]), in("Weight", d.units(), d.sources, x["Weight"]), in("Peep", 3, d.states(), x["Peep"]),
		in("Source", rows, d.sources, x["Source"]), in("Gates", rows+d.batch, d.units(), x["Gates"]),
		in("S", rows+d.batch, d.states(), x["S"]), in("Y", rows+d.batch, d.states(), x["Y"]),
	}
}

func (d lstm1997Sequence) forward(x content) trial {
	sizes := d.sizes()
	t := trial{
		name:     d.String(),
		operands: d.operands(x),
		call:     func(b backend.Backend, x tensors) { backend.LSTM1997Forward(b, d.args(x)) },
		tolerance: map[string]tolerance{
			"Source": sizes.forwardTolerance(0), "Gates": sizes.forwardTolerance(d.batch * d.units()),
			"S": sizes.forwardTolerance(d.batch * d.states()), "Y": sizes.forwardTolerance(d.batch * d.states()),
		},
	}
	return t.without(d.lacking()...)
}

func checkLSTM1997Forward(p *probe) {
	p.lstm1997Sequences(func(kind string, d lstm1997Sequence, x content) {
		p.agree(d.sizes(), lstm1997Paths(), func(backend.Backend, values) trial { return d.forward(x).called(kind) })
	})
}

// backward returns the backward pass after a forward pass that has left after.
// It should leave want.
func (d lstm1997Sequence) backward(x content, after, want values) trial {
	for _, name := range []string{"Source", "Gates", "S", "Y"} {
		x[name] = float32s(after[name])
	}
	rows := d.batch * d.states()
	partials := slices.Concat(want["PIn"], want["PForget"], want["PCell"])
	partial := d.sizes().backwardTolerance(partials)
	errors := 0 // of steps and sequences
	for dy := range slices.Chunk(x["DY"], d.states()) {
		if slices.ContainsFunc(dy, func(v float32) bool { return v != 0 }) {
			errors++
		}
	}
	weight := func(name string) tolerance {
		terms := float64(errors)
		return d.sizes().sumTolerance(terms, terms*largest(partials)*float64(2*d.cells), x[name])
	}
	t := trial{
		name: d.String(),
		operands: append(d.operands(x),
			in("DY", d.steps*d.batch, d.states(), x["DY"]),
			in("PIn", rows, d.columns(), x["PIn"]), in("PForget", rows, d.columns(), x["PForget"]), in("PCell", rows, d.sources, x["PCell"]),
			in("DW", d.units(), d.sources, x["DW"]), in("DPeep", 3, d.states(), x["DPeep"])),
		call: func(b backend.Backend, x tensors) { backend.LSTM1997Backward(b, d.gradArgs(x)) },
		tolerance: map[string]tolerance{
			"PIn": partial, "PForget": partial, "PCell": partial, "DW": weight("DW"), "DPeep": weight("DPeep")},
	}
	return t.without(d.lacking()...)
}

func checkLSTM1997Backward(p *probe) {
	p.lstm1997Sequences(func(kind string, d lstm1997Sequence, x content) {
		after := p.expect(d.forward(x))
		p.agree(d.sizes(), lstm1997Paths(), func(_ backend.Backend, want values) trial { return d.backward(x, after, want).called(kind) })
	})
}

// lstm1997SequenceOperations returns what b has fused.
func lstm1997SequenceOperations(b backend.Backend) []operation {
	if _, ok := b.(backend.LSTM1997Sequencer); !ok {
		return nil
	}
	type back = backend.Backend
	d := newLSTM1997Sequence(lstm1997Dims{batch: 3, blocks: 2, cells: 2, forget: true, peephole: true}, 2, 3, true)
	return []operation{
		{"LSTM1997Forward", d.forward(content{}).operands,
			func(b back, x tensors) { b.(backend.LSTM1997Sequencer).LSTM1997Forward(d.args(x)) },
			func(o any, x tensors) { backend.CheckLSTM1997Forward(o, d.args(x)) }},
		{"LSTM1997Backward", d.backward(content{}, values{}, values{}).operands,
			func(b back, x tensors) { b.(backend.LSTM1997Sequencer).LSTM1997Backward(d.gradArgs(x)) },
			func(o any, x tensors) { backend.CheckLSTM1997Backward(o, d.gradArgs(x)) }},
	}
}
