package emulator

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda"
)

// A capturing is a device with streams, events, and memory of four words that are 0.
type capturing struct {
	*bench
	d         *Device
	s, t, u   cuda.Stream
	e, f      cuda.Event
	x, y, sum cuda.Pointer
	none      cuda.Pointer // see unset
}

// The kernels of graphs: each touches a word.
const graphPTX = `.version 7.8
.target sm_80
.address_size 64
.visible .entry copy(.param .u64 to, .param .u64 from)
{
	.reg .b32 %r; .reg .b64 %rd<2>;
	ld.param.u64 %rd0, [to]; ld.param.u64 %rd1, [from];
	ld.global.u32 %r, [%rd1];
	st.global.u32 [%rd0], %r;
	ret;
}
.visible .entry count(.param .u64 sum)
{
	.reg .b64 %rd;
	ld.param.u64 %rd, [sum];
	red.global.add.u32 [%rd], 1;
	ret;
}
`

func newCapturing(t *testing.T, o Options) *capturing {
	t.Helper()
	b := newBench(t, graphPTX, o)
	c := &capturing{bench: b, d: b.device}
	for _, s := range []*cuda.Stream{&c.s, &c.t, &c.u} {
		var err error
		*s, err = c.d.NewStream()
		b.must(err)
	}
	for _, e := range []*cuda.Event{&c.e, &c.f} {
		var err error
		*e, err = c.d.NewEvent()
		b.must(err)
	}
	for _, p := range []*cuda.Pointer{&c.x, &c.y, &c.sum} {
		*p = upload(b, make([]uint32, 4))
	}
	return c
}

// launch queues a kernel.
func (c *capturing) launch(s cuda.Stream, kernel string, args ...cuda.Pointer) error {
	f, err := c.d.Function(c.module, kernel)
	c.must(err)
	slots := make([]uint64, len(args))
	for i, p := range args {
		slots[i] = uint64(p)
	}
	return c.d.Launch(f, dim(1), dim(1), 0, s, slots)
}

// order makes a stream wait for what another has to do until now.
func (c *capturing) order(before, after cuda.Stream) error {
	return errors.Join(c.d.Record(c.e, before), c.d.StreamWait(after, c.e))
}

// run captures, and launches the graph. It returns the first error.
func (c *capturing) run(queue func()) error {
	c.must(c.d.BeginCapture(c.s))
	queue()
	g, err := c.d.EndCapture(c.s)
	if err == nil {
		err = c.d.LaunchGraph(g, c.s)
	}
	if err == nil {
		err = c.d.SyncStream(c.s)
	}
	return err
}

func TestErrorsOfCaptures(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   CaptureError
		broken bool // the capture on s, afterwards
		call   func(c *capturing) error
	}{
		{"ended without a beginning", IllegalState, false, func(c *capturing) error {
			_, err := c.d.EndCapture(c.u)
			return err
		}},
		{"begun twice", IllegalState, false, func(c *capturing) error { return c.d.BeginCapture(c.s) }},
		{"begun on a branch", IllegalState, false, func(c *capturing) error {
			return errors.Join(c.order(c.s, c.t), c.d.BeginCapture(c.t), c.order(c.t, c.s))
		}},
		{"begun on the default stream", CaptureUnsupported, false, func(c *capturing) error { return c.d.BeginCapture(0) }},
		{"ended on a branch", CaptureUnmatched, true, func(c *capturing) error {
			c.must(c.order(c.s, c.t))
			_, err := c.d.EndCapture(c.t)
			return err
		}},
		{"host waits for the stream", CaptureUnsupported, true, func(c *capturing) error { return c.d.SyncStream(c.s) }},
		{"host waits for a branch", CaptureUnsupported, true, func(c *capturing) error {
			return errors.Join(c.order(c.s, c.t), c.d.SyncStream(c.t))
		}},
		{"host waits for another stream", "", false, func(c *capturing) error { return c.d.SyncStream(c.u) }},
		{"a stream is destroyed", CaptureUnsupported, true, func(c *capturing) error { return c.d.DestroyStream(c.s) }},
		{"memory is allocated", CaptureUnsupported, true, func(c *capturing) error {
			_, err := c.d.Alloc(4)
			return err
		}},
		{"a graph in a graph", CaptureUnsupported, true, func(c *capturing) error {
			c.must(c.d.BeginCapture(c.u))
			g, err := c.d.EndCapture(c.u)
			c.must(err)
			return c.d.LaunchGraph(g, c.s)
		}},
		{"host waits for the event", CapturedEvent, true, func(c *capturing) error {
			return errors.Join(c.d.Record(c.e, c.s), c.d.SyncEvent(c.e))
		}},
		{"time of the event", CapturedEvent, true, func(c *capturing) error {
			c.must(c.d.Record(c.e, c.s))
			_, err := c.d.Elapsed(c.e, c.e)
			return err
		}},
		{"wait for an event of before", CaptureIsolation, true, func(c *capturing) error {
			return errors.Join(c.d.Record(c.e, c.u), c.d.StreamWait(c.s, c.e))
		}},
		{"a branch waits for an event of before", CaptureIsolation, true, func(c *capturing) error {
			return errors.Join(c.order(c.s, c.t), c.d.Record(c.f, c.u), c.d.StreamWait(c.t, c.f))
		}},
		{"wait for an event that was never recorded", "", false, func(c *capturing) error { return c.d.StreamWait(c.s, c.e) }},
		{"wait for an event of another capture", CaptureMerge, true, func(c *capturing) error {
			return errors.Join(c.d.BeginCapture(c.u), c.order(c.u, c.s))
		}},
		{"another capture waits", CaptureMerge, true, func(c *capturing) error {
			return errors.Join(c.d.BeginCapture(c.u), c.order(c.s, c.u))
		}},
		{"two captures at once", "", false, func(c *capturing) error {
			c.must(c.d.BeginCapture(c.u))
			c.must(c.launch(c.u, "count", c.sum))
			_, err := c.d.EndCapture(c.u)
			return err
		}},
		{"wait for an event of a capture that has ended", CapturedEvent, false, func(c *capturing) error {
			c.must(c.d.BeginCapture(c.u))
			c.must(c.d.Record(c.e, c.u))
			_, err := c.d.EndCapture(c.u)
			c.must(err)
			return c.d.StreamWait(c.t, c.e)
		}},
		{"the default stream is used", CaptureImplicit, true, func(c *capturing) error { return c.launch(0, "count", c.sum) }},
		{"the default stream waits for the event", CaptureImplicit, true, func(c *capturing) error { return c.order(c.s, 0) }},
		{"host waits for the default stream", CaptureImplicit, true, func(c *capturing) error { return c.d.SyncStream(0) }},
		{"a launch after a call that broke it", CaptureInvalidated, true, func(c *capturing) error {
			c.d.SyncStream(c.s)
			return c.launch(c.s, "count", c.sum)
		}},
		{"an event after a call that broke it", CaptureInvalidated, true, func(c *capturing) error {
			c.d.SyncStream(c.s)
			return c.d.Record(c.e, c.s)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newCapturing(t, Options{})
			b.must(b.d.BeginCapture(b.s))
			switch err := c.call(b); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && !errors.Is(err, c.want):
				t.Errorf("the call gives %v, want %s", err, c.want)
			}
			_, err := b.d.EndCapture(b.s)
			switch {
			case c.broken && !errors.Is(err, CaptureInvalidated):
				t.Errorf("the end gives %v, want %s", err, CaptureInvalidated)
			case !c.broken && err != nil:
				t.Errorf("the capture is broken: %v", err)
			}
			// Afterwards all streams are as before.
			for _, s := range []cuda.Stream{b.s, b.t} {
				b.must(b.launch(s, "count", b.sum))
				b.must(b.d.SyncStream(s))
			}
		})
	}
}

func TestBranchesMustBeJoined(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  CaptureError
		queue func(c *capturing)
	}{
		{"a branch that nothing waits for", CaptureUnjoined, func(c *capturing) {
			c.must(c.order(c.s, c.t))
			c.must(c.launch(c.t, "count", c.sum))
		}},
		{"a branch that goes on after the wait", CaptureUnjoined, func(c *capturing) {
			c.must(c.order(c.s, c.t))
			c.must(c.order(c.t, c.s))
			c.must(c.launch(c.t, "count", c.sum))
		}},
		{"a branch of a branch that nothing waits for", CaptureUnjoined, func(c *capturing) {
			c.must(c.order(c.s, c.t))
			c.must(c.order(c.t, c.u))
			c.must(c.launch(c.u, "count", c.sum))
			c.must(c.order(c.t, c.s))
		}},
		{"a branch of a branch", "", func(c *capturing) {
			c.must(c.order(c.s, c.t))
			c.must(c.order(c.t, c.u))
			c.must(c.launch(c.u, "count", c.sum))
			c.must(c.order(c.u, c.t))
			c.must(c.order(c.t, c.s))
		}},
		{"a branch without work", "", func(c *capturing) { c.must(c.order(c.s, c.t)) }},
		{"without a fork the work is not captured", "", func(c *capturing) {
			c.must(c.launch(c.t, "copy", c.x, c.y))
			c.must(c.d.SyncStream(c.t))
		}},
		{"without a fork there is nothing to wait for", CaptureInvalidated, func(c *capturing) {
			c.must(c.launch(c.t, "count", c.sum))
			if err := c.order(c.t, c.s); !errors.Is(err, CaptureIsolation) {
				c.Errorf("got %v, want %s", err, CaptureIsolation)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newCapturing(t, Options{})
			err := b.run(func() { c.queue(b) })
			if c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err == nil {
				return
			}
			if c.want == CaptureUnjoined && !strings.Contains(err.Error(), "does not wait for 1 nodes") {
				t.Errorf("the error does not say how much is left: %v", err)
			}
			if err := b.run(func() { b.must(b.launch(b.s, "count", b.sum)) }); err != nil {
				t.Errorf("the next capture: %v", err)
			}
		})
	}
}

func TestGraphs(t *testing.T) {
	b := newCapturing(t, Options{})
	d := b.d
	b.must(d.BeginCapture(b.s))
	b.must(b.launch(b.s, "count", b.sum))
	b.must(b.order(b.s, b.t))
	b.must(d.Fill32(b.x, 7, 1, b.t))
	b.must(b.order(b.t, b.s))
	b.must(b.launch(b.s, "copy", b.y, b.x))
	g, err := d.EndCapture(b.s)
	b.must(err)
	compareExactly(t, "after the capture", download[uint32](b.bench, b.sum, 1), []uint32{0})
	for range 3 {
		b.must(d.LaunchGraph(g, b.s))
	}
	b.must(d.SyncStream(b.s))
	compareExactly(t, "after three launches", download[uint32](b.bench, b.sum, 1), []uint32{3})
	compareExactly(t, "the second branch", download[uint32](b.bench, b.y, 1), []uint32{7})
	b.must(d.DestroyGraph(g))
	if err := d.LaunchGraph(g, b.s); err == nil {
		t.Error("a destroyed graph is launched")
	}
	b.must(d.DestroyStream(b.t))
	b.must(d.DestroyEvent(b.e))
}

// A fault in the middle of a graph is not lost behind the nodes after it.
func TestFaultsInGraphs(t *testing.T) {
	for seed := range uint64(10) {
		b := newCapturing(t, Options{Seed: seed})
		err := b.run(func() {
			for i := range 60 {
				if i == 20 {
					b.must(b.launch(b.s, "count", 0))
				}
				b.must(b.launch(b.s, "count", b.sum))
			}
		})
		if report, ok := errors.AsType[*Report](err); !ok || report.Check != NullPointer {
			t.Errorf("seed %d: got %v, want %s", seed, err, NullPointer)
		}
	}
}

// Branches are done in any order that the waits allow, and all orders are met.
func TestOrdersOfGraphs(t *testing.T) {
	met := map[string]int{}
	for seed := range uint64(40) {
		b := newCapturing(t, Options{Seed: seed})
		var order []byte
		note := func(s cuda.Stream, name byte) { b.must(b.d.Call(s, func() { order = append(order, name) })) }
		b.must(b.run(func() {
			note(b.s, 'a')
			b.must(b.order(b.s, b.t))
			note(b.s, 'b')
			note(b.s, 'c')
			note(b.t, 'd')
			b.must(b.order(b.t, b.s))
			note(b.s, 'e')
		}))
		met[string(order)]++
	}
	orders := []string{"abcde", "abdce", "adbce"}
	for _, order := range orders {
		if met[order] == 0 {
			t.Errorf("no seed has the order %s: %v", order, met)
		}
	}
	for order := range met {
		if !slices.Contains(orders, order) {
			t.Errorf("the waits do not allow the order %s", order)
		}
	}
}
