package cuda_test

import (
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// clippedAdam clips a gradient and makes a step of Adam, so that the optimizer takes the
// factor, or that clipping goes over the gradient first. It returns the parameters and
// what the kernels did.
func clippedAdam(t *testing.T, n int, limit float64, factored bool) ([]float32, []emulator.LaunchStats) {
	t.Helper()
	var device *emulator.Device
	b := newBench(t, &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}, cuda.Options{})
	param, grad, mean, square := b.Uniform(1, n), b.Uniform(1, n), b.Uniform(1, n), b.Zeros(1, n)
	norm, factor := b.Zeros(1, 1), b.Zeros(1, 1)
	device.ResetProfile()
	a := backend.AdamArgs{Param: param, Grad: grad, Mean: mean, Square: square, LR: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, Step: 3}
	if factored {
		a.Factor = backend.Clip(b.Backend, grad, norm, factor, limit)
	} else {
		b.ClipNorm(grad, norm, limit)
	}
	b.Adam(a)
	stats := device.Profile()
	params := make([]float32, n)
	if err := b.Download(params, param); err != nil {
		t.Fatal(err)
	}
	return params, stats
}

// The optimizer that takes the factor gives the bits of the one after clipping.
func TestClippingWithinTheOptimizerKeepsTheBits(t *testing.T) {
	for _, limit := range []float64{0.1, 1e9} {
		want, _ := clippedAdam(t, 3001, limit, false)
		got, _ := clippedAdam(t, 3001, limit, true)
		if !slices.Equal(got, want) {
			t.Errorf("limit %v: the parameters differ", limit)
		}
	}
}

// Clipping reads the gradient once. Adam reads four numbers per parameter and writes
// three. All else that the kernels touch is read once by each warp of Adam: its nine
// scalars and the factor.
func TestClippingAndAdamMoveLittle(t *testing.T) {
	const n, sector, ideal, least = 1 << 19, 32, 32, 0.999
	_, stats := clippedAdam(t, n, 0.1, true)
	var moved, warps int
	for _, s := range stats {
		moved += sector * int(s.GlobalSectors)
		if s.Kernel == "adam" {
			warps = s.Grid.X * s.Block.X / 32
		}
	}
	moved -= sector * 10 * warps
	if per := float64(moved) / n; per > ideal*1.001 || per < ideal*least {
		t.Errorf("%.3f bytes per parameter, want %d", per, ideal)
	}
	if warps*32 > n/2 {
		t.Errorf("%d warps read the scalars for %d parameters", warps, n)
	}
}
