package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gputrain/backend"
)

// uploads are two blocks of memory, filled in turn. A block is filled again
// when the stream has passed the event recorded after its copies.
type uploads struct {
	blocks  [2]block
	current int
	used    int  // bytes of the current block
	short   bool // of memory: there is none for larger blocks or on the device
}

// block is page-locked memory and as much on the device. What is small is copied
// from the former straight to where it belongs. What is large is copied to the
// latter on the stream of copies, while operations queued before still run, and
// from there, fast, in the order of the operations.
type block struct {
	memory   []byte
	staged   Pointer // none until it is needed
	arrived  Event   // on the device
	passed   Event   // by the stream of operations
	recorded bool    // passed
}

const (
	blockBytes    = 1 << 20   // at first
	maxBlockBytes = 256 << 20 // page-locked memory is scarce
	largeUpload   = 64 << 10  // bytes, that take longer than to start a copy
)

// scalarBytes is the size of the memory for scalars: the most that an operation
// needs.
const scalarBytes = 64

func (b *Backend) prepareTransfers() error {
	var err error
	for i := range b.uploads.blocks {
		u := &b.uploads.blocks[i]
		for _, e := range []*Event{&u.arrived, &u.passed} {
			if *e, err = b.device.NewEvent(); err != nil {
				return err
			}
		}
		if u.memory, err = b.allocateHost(blockBytes); err != nil {
			return err
		}
	}
	b.download, err = b.allocateHost(blockBytes)
	return err
}

// allocateHost returns page-locked memory.
func (b *Backend) allocateHost(bytes int) ([]byte, error) {
	memory, err := b.device.AllocHost(bytes)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of page-locked memory: %w", bytes, err)
	}
	return memory, nil
}

func (b *Backend) releaseTransfers() {
	for i := range b.uploads.blocks {
		b.releaseBlock("Close", &b.uploads.blocks[i])
	}
	if b.download != nil {
		b.keep("Close", b.device.FreeHost(b.download))
	}
}

// releaseBlock frees the memory of u.
func (b *Backend) releaseBlock(op string, u *block) {
	if u.memory != nil {
		b.recycle(u.staged, int64(len(u.memory)))
		b.keep(op, b.device.FreeHost(u.memory))
	}
	u.memory, u.staged, u.recorded = nil, 0, false
}

// Upload sets dst[k] = src[k], k being the row-major index.
func (b *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(b, dst, len(src))
	b.outsideReplay("Upload")
	b.write("Upload", at(dst.Buf, dst.Off), bytesOf(src))
}

// UploadInts sets dst[k] = src[k].
func (b *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(b, dst, len(src))
	b.outsideReplay("UploadInts")
	dst.Buf.(*buffer).writes++
	b.write("UploadInts", at(dst.Buf, dst.Off), bytesOf(src))
}

// Download sets dst[k] = src[k], k being the row-major index.
func (b *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(b, len(dst), src)
	b.outsideReplay("Download")
	b.read("Download", bytesOf(dst), at(src.Buf, src.Off))
	b.checkLookups()
	return b.err
}

// DownloadInts sets dst[k] = src[k].
func (b *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(b, len(dst), src)
	b.outsideReplay("DownloadInts")
	b.read("DownloadInts", bytesOf(dst), at(src.Buf, src.Off))
	b.checkLookups()
	return b.err
}

// write queues a copy of src to the device.
func (b *Backend) write(op string, dst Pointer, src []byte) {
	if len(src) > len(b.uploads.blocks[0].memory) && !b.uploads.short && b.err == nil {
		b.growBlocks(op, len(src))
	}
	for len(src) > 0 && b.err == nil {
		u, room := b.room(op)
		n := copy(room, src)
		b.copyBlock(op, u, dst, n)
		b.uploads.used += n
		dst += Pointer(n)
		src = src[n:]
	}
}

// copyBlock queues a copy of the next n bytes of the current block.
func (b *Backend) copyBlock(op string, u *block, dst Pointer, n int) {
	from := u.memory[b.uploads.used:][:n]
	if n < largeUpload || !b.stage(op, u) {
		b.do(op, func() error { return b.device.CopyToDevice(dst, from, b.stream) })
		return
	}
	staged := u.staged + Pointer(b.uploads.used)
	b.do(op, func() error { return b.device.CopyToDevice(staged, from, b.copies) })
	b.do(op, func() error { return b.device.Record(u.arrived, b.copies) })
	b.do(op, func() error { return b.device.StreamWait(b.stream, u.arrived) })
	b.do(op, func() error { return b.device.CopyOnDevice(dst, staged, int64(n), b.stream) })
}

// do makes a call of the driver, unless an error sticks.
func (b *Backend) do(op string, call func() error) {
	if b.err == nil {
		b.queued(op, call())
	}
}

// stage makes sure of the memory of u on the device and reports whether it is
// there.
func (b *Backend) stage(op string, u *block) bool {
	if u.staged == 0 && !b.uploads.short {
		var err error
		u.staged, err = b.allocate(int64(len(u.memory)))
		if b.uploads.short = errors.Is(err, backend.ErrOutOfMemory); !b.uploads.short {
			b.keep(op, err)
		}
	}
	return u.staged != 0
}

// room returns the current block and that part of its memory that no copy
// reads, at least a byte.
func (b *Backend) room(op string) (*block, []byte) {
	s := &b.uploads
	if full := &s.blocks[s.current]; s.used == len(full.memory) {
		b.keep(op, b.device.Record(full.passed, b.stream))
		full.recorded = true
		s.current, s.used = 1-s.current, 0
		if next := &s.blocks[s.current]; next.recorded && b.err == nil {
			b.keep(op, b.device.SyncEvent(next.passed))
		}
	}
	u := &s.blocks[s.current]
	return u, u.memory[s.used:]
}

// growBlocks waits and makes blocks that hold n bytes each, so that an upload
// need not wait for the operations on the one before. Where memory is short they
// stay as they are.
func (b *Backend) growBlocks(op string, n int) {
	s := &b.uploads
	size := len(s.blocks[0].memory)
	for size < min(n, maxBlockBytes) {
		size *= 2
	}
	if size == len(s.blocks[0].memory) {
		return
	}
	b.wait(op)
	s.current, s.used = 0, 0
	for i := range s.blocks {
		u := &s.blocks[i]
		u.recorded = false
		memory, err := b.allocateHost(size)
		if err == nil {
			b.releaseBlock(op, u)
			u.memory = memory
		} else if s.short = errors.Is(err, ErrOutOfMemory); !s.short {
			b.keep(op, err)
		}
	}
}

// read waits for src and copies it to dst.
func (b *Backend) read(op string, dst []byte, src Pointer) {
	b.wait(op) // even if there is nothing to copy
	for len(dst) > 0 && b.err == nil {
		part := b.download[:min(len(dst), blockBytes)]
		b.keep(op, b.device.CopyToHost(part, src, b.stream))
		b.wait(op)
		copy(dst, part)
		dst = dst[len(part):]
		src += Pointer(len(part))
	}
}

// floats makes values, as float32, what a kernel finds at the address that it
// returns, until the next call.
func (b *Backend) floats(op string, values ...float64) uint64 {
	var rounded [scalarBytes / 4]float32
	for i, v := range values {
		rounded[i] = float32(v)
	}
	return b.put(op, bytesOf(rounded[:len(values)]))
}

// bytesOf returns the memory of x, in the byte order of the machine, which is
// that of the device wherever Go and CUDA run both.
func bytesOf[T float32 | int32 | uint64](x []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(element)))
}
