package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"gputrain/model"
	"gputrain/train"
)

var soakSaving = flag.Bool("soak-saving", false, "compare the time of 10,000 epochs with and without saving")

// TestSoakSavingCostsLittle compares a run of many short epochs with the same training
// without the command: no files, no lines, no checkpoints.
func TestSoakSavingCostsLittle(t *testing.T) {
	if !*soakSaving {
		t.Skip("a long test, see -soak-saving")
	}
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	const epochs = 10_000
	flags := []string{"--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "8"}
	var alike settings // as the flags say
	if err := kong.ApplyDefaults(&alike); err != nil {
		t.Fatal(err)
	}
	alike.Data, alike.Target, alike.Model, alike.Hidden, alike.Epochs = "csv:flowers.csv", columnNames{"species"}, "mlp", 8, epochs
	alone := func() time.Duration {
		d, parts, _, err := alike.load("")
		if err != nil {
			t.Fatal(err)
		}
		b, err := openCPU()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		net, err := model.New(b, d.spec(), d.input(alike.Batch), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(uint64(alike.Seed))
		trainer, err := train.New(net, alike.options(d, parts.train))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := trainer.Fit(context.Background(), parts.train, parts.valid); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	run := func(epochs int, name string) time.Duration {
		began := time.Now()
		gputrain(append([]string{"train", "--epochs", fmt.Sprint(epochs), "--out", name}, flags...)...).want(t, 0)
		return time.Since(began)
	}
	// Other programs only ever add to a time, so the smallest ones count.
	var without, with []time.Duration
	for try := range 9 {
		without = append(without, alone())
		begin := run(1, fmt.Sprint("short", try)) // what a run takes that has nothing to save
		with = append(with, run(epochs, fmt.Sprint("run", try))-begin)
	}
	t.Logf("%d epochs by the library alone: %v", epochs, without)
	t.Logf("by the command, without what a run of 1 epoch takes: %v", with)
	share := float64(slices.Min(with))/float64(slices.Min(without)) - 1
	t.Logf("saving takes %.1f %% more", 100*share)
	if share > 0.05 {
		t.Error("more than 5 %")
	}
}
