package cuda_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
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
// three. The gradient of an update is neither filled with zeros nor read back to be added
// to. So beside these 32 bytes, a step with one sample only reads each weight and writes
// its gradient. Each warp of Adam reads ten more sectors, of its nine scalars and the
// factor.
func TestTrainingStepMovesLittle(t *testing.T) {
	const out, width, sector, want = 1024, 256, 32, 4 + 4 + 32
	var device *emulator.Device
	b := newBench(t, &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}, cuda.Options{})
	net, err := model.New(b, model.Spec{{Name: "dense", Layer: model.Dense{Out: out}}}, model.Shape{Steps: 1, Batch: 1, Width: width}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	device.ResetProfile()
	trainer.Step(data.Batch{Steps: 1, Size: 1, X: make([]float32, width), Targets: make([]float32, out)})
	var moved, warps int
	for _, s := range device.Profile() {
		moved += sector * int(s.GlobalSectors)
		if s.Kernel == "adam" {
			warps = s.Grid.X * s.Block.X / 32
		}
	}
	moved -= sector * 10 * warps
	if per := float64(moved) / float64(net.Count()); math.Abs(per-want) > 1 {
		t.Errorf("%.3f bytes per parameter, want %d", per, want)
	}
}
