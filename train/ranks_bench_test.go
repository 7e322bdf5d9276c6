package train_test

import (
	"fmt"
	"sync"
	"testing"

	"gputrain/collective"
	"gputrain/cpu"
	"gputrain/model"
	"gputrain/train"
)

// Ranks with one worker each, which share batches of 128 samples. The machine needs a core for
// each of them.
func BenchmarkRanks(b *testing.B) {
	set := sequences(1024, 20, 16, 1)
	for _, n := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			trainers := make([]*train.Trainer, n)
			for rank, group := range collective.Local(n) {
				device, err := cpu.Open(cpu.Options{Workers: 1, MemoryLimit: 4 << 30})
				if err != nil {
					b.Fatal(err)
				}
				defer device.Close()
				net := build(b, device, classifier(256, 16), model.Shape{Steps: 20, Batch: (128 + n - 1) / n, Width: 16}, 1)
				trainers[rank] = newTrainer(b, net, train.Options{
					Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 1e-3, ClipNorm: 1, Epochs: 1 + b.N, Batch: 128, Group: group,
					OnEpoch: func(e train.Epoch) error {
						if e.Epoch == 1 && rank == 0 {
							b.ResetTimer() // what comes before is for the caches
						}
						return nil
					},
				})
			}
			var all sync.WaitGroup
			for _, trainer := range trainers {
				all.Go(func() {
					if err := trainer.Fit(b.Context(), set, nil); err != nil {
						b.Error(err)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(set.Len()*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
