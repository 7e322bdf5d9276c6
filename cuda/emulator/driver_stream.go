package emulator

import (
	"fmt"
	"slices"

	"gputrain/cuda"
)

// A queue is the work of a stream that is not done yet. Its tasks are done in order,
// but at no fixed time: unless they wait, the host and other streams run ahead of it
// by as much as a seeded draw decides. So a program that copies data before it is
// computed, or overwrites it before it is copied, gets a wrong result here too.
type queue struct {
	tasks    []task
	clock    float64   // estimated seconds until now
	position *position // in the capture that the stream takes part in, or nil
	visit    *visit    // while a node of a graph is done, which has a queue of its own
}

// pass lets the clock go on by what a task takes: a gap before it, and then seconds in
// which it takes a share of the GPU.
func (q *queue) pass(gap, seconds, share float64) {
	q.clock += gap + seconds
	if q.visit != nil {
		q.visit.gap, q.visit.seconds, q.visit.share = gap, seconds, share
	}
}

// A task is work or, with a mark, a wait for that mark.
type task struct {
	name  string // of the kernel or of the call of the driver
	do    func(q *queue) *Report
	after *mark
}

// A mark is one recording of an event.
type mark struct {
	done bool
	time float64 // by the clock of its stream
}

// An event is known by its last recording: a mark or, in a capture, a position.
type event struct {
	last     *mark
	position *position
}

// maxAhead is the largest number of tasks that the host runs ahead of.
const maxAhead = 32

// enqueue adds a task to a stream, or to the graph that is being captured. The
// default stream waits for all other streams, and they wait for it.
func (d *Device) enqueue(s cuda.Stream, t task) error {
	q := d.streams[s]
	switch {
	case d.fault != nil:
		return nil // as the rest of a graph; the next call says so
	case q.position != nil:
		return q.position.add(t)
	case s == 0 && len(d.captures) > 0:
		return d.breakCaptures(CaptureImplicit, "the default stream, which waits for all others, is used")
	}
	q.clock = max(q.clock, d.streams[0].clock)
	if s == 0 {
		d.Finish()
		for _, other := range d.streams {
			q.clock = max(q.clock, other.clock)
		}
	}
	q.tasks = append(q.tasks, t)
	d.ahead++
	limit := 0
	if s != 0 {
		limit = d.random.IntN(maxAhead)
	}
	for d.ahead > limit {
		d.advance()
	}
	return nil
}

// advance does the first task of a stream, which it draws among those that can go on.
func (d *Device) advance() {
	var ready []*queue
	for _, s := range d.order {
		if q := d.streams[s]; len(q.tasks) > 0 && (q.tasks[0].after == nil || q.tasks[0].after.done) {
			ready = append(ready, q)
		}
	}
	q := ready[d.random.IntN(len(ready))]
	t := q.tasks[0]
	q.tasks = q.tasks[1:]
	d.ahead--
	if t.after != nil {
		q.clock = max(q.clock, t.after.time)
		return
	}
	if d.fault = t.do(q); d.fault != nil {
		for _, q := range d.streams {
			q.tasks = nil
		}
		d.ahead = 0
	}
}

// Finish does all work that is queued.
func (d *Device) Finish() {
	for d.ahead > 0 {
		d.advance()
	}
}

func (d *Device) stream(s cuda.Stream) error {
	if d.streams[s] == nil {
		return fmt.Errorf("cuda emulator: stream %d %w", s, ErrHandle)
	}
	return nil
}

func (d *Device) newHandle() uintptr {
	d.handle++
	return d.handle
}

// NewStream creates a stream.
func (d *Device) NewStream() (cuda.Stream, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	s := cuda.Stream(d.newHandle())
	d.streams[s] = &queue{}
	d.order = append(d.order, s)
	return s, nil
}

// DestroyStream destroys a stream. It waits for all work.
func (d *Device) DestroyStream(s cuda.Stream) error {
	d.Finish()
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil || s == 0 {
		return fmt.Errorf("cuda emulator: stream %d cannot be destroyed", s)
	}
	if err := d.notCaptured("DestroyStream", s); err != nil {
		return err
	}
	delete(d.streams, s)
	d.order = slices.DeleteFunc(d.order, func(x cuda.Stream) bool { return x == s })
	return nil
}

// SyncStream waits for the work of a stream and returns its fault. On the default
// stream it waits for all streams.
func (d *Device) SyncStream(s cuda.Stream) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if err := d.notCaptured("SyncStream", s); err != nil {
		return err
	}
	for d.ahead > 0 && (s == 0 || len(d.streams[s].tasks) > 0) {
		d.advance()
	}
	return d.usable()
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
		return nil, fmt.Errorf("cuda emulator: event %d %w", e, ErrHandle)
	}
	return found, nil
}

// DestroyEvent destroys an event.
func (d *Device) DestroyEvent(e cuda.Event) error {
	_, err := d.event(e)
	delete(d.events, e)
	return err
}

// Record queues the recording of an event, with its time.
func (d *Device) Record(e cuda.Event, s cuda.Stream) error {
	ev, err := d.event(e)
	if err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if at := d.streams[s].position; at != nil {
		if err := at.capture.usable(); err != nil {
			return err
		}
		ev.last, ev.position = nil, at.copy()
		return nil
	}
	m := &mark{}
	err = d.enqueue(s, task{do: func(q *queue) *Report {
		m.done, m.time = true, q.clock
		return nil
	}})
	if err == nil {
		ev.last, ev.position = m, nil
	}
	return err
}

// StreamWait makes a stream wait for an event. If the event was recorded in the
// current capture, the stream joins that capture.
func (d *Device) StreamWait(s cuda.Stream, e cuda.Event) error {
	ev, err := d.event(e)
	if err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	switch q := d.streams[s]; {
	case ev.position != nil:
		return d.follow(s, ev.position)
	case ev.last == nil:
		return nil // as on a GPU
	case q.position != nil:
		return q.position.capture.fail(CaptureIsolation, "a wait for an event that was recorded outside of it")
	}
	return d.enqueue(s, task{after: ev.last})
}

// SyncEvent waits for an event.
func (d *Device) SyncEvent(e cuda.Event) error {
	ev, err := d.event(e)
	if err != nil {
		return err
	}
	if ev.position != nil {
		return ev.position.capture.fail(CapturedEvent, "the host asks for an event that was recorded in it")
	}
	for ev.last != nil && !ev.last.done && d.fault == nil {
		d.advance()
	}
	return d.usable()
}

// Elapsed returns the milliseconds between two events by the estimated clock.
func (d *Device) Elapsed(from, to cuda.Event) (float64, error) {
	for _, e := range [...]cuda.Event{from, to} {
		if err := d.SyncEvent(e); err != nil {
			return 0, err
		}
	}
	a, b := d.events[from].last, d.events[to].last
	if a == nil || b == nil {
		return 0, fmt.Errorf("cuda emulator: Elapsed: an event was not recorded")
	}
	return 1e3 * (b.time - a.time), nil
}

// Call queues a call of a function of the host.
func (d *Device) Call(s cuda.Stream, f func()) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	return d.enqueue(s, task{name: "Call", do: func(*queue) *Report {
		f()
		return nil
	}})
}
