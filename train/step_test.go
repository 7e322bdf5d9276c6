package train_test

import (
	"runtime"
	"testing"

	"gputrain/bench"
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
	plain := func(*train.Options) {}
	cases := []struct {
		name      string
		spec      model.Spec
		optimizer train.Optimizer
		schedule  train.Schedule
		change    func(*train.Options)
	}{
		{"LSTM", recurrent(model.LSTM{Hidden: 40, Layers: 2}), train.Adam{}, train.Cosine{Warmup: 3, Total: 1000}, plain},
		{"RNN", recurrent(model.RNN{Hidden: 40, Layers: 2}), train.RMSProp{Momentum: 0.9}, train.StepDecay{Every: 5, Gamma: 0.9}, plain},
		{"MLP", mlp, train.SGD{Momentum: 0.9}, nil, plain},
		{"groups, accumulation and an average", recurrent(model.LSTM{Hidden: 8}), nil, nil, func(o *train.Options) {
			everything(o)
			o.Groups[2].Parameters = []string{"head.bias"}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, openCPU(t), c.spec, in, 1)
			o := train.Options{Loss: train.CrossEntropy{}, Optimizer: c.optimizer, Schedule: c.schedule, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 8}
			c.change(&o)
			trainer := newTrainer(t, net, o)
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

// BenchmarkStep times the six training steps that "gputrain bench" times, on a batch
// that is on the device.
func BenchmarkStep(b *testing.B) {
	for _, s := range bench.Steps() {
		b.Run(s.Name(), func(b *testing.B) {
			device := openCPU(b)
			step, err := s.Prepare(device)
			if err != nil {
				b.Fatal(err)
			}
			step()
			b.ReportAllocs()
			for b.Loop() {
				step()
				if err := device.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(s.Batch)/seconds, "samples/s")
			b.ReportMetric(s.Flops()/seconds/1e9, "GFLOP/s")
		})
	}
}
