package backendtest

import (
	"math/bits"
	"slices"

	"gputrain/backend"
)

// layer is a kind of recurrent layer, as the checks of its two passes see it.
// Operands have the names that they have in package backend.
type layer struct {
	paths   func(b backend.Backend) []path
	content func(g source, d dims) content // of both passes

	// forward and backward return the passes of a layer on b, the backward one
	// after a forward pass that has left the given values. The operands that
	// are to be absent are there; they count for the scratch that is needed.
	forward  func(b backend.Backend, d dims, x content, absent []string) trial
	backward func(b backend.Backend, d dims, x content, after values, absent []string) trial

	// overwrite runs the backward pass so that it overwrites the gradients of parameters.
	overwrite func(b backend.Backend, batch int, x tensors)

	// What the backward pass puts out: gradients of data and of parameters.
	data       []string
	parameters map[string]gradient

	optional         [][]string // operands to leave out together, in the forward pass
	optionalBackward []string   // operands that the backward pass may be without, eight at most
	frugal           []string   // operands that layers of all sizes do without, a second time
	unbounded        bool       // the nonlinearity does not saturate
}

// gradient is that of a parameter: the sum over steps and sequences of dzᵀ·x, or
// of dz alone.
type gradient struct{ dz, x string }

// weightsAndBiases returns the gradients of the parameters that layers of every
// kind have, given those of what the input and the state add to the arguments of
// the nonlinearities.
func weightsAndBiases(dzi, dzh string) map[string]gradient {
	return map[string]gradient{"DWIH": {dzi, "X"}, "DWHH": {dzh, "H"}, "DBIH": {dzi, ""}, "DBHH": {dzh, ""}}
}

// Operands that layers of every kind may be without.
var (
	optionalBiases    = [][]string{{"BIH"}, {"BHH"}, {"BIH", "BHH"}}
	optionalGradients = []string{"BIH", "BHH", "DX", "DH0", "DHLast"}
)

// leavingOut returns sets of up to eight names. Of any three of the names, each
// subset is left out by a set that keeps the others: the sets are words of the
// Hamming code of length 8. The empty set is not among them.
func leavingOut(names []string) [][]string {
	var all [][]string
	for word := uint(1); word < 16; word++ {
		var set []string
		for i, name := range names {
			if bits.OnesCount(word&uint(8|i))%2 == 1 {
				set = append(set, name)
			}
		}
		all = append(all, set)
	}
	return all
}

// moreScratch is the kind of a layer whose scratch is larger than it need be.
const moreScratch = ", more scratch than needed"

// called is trial.called, and gives the trial its scratch.
func (l layer) called(t trial, kind string) trial {
	if kind == moreScratch {
		i := slices.IndexFunc(t.operands, func(o operand) bool { return o.name == "Scratch" })
		t.operands[i].cols = 2*t.operands[i].cols + 3
	}
	return t.called(kind)
}

// tries calls try with zeros, with layers of all sizes, then without the optional
// operands, with a NaN in the named operand, far in saturation, and with large states
// and gradients. kind says what is particular to the operands.
func (l layer) tries(p *probe, optional [][]string, spoilt string, try func(kind string, d dims, x content, absent ...string)) {
	drawn := func(d dims) content { return l.content(p.source(d.String()), d) }
	p.source("zeros").zeros(drawn(smallDims), func(name string, x content) { try(", "+name, smallDims, x) })
	for _, d := range p.layers() {
		try("", d, drawn(d))
		if l.frugal != nil {
			try("", d, drawn(d), l.frugal...)
		}
	}
	for _, d := range p.longLayers() {
		try(", the last decide", d, d.lastly(drawn(d), "WIH", d.input))
	}
	for _, absent := range optional {
		try("", smallDims, drawn(smallDims), absent...)
	}
	x := drawn(specialDims)
	try(", NaN in "+spoilt, specialDims, specialDims.spoilt(x, spoilt))
	if !l.unbounded {
		try(", saturated", specialDims, saturated(x))
	}
	try(moreScratch, smallDims, drawn(smallDims))
	try(", large states", specialDims, x.times(20, "H", "C"))
	try(", large gradients", specialDims, x.times(1000, "DY", "DHLast", "DCLast"))
}

// pathsWithout returns the paths on which to try a layer without the absent operands.
// That of plain operations is tried with all of them: what they mean is defined by
// the same calls on the reference.
func (l layer) pathsWithout(b backend.Backend, absent []string) []path {
	paths := l.paths(b)
	if len(absent) > 0 && len(paths) > 1 {
		return paths[1:]
	}
	return paths
}

func (l layer) checkForward(p *probe) {
	l.tries(p, l.optional, "X", func(kind string, d dims, x content, absent ...string) { l.tryForward(p, kind, d, x, absent...) })
}

func (l layer) tryForward(p *probe, kind string, d dims, x content, absent ...string) {
	p.agree(d, l.pathsWithout(p.device, absent), func(b backend.Backend, _ values) trial {
		return l.called(l.forward(b, d, x, absent).without(absent...), kind)
	})
}

func (l layer) checkBackward(p *probe) {
	l.tries(p, leavingOut(l.optionalBackward), "DY", func(kind string, d dims, x content, absent ...string) {
		for _, name := range absent {
			if _, ok := l.parameters["D"+name]; ok {
				absent = append(slices.Clone(absent), "D"+name)
			}
		}
		after := p.expect(l.forward(plain.on(p.device), d, x, absent).without(absent...))
		p.agree(d, l.pathsWithout(p.device, absent), func(b backend.Backend, want values) trial {
			t := l.backward(b, d, x, after, absent)
			t.tolerance = l.tolerances(d, x, after, want)
			return l.called(t.without(absent...), kind)
		})
	})
	for _, d := range p.layers() {
		if !d.long() {
			l.tryOverwriting(p, d)
		}
	}
}

// tryOverwriting tries a backward pass with nothing but poison in the gradients of
// parameters.
func (l layer) tryOverwriting(p *probe, d dims) {
	x := l.content(p.source(d.String()+", overwriting"), d)
	for name := range l.parameters {
		x[name] = make([]float32, len(x[name]))
	}
	after := p.expect(l.forward(plain.on(p.device), d, x, nil))
	p.agree(d, l.paths(p.device), func(b backend.Backend, want values) trial {
		t := l.backward(b, d, x, after, nil)
		t.tolerance = l.tolerances(d, x, after, want)
		t.call = func(b backend.Backend, x tensors) { l.overwrite(b, d.batch, x) }
		for i, o := range t.operands {
			if _, ok := l.parameters[o.name]; ok {
				t.operands[i].content = nil
			}
		}
		return t.called(", overwriting")
	})
}

// tolerances returns those of the outputs of the backward pass.
func (l layer) tolerances(d dims, x content, after, want values) map[string]tolerance {
	var data []float64
	for _, name := range l.data {
		data = append(data, want[name]...)
	}
	all := map[string]tolerance{"Scratch": nil}
	for _, name := range l.data {
		all[name] = d.backwardTolerance(data)
	}
	for name, sum := range l.parameters {
		all[name] = d.weightTolerance(want[sum.dz], largest(after[sum.x]), x[name])
	}
	return all
}

// agree verifies the trial that build makes for each of the paths, given what
// plain operations on the reference want, for which build is called without. A larger
// layer is tried on the last path, which is the backend's own way, and a long, thin one
// where that is fused: the other paths consist of operations that have such cases of
// their own.
func (p *probe) agree(d dims, paths []path, build func(b backend.Backend, want values) trial) {
	last := paths[len(paths)-1]
	switch {
	case d.long() && last.name != whole.name:
		return
	case d.larger():
		paths = []path{last}
	}
	want := p.expect(build(plain.on(p.device), nil))
	for _, way := range paths {
		t := build(way.on(p.device), want)
		t.name = way.name + "/" + t.name
		t.want = want
		t.loosen(p.product)
		call := t.call
		t.call = func(b backend.Backend, x tensors) { call(way.on(b), x) }
		p.verify(t)
	}
}

// loosen admits an error u of each product of two numbers. The tolerance of a layer is
// D+H+64 roundings of a magnitude for each step. The products of a step have D+H times
// that magnitude, or 4·H in a gradient, times weights below 1/√max(D,H): in all at most a
// quarter of D+H+64 times it.
func (t *trial) loosen(u float64) {
	for name, allowed := range t.tolerance {
		if allowed != nil {
			t.tolerance[name] = func(k int, want float64) float64 { return (1 + u/(4*unit)) * allowed(k, want) }
		}
	}
}

// layerContent draws the operands that layers of every kind have. gates is the
// number of rows of the weights for each hidden unit.
func (d dims) layerContent(g source, gates int) content {
	t, n, i, h, rows := d.steps, d.batch, d.input, d.hidden, gates*d.hidden
	w := d.weight()
	return content{
		"X": g.uniform(t*n*i, -1, 1), "WIH": g.uniform(rows*i, -w, w), "WHH": g.uniform(rows*h, -w, w),
		"BIH": g.uniform(rows, -0.5, 0.5), "BHH": g.uniform(rows, -0.5, 0.5), "H": g.uniform(n*h, -1, 1),
		"DY": g.uniform(t*n*h, -1, 1), "DHLast": g.uniform(n*h, -1, 1),
		"DWIH": g.uniform(rows*i, -1, 1), "DWHH": g.uniform(rows*h, -1, 1),
		"DBIH": g.uniform(rows, -1, 1), "DBHH": g.uniform(rows, -1, 1),
	}
}

// layerInputs returns the operands that both passes of a layer only read, and H
// with the given content: all of it, or the initial state alone.
func (d dims) layerInputs(x content, gates int, h []float32) []operand {
	rows := gates * d.hidden
	return []operand{
		in("X", d.steps*d.batch, d.input, x["X"]), in("WIH", rows, d.input, x["WIH"]), in("WHH", rows, d.hidden, x["WHH"]),
		in("BIH", 1, rows, x["BIH"]), in("BHH", 1, rows, x["BHH"]), in("H", (d.steps+1)*d.batch, d.hidden, h),
	}
}

// layerGradients returns the gradients that layers of every kind have.
func (d dims) layerGradients(x content, gates int) []operand {
	steps, rows := d.steps*d.batch, gates*d.hidden
	return []operand{
		in("DY", steps, d.hidden, x["DY"]), in("DHLast", d.batch, d.hidden, x["DHLast"]),
		out("DX", steps, d.input), out("DH0", d.batch, d.hidden),
		in("DWIH", rows, d.input, x["DWIH"]), in("DWHH", rows, d.hidden, x["DWHH"]),
		in("DBIH", 1, rows, x["DBIH"]), in("DBHH", 1, rows, x["DBHH"]),
	}
}

// checkScratch checks that a smaller layer fits the scratch of a larger one.
func checkScratch(p *probe, paths []path, scratch func(b backend.Backend, d backend.LSTMDims) int) {
	for _, way := range paths {
		p.attempt(way.name, func() {
			b := way.on(p.device)
			g := p.source(way.name)
			for range 2000 {
				small := backend.LSTMDims{Steps: g.IntN(9), Batch: g.extent(), Input: g.extent(), Hidden: g.extent()}
				large := backend.LSTMDims{
					Steps: small.Steps + g.IntN(3), Batch: small.Batch + g.IntN(3),
					Input: small.Input + g.IntN(3), Hidden: small.Hidden + g.IntN(3), Peepholes: g.IntN(2) == 1,
				}
				if a, b := scratch(b, small), scratch(b, large); a > b || a < 0 {
					p.stopf("%+v needs %d, %+v needs %d", small, a, large, b)
				}
			}
		})
	}
}
