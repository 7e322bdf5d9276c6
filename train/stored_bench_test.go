package train_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gputrain/bench"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// BenchmarkInput says what the data cost beside the training steps. Three sides take turns: steps
// on one batch that is there already, steps on shuffled batches of samples in memory, and on those
// of samples in a file of several windows. It reports the steps per second of each, and how many
// percent of the first the others reach.
func BenchmarkInput(b *testing.B) {
	const width, classes, samples = 40, 10, 400_000 // 66 MB
	rng := rand.New(rand.NewPCG(1, 1))
	set := &data.Dataset{Steps: 1, Width: width, X: make([]float32, samples*width), Labels: make([]int32, samples), Classes: make([]string, classes)}
	for i := range set.X {
		set.X[i] = rng.Float32()
	}
	for i := range set.Labels {
		set.Labels[i] = int32(rng.IntN(classes))
	}
	path := filepath.Join(b.TempDir(), "x.rows")
	err := data.WriteRowFile(path, nil, func(w *data.RowWriter) error {
		w.Begin(set, samples)
		return w.Add(set)
	})
	if err != nil {
		b.Fatal(err)
	}
	file, err := data.OpenRowFile(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name          string
		hidden, batch int
	}{{"hidden64/batch32", 64, 32}, {"hidden64/batch256", 64, 256}, {"hidden512/batch128", 512, 128}} {
		b.Run(c.name, func(b *testing.B) {
			device := openCPU(b)
			turn := func(next func() data.Batch) bench.Turn {
				net := build(b, device, model.Spec{
					{Name: "hidden", Layer: model.Dense{Out: c.hidden}}, {Name: "relu", Layer: model.ReLU}, {Name: "head", Layer: model.Dense{Out: classes}},
				}, model.Shape{Steps: 1, Batch: c.batch, Width: width}, 1)
				trainer := newTrainer(b, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 1e-6, Epochs: 1, Batch: c.batch})
				turn, err := bench.Calls(bench.On(device, func() { trainer.Step(next()) }), 200*time.Millisecond)
				if err != nil {
					b.Fatal(err)
				}
				return turn
			}
			one := data.NewBatches(set, c.batch).Batch(0)
			memory, stored := epochs(set, c.batch), epochs(file.Sets[0], c.batch)
			figures, err := bench.InTurn(context.Background(), bench.Rounds{Least: 5, Most: 5 * b.N},
				turn(func() data.Batch { return one }), turn(memory), turn(stored))
			if err != nil {
				b.Fatal(err)
			}
			for i := range figures {
				slices.Sort(figures[i])
			}
			median := func(side int) float64 { return figures[side][len(figures[side])/2] }
			b.ReportMetric(1/median(0), "bare-steps/s")
			b.ReportMetric(1/median(1), "memory-steps/s")
			b.ReportMetric(1/median(2), "stored-steps/s")
			b.ReportMetric(100*median(0)/median(1), "memory/bare-%")
			b.ReportMetric(100*median(1)/median(2), "stored/memory-%")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// epochs returns the shuffled batches of set, epoch after epoch.
func epochs(set *data.Dataset, size int) func() data.Batch {
	batches, epoch, i := data.NewBatches(set, size), uint64(0), 0
	batches.Shuffle(1, 0)
	return func() data.Batch {
		if i == set.Len()/size { // whole batches
			epoch, i = epoch+1, 0
			batches.Shuffle(1, epoch)
		}
		i++
		return batches.Batch(i - 1)
	}
}
