package cuda

import (
	"fmt"

	"gputrain/backend"
)

// lookups are the operations since the last check that look up rows or columns
// by integers. Kernels cannot fail: they note the first integer that is out of
// range in a word on the device, the fault, which the host reads when it waits.
type lookups struct {
	fault Pointer
	list  []lookup
}

// lookup is an operation, the integers it takes, and what they index.
type lookup struct {
	op, name string
	ids      backend.Ints
	writes   int    // of ids, so far
	limit    int    // integers are at least 0 and less than this
	target   string // says so: "x has %d rows"
}

const (
	faultBytes  = 8
	maxLookups  = 1024
	noFault     = 1<<64 - 1
	noFaultWord = 1<<32 - 1
)

func (b *Backend) prepareLookups() error {
	var err error
	b.lookups.list = make([]lookup, 0, maxLookups)
	if b.lookups.fault, err = b.allocate(faultBytes); err != nil {
		return err
	}
	return b.device.Fill32(b.lookups.fault, noFaultWord, faultBytes/4, b.stream)
}

// lookup notes an operation and returns the two last arguments of its kernel,
// the fault and the call.
func (b *Backend) lookup(l lookup) (fault, call uint64) {
	if len(b.lookups.list) == maxLookups {
		b.checkLookups()
	}
	l.writes = l.ids.Buf.(*buffer).writes
	b.lookups.list = append(b.lookups.list, l)
	return uint64(b.lookups.fault), uint64(len(b.lookups.list)-1) << 32
}

// checkLookups waits and makes an integer that is out of range a sticky error.
func (b *Backend) checkLookups() {
	if len(b.lookups.list) == 0 {
		return
	}
	if fault := [1]uint64{noFault}; b.err == nil {
		b.read("Sync", bytesOf(fault[:]), b.lookups.fault)
		if fault[0] != noFault && b.err == nil {
			b.err = b.describe(b.lookups.list[fault[0]>>32], int(fault[0]&noFaultWord))
		}
	}
	clear(b.lookups.list) // so that buffers are not kept
	b.lookups.list = b.lookups.list[:0]
}

// describe makes the error of a lookup whose integer i is out of range. The
// integer may be gone by now.
func (b *Backend) describe(l lookup, i int) error {
	target := fmt.Sprintf(l.target, l.limit)
	if ids := l.ids.Buf.(*buffer); ids.Freed || ids.writes != l.writes {
		return fmt.Errorf("cuda: %s: %s[%d] was out of range, %s", l.op, l.name, i, target)
	}
	var id [1]int32
	b.read(l.op, bytesOf(id[:]), at(l.ids.Buf, l.ids.Off+i))
	return fmt.Errorf("cuda: %s: %s[%d] is %d, %s", l.op, l.name, i, id[0], target)
}
