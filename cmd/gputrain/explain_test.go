package main

import (
	"strings"
	"testing"

	"gputrain/cuda/cudriver"
)

func TestExplainNamesThePaths(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"explain", []string{"on cpu: ", "products in float32", "lstm, 1 layer of 64 hidden units", "lstm 8×32×8", "whole sequence, fused", "head 1×32×64", "1×32×10", "parameters, 19594", "state to go back to after a divergence", "total"}},
		{"explain --model mlp --layers 2 --optimizer sgd", []string{"mlp, 2 layers", "relu1", "plain operations", "optimizer 0.000"}},
		{"explain --device emulated", []string{"emulated H100", "132 multiprocessors", "whole sequence, fused",
			"lstm forward lstm_step", "lstm backward lstm_cell_grad", "loss softmax_cross_entropy", "update adam", "CUDA graph", "workspace"}},
		// A network as large as the GPU takes no memory here.
		{"explain --device emulated --gpu T4 --hidden 4096 --layers 3 --batch 1000", []string{"emulated T4", "40 multiprocessors", "gemm_nt_128x128"}},
	} {
		o := gputrain(strings.Fields(c.line)...).want(t, 0)
		words := strings.Join(strings.Fields(o.out), " ") // columns are as wide as their contents
		for _, want := range c.want {
			if !strings.Contains(words, want) {
				t.Errorf("%s: no %q in\n%s", c.line, want, o.out)
			}
		}
		if strings.Contains(o.out, "kernel") != strings.Contains(c.line, "emulated") {
			t.Errorf("%s: kernels are listed on the CPU, or missing on the GPU, in\n%s", c.line, o.out)
		}
	}
}

func TestExplainSaysWhatDoesNotFit(t *testing.T) {
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"out of memory", "T4"},
		"explain", "--device", "emulated", "--gpu", "T4", "--hidden", "30000")
}

func TestExplainAndConformanceOfAMissingGPU(t *testing.T) {
	if gpus, err := cudriver.New().Devices(); err == nil && len(gpus) > 0 {
		t.Skip("there is a GPU")
	}
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"--device cuda: ", "--device emulated"}, "explain", "--device", "cuda")
	wantFailure(t, exitFailure, []string{"--device cuda:1: "}, "conformance", "--device", "cuda:1")
}
