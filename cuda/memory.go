package cuda

import (
	"errors"
	"fmt"

	"gputrain/backend"
)

// buffer is an allocation. An empty one has no memory.
type buffer struct {
	backend.Allocation
	pointer Pointer
	writes  int // how often integers have been written to it
}

const elementBytes = 4 // of a float32 and of an int32

func (a *buffer) bytes() int64 { return int64(a.Len) * elementBytes }

// New implements backend.Memory.
func (d *Backend) New(rows, cols int) (backend.Tensor, error) {
	n, err := backend.CheckNew(rows, cols)
	if err != nil {
		return backend.Tensor{}, err
	}
	a, err := d.newBuffer(backend.Allocation{Owner: d, Len: n})
	if err != nil {
		return backend.Tensor{}, fmt.Errorf("cuda: New: a tensor of %dx%d: %w", rows, cols, err)
	}
	return backend.Tensor{Buf: a, Rows: rows, Cols: cols}, nil
}

// NewInts implements backend.Memory.
func (d *Backend) NewInts(n int) (backend.Ints, error) {
	backend.CheckNewInts(n)
	a, err := d.newBuffer(backend.Allocation{Owner: d, Len: n, Integer: true})
	if err != nil {
		return backend.Ints{}, fmt.Errorf("cuda: NewInts: %d integers: %w", n, err)
	}
	return backend.Ints{Buf: a, N: n}, nil
}

func (d *Backend) newBuffer(allocation backend.Allocation) (*buffer, error) {
	d.outsideReplay("New")
	a := &buffer{Allocation: allocation}
	switch {
	case d.closed:
		return nil, backend.ErrClosed
	case d.err != nil:
		return nil, d.err
	case a.Len > 0:
		var err error
		if a.pointer, err = d.allocate(a.bytes()); err != nil {
			return nil, err
		}
		d.queued("New", d.device.Fill32(a.pointer, 0, int64(a.Len), d.stream))
	}
	d.live[a] = struct{}{}
	return a, d.err
}

// Free implements backend.Memory.
func (d *Backend) Free(buf backend.Buffer) {
	backend.CheckFree(d, buf)
	d.outsideReplay("Free")
	a := buf.(*buffer)
	delete(d.live, a)
	a.Freed = true
	d.recycle(a.pointer, a.bytes())
}

// allocate returns memory with unspecified contents. It asks the driver only if no
// memory of this size is free. Freed memory is safe to use: there is one stream,
// so new work on it runs after all earlier work.
func (d *Backend) allocate(bytes int64) (Pointer, error) {
	if list := d.free[bytes]; len(list) > 0 {
		d.free[bytes] = list[:len(list)-1]
		return list[len(list)-1], nil
	}
	p, err := d.device.Alloc(bytes)
	if errors.Is(err, ErrOutOfMemory) {
		d.purge()
		p, err = d.device.Alloc(bytes)
	}
	if !errors.Is(err, ErrOutOfMemory) {
		return p, err
	}
	free, total, infoErr := d.device.MemInfo()
	if infoErr != nil {
		return 0, infoErr
	}
	return 0, fmt.Errorf("%d bytes, with %d free of %d on %s: %w", bytes, free, total, d.info.Name, backend.ErrOutOfMemory)
}

// recycle keeps memory for allocate to use again.
func (d *Backend) recycle(p Pointer, bytes int64) {
	if p != 0 {
		d.free[bytes] = append(d.free[bytes], p)
	}
}

// purge gives unused memory back to the driver. The driver waits for queued work
// that still uses it.
func (d *Backend) purge() {
	for bytes, list := range d.free {
		for _, p := range list {
			d.keep("Free", d.device.Free(p))
		}
		delete(d.free, bytes)
	}
}

// releaseMemory frees all memory.
func (d *Backend) releaseMemory() {
	for a := range d.live {
		a.Freed = true
		d.recycle(a.pointer, a.bytes())
	}
	clear(d.live)
	for _, b := range []branch{d.branch, d.other} {
		d.recycle(b.workspace.pointer, b.workspace.bytes)
		d.recycle(b.slabs.memory.pointer, b.slabs.memory.bytes)
		d.recycle(b.arrivals, d.arrivalBytes())
	}
	d.recycle(d.scalars, scalarBytes)
	d.recycle(d.replay.scalars, int64(d.replay.scalarsBytes))
	d.recycle(d.lookups.fault, faultBytes)
	d.releaseTransfers()
	d.purge()
}

// workspace is memory for intermediate results between the kernels of an
// operation. All operations of a branch share it, since they run one after the other.
type workspace struct {
	pointer Pointer
	bytes   int64
}

// scratch returns memory for n floats until the end of op. After an error it
// returns null.
func (d *Backend) scratch(op string, n int) uint64 {
	bytes := int64(n) * elementBytes
	if d.err == nil && bytes > d.workspace.bytes {
		d.dropGraphs(op) // which use the old workspace
		d.recycle(d.workspace.pointer, d.workspace.bytes)
		d.workspace = workspace{}
		p, err := d.allocate(bytes)
		if err != nil {
			d.keep(op, fmt.Errorf("workspace: %w", err))
			return 0
		}
		d.workspace = workspace{p, bytes}
	}
	return uint64(d.workspace.pointer)
}
