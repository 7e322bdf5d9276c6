package emulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unsafe"

	"gputrain/cuda"
)

// A Device is a context on an emulated device. Work is done some time after it
// is queued; a fault is reported by a later call, as a GPU does, and loses the
// context.
type Device struct {
	driver *Driver
	memory *deviceMemory
	host   map[*byte]int // page-locked memory and its size
	closed bool

	fault    *Report // of a kernel
	reported bool

	handle    uintptr // the last one given out
	modules   map[cuda.Module]*module
	functions map[cuda.Function]*loaded
	streams   map[cuda.Stream]*queue
	order     []cuda.Stream // in which they were created
	ahead     int           // tasks in all queues
	random    *rand.Rand    // decides when they are done
	events    map[cuda.Event]*event
	graphs    map[cuda.Graph]*graph
	capture   *capture

	launches int
	profile  map[shape]*LaunchStats
	shapes   []shape // in the profile, in order of first launch

	failures []failure
}

var _ cuda.Device = (*Device)(nil)

// An Operation is a kind of call that can be made to fail.
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

// Fail makes the n-th operation from now on, 1 for the next, return err. The
// operation is not done.
func (d *Device) Fail(o Operation, n int, err error) {
	d.failures = append(d.failures, failure{o, n, err})
}

// injected returns the error that a call was told to return.
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

var errClosed = errors.New("cuda emulator: the device is closed")

// usable returns the fault of an earlier launch.
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

// usableOutsideCapture is usable for calls that a capture does not allow.
func (d *Device) usableOutsideCapture(what string) error {
	if err := d.usable(); err != nil {
		return err
	}
	if d.capture != nil {
		return fmt.Errorf("cuda emulator: %s is not allowed while a stream is captured", what)
	}
	return nil
}

// Info describes the device.
func (d *Device) Info() cuda.DeviceInfo { return d.driver.info() }

// Alloc returns memory that has no value yet.
func (d *Device) Alloc(bytes int64) (cuda.Pointer, error) {
	if err := d.usableOutsideCapture("Alloc"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, fmt.Errorf("cuda emulator: Alloc: %d bytes", bytes)
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
	d.finish()
	if err := d.usableOutsideCapture("Free"); err != nil {
		return err
	}
	address := uint64(p)
	if r := d.memory.find(address); r != nil && r.base == address && r.name == "" {
		d.memory.free(r)
		return nil
	}
	report := &Report{Check: InvalidFree, Address: address, Detail: fmt.Sprintf("0x%x is not the start of an allocation", address)}
	if r := below(d.memory.freed, address); r != nil && r.base == address {
		report.Check, report.Detail = DoubleFree, fmt.Sprintf("%v at 0x%x is freed already", r, address)
	}
	return d.errorUnlessOff("Free", report)
}

// MemInfo returns the free and all memory in bytes.
func (d *Device) MemInfo() (free, total int64, err error) {
	if err := d.usable(); err != nil {
		return 0, 0, err
	}
	return d.memory.limit - d.memory.used, d.memory.limit, nil
}

// AllocHost returns host memory that copies may use.
func (d *Device) AllocHost(bytes int) ([]byte, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if bytes <= 0 {
		return nil, fmt.Errorf("cuda emulator: AllocHost: %d bytes", bytes)
	}
	// As words, so that the memory may be read as numbers of any type.
	words := make([]uint64, (bytes+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), bytes)
	d.host[unsafe.SliceData(b)] = bytes
	return b, nil
}

// FreeHost waits for all work and frees memory that AllocHost returned.
func (d *Device) FreeHost(b []byte) error {
	d.finish()
	if err := d.usable(); err != nil {
		return err
	}
	if _, ok := d.host[unsafe.SliceData(b)]; !ok {
		return d.errorUnlessOff("FreeHost", &Report{Check: InvalidFree, Detail: "AllocHost did not return this memory"})
	}
	delete(d.host, unsafe.SliceData(b))
	return nil
}

// pageLocked reports host memory of a call that no AllocHost returned.
func (d *Device) pageLocked(call string, b []byte) error {
	if d.driver.off[PageableMemory] || len(b) == 0 {
		return nil
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for start, size := range d.host {
		first := uintptr(unsafe.Pointer(start))
		if at >= first && at+uintptr(len(b)) <= first+uintptr(size) {
			return nil
		}
	}
	return &Report{Check: PageableMemory, Call: call, Detail: fmt.Sprintf("%d bytes of host memory that AllocHost did not return", len(b))}
}

// Close waits for all work and ends the context. It fails, with a list, if
// allocations are left.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.finish()
	err := d.leaks()
	if d.fault != nil {
		err = nil
		if !d.reported {
			err = d.fault
		}
	}
	d.closed = true
	d.memory = newDeviceMemory(0)
	return err
}

func (d *Device) leaks() error {
	if d.driver.off[Leak] {
		return nil
	}
	var left []string
	bytes := uint64(0)
	for _, r := range d.memory.live {
		if r.name != "" {
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
	return &Report{Check: Leak, Call: "Close", Detail: fmt.Sprintf("%d allocations of %d bytes are not freed: %s", len(left), bytes, text)}
}
