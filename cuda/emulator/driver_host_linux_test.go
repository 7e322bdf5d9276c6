package emulator

import (
	"encoding/binary"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// mapped returns memory that is not Go's, as a program in C would give.
func mapped(t *testing.T, bytes int) []byte {
	b, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(b) })
	return b
}

func TestKernelsReachMemoryOfTheHost(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.visible .entry double(.param .u64 x)
{
	.reg .b32 %r; .reg .b64 %rd;
	ld.param.u64 %rd, [x];
	ld.global.u32 %r, [%rd+60];
	shl.b32 %r, %r, 1;
	st.global.u32 [%rd+60], %r;
	ret;
}`, Options{})
	d, host := b.device, mapped(t, 64)
	before, _, err := d.MemInfo()
	b.must(err)
	other := b.alloc(64) // lies at a lower address, and is added later
	p, err := d.ShareHost(host)
	b.must(err)
	b.alloc(64)
	if !d.PageLocked(host[4:60]) {
		t.Error("shared memory is not page-locked")
	}
	if base, bytes := d.Range(p + 63); base != p || bytes != 64 {
		t.Errorf("the last byte lies in %d bytes at %#x, want 64 at %#x", bytes, base, p)
	}
	if base, bytes := d.Range(p + 64); base != 0 || bytes != 0 {
		t.Errorf("the byte behind the last lies in %d bytes at %#x", bytes, base)
	}
	if base, bytes := d.Range(other + 1); base != other || bytes != 64 {
		t.Errorf("an allocation has %d bytes at %#x, want 64 at %#x", bytes, base, other)
	}
	binary.LittleEndian.PutUint32(host[60:], 21)
	b.must(b.launch("double", dim(1), dim(1), 0, p))
	if got := binary.LittleEndian.Uint32(host[60:]); got != 42 {
		t.Errorf("twice 21 is %d", got)
	}

	if _, err := d.ShareHost(host[32:]); err == nil || !strings.Contains(err.Error(), "overlap host memory of 64 bytes") {
		t.Errorf("memory is shared twice: %v", err)
	}
	address := uint64(1 << 16)
	if _, err := d.ShareHost(unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), 64)); err == nil || !strings.Contains(err.Error(), "0x10000 is among the addresses of the device") {
		t.Errorf("memory at an address of the device is shared: %v", err)
	}
	checkReport(t, d.Free(p), InvalidFree, "")
	b.must(d.FreeHost(host))
	if after, _, err := d.MemInfo(); err != nil || after != before-128 {
		t.Errorf("%d bytes of the device are free, want %d less 128 (%v)", after, before, err)
	}
	checkReport(t, b.launch("double", dim(1), dim(1), 0, p), OutOfBounds, "")
}

func TestOverrunsOfHostMemoryAreFound(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.visible .entry beyond(.param .u64 x)
{
	.reg .b64 %rd;
	ld.param.u64 %rd, [x];
	st.global.u32 [%rd+64], 1;
	ret;
}`, Options{})
	p, err := b.device.ShareHost(mapped(t, 64))
	b.must(err)
	checkReport(t, b.launch("beyond", dim(1), dim(1), 0, p), OutOfBounds, "end 4 bytes past the end of host memory of 64 bytes")
}
