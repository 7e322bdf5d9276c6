package emulator

import "fmt"

// An access is how an instruction addresses memory.
type access struct {
	space  space
	base   int32 // operand that holds the address
	offset uint64
	mask   uint64 // bits of an address: 32 or 64
	size   int    // bytes of an element
	count  int    // elements
	write  bool
	atomic bool   // an update, which reads as well as it writes
	site   uint16 // see touch

	strength         strength
	acquire, release bool
	call             bool // to a parameter of a call, not of the kernel
	passing          bool // what is read only goes to memory again
	again            bool // the base has not changed since an access by it, whose lanes may be the same
}

func (a *access) bytes() int { return a.size * a.count }

// at returns the address for a value of the base operand. It wraps around as a
// register of its width does.
func (a *access) at(base uint64) uint64 { return (base + a.offset) & a.mask }

// reach runs all checks on the access of one lane. It returns the memory that the
// lane reaches and the position in it. It returns nil after a fault, and also where
// the access cannot be carried out although its check is switched off.
func (w *warp) reach(a *access, lane int, address uint64) (*memory, uint64) {
	n := uint64(a.bytes())
	if address&(n-1) != 0 {
		w.fail(Misaligned, lane, address, "an access of %d bytes at 0x%x, which is not a multiple of %d", n, address, n)
		if w.block.fault != nil {
			return nil, 0
		}
	}
	s, address := a.resolve(address)
	var m *memory
	var at uint64
	switch s {
	case global, constant:
		m, at = w.reachGlobal(a, lane, address, n)
	case shared:
		m, at = w.reachShared(a, lane, address, n)
	case local:
		m, at = w.reachLocal(lane, address, n)
	case parameter:
		m, at = w.reachParameter(a, lane, address, n)
	}
	switch {
	case m == nil:
	case a.atomic:
	case a.write:
		if m.written != nil {
			fill(m.written[at:at+n], 1)
		}
	case !m.hasValue(at, n) && !(a.passing && m.hasGaps(at, n)):
		if s == shared && w.racesWithCopy(lane, address, n) {
			return nil, 0
		}
		w.fail(Uninitialised, lane, address, "reads %d bytes %s, which nothing has written yet", n, w.place(s, address))
		if s == shared && w.block.fault != nil {
			w.block.suspect()
		}
		if w.block.fault != nil {
			return nil, 0
		}
	}
	return m, at
}

// resolve returns the state space of an address and the address within it.
func (a *access) resolve(address uint64) (space, uint64) {
	if a.space == generic {
		return spaceOf(address)
	}
	return a.space, address
}

// spaceOf returns the state space of a generic address and the address within it.
func spaceOf(address uint64) (space, uint64) {
	switch {
	case address-sharedWindow < sharedWindowSize:
		return shared, address - sharedWindow
	case address-localWindow < localWindowSize:
		return local, address - localWindow
	case address-parameterWindow < parameterWindowSize:
		return parameter, address - parameterWindow
	}
	return global, address
}

// place says where an address in live memory lies.
func (w *warp) place(s space, address uint64) string {
	if s == global || s == constant {
		r := w.regionOf(address)
		return fmt.Sprintf("at 0x%x, offset %d of %v", address, address-r.base, r)
	}
	return fmt.Sprintf("at address %d of %v memory", address, s)
}

func (w *warp) reachGlobal(a *access, lane int, address, n uint64) (*memory, uint64) {
	r := w.regionOf(address)
	if r == nil || n > r.size-(address-r.base) {
		w.missed(lane, address, n)
		return nil, 0
	}
	at := address - r.base
	switch {
	case a.write && r.readOnly:
		w.fail(ReadOnly, lane, address, "writes %d bytes at 0x%x, in constant %v", n, address, r)
		return nil, 0
	case w.block.launch.watchGlobal && !r.readOnly && !w.claimGlobal(a, lane, r, at, n):
		return nil, 0
	case w.block.launch.visit != nil && !r.readOnly && !w.claimInGraph(a, lane, r, address):
		return nil, 0
	}
	return &r.memory, at
}

// regionOf finds the region of an address. Most often it is the last one again.
func (w *warp) regionOf(address uint64) *region {
	if r := w.region; r != nil && address-r.base < r.size {
		return r
	}
	r := w.block.launch.memory.find(address)
	if r != nil {
		w.region = r
	}
	return r
}

// missed reports an address where no live global memory is.
func (w *warp) missed(lane int, address, n uint64) {
	if s, at := spaceOf(address); s != global {
		w.fail(WrongSpace, lane, address, "0x%x is not a global address: it is address %d of %v memory", address, at, s)
		return
	}
	check, why := w.block.launch.memory.explain(address, n)
	w.fail(check, lane, address, "%s", why)
}

func (w *warp) reachShared(a *access, lane int, address, n uint64) (*memory, uint64) {
	b := w.block
	size := uint64(len(b.shared.data))
	switch {
	case address >= sharedWindowSize:
		w.fail(WrongSpace, lane, address, "0x%x is not an address of shared memory", address)
		return nil, 0
	case address >= size || n > size-address:
		w.fail(OutOfBounds, lane, address, "%d bytes at address %d of shared memory end %d bytes past the end: the block has %d bytes",
			n, address, address+n-size, size)
		return nil, 0
	case b.launch.watchShared && !w.claimShared(a, lane, address, n):
		return nil, 0
	}
	return &b.shared, address
}

func (w *warp) reachLocal(lane int, address, n uint64) (*memory, uint64) {
	size := uint64(w.program.localStride)
	if address >= size || n > size-address {
		w.fail(OutOfBounds, lane, address, "%d bytes at address %d of local memory, but the thread has only %d bytes", n, address, size)
		return nil, 0
	}
	return &w.local, uint64(lane)*size + address
}

func (w *warp) reachParameter(a *access, lane int, address, n uint64) (*memory, uint64) {
	if a.call {
		return &w.calls, uint64(lane*w.program.callSize) + address
	}
	params := &w.block.launch.params
	switch size := uint64(len(params.data)); {
	case a.write:
		w.fail(ReadOnly, lane, address, "a kernel cannot write its parameters")
		return nil, 0
	case address >= size || n > size-address:
		w.fail(OutOfBounds, lane, address, "%d bytes at offset %d of the parameters, which have only %d bytes", n, address, size)
		return nil, 0
	}
	return params, address
}
