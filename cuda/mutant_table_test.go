package cuda_test

import "gputrain/cuda/emulator"

// Patterns of instructions, for edits.
const (
	barrier     = `bar\.sync 0;`
	returnEarly = `@%p\d+ bra .*;`
	stored      = `st\.global\.\w+ \[.*\], (%\w+);`
)

// diverging is a barrier that seven lanes of each warp do not reach.
const diverging = `{ .reg .pred %early; .reg .b32 %thread; mov.u32 %thread, %tid.x; and.b32 %thread, %thread, 31;` +
	` setp.gt.u32 %early, %thread, 6; @%early bar.sync 0; }`

var mutants = []mutant{
	// A missing barrier.
	{"softmax", "no barrier before partial results are read", dropped(barrier, 4, 1), suite("Softmax", 257), emulator.SharedRace},
	{"softmax", "no barrier before scratch is used again", dropped(barrier, 4, 2), suite("Softmax", 257), emulator.SharedRace},
	{"softmax_grad", "no barrier before partial sums are read", dropped(barrier, 2, 1), suite("SoftmaxGrad", 257), emulator.SharedRace},
	{"argmax_rows", "no barrier before partial results are read", dropped(barrier, 1, 0), suite("ArgMaxRows", 257), emulator.SharedRace},
	{"squared_error", "no barrier before partial sums are read", dropped(barrier, 2, 1), suite("SquaredError", 33), emulator.SharedRace},
	{"sum_rows", "no barrier before partial sums are read", dropped(barrier, 1, 0), suite("SumRows", 33), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier after the first slab is stored", dropped(barrier, 7, 3), one(tiles, "nn_32x32"), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier between slabs", dropped(barrier, 7, 4), one(tiles, "nn_32x32"), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier before the groups' sums are read", dropped(barrier, 7, 6), one(tiles, "nn_32x32"), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier after the first aligned slab is stored", dropped(barrier, 7, 0), one(tiles, "nn_32x32 aligned"), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier between aligned slabs", dropped(barrier, 7, 1), one(tiles, "nn_32x32 aligned"), emulator.SharedRace},
	{"gemm_nn_32x32", "no barrier before what is left of k", dropped(barrier, 7, 2), one(tiles, "nn_32x32 aligned"), emulator.SharedRace},
	{"gemm_nn_share_32x32", "no barrier between pieces", dropped(barrier, 8, 7), one(tiles, "nn_share_32x32"), emulator.SharedRace},
	{"gemm_tn_64x64", "no barrier between slabs", dropped(barrier, 6, 4), one(tiles, "tn_64x64"), emulator.SharedRace},
	{"gemm_tt_128x128", "no barrier between slabs", dropped(barrier, 6, 4), one(tiles, "tt_128x128"), emulator.SharedRace},
	{"lstm_step_32x8", "no barrier after the first slab is stored", dropped(barrier, 3, 0), oneByOne(suite("LSTMForward", 7)), emulator.SharedRace},
	{"lstm_step_32x8", "no barrier after a slab", dropped(barrier, 3, 1), oneByOne(suite("LSTMForward", 7)), emulator.SharedRace},
	{"lstm_step_32x8", "no barrier before the groups' sums are read", dropped(barrier, 3, 2), oneByOne(suite("LSTMForward", 7)), emulator.SharedRace},
	{"lstm_step_64x16", "sums of some units over others that are read", dropped(barrier, 5, 3), stepOf("lstm_step_64x16", 33, 9), emulator.SharedRace},
	{"rnn_step_32x32", "no barrier before the groups' sums are read", dropped(barrier, 3, 2), oneByOne(suite("RNNForward", 7)), emulator.SharedRace},
	{"rnn_step_64x64", "no barrier between slabs", dropped(barrier, 5, 1), stepOf("rnn_step_64x64", 33, 33), emulator.SharedRace},
	{"gru_step_32x8", "no barrier before the groups' sums are read", dropped(barrier, 3, 2), oneByOne(suite("GRUForward", 7)), emulator.SharedRace},
	{"gru_step_64x16", "no barrier before sums of the second unit are read", dropped(barrier, 5, 4), stepOf("gru_step_64x16", 33, 9), emulator.SharedRace},
	{"layer_norm", "no barrier before partial sums are read", dropped(barrier, 4, 1), suite("LayerNorm", 257), emulator.SharedRace},
	{"layer_norm", "no barrier before scratch is used again", dropped(barrier, 4, 2), suite("LayerNorm", 257), emulator.SharedRace},
	{"layer_norm_grad", "no barrier before partial sums are read", dropped(barrier, 4, 3), suite("LayerNormGrad", 257), emulator.SharedRace},
	{"lstm_peep_grad", "no barrier before partial sums are read", dropped(barrier, 1, 0), one(secondPasses, "LSTMPeepGrad"), emulator.SharedRace},

	{"lstm_forward_128", "no barrier after rows of h are stored", dropped(barrier, 4, 1), one(sequences, "LSTM forward"), emulator.SharedRace},
	{"lstm_forward_128", "no barrier before sums are read", dropped(barrier, 4, 2), one(sequences, "LSTM forward"), emulator.SharedRace},
	{"lstm_backward_256", "no barrier before gradients are read", dropped(barrier, 6, 1), one(sequences, "LSTM backward"), emulator.SharedRace},

	{"lstm1997_step", "lanes do not wait for products", dropped(`bar\.warp\.sync -1;`, 1, 0), suite("LSTM1997Forward", 7), emulator.GlobalRace},

	// A broken barrier of the grid.
	{"lstm_forward_128", "arrives without a release", replaced(`red\.release(.*)`, 1, 0, "red.relaxed$1"), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "releases within the block only", replaced(`red\.release\.gpu(.*)`, 1, 0, "red.release.cta$1"), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "waits without an acquire", replaced(`ld\.acquire(.*)`, 1, 0, "ld.relaxed$1"), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "waits for one block less", replaced(`(setp\.lt\.u32 %p\d+), (%r\d+), (.*)`, 1, 0, "add.u32 $2, $2, 1; $1, $2, $3"), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "waits for one block more", replaced(`(setp\.lt\.u32 %p\d+), (%r\d+), (.*)`, 1, 0, "sub.u32 $2, $2, 1; $1, $2, $3"), one(sequences, "LSTM forward"), emulator.Deadlock},
	{"lstm_forward_128", "does not wait", replaced(`setp\.lt\.u32 (%p\d+), .*`, 1, 0, "mov.pred $1, 0;"), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "one thread waits for the others of the grid", dropped(barrier, 4, 0), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_forward_128", "a thread arrives before its block has written", dropped(barrier, 4, 3), one(sequences, "LSTM forward"), emulator.GlobalRace},
	{"lstm_backward_256", "arrives without a release", replaced(`red\.release(.*)`, 2, 0, "red.relaxed$1"), one(sequences, "LSTM backward"), emulator.GlobalRace},
	{"lstm_backward_256", "waits without an acquire", replaced(`ld\.acquire(.*)`, 2, 0, "ld.relaxed$1"), one(sequences, "LSTM backward"), emulator.GlobalRace},
	{"lstm_backward_256", "waits without an acquire at the end", replaced(`ld\.acquire(.*)`, 2, 1, "ld.relaxed$1"), one(sequences, "LSTM backward"), emulator.GlobalRace},
	{"lstm_backward_256", "does not wait", replaced(`setp\.lt\.u32 (%p\d+), .*`, 4, 0, "mov.pred $1, 0;"), one(sequences, "LSTM backward"), emulator.GlobalRace},
	{"lstm_backward_256", "a buffer for parts of one step instead of two", both(replaced(`(and\.b32 .*), -2;`, 2, 1, "$1, -1;"), replaced(`(and\.b32 .*), -2;`, 1, 0, "$1, -1;")),
		one(sequences, "LSTM backward"), emulator.GlobalRace},

	{"rnn_forward_256", "waits without an acquire", replaced(`ld\.acquire(.*)`, 1, 0, "ld.relaxed$1"), one(sequences, "RNN forward"), emulator.GlobalRace},
	{"rnn_backward_256", "releases within the block only", replaced(`red\.release\.gpu(.*)`, 2, 0, "red.release.cta$1"), one(sequences, "RNN backward"), emulator.GlobalRace},
	{"gru_forward_256", "arrives without a release", replaced(`red\.release(.*)`, 1, 0, "red.relaxed$1"), one(sequences, "GRU forward"), emulator.GlobalRace},
	{"gru_backward_256", "waits without an acquire", replaced(`ld\.acquire(.*)`, 2, 0, "ld.relaxed$1"), one(sequences, "GRU backward"), emulator.GlobalRace},

	// The same on tensor cores.
	{"lstm_forward_bf16_256", "no barrier after rows of h are rounded", dropped(barrier, 4, 1), oneIn("bf16", sequences, "LSTM forward"), emulator.SharedRace},
	{"lstm_forward_tf32_256", "no barrier before sums are read", dropped(barrier, 4, 2), oneIn("tf32", sequences, "LSTM forward"), emulator.SharedRace},
	{"lstm_backward_tf32_256", "no barrier before gradients are read", dropped(barrier, 6, 1), oneIn("tf32", sequences, "LSTM backward"), emulator.SharedRace},
	{"lstm_backward_bf16_256", "waits without an acquire", replaced(`ld\.acquire(.*)`, 2, 0, "ld.relaxed$1"), oneIn("bf16", sequences, "LSTM backward"), emulator.GlobalRace},
	{"gru_forward_bf16_256", "arrives without a release", replaced(`red\.release(.*)`, 1, 0, "red.relaxed$1"), oneIn("bf16", sequences, "GRU forward"), emulator.GlobalRace},
	{"gru_backward_tf32_256", "words of an operand swapped", every(swappedWords, "$1 {$3, $2}, $4"), oneIn("tf32", sequences, "GRU backward"), ""},
	{"rnn_forward_bf16_256", "no barrier after rows of h are rounded", dropped(barrier, 4, 1), oneIn("bf16", sequences, "RNN forward"), emulator.SharedRace},
	{"rnn_backward_tf32_256", "waits without an acquire", replaced(`ld\.acquire(.*)`, 2, 0, "ld.relaxed$1"), oneIn("tf32", sequences, "RNN backward"), emulator.GlobalRace},
	{"rnn_backward_bf16_256", "words of an operand swapped", every(swappedWords, "$1 {$3, $2}, $4"), oneIn("bf16", sequences, "RNN backward"), ""},
	{"lstm_forward_tf32x3_256", "h of another mma", swapped(`ld\.shared\.v4\.u32 .*, \[%r\d+\+(64|128)\];`, 2, 0, 1), oneIn("tf32x3", sequences, "LSTM forward"), ""},
	{"lstm_forward_tf32x3_256", "the smaller parts are those of other numbers", every(`(and\.b32 %r\d+, %r\d+), -8192;`, "$1, -1;"), oneIn("tf32x3", sequences, "LSTM forward"), ""},
	{"lstm_forward_bf16_256", "no padding between rows of h",
		both(every(`(m\w+\.lo\.s32 .*), 576(.*)`, "$1, 512$2"), replaced(`(st\.shared\.v2\.u32 .*)\+2304(.*)`, 1, 0, "${1}+2048$2")),
		withoutConflicts(oneIn("bf16", sequences, "LSTM forward")), ""},
	{"gru_forward_tf32_256", "sums of a cell are read one after the other",
		replaced(`ld\.shared\.v4\.f32 \{(.*), (.*), (.*), .*\}, \[(.*)\];`, 2, 0, "ld.shared.f32 $1, [$4]; ld.shared.f32 $2, [$4+4]; ld.shared.f32 $3, [$4+8];"),
		withoutConflicts(oneIn("tf32", sequences, "GRU forward")), ""},
	{"rnn_forward_bf16_256", "infinities are not summed again", every(`setp\.lt\.f32 (%p\d+), %f\d+, 0f7F800000;`, "mov.pred $1, 1;"), oneIn("bf16", largeNumbers, "RNN forward of large numbers"), ""},
	{"rnn_backward_tf32_256", "infinities are not summed again", replaced(`setp\.lt\.f32 (%p\d+), %f\d+, 0f7F800000;`, 8, 7, "mov.pred $1, 1;"), oneIn("tf32", largeNumbers, "RNN backward of large numbers"), ""},

	// Two blocks that share a tile.
	{"lstm_step_128x32", "arrives without a release", replaced(`atom\.acq_rel(.*)`, 1, 0, "atom.acquire$1"), stepOf("lstm_step_128x32", 33, 9), emulator.GlobalRace},
	{"lstm_step_128x32", "arrives within the block only", replaced(`atom\.acq_rel\.gpu(.*)`, 1, 0, "atom.acq_rel.cta$1"), stepOf("lstm_step_128x32", 33, 9), emulator.GlobalRace},
	{"lstm_step_128x32", "a thread arrives before its block has written", dropped(barrier, 4, 2), stepOf("lstm_step_128x32", 33, 9), emulator.GlobalRace},
	{"lstm_step_128x32", "reads who came first before it is known", dropped(barrier, 4, 3), stepOf("lstm_step_128x32", 33, 9), emulator.SharedRace},
	{"lstm_step_128x32", "the first of two blocks makes the cells", replaced(`(setp\.ne\.s32 %p24, .*), 1;`, 1, 0, "$1, 0;"), stepOf("lstm_step_128x32", 33, 9), emulator.GlobalRace},
	{"lstm_step_128x32", "the counter waits for three blocks", replaced(`(mov\.u32 %r168), 1;`, 1, 0, "$1, 2;"), stepOf("lstm_step_128x32", 33, 9), ""},
	{"lstm_step_128x32", "both blocks take the same half of k", replaced(`(and\.b32 %r36, .*), 1;`, 1, 0, "$1, 0;"), stepOf("lstm_step_128x32", 33, 9), ""},
	{"rnn_step_128x128", "arrives without a release", replaced(`atom\.acq_rel(.*)`, 1, 0, "atom.acquire$1"), stepOf("rnn_step_128x128", 33, 33), emulator.GlobalRace},

	// A barrier that not all threads reach.
	{"softmax", "a barrier in a branch", replaced(barrier, 4, 1, diverging), suite("Softmax", 1), emulator.DivergentBarrier},
	{"sum_rows", "a barrier in a branch", replaced(barrier, 1, 0, diverging), suite("SumRows", 1), emulator.DivergentBarrier},
	{"layer_norm", "a barrier in a branch", replaced(barrier, 4, 1, diverging), suite("LayerNorm", 1), emulator.DivergentBarrier},
	{"gemm_nt_128x128", "a barrier in a branch", replaced(barrier, 6, 1, diverging), one(tiles, "nt_128x128"), emulator.DivergentBarrier},

	// A guard that lets one more through, or is missing.
	{"add", "guard off by one", replaced(`setp\.ge\.s64 (.*)`, 1, 0, "setp.gt.s64 $1"), suite("Add", 33), ""},
	{"add", "no tail check", dropped(returnEarly, 2, 0), suite("Add", 33), emulator.OutOfBounds},
	{"fill", "no tail check", dropped(returnEarly, 2, 0), suite("Fill", 33), emulator.OutOfBounds},
	{"adam", "guard off by one", replaced(`setp\.ge\.s64 (.*)`, 1, 0, "setp.gt.s64 $1"), suite("Adam", 33), ""},
	{"lstm_cell", "guard of rows off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 0, "setp.gt.s64 $1"), suite("LSTMCell", 33), ""},
	{"lstm_cell", "guard of units off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 1, "setp.gt.s64 $1"), suite("LSTMCell", 33), emulator.GlobalRace},
	{"softmax", "guard of columns off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 0, "setp.gt.s64 $1"), suite("Softmax", 33), emulator.GlobalRace},
	{"gather_rows", "no check of ids", replaced(`setp\.ge\.s32 (%p\d+), .*`, 1, 0, "mov.pred $1, 0;"), suite("StickyErrors", 33), emulator.NullPointer},
	{"mul_col", "no tail check", dropped(returnEarly, 4, 0), suite("MulCol", 33), emulator.OutOfBounds},
	{"lstm1997_cell", "guard of blocks off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 1, "setp.gt.s64 $1"), suite("LSTM1997Cell", 7), emulator.GlobalRace},
	{"lstm1997_error", "guard of sequences off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 0, "setp.gt.s64 $1"), suite("LSTM1997CellGrad", 7), emulator.GlobalRace},
	{"lstm_peep_grad", "guard of units off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 0, "setp.gt.s64 $1"), one(secondPasses, "LSTMPeepGrad"), emulator.GlobalRace},
	{"gru_cell", "guard of rows off by one", replaced(`setp\.ge\.s64 (.*)`, 2, 0, "setp.gt.s64 $1"), suite("GRUCell", 33), ""},
	{"gru_cell_grad", "guard of units off by one", replaced(`setp\.ge\.s64 (.*)`, 3, 2, "setp.gt.s64 $1"), suite("GRUCellGrad", 33), emulator.GlobalRace},
	{"lstm_forward_128", "guard of rows off by one", replaced(`setp\.lt\.s32 (%p151, .*)`, 1, 0, "setp.le.s32 $1"), one(sequences, "LSTM forward"), emulator.Uninitialised},
	{"lstm_backward_256", "guard of units off by one", replaced(`setp\.ge\.s32 (%p234, .*)`, 1, 0, "setp.gt.s32 $1"), one(sequences, "LSTM backward"), emulator.OutOfBounds},
	{"gemm_nn_32x32", "guard of rows off by one", replaced(`setp\.lt\.s32 (.*)`, 17, 6, "setp.le.s32 $1"), one(tiles, "nn_32x32"), emulator.OutOfBounds},
	{"gemm_nn_32x32", "loads rows that do not exist", replaced(`setp\.lt\.s32 (%p\d+), (%r\d+), 0;`, 2, 0, "setp.lt.s32 $1, $2, -1;"), one(tiles, "nn_32x32 aligned"), emulator.OutOfBounds},
	{"gemm_nn_32x32", "a run of columns is not cut off", replaced(`(setp\.lt\.s32 .*), 4;`, 2, 0, "$1, 1;"), one(tiles, "nn_32x32"), emulator.GlobalRace},

	{"lstm_step_64x16", "guard of k off by one", replaced(`setp\.ge\.s32 (%p4, .*)`, 1, 0, "setp.gt.s32 $1"), stepOf("lstm_step_64x16", 65, 8), emulator.OutOfBounds},
	{"lstm_step_128x32", "guard of units off by one", replaced(`setp\.ge\.s32 (%p25, .*)`, 1, 0, "setp.gt.s32 $1"), stepOf("lstm_step_128x32", 33, 9), emulator.GlobalRace},
	{"rnn_step_64x64", "guard of k off by one", replaced(`setp\.ge\.s32 (%p8, .*)`, 1, 0, "setp.gt.s32 $1"), stepOf("rnn_step_64x64", 65, 8), emulator.OutOfBounds},
	{"gru_step_128x32", "guard of k off by one", replaced(`setp\.ge\.s32 (%p5, .*)`, 1, 0, "setp.gt.s32 $1"), stepOf("gru_step_128x32", 33, 8), emulator.OutOfBounds},
	{"lstm1997_grad", "guard of columns off by one", replaced(`setp\.ge\.s64 (.*)`, 3, 1, "setp.gt.s64 $1"), suite("LSTM1997CellGrad", 7), emulator.GlobalRace},
	{"lstm1997_grad", "cells have a peephole", replaced(`setp\.ge\.s64 (%p5.*)`, 1, 0, "setp.gt.s64 $1"), suite("LSTM1997CellGrad", 7), emulator.GlobalRace},
	{"lstm1997_grad", "each chunk has all sequences from the first", replaced(`mul\.lo\.s32 (\S+), .*`, 2, 0, "mov.u32 $1, 0;"), suite("LSTM1997Backward", 7), emulator.GlobalRace},
	{"lstm1997_step", "guard of rows off by one", replaced(`setp\.ge\.s32 (%p10, .*)`, 1, 0, "setp.gt.s32 $1"), suite("LSTM1997Forward", 7), ""},
	{"lstm1997_step", "guard of units off by one", replaced(`setp\.ge\.s32 (%p32, .*)`, 1, 0, "setp.gt.s32 $1"), suite("LSTM1997Forward", 7), emulator.GlobalRace},
	{"lstm1997_step", "a source too many", replaced(`setp\.lt\.s32 (%p9, .*)`, 1, 0, "setp.le.s32 $1"), suite("LSTM1997Forward", 33), ""},

	// A swapped gate.
	{"lstm_step_32x8", "input and forget gate swapped", swapped(`ld\.global\.f32 (%f\d+), .*`, 4, 0, 1), oneByOne(suite("LSTMForward", 7)), ""},
	{"lstm_step_32x8", "cell and output gate swapped", swapped(`ld\.global\.f32 (%f\d+), .*`, 4, 2, 3), oneByOne(suite("LSTMForward", 7)), ""},
	{"lstm_cell", "gates stored in each other's place", swapped(stored, 6, 0, 1), suite("LSTMCell", 33), ""},
	{"lstm_cell_grad", "gradients stored in each other's place", swapped(stored, 10, 0, 1), suite("LSTMCellGrad", 33), ""},
	{"lstm_peep_grad", "input and forget gate swapped", swapped(`st\.shared\.f32 .*, (%f\d+);`, 3, 0, 1), one(secondPasses, "LSTMPeepGrad"), ""},
	{"gru_cell", "reset and update gate swapped", swapped(`st\.global\.f32 \[(%rd\d+)\], .*`, 3, 0, 1), suite("GRUCell", 33), ""},
	{"gru_cell_grad", "reset and update gate swapped", swapped(`ld\.global\.f32 %f\d+, \[(%rd\d+)\];`, 10, 6, 9), suite("GRUCellGrad", 33), ""},
	{"gru_cell_grad", "gradients stored in each other's place", swapped(stored, 14, 11, 12), suite("GRUCellGrad", 33), ""},
	{"lstm1997_cell", "input and output gate swapped", swapped(`ld\.global\.f32 (%f2\d+), \[%rd1[56]\];`, 2, 0, 1), suite("LSTM1997Cell", 7), ""},
	{"lstm1997_cell", "a row has no forget gates", replaced(`(selp\.b64 .*), 3, 2, (.*)`, 4, 0, "$1, 2, 2, $2"), suite("LSTM1997Cell", 7), emulator.GlobalRace},

	{"lstm_forward_128", "a lane keeps what it gives away", swapped(`selp\.f32 (%f\d+), .*, %p166;`, 16, 0, 1), one(sequences, "LSTM forward"), ""},
	{"lstm_forward_128", "input and forget gate swapped", swapped(`ld\.global\.f32 (%f118\d), .*`, 4, 0, 1), one(sequences, "LSTM forward"), ""},
	{"lstm_backward_256", "gradients stored in each other's place", swapped(stored, 8, 0, 1), one(sequences, "LSTM backward"), ""},

	// A sum over uninitialised or wrong values.
	{"sum_rows", "partial sums not stored", dropped(`st\.shared.*`, 1, 0), suite("SumRows", 1), emulator.Uninitialised},
	{"gemm_nn_32x32", "an element of the slab not stored", dropped(`st\.shared\.f32 .*`, 24, 8), one(tiles, "nn_32x32"), emulator.Uninitialised},
	{"gemm_nn_32x32", "four elements of the slab not stored", dropped(`st\.shared\.v4\.f32 .*`, 6, 0), one(tiles, "nn_32x32 aligned"), emulator.Uninitialised},
	{"gemm_nn_32x32", "leaves out what is left of k", replaced(`setp\.ge\.s32 (%p20), .*`, 1, 0, "mov.pred $1, 1;"), one(tiles, "nn_32x32 aligned"), ""},
	{"gemm_nn_32x32", "sum starts at 1", replaced(`(mov\.f32 .*), 0f00000000;`, 44, 4, "$1, 0f3F800000;"), one(tiles, "nn_32x32"), ""},
	{"gemm_nn_32x32", "leaves dst out", replaced(`setp\.eq\.f32 (.*)`, 1, 0, "setp.ne.f32 $1"), one(tiles, "nn_32x32"), ""},
	{"gemm_nn_32x32", "sums without a first value", dropped(`mov\.f32 .*, 0f00000000;`, 44, 4), one(tiles, "nn_32x32"), ""},
	{"sum_rows", "sum without a first value", dropped(`mov\.f32 .*, 0f00000000;`, 2, 0), suite("SumRows", 33), ""},
	{"layer_norm", "partial sums not stored", dropped(`st\.shared.*`, 2, 0), suite("LayerNorm", 1), emulator.Uninitialised},
	{"layer_norm", "sum of squares starts at 1", replaced(`(mov\.f32 .*), 0f00000000;`, 2, 1, "$1, 0f3F800000;"), suite("LayerNorm", 33), ""},
	{"layer_norm_grad", "sums without a first value", dropped(`mov\.f32 .*, 0f00000000;`, 1, 0), suite("LayerNormGrad", 33), ""},
	{"lstm_peep_grad", "partial sums not stored", dropped(`st\.shared.*`, 3, 2), one(secondPasses, "LSTMPeepGrad"), emulator.Uninitialised},
	{"lstm1997_grad", "leaves dw out", replaced(`ld\.global\.f32 (.*), \[.*\];`, 7, 3, "mov.f32 $1, 0f00000000;"), suite("LSTM1997CellGrad", 1), ""},
	{"lstm1997_grad", "sums of cells start at 1", replaced(`(mov\.f32 %f133), 0f00000000;`, 1, 0, "$1, 0f3F800000;"), suite("LSTM1997CellGrad", 7), ""},
	{"lstm1997_error", "sum over an odd number of cells starts at 1", replaced(`(mov\.f32 .*), 0f00000000;`, 4, 3, "$1, 0f3F800000;"), suite("LSTM1997CellGrad", 7), ""},
	{"lstm_cell_grad", "sum of slices starts at 1", replaced(`(mov\.f32 .*), 0f80000000;`, 1, 0, "$1, 0f3F800000;"), oneByOne(one(slicedSteps, "LSTM")), ""},
	{"rnn_cell_grad", "sum of slices starts at 1", replaced(`(mov\.f32 .*), 0f80000000;`, 1, 0, "$1, 0f3F800000;"), oneByOne(one(slicedSteps, "RNN")), ""},
	{"gru_cell_grad", "sum of slices starts at 1", replaced(`(mov\.f32 .*), 0f80000000;`, 1, 0, "$1, 0f3F800000;"), oneByOne(one(slicedSteps, "GRU")), ""},
	{"gemm_join", "subtracts a piece", replaced(`add(\.rn\.f32 .*)`, 7, 0, "sub$1"), one(tiles, "nn_share_32x32"), ""},
	{"gemm_join", "takes the piece of the tile before", replaced(`setp\.lt\.s64 (%p9), .*`, 1, 0, "mov.pred $1, 0;"), one(tiles, "nn_share_32x32"), ""},
	{"gemm_reduce", "subtracts a slice", replaced(`add(\.rn\.f32 .*)`, 7, 3, "sub$1"), one(secondPasses, "Gemm"), ""},

	// Two threads at one address.
	{"softmax", "two warps leave their result in one place", replaced(`(shr\.u32 .*), 3;`, 2, 0, "$1, 4;"), suite("Softmax", 257), emulator.SharedRace},
	{"sum_rows", "rows of partial sums overlap", replaced(`(shl\.b32 .*), 7;`, 1, 0, "$1, 6;"), suite("SumRows", 33), emulator.EqualWrites},
	{"gemm_nn_32x32", "the next slab over the one in use", replaced(`mov\.u32 (%r\d+), 2304;`, 2, 1, "mov.u32 $1, 0;"), one(tiles, "nn_32x32"), emulator.SharedRace},
	{"gemm_nn_32x32", "the next aligned slab over the one in use", replaced(`mov\.u32 (%r\d+), 2304;`, 2, 0, "mov.u32 $1, 0;"), one(tiles, "nn_32x32 aligned"), emulator.SharedRace},
	{"squared_error", "blocks leave their sum in one place", replaced(`(mul\.wide\.u32 .*), 4;`, 1, 0, "$1, 0;"), one(secondPasses, "SquaredError"), emulator.GlobalRace},
	{"lstm_peep_grad", "rows of partial sums overlap", replaced(`(mad\.lo\.s32 .*), 384, (.*)`, 1, 0, "$1, 128, $2"), one(secondPasses, "LSTMPeepGrad"), emulator.SharedRace},
	{"lstm1997_cell", "blocks share a cell", replaced(`(mul\.lo\.s64 %rd13, .*), .*`, 1, 0, "$1, 1;"), suite("LSTM1997Cell", 7), emulator.GlobalRace},

	// A misaligned vector.
	{"gemm_nn_32x32", "misaligned vector load", replaced(`(ld\.shared\.v4.*)\+144\];`, 4, 2, "$1+148];"), one(tiles, "nn_32x32"), emulator.Misaligned},
	{"gemm_nn_32x32", "vector load without a look at the address", replaced(`(and\.b64 .*), 15;`, 3, 0, "$1, 3;"), one(tiles, "nn_32x32 of a window"), emulator.Misaligned},
	{"gemm_nn_32x32", "vector store without a look at the address", replaced(`(and\.b64 .*), 15;`, 3, 2, "$1, 3;"), one(tiles, "nn_32x32"), emulator.Misaligned},

	// Wrong arithmetic.
	{"sub", "operands swapped", replaced(`(sub\.rn\.f32 \S+) (\S+), (\S+);`, 1, 0, "$1 $3, $2;"), suite("Sub", 33), ""},
	{"sgd", "wrong sign", replaced(`neg\.f32 (.*)`, 1, 0, "mov.f32 $1"), suite("SGD", 33), ""},
	{"adam", "wrong sign", replaced(`neg\.f32 (.*)`, 2, 1, "mov.f32 $1"), suite("Adam", 33), ""},
	{"dropout", "wrong constant", replaced(`(add\.s64 .*)-7046029254386353131;`, 1, 0, "$1-7046029254386353132;"), suite("Dropout", 33), ""},
	{"softmax", "least instead of largest", replaced(`max\.f32 (.*)`, 11, 0, "min.f32 $1"), suite("Softmax", 33), ""},
	{"softmax_cross_entropy", "takes 1 off where the label is not", replaced(`setp\.eq\.s64 (.*)`, 3, 2, "setp.ne.s64 $1"), suite("SoftmaxCrossEntropy", 33), ""},
	{"layer_norm", "adds the mean", replaced(`sub(\.rn\.f32 .*)`, 2, 1, "add$1"), suite("LayerNorm", 33), ""},
	{"layer_norm", "divides the other way", replaced(`(div\.rn\.f32 \S+) (\S+), (\S+);`, 2, 1, "$1 $3, $2;"), suite("LayerNorm", 33), ""},
	{"layer_norm_grad", "adds what lies along y", replaced(`sub(\.rn\.f32 .*)`, 2, 1, "add$1"), suite("LayerNormGrad", 33), ""},
	{"mul_col", "adds", replaced(`mul(\.rn\.f32 .*)`, 1, 0, "add$1"), suite("MulCol", 33), ""},
	{"gru_cell", "z-1 instead of 1-z", replaced(`(sub\.rn\.f32 \S+) (\S+), (\S+);`, 1, 0, "$1 $3, $2;"), suite("GRUCell", 33), ""},
	{"gru_cell_grad", "1+n² instead of 1-n²", replaced(`neg\.f32 (.*)`, 2, 1, "mov.f32 $1"), suite("GRUCellGrad", 33), ""},
	{"lstm1997_cell", "keeps the input instead of the state", replaced(`(fma\.rn\.f32 \S+ %f251,) (\S+), (\S+);`, 2, 1, "$1 $3, $2;"), suite("LSTM1997Cell", 7), ""},
	{"lstm1997_step", "a lane keeps what it gives away", swapped(`selp\.f32 (%f\d+), .*, %p14;`, 8, 0, 1), suite("LSTM1997Forward", 7), ""},
	{"lstm1997_grad", "in-1 instead of 1-in", replaced(`(sub\.rn\.f32 \S+) (\S+), (%f17);`, 1, 0, "$1 $3, $2;"), suite("LSTM1997Backward", 7), ""},
	{"lstm1997_error", "slope of h with the wrong sign", replaced(`(sub\.rn\.f32 \S+) (\S+), (\S+);`, 5, 1, "$1 $3, $2;"), suite("LSTM1997CellGrad", 7), ""},
}
