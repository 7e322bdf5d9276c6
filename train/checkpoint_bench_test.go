package train_test

import (
	"testing"

	"gputrain/model"
	"gputrain/train"
)

// BenchmarkSave is what a checkpoint of 100 MB holds a training up for: the snapshot in memory,
// which is written to disk while training goes on. It has the memory of the one before.
func BenchmarkSave(b *testing.B) {
	const width = 2884 // its square is the parameters, a third of the checkpoint
	net := build(b, openCPU(b), model.Spec{{Name: "head", Layer: model.Dense{Out: width}}}, model.Shape{Steps: 1, Batch: 1, Width: width}, 1)
	trainer := newTrainer(b, net, train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 1, Batch: 1})
	before, bytes := &model.File{}, 0
	for b.Loop() {
		f := &model.File{}
		f.Reuse(before)
		before = f
		if err := trainer.Save(f); err != nil {
			b.Fatal(err)
		}
		bytes = 0
		for _, array := range f.Tensors {
			bytes += 4 * len(array.Data)
		}
	}
	b.ReportMetric(float64(bytes)/1e6, "MB")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/checkpoint")
}
