// Package gl is the backend for GPUs of any maker whose driver offers OpenGL 4.3. It
// runs the compute shaders of gputrain/kernels through a small driver interface,
// Driver, which the machine's OpenGL and a driver for tests implement.
//
// One goroutine owns the context and takes queued commands from a channel. So the
// caller waits only in New, Upload, Download and Sync, and where a workspace grows.
// Operations run in the order of the calls, each seeing what those before it have
// written.
package gl

import (
	"fmt"
	"sync/atomic"
	"time"

	"gputrain/backend"
)

// Options are the settings of Open. The zero value is a good one.
type Options struct {
	// Name is the name of the backend. "" means "gl:" and the ordinal.
	Name string
}

// Backend computes on one device.
type Backend struct {
	name   string
	info   DeviceInfo
	thread *thread
	closed bool
	err    atomic.Pointer[error] // set by the thread too

	shaders   map[variant]*shader
	live      map[*buffer]struct{}
	free      map[int][]Buffer // memory to use again, by its size in bytes
	workspace workspace
	lookups   lookups
}

var (
	_ backend.Backend        = (*Backend)(nil)
	_ backend.LSTMCeller     = (*Backend)(nil)
	_ backend.LSTMPeepGrader = (*Backend)(nil)
	_ backend.LSTMSequencer  = (*Backend)(nil)
	_ backend.RNNCeller      = (*Backend)(nil)
	_ backend.RNNSequencer   = (*Backend)(nil)
	_ backend.GRUCeller      = (*Backend)(nil)
	_ backend.Timer          = (*Backend)(nil)
)

// Open opens a device of the driver. It fails if there is no such device, or if a test of
// it finds that it loses NaN, which OpenGL allows but the contract does not, or runs
// shaders with the arguments of other calls.
func Open(driver Driver, ordinal int, o Options) (*Backend, error) {
	if o.Name == "" {
		o.Name = fmt.Sprintf("gl:%d", ordinal)
	}
	thread, info, err := startThread(driver, ordinal)
	if err != nil {
		return nil, fmt.Errorf("gl: Open: %w", err)
	}
	d := &Backend{
		name:    o.Name,
		info:    info,
		thread:  thread,
		shaders: newShaders(),
		live:    map[*buffer]struct{}{},
		free:    map[int][]Buffer{},
	}
	thread.failed = d.keep
	if err := d.prepareLookups(); err != nil {
		d.keep("Open", err)
	} else if err := d.selfTest(); err != nil {
		d.keep("Open", err)
	}
	if d.Err() != nil {
		return nil, d.Close()
	}
	return d, nil
}

// Name returns the name given in the options; the default is one such as "gl:0".
func (d *Backend) Name() string { return d.name }

// Info describes the device.
func (d *Backend) Info() DeviceInfo { return d.info }

// Sync waits until all queued operations have run and returns the sticky error.
func (d *Backend) Sync() error {
	if !d.closed {
		d.wait("Sync")
		d.checkLookups()
	}
	return d.Err()
}

// wait waits until the device has run all that is queued.
func (d *Backend) wait(op string) {
	d.thread.do(op, func(device Device) error { return device.Sync() })
}

// Time implements backend.Timer: the time is that between a stamp before the
// operations and one after them.
func (d *Backend) Time(ops func()) (time.Duration, error) {
	const op = "Time"
	if d.closed {
		return 0, backend.ErrClosed
	}
	var elapsed time.Duration
	d.thread.do(op, func(device Device) error { return device.Mark(0) })
	ops()
	d.thread.do(op, func(device Device) error {
		err := device.Mark(1)
		if err == nil {
			elapsed, err = device.Elapsed()
		}
		return err
	})
	d.checkLookups()
	return elapsed, d.Err()
}

// Err returns the sticky error.
func (d *Backend) Err() error {
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Close waits, frees all memory and releases the device. It returns the sticky error.
func (d *Backend) Close() error {
	if d.closed {
		return d.Err()
	}
	d.Sync()
	d.closed = true
	for a := range d.live {
		a.Freed = true
	}
	clear(d.live)
	if err := d.thread.close(); err != nil {
		d.keep("Close", err)
	}
	return d.Err()
}

// keep makes the first error stick.
func (d *Backend) keep(op string, err error) {
	err = fmt.Errorf("gl: %s: %w", op, err)
	d.err.CompareAndSwap(nil, &err)
}
