package backendtest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gputrain/backend"
)

var errorChecks = []check{{"StickyErrors", checkStickyErrors}}

// position is that of an integer, in the error of a backend that names it.
var position = regexp.MustCompile(`\[(\d+)\]`)

// provocation is an operation with integers that are out of range.
type provocation struct {
	op   string
	run  func(b backend.Backend, wide, tall backend.Tensor, ids backend.Ints) // n×3, 3×n
	ids  []int32                                                              // that are wrong
	fill int32                                                                // that is right
}

var provocations = []provocation{
	{"GatherRows", func(b backend.Backend, dst, x backend.Tensor, ids backend.Ints) { b.GatherRows(dst, x, ids) },
		[]int32{3, -1, math.MaxInt32, math.MinInt32}, 2},
	{"ScatterAddRows", func(b backend.Backend, x, dst backend.Tensor, ids backend.Ints) { b.ScatterAddRows(dst, x, ids) },
		[]int32{3, -1, math.MaxInt32, math.MinInt32}, 2},
	{"SoftmaxCrossEntropy", func(b backend.Backend, logits, loss backend.Tensor, labels backend.Ints) {
		b.SoftmaxCrossEntropy(loss.Slice(0, 1).Reshape(3, 1).Slice(0, 1), backend.Tensor{}, logits, labels, 1)
	}, []int32{3, -2, math.MaxInt32, math.MinInt32}, backend.IgnoreLabel},
}

// checkStickyErrors provokes device errors by integers that are out of range,
// at the first, a middle and the last place, and at all from a middle place on.
func checkStickyErrors(p *probe) {
	for _, c := range empties {
		p.attempt(c.name, func() {
			ids := p.newInts(1)
			p.device.UploadInts(ids, []int32{3})
			c.run(p.device, p.newTensor, ids)
			if op, _, _ := strings.Cut(c.name, " "); p.device.Sync() == nil || !strings.Contains(p.device.Err().Error(), op) {
				p.failf("got error %v, want one that names %s", p.device.Err(), op)
			}
			p.reopen() // without the error
		})
	}
	for _, c := range provocations {
		for _, n := range p.upTo(1, 33, 257, 1025) {
			for i, id := range c.ids {
				ids := make([]int32, n)
				for k := range ids {
					ids[k] = c.fill
				}
				at := []int{0, n / 2, n - 1, n - 1}[i]
				ids[at] = id
				p.attempt(fmt.Sprintf("%s/id %d at %d of %d", c.op, id, at, n), func() { p.provoke(c, ids) })
			}
			ids, at := slices.Repeat([]int32{c.fill}, n), n/3
			for k := at; k < n; k++ {
				ids[k] = c.ids[k%len(c.ids)]
			}
			p.attempt(fmt.Sprintf("%s/ids out of range from %d of %d on", c.op, at, n), func() { p.provoke(c, ids) })
		}
		if long*32 <= p.maxWork {
			ids := slices.Repeat([]int32{c.fill}, long)
			ids[long-1] = c.ids[0]
			p.attempt(fmt.Sprintf("%s/id %d at the last of %d", c.op, c.ids[0], long), func() { p.provoke(c, ids) })
		}
		p.attempt(c.op+"/every operation after it", func() { p.queueAfterError(c) })
		for _, w := range waits {
			p.attempt(c.op+"/reported by "+w.name, func() {
				b := p.another()
				defer b.Close()
				x, ids := upload(p, b, []float32{1}), p.ints(b, 1)
				c.on(p, b, c.ids[:1])
				if err := w.wait(b, x, ids); err == nil || !strings.Contains(err.Error(), c.op) {
					p.failf("got error %v, want one that names %s", err, c.op)
				}
			})
		}
	}
}

// waits are the calls besides Sync that may be the first to report an error.
var waits = []struct {
	name string
	wait func(b backend.Backend, x backend.Tensor, ids backend.Ints) error
}{
	{"Download", func(b backend.Backend, x backend.Tensor, _ backend.Ints) error {
		return b.Download(make([]float32, 1), x)
	}},
	{"DownloadInts", func(b backend.Backend, _ backend.Tensor, ids backend.Ints) error {
		return b.DownloadInts(make([]int32, 1), ids)
	}},
	{"Close", func(b backend.Backend, _ backend.Tensor, _ backend.Ints) error { return b.Close() }},
}

// empties are operations with an operand that has no elements, and an integer that
// is out of range nevertheless.
var empties = []struct {
	name string
	run  func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints)
}{
	{"GatherRows of no rows", func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints) {
		b.GatherRows(x(1, 3), x(0, 3), ids)
	}},
	{"GatherRows of no columns", func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints) {
		b.GatherRows(x(1, 0), x(3, 0), ids)
	}},
	{"ScatterAddRows into no rows", func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints) {
		b.ScatterAddRows(x(0, 3), x(1, 3), ids)
	}},
	{"ScatterAddRows of no columns", func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints) {
		b.ScatterAddRows(x(3, 0), x(1, 0), ids)
	}},
	{"SoftmaxCrossEntropy of no columns", func(b backend.Backend, x func(rows, cols int) backend.Tensor, ids backend.Ints) {
		b.SoftmaxCrossEntropy(x(1, 1), x(1, 0), x(1, 0), ids, 1)
	}},
}

// on queues the operation with the given integers.
func (c provocation) on(p *probe, b backend.Backend, ids []int32) {
	x, table, list := upload(p, b, make([]float32, 3*len(ids))), upload(p, b, make([]float32, 9)), p.ints(b, len(ids))
	x.Rows, x.Cols = len(ids), 3
	table.Rows, table.Cols = 3, 3
	b.UploadInts(list, ids)
	c.run(b, x, table, list)
}

// queueAfterError checks that each operation is checked and queued after an error
// as before it, and that the error remains.
func (p *probe) queueAfterError(c provocation) {
	b, l := p.another(), ledger{}
	defer b.Close()
	all := computations(b)
	var legal []tensors
	for _, op := range all {
		legal = append(legal, l.place(p, b, device, op.operands))
	}
	gone := upload(p, b, []float32{1})
	c.on(p, b, []int32{c.ids[0]})
	first := b.Sync()
	if first == nil {
		p.stopf("Sync: got no error, want one")
	}
	b.Free(gone.Buf)
	if panicOf(func() { b.Fill(gone, 1) }) == nil {
		p.failf("Fill of a tensor that was freed after an error: got no panic")
	}
	for i, op := range all {
		op.call(b, legal[i])
		if err := b.Sync(); err == nil || err.Error() != first.Error() {
			p.stopf("Sync after %s: got error %v, want the first one: %v", op.name, err, first)
		}
		for _, o := range op.operands {
			x := maps.Clone(legal[i])
			x[o.name] = backend.Tensor{Buf: x[o.name].Buf, Off: -1, Rows: o.rows, Cols: o.cols}
			p.mustPanic(op.name+" with "+o.name+" before the start, after an error",
				func() { op.check(device, l.known(x)) }, func() { op.call(b, x) })
		}
	}
}

// provoke checks what must hold after the operation has failed.
func (p *probe) provoke(c provocation, ids []int32) {
	b := p.device
	x, table, list := p.newTensor(len(ids), 3), p.newTensor(3, 3), p.newInts(len(ids))
	// What was right in a call before is looked at again.
	b.UploadInts(list, slices.Repeat([]int32{c.fill}, len(ids)))
	c.run(b, x, table, list)
	p.must(b.Sync())
	b.UploadInts(list, ids)
	c.run(b, x, table, list)

	first := b.Sync()
	if first == nil {
		p.stopf("Sync: got no error, want one")
	}
	if !strings.Contains(first.Error(), c.op) {
		p.failf("Sync: the error does not name %s: %v", c.op, first)
	}
	at := slices.IndexFunc(ids, func(id int32) bool { return id != c.fill })
	if named := position.FindStringSubmatch(first.Error()); named != nil && named[1] != strconv.Itoa(at) {
		p.failf("Sync: the error does not name the first integer that is out of range, %d: %v", at, first)
	}
	expect := func(what string, err error) {
		if err == nil || err.Error() != first.Error() {
			p.failf("%s: got error %v, want the first one: %v", what, err, first)
		}
	}
	expect("Err", b.Err())

	// Later operations are legal, do nothing and leave the first error.
	b.Fill(x, 1)
	b.Upload(x, make([]float32, x.Size()))
	b.UploadInts(list, make([]int32, len(ids)))
	for _, other := range provocations {
		if other.op != c.op {
			other.run(b, x, table, list)
		}
	}
	expect("Download", b.Download(make([]float32, x.Size()), x))
	expect("DownloadInts", b.DownloadInts(make([]int32, len(ids)), list))
	expect("Sync again", b.Sync())
	p.device = nil
	expect("Close", b.Close())
	expect("Err after Close", b.Err())
	expect("Sync after Close", b.Sync())
	expect("a second Close", b.Close())

	// A fresh backend knows nothing of it.
	p.reopen()
	equal(p, "a fresh backend", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
}
