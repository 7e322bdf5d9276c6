package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// The steps that fuse product and cell give the bits of the two separate kernels, in every
// tile. The sizes straddle the tiles: 32, 64 and 128 rows by 8, 16 and 32 units for the
// LSTM and the GRU, and by as many units as rows for the RNN. They straddle a slab of k too.
var stepSizes = [][2]int{{1, 1}, {33, 9}, {65, 17}, {129, 33}, {5, 129}}

// layerStep holds the operands of a time step, for the four gates of an LSTM. Other layers
// take the first part of them.
type layerStep struct {
	*device
	batch, hidden                        int
	z, cPrev, hPrev, whh, bih, bhh, peep []float32
}

// stepResults runs a step of a layer as planned, or without a plan as product and cell.
var stepResults = map[string]func(s layerStep, p *kernels.StepPlan) [][]float32{
	"lstm": func(s layerStep, p *kernels.StepPlan) [][]float32 {
		gates, c, h := put(s.device, s.z), room[float32](s.device, s.cells()), room[float32](s.device, s.cells())
		cPrev, hPrev, whh, peep := put(s.device, s.cPrev), put(s.device, s.hPrev), put(s.device, s.whh), s.optional(s.peep)
		if p != nil {
			s.step(*p, gates, c, h, cPrev, hPrev, whh, s.optional(s.bih), s.optional(s.bhh), peep)
		} else {
			s.product(gates, hPrev, whh, 4*s.hidden, s.bih, s.bhh)
			s.run("lstm_cell", kernels.Matrix(s.batch, s.hidden), gates, c, h, cPrev, peep, s.batch, s.hidden)
		}
		return s.read([]int{4, 1, 1}, gates, c, h)
	},
	"rnn": func(s layerStep, p *kernels.StepPlan) [][]float32 {
		var results [][]float32
		for relu, cell := range []string{"tanh_forward", "relu"} {
			h, hPrev, whh := put(s.device, s.z[:s.cells()]), put(s.device, s.hPrev), put(s.device, s.whh[:s.hidden*s.hidden])
			if p != nil {
				s.step(*p, h, hPrev, whh, s.optional(s.bih), s.optional(s.bhh), relu)
			} else {
				s.product(h, hPrev, whh, s.hidden, s.bih, s.bhh)
				s.run(cell, kernels.Elements(int64(s.cells())), h, h, int64(s.cells()))
			}
			results = append(results, s.read([]int{1}, h)...)
		}
		return results
	},
	"gru": func(s layerStep, p *kernels.StepPlan) [][]float32 {
		gates, u, h := put(s.device, s.z[:3*s.cells()]), room[float32](s.device, 3*s.cells()), room[float32](s.device, s.cells())
		hPrev, whh := put(s.device, s.hPrev), put(s.device, s.whh[:3*s.hidden*s.hidden])
		if p != nil {
			s.step(*p, gates, u, h, hPrev, whh, s.optional(s.bih), s.optional(s.bhh))
		} else {
			u = put(s.device, make([]float32, 3*s.cells()))
			s.product(u, hPrev, whh, 3*s.hidden, s.bhh)
			s.add(gates, 3*s.hidden, s.bih)
			s.run("gru_cell", kernels.Matrix(s.batch, s.hidden), gates, h, u, hPrev, s.batch, s.hidden)
		}
		return s.read([]int{3, 3, 1}, gates, u, h)
	},
}

func TestStepsAreGemmAndCell(t *testing.T) {
	for layer, results := range stepResults {
		d := open(t, layer, "gemm", "elementwise", "activation")
		for i, size := range stepSizes {
			batch, hidden, optional := size[0], size[1], i%2 == 1
			r := random(uint64(i))
			s := layerStep{device: d, batch: batch, hidden: hidden,
				z: uniform(r, 4*batch*hidden), cPrev: uniform(r, batch*hidden), hPrev: uniform(r, batch*hidden), whh: uniform(r, 4*hidden*hidden)}
			if optional {
				s.bih, s.bhh, s.peep = uniform(r, 4*hidden), uniform(r, 4*hidden), uniform(r, 3*hidden)
			}
			want := results(s, nil)
			for _, p := range kernels.StepPlans("float32", layer, 1, batch, hidden, kernels.Device{Multiprocessors: 1 << 20, Lanes: 128}) {
				t.Run(fmt.Sprintf("%s, batch %d, hidden %d, biases and peepholes %v", p.Kernel, batch, hidden, optional), func(t *testing.T) {
					for k, got := range results(s, &p) {
						for e := range got {
							if math.Float32bits(got[e]) != math.Float32bits(want[k][e]) {
								t.Fatalf("seed 1,%d: element %d of result %d: got %v, want %v", i, e, k, got[e], want[k][e])
							}
						}
					}
				})
			}
		}
	}
}

func TestChooseStep(t *testing.T) {
	for _, c := range []struct {
		layer         string
		batch, hidden int
		on            kernels.Device
		want          string
	}{
		{"lstm", 1, 1, t4, "lstm_step_32x8"},
		{"lstm", 32, 2048, h100, "lstm_step_32x8"},
		{"lstm", 64, 2048, h100, "lstm_step_64x16"},
		{"lstm", 128, 2048, h100, "lstm_step_128x32"}, // 128 blocks
		{"lstm", 128, 2048, a100, "lstm_step_64x16"},  // 128 blocks would take two rounds
		{"lstm", 512, 2048, h100, "lstm_step_128x32"},
		{"lstm", 2048, 2048, h100, "lstm_step_64x16"}, // there is no counter for each of 1024 tiles
		{"lstm", 64, 512, v100, "lstm_step_32x8"},     // spread over the device
		{"gru", 128, 2048, h100, "gru_step_128x32"},
		{"gru", 16, 1500, a100, "gru_step_32x8"},
		{"rnn", 128, 8192, h100, "rnn_step_128x128"},
		{"rnn", 32, 2048, h100, "rnn_step_32x32"},
	} {
		p := kernels.ChooseStep(kernels.Maths()[:1], c.layer, 25, c.batch, c.hidden, c.on)
		if p.Kernel != c.want {
			t.Errorf("%s of %dx%d on %d multiprocessors: got %s, want %s", c.layer, c.batch, c.hidden, c.on.Multiprocessors, p.Kernel, c.want)
		}
		if p.Part > 0 && p.Tiles > kernels.Counters(c.on.Multiprocessors) {
			t.Errorf("%s: %d tiles that blocks share, and %d counters", p.Kernel, p.Tiles, kernels.Counters(c.on.Multiprocessors))
		}
	}
}

func (s layerStep) cells() int { return s.batch * s.hidden }

// step launches a step. The arguments are those before the workspace, or those and relu.
func (s layerStep) step(p kernels.StepPlan, args ...any) {
	s.Helper()
	var tail []any
	if relu, ok := args[len(args)-1].(int); ok {
		args, tail = args[:len(args)-1], []any{relu}
	}
	if p.PackH.Kernel != "" {
		s.tensorStep(p, args, tail)
		return
	}
	count := put(s.device, make([]uint32, p.Tiles))
	args = append(args, room[float32](s.device, p.Part), count, s.batch, s.hidden)
	s.run(p.Kernel, p.Launch, append(args, tail...)...)
	wrapped(s.device, count, p.Tiles)
}

// product adds hPrev·whhᵀ and the biases to z.
func (s layerStep) product(z, hPrev, whh cuda.Pointer, columns int, biases ...[]float32) {
	s.Helper()
	tiles := kernels.GemmTiles("float32")
	p := tiles[len(tiles)-1].Plan(kernels.GemmShape{TransB: true, M: s.batch, N: columns, K: s.hidden}, 1)
	s.run(p.Kernel, p.Launch, z, hPrev, whh, s.batch, columns, s.hidden, p.Slice, 1.0, 1.0)
	for _, bias := range biases {
		s.add(z, columns, bias)
	}
}

func (s layerStep) add(z cuda.Pointer, columns int, bias []float32) {
	s.Helper()
	if bias != nil {
		s.run("add_row", kernels.Matrix(s.batch, columns), z, z, put(s.device, bias), s.batch, columns)
	}
}

// optional returns the address of an operand, or null.
func (d *device) optional(x []float32) cuda.Pointer {
	if x == nil {
		return 0
	}
	return put(d, x)
}

// read reads results, which have so many numbers for each cell.
func (s layerStep) read(widths []int, results ...cuda.Pointer) [][]float32 {
	s.Helper()
	var all [][]float32
	for i, width := range widths {
		all = append(all, get[float32](s.device, results[i], width*s.cells()))
	}
	return all
}

// near compares values of about 1. Each comes from a sum of terms that are at most 1.
func near(d *device, name string, terms int, got, want []float32) {
	d.Helper()
	tolerance := float64(terms+16) * float64(terms+4) * 0x1p-24
	for k := range want {
		if off := math.Abs(float64(got[k]) - float64(want[k])); !(off <= tolerance) {
			d.Fatalf("%s[%d] = %v, want %v, off by %.3g, tolerance %.3g", name, k, got[k], want[k], off, tolerance)
		}
	}
}
