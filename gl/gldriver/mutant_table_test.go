//go:build gl && cgo && linux

package gldriver

// twoSlices is a case of Gemm whose product takes two passes.
const twoSlices = "Gemm/NN/5x6x1025/alpha -2, beta -0.5, whole numbers"

// checkOf names the check that judges each shader, and size the largest of its cases.
var checkOf = map[string]struct {
	check string
	size  int
}{
	"fill": {"Fill", 9}, "copy_cols": {"CopyCols", 9}, "add": {"Add", 9}, "sub": {"Sub", 9}, "mul": {"Mul", 9},
	"add_mul": {"AddMul", 9}, "scale": {"Scale", 9}, "add_scaled": {"AddScaled", 9}, "add_row": {"AddRow", 9},
	"mul_row": {"MulRow", 9}, "mul_col": {"MulCol", 9}, "dropout": {"Dropout", 33},

	"sigmoid": {"Sigmoid", 33}, "sigmoid_grad": {"SigmoidGrad", 9}, "tanh_forward": {"Tanh", 33}, "tanh_grad": {"TanhGrad", 9},
	"relu": {"ReLU", 9}, "relu_grad": {"ReLUGrad", 9}, "softmax": {"Softmax", 33}, "softmax_grad": {"SoftmaxGrad", 33},
	"layer_norm": {"LayerNorm", 33}, "layer_norm_grad": {"LayerNormGrad", 33},

	"gemm": {"Gemm", 33}, "gemm_reduce": {twoSlices, 33}, "sum_rows": {"SumRows", 33}, "gather_rows": {"GatherRows", 9},
	"scatter_add_rows": {"ScatterAddRows", 9}, "argmax_rows": {"ArgMaxRows", 33},
	"softmax_cross_entropy": {"SoftmaxCrossEntropy", 33}, "squared_error": {"SquaredError", 33}, "loss_sum": {"SquaredError", 33},

	"sgd": {"SGD", 9}, "rmsprop": {"RMSProp", 9}, "adam": {"Adam", 9},
	"clip_norm_square": {"ClipNorm", 33}, "clip_norm_root": {"ClipNorm", 33}, "clip_norm_scale": {"ClipNorm", 33},

	"lstm_cell": {"LSTMCell", 9}, "lstm_cell_grad": {"LSTMCellGrad", 9}, "lstm_step": {"LSTMForward", 9}, "lstm_peep_grad": {"LSTMPeepGrad", 9},
	"rnn_step": {"RNNForward", 9}, "rnn_cell_grad": {"RNNCellGrad", 9}, "gru_cell": {"GRUCell", 9}, "gru_cell_grad": {"GRUCellGrad", 9},
	"lstm1997_cell": {"LSTM1997Cell", 9}, "lstm1997_partials": {"LSTM1997CellGrad", 9}, "lstm1997_error": {"LSTM1997CellGrad", 9},
	"lstm1997_grad": {"LSTM1997CellGrad", 9},
}

// The waits of common.glsl, beside what they wait for.
const (
	beforeReuse  = "  meet();  // the reduction before may still be reading scratch\n"
	beforeAdding = "    meet();\n    if (t < reach) SET(scratch"
	adding       = "    if (t < reach) SET(scratch"
	beforeMax    = "    meet();\n    if (t < reach && scratch"
	largest      = "    if (t < reach && scratch"
	beforeDouble = "    meet();\n    if (t < reach) wide"
	afterSlab    = "    meet();\n    for (uint k"
	beforeSlab   = "    }\n    meet();\n  }\n}"

	teamSum = "(TEAM == 1u ? (x) : group_sum(x))"
	leads   = "(gl_LocalInvocationIndex % TEAM == 0u)"
)

// selfTest is the check of a mutant that Open must not accept.
const selfTest = "Open"

// Llvmpipe cannot show some mistakes, and the suite accepts others:
//
//   - The loops of gemm and sum_rows make so few rounds of many products that llvmpipe ends
//     none of them at the sizes of the suite, even if nothing is split.
//   - The built-in exp is good enough for the sums of softmax and cross-entropy, and the
//     built-in log for a sum that is rounded. The test of the nonlinear functions sweeps
//     exp_of and log_of directly.
//   - A tile beyond the last one has no elements, and one element more in scatter_add_rows
//     gets its own value.
//   - Workspaces and faults begin where their buffers do.
var mutants = []mutant{
	// A guard that is missing. Those that let one more through are made for each shader.
	{"gemm", "no guard of rows", "if (i >= m || j >= n) continue;", "if (j >= n) continue;", "Gemm", 33},
	{"gemm", "guard of rows off by one", "i >= m ||", "i > m ||", "Gemm", 33},
	{"gemm", "guard of columns off by one", "j >= n) continue", "j > n) continue", "Gemm", 33},
	{"gemm", "a slab goes on behind its slice", "slab_a[k][run] = p < to ?", "slab_a[k][run] = true ?", "Gemm", 33},
	{"gemm", "one column of the product less", "first < to; first += DEPTH", "first + 1u < to; first += DEPTH", "Gemm", 33},
	{"softmax", "no more rows than groups", "i += gl_NumWorkGroups.x)", "i = rows)", "Softmax", 33},
	{"lstm_step", "guard of rows off by one", "row >= batch ||", "row > batch ||", "LSTMForward", 33},
	{"lstm_step", "guard of units off by one", "unit >= hidden) continue", "unit > hidden) continue", "LSTMForward", 33},
	{"rnn_step", "guard of rows off by one", "row >= batch ||", "row > batch ||", "RNNForward", 33},
	{"rnn_step", "guard of units off by one", "unit >= hidden) continue", "unit > hidden) continue", "RNNForward", 33},
	{"sum_rows", "guard of columns off by one", "line == 0u && j < cols", "line == 0u && j <= cols", "SumRows", 33},
	{"sum_rows", "one row less", "to = min(rows, from + chunk)", "to = min(rows - 1u, from + chunk)", "SumRows", 33},
	{"lstm_peep_grad", "guard of units off by one", "line < 3u && unit < hidden", "line < 3u && unit <= hidden", "LSTMPeepGrad", 33},
	{"copy_cols", "writes the column before", "dst_col + j", "dst_col + j - 1u", "CopyCols", 9},

	// A fault that is not reported, or not as it should be.
	{"gather_rows", "no check of ids", "if (id >= rows)", "if (false)", "StickyErrors", 33},
	{"gather_rows", "accepts the first id behind the rows", "if (id >= rows)", "if (id > rows)", "StickyErrors", 33},
	{"scatter_add_rows", "reports no id", "atomicMin(fault_data[fault_at + (call)], i)", "", "StickyErrors", 33},
	{"softmax_cross_entropy", "reports no label", "atomicMin(fault_data[fault_at + (call)], i)", "", "StickyErrors", 33},
	{"gather_rows", "reports the last id", "atomicMin(fault_data[fault_at + (call)], i)", "fault_data[fault_at + (call)] = i", "StickyErrors", 33},
	{"scatter_add_rows", "reports the last id", "atomicMin(fault_data[fault_at + (call)], i)", "fault_data[fault_at + (call)] = i", "StickyErrors", 33},
	{"softmax_cross_entropy", "reports the last label", "atomicMin(fault_data[fault_at + (call)], i)", "fault_data[fault_at + (call)] = i", "StickyErrors", 33},
	{"softmax_cross_entropy", "ignores no label", "labels_data[labels_at + (i)] != ignore_label", "true", "SoftmaxCrossEntropy", 33},

	// A wait that is missing.
	{"softmax", "compares before all is there", beforeMax, largest, "Softmax", 300},
	{"softmax_grad", "sums before all is there", beforeAdding, adding, "SoftmaxGrad", 300},
	{"layer_norm", "overwrites a sum that is still read", beforeReuse, "", "LayerNorm", 300},
	{"layer_norm_grad", "sums before all is there", beforeAdding, adding, "LayerNormGrad", 300},
	{"softmax_cross_entropy", "sums before all is there", beforeAdding, adding, "SoftmaxCrossEntropy", 300},
	{"squared_error", "sums before all is there", beforeAdding, adding, "SquaredError", 33},
	{"loss_sum", "sums before all is there", beforeAdding, adding, "SquaredError", 33},
	{"clip_norm_square", "sums before all is there", beforeDouble, "    if (t < reach) wide", "ClipNorm", 33},
	{"clip_norm_root", "sums before all is there", beforeDouble, "    if (t < reach) wide", "ClipNorm", 33},
	{"gemm", "multiplies before the slab is there", afterSlab, "    for (uint k", "Gemm", 33},
	{"gemm", "overwrites a slab that is still read", beforeSlab, "    }\n  }\n}", "Gemm", 33},
	{"lstm_step", "multiplies before the slab is there", afterSlab, "    for (uint k", "LSTMForward", 33},
	{"lstm_step", "overwrites a slab that is still read", beforeSlab, "    }\n  }\n}", "LSTMForward", 33},
	{"rnn_step", "multiplies before the slab is there", afterSlab, "    for (uint k", "RNNForward", 33},
	{"rnn_step", "overwrites a slab that is still read", beforeSlab, "    }\n  }\n}", "RNNForward", 33},
	{"argmax_rows", "compares before all is there", "      meet();\n      if (t < reach", "      if (t < reach", "ArgMaxRows", 300},
	{"sum_rows", "sums before all is there", "= sum;\n    meet();\n    if (line", "= sum;\n    if (line", "SumRows", 33},
	{"lstm_peep_grad", "sums before all is there", "= of_o;\n    meet();", "= of_o;", "LSTMPeepGrad", 33},

	// A wrong stride.
	{"copy_cols", "stride of the wrong matrix", "(i * x_cols", "(i * dst_cols", "CopyCols", 33},
	{"add_row", "row instead of column", "k % cols", "k / cols", "AddRow", 33},
	{"mul_row", "row instead of column", "k % cols", "k / cols", "MulRow", 33},
	{"mul_col", "column instead of row", "k / cols", "k % cols", "MulCol", 33},
	{"gather_rows", "row of the position", "x_at + (id * cols + j)", "x_at + (i * cols + j)", "GatherRows", 33},
	{"scatter_add_rows", "row of the id", "x_at + (i * cols + j)", "x_at + (id * cols + j)", "ScatterAddRows", 33},
	{"gemm", "a is not transposed", "trans_a != 0u ? p * m + row :", "false ? p * m + row :", "Gemm", 33},
	{"gemm", "b is not transposed", "trans_b != 0u ? column * k + p :", "false ? column * k + p :", "Gemm", 33},
	{"gemm", "stride of b is that of a", "p * n + column", "p * k + column", "Gemm", 33},
	{"gemm", "stride of dst is that of a", "+ i) * n + j", "+ i) * k + j", "Gemm", 33},
	{"gemm", "tiles row by row of the wrong matrix", "first_row = tile / across", "first_row = tile / down", "Gemm", 300},
	{"lstm_step", "the tile below is the same", "first_row = tile / across * TILE", "first_row = 0u", "LSTMForward", 33},
	{"rnn_step", "the tile below is the same", "first_row = tile / across * TILE", "first_row = 0u", "RNNForward", 33},
	{"lstm_cell", "gates of the row before", "k / hidden * 4u", "k / hidden * 3u", "LSTMCell", 33},
	{"lstm1997_partials", "sources of the wrong sequence", "(n * sources + m)", "(n * columns + m)", "LSTM1997CellGrad", 7},

	// NaN is lost.
	{"relu", "a maximum", "x > 0.0 || is_nan(x) ? x : 0.0", "max(x, 0.0)", selfTest, 0},
	{"relu", "a comparison", "x > 0.0 || is_nan(x) ? x : 0.0", "x > 0.0 ? x : 0.0", selfTest, 0},
	{"sigmoid", "no case for NaN", "  if (is_nan(x)) return x;\n  float e =", "  x = max(x, -1000.0);\n  float e =", selfTest, 0},
	{"tanh_forward", "NaN is a number", "  return uintBitsToFloat(floatBitsToUint(y) & 0x7fffffffu |", "  return uintBitsToFloat(floatBitsToUint(min(y, 1.0)) & 0x7f7fffffu |", "Tanh", 33},
	{"sigmoid_grad", "not precise", "precise float slope = y * (1.0 - y)", "float slope = min(y * (1.0 - y), 1.0)", "SigmoidGrad", 33},
	{"mul", "nothing from nothing", "SET(dst_data[dst_at + (k)], a_data[a_at + (k)] * b_data[b_at + (k)])",
		"dst_data[dst_at + (k)] = a_data[a_at + (k)] == 0.0 ? 0.0 : a_data[a_at + (k)] * b_data[b_at + (k)];", "Mul", 33},
	{"argmax_rows", "NaN before no number", "if (is_nan(a) != is_nan(b)) return is_nan(a);", "", "ArgMaxRows", 33},
	{"softmax", "NaN as the largest is 0", "if (is_nan(x)) return x;\n  const float zero_from", "if (is_nan(x)) return 0.0;\n  const float zero_from", "Softmax", 33},
	{"clip_norm_scale", "no case for NaN", "if (f >= 1.0) return;", "if (!(f < 1.0)) return;", "ClipNorm", 33},

	// What GLSL has built in is not good enough.
	{"tanh_forward", "built-in tanh", "= tanh_of(", "= tanh(", "Tanh", 33},
	{"sigmoid", "built-in exp", "float e = exp_of(", "float e = exp(", "Sigmoid", 33},
	{"softmax", "built-in exp", "exp_of(x_data[x_at + (start + j)] - largest) * factor", "exp(x_data[x_at + (start + j)] - largest) * factor", "Softmax", 33},
	{"softmax_cross_entropy", "built-in exp", "exp_of(logits_data[logits_at + (start + j)] - largest) * inverse", "exp(logits_data[logits_at + (start + j)] - largest) * inverse", "SoftmaxCrossEntropy", 33},
	{"lstm_cell", "built-in tanh", "tanh_of(c)", "tanh(c)", "LSTMCell", 33},
	{"lstm1997_cell", "built-in tanh", "range * tanh_of(", "range * tanh(", "LSTM1997Cell", 33},

	// A loop that llvmpipe ends, or a part of a sum that is left out.
	{"gemm", "the last slice is left out", "to = min(k, from + slice)", "to = from > 0u && from + slice >= k ? from : min(k, from + slice)", twoSlices, 33},
	{"gemm_reduce", "leaves the first slice out", "z = 0u; z < slices", "z = 1u; z < slices", twoSlices, 33},
	{"gemm_reduce", "leaves the last slice out", "z = 0u; z < slices", "z = 0u; z + 1u < slices", twoSlices, 33},
	{"sum_rows", "the last chunk is left out", "to = min(rows, from + chunk)", "to = from > 0u && from + chunk >= rows ? from : min(rows, from + chunk)", "SumRows", 33},
	{"scatter_add_rows", "begins at the first id each time", "uint i = first;", "uint i = 0u;", "ScatterAddRows", 33},
	{"lstm1997_grad", "begins at the first sequence each time", "uint n = first;", "uint n = 0u;", "LSTM1997CellGrad", 300},

	// Wrong arithmetic.
	{"sub", "adds", "SET(dst_data[dst_at + (k)], a_data[a_at + (k)] - b", "SET(dst_data[dst_at + (k)], a_data[a_at + (k)] + b", "Sub", 33},
	{"gemm", "alpha is left out", "value = alpha * sum", "value = sum", "Gemm", 33},
	{"gemm", "beta is left out", "fma(beta, dst_data[dst_at + (e)], value)", "dst_data[dst_at + (e)] + value", "Gemm", 33},
	{"gemm", "reads dst where beta is 0", "if (beta != 0.0) value", "value", "Gemm", 33},
	{"gemm_reduce", "alpha is left out", "value = alpha * sum", "value = sum", twoSlices, 33},
	{"gemm_reduce", "beta is left out", "fma(beta, dst_data[dst_at + (e)], value)", "dst_data[dst_at + (e)] + value", twoSlices, 33},
	{"sum_rows", "beta is left out", "fma(beta, dst_data[dst_at + (k)], sum)", "dst_data[dst_at + (k)] + sum", "SumRows", 33},
	{"argmax_rows", "the last of equals", "return a_column < b_column", "return a_column > b_column", "ArgMaxRows", 33},
	{"dropout", "wrong constant", "0x7f4a7c15u", "0x7f4a7c14u", "Dropout", 33},
	{"dropout", "no carry", "a.y + b.y + carry", "a.y + b.y", "Dropout", 33},
	{"dropout", "counts from 0", "add64(offset, uvec2(k, 0))", "uvec2(k, 0)", "Dropout", 33},
	{"dropout", "upper half of the counter", "uvec2(offset_lower, offset_upper)", "uvec2(offset_lower, 0u)", "Dropout", 33},
	{"dropout", "threshold off by one", ">> 8 >= threshold", ">> 8 > threshold", "Dropout", 33},

	// The wrong gate.
	{"lstm_cell", "input and forget gate swapped", "fma(cell.f, c_prev, cell.i * cell.g)", "fma(cell.i, c_prev, cell.f * cell.g)", "LSTMCell", 33},
	{"lstm_cell", "output gate sees the state before", "through(has_peep, peep.z, c, z.w)", "through(has_peep, peep.z, c_prev, z.w)", "LSTMCell", 33},
	{"lstm_cell", "an absent peephole is 0", "return has_peep ? sum : z;", "return sum;", "LSTMCell", 33},
	{"lstm_cell_grad", "an absent peephole is 0", "return has_peep ? sum : z;", "return sum;", "LSTMCellGrad", 33},
	{"lstm_step", "an absent peephole is 0", "return has_peep ? sum : z;", "return sum;", "LSTMForward", 33},
	{"lstm_cell", "no peephole of the forget gate", "through(has_peep, peep.y, c_prev, z.y)", "z.y", "LSTMCell", 33},
	{"lstm_step", "no bias of the products", "if (bhh_at != absent)", "if (false)", "LSTMForward", 33},
	{"lstm_step", "cell and output gate swapped", "vec4 z = plus(sum[r],", "vec4 z = plus(sum[r].xywz,", "LSTMForward", 33},
	{"lstm_step", "peepholes of the first unit", "vec3(peep_data[peep_at + (unit)],", "vec3(peep_data[peep_at + (0u)],", "LSTMForward", 33},
	{"lstm_cell_grad", "gradients stored in each other's place", "(first + hidden)] = dz_f", "(first + hidden)] = dz_i", "LSTMCellGrad", 33},
	{"lstm_cell_grad", "no peephole of the output gate", "state = through(has_peep, p.z, dz_o, state);", "", "LSTMCellGrad", 33},
	{"lstm_cell_grad", "no peephole of the input gate", "through(has_peep, p.x, dz_i, back)", "back", "LSTMCellGrad", 33},
	{"lstm_cell_grad", "leaves dh out", "dy_data[dy_at + (k)] + dh_data[dh_at + (k)]", "dy_data[dy_at + (k)]", "LSTMCellGrad", 33},
	{"lstm_peep_grad", "input and forget gate swapped", "partial[0][line]", "partial[1][line]", "LSTMPeepGrad", 33},
	{"lstm_peep_grad", "output gate sees the state before", "c_data[c_at + (k)], of_o", "c_prev_data[c_prev_at + (k)], of_o", "LSTMPeepGrad", 33},
	{"rnn_step", "no bias of the products", "if (bhh_at != absent)", "if (false)", "RNNForward", 33},
	{"rnn_step", "always tanh", "relu != 0u ? relu_of(z) : tanh_of(z)", "tanh_of(z)", "RNNForward", 33},
	{"rnn_cell_grad", "1+h² instead of 1-h²", "fma(-y, y, 1.0)", "fma(y, y, 1.0)", "RNNCellGrad", 33},
	{"rnn_cell_grad", "the slope of relu at 0 is 1", "(k)] > 0.0 ? d", "(k)] >= 0.0 ? d", "RNNCellGrad", 33},
	{"gru_cell", "z-1 instead of 1-z", "1.0 - z", "z - 1.0", "GRUCell", 33},
	{"gru_cell", "reset and update gate swapped", "(of_r)] = r;", "(of_r)] = z;", "GRUCell", 33},
	{"gru_cell_grad", "reset and update gate swapped", "(of_r)] = dr;\n    du", "(of_r)] = dz;\n    du", "GRUCellGrad", 33},
	{"gru_cell_grad", "the reset gate is left out", "dn * r)", "dn)", "GRUCellGrad", 33},

	// The blocks of 1997.
	{"lstm1997_cell", "the output gate sees the state before", "(2u * states + of_block + v)], state, z_out)", "(2u * states + of_block + v)], s_prev_data[s_prev_at + (first + v)], z_out)", "LSTM1997Cell", 33},
	{"lstm1997_cell", "peepholes of the input gate for the forget gate", "peep_at + (states + of_block + v)", "peep_at + (of_block + v)", "LSTM1997Cell", 33},
	{"lstm1997_cell", "an absent peephole is 0", "if (has_peep) z_out = fma(peep_data[peep_at + (2u * states + of_block + v)], state, z_out)", "z_out = fma(has_peep ? peep_data[peep_at + (2u * states + of_block + v)] : 0.0, state, z_out)", "LSTM1997Cell", 33},
	{"lstm1997_partials", "keeps nothing of the step before", "fma(keep, p_in_data[p_in_at + (k)], g * sigmoid_slope(gate) * of_source)", "g * sigmoid_slope(gate) * of_source", "LSTM1997CellGrad", 33},
	{"lstm1997_partials", "the forget gate sees the state now", "s_prev_data[s_prev_at + (state)] * sigmoid_slope(keep)", "g * sigmoid_slope(keep)", "LSTM1997CellGrad", 33},
	{"lstm1997_error", "leaves the slope of h out", "dy_data[dy_at + (state)] * gate * squash_grad(h_range, h_slope, squashed)", "dy_data[dy_at + (state)] * gate", "LSTM1997CellGrad", 33},
	{"lstm1997_error", "the identity has slope 0", "range == 0.0 ? 1.0 : grad", "range == 0.0 ? 0.0 : grad", "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "leaves dw out", "else sum = dw_data[dw_at + (to)];", "", "LSTM1997CellGrad", 7},
	{"lstm1997_grad", "cells of the first block only", "n * states + j * cells + v", "n * states + v", "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "the units of cells are those of gates", "first_unit + k / columns", "k / columns", "LSTM1997CellGrad", 33},
	{"lstm1997_cell", "a block for each invocation", "gl_GlobalInvocationID.x / TEAM", "gl_GlobalInvocationID.x", "LSTM1997Cell", 33},
	{"lstm1997_error", "a block for each invocation", "gl_GlobalInvocationID.x / TEAM", "gl_GlobalInvocationID.x", "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "a block for each invocation", "gl_GlobalInvocationID.x / TEAM", "gl_GlobalInvocationID.x", "LSTM1997CellGrad", 33},
	{"lstm1997_cell", "each of the team sums for itself", teamSum, "(x)", "LSTM1997Cell", 33},
	{"lstm1997_error", "each of the team sums for itself", teamSum, "(x)", "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "each of the team sums for itself", teamSum, "(x)", "LSTM1997CellGrad", 33},
	{"lstm1997_cell", "all of the team begin with z", leads, "true", "LSTM1997Cell", 33},
	{"lstm1997_grad", "all of the team begin with dw", leads, "true", "LSTM1997CellGrad", 33},
	{"lstm1997_cell", "sums before all is there", beforeAdding, adding, "LSTM1997Cell", 33},
	{"lstm1997_error", "sums before all is there", beforeAdding, adding, "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "sums before all is there", beforeAdding, adding, "LSTM1997CellGrad", 33},
	{"lstm1997_cell", "overwrites a sum that is still read", beforeReuse, "", "LSTM1997Cell", 33},
	{"lstm1997_cell", "the team takes its first cells only", "head += team * TURNS", "head += n", "LSTM1997Cell", 33},
	{"lstm1997_error", "the team takes its first cells only", "head += team * TURNS", "head += n", "LSTM1997CellGrad", 33},
	{"lstm1997_grad", "the team takes its first cells only", "head += team * TURNS", "head += n", "LSTM1997CellGrad", 33},

	// Losses and updates.
	{"softmax_cross_entropy", "takes 1 off where the label is not", "j == label ? 1.0 : 0.0", "j == label ? 0.0 : 1.0", "SoftmaxCrossEntropy", 33},
	{"softmax_cross_entropy", "no factor", "factor * log_of(sum)", "log_of(sum)", "SoftmaxCrossEntropy", 33},
	{"squared_error", "wrong sign", "y_data[y_at + (k)] - target", "y_data[y_at + (k)] + target", "SquaredError", 33},
	{"loss_sum", "no factor", "(0)], factor * sum)", "(0)], sum)", "SquaredError", 33},
	{"sgd", "nesterov is left out", "g = nesterov != 0u ? fma(momentum, v, g) : v", "g = v", "SGD", 33},
	{"sgd", "keeps no velocity", "velocity_data[velocity_at + (k)] = v;", "", "SGD", 33},
	{"rmsprop", "epsilon under the root", "(sqrt(mean) + epsilon)", "sqrt(mean + epsilon)", "RMSProp", 33},
	{"adam", "wrong sign", "fma(-lr,", "fma(lr,", "Adam", 33},
	{"adam", "no bias correction of the square", "fma(sqrt(v), inverse_root, epsilon)", "sqrt(v) + epsilon", "Adam", 33},
	{"adam", "no bias correction of the mean at step 1", "fma(-lr, m", "fma(-lr * one_minus_beta1, m", "Adam", 33},
	{"adam", "decoupled decay is left out", "fma(-shrink, param_data[param_at + (k)], param_data[param_at + (k)])", "param_data[param_at + (k)]", "Adam", 33},
	{"clip_norm_square", "leaves the first element out", "EACH(k, n) sum", "EACH(k, n) if (k > 0u) sum", "ClipNorm", 33},
	{"clip_norm_square", "squares are float", "double(x_data[x_at + (k)]) * double(x_data[x_at + (k)])", "double(x_data[x_at + (k)] * x_data[x_at + (k)])", "ClipNorm", 33},
	{"clip_norm_root", "the norm is squared", "whole = sqrt(double_sum(sum))", "whole = double_sum(sum)", "ClipNorm", 33},
	{"clip_norm_scale", "enlarges", "if (f >= 1.0) return;", "", "ClipNorm", 33},
}
