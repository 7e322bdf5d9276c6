package gl

import (
	"fmt"
	"slices"

	"gputrain/backend"
)

// lookups are the operations since the last check that look up rows or columns by
// integers. A shader cannot return an error. It notes the position of the first integer
// that is out of range in a word on the device, one for each operation, and the host
// reads these when it waits anyway.
type lookups struct {
	fault window
	list  []lookup
	read  []uint32
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
	maxLookups = 1024
	noFault    = 1<<32 - 1
)

func (d *Backend) prepareLookups() error {
	name, err := d.allocate("Open", maxLookups)
	if err != nil {
		return err
	}
	d.lookups = lookups{
		fault: window{buffer: name},
		list:  make([]lookup, 0, maxLookups),
		read:  slices.Repeat([]uint32{noFault}, maxLookups),
	}
	d.write("Open", d.lookups.fault, bytesOf(d.lookups.read))
	return d.Err()
}

// lookup notes an operation. It returns the operand for the faults and the number of
// the lookup.
func (d *Backend) lookup(l lookup) (fault window, call uint32) {
	s := &d.lookups
	if len(s.list) == maxLookups {
		d.checkLookups()
	}
	l.writes = l.ids.Buf.(*buffer).writes
	s.list = append(s.list, l)
	return s.fault, uint32(len(s.list) - 1)
}

// checkLookups waits if there were any. If an integer was out of range, the error
// sticks.
func (d *Backend) checkLookups() {
	s := &d.lookups
	if len(s.list) == 0 {
		return
	}
	faults := s.read[:len(s.list)]
	d.read("Sync", bytesOf(faults), s.fault)
	if d.Err() == nil {
		call := slices.IndexFunc(faults, func(position uint32) bool { return position != noFault })
		if call >= 0 {
			d.keep(s.list[call].op, d.describe(s.list[call], int(faults[call])))
		}
	}
	clear(s.list) // so that it keeps no buffers alive
	s.list = s.list[:0]
}

// describe makes the error of a lookup whose integer i was out of range. The integer
// may have been overwritten or freed since.
func (d *Backend) describe(l lookup, i int) error {
	target := fmt.Sprintf(l.target, l.limit)
	if ids := l.ids.Buf.(*buffer); ids.Freed || ids.writes != l.writes {
		return fmt.Errorf("%s[%d] was out of range, %s", l.name, i, target)
	}
	var id [1]int32
	d.read(l.op, bytesOf(id[:]), ofInts(l.ids).beyond(i))
	return fmt.Errorf("%s[%d] is %d, %s", l.name, i, id[0], target)
}
