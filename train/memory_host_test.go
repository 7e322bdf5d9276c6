package train_test

import (
	"context"
	"runtime"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func TestHostMemoryIsWhatFitAndSaveTake(t *testing.T) {
	set := func(samples int) *data.Dataset {
		d := &data.Dataset{Steps: 8, Width: 64, X: make([]float32, samples*8*64), Labels: make([]int32, samples), Classes: []string{"a", "b"}}
		for i := range d.Labels {
			d.Labels[i] = int32(i % 2)
		}
		return d
	}
	for _, c := range []struct {
		name           string
		hidden         int // little or much beside the batches
		patience       int
		samples, valid int
		ema            float64
	}{
		{"large network", 256, 0, 64, 8, 0},
		{"large network, the best kept", 256, 3, 64, 8, 0},
		{"large batches", 8, 0, 1000, 900, 0},
		{"large network, averaged", 256, 0, 64, 8, 0.9},
		{"no validation set", 64, 0, 300, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := model.Spec{
				{Name: "lstm", Layer: model.LSTM{Hidden: c.hidden}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}},
			}
			batch := min(c.samples, 512)
			net := build(t, openCPU(t), spec, model.Shape{Steps: 8, Batch: batch, Width: 64}, 1)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 1e-3, Epochs: 1, Batch: batch, Patience: c.patience, EMA: c.ema,
			})
			training, valid := set(c.samples), (*data.Dataset)(nil)
			if c.valid > 0 {
				valid = set(c.valid)
			}
			host := trainer.HostMemory(training, valid)
			fit := allocated(func() {
				if err := trainer.Fit(context.Background(), training, valid); err != nil {
					t.Fatal(err)
				}
			})
			save := allocated(func() {
				if err := trainer.Save(new(model.File)); err != nil {
					t.Fatal(err)
				}
			})
			for _, part := range []struct {
				name      string
				got, want int64
			}{{"Fit", fit, host.Waypoint + host.Batches}, {"Save", save, host.Snapshot}} {
				const buffers = 512 << 10
				if part.got > part.want+buffers || part.got < part.want*3/4 {
					t.Errorf("%s took %d bytes, HostMemory says %d of %+v", part.name, part.got, part.want, host)
				}
			}
		})
	}
}
