package kernels_test

import (
	"math"
	"testing"

	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// Lanes, clock and multiprocessors make the rate of each GPU's datasheet.
func TestLanesMakeTheRateOfTheDatasheet(t *testing.T) {
	clocks := map[string]float64{ // the highest, of the datasheets
		"H200": 1.98e9, "H100": 1.98e9, "A100": 1.41e9, "L4": 2.04e9, "RTX 4090": 2.52e9, "T4": 1.59e9, "V100": 1.53e9,
	}
	for _, g := range emulator.GPUs() {
		rate := 2 * float64(kernels.Lanes(g.Major, g.Minor)) * float64(g.Multiprocessors) * clocks[g.Name]
		if off := math.Abs(rate/g.Float32 - 1); !(off <= 0.006) {
			t.Errorf("%s: %d lanes of %d multiprocessors at %.3g Hz make %.4g, the datasheet has %.4g", g.Name,
				kernels.Lanes(g.Major, g.Minor), g.Multiprocessors, clocks[g.Name], rate, g.Float32)
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
		{a100, "gemm_tf32x3_128x128", "lstm_step_32x8"},
		{wide, "gemm_tn_share_128x64", "lstm_step_64x16"},
	} {
		product, step := kernels.ChooseGemm([]string{"float32", "tf32x3"}, gradient, c.on), kernels.ChooseStep(kernels.Maths()[:1], "lstm", 25, 64, 2048, c.on)
		if product.Kernel != c.product || step.Kernel != c.step {
			t.Errorf("%d lanes: got %s and %s, want %s and %s", c.on.Lanes, product.Kernel, step.Kernel, c.product, c.step)
		}
	}
}
