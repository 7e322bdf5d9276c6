package gl

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"gputrain/backend"
)

// buffer is an allocation. An empty one has no memory.
type buffer struct {
	backend.Allocation
	name   Buffer
	writes int // how often integers have been written to it
}

const elementBytes = 4 // of a float32 and of an int32

func (a *buffer) bytes() int { return a.Len * elementBytes }

// New implements backend.Memory.
func (d *Backend) New(rows, cols int) (backend.Tensor, error) {
	n, err := backend.CheckNew(rows, cols)
	if err != nil {
		return backend.Tensor{}, err
	}
	a, err := d.newBuffer("New", backend.Allocation{Owner: d, Len: n})
	if err != nil {
		return backend.Tensor{}, fmt.Errorf("gl: New: a tensor of %dx%d: %w", rows, cols, err)
	}
	return backend.Tensor{Buf: a, Rows: rows, Cols: cols}, nil
}

// NewInts implements backend.Memory.
func (d *Backend) NewInts(n int) (backend.Ints, error) {
	backend.CheckNewInts(n)
	a, err := d.newBuffer("NewInts", backend.Allocation{Owner: d, Len: n, Integer: true})
	if err != nil {
		return backend.Ints{}, fmt.Errorf("gl: NewInts: %d integers: %w", n, err)
	}
	return backend.Ints{Buf: a, N: n}, nil
}

func (d *Backend) newBuffer(op string, allocation backend.Allocation) (*buffer, error) {
	a := &buffer{Allocation: allocation}
	if d.closed {
		return nil, backend.ErrClosed
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	if a.Len > 0 {
		var err error
		if a.name, err = d.allocate(op, a.Len); err != nil {
			return nil, err
		}
		d.thread.do(op, func(device Device) error { return device.Clear(a.name) })
	}
	d.live[a] = struct{}{}
	return a, d.Err()
}

// Free implements backend.Memory.
func (d *Backend) Free(buf backend.Buffer) {
	backend.CheckFree(d, buf)
	a := buf.(*buffer)
	delete(d.live, a)
	a.Freed = true
	d.recycle(a.name, a.bytes())
}

// allocate returns memory for n elements, with unspecified contents. It asks the driver
// only if no memory of this size is free. Freed memory is safe to use: what uses it was
// queued before.
func (d *Backend) allocate(op string, n int) (Buffer, error) {
	most := min(d.info.Limits.BlockBytes/elementBytes, math.MaxInt32)
	if n > most {
		return 0, fmt.Errorf("%d elements, and %s takes %d in a buffer (MAX_SHADER_STORAGE_BLOCK_SIZE is %d bytes): %w",
			n, d.info.Name, most, d.info.Limits.BlockBytes, backend.ErrOutOfMemory)
	}
	bytes := n * elementBytes
	if list := d.free[bytes]; len(list) > 0 {
		d.free[bytes] = list[:len(list)-1]
		return list[len(list)-1], nil
	}
	var name Buffer
	short := false
	try := func(device Device) error {
		var err error
		name, err = device.NewBuffer(bytes)
		if short = errors.Is(err, ErrOutOfMemory); short {
			return nil // it does not stick
		}
		return err
	}
	d.thread.do(op, try)
	if short {
		d.purge()
		d.thread.do(op, try)
	}
	if short {
		return 0, fmt.Errorf("%d bytes on %s: %w", bytes, d.info.Name, backend.ErrOutOfMemory)
	}
	return name, d.Err()
}

// recycle keeps memory for allocate to use again.
func (d *Backend) recycle(name Buffer, bytes int) {
	if name != 0 {
		d.free[bytes] = append(d.free[bytes], name)
	}
}

// purge gives unused memory back to the driver.
func (d *Backend) purge() {
	for bytes, list := range d.free {
		for _, name := range list {
			d.thread.later("Free", func(device Device) error { return device.DeleteBuffer(name) })
		}
		delete(d.free, bytes)
	}
}

// workspace is memory for intermediate results between the shaders of an operation.
// All operations share it, since they run one after the other.
type workspace struct {
	window
	elements int
}

// scratch returns memory for n elements until the end of op. After an error it returns
// none.
func (d *Backend) scratch(op string, n int) window {
	if n > d.workspace.elements && d.Err() == nil {
		d.recycle(d.workspace.buffer, d.workspace.elements*elementBytes)
		d.workspace = workspace{}
		name, err := d.allocate(op, n)
		if err != nil {
			d.keep(op, fmt.Errorf("workspace: %w", err))
			return window{}
		}
		d.workspace = workspace{window{buffer: name}, n}
	}
	return d.workspace.window
}

// Upload implements backend.Memory.
func (d *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(d, dst, len(src))
	d.write("Upload", of(dst), bytesOf(src))
}

// UploadInts implements backend.Memory.
func (d *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(d, dst, len(src))
	dst.Buf.(*buffer).writes++
	d.write("UploadInts", ofInts(dst), bytesOf(src))
}

// write copies src and waits for that, because src may change afterwards.
func (d *Backend) write(op string, dst window, src []byte) {
	if len(src) > 0 && d.Err() == nil {
		d.thread.queue <- command{op: op, upload: dst, data: src, waits: true}
		<-d.thread.done
	}
}

// Download implements backend.Memory.
func (d *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(d, len(dst), src)
	d.read("Download", bytesOf(dst), of(src))
	d.checkLookups()
	return d.Err()
}

// DownloadInts implements backend.Memory.
func (d *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(d, len(dst), src)
	d.read("DownloadInts", bytesOf(dst), ofInts(src))
	d.checkLookups()
	return d.Err()
}

// read waits for src and copies it to dst.
func (d *Backend) read(op string, dst []byte, src window) {
	d.thread.do(op, func(device Device) error {
		if len(dst) == 0 {
			return nil
		}
		return device.Download(dst, src.buffer, src.offset())
	})
}

// bytesOf returns the memory of x in the byte order of the machine, which is that of
// the device.
func bytesOf[T float32 | int32 | uint32](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*elementBytes)
}
