package backendtest

import (
	"fmt"
	"math"
	"strings"

	"gputrain/backend"
)

var errorChecks = []check{{"StickyErrors", checkStickyErrors}}

// provocation is an operation with one integer among ids that is out of range.
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
// at the first, a middle and the last place.
func checkStickyErrors(p *probe) {
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
		}
	}
}

// provoke checks what must hold after the operation has failed.
func (p *probe) provoke(c provocation, ids []int32) {
	b := p.device
	x, table, list := p.newTensor(len(ids), 3), p.newTensor(3, 3), p.newInts(len(ids))
	b.UploadInts(list, ids)
	c.run(b, x, table, list)

	first := b.Sync()
	if first == nil {
		p.stopf("Sync: got no error, want one")
	}
	if !strings.Contains(first.Error(), c.op) {
		p.failf("Sync: the error does not name %s: %v", c.op, first)
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

	// A fresh backend knows nothing of it.
	p.reopen()
	equal(p, "a fresh backend", p.download(p.fromHost(1, 2, []float32{3, 4})), []float32{3, 4})
}
