package main

import (
	"strings"
	"testing"

	"gputrain/cuda"
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
			"lstm forward lstm_forward_128", "lstm backward lstm_backward_256",
			"LSTMForward, 8 steps of 32×64: one launch of lstm_forward_128 for all steps, in 64 blocks of 1×32",
			"LSTMBackward, 8 steps of 32×64: one launch of lstm_backward_256 for all steps, in 32 blocks of 2×32", "loss softmax_cross_entropy", "update adam", "CUDA graph", "workspace",
			"takes at least 12.809 µs on the H100 (estimate, not a measurement): 0.409 µs for the matrix products, 12.400 µs between the kernels",
			"What the estimates assume: - Rates are those of the datasheet, NVIDIA H100", "0.5 µs in a graph and 0.9 µs in a stream"}},
		// A network as large as the GPU takes no memory here.
		{"explain --device emulated --gpu T4 --hidden 4096 --layers 3 --batch 1000", []string{"emulated T4", "40 multiprocessors", "gemm_nt_128x128",
			"LSTMForward, 8 steps of 1000×4096: a launch of lstm_step_64x16 for each step, in 4096 tiles, because the registers of a GPU hold the weights of up to 1024 hidden units, not of 4096"}},
		{"explain --device emulated --hidden 2048 --batch 128", []string{
			"lstm forward lstm_step_128x32 128 512 8", "lstm backward lstm_cell_grad 8×128 256 8",
			"LSTMForward, 8 steps of 128×2048: a launch of lstm_step_128x32 for each step, in 64 tiles that 2 blocks share, because the registers of a GPU hold the weights of up to 1024 hidden units, not of 2048",
			"LSTMBackward, 8 steps of 128×2048: launches of gemm_nn_128x128, in 16 slices, and of lstm_cell_grad for each step, because"}},
		{"explain --device emulated --hidden 2048 --batch 128 --math bf16", []string{
			"lstm forward pack_n_bf16", "lstm forward lstm_step_bf16_128x32",
			"LSTMForward, 8 steps of 128×2048: a launch of lstm_step_bf16_128x32 for each step, in 64 tiles that 2 blocks share, because"}},
		{"explain --device emulated --gpu A100 --hidden 4096 --batch 100 --math bf16", []string{
			"LSTMForward, 8 steps of 100×4096: launches of gemm_bf16_share_128x128, which shares tiles out, of gemm_join and of the cell for each step, because"}},
		{"explain --device emulated --gpu A100 --hidden 1000", []string{"lstm forward lstm_step_32x8", "lstm backward lstm_cell_grad",
			"LSTMBackward, 8 steps of 32×1000: launches of gemm_nn_32x32, in 8 slices, and of lstm_cell_grad for each step, because 1000 hidden units take 125 multiprocessors, and the device has 108; up to 864 units would fit"}},
		{"explain --device emulated --hidden 64 --bidirectional", []string{"LSTMForward of two layers, 8 steps of 32×64: one launch of lstm_forward_128 for all steps of both",
			"18.717 µs on the H100", "so that the gaps of 35 kernels count"}},
		{"explain --device emulated --gpu A100 --hidden 1000 --bidirectional", []string{
			"LSTMForward of two layers, 8 steps of 32×1000: two branches of the graph, not one launch, because 1000 hidden units take 125 multiprocessors for each layer, and the device has 108; up to 512 units would fit",
			"LSTMForward, 8 steps of 32×1000: a launch of lstm_step_32x8 for each step", "89 kernels, 88 of them in 1 CUDA graph",
			"28.900 µs between the kernels", "the gaps of 57 kernels count, on the longest path; their products share the GPU, and are added"}},
	} {
		o := gputrain(strings.Fields(c.line)...).want(t, 0)
		words := strings.Join(strings.Fields(o.out), " ") // columns are as wide as their contents
		for _, want := range c.want {
			if !strings.Contains(words, want) {
				t.Errorf("%s: no %q in\n%s", c.line, want, o.out)
			}
		}
		for _, word := range []string{"kernel", "estimate"} {
			if strings.Contains(o.out, word) != strings.Contains(c.line, "emulated") {
				t.Errorf("%s: %q stands there for the CPU, or is missing for the GPU, in\n%s", c.line, word, o.out)
			}
		}
	}
}

func TestExplainSaysWhatDoesNotFit(t *testing.T) {
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"out of memory", "T4"},
		"explain", "--device", "emulated", "--gpu", "T4", "--hidden", "30000")
}

// The figures of a datasheet are taken for a GPU that has its name. Another GPU has at
// least multiprocessors of the same kind.
func TestGPUsAreKnownByName(t *testing.T) {
	for _, c := range []struct {
		info  cuda.DeviceInfo
		want  string
		known bool
	}{
		{cuda.DeviceInfo{Name: "NVIDIA H100 80GB HBM3", Major: 9}, "H100", true},
		{cuda.DeviceInfo{Name: "NVIDIA A100-SXM4-80GB", Major: 8}, "A100", true},
		{cuda.DeviceInfo{Name: "NVIDIA GeForce RTX 4090", Major: 8, Minor: 9}, "RTX 4090", true},
		{cuda.DeviceInfo{Name: "Tesla V100-SXM2-32GB", Major: 7}, "V100", true},
		{cuda.DeviceInfo{Name: "Quadro RTX 6000", Major: 7, Minor: 5}, "T4", false},
		{cuda.DeviceInfo{Name: "NVIDIA RTX A6000", Major: 8, Minor: 6}, "H100", false},
	} {
		if gpu, known := similarGPU(c.info); gpu.Name != c.want || known != c.known {
			t.Errorf("%s is taken for %s, known: %v", c.info.Name, gpu.Name, known)
		}
	}
	if gpu, known := similarGPU(cuda.DeviceInfo{Name: "NVIDIA L40S", Major: 8, Minor: 9}); known {
		t.Errorf("an L40S is taken for the %s", gpu.Name)
	}
}

func TestExplainAndConformanceOfAMissingGPU(t *testing.T) {
	if gpus, err := cudriver.New().Devices(); err == nil && len(gpus) > 0 {
		t.Skip("there is a GPU")
	}
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"--device cuda: ", "--device emulated"}, "explain", "--device", "cuda")
	wantFailure(t, exitFailure, []string{"--device cuda:1: "}, "conformance", "--device", "cuda:1")
}
