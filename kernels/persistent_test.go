package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// lstm is an LSTM over a sequence with random operands.
type lstm struct {
	steps, batch, hidden             int
	gates, c, h, whh, bih, bhh, peep []float32
}

func newLSTM(seed uint64, steps, batch, hidden int, optional bool) lstm {
	r, cells := random(seed), batch*hidden
	weight := float32(1 / math.Sqrt(float64(hidden)))
	l := lstm{
		steps: steps, batch: batch, hidden: hidden,
		gates: uniform(r, steps*4*cells), c: uniform(r, (steps+1)*cells), h: uniform(r, (steps+1)*cells),
		whh: scaled(uniform(r, 4*hidden*hidden), weight),
	}
	if optional {
		l.bih, l.bhh, l.peep = uniform(r, 4*hidden), uniform(r, 4*hidden), uniform(r, 3*hidden)
	}
	return l
}

// persistent is a launch of a kernel with so many units and rows for each block.
func (l lstm) persistent(units, rows int) kernels.Launch {
	across, groups := (l.hidden+units-1)/units, (l.batch+rows-1)/rows
	return kernels.Launch{Grid: kernels.Dim3{X: across, Y: groups, Z: 1}, Block: kernels.Dim3{X: 256, Y: 1, Z: 1}, Cooperative: true}
}

func (l lstm) String() string {
	return fmt.Sprintf("%d steps of %dx%d", l.steps, l.batch, l.hidden)
}

// runLayer runs a kernel for one layer: the operands of a second one are there, but no block
// has it.
func (d *device) runLayer(kernel string, l kernels.Launch, operands []any, shared ...any) {
	d.Helper()
	d.run(kernel, l, slices.Concat(operands, operands, shared)...)
}

// window returns the address of element i.
func window(p cuda.Pointer, i int) cuda.Pointer { return p + cuda.Pointer(4*i) }

// forward runs the steps, each by a launch, and returns gates, c and h.
func (l lstm) forward(d *device) (gates, c, h []float32) {
	cells := l.batch * l.hidden
	g, cs, hs, whh := put(d, l.gates), put(d, l.c), put(d, l.h), put(d, l.whh)
	bih, bhh, peep := d.optional(l.bih), d.optional(l.bhh), d.optional(l.peep)
	s := layerStep{device: d, batch: l.batch, hidden: l.hidden}
	for t := range l.steps {
		s.step(kernels.ChooseStep(kernels.Maths()[:1], "lstm", 25, l.batch, l.hidden, kernels.Device{Multiprocessors: 132, Lanes: 128}), window(g, 4*t*cells), window(cs, (t+1)*cells), window(hs, (t+1)*cells),
			window(cs, t*cells), window(hs, t*cells), whh, bih, bhh, peep)
	}
	return get[float32](d, g, len(l.gates)), get[float32](d, cs, len(l.c)), get[float32](d, hs, len(l.h))
}

// Sizes straddle the tiles of a kernel. Each has one case in which weights come from more
// than one run of a lane.
func TestLSTMForwardIsItsSteps(t *testing.T) {
	for i, c := range []struct {
		kernel                             string
		units                              int
		steps, batch, hidden, rows, offset int
		optional                           bool
	}{
		{"lstm_forward_128", 32, 3, 9, 33, 9, 1, true},
		{"lstm_forward_128", 32, 2, 21, 4, 11, 0, false},
		{"lstm_forward_256", 32, 3, 3, 131, 2, 1, true},
		{"lstm_forward_512", 16, 4, 19, 17, 18, 1, true},
		{"lstm_forward_512", 16, 2, 3, 132, 2, 0, false},
		{"lstm_forward_1024", 8, 4, 37, 9, 36, 1, true},
		{"lstm_forward_1024", 8, 2, 3, 136, 4, 0, true},
		{"lstm_forward_1024", 8, 5, 1, 1, 1, 1, false},
	} {
		l := newLSTM(uint64(i), c.steps, c.batch, c.hidden, c.optional)
		t.Run(fmt.Sprintf("%s, %v, offset %d", c.kernel, l, c.offset), func(t *testing.T) {
			d := open(t, "lstm", "lstm_forward")
			d.offset = c.offset
			g, cs, hs, count := put(d, l.gates), put(d, l.c), put(d, l.h), put(d, make([]uint32, l.batch))
			operands := []any{g, cs, hs, put(d, l.whh), d.optional(l.bih), d.optional(l.bhh), d.optional(l.peep)}
			d.runLayer(c.kernel, l.persistent(c.units, c.rows), operands, count, l.steps, l.batch, l.hidden, c.rows)
			gates, state, h := l.forward(d)
			near(d, "gates", l.hidden, get[float32](d, g, len(gates)), gates)
			near(d, "c", l.hidden, get[float32](d, cs, len(state)), state)
			near(d, "h", l.hidden, get[float32](d, hs, len(h)), h)
			wrapped(d, count, l.batch)
		})
	}
}

// wrapped checks that barriers are left as they were found.
func wrapped(d *device, count cuda.Pointer, n int) {
	d.Helper()
	for i, arrived := range get[uint32](d, count, n) {
		if arrived != 0 {
			d.Errorf("barrier %d is left at %d, want 0", i, arrived)
		}
	}
}

func TestLSTMBackwardIsItsSteps(t *testing.T) {
	for i, c := range []struct {
		kernel                             string
		units                              int
		steps, batch, hidden, rows, offset int
		optional                           bool
	}{
		{"lstm_backward_256", 32, 3, 9, 33, 9, 1, true},
		{"lstm_backward_256", 32, 2, 21, 4, 12, 0, false},
		{"lstm_backward_512", 16, 4, 19, 17, 18, 1, true},
		{"lstm_backward_512", 16, 2, 3, 260, 2, 0, false},
		{"lstm_backward_1024", 8, 4, 37, 9, 36, 1, true},
		{"lstm_backward_1024", 8, 3, 2, 258, 1, 1, true},
		{"lstm_backward_1024", 8, 5, 1, 1, 1, 1, false},
	} {
		l := newLSTM(uint64(i), c.steps, c.batch, c.hidden, c.optional)
		t.Run(fmt.Sprintf("%s, %v, offset %d", c.kernel, l, c.offset), func(t *testing.T) {
			d := open(t, "lstm", "gemm", "lstm_backward")
			d.offset = c.offset
			r, cells := random(uint64(100+i)), l.batch*l.hidden
			dy := put(d, uniform(r, l.steps*cells))
			var dhLast, dcLast, dhFirst cuda.Pointer
			if c.optional {
				dhLast, dcLast, dhFirst = put(d, uniform(r, cells)), put(d, uniform(r, cells)), room[float32](d, cells)
			}
			cs, whh, peep := put(d, l.c), put(d, l.whh), d.optional(l.peep)

			launch := l.persistent(c.units, c.rows)
			part := room[float32](d, kernels.Persistent{Launch: launch, Units: c.units}.Part(l.batch))
			dz, dc, count := put(d, l.gates), room[float32](d, cells), put(d, make([]uint32, l.batch)) // in place
			operands := []any{dz, dc, dz, cs, whh, peep, dy, dhLast, dcLast, dhFirst}
			d.runLayer(c.kernel, launch, operands, part, count, l.steps, l.batch, l.hidden, c.rows)
			wrapped(d, count, l.batch)

			dz2, dh2, dc2 := put(d, l.gates), put(d, make([]float32, cells)), put(d, make([]float32, cells))
			if c.optional {
				dh2, dc2 = put(d, get[float32](d, dhLast, cells)), put(d, get[float32](d, dcLast, cells))
			}
			for t := l.steps - 1; t >= 0; t-- {
				at := window(dz2, 4*t*cells)
				d.run("lstm_cell_grad", kernels.Matrix(l.batch, l.hidden), at, dc2, at, window(cs, t*cells), window(cs, (t+1)*cells), peep,
					window(dy, t*cells), dh2, l.batch, l.hidden, 1)
				p := kernels.ChooseSlices([]string{"float32"}, kernels.GemmShape{M: l.batch, N: l.hidden, K: 4 * l.hidden}, kernels.Device{Multiprocessors: 1, Lanes: 128})
				d.run(p.Kernel, p.Launch, dh2, at, whh, l.batch, l.hidden, 4*l.hidden, p.Slice, 1.0, 0.0)
			}
			near(d, "dz", 4*l.hidden, get[float32](d, dz, len(l.gates)), get[float32](d, dz2, len(l.gates)))
			near(d, "dc", 4*l.hidden, get[float32](d, dc, cells), get[float32](d, dc2, cells))
			if c.optional {
				near(d, "dh", 4*l.hidden, get[float32](d, dhFirst, cells), get[float32](d, dh2, cells))
			}
		})
	}
}

// The kernels of a pass differ in how many units a block has. Those for few units are
// tested by the conformance suite of the backend; the others must agree with them.
func TestPersistentVariantsAgree(t *testing.T) {
	const steps, batch, hidden, rows = 3, 9, 133, 8
	const cells = batch * hidden
	none := cuda.Pointer(0)
	for pass, of := range map[string]struct {
		units [3]int                                                   // of kernels for 256, 512 and 1024 units
		run   func(d *device, kernel string, units int) []cuda.Pointer // returns results of steps*cells
	}{
		"rnn_forward": {[3]int{64, 64, 32}, func(d *device, kernel string, units int) []cuda.Pointer {
			l := newLSTM(1, steps, batch, hidden, true)
			h := put(d, l.h)
			d.runLayer(kernel, l.persistent(units, rows), []any{h, put(d, l.whh), put(d, l.bih), none}, put(d, make([]uint32, batch)), steps, batch, hidden, rows, 0)
			return []cuda.Pointer{window(h, cells)}
		}},
		"rnn_backward": {[3]int{64, 64, 32}, func(d *device, kernel string, units int) []cuda.Pointer {
			l, dz, first := newLSTM(2, steps, batch, hidden, true), room[float32](d, steps*cells), room[float32](d, cells)
			launch := l.persistent(units, rows)
			part := room[float32](d, kernels.Persistent{Launch: launch, Units: units}.Part(batch))
			operands := []any{dz, put(d, l.h), put(d, l.whh), put(d, l.gates[:steps*cells]), none, first}
			d.runLayer(kernel, launch, operands, part, put(d, make([]uint32, batch)), steps, batch, hidden, rows, 0)
			return []cuda.Pointer{dz}
		}},
		"gru_forward": {[3]int{32, 16, 8}, func(d *device, kernel string, units int) []cuda.Pointer {
			l := newLSTM(3, steps, batch, hidden, true)
			h, gates, u := put(d, l.h), put(d, l.gates[:3*steps*cells]), room[float32](d, 3*steps*cells)
			operands := []any{gates, u, h, put(d, l.whh), put(d, l.bih), put(d, l.bhh)}
			d.runLayer(kernel, l.persistent(units, rows), operands, put(d, make([]uint32, batch)), steps, batch, hidden, rows)
			return []cuda.Pointer{window(h, cells), gates, u}
		}},
		"gru_backward": {[3]int{32, 16, 8}, func(d *device, kernel string, units int) []cuda.Pointer {
			l := newLSTM(4, steps, batch, hidden, true)
			launch := l.persistent(units, rows)
			part := room[float32](d, kernels.Persistent{Launch: launch, Units: units}.Part(batch))
			dv, du := put(d, l.gates[:3*steps*cells]), put(d, l.gates[steps*cells:])
			operands := []any{dv, du, room[float32](d, cells), dv, du, put(d, l.h), put(d, l.whh), put(d, l.c[:steps*cells]), none, none}
			d.runLayer(kernel, launch, operands, part, put(d, make([]uint32, batch)), steps, batch, hidden, rows)
			return []cuda.Pointer{dv, du}
		}},
	} {
		t.Run(pass, func(t *testing.T) {
			d := open(t, pass)
			var want [][]float32
			for i, most := range []int{256, 512, 1024} {
				kernel := fmt.Sprintf("%s_%d", pass, most)
				for k, p := range of.run(d, kernel, of.units[i]) {
					got := get[float32](d, p, steps*cells)
					if i == 0 {
						want = append(want, got)
						continue
					}
					near(d, fmt.Sprintf("%s, result %d", kernel, k), 3*hidden, got, want[k])
				}
			}
		})
	}
}
