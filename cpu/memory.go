package cpu

import (
	"fmt"
	"unsafe"

	"gputrain/backend"
	"gputrain/internal/memorylimit"
)

// memory is what a backend has allocated.
type memory struct {
	limit, used int64  // in bytes
	source      string // of limit
	live        map[*buffer]struct{}
	closed      bool
}

// buffer is an allocation; floats or ints is nil.
type buffer struct {
	backend.Allocation
	floats []float32
	ints   []int32
}

const elementBytes = 4 // of a float32 and of an int32

// newMemory returns an empty memory of limit bytes. 0 means what this process may
// still take. There must be a limit, since Go ends the process when the system has no
// memory left.
func newMemory(limit int64) (memory, error) {
	if limit < 0 {
		return memory{}, fmt.Errorf("MemoryLimit is %d, want 0 or more", limit)
	}
	source := "Options.MemoryLimit"
	if limit == 0 {
		var process memorylimit.Limit
		if limit, process = memorylimit.Left(); limit == 0 {
			return memory{}, fmt.Errorf("no memory is left of %v", process)
		}
		source = "what is left of " + process.String()
	}
	return memory{limit: limit, source: source, live: make(map[*buffer]struct{})}, nil
}

func (m *memory) close() {
	for a := range m.live {
		m.release(a)
	}
	m.closed = true
}

func (m *memory) release(a *buffer) {
	delete(m.live, a)
	m.used -= int64(a.Len) * elementBytes
	a.Freed = true
	a.floats, a.ints = nil, nil
}

// reserve counts n elements as taken.
func (m *memory) reserve(n int) error {
	if m.closed {
		return backend.ErrClosed
	}
	if int64(n) > (m.limit-m.used)/elementBytes {
		return fmt.Errorf("%.0f bytes, with %d in use of %d, %s: %w",
			float64(n)*elementBytes, m.used, m.limit, m.source, backend.ErrOutOfMemory)
	}
	m.used += int64(n) * elementBytes
	return nil
}

// New implements backend.Memory.
func (c *Backend) New(rows, cols int) (backend.Tensor, error) {
	n, err := backend.CheckNew(rows, cols)
	if err != nil {
		return backend.Tensor{}, err
	}
	if err := c.reserve(n); err != nil {
		return backend.Tensor{}, fmt.Errorf("cpu: New: a tensor of %dx%d: %w", rows, cols, err)
	}
	a := &buffer{Allocation: backend.Allocation{Owner: c, Len: n}, floats: aligned(n)}
	c.live[a] = struct{}{}
	return backend.Tensor{Buf: a, Rows: rows, Cols: cols}, nil
}

// NewInts implements backend.Memory.
func (c *Backend) NewInts(n int) (backend.Ints, error) {
	backend.CheckNewInts(n)
	if err := c.reserve(n); err != nil {
		return backend.Ints{}, fmt.Errorf("cpu: NewInts: %d integers: %w", n, err)
	}
	a := &buffer{Allocation: backend.Allocation{Owner: c, Len: n, Integer: true}, ints: make([]int32, n)}
	c.live[a] = struct{}{}
	return backend.Ints{Buf: a, N: n}, nil
}

// aligned returns n zeros that start at a cache line, so that few vectors lie across
// two lines. A BLAS may add in an order that depends on the address modulo 16: for it,
// the same bits run after run need the same alignment.
func aligned(n int) []float32 {
	const line = 64
	storage := make([]float32, n+line/elementBytes)
	past := int(uintptr(unsafe.Pointer(&storage[0])) % line / elementBytes)
	start := (line/elementBytes - past) % (line / elementBytes)
	return storage[start : start+n : start+n]
}

// Free implements backend.Memory.
func (c *Backend) Free(buf backend.Buffer) {
	backend.CheckFree(c, buf)
	c.release(buf.(*buffer))
	c.jobs = jobs{} // which may still hold the memory
}

// Upload implements backend.Memory.
func (c *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(c, dst, len(src))
	if c.err == nil {
		copy(floats(dst), src)
	}
}

// UploadInts implements backend.Memory.
func (c *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(c, dst, len(src))
	if c.err == nil {
		copy(ints(dst), src)
	}
}

// Download implements backend.Memory.
func (c *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(c, len(dst), src)
	if c.err == nil {
		copy(dst, floats(src))
	}
	return c.err
}

// DownloadInts implements backend.Memory.
func (c *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(c, len(dst), src)
	if c.err == nil {
		copy(dst, ints(src))
	}
	return c.err
}

// floats returns the elements of t, row-major; nil if t is absent.
func floats(t backend.Tensor) []float32 {
	if !t.Present() {
		return nil
	}
	return t.Buf.(*buffer).floats[t.Off : t.Off+t.Size()]
}

// ints returns the elements of t.
func ints(t backend.Ints) []int32 {
	return t.Buf.(*buffer).ints[t.Off : t.Off+t.N]
}
