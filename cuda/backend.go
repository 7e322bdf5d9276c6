// Package cuda is the backend for NVIDIA GPUs. It runs the kernels of
// gputrain/kernels through a small driver interface, Driver, which the real
// CUDA driver and an emulator implement.
//
// All operations are queued on one stream, so they run in the order of the
// calls and memory that is freed can be given out again at once. Sync, Download
// and Close wait for it; so may an Upload that runs out of page-locked memory, an
// operation that needs more workspace than any before it, and one in a thousand
// of the operations that index by integers. What a large Upload brings travels on
// a stream of its own meanwhile.
//
// The operations of a training step become a CUDA graph (Replay): the host then
// does one launch per step, however many time steps a sequence has.
package cuda

import (
	"fmt"
	"time"

	"gputrain/backend"
	"gputrain/kernels"
)

// Options are the settings of Open. The zero value is a good one.
type Options struct {
	// Name is what the backend calls itself. "" means "cuda:" and the ordinal.
	Name string

	// Synchronous waits after each operation, so that an error names the one that
	// caused it. It is slow.
	Synchronous bool
}

// Backend computes on one device.
type Backend struct {
	name        string
	synchronous bool
	device      Device
	info        DeviceInfo
	stream      Stream // of operations
	copies      Stream // of large uploads
	start, stop Event  // of Time
	closed      bool
	err         error

	kernels map[string]kernel
	slots   [maxParams]uint64 // arguments of the launch in progress
	plans   map[kernels.GemmShape]kernels.GemmPlan

	live      map[*buffer]struct{}
	free      map[int64][]Pointer // memory to give out again, by its size in bytes
	uploads   uploads
	download  []byte // page-locked
	workspace workspace
	scalars   Pointer // what kernels read besides their arguments
	lookups   lookups
	replay    replay
}

var (
	_ backend.Backend        = (*Backend)(nil)
	_ backend.LSTMCeller     = (*Backend)(nil)
	_ backend.LSTMPeepGrader = (*Backend)(nil)
	_ backend.LSTMSequencer  = (*Backend)(nil)
	_ backend.RNNCeller      = (*Backend)(nil)
	_ backend.RNNSequencer   = (*Backend)(nil)
	_ backend.GRUCeller      = (*Backend)(nil)
	_ backend.Replayer       = (*Backend)(nil)
	_ backend.Timer          = (*Backend)(nil)
)

// Open opens a device of the driver and loads the kernels. It fails if there is
// no such device or the device cannot run them.
func Open(driver Driver, ordinal int, o Options) (*Backend, error) {
	if o.Name == "" {
		o.Name = fmt.Sprintf("cuda:%d", ordinal)
	}
	device, err := driver.Open(ordinal)
	if err != nil {
		return nil, fmt.Errorf("cuda: Open: %w", err)
	}
	b := &Backend{
		name:        o.Name,
		synchronous: o.Synchronous,
		device:      device,
		info:        device.Info(),
		kernels:     map[string]kernel{},
		plans:       map[kernels.GemmShape]kernels.GemmPlan{},
		live:        map[*buffer]struct{}{},
		free:        map[int64][]Pointer{},
	}
	if err := b.prepare(); err != nil {
		b.err = fmt.Errorf("cuda: Open: %w", err)
		return nil, b.Close()
	}
	return b, nil
}

// prepare loads the kernels and allocates what the backend itself needs.
func (b *Backend) prepare() error {
	var err error
	for _, s := range []*Stream{&b.stream, &b.copies} {
		if *s, err = b.device.NewStream(); err != nil {
			return err
		}
	}
	for _, e := range []*Event{&b.start, &b.stop} {
		if *e, err = b.device.NewEvent(); err != nil {
			return err
		}
	}
	if err := b.load(); err != nil {
		return err
	}
	if b.scalars, err = b.allocate(scalarBytes); err != nil {
		return err
	}
	if err := b.prepareLookups(); err != nil {
		return err
	}
	return b.prepareTransfers()
}

// Name returns the name given in the options, or such as "cuda:0".
func (b *Backend) Name() string { return b.name }

// Sync waits until all queued operations have run and returns the sticky error.
func (b *Backend) Sync() error {
	b.outsideReplay("Sync")
	if !b.closed {
		b.wait("Sync")
		b.checkLookups()
	}
	return b.err
}

// Time returns how long the device takes for the operations that ops calls:
// the time between an event before them and one after. See backend.Time.
func (b *Backend) Time(ops func()) (time.Duration, error) {
	b.outsideReplay("Time")
	b.record(b.start)
	ops()
	b.record(b.stop)
	if b.err != nil {
		return 0, b.err
	}
	milliseconds, err := b.device.Elapsed(b.start, b.stop)
	b.keep("Time", err)
	return time.Duration(milliseconds * float64(time.Millisecond)), b.err
}

func (b *Backend) record(e Event) {
	if b.err == nil {
		b.keep("Time", b.device.Record(e, b.stream))
	}
}

// Err returns the sticky error.
func (b *Backend) Err() error { return b.err }

// Close waits, frees all memory and releases the device. It returns the sticky
// error.
func (b *Backend) Close() error {
	if b.closed {
		return b.err
	}
	b.Sync()
	b.dropGraphs("Close")
	b.closed = true
	b.releaseMemory()
	b.keep("Close", b.device.Close())
	return b.err
}

// wait waits until the stream is empty.
func (b *Backend) wait(op string) {
	if b.err == nil {
		b.keep(op, b.device.SyncStream(b.stream))
	}
}

// keep makes the first error stick. The driver may return the error of an
// operation to one that was queued later.
func (b *Backend) keep(op string, err error) {
	switch {
	case err == nil || b.err != nil:
	case b.synchronous:
		b.err = fmt.Errorf("cuda: %s: %w", op, err)
	default:
		b.err = fmt.Errorf("cuda: %s, or an operation before it: %w", op, err)
	}
}
