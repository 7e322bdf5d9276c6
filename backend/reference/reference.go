// Package reference defines every operation of gputrain/backend by an obvious
// loop over float64. It is a backend itself, slow and exact. Other backends are
// tested against it, and whole models run on it for gradient checks.
//
// It has no fused operations, so a layer takes the path of plain operations. That
// path defines the fused ones.
package reference

import (
	"fmt"

	"gputrain/backend"
)

// memoryLimit is the most bytes that all allocations of a backend may take
// together. Go ends the process when the system has no memory left, so a mistaken
// size must fail before that.
const memoryLimit = 8 << 30

const (
	floatBytes = 8
	intBytes   = 4
)

// Backend computes in float64. A call returns when its operation is done.
type Backend struct {
	live   map[*buffer]struct{}
	bytes  int // taken by live
	err    error
	closed bool
}

// buffer is an allocation; floats or ints is nil.
type buffer struct {
	backend.Allocation
	floats []float64
	ints   []int32
}

func (a *buffer) bytes() int { return len(a.floats)*floatBytes + len(a.ints)*intBytes }

var (
	_ backend.Backend      = (*Backend)(nil)
	_ backend.ClipFactorer = (*Backend)(nil)
)

// New returns a backend. Its allocations may take 8 GiB together.
func New() *Backend {
	return &Backend{live: make(map[*buffer]struct{})}
}

// Name returns "reference".
func (r *Backend) Name() string { return "reference" }

// Sync returns the sticky error.
func (r *Backend) Sync() error { return r.err }

// Err returns the sticky error.
func (r *Backend) Err() error { return r.err }

// Close frees all allocations and returns the sticky error.
func (r *Backend) Close() error {
	for a := range r.live {
		r.release(a)
	}
	r.closed = true
	return r.err
}

// New implements backend.Memory.
func (r *Backend) New(rows, cols int) (backend.Tensor, error) {
	n, err := backend.CheckNew(rows, cols)
	if err != nil {
		return backend.Tensor{}, err
	}
	if err := r.reserve(n, floatBytes); err != nil {
		return backend.Tensor{}, fmt.Errorf("reference: New: a tensor of %dx%d: %w", rows, cols, err)
	}
	a := &buffer{
		Allocation: backend.Allocation{Owner: r, Len: n},
		floats:     make([]float64, n),
	}
	r.live[a] = struct{}{}
	return backend.Tensor{Buf: a, Rows: rows, Cols: cols}, nil
}

// NewInts implements backend.Memory.
func (r *Backend) NewInts(n int) (backend.Ints, error) {
	backend.CheckNewInts(n)
	if err := r.reserve(n, intBytes); err != nil {
		return backend.Ints{}, fmt.Errorf("reference: NewInts: %d integers: %w", n, err)
	}
	a := &buffer{
		Allocation: backend.Allocation{Owner: r, Len: n, Integer: true},
		ints:       make([]int32, n),
	}
	r.live[a] = struct{}{}
	return backend.Ints{Buf: a, N: n}, nil
}

// reserve counts n elements of the given size as taken.
func (r *Backend) reserve(n, elementBytes int) error {
	if r.closed {
		return backend.ErrClosed
	}
	if free := memoryLimit - r.bytes; n > free/elementBytes {
		return fmt.Errorf("%d bytes are left of %d: %w", free, memoryLimit, backend.ErrOutOfMemory)
	}
	r.bytes += n * elementBytes
	return nil
}

// Free implements backend.Memory.
func (r *Backend) Free(buf backend.Buffer) {
	backend.CheckFree(r, buf)
	r.release(buf.(*buffer))
}

func (r *Backend) release(a *buffer) {
	delete(r.live, a)
	r.bytes -= a.bytes()
	a.Freed = true
	a.floats, a.ints = nil, nil
}

// Upload implements backend.Memory.
func (r *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(r, dst, len(src))
	if r.err != nil {
		return
	}
	d := floats(dst)
	for k, x := range src {
		d[k] = float64(x)
	}
}

// UploadFloat64 is Upload without rounding.
func (r *Backend) UploadFloat64(dst backend.Tensor, src []float64) {
	backend.CheckUpload(r, dst, len(src))
	if r.err != nil {
		return
	}
	copy(floats(dst), src)
}

// UploadInts implements backend.Memory.
func (r *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(r, dst, len(src))
	if r.err != nil {
		return
	}
	copy(ints(dst), src)
}

// Download implements backend.Memory. It rounds to float32.
func (r *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(r, len(dst), src)
	if r.err != nil {
		return r.err
	}
	for k, x := range floats(src) {
		dst[k] = float32(x)
	}
	return nil
}

// DownloadFloat64 is Download without rounding.
func (r *Backend) DownloadFloat64(dst []float64, src backend.Tensor) error {
	backend.CheckDownload(r, len(dst), src)
	if r.err != nil {
		return r.err
	}
	copy(dst, floats(src))
	return nil
}

// DownloadInts implements backend.Memory.
func (r *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(r, len(dst), src)
	if r.err != nil {
		return r.err
	}
	copy(dst, ints(src))
	return nil
}

// floats returns the elements of t, row-major.
func floats(t backend.Tensor) []float64 {
	return t.Buf.(*buffer).floats[t.Off : t.Off+t.Size()]
}

// ints returns the elements of t.
func ints(t backend.Ints) []int32 {
	return t.Buf.(*buffer).ints[t.Off : t.Off+t.N]
}

// row returns row i of t.
func row(t backend.Tensor, i int) []float64 { return floats(t)[i*t.Cols : (i+1)*t.Cols] }
