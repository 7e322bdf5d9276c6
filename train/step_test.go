package train_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func TestStepAllocatesNothing(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 8, Width: 3}
	recurrent := func(layer model.Layer) model.Spec {
		return model.Spec{{Name: "recurrent", Layer: layer}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 3}}}
	}
	mlp := model.Spec{
		{Name: "last", Layer: model.LastStep{}},
		{Name: "hidden", Layer: model.Dense{Out: 9}}, {Name: "relu", Layer: model.ReLU},
		{Name: "head", Layer: model.Dense{Out: 3}},
	}
	cases := []struct {
		name      string
		spec      model.Spec
		optimizer train.Optimizer
		schedule  train.Schedule
	}{
		{"LSTM", recurrent(model.LSTM{Hidden: 40, Layers: 2}), train.Adam{}, train.Cosine{Warmup: 3, Total: 1000}},
		{"RNN", recurrent(model.RNN{Hidden: 40, Layers: 2}), train.RMSProp{Momentum: 0.9}, train.StepDecay{Every: 5, Gamma: 0.9}},
		{"MLP", mlp, train.SGD{Momentum: 0.9}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, openCPU(t), c.spec, in, 1)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.CrossEntropy{}, Optimizer: c.optimizer, Schedule: c.schedule, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 8})
			batches := data.NewBatches(sequences(11, 5, 3, 1), 8) // of 8 and of 3 samples
			epoch := uint64(0)
			allocs := testing.AllocsPerRun(20, func() {
				batches.Shuffle(1, epoch)
				epoch++
				for i := range batches.Count() {
					trainer.Step(batches.Batch(i))
				}
			})
			if allocs != 0 {
				t.Errorf("an epoch of a full and a partial batch allocates %v times, want 0", allocs)
			}
			if err := net.Backend().Sync(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestMemoryDoesNotGrowOver1000Steps(t *testing.T) {
	set := sequences(40, 4, 3, 1)
	net := build(t, openCPU(t), classifier(6, 3), model.Shape{Steps: 4, Batch: 4, Width: 3}, 1)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	var early int64
	trainer := newTrainer(t, net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 110, Batch: 4,
		OnEpoch: func(e train.Epoch) error {
			switch e.Epoch {
			case 10: // 100 steps
				early = heap()
			case 110:
				if grown := heap() - early; grown > 64<<10 {
					t.Errorf("the heap grew by %d bytes from step 100 to step 1100, want at most 64 KiB", grown)
				}
			}
			return nil
		}})
	fit(t, trainer, set, set)
}

// BenchmarkStep times the reference training steps: upload, forward, loss,
// backward and Adam. GFLOP/s count the matrix products: two operations for
// each multiplication, forward, weight gradients, and input gradients where a
// layer needs them.
func BenchmarkStep(b *testing.B) {
	cases := []struct {
		name string
		in   model.Shape
		spec model.Spec
		work int // operations
	}{
		{"i-LSTM128x512-batch64-steps100", model.Shape{Steps: 100, Batch: 64, Width: 128}, classifier(512, 10), lstmWork(100, 64, 128, 512)},
		{"iii-LSTM28x128-batch128-steps28", model.Shape{Steps: 28, Batch: 128, Width: 28}, classifier(128, 10), lstmWork(28, 128, 28, 128)},
		{"v-MLP784x1024x1024x10-batch256", model.Shape{Steps: 1, Batch: 256, Width: 784}, model.Spec{
			{Name: "0", Layer: model.Dense{Out: 1024}}, {Name: "1", Layer: model.ReLU},
			{Name: "2", Layer: model.Dense{Out: 1024}}, {Name: "3", Layer: model.ReLU},
			{Name: "4", Layer: model.Dense{Out: 10}},
		}, 256 * (4*784*1024 + 6*1024*1024 + 6*1024*10)},
		{"vi-LSTM8x32-batch1-steps100", model.Shape{Steps: 100, Batch: 1, Width: 8}, classifier(32, 10), lstmWork(100, 1, 8, 32)},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			net := build(b, openCPU(b), c.spec, c.in, 1)
			trainer := newTrainer(b, net, train.Options{
				Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 1e-3, Epochs: 1, Batch: c.in.Batch})
			batch := randomBatch(c.in, 10)
			trainer.Step(batch)
			b.ReportAllocs()
			for b.Loop() {
				trainer.Step(batch)
				if err := net.Backend().Sync(); err != nil {
					b.Fatal(err)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(c.in.Batch)/seconds, "samples/s")
			b.ReportMetric(float64(c.work)/seconds/1e9, "GFLOP/s")
		})
	}
}

// lstmWork counts the operations of an LSTM layer that needs no gradient of
// its input, without the head.
func lstmWork(steps, batch, input, hidden int) int {
	forward := 2 * steps * batch * 4 * hidden * (input + hidden)
	return forward + forward + 2*steps*batch*4*hidden*hidden
}

func randomBatch(in model.Shape, classes int) data.Batch {
	rng := rand.New(rand.NewPCG(1, 1))
	batch := data.Batch{Size: in.Batch, Steps: in.Steps, X: make([]float32, in.Rows()*in.Width), Labels: make([]int32, in.Batch)}
	for i := range batch.X {
		batch.X[i] = float32(rng.NormFloat64())
	}
	for i := range batch.Labels {
		batch.Labels[i] = int32(rng.IntN(classes))
	}
	return batch
}
