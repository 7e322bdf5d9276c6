// Package cuda is the backend for NVIDIA GPUs. It runs the kernels of
// gputrain/kernels through a small driver interface, Driver, which the real
// CUDA driver and an emulator implement.
//
// All operations are queued on one stream. So they run in the order of the calls,
// and freed memory can be used again at once. The data of a large Upload travels
// on a stream of its own. Sync, Download and Close wait for the stream. Some other
// calls may wait too: an Upload that runs out of page-locked memory, an operation
// that needs more workspace than any before it, and one in a thousand of the
// operations that index by integers.
//
// The operations of a training step become a CUDA graph (Replay). The host then
// makes one launch per training step, however many time steps a sequence has. The two
// directions of a bidirectional layer are branches of the graph (Pair).
package cuda

import (
	"fmt"
	"time"

	"gputrain/backend"
	"gputrain/kernels"
)

// Options are the settings of Open. The zero value is a good one.
type Options struct {
	// Name is the name of the backend. "" means "cuda:" and the ordinal.
	Name string

	// Math names how matrix products are computed, one of Maths. "" means float32. The
	// others are for tensor cores, from compute capability 8.0 on. They round the numbers
	// of a product, and sum in float32: tf32x3 is off by up to 2⁻²¹ of each product of two
	// numbers, tf32 by up to 2⁻¹⁰, bf16 by up to 2⁻⁷: see MathError. An element that is not finite is
	// computed in float32, and so is a product that is estimated to be faster so, such as a
	// small one.
	Math string

	// Always takes Math for products of all sizes, even where float32 is estimated to be
	// faster. So small products can test it.
	Always bool

	// Synchronous waits after each operation, so that an error names the operation
	// that caused it. It is slow.
	Synchronous bool
}

// Backend computes on one device.
type Backend struct {
	name        string
	math        string
	maths       []string // that products are chosen from
	synchronous bool
	device      Device
	info        DeviceInfo
	branch             // of operations
	other       branch // of the second direction, within Pair
	turned      Event  // between the two branches
	gridPassed  Event  // of the last persistent kernel of a graph
	copies      Stream // of large uploads
	start, stop Event  // of Time
	closed      bool
	err         error

	kernels map[string]kernel // those that are loaded, by name
	slots   [maxParams]uint64 // arguments of the launch in progress
	plans   map[kernels.GemmShape]kernels.GemmPlan

	layers map[layer]layerPath
	meet   func(recurrence) bool // within Pair, see layersOf

	live     map[*buffer]struct{}
	free     map[int64][]Pointer // memory to use again, by its size in bytes
	uploads  uploads
	download []byte  // page-locked
	scalars  Pointer // memory that kernels read besides their arguments
	lookups  lookups
	replay   replay
}

var (
	_ backend.Backend        = (*Backend)(nil)
	_ backend.LSTMCeller     = (*Backend)(nil)
	_ backend.LSTMPeepGrader = (*Backend)(nil)
	_ backend.LSTMSequencer  = (*Backend)(nil)
	_ backend.RNNCeller      = (*Backend)(nil)
	_ backend.RNNSequencer   = (*Backend)(nil)
	_ backend.GRUCeller      = (*Backend)(nil)
	_ backend.ClipFactorer   = (*Backend)(nil)
	_ backend.GRUSequencer   = (*Backend)(nil)
	_ backend.Replayer       = (*Backend)(nil)
	_ backend.Timer          = (*Backend)(nil)
	_ backend.Pairer         = (*Backend)(nil)
)

// Open opens a device of the driver. It fails if there is no such device. Kernels are
// loaded when an operation needs them; if the device cannot run them, that is an error
// of the operation.
func Open(driver Driver, ordinal int, o Options) (*Backend, error) {
	if o.Name == "" {
		o.Name = fmt.Sprintf("cuda:%d", ordinal)
	}
	if o.Math == "" {
		o.Math = kernels.Maths()[0]
	}
	maths := []string{o.Math}
	if !o.Always && o.Math != kernels.Maths()[0] {
		maths = append(maths, kernels.Maths()[0])
	}
	device, err := driver.Open(ordinal)
	if err != nil {
		return nil, fmt.Errorf("cuda: Open: %w", err)
	}
	d := &Backend{
		name:        o.Name,
		math:        o.Math,
		maths:       maths,
		synchronous: o.Synchronous,
		device:      device,
		info:        device.Info(),
		kernels:     map[string]kernel{},
		plans:       map[kernels.GemmShape]kernels.GemmPlan{},
		layers:      map[layer]layerPath{},
		live:        map[*buffer]struct{}{},
		free:        map[int64][]Pointer{},
	}
	if err := d.prepare(); err != nil {
		d.err = fmt.Errorf("cuda: Open: %w", err)
		return nil, d.Close()
	}
	return d, nil
}

// prepare allocates what the backend itself needs.
func (d *Backend) prepare() error {
	if err := CheckMath(d.math, d.info); err != nil {
		return fmt.Errorf("the option Math: %w", err)
	}
	var err error
	for _, s := range []*Stream{&d.stream, &d.other.stream, &d.copies} {
		if *s, err = d.device.NewStream(); err != nil {
			return err
		}
	}
	for _, e := range []*Event{&d.start, &d.stop, &d.turned, &d.gridPassed} {
		if *e, err = d.device.NewEvent(); err != nil {
			return err
		}
	}
	if d.scalars, err = d.allocate(scalarBytes); err != nil {
		return err
	}
	if err := d.preparePersistent(); err != nil {
		return err
	}
	if err := d.prepareLookups(); err != nil {
		return err
	}
	return d.prepareTransfers()
}

// Name returns the name given in the options; the default is one such as
// "cuda:0".
func (d *Backend) Name() string { return d.name }

// Sync waits until all queued operations have run and returns the sticky error.
func (d *Backend) Sync() error {
	d.outsideReplay("Sync")
	if !d.closed {
		d.wait("Sync")
		d.checkLookups()
	}
	return d.err
}

// Time implements backend.Timer: the time is that between an event before the
// operations and one after them.
func (d *Backend) Time(ops func()) (time.Duration, error) {
	d.outsideReplay("Time")
	d.record(d.start)
	ops()
	d.record(d.stop)
	if d.err != nil {
		return 0, d.err
	}
	milliseconds, err := d.device.Elapsed(d.start, d.stop)
	d.keep("Time", err)
	d.checkLookups()
	return time.Duration(milliseconds * float64(time.Millisecond)), d.err
}

func (d *Backend) record(e Event) {
	if d.err == nil {
		d.keep("Time", d.device.Record(e, d.stream))
	}
}

// Err returns the sticky error.
func (d *Backend) Err() error { return d.err }

// Close waits, frees all memory and releases the device. It returns the sticky
// error.
func (d *Backend) Close() error {
	if d.closed {
		return d.err
	}
	d.Sync()
	d.dropGraphs("Close")
	d.closed = true
	d.releaseMemory()
	d.keep("Close", d.device.Close())
	return d.err
}

// wait waits until the stream is empty.
func (d *Backend) wait(op string) {
	if d.err == nil {
		d.keep(op, d.device.SyncStream(d.stream))
	}
}

// keep makes the first error stick. The driver may return an error late, from a
// call that belongs to another operation.
func (d *Backend) keep(op string, err error) {
	switch {
	case err == nil || d.err != nil:
	case d.synchronous:
		d.err = fmt.Errorf("cuda: %s: %w", op, err)
	default:
		d.err = fmt.Errorf("cuda: %s, or an operation before it: %w", op, err)
	}
}
