package main

import (
	"strings"
	"testing"
)

func TestDryRunSaysWhatTrainingTakesAndWritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain("train", "--dry-run", "--hidden", "8").want(t, 0)
	words := strings.Join(strings.Fields(o.out), " ")
	for _, want := range []string{"lstm, 1 layer of 8 hidden units", "whole sequence, fused", "parameters, 666", "matrix products of a training step: 671 kFLOP", "FLOP/s in matrix products, ", " % of the CPU's peak in float32), and ", "checkpoint that is being written",
		"are left of", "an epoch takes about", "40 steps of", "of validation; 30 epochs take", "Nothing was written."} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	if !strings.Contains(o.errors, "1258 to train on") {
		t.Errorf("stderr %q does not say what was understood of the data", o.errors)
	}
	if found := files(t); len(found) > 1 { // the folder itself
		t.Errorf("it wrote %v", found)
	}
	wantFailure(t, exitUsage, []string{"--dry-run", "--out"}, "train", "--dry-run", "--out", "run")
}

func TestTrainingBeginsWithItsPlan(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain("train", "--model", "gru", "--hidden", "4", "--epochs", "1").want(t, 0)
	for _, want := range []string{"gru, 1 layer of 4 hidden units", "parameters, 180 kFLOP a step\n", "gru: whole sequence, fused\n", "memory: ", "are left of"} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("no %q in\n%s", want, o.errors)
		}
	}
}

func TestOperationsInThreeDigits(t *testing.T) {
	for flops, want := range map[float64]string{0: "0 FLOP", 7: "7 FLOP", 999: "999 FLOP", 999.6: "1 kFLOP", 670720: "671 kFLOP", 999499999: "999 MFLOP",
		46978170880: "47 GFLOP", 1.234e12: "1.23 TFLOP", 1e15: "1 PFLOP"} {
		if got := operations(flops); got != want {
			t.Errorf("operations(%g) is %q, want %q", flops, got, want)
		}
	}
}

func TestRequireFused(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	small := []string{"train", "--dry-run", "--device", "emulated", "--hidden", "2", "--batch", "2", "--require-fused"}
	wantFailure(t, exitFailure, []string{"--require-fused: lstm runs on emulated as a loop over time steps"}, append(small, "--projection", "1")...)
	gputrain(append(small, "--model", "mlp")...).want(t, 0) // which has nothing to fuse
	gputrain("train", "--dry-run", "--hidden", "2", "--require-fused").want(t, 0)
}
