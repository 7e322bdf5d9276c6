package emulator

import (
	"fmt"
	"slices"

	"gputrain/cuda"
)

// The capture of streams follows the rules of the CUDA driver API 11.8 (cuStreamBeginCapture,
// cuStreamEndCapture, cuStreamWaitEvent) and of the CUDA C++ Programming Guide ("Creating a
// Graph Using Stream Capture"). A stream that waits for an event of a capture takes part in
// it, as a branch of the graph. A capture that a call has broken stays so until it is ended.
// Here it is stricter than the relaxed mode of CUDA: while any stream is captured, memory
// and modules come and go in no call.

// A CaptureError is the error of a call that a capture does not allow. It is the name of
// CUDA's code.
type CaptureError string

// The errors of captures.
const (
	IllegalState       CaptureError = "CUDA_ERROR_ILLEGAL_STATE"              // a stream is captured already, or is not captured
	CaptureUnsupported CaptureError = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" // a call that cannot be captured
	CaptureInvalidated CaptureError = "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED" // an earlier call has broken the capture
	CaptureMerge       CaptureError = "CUDA_ERROR_STREAM_CAPTURE_MERGE"       // a wait for an event of another capture
	CaptureUnmatched   CaptureError = "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"   // the capture began on another stream
	CaptureUnjoined    CaptureError = "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"    // the first stream does not wait for a branch
	CaptureIsolation   CaptureError = "CUDA_ERROR_STREAM_CAPTURE_ISOLATION"   // a wait across the border of the capture
	CaptureImplicit    CaptureError = "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"    // the default stream would wait for the capture
	CapturedEvent      CaptureError = "CUDA_ERROR_CAPTURED_EVENT"             // the event was recorded in a capture
)

func (e CaptureError) Error() string { return string(e) }

// A capture collects the work that is queued on the streams that take part.
type capture struct {
	graph    *graph
	streams  []cuda.Stream // that take part, by their branch; the capture began on the first
	branches []int         // how many nodes each branch has
	broken   error         // the first error of a call
	ended    bool
}

// A position in a capture is where a stream is, or an event: after the first known[i] nodes of
// branch i, for each i, and those only.
type position struct {
	capture *capture
	branch  int // of the stream
	known   []int
}

func (p *position) copy() *position { return &position{p.capture, p.branch, slices.Clone(p.known)} }

// learn adds what another position comes after.
func (p *position) learn(known []int) {
	p.known = append(p.known, make([]int, max(0, len(known)-len(p.known)))...)
	for i, n := range known {
		p.known[i] = max(p.known[i], n)
	}
}

// add adds a node to the graph. The stream goes on after it.
func (p *position) add(t task) error {
	c := p.capture
	if err := c.usable(); err != nil {
		return err
	}
	n := &node{task: t, number: len(c.graph.nodes), branch: p.branch, index: c.branches[p.branch] + 1, known: slices.Clone(p.known)}
	c.graph.nodes = append(c.graph.nodes, n)
	c.branches[p.branch] = n.index
	p.learn(append(make([]int, p.branch), n.index))
	return nil
}

// usable returns why nothing can be added to the capture, if so.
func (c *capture) usable() error {
	if c.broken != nil {
		return fmt.Errorf("cuda emulator: %w: the capture of stream %d was broken before: %w", CaptureInvalidated, c.streams[0], c.broken)
	}
	return nil
}

// fail breaks the capture, because of what a call does, and returns the call's error.
func (c *capture) fail(e CaptureError, what string) error {
	err := fmt.Errorf("cuda emulator: %w: in the capture of stream %d: %s", e, c.streams[0], what)
	if c.broken == nil {
		c.broken = err
	}
	return err
}

// breakCaptures breaks all captures.
func (d *Device) breakCaptures(e CaptureError, what string) (err error) {
	for _, c := range d.captures {
		err = c.fail(e, what)
	}
	return err
}

// usableOutsideCapture is usable for calls that are not allowed during a capture.
func (d *Device) usableOutsideCapture(what string) error {
	if err := d.usable(); err != nil {
		return err
	}
	return d.breakCaptures(CaptureUnsupported, what+" is not allowed")
}

// notCaptured returns the error of a call that is not allowed for a stream in a capture.
func (d *Device) notCaptured(what string, s cuda.Stream) error {
	if at := d.streams[s].position; at != nil {
		return at.capture.fail(CaptureUnsupported, fmt.Sprintf("%s of stream %d is not allowed", what, s))
	}
	if s == 0 {
		return d.breakCaptures(CaptureImplicit, what+" of the default stream, which waits for all others")
	}
	return nil
}

// follow makes a stream wait for an event of a capture. So it takes part in it.
func (d *Device) follow(s cuda.Stream, event *position) error {
	c, q := event.capture, d.streams[s]
	switch {
	case q.position != nil && q.position.capture != c:
		c.fail(CaptureMerge, "another capture waits for its event")
		return q.position.capture.fail(CaptureMerge, "a wait for an event of another capture")
	case c.ended:
		return fmt.Errorf("cuda emulator: %w: stream %d waits for an event of a capture that has ended", CapturedEvent, s)
	case s == 0:
		return c.fail(CaptureImplicit, "the default stream waits for its event")
	}
	if err := c.usable(); err != nil {
		return err
	}
	if q.position == nil {
		branch := slices.Index(c.streams, s)
		if branch < 0 {
			branch = len(c.streams)
			c.streams, c.branches = append(c.streams, s), append(c.branches, 0)
		}
		q.position = &position{capture: c, branch: branch}
	}
	q.position.learn(event.known)
	return nil
}

// BeginCapture starts to collect the work of a stream.
func (d *Device) BeginCapture(s cuda.Stream) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	switch q := d.streams[s]; {
	case s == 0:
		return fmt.Errorf("cuda emulator: %w: the default stream cannot be captured", CaptureUnsupported)
	case q.position != nil:
		return fmt.Errorf("cuda emulator: %w: stream %d is captured already", IllegalState, s)
	default:
		c := &capture{graph: &graph{}, streams: []cuda.Stream{s}, branches: []int{0}}
		d.captures = append(d.captures, c)
		q.position = &position{capture: c}
	}
	return nil
}

// EndCapture ends the capture and returns the work that was collected.
func (d *Device) EndCapture(s cuda.Stream) (cuda.Graph, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	if err := d.stream(s); err != nil {
		return 0, err
	}
	at := d.streams[s].position
	switch {
	case at == nil:
		return 0, fmt.Errorf("cuda emulator: %w: stream %d is not captured", IllegalState, s)
	case at.branch != 0:
		return 0, at.capture.fail(CaptureUnmatched, fmt.Sprintf("it is ended on stream %d", s))
	}
	c := at.capture
	c.ended = true
	d.captures = slices.DeleteFunc(d.captures, func(other *capture) bool { return other == c })
	for _, member := range c.streams {
		if q := d.streams[member]; q != nil && q.position != nil && q.position.capture == c {
			q.position = nil
		}
	}
	if err := c.usable(); err != nil {
		return 0, err
	}
	at.learn(make([]int, len(c.branches)))
	for branch, n := range c.branches {
		if at.known[branch] < n {
			return 0, fmt.Errorf("cuda emulator: %w: stream %d does not wait for %d nodes that the capture has on stream %d",
				CaptureUnjoined, s, n-at.known[branch], c.streams[branch])
		}
	}
	c.graph.findParallel(len(c.branches))
	g := cuda.Graph(d.newHandle())
	d.graphs[g] = c.graph
	return g, nil
}
