package cuda

import (
	"fmt"

	"gputrain/backend"
)

// lookups are the operations since the last check that look up rows or columns
// by integers. A kernel cannot return an error. It notes the first integer that is
// out of range in a word on the device, the fault, which the host reads when it
// waits.
type lookups struct {
	fault   Pointer
	list    []lookup // queued directly
	planned []lookup // in the current plan
	call    uint64   // number of the next lookup in the current capture
}

// lookup is an operation with its integers and their range.
type lookup struct {
	op, name string
	ids      backend.Ints
	writes   int    // how often ids had been written
	limit    int    // integers are at least 0 and less than limit
	target   string // format of limit in an error: "x has %d rows"
}

const (
	faultBytes  = 8
	maxLookups  = 1024
	noFault     = 1<<64 - 1
	noFaultWord = 1<<32 - 1
)

func (d *Backend) prepareLookups() error {
	var err error
	d.lookups.list = make([]lookup, 0, maxLookups)
	if d.lookups.fault, err = d.allocate(faultBytes); err != nil {
		return err
	}
	return d.device.Fill32(d.lookups.fault, noFaultWord, faultBytes/4, d.stream)
}

// A kernel knows its lookup by a number. The low bits are the position in the
// list, or in the lookups of a graph. The high bits are 0 for the list and count
// the graphs from 1.
const lookupBits = 20

func firstCall(graph int) uint64 { return uint64(1+graph) << lookupBits }

// lookup notes an operation. It returns the last two arguments of its kernel, the
// address of the fault and the number of the lookup.
func (d *Backend) lookup(l lookup) (fault, call uint64) {
	s := &d.lookups
	l.writes = l.ids.Buf.(*buffer).writes
	switch d.replay.mode {
	case planning:
		s.planned = append(s.planned, l)
		call = uint64(len(s.planned) - 1)
	case capturing:
		call = s.call
		s.call++
	default:
		if len(s.list) == maxLookups {
			d.checkLookups()
		}
		s.list = append(s.list, l)
		call = uint64(len(s.list) - 1)
	}
	return uint64(s.fault), call << 32
}

// noteLookups notes that a graph is launched with the lookups of the current plan.
func (d *Backend) noteLookups(g *graph) {
	if !g.launched {
		g.launched = len(g.lookups) > 0
		copy(g.lookups, d.lookups.planned)
	}
}

// checkLookups waits. If an integer was out of range, the error sticks.
func (d *Backend) checkLookups() {
	s := &d.lookups
	pending := len(s.list) > 0
	for _, g := range d.replay.graphs {
		pending = pending || g.launched
	}
	if !pending {
		return
	}
	if fault := [1]uint64{noFault}; d.err == nil {
		d.read("Sync", bytesOf(fault[:]), s.fault)
		if fault[0] != noFault && d.err == nil {
			l, call := s.list, fault[0]>>32
			if graph := call >> lookupBits; graph > 0 {
				l = d.replay.graphs[graph-1].lookups
			}
			d.err = d.describe(l[call&(1<<lookupBits-1)], int(fault[0]&noFaultWord))
		}
	}
	clear(s.list) // so that it keeps no buffers alive
	s.list = s.list[:0]
	for _, g := range d.replay.graphs {
		g.launched = false
	}
}

// describe makes the error of a lookup whose integer i was out of range. The
// integer may have been overwritten or freed since.
func (d *Backend) describe(l lookup, i int) error {
	target := fmt.Sprintf(l.target, l.limit)
	if ids := l.ids.Buf.(*buffer); ids.Freed || ids.writes != l.writes {
		return fmt.Errorf("cuda: %s: %s[%d] was out of range, %s", l.op, l.name, i, target)
	}
	var id [1]int32
	d.read(l.op, bytesOf(id[:]), at(l.ids.Buf, l.ids.Off+i))
	return fmt.Errorf("cuda: %s: %s[%d] is %d, %s", l.op, l.name, i, id[0], target)
}
