package backendtest

import (
	"fmt"
	"slices"
	"strings"

	"gputrain/backend"
)

var replayChecks = []check{
	{"Replay", checkReplay},
	{"Time", checkTime},
}

// learner is what a training step of an LSTM with dropout works on.
type learner struct {
	b       backend.Backend
	lstm    backend.LSTMGradArgs
	dropped backend.Tensor
	dense   backend.Tensor // weights
	logits  backend.Tensor
	labels  backend.Ints
	loss    backend.Tensor
	norm    backend.Tensor
	slots   [4]backend.Tensor // gradient of dense, its mean and square; square of WHH's
	results []backend.Tensor
}

const (
	learnerSteps  = 3
	learnerInput  = 4
	learnerHidden = 5
)

// newLearner returns a learner for batches of n sequences, always the same.
func (p *probe) newLearner(n int) *learner {
	g := p.source("learner")
	random := func(rows, cols int) backend.Tensor {
		return p.fromHost(rows, cols, g.uniform(rows*cols, -1, 1))
	}
	const t, d, h = learnerSteps, learnerInput, learnerHidden
	a := backend.LSTMArgs{
		Batch: n, X: random(t*n, d), WIH: random(4*h, d), WHH: random(4*h, h), BIH: random(1, 4*h), BHH: random(1, 4*h),
		H: p.newTensor((t+1)*n, h), C: p.newTensor((t+1)*n, h), Gates: p.newTensor(t*n, 4*h),
	}
	a.Scratch = p.newTensor(1, backend.LSTMScratch(p.device, a.Dims()))
	l := &learner{
		b: p.device,
		lstm: backend.LSTMGradArgs{
			LSTMArgs: a, DY: p.newTensor(t*n, h), DZ: p.newTensor(t*n, 4*h),
			DWIH: p.newTensor(4*h, d), DWHH: p.newTensor(4*h, h), DBIH: p.newTensor(1, 4*h), DBHH: p.newTensor(1, 4*h),
		},
		dropped: p.newTensor(t*n, h), dense: random(h, h), logits: p.newTensor(t*n, h), labels: p.newInts(t * n),
		loss: p.newTensor(1, 1), norm: p.newTensor(1, 1),
		slots: [4]backend.Tensor{p.newTensor(h, h), p.newTensor(h, h), p.newTensor(h, h), p.newTensor(4*h, h)},
	}
	l.results = []backend.Tensor{l.dense, l.lstm.WIH, l.lstm.WHH, l.lstm.BIH, l.loss, l.norm}
	return l
}

// step queues training step k.
func (l *learner) step(k int) {
	b, a := l.b, l.lstm
	for _, grad := range []backend.Tensor{a.DWIH, a.DWHH, a.DBIH, a.DBHH} {
		b.Fill(grad, 0)
	}
	backend.LSTMForward(b, a.LSTMArgs)
	y := a.H.Slice(a.Batch, a.H.Rows)
	offset := uint64(k * y.Size())
	b.Dropout(l.dropped, y, 0.5, 7, offset)
	b.Gemm(l.logits, backend.NoTrans, backend.Trans, 1, l.dropped, l.dense, 0)
	b.SoftmaxCrossEntropy(l.loss, l.logits, l.logits, l.labels, 1/float64(k+1))
	b.Gemm(l.slots[0], backend.Trans, backend.NoTrans, 1, l.logits, l.dropped, 0)
	b.Gemm(a.DY, backend.NoTrans, backend.NoTrans, 1, l.logits, l.dense, 0)
	b.Dropout(a.DY, a.DY, 0.5, 7, offset)
	backend.LSTMBackward(b, a)
	b.ClipNorm(a.DWIH, l.norm, 0.1)
	rate := 0.1 / float64(k+1)
	b.Adam(backend.AdamArgs{
		Param: l.dense, Grad: l.slots[0], Mean: l.slots[1], Square: l.slots[2],
		LR: rate, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Step: k + 1,
	})
	b.SGD(backend.SGDArgs{Param: a.WIH, Grad: a.DWIH, LR: rate})
	b.RMSProp(backend.RMSPropArgs{Param: a.WHH, Grad: a.DWHH, Square: l.slots[3], LR: rate, Decay: 0.9, Epsilon: 1e-8})
	b.Copy(a.BIH, a.DBIH)
}

// checkReplay holds operations that are replayed against the same ones that are
// not.
func checkReplay(p *probe) {
	p.attempt("steps of one shape", func() {
		replayed, direct := p.newLearner(3), p.newLearner(3)
		for k := range 6 {
			p.compareSteps(k, replayed, direct)
		}
	})
	p.attempt("steps of two shapes, with other work between", func() {
		replayed, direct := [2]*learner{}, [2]*learner{}
		for i, n := range []int{4, 1} {
			replayed[i], direct[i] = p.newLearner(n), p.newLearner(n)
		}
		tall, square := p.newTensor(min(p.maxSize, 2000), 8), p.newTensor(8, 8)
		for k := range 12 {
			p.compareSteps(k, replayed[k%2], direct[k%2])
			if k == 7 {
				p.device.Gemm(square, backend.Trans, backend.NoTrans, 1, tall, tall, 0)
			}
		}
	})
	p.attempt("memory given out anew", func() {
		for range 5 {
			replayed, direct := p.newLearner(2), p.newLearner(2)
			for k := range 2 {
				p.compareSteps(k, replayed, direct)
			}
			for _, t := range []backend.Tensor{replayed.dense, replayed.lstm.WIH, replayed.lstm.X, replayed.loss} {
				p.device.Free(t.Buf)
			}
		}
	})
	p.mistakesReplayed()
	p.replayChanges()
}

// mistakesReplayed checks that a panic and a sticky error come through, and that
// the backend goes on after a panic.
func (p *probe) mistakesReplayed() {
	p.attempt("a mistake of the caller", func() {
		l := p.newLearner(2)
		for k := range 3 {
			mistaken := func() {
				backend.Replay(p.device, func() {
					l.step(k)
					p.device.Add(l.loss, l.loss, l.dense)
				})
			}
			if panicOf(mistaken) == nil {
				p.failf("Add of 1x1 and 5x5: got no panic")
			}
		}
		replayed, direct := p.newLearner(2), p.newLearner(2)
		for k := range 3 {
			p.compareSteps(k, replayed, direct)
		}
	})
	for _, bad := range []int{0, 1, 4} {
		p.attempt(fmt.Sprintf("a label out of range in step %d", bad), func() {
			b, l := p.device, p.newLearner(2)
			labels := make([]int32, l.labels.N)
			for k := range bad + 2 {
				labels[3] = 0
				if k == bad {
					labels[3] = learnerHidden
				}
				b.UploadInts(l.labels, labels)
				backend.Replay(b, func() { l.step(k) })
			}
			if err := b.Sync(); err == nil || !strings.Contains(err.Error(), "SoftmaxCrossEntropy") {
				p.failf("Sync: got error %v, want one that names SoftmaxCrossEntropy", err)
			}
			p.reopen() // without the error
		})
	}
}

// compareSteps does a step with replay and one without, and compares the bits.
func (p *probe) compareSteps(k int, replayed, direct *learner) {
	g := p.source(fmt.Sprint(p.name, k))
	x, labels := g.uniform(direct.lstm.X.Size(), -1, 1), g.ids(direct.labels.N, learnerHidden)
	for _, l := range []*learner{replayed, direct} {
		p.device.Upload(l.lstm.X, x)
		p.device.UploadInts(l.labels, labels)
	}
	direct.step(k)
	backend.Replay(p.device, func() { replayed.step(k) })
	for i := range direct.results {
		equal(p, fmt.Sprintf("step %d, result %d", k, i), p.download(replayed.results[i]), p.download(direct.results[i]))
	}
}

func checkTime(p *probe) {
	p.attempt("waits, and calls ops once", func() {
		x := p.newTensor(1, 3)
		calls := 0
		took, err := backend.Time(p.device, func() {
			calls++
			p.device.Fill(x, 2)
		})
		p.must(err)
		if took < 0 || calls != 1 {
			p.failf("got %v, with %d calls of ops, want a positive time and 1", took, calls)
		}
		equal(p, "Fill", p.download(x), slices.Repeat([]float32{2}, 3))
	})
	p.attempt("nothing", func() {
		if took, err := backend.Time(p.device, func() {}); took < 0 || err != nil {
			p.failf("got %v, error %v", took, err)
		}
	})
	p.attempt("a replay", func() {
		x := p.newTensor(1, 3)
		for k := range 4 {
			p.device.Fill(x, float64(k))
			_, err := backend.Time(p.device, func() {
				backend.Replay(p.device, func() { p.device.Scale(x, 3, x) })
			})
			p.must(err)
			equal(p, fmt.Sprintf("step %d", k), p.download(x), slices.Repeat([]float32{3 * float32(k)}, 3))
		}
	})
	p.attempt("returns the error of ops", func() {
		c := provocations[0]
		if _, err := backend.Time(p.device, func() { c.on(p, p.device, c.ids[:1]) }); err == nil || !strings.Contains(err.Error(), c.op) {
			p.failf("got error %v, want one that names %s", err, c.op)
		}
		p.reopen() // without the error
	})
	p.attempt("returns the sticky error", func() {
		x, ids := p.newTensor(2, 2), p.newInts(2)
		p.device.UploadInts(ids, []int32{0, 2})
		p.device.GatherRows(x, p.newTensor(2, 2), ids)
		if err := p.device.Sync(); err == nil {
			p.stopf("Sync: got no error, want one")
		}
		if _, err := backend.Time(p.device, func() {}); err == nil || err.Error() != p.device.Err().Error() {
			p.failf("got error %v, want %v", err, p.device.Err())
		}
		p.reopen() // without the error
	})
}
