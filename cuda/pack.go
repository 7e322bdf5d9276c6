package cuda

import (
	"fmt"

	"gputrain/backend"
	"gputrain/kernels"
)

// slabs holds packed operands of products on tensor cores (kernels/mma.cuh). Those of one
// product take the place of those before, except what an operation keeps: an operand of
// several of its products, which nothing writes in between.
type slabs struct {
	memory workspace
	used   int        // bytes that kept operands take
	keep   [2]operand // of the current operation
	kept   []packed   // those that are packed already
}

// operand is one of several products of an operation.
type operand struct {
	backend.Tensor
	transposed backend.Transpose
	uses       int // products
}

// packed is a tensor that is packed in a certain way.
type packed struct {
	tensor  backend.Tensor
	packing kernels.Packing
	at      Pointer
}

// keepPacked begins to keep up to two operands of an operation, until the returned function is called.
// From the first product on that has such an operand, nothing may write to it.
func (d *Backend) keepPacked(operands ...operand) (done func()) {
	s := &d.slabs
	copy(s.keep[:], operands)
	return func() { s.keep, s.kept, s.used = [2]operand{}, s.kept[:0], 0 }
}

// uses returns how many products take an operand as it is packed for one of them.
func (d *Backend) uses(x backend.Tensor, transposed backend.Transpose) int {
	for _, o := range d.slabs.keep {
		if o.Tensor == x && o.transposed == transposed {
			return max(1, o.uses)
		}
	}
	return 1
}

// pack packs the operands of a product and returns their addresses, null after an error.
func (d *Backend) pack(a backend.Tensor, packA kernels.Packing, b backend.Tensor, packB kernels.Packing) (slabsA, slabsB uint64) {
	if !d.reserveSlabs("Gemm", d.unpacked(a, packA)+d.unpacked(b, packB)) {
		return 0, 0
	}
	next := d.slabs.used
	return d.packOne(a, packA, &next), d.packOne(b, packB, &next)
}

// unpacked returns the bytes that packing an operand takes, 0 if that is done.
func (d *Backend) unpacked(x backend.Tensor, p kernels.Packing) int {
	if d.keptAt(x, p) != 0 {
		return 0
	}
	return p.Bytes
}

// keptAt returns where an operand is packed already, or null.
func (d *Backend) keptAt(x backend.Tensor, p kernels.Packing) Pointer {
	for _, k := range d.slabs.kept {
		if k.tensor == x && k.packing == p {
			return k.at
		}
	}
	return 0
}

// reserveSlabs makes room for so many bytes behind kept operands, which may move. It returns
// false after an error.
func (d *Backend) reserveSlabs(op string, bytes int) bool {
	s := &d.slabs
	if bytes := int64(s.used + bytes); d.err == nil && bytes > s.memory.bytes {
		d.dropGraphs(op) // which use the old memory
		old := s.memory
		if s.used == 0 {
			d.recycle(old.pointer, old.bytes)
			old, s.memory = workspace{}, workspace{}
		}
		p, err := d.allocate(bytes)
		if err != nil {
			d.keep(op, fmt.Errorf("packed operands: %w", err))
			return false
		}
		s.memory = workspace{p, bytes}
		if old.bytes > 0 {
			d.queued(op, d.device.CopyOnDevice(p, old.pointer, int64(s.used), d.stream))
			for i := range s.kept {
				s.kept[i].at += p - old.pointer
			}
			d.recycle(old.pointer, old.bytes)
		}
	}
	return d.err == nil
}

// packOne packs an operand at byte next, unless that is done.
func (d *Backend) packOne(x backend.Tensor, p kernels.Packing, next *int) uint64 {
	s := &d.slabs
	if at := d.keptAt(x, p); at != 0 {
		return uint64(at)
	}
	at := s.memory.pointer + Pointer(*next)
	*next += p.Bytes
	if p.Uses > 1 {
		s.kept = append(s.kept, packed{x, p, at})
		s.used = *next
	}
	if p.Bytes > 0 {
		d.launch("Gemm", p.Kernel, p.Launch, uint64(at), address(x), uint64(p.Rows), uint64(p.K), uint64(p.Padded))
	}
	return uint64(at)
}
