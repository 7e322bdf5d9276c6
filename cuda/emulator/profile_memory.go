package emulator

import (
	"math/bits"
	"slices"
)

// measure counts what a warp's request costs the memory system. g is nil if no register has
// the addresses.
func (w *warp) measure(a *access, base *lanes, mask uint32, g *gather) {
	e := &w.block.stats.events
	at := a.space
	if at == generic {
		at, _ = spaceOf(a.at(base[lowest(mask)]))
	}
	switch at {
	case global:
		e.GlobalRequests++
		e.GlobalBytes += uint64(bits.OnesCount32(mask) * a.bytes())
		if n := uint64(a.bytes()); g != nil && g.pattern == pattern(n) {
			first := a.at(base[0])
			e.GlobalSectors += (first+32*n-1)>>5 - first>>5 + 1
			w.touch(first, 32*n)
		} else {
			e.GlobalSectors += w.touchEach(a, base, mask)
		}
	case shared:
		e.SharedRequests++
		if g == nil {
			g = w.gatherEach(a, base, mask)
		}
		if g.pattern != 0 && g.pattern != pattern(a.bytes()) {
			e.BankConflicts += g.bankConflicts(a)
		}
	}
}

// A footprint is the sectors that a launch touches: a bit for each, by region.
type footprint struct {
	touched map[*region][]uint64
	region  *region // the last one
	bits    []uint64
}

// touch marks the sectors of n bytes. Addresses outside of memory are left to the checks.
func (w *warp) touch(address, n uint64) {
	f, r := &w.block.stats.footprint, w.regionOf(address)
	if r == nil || n > r.size-(address-r.base) {
		return
	}
	if r != f.region {
		f.region, f.bits = r, f.touched[r]
		if f.bits == nil {
			f.bits = make([]uint64, (r.size+64*32-1)/(64*32))
			f.touched[r] = f.bits
		}
	}
	for s := (address - r.base) >> 5; s <= (address-r.base+n-1)>>5; s++ {
		f.bits[s>>6] |= 1 << (s & 63)
	}
}

func (f *footprint) add(other footprint) {
	for r, touched := range other.touched {
		mine := f.touched[r]
		if mine == nil {
			f.touched[r] = touched
			continue
		}
		for i, word := range touched {
			mine[i] |= word
		}
	}
}

func (f *footprint) sectors() (n uint64) {
	for _, touched := range f.touched {
		for _, word := range touched {
			n += uint64(bits.OnesCount64(word))
		}
	}
	return n
}

// touchEach marks the sectors of 32 bytes that the lanes touch, and counts the distinct ones.
func (w *warp) touchEach(a *access, base *lanes, mask uint32) uint64 {
	var seen [32]uint64
	n := 0
	last := ^uint64(0)
	sorted := true
	for m := mask; m != 0; m &= m - 1 {
		at := a.at(base[bits.TrailingZeros32(m)&31])
		sector := at >> 5
		if sector == last {
			continue
		}
		w.touch(at, uint64(a.bytes()))
		sorted = sorted && (n == 0 || sector > last)
		last = sector
		seen[n&31] = sector
		n++
	}
	if !sorted {
		slices.Sort(seen[:n])
		return uint64(len(slices.Compact(seen[:n])))
	}
	return uint64(n)
}

// bankConflicts counts the extra wavefronts that conflicts cost a request to shared
// memory. The memory has 32 banks of 4 bytes. A request of 8 bytes per lane is served
// in two halves of the warp, one of 16 bytes in four quarters. Lanes that want the
// same word share it.
func bankConflicts(a *access, base *lanes, mask uint32) uint64 {
	words := max(a.bytes()/4, 1)
	group := 32 / words
	extra := uint64(0)
	for first := 0; first < 32; first += group {
		part := mask >> first << first
		if first+group < 32 {
			part &= 1<<(first+group) - 1
		}
		if part != 0 {
			extra += uint64(wavefronts(a, base, part, words) - 1)
		}
	}
	return extra
}

// wavefronts returns how often the busiest bank must be read.
func wavefronts(a *access, base *lanes, mask uint32, words int) int {
	var (
		first  [32]uint32 // the first word wanted from each bank, plus 1
		others [32]uint32 // the other words wanted
		count  [32]uint8  // how many others each bank has
		n      int
		most   = uint8(1)
	)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		start := uint32(a.at(base[lane]) >> 2)
		for word := start; word < start+uint32(words); word++ {
			bank := word & 31
			switch {
			case first[bank] == word+1:
			case first[bank] == 0:
				first[bank] = word + 1
			case !slices.Contains(others[:n], word):
				others[n] = word
				n++
				count[bank]++
				most = max(most, count[bank]+1)
			}
		}
	}
	return int(most)
}
