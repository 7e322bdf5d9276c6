package backendtest

import (
	"math"

	"gputrain/backend"
)

// brokenExponential are the built-in functions of a shading language, which are
// accurate where somebody would look first.
var brokenExponential = []control{
	{check: "Softmax", name: "exp by exp2", mistake: func(b backend.Backend) backend.Backend { return altered{b, softmaxBy{b, expByExp2}} }},
	{check: "SoftmaxCrossEntropy", name: "exp by exp2", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, crossEntropyBy{b, expByExp2, logarithm}}
	}},
	{check: "SoftmaxCrossEntropy", name: "log as accurate as a sum", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, crossEntropyBy{b, exp, logByExponent}}
	}},
	{check: "SoftmaxCrossEntropy", name: "log off by 9 units from 2 on", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, crossEntropyBy{b, exp, func(x float32) float32 {
			if x < 2 {
				return logarithm(x)
			}
			return logarithm(x) * (1 + 18*unit)
		}}}
	}},
	{check: "Sigmoid", name: "exp by exp2", mistake: func(b backend.Backend) backend.Backend { return altered{b, sigmoidBy{b, expByExp2}} }},
}

// soundExponential are the same backends with functions that are accurate.
var soundExponential = []control{
	{check: "Softmax", mistake: func(b backend.Backend) backend.Backend { return altered{b, softmaxBy{b, expOffBy4}} }},
	{check: "SoftmaxCrossEntropy", mistake: func(b backend.Backend) backend.Backend { return altered{b, crossEntropyBy{b, expOffBy4, logOffBy4}} }},
	{check: "Sigmoid", mistake: func(b backend.Backend) backend.Backend { return altered{b, sigmoidBy{b, exp}} }},
}

func logarithm(x float32) float32 { return float32(math.Log(float64(x))) }

// expByExp2 rounds the product, of up to 150, to float32. That is 61 units in the last
// place of the result.
func expByExp2(x float32) float32 { return float32(math.Exp2(float64(x * math.Log2E))) }

// logByExponent takes a mantissa from ½ to 1. Near 1 the logarithm is then the
// difference of two that are nearly equal.
func logByExponent(x float32) float32 {
	mantissa, exponent := math.Frexp(float64(x))
	return float32(exponent)*math.Ln2 + logarithm(float32(mantissa))
}

// offBy4 returns x, off by up to 4 units in the last place, to either side.
func offBy4(x float32) float32 {
	bits := math.Float32bits(x)
	if x <= smallestNormal || x == 1 || math.IsInf(float64(x), 0) || isNaN32(x) {
		return x
	}
	return math.Float32frombits(bits + bits*7919>>16%9 - 4)
}

func expOffBy4(x float32) float32 { return offBy4(exp(x)) }
func logOffBy4(x float32) float32 { return offBy4(logarithm(x)) }

// sigmoidBy is the sigmoid by an exponential of negative numbers.
type sigmoidBy struct {
	sound backend.Backend
	exp   func(float32) float32
}

func (b sigmoidBy) Sigmoid(y, x backend.Tensor) {
	compute(b.sound, y, x, func(v float32) float32 {
		e := b.exp(-float32(math.Abs(float64(v))))
		if v < 0 {
			return e / (1 + e)
		}
		return 1 / (1 + e)
	})
}

// exponentialsBy replaces the rows of x by exp(x−m), and returns m and their sums.
func exponentialsBy(exp func(float32) float32, x []float32, cols int) (largest, sums []float32) {
	for cols > 0 && len(x) > 0 {
		row := x[:cols]
		x = x[cols:]
		m, sum := float32(-inf), float32(0)
		for _, v := range row {
			m = max(m, v)
		}
		for j, v := range row {
			row[j] = exp(v - m)
			sum += row[j]
		}
		largest, sums = append(largest, m), append(sums, sum)
	}
	return largest, sums
}

type softmaxBy struct {
	sound backend.Backend
	exp   func(float32) float32
}

func (b softmaxBy) Softmax(y, x backend.Tensor) {
	values := read(b.sound, x)
	_, sums := exponentialsBy(b.exp, values, x.Cols)
	for k := range values {
		values[k] /= sums[k/x.Cols]
	}
	b.sound.Upload(y, values)
}

type crossEntropyBy struct {
	sound    backend.Backend
	exp, log func(float32) float32
}

func (b crossEntropyBy) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	x, values, cols := read(b.sound, logits), read(b.sound, logits), logits.Cols
	largest, sums := exponentialsBy(b.exp, values, cols)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	var total float64
	list := readInts(b.sound, labels)
	for i, label := range list {
		if label != backend.IgnoreLabel {
			total += float64(b.log(sums[i])) + float64(largest[i]) - float64(x[i*cols+int(label)])
		}
	}
	b.sound.Fill(loss, scale*total)
	if !dlogits.Present() {
		return
	}
	each(b.sound, dlogits, func(k int, _ float32) float32 {
		label := list[k/cols]
		if label == backend.IgnoreLabel {
			return 0
		}
		share := values[k] / sums[k/cols]
		if k%cols == int(label) {
			share--
		}
		return float32(scale) * share
	})
}
