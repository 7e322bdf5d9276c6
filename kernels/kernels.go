// Package kernels holds the CUDA kernels: their sources, the PTX compiled from them,
// their parameters, and how to launch them. Beside each stands the compute shader of the
// same name for OpenGL. The package runs nothing.
package kernels

import (
	"embed"
	"slices"
	"strings"
)

//go:generate ./build.sh

//go:embed ptx/*.ptx
var ptx embed.FS

// Kernel describes a kernel. The comment above it in Module.cu has its formula, shapes
// and grid.
type Kernel struct {
	Name   string
	Module string
	Block  int // most threads of a block
	Shared int // bytes of static shared memory
	Params []Param
}

// Param is a parameter of a kernel.
type Param struct {
	Name string
	Kind Kind
}

// Kind is the type of a parameter. In a launch each parameter takes a slot of 8 bytes,
// with its value in the low bytes.
type Kind int

const (
	Pointer Kind = iota
	Int32
	Int64
	Uint64
	Float32
)

// All returns all kernels, module by module.
func All() []Kernel { return slices.Clone(table) }

// Modules returns the names of the modules.
func Modules() []string {
	var names []string
	for _, k := range table {
		if !slices.Contains(names, k.Module) {
			names = append(names, k.Module)
		}
	}
	return names
}

// PTX returns the text of a module.
func PTX(module string) string {
	text, err := ptx.ReadFile("ptx/" + module + ".ptx")
	if err != nil {
		panic("kernels: no module " + module)
	}
	return string(text)
}

// Architecture returns the first architecture that a module is for, such as "sm_70".
func Architecture(module string) string {
	_, rest, _ := strings.Cut(PTX(module), "\n.target ")
	return strings.TrimSpace(rest[:strings.Index(rest, "\n")])
}

// SharedBytes returns the bytes of shared memory of a block, static and dynamic.
func (k Kernel) SharedBytes() int {
	for _, math := range Maths() {
		for _, t := range slices.Concat(gemmTiles[math], gemmShareTiles[math]) {
			if k.Name == "gemm_"+t.Name {
				return k.Shared + t.Shared
			}
		}
	}
	for layer, l := range stepLayers {
		for _, math := range Maths()[1:] {
			for _, t := range l.tensor {
				if p := l.tensorPlan(math, layer, t, 1, 1, 1, 1, Device{Multiprocessors: 1}); p.Kernel == k.Name {
					return k.Shared + p.Launch.Shared
				}
			}
		}
	}
	return k.Shared
}

const block = 256

// table lists the kernels in the order of the sources.
var table = []Kernel{
	{"fill", "elementwise", block, 0, join(pointers("dst"), n, floats("value"))},
	{"copy_cols", "elementwise", block, 0, join(pointers("dst", "x"), ints("rows", "cols", "dst_cols", "dst_col", "x_cols", "x_col"))},
	{"add", "elementwise", block, 0, join(pointers("dst", "a", "b"), n)},
	{"sub", "elementwise", block, 0, join(pointers("dst", "a", "b"), n)},
	{"mul", "elementwise", block, 0, join(pointers("dst", "a", "b"), n)},
	{"add_mul", "elementwise", block, 0, join(pointers("dst", "a", "b"), n)},
	{"scale", "elementwise", block, 0, join(pointers("dst", "x"), n, floats("alpha"))},
	{"add_scaled", "elementwise", block, 0, join(pointers("dst", "x"), n, floats("alpha"))},
	{"add_row", "elementwise", block, 0, join(pointers("dst", "x", "row"), ints("rows", "cols"))},
	{"mul_row", "elementwise", block, 0, join(pointers("dst", "x", "row"), ints("rows", "cols"))},
	{"mul_col", "elementwise", block, 0, join(pointers("dst", "x", "col"), ints("rows", "cols"))},
	{"dropout", "elementwise", block, 0, join(pointers("dst", "x", "stream"), n, []Param{{"threshold", Uint64}}, floats("factor"))},

	{"sigmoid", "activation", block, 0, join(pointers("y", "x"), n)},
	{"sigmoid_grad", "activation", block, 0, join(pointers("dx", "y", "dy"), n)},
	{"tanh_forward", "activation", block, 0, join(pointers("y", "x"), n)},
	{"tanh_grad", "activation", block, 0, join(pointers("dx", "y", "dy"), n)},
	{"relu", "activation", block, 0, join(pointers("y", "x"), n)},
	{"relu_grad", "activation", block, 0, join(pointers("dx", "y", "dy"), n)},
	{"softmax", "activation", block, 32, join(pointers("y", "x"), ints("rows", "cols"))},
	{"softmax_grad", "activation", block, 32, join(pointers("dx", "y", "dy"), ints("rows", "cols"))},
	{"layer_norm", "activation", block, 32, join(pointers("y", "rstd", "x"), ints("rows", "cols"), floats("epsilon"))},
	{"layer_norm_grad", "activation", block, 32, join(pointers("dx", "y", "rstd", "dy"), ints("rows", "cols"))},

	{"gemm_nn_128x128", "gemm", block, sharedLarge, gemmParams},
	{"gemm_nt_128x128", "gemm", block, sharedLarge, gemmParams},
	{"gemm_tn_128x128", "gemm", block, sharedLarge, gemmParams},
	{"gemm_tt_128x128", "gemm", block, sharedLarge, gemmParams},
	{"gemm_nn_128x64", "gemm", 128, sharedTall, gemmParams},
	{"gemm_nt_128x64", "gemm", 128, sharedTall, gemmParams},
	{"gemm_tn_128x64", "gemm", 128, sharedTall, gemmParams},
	{"gemm_tt_128x64", "gemm", 128, sharedTall, gemmParams},
	{"gemm_nn_64x64", "gemm", block, sharedMedium, gemmParams},
	{"gemm_nt_64x64", "gemm", block, sharedMedium, gemmParams},
	{"gemm_tn_64x64", "gemm", block, sharedMedium, gemmParams},
	{"gemm_tt_64x64", "gemm", block, sharedMedium, gemmParams},
	{"gemm_nn_32x32", "gemm", block, sharedSmall, gemmParams},
	{"gemm_nt_32x32", "gemm", block, sharedSmall, gemmParams},
	{"gemm_tn_32x32", "gemm", block, sharedSmall, gemmParams},
	{"gemm_tt_32x32", "gemm", block, sharedSmall, gemmParams},
	{"gemm_reduce", "gemm", block, 0, join(pointers("dst", "part"), n, ints("slices"), floats("alpha", "beta"))},

	{"gemm_nn_share_128x64", "gemm_share", 128, sharedTall, gemmShareParams},
	{"gemm_nt_share_128x64", "gemm_share", 128, sharedTall, gemmShareParams},
	{"gemm_tn_share_128x64", "gemm_share", 128, sharedTall, gemmShareParams},
	{"gemm_tt_share_128x64", "gemm_share", 128, sharedTall, gemmShareParams},
	{"gemm_nn_share_32x32", "gemm_share", block, sharedSmall, gemmShareParams},
	{"gemm_nt_share_32x32", "gemm_share", block, sharedSmall, gemmShareParams},
	{"gemm_tn_share_32x32", "gemm_share", block, sharedSmall, gemmShareParams},
	{"gemm_tt_share_32x32", "gemm_share", block, sharedSmall, gemmShareParams},
	{"gemm_join", "gemm_share", block, 0, join(pointers("dst", "part"), ints("m", "n", "rows", "columns", "slabs", "whole", "share", "extra"), floats("alpha", "beta"))},

	{"pack_n_bf16", "gemm_bf16", block, packRows * 64 * 4, packParams},
	{"pack_t_bf16", "gemm_bf16", block, packRows * 64 * 4, packParams},
	{"gemm_bf16_128x256", "gemm_bf16", block, 0, slabParams},
	{"gemm_bf16_128x128", "gemm_bf16", block, 0, slabParams},
	{"gemm_bf16_64x64", "gemm_bf16", 128, 0, slabParams},
	{"gemm_bf16_share_128x128", "gemm_bf16", block, 0, slabShareParams},
	{"gemm_bf16_share_64x64", "gemm_bf16", 128, 0, slabShareParams},

	{"pack_n_tf32", "gemm_tf32", block, packRows * 32 * 4, packParams},
	{"pack_t_tf32", "gemm_tf32", block, packRows * 32 * 4, packParams},
	{"gemm_tf32_128x256", "gemm_tf32", block, 0, slabParams},
	{"gemm_tf32_128x128", "gemm_tf32", block, 0, slabParams},
	{"gemm_tf32_64x64", "gemm_tf32", 128, 0, slabParams},
	{"gemm_tf32_share_128x128", "gemm_tf32", block, 0, slabShareParams},

	{"pack_n_tf32x3", "gemm_tf32x3", block, packRows * 16 * 4, packParams},
	{"pack_t_tf32x3", "gemm_tf32x3", block, packRows * 16 * 4, packParams},
	{"gemm_tf32x3_128x256", "gemm_tf32x3", block, 0, slabParams},
	{"gemm_tf32x3_128x128", "gemm_tf32x3", block, 0, slabParams},
	{"gemm_tf32x3_64x64", "gemm_tf32x3", 128, 0, slabParams},
	{"gemm_tf32x3_share_128x128", "gemm_tf32x3", block, 0, slabShareParams},

	{"sum_rows", "linear", block, 1024, join(pointers("dst", "x"), ints("rows", "cols", "chunk"), floats("beta"))},
	{"gather_rows", "linear", block, 0, join(pointers("dst", "x", "ids"), ints("n", "rows", "cols"), fault)},
	{"scatter_add_rows", "linear", block, 0, join(pointers("dst", "x", "ids"), ints("n", "rows", "cols"), fault)},
	{"argmax_rows", "linear", block, 64, join(pointers("dst", "x"), ints("rows", "cols"))},

	{"softmax_cross_entropy", "loss", block, 32, join(pointers("part", "dlogits", "logits", "labels"), ints("rows", "cols"), pointers("scale"), fault)},
	{"squared_error", "loss", block, 32, join(pointers("part", "dy", "y", "target"), n, pointers("scale"))},
	{"loss_sum", "loss", block, 32, join(pointers("loss", "part"), n, pointers("factor"))},

	{"sgd", "update", block, 0, join(pointers("param", "grad", "velocity", "factor", "scalars"), n, ints("nesterov"))},
	{"rmsprop", "update", block, 0, join(pointers("param", "grad", "square", "velocity", "factor", "scalars"), n)},
	{"adam", "update", block, 0, join(pointers("param", "grad", "mean", "square", "factor", "scalars"), n)},
	{"clip_norm_square", "update", block, 64, join(pointers("part", "x"), n)},
	{"clip_norm_root", "update", block, 64, join(pointers("norm", "factor", "part"), n, floats("limit"))},
	{"clip_norm_scale", "update", block, 0, join(pointers("x", "factor"), n)},

	{"lstm_cell", "lstm", block, 0, join(pointers("gates", "c", "h", "c_prev", "peep"), ints("batch", "hidden"))},
	{"lstm_step_32x8", "lstm", block, 17408, lstmStepParams},
	{"lstm_step_64x16", "lstm", block, 33792, lstmStepParams},
	{"lstm_step_128x32", "lstm", 512, 33280, lstmStepParams},
	{"lstm_cell_grad", "lstm", block, 0, join(pointers("dz", "dc", "gates", "c_prev", "c", "peep", "dy", "dh"), ints("batch", "hidden", "slices"))},
	{"lstm_peep_grad", "lstm", block, 3072, join(pointers("part", "dz", "c_prev", "c"), ints("rows", "hidden", "chunk"))},

	{"lstm_step_tf32x3_64x16", "lstm_step_mma", 128, 0, lstmStepMmaParams},
	{"lstm_step_tf32x3_128x32", "lstm_step_mma", block, 0, lstmStepMmaParams},
	{"lstm_step_tf32_64x16", "lstm_step_mma", 128, 0, lstmStepMmaParams},
	{"lstm_step_tf32_128x32", "lstm_step_mma", block, 0, lstmStepMmaParams},
	{"lstm_step_bf16_64x16", "lstm_step_mma", 128, 0, lstmStepMmaParams},
	{"lstm_step_bf16_128x32", "lstm_step_mma", block, 0, lstmStepMmaParams},
	{"lstm_forward_128", "lstm_forward", block, 8704, lstmForwardParams},
	{"lstm_forward_256", "lstm_forward", block, 12800, lstmForwardParams},
	{"lstm_forward_512", "lstm_forward", block, 20992, lstmForwardParams},
	{"lstm_forward_1024", "lstm_forward", block, 37376, lstmForwardParams},
	{"lstm_forward_tf32x3_256", "lstm_forward_mma", block, 12928, lstmForwardParams},
	{"lstm_forward_tf32x3_512", "lstm_forward_mma", block, 25600, lstmForwardParams},
	{"lstm_forward_tf32x3_1024", "lstm_forward_mma", block, 42496, lstmForwardParams},
	{"lstm_forward_tf32_256", "lstm_forward_mma", block, 12928, lstmForwardParams},
	{"lstm_forward_tf32_512", "lstm_forward_mma", block, 25600, lstmForwardParams},
	{"lstm_forward_tf32_1024", "lstm_forward_mma", block, 42496, lstmForwardParams},
	{"lstm_forward_bf16_256", "lstm_forward_mma", block, 8832, lstmForwardParams},
	{"lstm_forward_bf16_512", "lstm_forward_mma", block, 12928, lstmForwardParams},
	{"lstm_forward_bf16_1024", "lstm_forward_mma", block, 25600, lstmForwardParams},
	{"lstm_backward_256", "lstm_backward", block, 4096, lstmBackwardParams},
	{"lstm_backward_512", "lstm_backward", block, 4096, lstmBackwardParams},
	{"lstm_backward_1024", "lstm_backward", block, 4096, lstmBackwardParams},
	{"lstm_backward_tf32x3_256", "lstm_backward_mma", block, 4608, lstmBackwardParams},
	{"lstm_backward_tf32x3_512", "lstm_backward_mma", block, 5120, lstmBackwardParams},
	{"lstm_backward_tf32x3_1024", "lstm_backward_mma", block, 6144, lstmBackwardParams},
	{"lstm_backward_tf32_256", "lstm_backward_mma", block, 4608, lstmBackwardParams},
	{"lstm_backward_tf32_512", "lstm_backward_mma", block, 5120, lstmBackwardParams},
	{"lstm_backward_tf32_1024", "lstm_backward_mma", block, 6144, lstmBackwardParams},
	{"lstm_backward_bf16_256", "lstm_backward_mma", block, 2560, lstmBackwardParams},
	{"lstm_backward_bf16_512", "lstm_backward_mma", block, 2560, lstmBackwardParams},
	{"lstm_backward_bf16_1024", "lstm_backward_mma", block, 3072, lstmBackwardParams},

	{"rnn_step_32x32", "rnn", block, 17408, rnnStepParams},
	{"rnn_step_64x64", "rnn", block, 33792, rnnStepParams},
	{"rnn_step_128x128", "rnn", 512, 33280, rnnStepParams},
	{"rnn_cell_grad", "rnn", block, 0, join(pointers("dz", "h", "dy", "dh"), n, ints("slices", "relu"))},

	{"rnn_step_tf32x3_64x64", "rnn_step_mma", 128, 0, rnnStepMmaParams},
	{"rnn_step_tf32x3_128x128", "rnn_step_mma", block, 0, rnnStepMmaParams},
	{"rnn_step_tf32_64x64", "rnn_step_mma", 128, 0, rnnStepMmaParams},
	{"rnn_step_tf32_128x128", "rnn_step_mma", block, 0, rnnStepMmaParams},
	{"rnn_step_bf16_64x64", "rnn_step_mma", 128, 0, rnnStepMmaParams},
	{"rnn_step_bf16_128x128", "rnn_step_mma", block, 0, rnnStepMmaParams},
	{"rnn_forward_256", "rnn_forward", block, 5248, rnnForwardParams},
	{"rnn_forward_512", "rnn_forward", block, 9344, rnnForwardParams},
	{"rnn_forward_1024", "rnn_forward", block, 33920, rnnForwardParams},
	{"rnn_forward_tf32x3_256", "rnn_forward_mma", block, 12928, rnnForwardParams},
	{"rnn_forward_tf32x3_512", "rnn_forward_mma", block, 21248, rnnForwardParams},
	{"rnn_forward_tf32x3_1024", "rnn_forward_mma", block, 37888, rnnForwardParams},
	{"rnn_forward_tf32_256", "rnn_forward_mma", block, 12928, rnnForwardParams},
	{"rnn_forward_tf32_512", "rnn_forward_mma", block, 21248, rnnForwardParams},
	{"rnn_forward_tf32_1024", "rnn_forward_mma", block, 37888, rnnForwardParams},
	{"rnn_forward_bf16_256", "rnn_forward_mma", block, 8832, rnnForwardParams},
	{"rnn_forward_bf16_512", "rnn_forward_mma", block, 12928, rnnForwardParams},
	{"rnn_forward_bf16_1024", "rnn_forward_mma", block, 21248, rnnForwardParams},
	{"rnn_backward_256", "rnn_backward", block, 1024, rnnBackwardParams},
	{"rnn_backward_512", "rnn_backward", block, 1024, rnnBackwardParams},
	{"rnn_backward_1024", "rnn_backward", block, 1024, rnnBackwardParams},
	{"rnn_backward_tf32x3_256", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_tf32x3_512", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_tf32x3_1024", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_tf32_256", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_tf32_512", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_tf32_1024", "rnn_backward_mma", block, 1536, rnnBackwardParams},
	{"rnn_backward_bf16_256", "rnn_backward_mma", block, 512, rnnBackwardParams},
	{"rnn_backward_bf16_512", "rnn_backward_mma", block, 512, rnnBackwardParams},
	{"rnn_backward_bf16_1024", "rnn_backward_mma", block, 512, rnnBackwardParams},

	{"gru_cell", "gru", block, 0, join(pointers("gates", "h", "u", "h_prev"), ints("batch", "hidden"))},
	{"gru_step_32x8", "gru", block, 15360, gruStepParams},
	{"gru_step_64x16", "gru", block, 29696, gruStepParams},
	{"gru_step_128x32", "gru", 512, 29184, gruStepParams},
	{"gru_cell_grad", "gru", block, 0, join(pointers("dv", "du", "dh", "gates", "u", "h_prev", "dy", "part"), ints("batch", "hidden", "slices"))},
	{"gru_step_tf32x3_64x32", "gru_step_mma", 128, 0, gruStepMmaParams},
	{"gru_step_tf32x3_128x32", "gru_step_mma", block, 0, gruStepMmaParams},
	{"gru_step_tf32_64x32", "gru_step_mma", 128, 0, gruStepMmaParams},
	{"gru_step_tf32_128x32", "gru_step_mma", block, 0, gruStepMmaParams},
	{"gru_step_bf16_64x32", "gru_step_mma", 128, 0, gruStepMmaParams},
	{"gru_step_bf16_128x32", "gru_step_mma", block, 0, gruStepMmaParams},
	{"gru_forward_256", "gru_forward", block, 12800, gruForwardParams},
	{"gru_forward_512", "gru_forward", block, 20992, gruForwardParams},
	{"gru_forward_1024", "gru_forward", block, 37376, gruForwardParams},
	{"gru_forward_tf32x3_256", "gru_forward_mma", block, 12928, gruForwardParams},
	{"gru_forward_tf32x3_512", "gru_forward_mma", block, 25600, gruForwardParams},
	{"gru_forward_tf32x3_1024", "gru_forward_mma", block, 42496, gruForwardParams},
	{"gru_forward_tf32_256", "gru_forward_mma", block, 12928, gruForwardParams},
	{"gru_forward_tf32_512", "gru_forward_mma", block, 25600, gruForwardParams},
	{"gru_forward_tf32_1024", "gru_forward_mma", block, 42496, gruForwardParams},
	{"gru_forward_bf16_256", "gru_forward_mma", block, 8832, gruForwardParams},
	{"gru_forward_bf16_512", "gru_forward_mma", block, 12928, gruForwardParams},
	{"gru_forward_bf16_1024", "gru_forward_mma", block, 25600, gruForwardParams},
	{"gru_backward_256", "gru_backward", block, 3072, gruBackwardParams},
	{"gru_backward_512", "gru_backward", block, 3072, gruBackwardParams},
	{"gru_backward_1024", "gru_backward", block, 3072, gruBackwardParams},
	{"gru_backward_tf32x3_256", "gru_backward_mma", block, 4608, gruBackwardParams},
	{"gru_backward_tf32x3_512", "gru_backward_mma", block, 5120, gruBackwardParams},
	{"gru_backward_tf32x3_1024", "gru_backward_mma", block, 6144, gruBackwardParams},
	{"gru_backward_tf32_256", "gru_backward_mma", block, 4608, gruBackwardParams},
	{"gru_backward_tf32_512", "gru_backward_mma", block, 5120, gruBackwardParams},
	{"gru_backward_tf32_1024", "gru_backward_mma", block, 6144, gruBackwardParams},
	{"gru_backward_bf16_256", "gru_backward_mma", block, 2560, gruBackwardParams},
	{"gru_backward_bf16_512", "gru_backward_mma", block, 2560, gruBackwardParams},
	{"gru_backward_bf16_1024", "gru_backward_mma", block, 3072, gruBackwardParams},

	{"lstm1997_cell", "lstm1997", block, 0, join(pointers("gates", "s", "y", "s_prev", "peep"), ints("batch", "blocks", "cells", "forget"),
		floats("g_range", "g_slope", "h_range", "h_slope"))},
	{"lstm1997_step", "lstm1997", block, 0, join(pointers("gates", "s", "y", "next", "source", "weight", "s_prev", "peep"),
		ints("batch", "blocks", "cells", "sources", "forget", "feedback"), floats("g_range", "g_slope", "h_range", "h_slope"))},
	{"lstm1997_error", "lstm1997", block, 0, join(pointers("e", "d_out", "gates", "s", "dy"),
		ints("batch", "blocks", "cells", "forget"), floats("h_range", "h_slope"))},
	{"lstm1997_grad", "lstm1997", block, 0, join(pointers("dw", "dpeep", "p_in", "p_f", "p_c", "gates", "s_prev", "s", "e", "d_out", "source"),
		ints("steps", "batch", "blocks", "cells", "sources", "columns", "chunk"), floats("g_range", "g_slope", "beta"))},
}

// Bytes of shared memory of the tiles in gemm.cuh: two buffers, each with a slab of a
// and a slab of b.
const (
	sharedLarge  = 2 * 2 * 8 * (128 + 4) * 4
	sharedTall   = 2 * 8 * (128 + 4 + 64 + 4) * 4
	sharedMedium = 2 * 2 * 16 * (64 + 4) * 4
	sharedSmall  = 2 * 2 * 32 * (32 + 4) * 4
)

var (
	n               = []Param{{"n", Int64}}
	fault           = []Param{{"fault", Pointer}, {"call", Uint64}}
	gemmParams      = join(pointers("dst", "a", "b"), ints("m", "n", "k", "slice"), floats("alpha", "beta"))
	gemmShareParams = join(pointers("dst", "part", "a", "b"), ints("m", "n", "k", "whole", "share", "extra"), floats("alpha", "beta"))
	packParams      = join(pointers("slabs", "x"), ints("rows", "k", "padded"))
	slabParams      = join(pointers("dst", "slabs_a", "slabs_b", "a", "b"), ints("m", "n", "k", "slice", "trans_a", "trans_b"), floats("alpha", "beta"))
	slabShareParams = join(pointers("dst", "part", "slabs_a", "slabs_b", "a", "b"),
		ints("m", "n", "k", "whole", "share", "extra", "trans_a", "trans_b"), floats("alpha", "beta"))

	lstmStepParams = join(pointers("gates", "c", "h", "c_prev", "h_prev", "whh", "bih", "bhh", "peep", "part", "count"), ints("batch", "hidden"))
	rnnStepParams  = join(pointers("h", "h_prev", "whh", "bih", "bhh", "part", "count"), ints("batch", "hidden", "relu"))
	gruStepParams  = join(pointers("gates", "u", "h", "h_prev", "whh", "bih", "bhh", "part", "count"), ints("batch", "hidden"))

	lstmStepMmaParams = join(pointers("gates", "c", "h", "c_prev", "h_prev", "whh", "bih", "bhh", "peep"), packedParams, ints("slice", "batch", "hidden"))
	rnnStepMmaParams  = join(pointers("h", "h_prev", "whh", "bih", "bhh"), packedParams, ints("slice", "batch", "hidden", "relu"))
	gruStepMmaParams  = join(pointers("gates", "u", "h", "h_prev", "whh", "bih", "bhh"), packedParams, ints("slice", "batch", "hidden"))
	packedParams      = pointers("slabs_h", "slabs_weights", "next", "part", "count")

	lstmForwardParams  = layerParams(pointers("gates", "c", "h", "whh", "bih", "bhh", "peep"), pointers("count"))
	lstmBackwardParams = layerParams(pointers("dz", "dc", "gates", "c", "whh", "peep", "dy", "dh_last", "dc_last", "dh_first"), pointers("part", "count"))
	rnnForwardParams   = join(layerParams(pointers("h", "whh", "bih", "bhh"), pointers("count")), ints("relu"))
	rnnBackwardParams  = join(layerParams(pointers("dz", "h", "whh", "dy", "dh_last", "dh_first"), pointers("part", "count")), ints("relu"))
	gruForwardParams   = layerParams(pointers("gates", "recurrent", "h", "whh", "bih", "bhh"), pointers("count"))
	gruBackwardParams  = layerParams(pointers("dv", "du", "carry", "gates", "recurrent", "h", "whh", "dy", "dh_last", "dh_first"), pointers("part", "count"))
)

// layerParams returns the parameters of a persistent kernel: the operands of a layer and
// those of another one, what they share, and sizes.
func layerParams(operands, shared []Param) []Param {
	var both []Param
	for _, layer := range []string{"_1", "_2"} {
		for _, p := range operands {
			both = append(both, Param{p.Name + layer, p.Kind})
		}
	}
	return join(both, shared, ints("steps", "batch", "hidden", "rows"))
}

func pointers(names ...string) []Param { return params(Pointer, names) }
func ints(names ...string) []Param     { return params(Int32, names) }
func floats(names ...string) []Param   { return params(Float32, names) }

func params(kind Kind, names []string) []Param {
	var list []Param
	for _, name := range names {
		list = append(list, Param{name, kind})
	}
	return list
}

func join(lists ...[]Param) []Param { return slices.Concat(lists...) }
