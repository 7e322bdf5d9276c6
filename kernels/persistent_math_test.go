package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// An element is a result of one time step: apply(add + the sum of x[i]*w[i]).
type element struct {
	got   float32
	add   float32
	x, w  []float32
	apply func(float64) float64
}

// want returns the value that e should have if factors are rounded, and by how much it may be
// off: sums are float32, of terms with either sign, and the products of tf32x3 are not exact.
func (e element) want(math string, round func(float32) float32) (value, tolerance float64) {
	sum, magnitude := float64(e.add), float64(max(e.add, -e.add))
	for i := range e.x {
		product := float64(round(e.x[i])) * float64(round(e.w[i]))
		sum += product
		magnitude += max(product, -product)
	}
	tolerance = 0x1p-21 + 0x1p-20*magnitude
	if math == "tf32x3" {
		tolerance += productError[math] * magnitude
	}
	return e.apply(sum), tolerance
}

// roundings are what the formats make of a number. tf32x3 keeps it.
var roundings = map[string]func(float32) float32{
	"tf32x3": func(x float32) float32 { return x },
	"tf32":   func(x float32) float32 { return math.Float32frombits((math.Float32bits(x) + 1<<12) &^ (1<<13 - 1)) },
	"bf16": func(x float32) float32 {
		bits := math.Float32bits(x)
		return math.Float32frombits((bits + 1<<15 - 1 + bits>>16&1) &^ (1<<16 - 1))
	},
}

func same(x float64) float64    { return x }
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// forwardStep runs one time step in the first blocks only: no other has what they need. It
// returns what the first units come to.
func (l lstm) forwardStep(d *device, p kernels.Persistent, units int) []element {
	d.Helper()
	launch := l.persistent(p.Units, 16)
	launch.Grid.X = (units + p.Units - 1) / p.Units
	count, none := put(d, make([]uint32, l.batch)), cuda.Pointer(0)
	shared := []any{count, 1, l.batch, l.hidden, 16}
	layer := p.Kernel[:strings.Index(p.Kernel, "_")]
	gates, cells := kernels.Gates(layer), l.batch*l.hidden
	h, whh, z := put(d, l.h), put(d, l.whh[:gates*l.hidden*l.hidden]), put(d, l.gates[:gates*cells])
	var result []float32
	switch layer {
	case "lstm":
		d.runLayer(p.Kernel, launch, []any{z, put(d, l.c), h, whh, none, none, none}, shared...)
		result = get[float32](d, z, gates*cells)
	case "rnn":
		at := put(d, slices.Concat(l.h[:cells], l.gates[:cells]))
		d.runLayer(p.Kernel, launch, []any{at, whh, none, none}, append(shared, 1)...) // ReLU
		result = get[float32](d, window(at, cells), cells)
	case "gru":
		u := put(d, make([]float32, gates*cells))
		d.runLayer(p.Kernel, launch, []any{z, u, h, whh, none, none}, shared...)
		result = get[float32](d, u, gates*cells)
	}
	wrapped(d, count, l.batch)
	var all []element
	for row := range l.batch {
		for column := range gates * l.hidden {
			if column%l.hidden >= units {
				continue
			}
			k := row*gates*l.hidden + column
			e := element{result[k], l.gates[k], l.h[row*l.hidden:][:l.hidden], l.whh[column*l.hidden:][:l.hidden], sigmoid}
			switch {
			case layer == "rnn":
				e.apply = func(x float64) float64 { return max(x, 0) }
			case layer == "gru":
				e.add, e.apply = 0, same
			case column/l.hidden == 2:
				e.apply = math.Tanh
			}
			all = append(all, e)
		}
	}
	return all
}

// backwardStep runs one time step, and returns the gradient of the first h, which is what dz
// or du comes to. These are computed in place.
func (l lstm) backwardStep(d *device, p kernels.Persistent, dy []float32) []element {
	d.Helper()
	launch, cells := l.persistent(p.Units, 16), l.batch*l.hidden
	layer := p.Kernel[:strings.Index(p.Kernel, "_")]
	gates, none := kernels.Gates(layer), cuda.Pointer(0)
	weights := l.whh[:gates*l.hidden*l.hidden]
	first, count := room[float32](d, cells), put(d, make([]uint32, l.batch))
	shared := []any{room[float32](d, kernels.Persistent{Launch: launch, Units: p.Units}.Part(l.batch)), count, 1, l.batch, l.hidden, 16}
	dz, h, whh, of := put(d, l.gates[:gates*cells]), put(d, l.h), put(d, weights), put(d, dy)
	carry := put(d, make([]float32, cells))
	switch layer {
	case "lstm":
		d.runLayer(p.Kernel, launch, []any{dz, room[float32](d, cells), dz, put(d, l.c), whh, none, of, none, none, first}, shared...)
	case "rnn":
		d.runLayer(p.Kernel, launch, []any{dz, h, whh, of, none, first}, append(shared, 0)...)
	case "gru":
		dv := put(d, l.gates[cells:][:gates*cells])
		d.runLayer(p.Kernel, launch, []any{dv, dz, carry, dv, dz, h, whh, of, none, first}, shared...)
	}
	wrapped(d, count, l.batch)
	result, x, add := get[float32](d, first, cells), get[float32](d, dz, gates*cells), get[float32](d, carry, cells)
	columns := make([]float32, len(weights))
	for k, w := range weights {
		columns[k%l.hidden*gates*l.hidden+k/l.hidden] = w
	}
	var all []element
	for k, got := range result {
		row, unit := k/l.hidden*gates*l.hidden, k%l.hidden*gates*l.hidden
		all = append(all, element{got, add[k], x[row:][:gates*l.hidden], columns[unit:][:gates*l.hidden], same})
	}
	return all
}

// eachTensorLayer runs a test for the kernels of the persistent passes on tensor cores: for the
// smallest kernel of each pass in one math, and with -uncapped for all.
func eachTensorLayer(t *testing.T, test func(d *device, math string, p kernels.Persistent, most int)) {
	for n, pass := range []string{"lstm_forward", "lstm_backward", "rnn_forward", "rnn_backward", "gru_forward", "gru_backward"} {
		d := open(t, pass, pass+"_mma")
		for i, math := range tensorMaths() {
			for _, p := range kernelsOf(pass) {
				most := 0 // of another math
				fmt.Sscanf(p.Kernel, pass+"_"+math+"_%d", &most)
				if most == 256 && i == n%3 || most > 0 && *uncapped {
					t.Run(p.Kernel, func(t *testing.T) {
						d.TB = t
						test(d, math, p, most)
					})
				}
			}
		}
	}
}

// A time step is what comes of rounded factors, but for the order of sums, and not what comes
// of others.
func TestPersistentLayersRoundAsTheirFormat(t *testing.T) {
	eachTensorLayer(t, func(d *device, math string, p kernels.Persistent, most int) {
		forward, hidden := strings.Contains(p.Kernel, "forward"), most-4
		if !forward {
			hidden = most / 8 * 5 // these take all blocks
		}
		d.offset = 0
		if strings.HasPrefix(p.Kernel, "lstm") == forward {
			d.offset = 1 // nothing is aligned
			hidden++
		}
		l, exact := newLSTM(1, 1, 9, hidden, false), true
		var all []element
		if forward {
			all = l.forwardStep(d, p, p.Units)
		} else {
			all = l.backwardStep(d, p, uniform(random(7), 9*hidden))
		}
		for k, e := range all {
			want, tolerance := e.want(math, roundings[math])
			if off := abs(float64(e.got) - want); !(off <= tolerance) {
				d.Fatalf("seeds 1,1 and 1,7: %d units: element %d is %v, want %v, off by %.3g, tolerance %.3g", hidden, k, e.got, want, off, tolerance)
			}
			unrounded, _ := e.want(math, roundings["tf32x3"])
			exact = exact && abs(float64(e.got)-unrounded) <= tolerance
		}
		if exact != (math == "tf32x3") {
			d.Errorf("seeds 1,1 and 1,7: %d units: that factors are rounded makes no difference", hidden)
		}
	})
}

func abs(x float64) float64 { return max(x, -x) }

// NaN, infinities, and numbers that would be rounded to infinity have the results of float32;
// so have numbers too small to matter, and zeros. Other elements do not notice. And each run
// has the same bits.
func TestPersistentLayersKeepWhatIsNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{
		float32(math.NaN()), math.Float32frombits(0xffc00000), math.Float32frombits(0x7fffffff), math.Float32frombits(0xffffffff),
		inf, -inf, math.MaxFloat32, -math.MaxFloat32, 0x1p-149, float32(math.Copysign(0, -1)),
	}
	eachTensorLayer(t, func(d *device, name string, p kernels.Persistent, most int) {
		const hidden = 70
		batch := len(special) + 2
		l := newLSTM(3, 1, batch, hidden, false)
		x, forward := l.h, strings.Contains(p.Kernel, "forward")
		if !forward {
			x = uniform(random(8), batch*hidden)
		}
		for i, v := range special {
			x[i*hidden+i*7%hidden] = v    // a row has one
			l.whh[(i*5+20)*hidden+40] = v // some columns have one
		}
		clear(x[(batch-1)*hidden:][:hidden])
		units := p.Units
		run := func(p kernels.Persistent) []element {
			if forward {
				return l.forwardStep(d, p, units)
			}
			return l.backwardStep(d, p, x)
		}
		pass, _, _ := strings.Cut(p.Kernel, "_"+name)
		of := kernelsOf(pass)
		plain := of[slices.IndexFunc(of, func(q kernels.Persistent) bool { return q.Kernel == fmt.Sprintf("%s_%d", pass, most) })]
		want, got, again := run(plain), run(p), run(p)
		for k, e := range got {
			if math.Float32bits(e.got) != math.Float32bits(again[k].got) && e.got == e.got {
				d.Fatalf("element %d is %v, and %v in another run", k, e.got, again[k].got)
			}
			w := want[k].got
			off, tolerance := abs(float64(e.got)-float64(w)), max(1, abs(float64(w)))*(productError[name]*10+hidden*0x1p-22)
			if (e.got != e.got) != (w != w) || w == w && e.got != w && !(off <= tolerance) {
				d.Fatalf("seed 1,3: %s: element %d is %v, want %v, off by %.3g, tolerance %.3g", p.Kernel, k, e.got, w, off, tolerance)
			}
		}
	})
}
