//go:build gl && cgo && linux

package gldriver

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/gl"
	"gputrain/model"
	"gputrain/train"
)

// An LSTM learns to read digits here as on the CPU.
func TestTrainingFollowsTheCPU(t *testing.T) {
	list(t)
	reference, err := cpu.Open(cpu.Options{Workers: 1})
	must(t, err)
	defer reference.Close()
	counted := &counting{Driver: New()}
	b, err := gl.Open(counted, *ordinal, gl.Options{})
	must(t, err)
	defer b.Close()
	const steps, tolerance = 50, 1e-4
	want, got := losses(t, reference, steps), losses(t, b, steps)
	if first, last := want[0], want[steps-1]; last > 0.8*first {
		t.Fatalf("the loss goes from %v to %v: nothing is learned", first, last)
	}
	worst := 0.0
	for i := range want {
		off := math.Abs(got[i]-want[i]) / want[i]
		if !(off <= tolerance) {
			t.Errorf("step %d: loss %v, want %v, off by %.2g, tolerance %.2g", i, got[i], want[i], off, tolerance)
		}
		worst = max(worst, off)
	}
	t.Logf("the loss is off by %.2g at most; about %d dispatches a step", worst, counted.dispatches/steps)
}

// counting is a driver that counts the dispatches of its device.
type counting struct {
	gl.Driver
	dispatches int
}

func (c *counting) Open(ordinal int) (gl.Device, error) {
	device, err := c.Driver.Open(ordinal)
	return countingDevice{device, c}, err
}

type countingDevice struct {
	gl.Device
	counted *counting
}

func (d countingDevice) Dispatch(p gl.Program, x, y int, buffers []gl.Buffer, args []uint32) error {
	d.counted.dispatches++
	return d.Device.Dispatch(p, x, y, buffers, args)
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
	var sums []float64 // of the losses so far
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.05, ClipNorm: 1, Epochs: 1, Batch: batch, Seed: 1,
		LossEvery: 1,
		OnStep: func(p train.Progress) error {
			sums = append(sums, p.Loss*float64(p.Step))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]int, batch*steps)
	for i := range samples {
		samples[i] = i
	}
	if err := trainer.Fit(t.Context(), digits.Subset(samples), nil); err != nil {
		t.Fatal(err)
	}
	each := make([]float64, steps)
	for i, sum := range sums {
		each[i] = sum
		if i > 0 {
			each[i] -= sums[i-1]
		}
	}
	return each
}
