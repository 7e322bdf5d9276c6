package emulator

import (
	"fmt"

	"gputrain/cuda"
)

// An event is a time stamp of the estimated clock.
type event struct {
	recorded bool
	captured bool // recorded in the capture under way
	time     float64
}

// A capture collects the work that is queued on some streams.
type capture struct {
	origin  cuda.Stream
	streams map[cuda.Stream]bool // those that have joined
	graph   *graph
}

// A graph is work that can be repeated.
type graph struct{ work []func() error }

// enqueue does the work, or adds it to the graph that is captured.
func (d *Device) enqueue(s cuda.Stream, work func() error) error {
	if d.capture == nil {
		return work()
	}
	if !d.capture.streams[s] {
		return fmt.Errorf("cuda emulator: stream %d is used while stream %d is captured", s, d.capture.origin)
	}
	d.capture.graph.work = append(d.capture.graph.work, work)
	return nil
}

func (d *Device) stream(s cuda.Stream) error {
	if !d.streams[s] {
		return fmt.Errorf("cuda emulator: stream %d does not exist", s)
	}
	return nil
}

func (d *Device) newHandle() uintptr {
	d.handle++
	return d.handle
}

// NewStream creates a stream. All work is done in the order in which it is queued.
func (d *Device) NewStream() (cuda.Stream, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	s := cuda.Stream(d.newHandle())
	d.streams[s] = true
	return s, nil
}

// DestroyStream destroys a stream.
func (d *Device) DestroyStream(s cuda.Stream) error {
	if err := d.waits("DestroyStream"); err != nil {
		return err
	}
	if err := d.stream(s); err != nil || s == 0 {
		return fmt.Errorf("cuda emulator: stream %d cannot be destroyed", s)
	}
	delete(d.streams, s)
	return nil
}

// SyncStream waits for the work of a stream and returns its fault.
func (d *Device) SyncStream(s cuda.Stream) error {
	if err := d.waits("SyncStream"); err != nil {
		return err
	}
	return d.stream(s)
}

// NewEvent creates an event.
func (d *Device) NewEvent() (cuda.Event, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	e := cuda.Event(d.newHandle())
	d.events[e] = &event{}
	return e, nil
}

func (d *Device) event(e cuda.Event) (*event, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	found := d.events[e]
	if found == nil {
		return nil, fmt.Errorf("cuda emulator: event %d does not exist", e)
	}
	return found, nil
}

// DestroyEvent destroys an event.
func (d *Device) DestroyEvent(e cuda.Event) error {
	_, err := d.event(e)
	delete(d.events, e)
	return err
}

// Record queues a time stamp.
func (d *Device) Record(e cuda.Event, s cuda.Stream) error {
	ev, err := d.event(e)
	if err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	ev.captured = d.capture != nil
	return d.enqueue(s, func() error {
		ev.recorded, ev.time = true, d.clock
		return nil
	})
}

// StreamWait makes a stream wait for an event. An event of a captured stream
// brings the stream into the capture.
func (d *Device) StreamWait(s cuda.Stream, e cuda.Event) error {
	ev, err := d.event(e)
	if err != nil {
		return err
	}
	if d.capture != nil && ev.captured {
		d.capture.streams[s] = true
	}
	return d.stream(s)
}

// Elapsed is the time between two events by the estimated clock.
func (d *Device) Elapsed(from, to cuda.Event) (float64, error) {
	if err := d.waits("Elapsed"); err != nil {
		return 0, err
	}
	a, err := d.event(from)
	if err != nil {
		return 0, err
	}
	b, err := d.event(to)
	if err != nil {
		return 0, err
	}
	if !a.recorded || !b.recorded {
		return 0, fmt.Errorf("cuda emulator: Elapsed of an event that was not recorded")
	}
	return 1e3 * (b.time - a.time), nil
}

// BeginCapture starts to collect the work of a stream.
func (d *Device) BeginCapture(s cuda.Stream) error {
	if err := d.waits("BeginCapture"); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if s == 0 {
		return fmt.Errorf("cuda emulator: the default stream cannot be captured")
	}
	d.capture = &capture{origin: s, streams: map[cuda.Stream]bool{s: true}, graph: &graph{}}
	return nil
}

// EndCapture returns what was collected.
func (d *Device) EndCapture(s cuda.Stream) (cuda.Graph, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	if d.capture == nil || d.capture.origin != s {
		return 0, fmt.Errorf("cuda emulator: stream %d is not captured", s)
	}
	g := cuda.Graph(d.newHandle())
	d.graphs[g] = d.capture.graph
	d.capture = nil
	for _, e := range d.events {
		e.captured = false
	}
	return g, nil
}

// LaunchGraph does the work of a graph.
func (d *Device) LaunchGraph(g cuda.Graph, s cuda.Stream) error {
	if err := d.waits("LaunchGraph"); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	found := d.graphs[g]
	if found == nil {
		return fmt.Errorf("cuda emulator: graph %d does not exist", g)
	}
	for _, work := range found.work {
		if d.fault != nil {
			return nil // reported by the next call
		}
		if err := work(); err != nil {
			return err
		}
	}
	return nil
}

// DestroyGraph destroys a graph.
func (d *Device) DestroyGraph(g cuda.Graph) error {
	if err := d.usable(); err != nil {
		return err
	}
	if d.graphs[g] == nil {
		return fmt.Errorf("cuda emulator: graph %d does not exist", g)
	}
	delete(d.graphs, g)
	return nil
}
