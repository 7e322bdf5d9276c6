package backendtest

import (
	"math"
	"slices"

	"gputrain/backend"
)

var brokenActivation = []control{
	{check: "Sigmoid", mistake: broken[sigmoidOverflows]},
	{check: "Sigmoid", mistake: broken[sigmoidCancels]},
	{check: "Sigmoid", mistake: broken[sigmoidUnderflows]},
	{check: "Sigmoid", mistake: broken[sigmoidIsZeroFrom80]},
	{check: "SigmoidGrad", mistake: broken[sigmoidGradTakesInput]},
	{check: "Tanh", mistake: broken[tanhCancels]},
	{check: "Tanh", mistake: broken[tanhSaturatesNaN]},
	{check: "Tanh", mistake: broken[tanhIsOneFromSeven]},
	{check: "TanhGrad", mistake: broken[tanhGradDoesNotSquare]},
	{check: "ReLU", mistake: broken[reluOfNaN]},
	{check: "ReLU", mistake: broken[reluTestsSignBit]},
	{check: "ReLUGrad", mistake: broken[reluGradPassesAtZero]},
	{check: "ReLUGrad", mistake: broken[reluGradMultiplies]},
	{check: "Softmax", mistake: broken[softmaxOverflows]},
	{check: "Softmax", mistake: broken[softmaxOfWholeTensor]},
	{check: "Softmax", mistake: broken[softmaxLargestFromMinus1e4]},
	{check: "Softmax", mistake: broken[softmaxSumsPartOfLongRows], atLeast: 1025},
	{check: "SoftmaxGrad", mistake: broken[softmaxGradForgetsSum]},
	{check: "SoftmaxGrad", mistake: broken[softmaxGradClobbersY]},
	{check: "LayerNorm", mistake: broken[layerNormVarianceUnbiased]},
	{check: "LayerNorm", mistake: broken[layerNormVarianceUnbiasedOfPairs]},
	{check: "LayerNorm", mistake: broken[layerNormVarianceFloored]},
	{check: "LayerNorm", mistake: broken[layerNormVarianceCancels]},
	{check: "LayerNorm", mistake: broken[layerNormEpsilonBesideTheRoot]},
	{check: "LayerNorm", mistake: broken[layerNormReturnsDeviation]},
	{check: "LayerNorm", mistake: broken[layerNormOfWholeTensor]},
	{check: "LayerNorm", mistake: broken[layerNormSumsPartOfLongRows], atLeast: 1025},
	{check: "LayerNormGrad", mistake: broken[layerNormGradForgetsMean]},
	{check: "LayerNormGrad", mistake: broken[layerNormGradForgetsSlope]},
	{check: "LayerNormGrad", mistake: broken[layerNormGradIgnoresRstd]},
	{check: "LayerNormGrad", mistake: broken[layerNormGradClobbersY]},
}

// compute sets y[k] = f(x[k]).
func compute(b backend.Backend, y, x backend.Tensor, f func(float32) float32) {
	values := read(b, x)
	for k, v := range values {
		values[k] = f(v)
	}
	b.Upload(y, values)
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

type sigmoidOverflows mistake

func (b sigmoidOverflows) Sigmoid(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 { return exp(v) / (1 + exp(v)) })
}

// sigmoidCancels has no correct digit where the result is small.
type sigmoidCancels mistake

func (b sigmoidCancels) Sigmoid(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 { return 1 - 1/(1+exp(v)) })
}

// sigmoidUnderflows is 0 where exp(−x) overflows, though the result is subnormal.
type sigmoidUnderflows mistake

func (b sigmoidUnderflows) Sigmoid(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 { return 1 / (1 + exp(-v)) })
}

type sigmoidIsZeroFrom80 mistake

func (b sigmoidIsZeroFrom80) Sigmoid(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 {
		if v < -80 {
			return 0
		}
		return float32(sigmoid(float64(v)))
	})
}

type sigmoidGradTakesInput mistake

func (b sigmoidGradTakesInput) SigmoidGrad(dx, y, dy backend.Tensor) {
	squashed := clone(b.sound, y)
	b.sound.Sigmoid(squashed, squashed)
	b.sound.SigmoidGrad(dx, squashed, dy)
}

// tanhCancels has no correct digit near 0.
type tanhCancels mistake

func (b tanhCancels) Tanh(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 { return 1 - 2/(1+exp(2*v)) })
}

type tanhSaturatesNaN mistake

func (b tanhSaturatesNaN) Tanh(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 {
		if !(v < 20) {
			return 1
		}
		return float32(math.Tanh(float64(v)))
	})
}

type tanhIsOneFromSeven mistake

func (b tanhIsOneFromSeven) Tanh(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 {
		if math.Abs(float64(v)) >= 7 {
			return float32(math.Copysign(1, float64(v)))
		}
		return float32(math.Tanh(float64(v)))
	})
}

type tanhGradDoesNotSquare mistake

func (b tanhGradDoesNotSquare) TanhGrad(dx, y, dy backend.Tensor) {
	outputs := read(b.sound, y)
	b.sound.Copy(dx, dy)
	each(b.sound, dx, func(k int, v float32) float32 { return v * (1 - outputs[k]) })
}

// reluOfNaN is v > 0 ? v : 0.
type reluOfNaN mistake

func (b reluOfNaN) ReLU(y, x backend.Tensor) {
	b.sound.ReLU(y, x)
	each(b.sound, y, func(_ int, v float32) float32 {
		if v > 0 {
			return v
		}
		return 0
	})
}

// reluTestsSignBit makes 0 of a negative NaN.
type reluTestsSignBit mistake

func (b reluTestsSignBit) ReLU(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 {
		if math.Signbit(float64(v)) {
			return 0
		}
		return v
	})
}

type reluGradPassesAtZero mistake

func (b reluGradPassesAtZero) ReLUGrad(dx, y, dy backend.Tensor) {
	outputs := read(b.sound, y)
	b.sound.Copy(dx, dy)
	each(b.sound, dx, func(k int, v float32) float32 {
		if outputs[k] >= 0 {
			return v
		}
		return 0
	})
}

// reluGradMultiplies by a mask, which makes NaN of an infinite gradient.
type reluGradMultiplies mistake

func (b reluGradMultiplies) ReLUGrad(dx, y, dy backend.Tensor) {
	mask := clone(b.sound, y)
	each(b.sound, mask, func(_ int, v float32) float32 {
		if v > 0 {
			return 1
		}
		return 0
	})
	b.sound.Mul(dx, mask, dy)
}

type softmaxOverflows mistake

func (b softmaxOverflows) Softmax(y, x backend.Tensor) {
	values := read(b.sound, x)
	for i := range x.Rows {
		row := values[i*x.Cols : (i+1)*x.Cols]
		var sum float32
		for j, v := range row {
			row[j] = exp(v)
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	b.sound.Upload(y, values)
}

// softmaxLargestFromMinus1e4 looks for the largest logit from −10⁴ on.
type softmaxLargestFromMinus1e4 mistake

func (b softmaxLargestFromMinus1e4) Softmax(y, x backend.Tensor) {
	low := lowRows(read(b.sound, x), x.Cols)
	b.sound.Softmax(y, x)
	each(b.sound, y, func(k int, v float32) float32 {
		if low[k/y.Cols] {
			return float32(math.NaN()) // 0/0
		}
		return v
	})
}

// lowRows reports which rows of x are so far below −10⁴ that all exponentials
// of the differences to it are 0.
func lowRows(x []float32, cols int) (low []bool) {
	for len(x) > 0 && cols > 0 {
		low = append(low, slices.Max(x[:cols]) < -1e4-104)
		x = x[cols:]
	}
	return low
}

type softmaxOfWholeTensor mistake

func (b softmaxOfWholeTensor) Softmax(y, x backend.Tensor) {
	b.sound.Softmax(y.Reshape(1, y.Size()), x.Reshape(1, x.Size()))
}

// softmaxSumsPartOfLongRows normalises by the first 1024 columns.
type softmaxSumsPartOfLongRows mistake

func (b softmaxSumsPartOfLongRows) Softmax(y, x backend.Tensor) {
	b.sound.Softmax(y, x)
	if x.Cols > 1024 {
		normaliseBy(b.sound, y, 1024)
	}
}

// normaliseBy divides the rows of y by the sums of their first columns.
func normaliseBy(b backend.Backend, y backend.Tensor, columns int) {
	values := read(b, y)
	for i := range y.Rows {
		row := values[i*y.Cols : (i+1)*y.Cols]
		var sum float32
		for _, v := range row[:columns] {
			sum += v
		}
		for j := range row {
			row[j] /= sum
		}
	}
	b.Upload(y, values)
}

type softmaxGradForgetsSum mistake

func (b softmaxGradForgetsSum) SoftmaxGrad(dx, y, dy backend.Tensor) { b.sound.Mul(dx, y, dy) }

// softmaxGradClobbersY computes the products in dx, which may be y.
type softmaxGradClobbersY mistake

func (b softmaxGradClobbersY) SoftmaxGrad(dx, y, dy backend.Tensor) {
	products, gradients := clone(b.sound, y), read(b.sound, dy)
	b.sound.Mul(products, products, dy)
	p := read(b.sound, products)
	b.sound.Mul(dx, y, dy)
	outputs := read(b.sound, y)
	each(b.sound, dx, func(k int, _ float32) float32 {
		var sum float64
		row := k / y.Cols * y.Cols
		for _, v := range p[row : row+y.Cols] {
			sum += float64(v)
		}
		return float32(float64(outputs[k]) * (float64(gradients[k]) - sum))
	})
}

// normalize is LayerNorm with a scale for each row of its own.
func normalize(b backend.Backend, y, rstd, x backend.Tensor, scale func(row []float32, mean float64) float64) {
	values, scales := read(b, x), make([]float32, x.Rows)
	for i := range scales {
		row := values[i*x.Cols : (i+1)*x.Cols]
		var mean float64
		for _, v := range row {
			mean += float64(v) / float64(len(row))
		}
		s := scale(row, mean)
		for j, v := range row {
			row[j] = float32((float64(v) - mean) * s)
		}
		scales[i] = float32(s)
	}
	b.Upload(y, values)
	b.Upload(rstd, scales)
}

func variance(row []float32, mean float64) (v float64) {
	for _, x := range row {
		v += (float64(x) - mean) * (float64(x) - mean)
	}
	return v / float64(len(row))
}

type layerNormVarianceUnbiased mistake

func (b layerNormVarianceUnbiased) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		n := float64(len(row))
		return 1 / math.Sqrt(variance(row, mean)*n/max(1, n-1)+epsilon)
	})
}

// layerNormVarianceUnbiasedOfPairs divides by n−1 where that is 1.
type layerNormVarianceUnbiasedOfPairs mistake

func (b layerNormVarianceUnbiasedOfPairs) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	if x.Cols == 2 {
		layerNormVarianceUnbiased(b).LayerNorm(y, rstd, x, epsilon)
		return
	}
	b.sound.LayerNorm(y, rstd, x, epsilon)
}

// layerNormVarianceFloored never divides by a very small number.
type layerNormVarianceFloored mistake

func (b layerNormVarianceFloored) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		return 1 / math.Sqrt(max(variance(row, mean)+epsilon, 1e-20))
	})
}

// layerNormVarianceCancels takes the mean of squares less the square of the
// mean.
type layerNormVarianceCancels mistake

func (b layerNormVarianceCancels) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		var squares float32
		for _, v := range row {
			squares += v * v
		}
		difference := squares/float32(len(row)) - float32(mean)*float32(mean)
		return 1 / math.Sqrt(float64(difference)+epsilon)
	})
}

type layerNormEpsilonBesideTheRoot mistake

func (b layerNormEpsilonBesideTheRoot) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		return 1 / (math.Sqrt(variance(row, mean)) + epsilon)
	})
}

type layerNormReturnsDeviation mistake

func (b layerNormReturnsDeviation) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	b.sound.LayerNorm(y, rstd, x, epsilon)
	each(b.sound, rstd, func(_ int, v float32) float32 { return 1 / v })
}

type layerNormOfWholeTensor mistake

func (b layerNormOfWholeTensor) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	whole := fresh(b.sound, 1, 1, []float32{0})
	b.sound.LayerNorm(y.Reshape(1, y.Size()), whole, x.Reshape(1, x.Size()), epsilon)
	b.sound.Fill(rstd, float64(read(b.sound, whole)[0]))
}

// layerNormSumsPartOfLongRows leaves what is beyond 1024 columns out of the
// variance.
type layerNormSumsPartOfLongRows mistake

func (b layerNormSumsPartOfLongRows) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	if x.Cols <= 1024 {
		b.sound.LayerNorm(y, rstd, x, epsilon)
		return
	}
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		return 1 / math.Sqrt(variance(row[:1024], mean)*1024/float64(len(row))+epsilon)
	})
}

type layerNormGradForgetsMean mistake

func (b layerNormGradForgetsMean) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	scales, gradients := read(b.sound, rstd), read(b.sound, dy)
	b.sound.LayerNormGrad(dx, y, rstd, dy)
	each(b.sound, dx, func(k int, v float32) float32 {
		row := k / dx.Cols
		var sum float32
		for _, g := range gradients[row*dx.Cols : (row+1)*dx.Cols] {
			sum += g
		}
		return v + scales[row]*sum/float32(dx.Cols)
	})
}

type layerNormGradForgetsSlope mistake

func (b layerNormGradForgetsSlope) LayerNormGrad(dx, _, rstd, dy backend.Tensor) {
	zeros := clone(b.sound, dx)
	b.sound.Fill(zeros, 0)
	b.sound.LayerNormGrad(dx, zeros, rstd, dy)
}

type layerNormGradIgnoresRstd mistake

func (b layerNormGradIgnoresRstd) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	ones := clone(b.sound, rstd)
	b.sound.Fill(ones, 1)
	b.sound.LayerNormGrad(dx, y, ones, dy)
}

// layerNormGradClobbersY computes products in dx, which may be y.
type layerNormGradClobbersY mistake

func (b layerNormGradClobbersY) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	gradients := clone(b.sound, dy)
	b.sound.Mul(dx, y, gradients)
	b.sound.LayerNormGrad(dx, y, rstd, gradients)
}
