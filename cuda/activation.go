package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// Sigmoid sets y[i,j] = 1/(1+exp(−x[i,j])). y may be x.
func (b *Backend) Sigmoid(y, x backend.Tensor) { b.activate("Sigmoid", "sigmoid", y, x) }

// SigmoidGrad sets dx[i,j] = dy[i,j]·y[i,j]·(1−y[i,j]). dx may be y or dy.
func (b *Backend) SigmoidGrad(dx, y, dy backend.Tensor) {
	b.activateGrad("SigmoidGrad", "sigmoid_grad", dx, y, dy)
}

// Tanh sets y[i,j] = tanh(x[i,j]). y may be x.
func (b *Backend) Tanh(y, x backend.Tensor) { b.activate("Tanh", "tanh_forward", y, x) }

// TanhGrad sets dx[i,j] = dy[i,j]·(1−y[i,j]²). dx may be y or dy.
func (b *Backend) TanhGrad(dx, y, dy backend.Tensor) {
	b.activateGrad("TanhGrad", "tanh_grad", dx, y, dy)
}

// ReLU sets y[i,j] = max(x[i,j], 0), NaN for NaN. y may be x.
func (b *Backend) ReLU(y, x backend.Tensor) { b.activate("ReLU", "relu", y, x) }

// ReLUGrad sets dx[i,j] = dy[i,j] where y[i,j] > 0, else 0. dx may be y or dy.
func (b *Backend) ReLUGrad(dx, y, dy backend.Tensor) {
	b.activateGrad("ReLUGrad", "relu_grad", dx, y, dy)
}

func (b *Backend) activate(op, kernel string, y, x backend.Tensor) {
	backend.CheckMap(b, op, y, x)
	b.each(op, kernel, y.Size(), address(y), address(x), size(y))
}

func (b *Backend) activateGrad(op, kernel string, dx, y, dy backend.Tensor) {
	backend.CheckGrad(b, op, dx, y, dy)
	b.each(op, kernel, dx.Size(), address(dx), address(y), address(dy), size(dx))
}

// Softmax sets each row of y to the softmax of that of x. y may be x.
func (b *Backend) Softmax(y, x backend.Tensor) {
	backend.CheckMap(b, "Softmax", y, x)
	if y.Size() > 0 {
		b.launch("Softmax", "softmax", kernels.Rows(y.Rows, y.Cols), address(y), address(x), uint64(y.Rows), uint64(y.Cols))
	}
}

// SoftmaxGrad sets dx[i,j] = y[i,j]·(dy[i,j] − Σ_k dy[i,k]·y[i,k]). dx may be y
// or dy.
func (b *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(b, "SoftmaxGrad", dx, y, dy)
	if y.Size() > 0 {
		b.launch("SoftmaxGrad", "softmax_grad", kernels.Rows(y.Rows, y.Cols), address(dx), address(y), address(dy),
			uint64(y.Rows), uint64(y.Cols))
	}
}

// LayerNorm sets y[i,j] = (x[i,j]−μ_i)·rstd[i,0], rstd[i,0] = 1/√(v_i+epsilon),
// μ_i and v_i being the mean and the variance of row i. y may be x.
func (b *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(b, y, rstd, x, epsilon)
	if x.Rows > 0 {
		b.launch("LayerNorm", "layer_norm", kernels.Rows(x.Rows, x.Cols), address(y), address(rstd), address(x),
			uint64(x.Rows), uint64(x.Cols), float(epsilon))
	}
}

// LayerNormGrad sets dx[i,j] = rstd[i,0]·(dy[i,j] − Σ_k dy[i,k]/cols −
// y[i,j]·Σ_k dy[i,k]·y[i,k]/cols). dx may be y or dy.
func (b *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(b, dx, y, rstd, dy)
	if dx.Size() > 0 {
		b.launch("LayerNormGrad", "layer_norm_grad", kernels.Rows(dx.Rows, dx.Cols), address(dx), address(y), address(rstd), address(dy),
			uint64(dx.Rows), uint64(dx.Cols))
	}
}
