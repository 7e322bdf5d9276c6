package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gputrain/backend"
)

// uploads are two blocks of memory, which are filled in turn. A block is filled
// again when the stream has passed the event that follows its copies.
type uploads struct {
	blocks  [2]block
	current int
	used    int  // bytes of the current block
	short   bool // there is no memory for larger blocks or for blocks on the device
}

// block is page-locked memory and the same amount of device memory. Small data is
// copied from the page-locked memory straight to its place. Large data is copied
// to the block's device memory on the stream of copies, while earlier operations
// still run. From there it is copied to its place, fast, in the order of the
// operations.
type block struct {
	memory   []byte
	staged   Pointer // on the device; none until it is needed
	arrived  Event   // the data has arrived on the device
	passed   Event   // the stream of operations has passed all copies
	recorded bool    // passed is recorded
}

const (
	blockBytes    = 1 << 20   // at first
	maxBlockBytes = 256 << 20 // page-locked memory is scarce
	largeUpload   = 64 << 10  // bytes, which take longer than starting a copy
)

// scalarBytes is the size of the memory for scalars, the most that an operation
// needs.
const scalarBytes = 64

func (d *Backend) prepareTransfers() error {
	var err error
	for i := range d.uploads.blocks {
		u := &d.uploads.blocks[i]
		for _, e := range []*Event{&u.arrived, &u.passed} {
			if *e, err = d.device.NewEvent(); err != nil {
				return err
			}
		}
		if u.memory, err = d.allocateHost(blockBytes); err != nil {
			return err
		}
	}
	d.download, err = d.allocateHost(blockBytes)
	return err
}

// allocateHost returns page-locked memory.
func (d *Backend) allocateHost(bytes int) ([]byte, error) {
	memory, err := d.device.AllocHost(bytes)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of page-locked memory: %w", bytes, err)
	}
	return memory, nil
}

func (d *Backend) releaseTransfers() {
	for i := range d.uploads.blocks {
		d.releaseBlock("Close", &d.uploads.blocks[i])
	}
	if d.download != nil {
		d.keep("Close", d.device.FreeHost(d.download))
	}
}

// releaseBlock frees the memory of u.
func (d *Backend) releaseBlock(op string, u *block) {
	if u.memory != nil {
		d.recycle(u.staged, int64(len(u.memory)))
		d.keep(op, d.device.FreeHost(u.memory))
	}
	u.memory, u.staged, u.recorded = nil, 0, false
}

// Upload implements backend.Memory.
func (d *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(d, dst, len(src))
	d.outsideReplay("Upload")
	d.write("Upload", at(dst.Buf, dst.Off), bytesOf(src))
}

// UploadInts implements backend.Memory.
func (d *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(d, dst, len(src))
	d.outsideReplay("UploadInts")
	dst.Buf.(*buffer).writes++
	d.write("UploadInts", at(dst.Buf, dst.Off), bytesOf(src))
}

// Download implements backend.Memory.
func (d *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(d, len(dst), src)
	d.outsideReplay("Download")
	d.read("Download", bytesOf(dst), at(src.Buf, src.Off))
	d.checkLookups()
	return d.err
}

// DownloadInts implements backend.Memory.
func (d *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(d, len(dst), src)
	d.outsideReplay("DownloadInts")
	d.read("DownloadInts", bytesOf(dst), at(src.Buf, src.Off))
	d.checkLookups()
	return d.err
}

// write queues a copy of src to the device.
func (d *Backend) write(op string, dst Pointer, src []byte) {
	if len(src) > len(d.uploads.blocks[0].memory) && !d.uploads.short && d.err == nil {
		d.growBlocks(op, len(src))
	}
	for len(src) > 0 && d.err == nil {
		u, room := d.room(op)
		n := copy(room, src)
		d.copyBlock(op, u, dst, n)
		d.uploads.used += n
		dst += Pointer(n)
		src = src[n:]
	}
}

// copyBlock queues a copy of the next n bytes of the current block.
func (d *Backend) copyBlock(op string, u *block, dst Pointer, n int) {
	from := u.memory[d.uploads.used:][:n]
	if n < largeUpload || !d.stage(op, u) {
		d.do(op, func() error { return d.device.CopyToDevice(dst, from, d.stream) })
		return
	}
	staged := u.staged + Pointer(d.uploads.used)
	d.do(op, func() error { return d.device.CopyToDevice(staged, from, d.copies) })
	d.do(op, func() error { return d.device.Record(u.arrived, d.copies) })
	d.do(op, func() error { return d.device.StreamWait(d.stream, u.arrived) })
	d.do(op, func() error { return d.device.CopyOnDevice(dst, staged, int64(n), d.stream) })
}

// do makes a call of the driver, unless an error sticks.
func (d *Backend) do(op string, call func() error) {
	if d.err == nil {
		d.queued(op, call())
	}
}

// stage allocates the device memory of u if need be and reports whether u has
// it.
func (d *Backend) stage(op string, u *block) bool {
	if u.staged == 0 && !d.uploads.short {
		var err error
		u.staged, err = d.allocate(int64(len(u.memory)))
		if d.uploads.short = errors.Is(err, backend.ErrOutOfMemory); !d.uploads.short {
			d.keep(op, err)
		}
	}
	return u.staged != 0
}

// room returns the current block and the part of its memory that no copy reads.
// That is at least one byte.
func (d *Backend) room(op string) (*block, []byte) {
	s := &d.uploads
	if full := &s.blocks[s.current]; s.used == len(full.memory) {
		d.keep(op, d.device.Record(full.passed, d.stream))
		full.recorded = true
		s.current, s.used = 1-s.current, 0
		if next := &s.blocks[s.current]; next.recorded && d.err == nil {
			d.keep(op, d.device.SyncEvent(next.passed))
		}
	}
	u := &s.blocks[s.current]
	return u, u.memory[s.used:]
}

// growBlocks waits and makes blocks of n bytes each, so that an upload does not
// wait for operations on the upload before it. Where memory is short, the blocks
// stay as they are.
func (d *Backend) growBlocks(op string, n int) {
	s := &d.uploads
	size := len(s.blocks[0].memory)
	for size < min(n, maxBlockBytes) {
		size *= 2
	}
	if size == len(s.blocks[0].memory) {
		return
	}
	d.wait(op)
	s.current, s.used = 0, 0
	for i := range s.blocks {
		u := &s.blocks[i]
		u.recorded = false
		memory, err := d.allocateHost(size)
		if err == nil {
			d.releaseBlock(op, u)
			u.memory = memory
		} else if s.short = errors.Is(err, ErrOutOfMemory); !s.short {
			d.keep(op, err)
		}
	}
}

// read waits for src and copies it to dst.
func (d *Backend) read(op string, dst []byte, src Pointer) {
	d.wait(op) // even if there is nothing to copy
	for len(dst) > 0 && d.err == nil {
		part := d.download[:min(len(dst), blockBytes)]
		d.keep(op, d.device.CopyToHost(part, src, d.stream))
		d.wait(op)
		copy(dst, part)
		dst = dst[len(part):]
		src += Pointer(len(part))
	}
}

// floats stores values for a kernel as float32 and returns their address. They
// stay until the next call.
func (d *Backend) floats(op string, values ...float64) uint64 {
	var rounded [scalarBytes / 4]float32
	for i, v := range values {
		rounded[i] = float32(v)
	}
	return d.put(op, bytesOf(rounded[:len(values)]))
}

// bytesOf returns the memory of x in the byte order of the machine. The device has
// the same one wherever both Go and CUDA run.
func bytesOf[T float32 | int32 | uint64](x []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(element)))
}
