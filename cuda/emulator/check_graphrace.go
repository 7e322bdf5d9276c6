package emulator

import (
	"fmt"

	"github.com/ianlancetaylor/demangle"
)

// A race of a graph: two nodes touch the same byte of global memory, one of them writes, and
// nothing orders the two nodes. Strong accesses, such as atomic operations, do not race with
// each other, as among the blocks of a launch.
//
// The emulator does one node after the other. So memory remembers, for each branch, the last
// node that has touched a byte. That is enough: a node that comes after the last of a branch
// comes after those before it too.

// A trail is what the nodes of a branch have touched, by the page of memory.
type trail map[uint64]*page

const pageBytes = 1024

// A page has the last touches of each byte: of each kind, since one kind does not hide another.
type page [touchKinds][pageBytes]nodeTouch

const (
	readWeakly = iota
	writtenWeakly
	readStrongly
	writtenStrongly
	touchKinds
)

// A nodeTouch is the number of a node, from 1, and the site in its kernel; 0 is none.
type nodeTouch struct {
	node int32
	site uint16
}

// touch notes that the node touches n bytes at an address. It returns a touch by another
// node, and its kind, if the two race.
func (v *visit) touch(address, n uint64, kind int, site uint16) (other nodeTouch, otherKind int) {
	for end := address + n; address < end; {
		number, at := address/pageBytes, address%pageBytes
		size := min(end-address, pageBytes-at)
		for branch, trail := range v.launch.trails {
			p := trail[number]
			if branch == v.branch || p == nil {
				continue
			}
			for otherKind := range touchKinds {
				if !conflict(kind, otherKind) {
					continue
				}
				for _, other := range p[otherKind][at : at+size] {
					if other.node != 0 && !v.follows(v.launch.graph.nodes[other.node-1]) {
						return other, otherKind
					}
				}
			}
		}
		mine := v.launch.trails[v.branch]
		if mine == nil {
			mine = trail{}
			v.launch.trails[v.branch] = mine
		}
		p := mine[number]
		if p == nil {
			p = &page{}
			mine[number] = p
		}
		for i := range size {
			p[kind][at+i] = nodeTouch{int32(v.number + 1), site}
		}
		address += size
	}
	return nodeTouch{}, 0
}

// conflict tells whether two kinds of touches race if nothing orders them.
func conflict(a, b int) bool {
	return (writes(a) || writes(b)) && (a < readStrongly || b < readStrongly)
}

func writes(kind int) bool { return kind == writtenWeakly || kind == writtenStrongly }

// side describes a touch for the report of a race.
func (v *visit) side(t nodeTouch) *Side {
	other := v.launch.visits[t.node-1]
	s := &Side{Node: other.name}
	if p := other.program; p != nil && t.site > 0 {
		s.Line = p.sites[t.site-1]
		s.Text, s.Source = p.module.line(s.Line), p.module.source(s.Line)
	}
	return s
}

// raced says in words how a touch races with what a node does.
func raced(does, where string, other *Side, kind int) string {
	did := "reads"
	if writes(kind) {
		did = "writes"
	}
	return fmt.Sprintf("%s %s, which %s %s in another branch of the graph; nothing orders the two", does, where, demangle.Filter(other.Node), did)
}

// claimInGraph notes an access for the branches beside this one, and reports a race. It
// returns false after a fault.
func (w *warp) claimInGraph(a *access, lane int, r *region, address uint64) bool {
	v, n := w.block.launch.visit, uint64(a.bytes())
	if r.base == w.block.launch.workspace {
		return true // a GPU has one for each launch
	}
	kind, does := readWeakly, "reads"
	if a.write {
		kind, does = writtenWeakly, "writes"
	}
	if a.strength == strongDevice {
		kind += readStrongly
	}
	v.program = w.program
	other, otherKind := v.touch(address, n, kind, a.site)
	if other.node == 0 {
		return true
	}
	side := v.side(other)
	w.fail(GlobalRace, lane, address, "%s", raced(fmt.Sprintf("%s %d bytes", does, n), w.place(global, address), side, otherKind))
	if f := w.block.fault; f != nil && f.Check == GlobalRace {
		f.Other = side
	}
	return w.block.fault == nil
}

// transfer notes a piece of a copy or fill, and returns the report of a race.
func (v *visit) transfer(m *deviceMemory, p piece, bytes int64) *Report {
	if v = v.watching(); v == nil {
		return nil
	}
	kind, does := readWeakly, "reads"
	if p.write {
		kind, does = writtenWeakly, "writes"
	}
	other, otherKind := v.touch(uint64(p.at), uint64(bytes), kind, 0)
	r := m.find(uint64(p.at))
	if other.node == 0 || r == nil {
		return nil
	}
	side := v.side(other)
	where := fmt.Sprintf("at 0x%x, offset %d of %v", p.at, uint64(p.at)-r.base, r)
	return &Report{Check: GlobalRace, Address: uint64(p.at), Other: side, Detail: raced(fmt.Sprintf("%s %d bytes", does, bytes), where, side, otherKind)}
}

// watching returns the visit if what the node touches may race, otherwise nil.
func (v *visit) watching() *visit {
	if v == nil || !v.parallel || v.launch.off {
		return nil
	}
	return v
}
