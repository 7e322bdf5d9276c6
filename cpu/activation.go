package cpu

import (
	"math"

	"gputrain/backend"
)

// Sigmoid implements backend.Activation.
func (c *Backend) Sigmoid(y, x backend.Tensor) { c.runMap("Sigmoid", sigmoids, costlyGrain, y, x, 0) }

func sigmoids(y, x, _ []float32, _ float32) { unary(y, x, sigmoid) }

// SigmoidGrad implements backend.Activation.
func (c *Backend) SigmoidGrad(dx, y, dy backend.Tensor) {
	c.runGrad("SigmoidGrad", sigmoidGrad, dx, y, dy)
}

func sigmoidGrad(dx, y, dy []float32, _ float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return dy * y * (1 - y) })
}

// Tanh implements backend.Activation.
func (c *Backend) Tanh(y, x backend.Tensor) { c.runMap("Tanh", tanhs, costlyGrain, y, x, 0) }

func tanhs(y, x, _ []float32, _ float32) { unary(y, x, tanh) }

// TanhGrad implements backend.Activation.
func (c *Backend) TanhGrad(dx, y, dy backend.Tensor) {
	c.runGrad("TanhGrad", tanhGrad, dx, y, dy)
}

func tanhGrad(dx, y, dy []float32, _ float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return dy * (1 - y*y) })
}

// ReLU implements backend.Activation.
func (c *Backend) ReLU(y, x backend.Tensor) { c.runMap("ReLU", relu, cheapGrain, y, x, 0) }

func relu(y, x, _ []float32, _ float32) {
	unary(y, x, func(x float32) float32 { return max(x, 0) })
}

// ReLUGrad implements backend.Activation.
func (c *Backend) ReLUGrad(dx, y, dy backend.Tensor) {
	c.runGrad("ReLUGrad", reluGrad, dx, y, dy)
}

func reluGrad(dx, y, dy []float32, _ float32) {
	binary(dx, y, dy, func(y, dy float32) float32 {
		// A branch would be mispredicted half the time, so choose an integer, which
		// the compiler does without a branch.
		bits := math.Float32bits(dy)
		if !(y > 0) {
			bits = 0
		}
		return math.Float32frombits(bits)
	})
}

// Softmax implements backend.Activation.
func (c *Backend) Softmax(y, x backend.Tensor) {
	backend.CheckMap(c, "Softmax", y, x)
	c.applyRows(softmax, costlyGrain, y, x, x)
}

func softmax(y, x, _ []float32, _ float32) {
	largest, sum := maxSumExp(x)
	for j, v := range x {
		y[j] = float32(exp(float64(v)-largest) / sum)
	}
}

// maxSumExp returns m = max_k x[k] and Σ_k exp(x[k]−m).
func maxSumExp(x []float32) (largest, sum float64) {
	largest = math.Inf(-1)
	for _, v := range x {
		largest = max(largest, float64(v))
	}
	for _, v := range x {
		sum += exp(float64(v) - largest)
	}
	return largest, sum
}

// SoftmaxGrad implements backend.Activation.
func (c *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(c, "SoftmaxGrad", dx, y, dy)
	c.applyRows(softmaxGrad, cheapGrain, dx, y, dy)
}

func softmaxGrad(dx, y, dy []float32, _ float32) {
	var sum float64
	for j := range y {
		sum += float64(dy[j]) * float64(y[j])
	}
	for j := range dx {
		dx[j] = float32(float64(y[j]) * (float64(dy[j]) - sum))
	}
}

// LayerNorm implements backend.Activation.
func (c *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(c, y, rstd, x, epsilon)
	if c.err != nil {
		return
	}
	c.jobs.layerNorm = layerNorm{floats(y), floats(rstd), floats(x), x.Cols, epsilon}
	c.forEach(&c.jobs.layerNorm, x.Rows, rowGrain(cheapGrain, x.Cols))
}

type layerNorm struct {
	y, rstd, x []float32
	cols       int
	epsilon    float64
}

func (l *layerNorm) run(from, to int) {
	for i := from; i < to; i++ {
		y, x := l.y[i*l.cols:(i+1)*l.cols], l.x[i*l.cols:(i+1)*l.cols]
		var sum, squares float64
		for _, v := range x {
			sum += float64(v)
		}
		mean := sum / float64(l.cols)
		for _, v := range x {
			squares += (float64(v) - mean) * (float64(v) - mean)
		}
		scale := 1 / math.Sqrt(squares/float64(l.cols)+l.epsilon)
		for j, v := range x {
			y[j] = float32((float64(v) - mean) * scale)
		}
		l.rstd[i] = float32(scale)
	}
}

// LayerNormGrad implements backend.Activation.
func (c *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(c, dx, y, rstd, dy)
	if c.err != nil {
		return
	}
	c.jobs.layerNormGrad = layerNormGrad{floats(dx), floats(y), floats(rstd), floats(dy), dx.Cols}
	c.forEach(&c.jobs.layerNormGrad, dx.Rows, rowGrain(cheapGrain, dx.Cols))
}

type layerNormGrad struct {
	dx, y, rstd, dy []float32
	cols            int
}

func (l *layerNormGrad) run(from, to int) {
	for i := from; i < to; i++ {
		dx, y, dy := l.dx[i*l.cols:][:l.cols], l.y[i*l.cols:][:l.cols], l.dy[i*l.cols:][:l.cols]
		var sum, product float64
		for k, g := range dy {
			sum += float64(g)
			product += float64(g) * float64(y[k])
		}
		sum /= float64(l.cols)
		product /= float64(l.cols)
		for k, g := range dy {
			dx[k] = float32(float64(l.rstd[i]) * (float64(g) - sum - float64(y[k])*product))
		}
	}
}

// sigmoid returns 1/(1+exp(−x)) within 1 ULP.
func sigmoid(x float32) float32 {
	scale, r := reduce(-float64(x))
	return float32(1 / (1 + (scale + scale*expm1(r))))
}

// tanh returns tanh(x) within 1 ULP, as (exp(2x)−1)/(exp(2x)+1). Near 0, where
// scale is 1, it subtracts the 1 before adding expm1(r), which keeps all digits.
func tanh(x float32) float32 {
	scale, r := reduce(2 * math.Abs(float64(x)))
	m := (scale - 1) + scale*expm1(r)
	return float32(m * math.Copysign(1, float64(x)) / (m + 2))
}

// exp returns exp(x) with a relative error of at most 6e−9. Beyond ±700 it returns
// its value at ±700.
func exp(x float64) float64 {
	scale, r := reduce(x)
	return scale + scale*expm1(r)
}

// reduce returns a power of two, scale, and r with |r| ≤ ln 2 / 2, such that
// exp(x) = scale·exp(r). Beyond ±700 it returns those of ±700. scale is 1 where
// r is x.
func reduce(x float64) (scale, r float64) {
	const limit = 700
	if x > limit {
		x = limit
	} else if x < -limit {
		x = -limit
	}
	// x = n·ln 2 + r. Adding 1.5·2⁵² rounds to the integer n and leaves it in the
	// lowest bits.
	const rounder = 3 << 51
	shifted := x*math.Log2E + rounder
	scale = math.Float64frombits((math.Float64bits(shifted) + 1023) << 52)
	return scale, x - (shifted-rounder)*math.Ln2
}

// expm1 returns exp(r)−1 with a relative error of at most 6e−9, for r from reduce.
// With float64, the final rounding is nearly the only error of a float32 result,
// and nothing overflows.
func expm1(r float64) float64 {
	// r + r²/2! + ... + r⁷/7!, in an order where few operations wait for others.
	square := r * r
	low := r + square*(1./2+r*(1./6))
	high := (1./24 + r*(1./120)) + square*(1./720+r*(1./5040))
	return low + square*square*high
}
