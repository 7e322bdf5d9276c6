package backendtest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/backend/reference"
)

// trial is one call of an operation. verify makes it several times on the
// backend, in layouts that bring out what a single call may hide.
type trial struct {
	name     string // of the case
	operands []operand
	call     func(b backend.Backend, x tensors)

	// tolerance has an entry for each output. The other operands must keep
	// their values.
	tolerance map[string]tolerance

	once    bool      // one layout is enough
	want    values    // of the outputs; nil: what the reference computes
	sharing []sharing // of windows, that must not change the result
}

// operand is a matrix of a trial.
type operand struct {
	name       string
	rows, cols int
	integer    bool
	content    []uint32 // bits, row-major; if short, the rest is poisoned
}

// tensors are the operands of a trial on a backend, by name. An absent operand
// is the zero Tensor.
type tensors map[string]backend.Tensor

// ints returns an operand of integers, which is a row.
func (x tensors) ints(name string) backend.Ints {
	t := x[name]
	return backend.Ints{Buf: t.Buf, Off: t.Off, N: t.Cols}
}

// values are the operands of a trial after it, by name.
type values map[string][]float64

// sharing names operands that get the window of another one: {"dst": "a"} is
// the call in place.
type sharing map[string]string

func (s sharing) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, name+" in place of "+s[name])
	}
	return strings.Join(parts, ", ")
}

// in returns an operand with the given content.
func in(name string, rows, cols int, x []float32) operand {
	o := operand{name: name, rows: rows, cols: cols, content: make([]uint32, len(x))}
	for k, v := range x {
		o.content[k] = math.Float32bits(v)
	}
	return o
}

// out returns an operand that the call overwrites.
func out(name string, rows, cols int) operand { return in(name, rows, cols, nil) }

// inInts returns an operand of integers.
func inInts(name string, x []int32) operand {
	o := operand{name: name, rows: 1, cols: len(x), integer: true, content: make([]uint32, len(x))}
	for k, v := range x {
		o.content[k] = uint32(v)
	}
	return o
}

// outInts returns an operand of n integers that the call overwrites.
func outInts(name string, n int) operand {
	return operand{name: name, rows: 1, cols: n, integer: true}
}

// without returns t with the named operands absent.
func (t trial) without(names ...string) trial {
	if len(names) == 0 {
		return t
	}
	gone := func(name string) bool { return slices.Contains(names, name) }
	t.operands = slices.DeleteFunc(slices.Clone(t.operands), func(o operand) bool { return gone(o.name) })
	t.tolerance = maps.Clone(t.tolerance)
	maps.DeleteFunc(t.tolerance, func(name string, _ tolerance) bool { return gone(name) })
	t.sharing = slices.DeleteFunc(slices.Clone(t.sharing), func(s sharing) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(s)), gone)
	})
	t.name += " without " + strings.Join(names, ", ")
	return t
}

// called returns t with kind added to its name.
func (t trial) called(kind string) trial {
	t.name += kind
	return t
}

// layout says where the operands lie and what lies around them.
type layout struct {
	name     string
	together bool // in one allocation, at odd offsets; else each at the given offset of its own
	offset   int
	guard    func(position int) uint32
	poison   uint32 // in outputs before the call
	sharing  sharing
}

var nan = math.Float32bits(float32(math.NaN()))

// distinct is a guard that differs from its neighbours.
func distinct(position int) uint32 { return math.Float32bits(-1000 - float32(position%509)) }

var (
	oddOffsets = layout{name: "windows at odd offsets", together: true, guard: distinct, poison: nan}
	separate   = layout{name: "separate allocations", guard: distinct, poison: nan}

	// amidNaN has the same offsets as oddOffsets, so the result must be the
	// same to the bit.
	amidNaN = layout{name: "second run, amid NaN", together: true,
		guard: func(int) uint32 { return nan }, poison: math.Float32bits(12345.5)}
)

// long reports whether t is a long, thin case.
func (t trial) long() bool {
	return slices.ContainsFunc(t.operands, func(o operand) bool { return max(o.rows, o.cols) >= long })
}

// verify runs t as one case.
func (p *probe) verify(t trial) {
	if p.only != nil && !slices.Contains(p.only, t.name) {
		p.seen = append(p.seen, t.name)
		return
	}
	p.attempt(t.name, func() {
		if t.want == nil {
			t.want = p.expect(t)
		}
		first := p.run(t, oddOffsets)
		p.compare(t, oddOffsets, first)
		if t.once || t.long() {
			return // what more calls bring out, smaller ones do
		}
		p.identical(t, amidNaN, first)
		if apart, ok := p.apart(t); ok {
			p.compare(t, apart, p.run(t, apart))
		}
		for _, s := range t.sharing {
			shared := oddOffsets
			shared.sharing = s
			shared.name = s.String()
			p.identical(t, shared, first)
		}
	})
}

// apart returns the layout of a case in which each operand has an allocation of its
// own: at its beginning, or aligned to 2, 4, ... 32 elements and to no more. Every
// second large case does without it.
func (p *probe) apart(t trial) (l layout, ok bool) {
	const large = 1 << 12
	elements, n := 0, len(p.seen)
	for _, o := range t.operands {
		elements += o.rows * o.cols
	}
	l = separate
	if n%2 == 0 {
		l.offset = 2 << (n / 2 % 5)
		l.name = fmt.Sprintf("separate allocations, at offset %d", l.offset)
	}
	return l, elements < large || n%4 < 2
}

// expect returns what all operands of t hold after the call on the reference.
func (p *probe) expect(t trial) values {
	b := reference.New()
	x := tensors{}
	for _, o := range t.operands {
		content := slices.Concat(o.content, make([]uint32, o.rows*o.cols-len(o.content)))
		a := arena{integer: o.integer, content: content}
		p.must(a.upload(b))
		x[o.name] = backend.Tensor{Buf: a.buffer, Rows: o.rows, Cols: o.cols}
	}
	t.call(b, x)
	after := values{}
	for _, o := range t.operands {
		v := make([]float64, o.rows*o.cols)
		if o.integer {
			n := make([]int32, len(v))
			p.must(b.DownloadInts(n, x.ints(o.name)))
			for k := range n {
				v[k] = float64(n[k])
			}
		} else {
			p.must(b.DownloadFloat64(v, x[o.name]))
		}
		after[o.name] = v
	}
	return after
}

// window is an operand in its place.
type window struct {
	operand
	arena  *arena
	offset int
}

// arena is an allocation of a trial: windows and the guards around them.
type arena struct {
	integer bool
	content []uint32
	buffer  backend.Buffer
}

// run makes the call on the backend, checks that nothing but the outputs has
// changed, and returns the outputs' bits.
func (p *probe) run(t trial, l layout) map[string][]uint32 {
	windows, arenas := l.place(t.operands)
	for _, a := range arenas {
		p.must(a.upload(p.device))
	}
	x := tensors{}
	for _, o := range t.operands {
		w := windows[l.home(o.name)]
		x[o.name] = backend.Tensor{Buf: w.arena.buffer, Off: w.offset, Rows: o.rows, Cols: o.cols}
	}
	t.call(p.device, x)

	after := map[*arena][]uint32{}
	for _, a := range arenas {
		bits, err := a.download(p.device)
		p.must(err)
		after[a] = bits
		p.device.Free(a.buffer)
	}
	outputs := map[string][]uint32{}
	for name := range t.tolerance {
		w := windows[l.home(name)]
		bits := after[w.arena][w.offset:][:w.rows*w.cols]
		outputs[name] = slices.Clone(bits)
		copy(bits, w.arena.content[w.offset:]) // as before, for untouched
	}
	for _, a := range arenas {
		p.untouched(l, windows, a, after[a])
	}
	return outputs
}

// home returns the operand whose window the named one has.
func (l layout) home(name string) string {
	if shared, ok := l.sharing[name]; ok {
		return shared
	}
	return name
}

// margin is the least number of guards between two windows.
const margin = 8

// place lays out the operands.
func (l layout) place(operands []operand) (map[string]window, []*arena) {
	windows := map[string]window{}
	var arenas []*arena
	room := func(o operand) int { return l.offset + o.rows*o.cols + 2*margin + 1 + min(o.cols, 256) }
	all := 0
	for _, o := range operands {
		all += room(o)
	}
	for _, o := range operands {
		if l.home(o.name) != o.name {
			continue
		}
		i := -1
		if l.together {
			i = slices.IndexFunc(arenas, func(a *arena) bool { return a.integer == o.integer })
		}
		if i < 0 {
			i = len(arenas)
			n := room(o)
			if l.together {
				n = all
			}
			arenas = append(arenas, &arena{integer: o.integer, content: make([]uint32, 0, n)})
		}
		a := arenas[i]
		if l.together {
			a.guard(margin+1-len(a.content)%2, l.guard)
		}
		a.guard(l.offset, l.guard)
		windows[o.name] = window{o, a, len(a.content)}
		a.content = append(a.content, o.content...)
		a.guard(o.rows*o.cols-len(o.content), func(int) uint32 { return l.poison })
		// A backend that rounds up to whole rows or blocks writes that far.
		a.guard(margin+min(o.cols, 256), l.guard)
	}
	return windows, arenas
}

func (a *arena) guard(n int, value func(position int) uint32) {
	for range n {
		a.content = append(a.content, value(len(a.content)))
	}
}

func (a *arena) upload(b backend.Backend) error {
	if a.integer {
		t, err := b.NewInts(len(a.content))
		if err != nil {
			return err
		}
		x := make([]int32, len(a.content))
		for k, bits := range a.content {
			x[k] = int32(bits)
		}
		a.buffer = t.Buf
		b.UploadInts(t, x)
		return nil
	}
	t, err := b.New(1, len(a.content))
	if err != nil {
		return err
	}
	x := make([]float32, len(a.content))
	for k, bits := range a.content {
		x[k] = math.Float32frombits(bits)
	}
	a.buffer = t.Buf
	b.Upload(t, x)
	return nil
}

func (a *arena) download(b backend.Backend) ([]uint32, error) {
	content := make([]uint32, len(a.content))
	if a.integer {
		x := make([]int32, len(content))
		err := b.DownloadInts(x, backend.Ints{Buf: a.buffer, N: len(x)})
		for k, v := range x {
			content[k] = uint32(v)
		}
		return content, err
	}
	x := make([]float32, len(content))
	err := b.Download(x, backend.Tensor{Buf: a.buffer, Rows: 1, Cols: len(x)})
	for k, v := range x {
		content[k] = math.Float32bits(v)
	}
	return content, err
}

// untouched checks that inputs and guards are as before.
func (p *probe) untouched(l layout, windows map[string]window, a *arena, after []uint32) {
	for k := range after {
		if after[k] != a.content[k] {
			p.stopf("writes to %s: got %v, want %v (%s)",
				a.locate(windows, k), number(a.integer, after[k]), number(a.integer, a.content[k]), l.name)
		}
	}
}

// locate describes element k of a by the nearest window.
func (a *arena) locate(windows map[string]window, k int) string {
	text, nearest := "", math.MaxInt
	for _, w := range windows {
		before, beyond := w.offset-k, k-(w.offset+w.rows*w.cols)+1
		switch {
		case w.arena != a:
		case before > 0 && before < nearest:
			text, nearest = fmt.Sprintf("element −%d of %s %dx%d", before, w.name, w.rows, w.cols), before
		case beyond > 0 && beyond < nearest:
			text, nearest = fmt.Sprintf("element %d of %s %dx%d", k-w.offset, w.name, w.rows, w.cols), beyond
		case before <= 0 && beyond <= 0:
			return fmt.Sprintf("input %s %dx%d at (%d,%d)", w.name, w.rows, w.cols, -before/w.cols, -before%w.cols)
		}
	}
	return text
}

// maxElements is the number of elements of one operand that are reported.
const maxElements = 3

// compare checks the outputs of a run against what is wanted.
func (p *probe) compare(t trial, l layout, got map[string][]uint32) {
	for _, o := range t.operands {
		allowed, wanted := t.tolerance[o.name], t.want[o.name]
		reported := 0
		for k, bits := range got[o.name] {
			if allowed == nil || reported == maxElements {
				break
			}
			want := wanted[k]
			bound := allowed(k, want)
			off := distance(number(o.integer, bits), want, bound)
			if off <= 1 {
				p.result.Worst = max(p.result.Worst, off)
				continue
			}
			reported++
			p.failf("%s %dx%d at (%d,%d): got %v, want %v, tolerance %.3g (%s)",
				o.name, o.rows, o.cols, k/o.cols, k%o.cols, number(o.integer, bits), want, bound, l.name)
			p.result.Worst = math.Max(p.result.Worst, off)
		}
	}
}

// identical checks that a run in layout l has the outputs want, to the bit.
func (p *probe) identical(t trial, l layout, want map[string][]uint32) {
	got := p.run(t, l)
	for _, o := range t.operands {
		if t.tolerance[o.name] == nil {
			continue
		}
		wanted := want[o.name]
		for k, bits := range got[o.name] {
			if bits == wanted[k] || isNaN(o, bits) && isNaN(o, wanted[k]) {
				continue
			}
			p.failf("%s %dx%d at (%d,%d): got %v, want the bits of the first run, %v (%s)",
				o.name, o.rows, o.cols, k/o.cols, k%o.cols, number(o.integer, bits), number(o.integer, wanted[k]), l.name)
			break
		}
	}
}

func isNaN(o operand, bits uint32) bool { return math.IsNaN(number(o.integer, bits)) }

// number returns the number that bits stand for.
func number(integer bool, bits uint32) float64 {
	if integer {
		return float64(int32(bits))
	}
	return float64(math.Float32frombits(bits))
}
