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

// tensorStep launches a step on tensor cores. Then the next step's h must be packed as if it
// were packed by itself, with zeros around it.
func (s layerStep) tensorStep(p kernels.StepPlan, args, tail []any) {
	s.Helper()
	params := s.kernels[p.Kernel].Params
	arg := func(name string) cuda.Pointer {
		return args[slices.IndexFunc(params, func(p kernels.Param) bool { return p.Name == name })].(cuda.Pointer)
	}
	h, next := pack(s.device, arg("h_prev"), p.PackH), pack(s.device, arg("h_prev"), p.PackH)
	count, offset := put(s.device, make([]uint32, p.Tiles)), s.offset
	s.offset = 0 // of the workspace
	args = append(args, h, pack(s.device, arg("whh"), p.PackWeights), next, room[float32](s.device, p.Part), count, p.Slice, s.batch, s.hidden)
	s.offset = offset
	s.run(p.Kernel, p.Launch, append(args, tail...)...)
	wrapped(s.device, count, p.Tiles)
	got, want := get[byte](s.device, next, p.PackH.Bytes), get[byte](s.device, pack(s.device, arg("h"), p.PackH), p.PackH.Bytes)
	for k := range want {
		if got[k] != want[k] {
			s.Fatalf("%s: byte %d of the packed h is %#x, want %#x", p.Kernel, k, got[k], want[k])
		}
	}
}

// eachTensorStep runs a test for the steps on tensor cores: for all tiles of all layers in one
// math each, and with -uncapped in all.
func eachTensorStep(t *testing.T, test func(d *device, layer, math string, tile int)) {
	for n, layer := range []string{"lstm", "rnn", "gru"} {
		for i, math := range tensorMaths() {
			for tile := range 2 {
				if (n+tile)%3 != i && !*uncapped {
					continue
				}
				d := open(t, layer, layer+"_step_mma", "gemm_"+math)
				t.Run(fmt.Sprintf("%s in %s, tile %d", layer, math, tile), func(t *testing.T) {
					d.TB = t
					test(d, layer, math, tile)
				})
			}
		}
	}
}

// plans returns the plans of a step with a tile of tensor cores, in one slice and in most,
// and a plan in float32.
func (s layerStep) plans(layer, math string, tile int) (tensor []kernels.StepPlan, plain kernels.StepPlan) {
	all := kernels.StepPlans(math, layer, 1, s.batch, s.hidden, h100)
	rows := []int{64, 128}[tile]
	all = slices.DeleteFunc(all, func(p kernels.StepPlan) bool { return p.Rows != rows })
	if len(all) > 2 {
		all = []kernels.StepPlan{all[0], all[len(all)-1]}
	}
	return all, kernels.StepPlans("float32", layer, 1, s.batch, s.hidden, h100)[0]
}

// eighths returns n whole numbers in so many parts, which all formats hold, and so do sums of
// products of them.
func eighths(seed uint64, n int, parts float32) []float32 {
	x := whole(random(seed), n)
	for k := range x {
		x[k] /= parts
	}
	return x
}

// Steps on tensor cores have the bits of those in float32 where nothing is rounded, at any
// size, with and without biases and peepholes. Nothing is aligned.
func TestTensorStepsAreStepsInFloat32(t *testing.T) {
	eachTensorStep(t, func(d *device, layer, math string, tile int) {
		for i, size := range append(stepSizes[:len(stepSizes):len(stepSizes)], [2]int{64, 64}) {
			batch, hidden := size[0], size[1]
			n := uint64(8 * i)
			s := layerStep{device: d, batch: batch, hidden: hidden,
				z: eighths(n, 4*batch*hidden, 8), cPrev: uniform(random(n+1), batch*hidden), hPrev: eighths(n+2, batch*hidden, 8), whh: eighths(n+3, 4*hidden*hidden, 16)}
			if i%2 == 1 {
				s.bih, s.bhh, s.peep = eighths(n+4, 4*hidden, 8), eighths(n+5, 4*hidden, 16), uniform(random(n+6), 3*hidden)
			}
			plans, plain := s.plans(layer, math, tile)
			want := stepResults[layer](s, &plain)
			for _, p := range plans {
				for k, got := range stepResults[layer](s, &p) {
					for e := range got {
						if got[e] != want[k][e] {
							d.Fatalf("seeds from 1,%d: %s on %dx%d in %d slices: element %d of result %d: got %v, want %v",
								n, p.Kernel, batch, hidden, p.Slices, e, k, got[e], want[k][e])
						}
					}
				}
			}
		}
	})
}

// A step on tensor cores is a step in float32 with rounded factors, but for the order of sums,
// and is not what comes of others.
func TestTensorStepsRoundAsTheirFormat(t *testing.T) {
	eachTensorStep(t, func(d *device, layer, math string, tile int) {
		const batch, hidden = 33, 70
		s := layerStep{device: d, batch: batch, hidden: hidden,
			z: uniform(random(1), 4*batch*hidden), cPrev: uniform(random(2), batch*hidden), hPrev: uniform(random(3), batch*hidden), whh: uniform(random(4), 4*hidden*hidden)}
		rounded := func(x []float32) []float32 {
			x = slices.Clone(x)
			for k := range x {
				x[k] = roundings[math](x[k])
			}
			return x
		}
		if layer == "gru" {
			s.hPrev = rounded(s.hPrev) // which is in the new h too
		}
		of := s
		of.hPrev, of.whh = rounded(s.hPrev), rounded(s.whh)
		plans, plain := s.plans(layer, math, tile)
		p := plans[0]
		want, unrounded, exact := stepResults[layer](of, &plain), stepResults[layer](s, &plain), true
		for k, got := range stepResults[layer](s, &p) {
			near(d, fmt.Sprintf("seeds 1,1 to 1,4: %s: result %d", p.Kernel, k), hidden, got, want[k])
			for e := range got {
				exact = exact && abs(float64(got[e])-float64(unrounded[k][e])) <= hidden*hidden*0x1p-24
			}
		}
		if exact != (math == "tf32x3") {
			d.Errorf("seeds 1,1 to 1,4: %s: that factors are rounded makes no difference", p.Kernel)
		}
	})
}

// NaN, infinities and numbers that would be rounded to infinity have the results of float32,
// and others do not notice.
func TestTensorStepsKeepWhatIsNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{float32(math.NaN()), math.Float32frombits(0x7fffffff), inf, -inf, math.MaxFloat32, -math.MaxFloat32}
	eachTensorStep(t, func(d *device, layer, name string, tile int) {
		const batch, hidden = 9, 21
		s := layerStep{device: d, batch: batch, hidden: hidden,
			z: eighths(1, 4*batch*hidden, 8), cPrev: uniform(random(2), batch*hidden), hPrev: eighths(3, batch*hidden, 8), whh: eighths(4, 4*hidden*hidden, 16)}
		for i, v := range special {
			s.hPrev[i*hidden+3*i] = v      // some rows have one
			s.whh[(2+3*i)*hidden+10+i] = v // and some units
		}
		plans, plain := s.plans(layer, name, tile)
		want := stepResults[layer](s, &plain)
		for _, p := range plans {
			for k, got := range stepResults[layer](s, &p) {
				for e := range got {
					if got[e] != want[k][e] && (got[e] == got[e] || want[k][e] == want[k][e]) {
						d.Fatalf("seeds 1,1 to 1,4: %s in %d slices: element %d of result %d: got %v, want %v", p.Kernel, p.Slices, e, k, got[e], want[k][e])
					}
				}
			}
		}
	})
}

// Tensor cores take a large time step, but not a small one.
func TestChooseTensorStep(t *testing.T) {
	for _, c := range []struct {
		math, layer          string
		steps, batch, hidden int
		on                   kernels.Device
		want                 string
		slices               int
	}{
		{"bf16", "lstm", 25, 128, 2048, h100, "lstm_step_bf16_128x32", 2},
		{"tf32", "lstm", 25, 64, 2048, h100, "lstm_step_tf32_64x16", 2},
		{"tf32x3", "lstm", 25, 128, 2048, a100, "lstm_step_tf32x3_128x32", 3}, // 192 blocks for 108 multiprocessors
		{"tf32", "lstm", 25, 512, 4096, a100, "lstm_step_tf32_128x32", 1},
		{"bf16", "gru", 25, 64, 1200, a100, "gru_step_bf16_64x32", 4},
		{"bf16", "gru", 25, 1024, 4096, h100, "gru_step_bf16_128x32", 1},
		{"tf32", "rnn", 25, 64, 4096, h100, "rnn_step_tf32_64x64", 4},
		{"bf16", "lstm", 25, 1, 1, h100, "lstm_step_32x8", 0},
		{"bf16", "lstm", 1, 16, 512, h100, "lstm_step_32x8", 0}, // the weights are packed for nothing else
	} {
		p := kernels.ChooseStep([]string{"float32", c.math}, c.layer, c.steps, c.batch, c.hidden, c.on)
		if p.Kernel != c.want || p.Slices != c.slices {
			t.Errorf("%+v: got %s in %d slices", c, p.Kernel, p.Slices)
		}
		if p.Slices > 1 && p.Tiles > kernels.Counters(c.on.Multiprocessors) {
			t.Errorf("%s: %d tiles that blocks share, and %d counters", p.Kernel, p.Tiles, kernels.Counters(c.on.Multiprocessors))
		}
	}
}

// Many rows are a product with larger tiles, and a launch of the cell.
func TestChooseStepProduct(t *testing.T) {
	for _, c := range []struct {
		math, layer          string
		steps, batch, hidden int
		on                   kernels.Device
		want                 string // "" is none
	}{
		{"bf16", "lstm", 25, 128, 2048, h100, ""},
		{"tf32", "lstm", 25, 1024, 4096, h100, "gemm_tf32_128x256"},
		{"bf16", "lstm", 25, 1024, 2048, h100, "gemm_bf16_128x256"},
		{"tf32", "gru", 25, 1024, 8192, h100, "gemm_tf32_128x256"},
		{"bf16", "lstm", 25, 100, 4096, a100, "gemm_bf16_share_128x128"},
		{"tf32x3", "lstm", 25, 512, 2048, a100, "gemm_tf32x3_share_128x128"},
		{"bf16", "rnn", 25, 512, 4096, h100, ""},
		{"float32", "lstm", 25, 2048, 4096, h100, ""},
	} {
		maths := slices.Compact([]string{"float32", c.math})
		step := kernels.ChooseStep(maths, c.layer, c.steps, c.batch, c.hidden, c.on)
		p, faster := kernels.ChooseStepProduct(step, maths, c.layer, c.steps, c.batch, c.hidden, c.on)
		got := p.Kernel
		if !faster {
			got = ""
		}
		if got != c.want {
			t.Errorf("%+v: got %q of %s, faster than %s: %t", c, got, p.Kernel, step.Kernel, faster)
		}
	}
}

// By the estimate, no step on tensor cores takes longer than one in float32.
func TestStepsAreAsFastAsInFloat32(t *testing.T) {
	const steps = 25
	for _, d := range []kernels.Device{h100, a100, l4, rtx4090} {
		for _, layer := range []string{"lstm", "rnn", "gru"} {
			for _, math := range tensorMaths() {
				for _, batch := range []int{1, 16, 64, 100, 128, 512, 1024} {
					for _, hidden := range []int{128, 512, 1100, 2048, 4096, 8192} {
						plain, _ := kernels.StepClocks([]string{"float32"}, layer, steps, batch, hidden, d)
						step, _ := kernels.StepClocks([]string{"float32", math}, layer, steps, batch, hidden, d)
						if step > plain {
							t.Errorf("%s in %s, %dx%d on %+v: a step takes %.0f clocks, %.0f in float32", layer, math, batch, hidden, d, step, plain)
						}
					}
				}
			}
		}
	}
}

// All steps on tensor cores are recorded with all of their products: a warp has one for 16
// rows, 8 columns and 8 or 16 numbers of k, and three of them in tf32x3.
func TestTensorStepLoopsHaveAllProducts(t *testing.T) {
	for _, layer := range []string{"lstm", "rnn", "gru"} {
		for _, math := range tensorMaths() {
			for _, p := range kernels.StepPlans(math, layer, 1, 1, 1, h100) {
				want := p.Rows / 16 * p.Units * kernels.Gates(layer) / 8 * 4 / (p.Launch.Block.X / 32)
				if math == "tf32x3" {
					want = want / 2 * 3 // in half of the slab
				}
				l := kernels.Loops()[p.Kernel]
				if l.Multiplications != want || 100*l.Multiplications < 35*l.Instructions {
					t.Errorf("the loop of %s is recorded with %d products among %d instructions, want %d, and 35 %%", p.Kernel, l.Multiplications, l.Instructions, want)
				}
				if !strings.Contains(p.Kernel, math) {
					t.Errorf("%s is not in %s", p.Kernel, math)
				}
			}
		}
	}
}

// A step whose tiles are shared moves what is planned, and a sector for each arrival.
func TestSharedTensorStepsMoveWhatTheyPlan(t *testing.T) {
	const batch, hidden, slices = 64, 64, 2
	d := open(t, "lstm_step_mma")
	d.offset = 0
	for _, p := range kernels.StepPlans("tf32", "lstm", 1, batch, hidden, h100) {
		if p.Slices != slices || p.Rows != 64 {
			continue
		}
		cell, null := floats(batch*hidden), cuda.Pointer(0)
		s := d.measure(profileCase{kernel: p.Kernel, launch: p.Launch, args: []any{
			4 * cell, cell, cell, cell, cell, 4 * hidden * cell / batch, null, null, null,
			make(words, p.PackH.Bytes/8), make(words, p.PackWeights.Bytes/8), make(words, p.PackH.Bytes/8),
			floats(p.Part), make(words, p.Tiles), p.Slice, batch, hidden,
		}})
		if got, want := 32*int64(s.GlobalSectors), p.Bytes+int64(32*p.Tiles*slices); got != want {
			t.Errorf("%s in %d slices moves %d bytes, want %d", p.Kernel, slices, got, want)
		}
		return
	}
	t.Fatal("there is no such plan")
}
