package backendtest

import "gputrain/backend"

var brokenPair = []control{
	{check: "Pair", mistake: func(b backend.Backend) backend.Backend { return pairsFirst{b.(fused)} }},
	{check: "Pair", mistake: func(b backend.Backend) backend.Backend { return pairsTwice{b.(fused)} }},
	{check: "Pair", mistake: func(b backend.Backend) backend.Backend { return &neverPairsAgain{fused: b.(fused)} }},
}

// pairsFirst forgets the second side.
type pairsFirst struct{ fused }

func (pairsFirst) Pair(first, _ func()) { first() }

// pairsTwice queues what it should only look at.
type pairsTwice struct{ fused }

func (pairsTwice) Pair(first, second func()) {
	first()
	second()
	second()
}

// neverPairsAgain is of no use after a panic.
type neverPairsAgain struct {
	fused
	within bool
}

func (b *neverPairsAgain) Pair(first, second func()) {
	if b.within {
		return
	}
	b.within = true
	first()
	second()
	b.within = false
}
