package backendtest

import (
	"fmt"
	"maps"
	"math"

	"gputrain/backend"
)

var lstm1997Checks = []check{
	{"LSTM1997Cell", checkLSTM1997Cell},
	{"LSTM1997CellGrad", checkLSTM1997CellGrad},
}

// lstm1997Dims are the sizes of a time step of memory blocks, and what they have.
type lstm1997Dims struct {
	batch, blocks, cells, sources int // N; B; S, of a block; M
	forget, peephole              bool
}

func (d lstm1997Dims) String() string {
	text := fmt.Sprintf("N%dB%dS%dM%d", d.batch, d.blocks, d.cells, d.sources)
	if d.forget {
		text += "+forget"
	}
	if d.peephole {
		text += "+peepholes"
	}
	return text
}

// states returns the number of cells of all blocks.
func (d lstm1997Dims) states() int { return d.blocks * d.cells }

// units returns the number of units with weights.
func (d lstm1997Dims) units() int {
	if d.forget {
		return 3*d.blocks + d.states()
	}
	return 2*d.blocks + d.states()
}

// columns returns the number of partials that a cell has for a gate.
func (d lstm1997Dims) columns() int {
	if d.peephole {
		return d.sources + d.cells
	}
	return d.sources
}

// lstm1997Sizes returns time steps that are empty, small, and of sizes that
// straddle blocks of threads, each with and without gates and peepholes.
func (p *probe) lstm1997Sizes() []lstm1997Dims {
	var kept []lstm1997Dims
	for _, d := range []lstm1997Dims{
		{batch: 0, blocks: 2, cells: 2, sources: 3}, {batch: 3, blocks: 2, cells: 2, sources: 0},
		{batch: 1, blocks: 1, cells: 1, sources: 1}, {batch: 1, blocks: 2, cells: 2, sources: 17}, {batch: 3, blocks: 3, cells: 2, sources: 5},
		{batch: 4, blocks: 2, cells: 4, sources: 3}, {batch: 5, blocks: 2, cells: 11, sources: 5},
		{batch: 33, blocks: 2, cells: 6, sources: 4}, {batch: 2, blocks: 33, cells: 1, sources: 32},
		{batch: 2, blocks: 2, cells: 33, sources: 3}, {batch: 3, blocks: 1, cells: 37, sources: 2},
		{batch: 2, blocks: 3, cells: 2, sources: 257}, {batch: 257, blocks: 2, cells: 2, sources: 7}, {batch: 2, blocks: 129, cells: 2, sources: 3},
	} {
		if max(d.batch, d.blocks, d.cells, d.sources) > p.maxSize {
			continue
		}
		for options := range 4 {
			d.forget, d.peephole = options&1 == 1, options&2 == 2
			kept = append(kept, d)
		}
	}
	for _, d := range []lstm1997Dims{
		{batch: long, blocks: 1, cells: 1, sources: 1, forget: true, peephole: true},
		{batch: 1, blocks: long, cells: 1, sources: 1, forget: true, peephole: true},
		{batch: 1, blocks: 1, cells: 1, sources: long, forget: true, peephole: true},
		{batch: 1, blocks: 1, cells: long, sources: 1, forget: true}, // peepholes would be partials of cells·cells
	} {
		if d.batch*d.states()*d.columns() <= p.maxWork {
			kept = append(kept, d)
		}
	}
	return kept
}

// squashes are the functions of a cell that are tried.
type squashes struct {
	name string
	g, h backend.Squash
}

var (
	squashes1997 = squashes{"1997", backend.SquashInput(), backend.SquashOutput()}
	identities   = squashes{name: "identity"}
)

var allSquashes = []squashes{
	squashes1997, identities, {"tanh and other slopes", backend.Squash{Range: 1, Slope: 1}, backend.Squash{Range: 1.5, Slope: 0.25}},
	{"identity of the input", backend.Squash{}, backend.SquashOutput()}, {"identity of the state", backend.SquashInput(), backend.Squash{}},
}

// lstm1997Cells are sizes of blocks that leave a loop over cells, unrolled by 2 or
// 4, each remainder.
var lstm1997Cells = []int{3, 4, 5, 6, 11}

// lstm1997Args returns the operands of a forward step.
func lstm1997Args(d lstm1997Dims, f squashes, x tensors) backend.LSTM1997CellArgs {
	return backend.LSTM1997CellArgs{Blocks: d.blocks, G: f.g, H: f.h,
		Gates: x["Gates"], SPrev: x["SPrev"], Peep: x["Peep"], S: x["S"], Y: x["Y"]}
}

// lstm1997GradArgs returns the operands of a step of the gradient.
func lstm1997GradArgs(d lstm1997Dims, f squashes, x tensors) backend.LSTM1997CellGradArgs {
	return backend.LSTM1997CellGradArgs{LSTM1997CellArgs: lstm1997Args(d, f, x), Source: x["Source"], DY: x["DY"],
		PIn: x["PIn"], PForget: x["PForget"], PCell: x["PCell"], DW: x["DW"], DPeep: x["DPeep"]}
}

// lacking returns the operands that a step of sizes d has not.
func (d lstm1997Dims) lacking() (names []string) {
	if !d.forget {
		names = append(names, "PForget")
	}
	if !d.peephole {
		names = append(names, "Peep", "DPeep")
	}
	return names
}

func lstm1997Trial(name string, d lstm1997Dims, f squashes, x content) trial {
	t := trial{
		name: name + "/" + d.String(),
		operands: []operand{
			in("Gates", d.batch, d.units(), x["Gates"]), in("SPrev", d.batch, d.states(), x["SPrev"]),
			out("S", d.batch, d.states()), out("Y", d.batch, d.states())},
		call:      func(b backend.Backend, x tensors) { b.LSTM1997Cell(lstm1997Args(d, f, x)) },
		tolerance: map[string]tolerance{"Gates": d.tolerance, "S": d.tolerance, "Y": d.tolerance},
	}
	if d.peephole {
		t.operands = append(t.operands, in("Peep", 3, d.states(), x["Peep"]))
	}
	return t
}

// tolerance admits some dozens of operations on magnitudes below 4, and the sums
// of the peepholes.
func (d lstm1997Dims) tolerance(_ int, want float64) float64 {
	operations := 16
	if d.peephole {
		operations += d.cells * d.cells
	}
	return float64(operations) * unit * (4 + math.Abs(want))
}

func (d lstm1997Dims) forwardContent(g source) content {
	return content{"Gates": g.uniform(d.batch*d.units(), -4, 4), "SPrev": g.uniform(d.batch*d.states(), -2, 2),
		"Peep": g.uniform(3*d.states(), -1, 1)}
}

func checkLSTM1997Cell(p *probe) {
	for _, d := range p.lstm1997Sizes() {
		p.verify(lstm1997Trial("1997", d, squashes1997, d.forwardContent(p.source(d.String()))))
	}
	if d := (lstm1997Dims{batch: 1, blocks: 1, cells: long, forget: true, peephole: true}); d.states() <= p.maxWork {
		const name = "the last peepholes decide"
		x := d.forwardContent(p.source(name))
		for k := range x["Peep"] {
			x["Peep"][k] /= 8
			if k%d.states() < d.states()-tail {
				x["Peep"][k] = 0
			}
		}
		t := lstm1997Trial(name, d, squashes1997, x)
		d.cells = tail // of which there are sums
		t.tolerance = map[string]tolerance{"Gates": d.tolerance, "S": d.tolerance, "Y": d.tolerance}
		p.verify(t)
	}
	for _, f := range allSquashes[1:] {
		for _, cells := range lstm1997Cells {
			d := lstm1997Dims{batch: 3, blocks: 2, cells: cells, forget: true, peephole: true}
			p.verify(lstm1997Trial(f.name, d, f, d.forwardContent(p.source(f.name+d.String()))))
		}
	}
	d := lstm1997Dims{batch: len(extremes), blocks: 2, cells: 11, forget: true}
	x := d.forwardContent(p.source("extremes"))
	x["SPrev"] = p.source("extreme states").uniform(len(x["SPrev"]), -40, 40)
	x["Gates"] = extremeArguments(d.batch, d.units())
	p.verify(lstm1997Trial("extremes", d, squashes1997, x))
	x["Gates"] = p.source("saturated").saturated(len(x["Gates"]))
	t := lstm1997Trial("saturated", d, squashes1997, x)
	t.tolerance["Gates"] = proportional(8)
	p.verify(t)
	x = d.forwardContent(p.source("NaN"))
	x["Gates"][3*d.units()+1], x["SPrev"][5*d.states()+2] = float32(math.NaN()), float32(math.NaN())
	p.verify(lstm1997Trial("NaN in two rows", d, squashes1997, x))
	x = d.forwardContent(p.source("large"))
	p.verify(lstm1997Trial("large states", d, squashes1997, x.times(500, "SPrev")))
	x["SPrev"] = infinite(x["SPrev"])
	p.verify(lstm1997Trial("infinite states", d, squashes1997, x))
	d = lstm1997Dims{batch: 3, blocks: 2, cells: 3, forget: true, peephole: true}
	g := p.source("zeros")
	for _, f := range allSquashes[:2] {
		g.zeros(d.forwardContent(g), func(name string, x content) { p.verify(lstm1997Trial(f.name+", "+name, d, f, x)) })
	}
}

func lstm1997GradTrial(name string, d lstm1997Dims, f squashes, x content, allowed tolerance) trial {
	rows := d.batch * d.states()
	t := trial{
		name: name + "/" + d.String(),
		operands: []operand{
			in("Gates", d.batch, d.units(), x["Gates"]), in("SPrev", d.batch, d.states(), x["SPrev"]), in("Peep", 3, d.states(), x["Peep"]),
			in("S", d.batch, d.states(), x["S"]), in("Y", d.batch, d.states(), x["Y"]),
			in("Source", d.batch, d.sources, x["Source"]), in("DY", d.batch, d.states(), x["DY"]),
			in("PIn", rows, d.columns(), x["PIn"]), in("PForget", rows, d.columns(), x["PForget"]), in("PCell", rows, d.sources, x["PCell"]),
			in("DW", d.units(), d.sources, x["DW"]), in("DPeep", 3, d.states(), x["DPeep"])},
		call: func(b backend.Backend, x tensors) { b.LSTM1997CellGrad(lstm1997GradArgs(d, f, x)) },
		tolerance: map[string]tolerance{
			"PIn": allowed, "PForget": allowed, "PCell": allowed, "DW": allowed, "DPeep": allowed},
	}
	return t.without(d.lacking()...)
}

// gradContent draws the operands of a step of the gradient by two functions,
// one for activations of gates, one for all others.
func (d lstm1997Dims) gradContent(gate, number func(n int) []float32) content {
	rows, states := d.batch*d.states(), d.batch*d.states()
	return content{
		"Gates": gate(d.batch * d.units()), "SPrev": number(states), "Peep": number(3 * d.states()), "S": number(states), "Y": number(states),
		"Source": number(d.batch * d.sources), "DY": number(states),
		"PIn": number(rows * d.columns()), "PForget": number(rows * d.columns()), "PCell": number(rows * d.sources),
		"DW": number(d.units() * d.sources), "DPeep": number(3 * d.states()),
	}
}

// checkLSTM1997CellGrad checks sums of any length on gates of 0, ½ and 1, whole
// numbers and the identity, where all arithmetic is exact, so that a single
// term that is missing shows; and the nonlinearities on small steps.
func checkLSTM1997CellGrad(p *probe) {
	whole := func(name string, d lstm1997Dims, most int) {
		g := p.source(name + d.String())
		x := d.gradContent(
			func(n int) []float32 {
				gates := g.whole(n, 1)
				for k, v := range gates {
					gates[k] = (v + 1) / 2
				}
				return gates
			},
			func(n int) []float32 { return g.whole(n, most) })
		p.verify(lstm1997GradTrial("exact"+name, d, identities, x, exact))
	}
	for _, d := range p.lstm1997Sizes() {
		whole("", d, 3)
	}
	whole(", large ", lstm1997Dims{batch: 3, blocks: 2, cells: 3, sources: 5, forget: true, peephole: true}, 60)
	for _, f := range allSquashes {
		for _, d := range []lstm1997Dims{
			{batch: 3, blocks: 2, cells: 5, sources: 17},
			{batch: 3, blocks: 2, cells: 3, sources: 17, peephole: true},
			{batch: 3, blocks: 17, cells: 1, sources: 5, forget: true},
			{batch: 3, blocks: 3, cells: 2, sources: 5, forget: true, peephole: true},
		} {
			g := p.source(f.name + d.String())
			unitInterval := func(n int) []float32 { return g.uniform(n, 0, 1) }
			number := func(n int) []float32 { return g.uniform(n, -1, 1) }
			x := d.gradContent(unitInterval, number)
			p.verify(lstm1997GradTrial(f.name, d, f, x, d.gradTolerance))
			if f.h != identities.h {
				saturated := maps.Clone(x)
				saturated["S"] = g.uniform(len(x["S"]), -40, 40)
				p.verify(lstm1997GradTrial(f.name+", saturated", d, f, saturated, d.gradTolerance))
			}
			x["Source"][d.sources+1] = float32(math.NaN())
			p.verify(lstm1997GradTrial(f.name+", NaN in a source", d, f, x, d.gradTolerance))
		}
	}
	d := lstm1997Dims{batch: 3, blocks: 2, cells: 3, sources: 5, forget: true, peephole: true}
	g := p.source("zeros")
	for _, f := range allSquashes[:2] {
		x := d.gradContent(func(n int) []float32 { return g.uniform(n, 0, 1) }, func(n int) []float32 { return g.uniform(n, -1, 1) })
		g.zeros(x, func(name string, x content) { p.verify(lstm1997GradTrial(f.name+", "+name, d, f, x, d.gradTolerance)) })
	}
	for _, cells := range lstm1997Cells {
		p.verify(saturatedGradTrial(p, lstm1997Dims{batch: 3, blocks: 2, cells: cells, sources: 5, forget: true, peephole: true}))
	}
}

// saturatedGradTrial is a first step of gates that are all but open or closed.
// Their slopes are all but 0 and yet decide about every result: nothing is added
// to, and all numbers are positive, so that nothing cancels.
func saturatedGradTrial(p *probe, d lstm1997Dims) trial {
	g := p.source("saturated" + d.String())
	x := d.gradContent(
		func(n int) []float32 {
			gates := g.saturated(n)
			for k, z := range gates {
				gates[k] = float32(sigmoid(float64(z)))
			}
			return gates
		},
		func(n int) []float32 { return g.uniform(n, 0.1, 1) })
	for _, name := range []string{"PIn", "PForget", "PCell", "DW", "DPeep"} {
		clear(x[name])
	}
	return lstm1997GradTrial("saturated gates", d, squashes1997, x, proportional(float64(32+d.batch*d.cells)))
}

// gradTolerance admits, for each cell of each sequence, some dozens of
// operations on magnitudes below 2.
func (d lstm1997Dims) gradTolerance(_ int, want float64) float64 {
	return float64(8*d.batch*d.cells) * unit * (2 + math.Abs(want))
}
