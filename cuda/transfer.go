package cuda

import (
	"unsafe"

	"gputrain/backend"
)

// uploads are two blocks of page-locked memory, filled in turn. A block is
// filled again when the stream has passed the event recorded after its copies.
type uploads struct {
	blocks  [2]block
	current int
	used    int // bytes of the current block
}

type block struct {
	memory   []byte
	event    Event
	recorded bool
}

const blockBytes = 1 << 20

// scalarBytes is the size of the memory for scalars: the most that an operation
// needs.
const scalarBytes = 64

func (b *Backend) prepareTransfers() error {
	var err error
	for i := range b.uploads.blocks {
		u := &b.uploads.blocks[i]
		if u.event, err = b.device.NewEvent(); err != nil {
			return err
		}
		if u.memory, err = b.device.AllocHost(blockBytes); err != nil {
			return err
		}
	}
	b.download, err = b.device.AllocHost(blockBytes)
	return err
}

func (b *Backend) releaseTransfers() {
	for _, memory := range [...][]byte{b.uploads.blocks[0].memory, b.uploads.blocks[1].memory, b.download} {
		if memory != nil {
			b.keep("Close", b.device.FreeHost(memory))
		}
	}
}

// Upload sets dst[k] = src[k], k being the row-major index.
func (b *Backend) Upload(dst backend.Tensor, src []float32) {
	backend.CheckUpload(b, dst, len(src))
	b.write("Upload", at(dst.Buf, dst.Off), bytesOf(src))
}

// UploadInts sets dst[k] = src[k].
func (b *Backend) UploadInts(dst backend.Ints, src []int32) {
	backend.CheckUploadInts(b, dst, len(src))
	dst.Buf.(*buffer).writes++
	b.write("UploadInts", at(dst.Buf, dst.Off), bytesOf(src))
}

// Download sets dst[k] = src[k], k being the row-major index.
func (b *Backend) Download(dst []float32, src backend.Tensor) error {
	backend.CheckDownload(b, len(dst), src)
	b.read("Download", bytesOf(dst), at(src.Buf, src.Off))
	b.checkLookups()
	return b.err
}

// DownloadInts sets dst[k] = src[k].
func (b *Backend) DownloadInts(dst []int32, src backend.Ints) error {
	backend.CheckDownloadInts(b, len(dst), src)
	b.read("DownloadInts", bytesOf(dst), at(src.Buf, src.Off))
	b.checkLookups()
	return b.err
}

// putFloats queues a copy of values to the device, as float32, and returns
// their address, which holds them until the next call.
func (b *Backend) putFloats(op string, values ...float64) uint64 {
	var rounded [scalarBytes / 4]float32
	for i, v := range values {
		rounded[i] = float32(v)
	}
	b.write(op, b.scalars, bytesOf(rounded[:len(values)]))
	return uint64(b.scalars)
}

// write queues a copy of src to the device.
func (b *Backend) write(op string, dst Pointer, src []byte) {
	for len(src) > 0 && b.err == nil {
		room := b.room(op)
		n := copy(room, src)
		if b.err == nil {
			b.queued(op, b.device.CopyToDevice(dst, room[:n], b.stream))
		}
		b.uploads.used += n
		dst += Pointer(n)
		src = src[n:]
	}
}

// room returns page-locked memory that no copy reads, at least a byte.
func (b *Backend) room(op string) []byte {
	u := &b.uploads
	if u.used == blockBytes {
		full := &u.blocks[u.current]
		b.keep(op, b.device.Record(full.event, b.stream))
		full.recorded = true
		u.current, u.used = 1-u.current, 0
		if next := &u.blocks[u.current]; next.recorded && b.err == nil {
			_, err := b.device.Elapsed(next.event, next.event) // which waits for it
			b.keep(op, err)
		}
	}
	return u.blocks[u.current].memory[u.used:]
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

// bytesOf returns the memory of x, in the byte order of the machine, which is
// that of the device wherever Go and CUDA run both.
func bytesOf[T float32 | int32 | uint64](x []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(element)))
}
