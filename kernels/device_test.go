package kernels_test

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// Rates per clock, the clock and the multiprocessors make the rates of each GPU's datasheet.
func TestRatesAreThoseOfTheDatasheet(t *testing.T) {
	clocks := map[string]float64{ // the highest, of the datasheets
		"H200": 1.98e9, "H100": 1.98e9, "A100": 1.41e9, "L4": 2.04e9, "RTX 4090": 2.52e9, "T4": 1.59e9, "V100": 1.53e9,
	}
	for _, g := range emulator.GPUs() {
		name := cmp.Or(g.Product, g.Name)
		clock := clocks[g.Name]
		tensorClock := clock
		if g.Major == 9 {
			tensorClock = 1.83e9 // the white paper has another one for tensor cores
		}
		peak := float64(kernels.TensorPeak(name, g.Major, g.Minor))
		for _, c := range []struct {
			what               string
			rate, clock, sheet float64
			within             float64
		}{
			{"float32", float64(kernels.Lanes(g.Major, g.Minor)), clock, g.Float32, 0.006},
			{"bfloat16", peak, tensorClock, g.Tensor[emulator.TensorBF16], 0.006},
			{"TF32", peak / 2, tensorClock, g.Tensor[emulator.TensorTF32], 0.011}, // of an L4 it is rounded to 60
		} {
			got := 2 * c.rate * float64(g.Multiprocessors) * c.clock
			if got != c.sheet && !(math.Abs(got/c.sheet-1) <= c.within) {
				t.Errorf("%s: %.4g multiply-adds of %s by %d multiprocessors at %.4g Hz make %.4g, the datasheet has %.4g", g.Name,
					c.rate, c.what, g.Multiprocessors, c.clock, got, c.sheet)
			}
		}
		d := kernels.NewDevice(name, g.Major, g.Minor, g.Multiprocessors, g.Shared-g.SharedReserved)
		if got := float64(d.Cache*g.Multiprocessors) * clock; g.Major >= kernels.MathCapability && !(0.6*g.L2Bandwidth < got && got < 1.05*g.L2Bandwidth) {
			t.Errorf("%s: %d bytes per clock make %.3g per second of the second cache, the emulator has %.3g", g.Name, d.Cache, got, g.L2Bandwidth)
		}
		if share := float64(d.Tensor) / peak; peak > 0 && (g.Major < 9 && share != 1 || g.Major == 9 && !(0.62 < share && share < 0.66)) {
			t.Errorf("%s: mma makes %.3f of the peak", g.Name, share)
		}
	}
}

// A large product goes to tensor cores, in large tiles, where they are faster: not in tf32x3 on
// an L4, and even less on a GeForce, whose tensor cores have half the rate.
func TestPlansDependOnTensorCores(t *testing.T) {
	for _, c := range []struct {
		on    kernels.Device
		maths string // on tensor cores
	}{{h100, "bf16 tf32 tf32x3"}, {a100, "bf16 tf32 tf32x3"}, {l4, "bf16 tf32"}, {rtx4090, "bf16 tf32"}} {
		for _, math := range tensorMaths() {
			p := kernels.ChooseGemm([]string{"float32", math}, kernels.GemmShape{M: 4096, N: 4096, K: 4096}, c.on)
			if got, want := p.PackA.Kernel != "", slices.Contains(strings.Fields(c.maths), math); got != want || p.Rows < 128 {
				t.Errorf("%s on %+v: got %s, want tensor cores: %t", math, c.on, p.Kernel, want)
			}
		}
	}
	// In tf32x3 they take a product from float32 by their rate alone.
	slow := h100
	slow.Tensor /= 2
	product := kernels.GemmShape{M: 4096, N: 4096, K: 4096}
	for _, on := range []kernels.Device{h100, slow} {
		p := kernels.ChooseGemm([]string{"float32", "tf32x3"}, product, on)
		if got := p.PackA.Kernel != ""; got != (on == h100) {
			t.Errorf("%+v: got %s", on, p.Kernel)
		}
	}
}

// A device with half the lanes takes more to tensor cores, and smaller tiles for a time step.
func TestPlansDependOnLanes(t *testing.T) {
	wide := a100
	wide.Lanes = 128
	gradient := kernels.GemmShape{TransA: true, M: 2048, N: 128, K: 6400}
	for _, c := range []struct {
		on            kernels.Device
		product, step string
	}{
		{a100, "gemm_tf32x3_share_128x128", "lstm_step_32x8"},
		{wide, "gemm_tn_share_128x64", "lstm_step_64x16"},
	} {
		product, step := kernels.ChooseGemm([]string{"float32", "tf32x3"}, gradient, c.on), kernels.ChooseStep(kernels.Maths()[:1], "lstm", 25, 64, 2048, c.on)
		if product.Kernel != c.product || step.Kernel != c.step {
			t.Errorf("%d lanes: got %s and %s, want %s and %s", c.on.Lanes, product.Kernel, step.Kernel, c.product, c.step)
		}
	}
}
