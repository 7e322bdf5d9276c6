package emulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unsafe"

	"gputrain/cuda"
)

// A Device is a context on an emulated device. As on a GPU, work is done some time
// after it is queued. A later call reports a fault, and the context is lost.
type Device struct {
	driver *Driver
	memory *deviceMemory
	host   map[*byte]int // sizes of page-locked memory
	closed bool

	fault    *Report // of a kernel
	reported bool

	handle    uintptr // the last handle given out
	modules   map[cuda.Module]*module
	functions map[cuda.Function]*loaded
	streams   map[cuda.Stream]*queue
	order     []cuda.Stream // the streams in order of creation
	ahead     int           // tasks in all queues
	random    *rand.Rand    // decides when tasks are done
	events    map[cuda.Event]*event
	graphs    map[cuda.Graph]*graph
	captures  []*capture // that have not ended

	launches  int
	blockIDs  uint32  // ids of blocks that are used
	workspace *region // of cooperative launches, or nil

	profile map[shape]*LaunchStats
	shapes  []shape // keys of the profile, in order of first launch

	failures []failure
}

var _ cuda.Device = (*Device)(nil)

// An Operation is a kind of call that Fail can make fail.
type Operation int

// The operations that Fail knows.
const (
	AllocOperation Operation = iota
	LaunchOperation
	CopyOperation
)

type failure struct {
	operation Operation
	left      int
	err       error
}

// Fail makes the n-th operation from now on return err; 1 means the next. The
// operation itself is not done.
func (d *Device) Fail(o Operation, n int, err error) {
	d.failures = append(d.failures, failure{o, n, err})
}

// injected returns the error that Fail has set for this call, or nil.
func (d *Device) injected(o Operation) error {
	for i := range d.failures {
		f := &d.failures[i]
		if f.operation != o || f.left == 0 {
			continue
		}
		if f.left--; f.left == 0 {
			return f.err
		}
	}
	return nil
}

// ErrHandle is wrapped by the error of a call with the handle of nothing.
var ErrHandle = errors.New("does not exist")

var errClosed = errors.New("cuda emulator: the device is closed")

// usable returns why the device cannot be used: it is closed, or an earlier launch
// had a fault.
func (d *Device) usable() error {
	switch {
	case d.closed:
		return errClosed
	case d.fault == nil:
		return nil
	case d.reported:
		return fmt.Errorf("cuda emulator: the context was lost to an earlier fault: %w", d.fault)
	}
	d.reported = true
	return d.fault
}

// Info describes the device.
func (d *Device) Info() cuda.DeviceInfo { return d.driver.info() }

// Alloc returns memory that has no value yet.
func (d *Device) Alloc(bytes int64) (cuda.Pointer, error) {
	if err := d.usableOutsideCapture("Alloc"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, fmt.Errorf("cuda emulator: Alloc: a size of %d bytes", bytes)
	}
	if err := d.injected(AllocOperation); err != nil {
		return 0, err
	}
	r, err := d.memory.allocate(bytes)
	if err != nil {
		return 0, err
	}
	d.memory.count++
	r.number = d.memory.count
	return cuda.Pointer(r.base), nil
}

// Free waits for all work and frees memory that Alloc returned.
func (d *Device) Free(p cuda.Pointer) error {
	d.Finish()
	if err := d.usableOutsideCapture("Free"); err != nil {
		return err
	}
	address := uint64(p)
	if r := d.memory.find(address); r != nil && r.base == address && r.name == "" && !r.hosted {
		d.memory.free(r)
		return nil
	}
	report := &Report{Check: InvalidFree, Address: address, Detail: fmt.Sprintf("0x%x is not the start of an allocation", address)}
	if r := below(d.memory.freed, address); r != nil && r.base == address {
		report.Check, report.Detail = DoubleFree, fmt.Sprintf("%v at 0x%x has already been freed", r, address)
	}
	return d.errorUnlessOff("Free", report)
}

// MemInfo returns the free and the total memory in bytes.
func (d *Device) MemInfo() (free, total int64, err error) {
	if err := d.usable(); err != nil {
		return 0, 0, err
	}
	return d.memory.limit - d.memory.used, d.memory.limit, nil
}

// AllocHost returns page-locked host memory, which copies require.
func (d *Device) AllocHost(bytes int) ([]byte, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if bytes <= 0 {
		return nil, fmt.Errorf("cuda emulator: AllocHost: a size of %d bytes", bytes)
	}
	// Allocated as words, so that the memory is aligned for numbers of any type.
	words := make([]uint64, (bytes+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), bytes)
	d.host[unsafe.SliceData(b)] = bytes
	return b, nil
}

// ShareHost page-locks memory of the host that is not Go's, and lets kernels reach it, at
// its own address: what CUDA calls mapped or managed memory. All of it counts as
// initialised. FreeHost ends that; the memory itself stays.
func (d *Device) ShareHost(b []byte) (cuda.Pointer, error) {
	if err := d.usableOutsideCapture("ShareHost"); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, errors.New("cuda emulator: ShareHost: a size of 0 bytes")
	}
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	if at < hostBase {
		return 0, fmt.Errorf("cuda emulator: ShareHost: 0x%x is among the addresses of the device, which end at 0x%x", at, uint64(hostBase))
	}
	if r := below(d.memory.live, at+uint64(len(b))-1); r != nil && r.base+r.size > at {
		return 0, fmt.Errorf("cuda emulator: ShareHost: %d bytes at 0x%x overlap %v at 0x%x", len(b), at, r, r.base)
	}
	d.host[unsafe.SliceData(b)] = len(b)
	return cuda.Pointer(d.memory.host(b).base), nil
}

// Range returns the allocation, variable or host memory that holds the address: where it
// begins, and how many bytes it has. They are 0 if the address is none of the device's.
func (d *Device) Range(p cuda.Pointer) (base cuda.Pointer, bytes int64) {
	if r := d.memory.find(uint64(p)); r != nil {
		return cuda.Pointer(r.base), int64(r.size)
	}
	return 0, 0
}

// PageLocked tells whether memory lies in what AllocHost returned or ShareHost was given.
func (d *Device) PageLocked(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for start, size := range d.host {
		first := uintptr(unsafe.Pointer(start))
		if at >= first && at+uintptr(len(b)) <= first+uintptr(size) {
			return true
		}
	}
	return false
}

// FreeHost waits for all work and frees memory that AllocHost returned or ShareHost was
// given.
func (d *Device) FreeHost(b []byte) error {
	d.Finish()
	if err := d.usable(); err != nil {
		return err
	}
	if _, ok := d.host[unsafe.SliceData(b)]; !ok {
		return d.errorUnlessOff("FreeHost", &Report{Check: InvalidFree, Detail: "this memory did not come from AllocHost, or has already been freed"})
	}
	delete(d.host, unsafe.SliceData(b))
	if r := d.memory.find(uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))); r != nil {
		d.memory.free(r)
	}
	return nil
}

// pageLocked reports host memory that did not come from AllocHost.
func (d *Device) pageLocked(call string, b []byte) error {
	if d.driver.off[PageableMemory] || len(b) == 0 || d.PageLocked(b) {
		return nil
	}
	return &Report{Check: PageableMemory, Call: call, Detail: fmt.Sprintf("%d bytes of host memory that did not come from AllocHost", len(b))}
}

// Close waits for all work and ends the context. If allocations are left, it
// returns an error that lists them.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.Finish()
	err := d.leaks()
	if d.fault != nil {
		err = nil
		if !d.reported {
			err = d.fault
		}
	}
	d.closed = true
	d.memory = newDeviceMemory(0, 0)
	return err
}

func (d *Device) leaks() error {
	if d.driver.off[Leak] {
		return nil
	}
	var left []string
	bytes := uint64(0)
	for _, r := range d.memory.live {
		if r.name != "" || r.hosted {
			continue
		}
		left = append(left, r.String())
		bytes += r.size
	}
	if len(left) == 0 {
		return nil
	}
	const listed = 8
	text := strings.Join(left[:min(len(left), listed)], ", ")
	if len(left) > listed {
		text += ", ..."
	}
	return &Report{Check: Leak, Call: "Close", Detail: fmt.Sprintf("%d allocations with %d bytes in all were never freed: %s", len(left), bytes, text)}
}
