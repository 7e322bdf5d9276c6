package backendtest

import (
	"fmt"
	"maps"
	"math"

	"gputrain/backend"
)

var misuseChecks = []check{
	{"Misuse", checkMisuse},
	{"MisuseOfScalars", checkScalarMisuse},
	{"UseAfterClose", checkUseAfterClose},
}

// The texts that panics must have are those of the Check functions of package
// backend, called with the same arguments, but for buffers: these are the
// suite's own, filled in with what the suite knows of each. What the backend
// under test says of its allocations, and when, decides about nothing.

// ledger is what the suite knows of the allocations that it has asked for.
type ledger map[backend.Buffer]*backend.Allocation

// Owners, as the suite calls them.
const (
	device  = "the device"
	another = "another device"
)

// place allocates the operands in the midst of allocations that are larger.
func (l ledger) place(p *probe, b backend.Backend, owner string, operands []operand) tensors {
	x := tensors{}
	for _, o := range operands {
		a := arena{integer: o.integer, content: make([]uint32, o.rows*o.cols+64)}
		p.must(a.upload(b))
		if l[a.buffer] != nil {
			p.stopf("New returns a buffer that it has returned before")
		}
		l[a.buffer] = &backend.Allocation{Owner: owner, Len: len(a.content), Integer: o.integer}
		x[o.name] = backend.Tensor{Buf: a.buffer, Off: 16, Rows: o.rows, Cols: o.cols}
	}
	return x
}

// known returns the same windows on the suite's own buffers.
func (l ledger) known(x tensors) tensors {
	y := tensors{}
	for name, t := range x {
		if t.Present() {
			t.Buf = l[t.Buf]
		}
		y[name] = t
	}
	return y
}

// checkMisuse spoils each operand of each operation in each way. What the Check
// function does not mind is legal, and not called.
func checkMisuse(p *probe) {
	other := p.another()
	defer other.Close()
	for _, op := range operations(p.device) {
		for _, o := range op.operands {
			p.attempt(op.name+"/"+o.name, func() {
				m := misuse{p, other, ledger{}}
				legal := m.place(p, p.device, device, op.operands)
				for _, way := range spoilers(op, o) {
					x := maps.Clone(legal)
					x[o.name] = way.spoil(m, x, x[o.name])
					p.mustPanic(way.name, func() { op.check(device, m.known(x)) }, func() { op.call(p.device, x) })
					if m.ledger[legal[o.name].Buf].Freed {
						maps.Copy(legal, m.place(p, p.device, device, []operand{o}))
					}
				}
			})
		}
	}
	for _, op := range computations(p.device) {
		p.attempt(op.name+"/goes on", func() {
			j := p.newJob(p.device, op)
			want := p.alone(other, op, 1)[0] // where no call has panicked
			before := j.run(p, p.device, 1, backend.Tensor{})
			for _, o := range op.operands {
				for _, off := range []int{-1, 1} { // outside of its allocation
					x := maps.Clone(j.x)
					x[o.name] = backend.Tensor{Buf: x[o.name].Buf, Off: off, Rows: o.rows, Cols: o.cols}
					if panicOf(func() { op.call(p.device, x) }) == nil {
						p.stopf("%s at offset %d of its allocation: got no panic", o.name, off)
					}
				}
			}
			p.same("a call that panics", j.end(p, p.device), before)
			p.same("the call after those that panic", j.run(p, p.device, 0, backend.Tensor{}), want)
			j.free(p.device)
		})
	}
}

// misuse is what a spoiler works with.
type misuse struct {
	*probe
	other backend.Backend
	ledger
}

// spoiler makes a legal operand, t, of the operands x, illegal.
type spoiler struct {
	name  string
	spoil func(m misuse, x tensors, t backend.Tensor) backend.Tensor
}

func spoilers(op operation, o operand) []spoiler {
	window := func(offset, rows, cols int) func(misuse, tensors, backend.Tensor) backend.Tensor {
		return func(_ misuse, _ tensors, t backend.Tensor) backend.Tensor {
			return backend.Tensor{Buf: t.Buf, Off: t.Off + offset, Rows: t.Rows + rows, Cols: t.Cols + cols}
		}
	}
	all := []spoiler{
		{"absent", func(misuse, tensors, backend.Tensor) backend.Tensor { return backend.Tensor{} }},
		{"a row more", window(0, 1, 0)},
		{"a column more", window(0, 0, 1)},
		{"a column less", window(0, 0, -1)},
		{"rows negative", window(0, -o.rows-1, 0)},
		{"columns negative", window(0, 0, -o.cols-1)},
		{"before the start", window(-17, 0, 0)},
		{"beyond the end", window(49, 0, 0)},
		{"freed", func(m misuse, _ tensors, t backend.Tensor) backend.Tensor {
			m.free(t)
			return t
		}},
		{"freed, its memory given out again", func(m misuse, _ tensors, t backend.Tensor) backend.Tensor {
			m.free(t)
			m.place(m.probe, m.device, device, []operand{o})
			return t
		}},
		{"of another backend", func(m misuse, _ tensors, _ backend.Tensor) backend.Tensor {
			return m.place(m.probe, m.other, another, []operand{o})[o.name]
		}},
		{"of the other kind", func(m misuse, _ tensors, _ backend.Tensor) backend.Tensor {
			o.integer = !o.integer
			return m.place(m.probe, m.device, device, []operand{o})[o.name]
		}},
	}
	for _, second := range op.operands {
		if second.name == o.name || second.integer != o.integer {
			continue
		}
		for _, shift := range []int{0, 1, -1, o.rows*o.cols - 1} {
			all = append(all, spoiler{
				fmt.Sprintf("moved to %s%+d", second.name, shift),
				func(_ misuse, x tensors, t backend.Tensor) backend.Tensor {
					return backend.Tensor{Buf: x[second.name].Buf, Off: x[second.name].Off + shift, Rows: t.Rows, Cols: t.Cols}
				}})
		}
	}
	return all
}

func (m misuse) free(t backend.Tensor) {
	m.device.Free(t.Buf)
	m.ledger[t.Buf].Freed = true
}

// mustPanic checks that call panics as check does, if check does.
func (p *probe) mustPanic(name string, check, call func()) {
	want := panicOf(check)
	if want == nil {
		return
	}
	if got := panicOf(call); fmt.Sprint(got) != fmt.Sprint(want) {
		p.failf("%s: got panic %v, want %v", name, got, want)
	}
}

// panicOf returns the value with which run panics, or nil.
func panicOf(run func()) (value any) {
	defer func() { value = recover() }()
	run()
	return
}

func checkScalarMisuse(p *probe) {
	p.attempt("arguments", func() {
		b := p.device
		x, y, one := p.newTensor(3, 4), p.newTensor(3, 4), p.newTensor(1, 1)
		m, v := p.newTensor(3, 4), p.newTensor(3, 4)
		ids, empty := p.newInts(3), p.newTensor(3, 0)
		for _, rate := range []float64{-0.1, 1, 2, math.NaN()} {
			p.mustPanic(fmt.Sprintf("Dropout rate %v", rate),
				func() { backend.CheckDropout(nil, x, y, rate) }, func() { b.Dropout(x, y, rate, 1, 2) })
		}
		for _, limit := range []float64{0, -1, math.NaN()} {
			p.mustPanic(fmt.Sprintf("ClipNorm limit %v", limit),
				func() { backend.CheckClipNorm(nil, x, one, limit) }, func() { b.ClipNorm(x, one, limit) })
			if c, ok := b.(backend.ClipFactorer); ok {
				factor := p.newTensor(1, 1)
				p.mustPanic(fmt.Sprintf("ClipFactor limit %v", limit),
					func() { backend.CheckClipFactor(nil, x, one, factor, limit) }, func() { c.ClipFactor(x, one, factor, limit) })
			}
		}
		for _, step := range []int{0, -1} {
			a := backend.AdamArgs{Param: x, Grad: y, Mean: m, Square: v, Step: step}
			p.mustPanic(fmt.Sprintf("Adam step %d", step), func() { backend.CheckAdam(nil, a) }, func() { b.Adam(a) })
		}
		for _, epsilon := range []float64{-1, math.NaN()} {
			column := p.newTensor(3, 1)
			p.mustPanic(fmt.Sprintf("LayerNorm epsilon %v", epsilon),
				func() { backend.CheckLayerNorm(nil, x, column, m, epsilon) }, func() { b.LayerNorm(x, column, m, epsilon) })
		}
		for _, a := range []backend.LSTM1997CellArgs{{Blocks: 0}, {Blocks: 3}, {Blocks: 2, G: backend.Squash{Range: 1}}} {
			a.Gates, a.SPrev, a.S, a.Y = p.newTensor(3, 8), x, y, m
			p.mustPanic(fmt.Sprintf("LSTM1997Cell of %d blocks, G %v", a.Blocks, a.G),
				func() { backend.CheckLSTM1997Cell(nil, a) }, func() { b.LSTM1997Cell(a) })
		}
		for _, c := range [][3]int{{-1, 0, 1}, {0, -1, 1}, {0, 0, -1}, {4, 0, 1}, {0, 4, 1}, {1, 0, 4}, {0, 1, 4}} {
			p.mustPanic(fmt.Sprintf("CopyCols %v", c),
				func() { backend.CheckCopyCols(nil, x, c[0], y, c[1], c[2]) }, func() { b.CopyCols(x, c[0], y, c[1], c[2]) })
		}
		for _, n := range []int{11, 13, 0} {
			host := make([]float32, n)
			p.mustPanic(fmt.Sprintf("Upload of %d", n), func() { backend.CheckUpload(nil, x, n) }, func() { b.Upload(x, host) })
			p.mustPanic(fmt.Sprintf("Download of %d", n), func() { backend.CheckDownload(nil, n, x) }, func() { b.Download(host, x) })
		}
		for _, n := range []int{2, 4, 0} {
			host := make([]int32, n)
			p.mustPanic(fmt.Sprintf("UploadInts of %d", n), func() { backend.CheckUploadInts(nil, ids, n) }, func() { b.UploadInts(ids, host) })
			p.mustPanic(fmt.Sprintf("DownloadInts of %d", n), func() { backend.CheckDownloadInts(nil, n, ids) }, func() { b.DownloadInts(host, ids) })
		}
		for _, s := range []shape{{-1, 2}, {2, -1}, {-1, -1}} {
			p.mustPanic(fmt.Sprintf("New %v", s), func() { backend.CheckNew(s.rows, s.cols) }, func() { b.New(s.rows, s.cols) })
		}
		p.mustPanic("NewInts −1", func() { backend.CheckNewInts(-1) }, func() { b.NewInts(-1) })
		p.mustPanic("ArgMaxRows of no columns", func() { backend.CheckArgMaxRows(nil, ids, empty) }, func() { b.ArgMaxRows(ids, empty) })
	})
}

func checkUseAfterClose(p *probe) {
	for _, op := range operations(p.device) {
		p.attempt(op.name, func() {
			b, l := p.another(), ledger{}
			x := l.place(p, b, device, op.operands)
			p.must(b.Close())
			for _, a := range l {
				a.Freed = true
			}
			p.mustPanic("after Close", func() { op.check(device, l.known(x)) }, func() { op.call(b, x) })
			for name, t := range x { // not the first operand alone
				p.mustPanic("Free of "+name+" after Close", func() { backend.CheckFree(device, l[t.Buf]) }, func() { b.Free(t.Buf) })
			}
		})
	}
}
