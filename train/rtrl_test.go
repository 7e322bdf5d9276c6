package train_test

import (
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// BenchmarkRTRL times real-time recurrent learning as it was used for the
// embedded Reber grammar: 7 inputs, 12 units of which 7 are outputs, one sequence
// at a time. An operation is one time step.
func BenchmarkRTRL(b *testing.B) {
	const steps, width = 50, 7
	for _, c := range []struct {
		name  string
		chunk int
	}{{"per-step", 1}, {"per-sequence", steps}} {
		b.Run(c.name, func(b *testing.B) {
			spec := model.Spec{{Name: "layer", Layer: model.FullyRecurrent{Hidden: 12, Out: width, Gradient: model.RTRL, Stateful: true}}}
			net := build(b, openCPU(b), spec, model.Shape{Steps: steps, Batch: 1, Width: width}, 1)
			trainer := newTrainer(b, net, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 1, Chunk: c.chunk})
			set := sequences(1, steps, width, 1)
			set.Labels, set.PerStep, set.Targets, set.TargetWidth = nil, true, set.X, width
			batch := data.NewBatches(set, 1).Batch(0)
			b.ReportAllocs()
			for b.Loop() {
				trainer.Step(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps), "ns/step")
		})
	}
}
