package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"gputrain/train"
)

// report feeds r a run whose epochs have 2 steps of 10 samples.
func report(t *testing.T, r reporter, epochs int) {
	t.Helper()
	samples := 0
	for epoch := 1; epoch <= epochs; epoch++ {
		for step := 2*epoch - 1; step <= 2*epoch; step++ {
			samples += 10
			r.step(train.Progress{Epoch: epoch, Epochs: epochs, Step: step, Steps: 2 * epochs, Samples: samples, Loss: 0.5})
		}
		if err := r.epoch(train.Epoch{Epoch: epoch, TrainLoss: 0.5, ValidLoss: 0.25, ValidAccuracy: 0.75, SamplesPerSecond: 1234}); err != nil {
			t.Fatal(err)
		}
	}
	r.close()
}

func TestBarShowsLossAccuracySpeedAndTimeLeft(t *testing.T) {
	var screen, out bytes.Buffer
	report(t, &bar{lastLine: lastLine{&out}, err: &screen, samples: 20, accuracy: math.NaN()}, 3)
	text := screen.String()
	for _, want := range []string{"epoch 1/3", "epoch 3/3", "loss 0.5000", "accuracy 0.7500", "samples/s", "100%"} {
		if !strings.Contains(text, want) {
			t.Errorf("the bar %q has no %q", text, want)
		}
	}
	if first, _, _ := strings.Cut(text, "accuracy"); strings.Contains(first, "epoch 2/3") {
		t.Errorf("the bar %q shows no accuracy after the first epoch", text)
	}
	if out.Len() > 0 {
		t.Errorf("stdout is %q, want nothing", out.String())
	}
}

func TestLinesAreFewAndEndWithTheLastEpoch(t *testing.T) {
	for _, c := range []struct{ epochs, lines int }{{1, 1}, {30, 30}, {31, 16}, {1000, 30}} {
		var log, out bytes.Buffer
		report(t, &lines{lastLine: lastLine{&out}, err: &log}, c.epochs)
		text := log.String()
		if n := strings.Count(text, "\n"); n != c.lines {
			t.Errorf("%d epochs: %d lines, want %d", c.epochs, n, c.lines)
		}
		for _, want := range []string{"0s left", "1234 samples/s", "accuracy 0.7500"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d epochs: %q has no %q", c.epochs, text, want)
			}
		}
	}
}
