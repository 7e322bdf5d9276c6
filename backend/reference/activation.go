package reference

import (
	"math"

	"gputrain/backend"
)

// Sigmoid implements backend.Activation.
func (r *Backend) Sigmoid(y, x backend.Tensor) {
	backend.CheckMap(r, "Sigmoid", y, x)
	r.apply(y, x, sigmoid)
}

func sigmoid(x float64) float64 {
	// 1/(1+e^−x) = e^x/(1+e^x). A power with a negative exponent cannot
	// overflow.
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// SigmoidGrad implements backend.Activation.
func (r *Backend) SigmoidGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(r, "SigmoidGrad", dx, y, dy)
	r.combine(dx, y, dy, func(y, dy float64) float64 { return dy * y * (1 - y) })
}

// Tanh implements backend.Activation.
func (r *Backend) Tanh(y, x backend.Tensor) {
	backend.CheckMap(r, "Tanh", y, x)
	r.apply(y, x, math.Tanh)
}

// TanhGrad implements backend.Activation.
func (r *Backend) TanhGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(r, "TanhGrad", dx, y, dy)
	r.combine(dx, y, dy, func(y, dy float64) float64 { return dy * (1 - y*y) })
}

// ReLU implements backend.Activation.
func (r *Backend) ReLU(y, x backend.Tensor) {
	backend.CheckMap(r, "ReLU", y, x)
	r.apply(y, x, func(x float64) float64 { return math.Max(x, 0) })
}

// ReLUGrad implements backend.Activation.
func (r *Backend) ReLUGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(r, "ReLUGrad", dx, y, dy)
	r.combine(dx, y, dy, func(y, dy float64) float64 {
		if y > 0 {
			return dy
		}
		return 0
	})
}

// Softmax implements backend.Activation.
func (r *Backend) Softmax(y, x backend.Tensor) {
	backend.CheckMap(r, "Softmax", y, x)
	if r.err != nil {
		return
	}
	for i := range x.Rows {
		out, in := row(y, i), row(x, i)
		largest, sum := maxSumExp(in)
		for j := range in {
			out[j] = math.Exp(in[j]-largest) / sum
		}
	}
}

// SoftmaxGrad implements backend.Activation.
func (r *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(r, "SoftmaxGrad", dx, y, dy)
	if r.err != nil {
		return
	}
	for i := range y.Rows {
		out, p, g := row(dx, i), row(y, i), row(dy, i)
		var sum float64
		for k := range p {
			sum += g[k] * p[k]
		}
		for j := range p {
			out[j] = p[j] * (g[j] - sum)
		}
	}
}

// LayerNorm implements backend.Activation.
func (r *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(r, y, rstd, x, epsilon)
	if r.err != nil {
		return
	}
	cols := float64(x.Cols)
	for i := range x.Rows {
		out, in := row(y, i), row(x, i)
		var sum, squares float64
		for _, v := range in {
			sum += v
		}
		for _, v := range in {
			squares += (v - sum/cols) * (v - sum/cols)
		}
		scale := 1 / math.Sqrt(squares/cols+epsilon)
		for j, v := range in {
			out[j] = (v - sum/cols) * scale
		}
		row(rstd, i)[0] = scale
	}
}

// LayerNormGrad implements backend.Activation.
func (r *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(r, dx, y, rstd, dy)
	if r.err != nil {
		return
	}
	cols := float64(y.Cols)
	for i := range y.Rows {
		out, normal, g := row(dx, i), row(y, i), row(dy, i)
		var sum, product float64
		for k := range g {
			sum += g[k]
			product += g[k] * normal[k]
		}
		for j := range g {
			out[j] = row(rstd, i)[0] * (g[j] - sum/cols - normal[j]*product/cols)
		}
	}
}

// maxSumExp returns m = max_k x[k] and Σ_k exp(x[k]−m), which cannot overflow.
func maxSumExp(x []float64) (largest, sum float64) {
	largest = math.Inf(-1)
	for _, v := range x {
		largest = math.Max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	return largest, sum
}
