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

// New returns a zeroed [rows, cols] tensor.
func (b *Backend) New(rows, cols int) (backend.Tensor, error) {
	n, err := backend.CheckNew(rows, cols)
	if err != nil {
		return backend.Tensor{}, err
	}
	a, err := b.newBuffer(backend.Allocation{Owner: b, Len: n})
	if err != nil {
		return backend.Tensor{}, fmt.Errorf("cuda: New: a tensor of %dx%d: %w", rows, cols, err)
	}
	return backend.Tensor{Buf: a, Rows: rows, Cols: cols}, nil
}

// NewInts returns n zeros.
func (b *Backend) NewInts(n int) (backend.Ints, error) {
	backend.CheckNewInts(n)
	a, err := b.newBuffer(backend.Allocation{Owner: b, Len: n, Integer: true})
	if err != nil {
		return backend.Ints{}, fmt.Errorf("cuda: NewInts: %d integers: %w", n, err)
	}
	return backend.Ints{Buf: a, N: n}, nil
}

func (b *Backend) newBuffer(allocation backend.Allocation) (*buffer, error) {
	b.outsideReplay("New")
	a := &buffer{Allocation: allocation}
	switch {
	case b.closed:
		return nil, backend.ErrClosed
	case b.err != nil:
		return nil, b.err
	case a.Len > 0:
		var err error
		if a.pointer, err = b.allocate(a.bytes()); err != nil {
			return nil, err
		}
		b.queued("New", b.device.Fill32(a.pointer, 0, int64(a.Len), b.stream))
	}
	b.live[a] = struct{}{}
	return a, b.err
}

// Free releases an allocation.
func (b *Backend) Free(buf backend.Buffer) {
	backend.CheckFree(b, buf)
	b.outsideReplay("Free")
	a := buf.(*buffer)
	delete(b.live, a)
	a.Freed = true
	b.recycle(a.pointer, a.bytes())
}

// allocate returns memory with any contents. It asks the driver only if none of
// this size has been freed: there is one stream, so what is done with the memory
// now comes after all that was done with it before.
func (b *Backend) allocate(bytes int64) (Pointer, error) {
	if list := b.free[bytes]; len(list) > 0 {
		b.free[bytes] = list[:len(list)-1]
		return list[len(list)-1], nil
	}
	p, err := b.device.Alloc(bytes)
	if errors.Is(err, ErrOutOfMemory) {
		b.purge()
		p, err = b.device.Alloc(bytes)
	}
	if !errors.Is(err, ErrOutOfMemory) {
		return p, err
	}
	free, total, infoErr := b.device.MemInfo()
	if infoErr != nil {
		return 0, infoErr
	}
	return 0, fmt.Errorf("%d bytes, with %d free of %d on %s: %w", bytes, free, total, b.info.Name, backend.ErrOutOfMemory)
}

// recycle keeps memory to give it out again.
func (b *Backend) recycle(p Pointer, bytes int64) {
	if p != 0 {
		b.free[bytes] = append(b.free[bytes], p)
	}
}

// purge gives the memory that is not in use back to the driver, which waits for
// the work that uses it.
func (b *Backend) purge() {
	for bytes, list := range b.free {
		for _, p := range list {
			b.keep("Free", b.device.Free(p))
		}
		delete(b.free, bytes)
	}
}

// releaseMemory frees all memory.
func (b *Backend) releaseMemory() {
	for a := range b.live {
		a.Freed = true
		b.recycle(a.pointer, a.bytes())
	}
	clear(b.live)
	b.recycle(b.workspace.pointer, b.workspace.bytes)
	b.recycle(b.scalars, scalarBytes)
	b.recycle(b.replay.scalars, int64(b.replay.scalarsBytes))
	b.recycle(b.lookups.fault, faultBytes)
	b.releaseTransfers()
	b.purge()
}

// workspace is memory for what an operation keeps between its kernels. All
// operations share it: there is one stream.
type workspace struct {
	pointer Pointer
	bytes   int64
}

// scratch returns memory for n floats until the end of op, null after an error.
func (b *Backend) scratch(op string, n int) uint64 {
	bytes := int64(n) * elementBytes
	if b.err == nil && bytes > b.workspace.bytes {
		b.dropGraphs(op) // which use the one that is here
		b.recycle(b.workspace.pointer, b.workspace.bytes)
		b.workspace = workspace{}
		p, err := b.allocate(bytes)
		if err != nil {
			b.keep(op, fmt.Errorf("workspace: %w", err))
			return 0
		}
		b.workspace = workspace{p, bytes}
	}
	return uint64(b.workspace.pointer)
}
