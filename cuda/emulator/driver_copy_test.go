package emulator

import (
	"testing"

	"gputrain/cuda"
)

func TestCopies(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	d := b.device
	host, err := d.AllocHost(64)
	b.must(err)
	p := b.alloc(64)
	checkReport(t, d.CopyToDevice(p+32, host, 0), OutOfBounds, "32 bytes past the end of allocation 1")
	checkReport(t, d.CopyToDevice(p, make([]byte, 4), 0), PageableMemory, "")
	checkReport(t, d.CopyToHost(host[:4], 0, 0), NullPointer, "")
	checkReport(t, d.Fill32(p+2, 0, 1, 0), Misaligned, "")
	checkReport(t, d.Fill32(p, 0, 17, 0), OutOfBounds, "")
	b.must(d.Fill32(p, 0x01020304, 16, 0))
	b.must(d.CopyToHost(host, p, 0))
	if host[0] != 4 || host[63] != 1 {
		t.Errorf("Fill32 gives % x", host)
	}
	b.must(d.CopyOnDevice(p, p+64, 0, 0)) // as a program does that copies what is left behind the last whole part
	b.must(d.CopyToHost(host[:0], p+64, 0))
	b.must(d.Fill8(0, 0, 0, 0))
	b.must(d.Free(p))
	checkReport(t, d.CopyToHost(host, p, 0), UseAfterFree, "")
	b.must(d.FreeHost(host))
	if err := d.FreeHost(host); err == nil {
		t.Error("host memory is freed twice")
	}
}

func TestCopiesOfWhatHasNoValue(t *testing.T) {
	for _, c := range []struct {
		name     string
		prepare  func(b *bench, p, q cuda.Pointer, host []byte) (src cuda.Pointer)
		reported string // "" for nothing
	}{
		{"all", func(_ *bench, p, _ cuda.Pointer, _ []byte) cuda.Pointer { return p }, "64 bytes of allocation 1"},
		{"some", func(b *bench, p, _ cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host[:60], 0))
			return p
		}, "4 bytes of allocation 1 of 64 bytes were never written, the first of them at offset 60"},
		{"some, copied", func(b *bench, p, q cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host[:60], 0))
			b.must(b.device.CopyOnDevice(q, p, 64, 0))
			return q
		}, "4 bytes of allocation 2"},
		{"none", func(b *bench, p, q cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host, 0))
			b.must(b.device.CopyOnDevice(q, p, 64, 0))
			return q
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, badPTX, Options{})
			host, err := b.device.AllocHost(64)
			b.must(err)
			src := c.prepare(b, b.alloc(64), b.alloc(64), host)
			err = b.device.CopyToHost(host, src, 0)
			if c.reported == "" {
				b.must(err)
				return
			}
			checkReport(t, err, UninitialisedCopy, c.reported)
		})
	}
}

func TestFillsOfEveryWidth(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	p := b.alloc(16)
	b.must(b.device.Fill32(p, 0x01020304, 4, 0))
	b.must(b.device.Fill16(p+2, 0xaabb, 3, 0))
	b.must(b.device.Fill8(p+15, 0xff, 1, 0))
	want := []uint32{0xaabb0304, 0xaabbaabb, 0x01020304, 0xff020304}
	compareExactly(t, "fills", download[uint32](b, p, 4), want)
	checkReport(t, b.device.Fill16(p+1, 0, 1, 0), Misaligned, "is not a multiple of 2")
	checkReport(t, b.device.Fill8(p+15, 0, 2, 0), OutOfBounds, "")
}
