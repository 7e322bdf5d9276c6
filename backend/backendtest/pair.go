package backendtest

import (
	"fmt"

	"gputrain/backend"
)

var pairChecks = []check{{"Pair", checkPair}}

// checkPair holds two training steps that may run at the same time against the same two, one
// after the other.
func checkPair(p *probe) {
	twoOf := func(n, m int) (pair, direct [2]*learner) {
		return [2]*learner{p.newLearner(n), p.newLearner(m)}, [2]*learner{p.newLearner(n), p.newLearner(m)}
	}
	compare := func(k int, pair, direct [2]*learner, run func(first, second func())) {
		g := p.source(fmt.Sprint(p.name, k))
		for i := range pair {
			x, labels := g.uniform(direct[i].lstm.X.Size(), -1, 1), g.ids(direct[i].labels.N, learnerHidden)
			for _, l := range []*learner{pair[i], direct[i]} {
				p.device.Upload(l.lstm.X, x)
				p.device.UploadInts(l.labels, labels)
			}
			direct[i].step(k)
		}
		run(func() { pair[0].step(k) }, func() { pair[1].step(k) })
		for i := range pair {
			for j, want := range direct[i].results {
				equal(p, fmt.Sprintf("step %d, side %d, result %d", k, i, j), p.download(pair[i].results[j]), p.download(want))
			}
		}
	}
	together := func(first, second func()) { backend.Pair(p.device, first, second) }
	for name, sizes := range map[string][2]int{"layers of one size": {3, 3}, "layers of two sizes": {2, 4}} {
		p.attempt(name, func() {
			pair, direct := twoOf(sizes[0], sizes[1])
			for k := range 2 {
				compare(k, pair, direct, together)
			}
		})
	}
	for name, sizes := range map[string][2]int{"a replay, in which pairs and others take turns": {3, 3}, "a replay of layers of two sizes": {2, 4}} {
		p.attempt(name, func() {
			pair, direct := twoOf(sizes[0], sizes[1])
			for k := range 8 {
				compare(k, pair, direct, func(first, second func()) {
					backend.Replay(p.device, func() {
						if k%4 == 3 {
							first()
							second()
						} else {
							together(first, second)
						}
					})
				})
			}
		})
	}
	p.attempt("one of which has more layers", func() {
		pair, direct := twoOf(3, 3)
		more, moreDirect := p.newLearner(3), p.newLearner(3)
		compare(0, pair, direct, func(first, second func()) {
			moreDirect.step(0)
			together(func() {
				first()
				together(func() { more.step(0) }, func() {})
			}, second)
		})
		equal(p, "more", p.download(more.results[0]), p.download(moreDirect.results[0]))
	})
	p.attempt("a mistake of the caller", func() {
		l := p.newLearner(2)
		mistaken := func() { p.device.Add(l.loss, l.loss, l.dense) }
		for i, call := range []func(){
			func() { together(func() { l.step(0); mistaken() }, func() {}) },
			func() { together(func() { l.step(0) }, mistaken) },
		} {
			if panicOf(call) == nil {
				p.failf("Add of 1x1 and 5x5 on side %d: got no panic", i)
			}
		}
		pair, direct := twoOf(2, 2)
		compare(0, pair, direct, together)
	})
}
