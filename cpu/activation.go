package cpu

import (
	"math"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// Sigmoid implements backend.Activation.
func (c *Backend) Sigmoid(y, x backend.Tensor) { c.runMap("Sigmoid", sigmoids, costlyGrain, y, x, 0) }

func sigmoids(v *simd.Vector, y, x, _ []float32, _ float32) { v.Sigmoid(y, x) }

// SigmoidGrad implements backend.Activation.
func (c *Backend) SigmoidGrad(dx, y, dy backend.Tensor) {
	c.runGrad("SigmoidGrad", sigmoidGrad, dx, y, dy)
}

func sigmoidGrad(v *simd.Vector, dx, y, dy []float32, _ float32) { v.SigmoidGrad(dx, y, dy) }

// Tanh implements backend.Activation.
func (c *Backend) Tanh(y, x backend.Tensor) { c.runMap("Tanh", tanhs, costlyGrain, y, x, 0) }

func tanhs(v *simd.Vector, y, x, _ []float32, _ float32) { v.Tanh(y, x) }

// TanhGrad implements backend.Activation.
func (c *Backend) TanhGrad(dx, y, dy backend.Tensor) {
	c.runGrad("TanhGrad", tanhGrad, dx, y, dy)
}

func tanhGrad(v *simd.Vector, dx, y, dy []float32, _ float32) { v.TanhGrad(dx, y, dy) }

// ReLU implements backend.Activation.
func (c *Backend) ReLU(y, x backend.Tensor) { c.runMap("ReLU", relu, cheapGrain, y, x, 0) }

func relu(v *simd.Vector, y, x, _ []float32, _ float32) { v.ReLU(y, x) }

// ReLUGrad implements backend.Activation.
func (c *Backend) ReLUGrad(dx, y, dy backend.Tensor) {
	c.runGrad("ReLUGrad", reluGrad, dx, y, dy)
}

func reluGrad(v *simd.Vector, dx, y, dy []float32, _ float32) { v.ReLUGrad(dx, y, dy) }

// Softmax implements backend.Activation.
func (c *Backend) Softmax(y, x backend.Tensor) {
	backend.CheckMap(c, "Softmax", y, x)
	c.applyRows(softmax, costlyGrain, y, x, x)
}

func softmax(v *simd.Vector, y, x, _ []float32, _ float32) {
	sum := v.ExpSum(y, x, v.Max(x))
	v.Scale(y, float32(1/sum), y)
}

// SoftmaxGrad implements backend.Activation.
func (c *Backend) SoftmaxGrad(dx, y, dy backend.Tensor) {
	backend.CheckGrad(c, "SoftmaxGrad", dx, y, dy)
	c.applyRows(softmaxGrad, cheapGrain, dx, y, dy)
}

func softmaxGrad(v *simd.Vector, dx, y, dy []float32, _ float32) {
	v.SoftmaxGrad(dx, y, dy, float32(v.Dot(dy, y)))
}

// LayerNorm implements backend.Activation.
func (c *Backend) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	backend.CheckLayerNorm(c, y, rstd, x, epsilon)
	if c.err != nil {
		return
	}
	c.jobs.layerNorm = layerNorm{c.vector, floats(y), floats(rstd), floats(x), x.Cols, epsilon}
	c.forEach(&c.jobs.layerNorm, x.Rows, rowGrain(cheapGrain, x.Cols))
}

type layerNorm struct {
	vector     *simd.Vector
	y, rstd, x []float32
	cols       int
	epsilon    float64
}

func (l *layerNorm) run(from, to int) {
	n := float64(l.cols)
	for i := from; i < to; i++ {
		y, x := l.y[i*l.cols:(i+1)*l.cols], l.x[i*l.cols:(i+1)*l.cols]
		mean := l.vector.Sum(x) / n
		scale := 1 / math.Sqrt(l.vector.SumSquares(x, mean)/n+l.epsilon)
		l.vector.Normalize(y, x, mean, scale)
		l.rstd[i] = float32(scale)
	}
}

// LayerNormGrad implements backend.Activation.
func (c *Backend) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	backend.CheckLayerNormGrad(c, dx, y, rstd, dy)
	if c.err != nil {
		return
	}
	c.jobs.layerNormGrad = layerNormGrad{c.vector, floats(dx), floats(y), floats(rstd), floats(dy), dx.Cols}
	c.forEach(&c.jobs.layerNormGrad, dx.Rows, rowGrain(cheapGrain, dx.Cols))
}

type layerNormGrad struct {
	vector          *simd.Vector
	dx, y, rstd, dy []float32
	cols            int
}

func (l *layerNormGrad) run(from, to int) {
	n := float64(l.cols)
	for i := from; i < to; i++ {
		dx, y, dy := l.dx[i*l.cols:][:l.cols], l.y[i*l.cols:][:l.cols], l.dy[i*l.cols:][:l.cols]
		mean, product := l.vector.Sum(dy)/n, l.vector.Dot(dy, y)/n
		l.vector.NormalizeGrad(dx, y, dy, l.rstd[i], float32(mean), float32(product))
	}
}
