package emulator

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gputrain/cuda"
)

// Two nodes that nothing orders race in every order in which they are done; with a wait
// between them they race in none.
func TestRacesOfGraphs(t *testing.T) {
	const reads, writes = "ld.global.u32 %r, [%rd1];", "st.global.u32 [%rd0], %r;"
	for _, c := range []struct {
		name          string
		first, second func(c *capturing, s cuda.Stream) error
		races         bool
		parts         []string // of the report, in either order of the two
	}{
		{"write and write", (*capturing).copyToX, (*capturing).copyToX, true, []string{"kernel copy: race in global memory: writes 4 bytes", "which copy writes in another branch", "the other: copy\n", writes}},
		{"write and read", (*capturing).copyToX, (*capturing).copyFromX, true, []string{"kernel copy: ", "the other: copy\n", reads, writes, "offset 0 of allocation"}},
		{"read and write", (*capturing).copyFromX, (*capturing).copyToX, true, []string{"kernel copy: ", "the other: copy\n", reads, writes}},
		{"read and read", (*capturing).copyFromX, func(c *capturing, s cuda.Stream) error { return c.launch(s, "copy", c.sum, c.x) }, false, nil},
		{"other words", (*capturing).copyToX, func(c *capturing, s cuda.Stream) error { return c.launch(s, "copy", c.x+4, c.sum) }, false, nil},
		{"atomic and atomic", (*capturing).countX, (*capturing).countX, false, nil},
		{"atomic and read", (*capturing).countX, (*capturing).copyFromX, true, []string{"red.global.add.u32 [%rd], 1;", "the other: c", reads}},
		{"atomic and write", (*capturing).countX, (*capturing).copyToX, true, []string{"red.global.add.u32 [%rd], 1;", "the other: c", writes}},
		{"fill and read", (*capturing).fillX, (*capturing).copyFromX, true, []string{"Fill32", "copy", reads}},
		{"fill and fill", (*capturing).fillX, (*capturing).fillX, true, []string{"cuda emulator: Fill32: race in global memory: writes 8 bytes", "the other: Fill32"}},
		{"copy and write", func(c *capturing, s cuda.Stream) error { return c.d.CopyOnDevice(c.y, c.x, 4, s) }, (*capturing).copyToX, true, []string{"CopyOnDevice", "copy", writes}},
		{"copy and read", func(c *capturing, s cuda.Stream) error { return c.d.CopyOnDevice(c.y, c.x, 4, s) },
			func(c *capturing, s cuda.Stream) error { return c.launch(s, "copy", c.sum, c.x) }, false, nil},
		{"read without a value and write", func(c *capturing, s cuda.Stream) error { return c.launch(s, "copy", c.sum, c.unset()) },
			func(c *capturing, s cuda.Stream) error { return c.launch(s, "copy", c.unset(), c.y) }, true, []string{"kernel copy: race in global memory: ", reads, writes}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(8) {
				for _, ordered := range []bool{false, true} {
					b := newCapturing(t, Options{Seed: seed})
					b.unset()
					err := b.run(func() {
						b.must(b.order(b.s, b.t))
						b.must(c.first(b, b.s))
						if ordered {
							b.must(b.order(b.s, b.t))
						}
						b.must(c.second(b, b.t))
						b.must(b.order(b.t, b.s))
					})
					report, _ := errors.AsType[*Report](err)
					unset := strings.Contains(c.name, "without a value")
					switch {
					case ordered && unset:
						if report == nil || report.Check != Uninitialised {
							t.Errorf("seed %d, with a wait: got %v, want %s", seed, err, Uninitialised)
						}
					case ordered || !c.races:
						if err != nil {
							t.Errorf("seed %d, with a wait %v: %v", seed, ordered, err)
						}
					case report == nil || report.Check != GlobalRace:
						t.Errorf("seed %d: got %v, want a race", seed, err)
					default:
						for _, part := range c.parts {
							if !strings.Contains(err.Error(), part) {
								t.Errorf("seed %d: the report lacks %q: %v", seed, part, err)
							}
						}
					}
				}
			}
		})
	}
}

func (c *capturing) copyToX(s cuda.Stream) error   { return c.launch(s, "copy", c.x, c.sum) }
func (c *capturing) copyFromX(s cuda.Stream) error { return c.launch(s, "copy", c.y, c.x) }
func (c *capturing) countX(s cuda.Stream) error    { return c.launch(s, "count", c.x) }
func (c *capturing) fillX(s cuda.Stream) error     { return c.d.Fill32(c.x, 1, 2, s) }

// unset returns memory that has no value at first; always the same.
func (c *capturing) unset() cuda.Pointer {
	if c.none == 0 {
		c.none = c.alloc(4)
	}
	return c.none
}

// What a branch has touched is remembered over its later nodes, and over other branches.
func TestRacesOfGraphsOverLaterNodes(t *testing.T) {
	for _, c := range []struct {
		name  string
		races bool
		queue func(c *capturing)
	}{
		{"a read by both, then a write", true, func(c *capturing) {
			c.must(c.copyFromX(c.s))
			c.must(c.launch(c.t, "copy", c.sum, c.x))
			c.must(c.launch(c.t, "copy", c.x, c.sum))
		}},
		{"a weak write behind atomics", true, func(c *capturing) {
			c.must(c.copyToX(c.s))
			c.must(c.countX(c.s))
			c.must(c.countX(c.t))
		}},
		{"a third branch", true, func(c *capturing) {
			c.must(c.order(c.t, c.u))
			c.must(c.launch(c.t, "copy", c.y, c.sum))
			c.must(c.copyToX(c.u))
			c.must(c.order(c.u, c.t))
			c.must(c.launch(c.s, "copy", c.y+4, c.x))
		}},
		{"a wait of one after the other has written", false, func(c *capturing) {
			c.must(c.copyToX(c.s))
			c.must(c.launch(c.t, "copy", c.y, c.sum))
			c.must(c.order(c.s, c.t))
			c.must(c.launch(c.t, "copy", c.y, c.x))
		}},
		{"before the fork and after the join", false, func(c *capturing) {
			c.must(c.launch(c.t, "copy", c.y, c.x))
			c.must(c.launch(c.s, "copy", c.y+4, c.x))
		}},
	} {
		for seed := range uint64(8) {
			b := newCapturing(t, Options{Seed: seed})
			err := b.run(func() {
				b.must(b.copyToX(b.s))
				b.must(b.order(b.s, b.t))
				c.queue(b)
				b.must(b.order(b.t, b.s))
				b.must(b.copyToX(b.s))
			})
			if report, ok := errors.AsType[*Report](err); c.races != (ok && report.Check == GlobalRace) || !c.races && err != nil {
				t.Errorf("%s: seed %d: races is %v: %v", c.name, seed, c.races, err)
			}
			if !c.races {
				continue
			}
			if b := newCapturing(t, Options{Seed: seed, Off: []Check{GlobalRace}}); b.run(func() {
				b.must(b.order(b.s, b.t))
				c.queue(b)
				b.must(b.order(b.t, b.s))
			}) != nil {
				t.Errorf("%s: seed %d: a race is reported although that is switched off", c.name, seed)
			}
		}
	}
}

// Two kernels of branches take the time of one if the GPU holds the blocks of both, otherwise
// that of both. Copies and fills do not overlap with anything.
func TestTimeOfGraphs(t *testing.T) {
	b := newBench(t, basicPTX, Options{GPU: "T4"})
	d := b.device
	f, err := d.Function(b.module, "axpy")
	b.must(err)
	const held = 40 * 4 * 256 // threads
	x, y := upload(b, make([]float32, 2*held)), upload(b, make([]float32, 2*held))
	filled := b.alloc(8 * held)
	var streams [2]cuda.Stream
	for i := range streams {
		streams[i], err = d.NewStream()
		b.must(err)
	}
	var events [3]cuda.Event
	for i := range events {
		events[i], err = d.NewEvent()
		b.must(err)
	}
	kernel := func(s cuda.Stream, first, n int) {
		offset := cuda.Pointer(4 * first)
		b.must(d.Launch(f, dim(n/256), dim(256), 0, s, []uint64{uint64(y + offset), uint64(x + offset), 0, uint64(n)}))
	}
	elapsed := func(queue func(s, t cuda.Stream)) float64 {
		s, other := streams[0], streams[1]
		b.must(d.BeginCapture(s))
		b.must(errors.Join(d.Record(events[0], s), d.StreamWait(other, events[0])))
		queue(s, other)
		b.must(errors.Join(d.Record(events[0], other), d.StreamWait(s, events[0])))
		g, err := d.EndCapture(s)
		b.must(err)
		b.must(errors.Join(d.Record(events[1], s), d.LaunchGraph(g, s), d.Record(events[2], s)))
		ms, err := d.Elapsed(events[1], events[2])
		b.must(err)
		return ms / 1e3
	}
	of := func(n int) float64 { return 2 * 4 * float64(n) / 320e9 } // x and y from memory
	for _, c := range []struct {
		name  string
		want  float64
		queue func(s, t cuda.Stream)
	}{
		{"one kernel", GraphGap + of(held/2), func(s, _ cuda.Stream) { kernel(s, 0, held/2) }},
		{"two that fit", GraphGap + of(held/2), func(s, t cuda.Stream) { kernel(s, 0, held/2); kernel(t, held, held/2) }},
		{"two that do not", GraphGap + of(held/2) + of(held), func(s, t cuda.Stream) { kernel(s, 0, held/2); kernel(t, held, held) }},
		{"two beside one that is long", 2*GraphGap + 2*of(held/4), func(s, t cuda.Stream) {
			kernel(s, 0, held/4)
			kernel(s, held/4, held/4)
			kernel(t, held, held/2)
		}},
		{"a kernel and a fill", GraphGap + of(held/2) + 8*held/320e9, func(s, t cuda.Stream) {
			kernel(s, 0, held/2)
			b.must(d.Fill32(filled, 0, 2*held, t))
		}},
	} {
		if got := elapsed(c.queue); math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("%s: %g s, want %g", c.name, got, c.want)
		}
	}
}
