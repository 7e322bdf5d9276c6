package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

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
	if y.Size() > 0 {
		d.launch("Softmax", "softmax", kernels.Rows(y.Rows, y.Cols), address(y), address(x), uint64(y.Rows), uint64(y.Cols))
	}
}

// SoftmaxGrad implements backend.Activation.
func (d *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(d, "SoftmaxGrad", dx, y, dy)
	if y.Size() > 0 {
		d.launch("SoftmaxGrad", "softmax_grad", kernels.Rows(y.Rows, y.Cols), address(dx), address(y), address(dy),
			uint64(y.Rows), uint64(y.Cols))
	}
}

// LayerNorm implements backend.Activation.
func (d *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(d, y, rstd, x, epsilon)
	if x.Rows > 0 {
		d.launch("LayerNorm", "layer_norm", kernels.Rows(x.Rows, x.Cols), address(y), address(rstd), address(x),
			uint64(x.Rows), uint64(x.Cols), float(epsilon))
	}
}

// LayerNormGrad implements backend.Activation.
func (d *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(d, dx, y, rstd, dy)
	if dx.Size() > 0 {
		d.launch("LayerNormGrad", "layer_norm_grad", kernels.Rows(dx.Rows, dx.Cols), address(dx), address(y), address(rstd), address(dy),
			uint64(dx.Rows), uint64(dx.Cols))
	}
}
