package gl

import "gputrain/backend"

// Sigmoid implements backend.Activation.
func (d *Backend) Sigmoid(y, x backend.Tensor) { d.runMap("Sigmoid", "sigmoid", y, x) }

// SigmoidGrad implements backend.Activation.
func (d *Backend) SigmoidGrad(dx, y, dy backend.Tensor) {
	d.runGrad("SigmoidGrad", "sigmoid_grad", dx, y, dy)
}

// Tanh implements backend.Activation.
func (d *Backend) Tanh(y, x backend.Tensor) { d.runMap("Tanh", "tanh_forward", y, x) }

// TanhGrad implements backend.Activation.
func (d *Backend) TanhGrad(dx, y, dy backend.Tensor) {
	d.runGrad("TanhGrad", "tanh_grad", dx, y, dy)
}

// ReLU implements backend.Activation.
func (d *Backend) ReLU(y, x backend.Tensor) { d.runMap("ReLU", "relu", y, x) }

// ReLUGrad implements backend.Activation.
func (d *Backend) ReLUGrad(dx, y, dy backend.Tensor) {
	d.runGrad("ReLUGrad", "relu_grad", dx, y, dy)
}

// Softmax implements backend.Activation.
func (d *Backend) Softmax(y, x backend.Tensor) {
	backend.CheckMap(d, "Softmax", y, x)
	if v, groups, ok := d.rows("Softmax", "softmax", y.Rows, y.Cols); ok {
		d.run("Softmax", v, groups, 1, []window{of(y), of(x)}, word(y.Rows), word(y.Cols))
	}
}

// SoftmaxGrad implements backend.Activation.
func (d *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(d, "SoftmaxGrad", dx, y, dy)
	if v, groups, ok := d.rows("SoftmaxGrad", "softmax_grad", y.Rows, y.Cols); ok {
		d.run("SoftmaxGrad", v, groups, 1, []window{of(dx), of(y), of(dy)}, word(y.Rows), word(y.Cols))
	}
}

// LayerNorm implements backend.Activation.
func (d *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(d, y, rstd, x, epsilon)
	if v, groups, ok := d.rows("LayerNorm", "layer_norm", x.Rows, x.Cols); ok {
		d.run("LayerNorm", v, groups, 1, []window{of(y), of(rstd), of(x)}, word(x.Rows), word(x.Cols), float(epsilon))
	}
}

// LayerNormGrad implements backend.Activation.
func (d *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(d, dx, y, rstd, dy)
	if v, groups, ok := d.rows("LayerNormGrad", "layer_norm_grad", y.Rows, y.Cols); ok {
		d.run("LayerNormGrad", v, groups, 1, []window{of(dx), of(y), of(rstd), of(dy)}, word(y.Rows), word(y.Cols))
	}
}
