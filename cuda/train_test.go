package cuda_test

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// An LSTM learns to read digits on the emulated GPU as on the CPU.
func TestTrainingFollowsTheCPU(t *testing.T) {
	steps := 50
	if testing.Short() {
		steps = 5
	}
	reference, err := cpu.Open(cpu.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer reference.Close()
	want := losses(t, reference, steps)
	got := losses(t, newBench(t, newDriver(t, emulator.Options{}), cuda.Options{}).Backend, steps)
	if first, last := want[0], want[steps-1]; steps == 50 && last > 0.8*first {
		t.Fatalf("the loss goes from %v to %v: nothing is learned", first, last)
	}
	const tolerance = 1e-4
	for i := range want {
		if off := math.Abs(got[i]-want[i]) / want[i]; !(off <= tolerance) {
			t.Errorf("step %d: loss %v, want %v, off by %.2g, tolerance %.2g", i, got[i], want[i], off, tolerance)
		}
	}
}

// losses returns the loss of each step.
func losses(t *testing.T, b backend.Backend, steps int) []float64 {
	t.Helper()
	const batch = 8
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 16, Peepholes: true}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: batch, Width: 8}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]int, batch*steps)
	for i := range samples {
		samples[i] = i
	}
	return lossOfEachStep(t, net, train.Options{Optimizer: train.Adam{}, LR: 0.05, Batch: batch}, digits.Subset(samples))
}

// lossOfEachStep trains for an epoch and returns the loss of each step.
func lossOfEachStep(t *testing.T, net *model.Network, o train.Options, set *data.Dataset) []float64 {
	t.Helper()
	var each []float64
	before := 0.0 // the sum of the losses
	o.Loss, o.ClipNorm, o.Epochs, o.Seed, o.LossEvery = train.CrossEntropy{}, 1, 1, 1, 1
	o.OnStep = func(p train.Progress) error {
		sum := p.Loss * float64(p.Step)
		each = append(each, sum-before)
		before = sum
		return nil
	}
	trainer, err := train.New(net, o)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(t.Context(), set, nil); err != nil {
		t.Fatal(err)
	}
	return each
}
