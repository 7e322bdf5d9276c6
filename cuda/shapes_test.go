package cuda_test

import (
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// A kernel works in any grid and block that the comment above it allows. Some checks
// of the suite run here in small grids, so that all loops of the kernels go round.
// With the grids that the backend chooses, they would do so at large sizes only.
func TestConformanceInOtherShapes(t *testing.T) {
	// Fewer threads than the smallest matrices have elements.
	pair, eight := cuda.Dim3{X: 2, Y: 1, Z: 1}, cuda.Dim3{X: 8, Y: 1, Z: 1}
	warp, sevenWarps := cuda.Dim3{X: 32, Y: 1, Z: 1}, cuda.Dim3{X: 7 * 32, Y: 1, Z: 1}
	for _, c := range []struct {
		name        string
		kernels     []string
		grid, block cuda.Dim3 // without a grid, the backend chooses it
		size        int
		checks      []string
	}{
		{"over n", []string{
			"fill", "add", "sub", "mul", "add_mul", "scale", "add_scaled", "dropout",
			"sigmoid", "sigmoid_grad", "tanh_forward", "tanh_grad", "relu", "relu_grad",
			"sgd", "rmsprop", "adam", "clip_norm_scale", "rnn_cell_grad",
		}, pair, eight, 33, []string{
			"Fill", "Add", "Sub", "Mul", "AddMul", "Scale", "AddScaled", "Dropout",
			"Sigmoid", "SigmoidGrad", "Tanh", "TanhGrad", "ReLU", "ReLUGrad",
			"SGD", "RMSProp", "Adam", "ClipNorm", "RNNCell", "RNNCellGrad",
		}},
		{"over rows and columns", []string{
			"copy_cols", "add_row", "mul_row", "mul_col", "gather_rows", "lstm_cell", "lstm_cell_grad", "gru_cell", "gru_cell_grad",
			"lstm1997_cell", "lstm1997_error", "lstm1997_grad",
		},
			cuda.Dim3{X: 2, Y: 3, Z: 1}, cuda.Dim3{X: 8, Y: 4, Z: 1}, 33,
			[]string{"CopyCols", "AddRow", "MulRow", "MulCol", "GatherRows", "LSTMCell", "LSTMCellGrad", "GRUCell", "GRUCellGrad",
				"LSTM1997Cell", "LSTM1997CellGrad", "StickyErrors"}},
		{"as the backend chooses", nil, cuda.Dim3{}, cuda.Dim3{}, 257,
			[]string{"Softmax", "SoftmaxGrad", "LayerNorm", "LayerNormGrad", "ArgMaxRows", "SoftmaxCrossEntropy", "SumRows", "SquaredError", "ClipNorm", "ClipFactor"}},
		{"seven warps for each row", []string{"softmax", "softmax_grad", "layer_norm", "layer_norm_grad", "argmax_rows", "softmax_cross_entropy"},
			cuda.Dim3{}, sevenWarps, 255,
			[]string{"Softmax", "SoftmaxGrad", "LayerNorm", "LayerNormGrad", "ArgMaxRows", "SoftmaxCrossEntropy", "StickyErrors"}},
		{"a warp for the columns", []string{"scatter_add_rows"}, cuda.Dim3{}, warp, 257, []string{"ScatterAddRows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			driver := &altered{Driver: newDriver(t, emulator.Options{})}
			driver.shape = func(kernel string, grid, block cuda.Dim3) (cuda.Dim3, cuda.Dim3) {
				switch {
				case !slices.Contains(c.kernels, kernel):
					return grid, block
				case c.grid == cuda.Dim3{}:
					return grid, c.block
				}
				return cuda.Dim3{X: c.grid.X, Y: c.grid.Y, Z: grid.Z}, c.block // z counts chunks
			}
			open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{}) }
			backendtest.Test(t, open, backendtest.MaxSize(c.size), backendtest.MaxWork(0), backendtest.Only(c.checks...))
		})
	}
}
