package emulator

import (
	"math/bits"
	"slices"
)

// allocate packs registers that are never live at the same time into one, so that a
// warp's registers stay in the processor's cache. It is worth it because a compiler
// uses a fresh register for almost every result. allocate returns the packed number
// of each register, and how many registers there are. Data and predicates are counted
// separately.
//
// The analysis looks at a single thread. That is enough, because every lane has its
// own storage and follows its own path.
func allocate(f *function, fl *flow, uses, defs [][]int32) (mapping []int32, data, predicates int) {
	live := newLiveness(f, fl, uses, defs)
	const many = 1 << 13 // the sets of conflicts grow with the square
	if len(f.registers) > many {
		return allocateByRange(f, live, uses, defs)
	}
	mapping = make([]int32, len(f.registers))
	for i := range mapping {
		mapping[i] = absent
	}
	// conflicts[r] is the set of registers that are live where r is written, or that
	// are written where r is live.
	words := (len(f.registers) + 63) / 64
	storage := make(bitset, words*len(f.registers))
	conflicts := make([]bitset, len(f.registers))
	for r := range conflicts {
		conflicts[r] = storage[r*words : (r+1)*words]
	}
	live.visit(func(i int, after bitset) {
		for _, d := range defs[i] {
			conflicts[d].addAll(after)
			for _, other := range defs[i] {
				conflicts[d].add(other)
			}
		}
	})
	for a := range conflicts {
		conflicts[a].each(func(b int32) { conflicts[b].add(int32(a)) })
	}
	taken := make(bitset, words)
	for i := range f.body {
		for _, list := range [][]int32{uses[i], defs[i]} {
			for _, r := range list {
				if mapping[r] != absent {
					continue
				}
				clear(taken)
				conflicts[r].each(func(other int32) {
					if other != r && mapping[other] != absent && (f.registers[r].kind == pred) == (f.registers[other].kind == pred) {
						taken.add(mapping[other])
					}
				})
				n := taken.firstFree()
				mapping[r] = n
				if f.registers[r].kind == pred {
					predicates = max(predicates, int(n)+1)
				} else {
					data = max(data, int(n)+1)
				}
			}
		}
	}
	for i := range mapping {
		mapping[i] = max(mapping[i], 0) // never read or written
	}
	return mapping, data, predicates
}

// allocateByRange is allocate for a function of very many registers. It takes a register
// for live from the first position where it may be live to the last.
func allocateByRange(f *function, live *liveness, uses, defs [][]int32) (mapping []int32, data, predicates int) {
	type span struct {
		register    int32
		first, last int
	}
	spans := make([]span, len(f.registers))
	for r := range spans {
		spans[r] = span{int32(r), len(f.body), -1}
	}
	extend := func(r int32, at int) {
		spans[r].first, spans[r].last = min(spans[r].first, at), max(spans[r].last, at)
	}
	out := make(bitset, (len(f.registers)+63)/64)
	for b, in := range live.in {
		in.each(func(r int32) { extend(r, live.first[b]) })
		live.out(b, out)
		out.each(func(r int32) { extend(r, live.first[b+1]) })
	}
	for i := range f.body {
		for _, list := range [][]int32{uses[i], defs[i]} {
			for _, r := range list {
				extend(r, i)
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return a.first - b.first })
	mapping = make([]int32, len(f.registers))
	counts := [2]*int{&data, &predicates}
	var until [2][]int // the last position of each packed register's present owner
	for _, s := range spans {
		if s.last < 0 {
			continue // never read or written
		}
		class := 0
		if f.registers[s.register].kind == pred {
			class = 1
		}
		n := slices.IndexFunc(until[class], func(last int) bool { return last < s.first })
		if n < 0 {
			n = len(until[class])
			until[class] = append(until[class], 0)
			*counts[class]++
		}
		until[class][n] = s.last
		mapping[s.register] = int32(n)
	}
	return mapping, data, predicates
}

// A liveness says which registers a thread may still read.
type liveness struct {
	fl         *flow
	uses, defs [][]int32
	guarded    []bool
	in         []bitset // live at the start of each basic block
	blockOf    []int
	first      []int // position of each block, and one past the last
}

func newLiveness(f *function, fl *flow, uses, defs [][]int32) *liveness {
	n := len(f.body) + 1
	l := &liveness{fl: fl, uses: append(uses, nil), defs: append(defs, nil), guarded: make([]bool, n)}
	leader := make([]bool, n+1)
	leader[0], leader[n] = true, true
	for i := range f.body {
		l.guarded[i] = f.body[i].guard != absent
		if len(fl.next[i]) != 1 || fl.next[i][0] != i+1 {
			leader[i+1] = true
			for _, to := range fl.next[i] {
				leader[to] = true
			}
		}
	}
	l.blockOf = make([]int, n)
	for i := range n {
		if leader[i] {
			l.first = append(l.first, i)
		}
		l.blockOf[i] = len(l.first) - 1
	}
	l.first = append(l.first, n)
	words := (len(f.registers) + 63) / 64
	l.in = make([]bitset, len(l.first)-1)
	for b := range l.in {
		l.in[b] = make(bitset, words)
	}
	set := make(bitset, words)
	for changed := true; changed; {
		changed = false
		for b := len(l.in) - 1; b >= 0; b-- {
			l.out(b, set)
			for i := l.first[b+1] - 1; i >= l.first[b]; i-- {
				l.step(i, set)
			}
			if !slices.Equal(set, l.in[b]) {
				copy(l.in[b], set)
				changed = true
			}
		}
	}
	return l
}

// out fills set with the registers that are live after block b.
func (l *liveness) out(b int, set bitset) {
	clear(set)
	for _, to := range l.fl.next[l.first[b+1]-1] {
		set.addAll(l.in[l.blockOf[to]])
	}
}

// step turns the set that is live after position i into the set that is live before
// it. A guarded instruction may leave its result unchanged, so the result stays live.
func (l *liveness) step(i int, set bitset) {
	if !l.guarded[i] {
		for _, r := range l.defs[i] {
			set.remove(r)
		}
	}
	for _, r := range l.uses[i] {
		set.add(r)
	}
}

// visit calls do with each position and the set that is live after it.
func (l *liveness) visit(do func(i int, after bitset)) {
	set := make(bitset, len(l.in[0]))
	for b := range l.in {
		l.out(b, set)
		for i := l.first[b+1] - 1; i >= l.first[b]; i-- {
			if i < len(l.guarded)-1 {
				do(i, set)
			}
			l.step(i, set)
		}
	}
}

type bitset []uint64

func (s bitset) add(i int32)    { s[i>>6] |= 1 << (i & 63) }
func (s bitset) remove(i int32) { s[i>>6] &^= 1 << (i & 63) }
func (s bitset) addAll(t bitset) {
	for w, word := range t {
		s[w] |= word
	}
}

func (s bitset) each(do func(int32)) {
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			do(int32(w<<6 + bits.TrailingZeros64(word)))
		}
	}
}

func (s bitset) firstFree() int32 {
	for w, word := range s {
		if word != ^uint64(0) {
			return int32(w<<6 + bits.TrailingZeros64(^word))
		}
	}
	return int32(len(s) << 6)
}
