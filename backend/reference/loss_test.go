package reference_test

import (
	"math"
	"testing"

	"gputrain/backend"
)

func TestSoftmaxCrossEntropy(t *testing.T) {
	// e^logits are 1 2 5 (sum 8), 3 1 4 (sum 8, ignored), 2 1 1 (sum 4), so
	// the loss is scale·(−log 2/8 − log 2/4) = scale·log 8.
	logits := []float64{0, math.Log(2), math.Log(5), math.Log(3), 0, math.Log(4), math.Log(2), 0, 0}
	labels := []int32{1, backend.IgnoreLabel, 0}
	gradient := []float64{
		0.5 * 1 / 8, 0.5 * (2./8 - 1), 0.5 * 5 / 8,
		0, 0, 0,
		0.5 * (2./4 - 1), 0.5 * 1 / 4, 0.5 * 1 / 4,
	}
	f := open(t)
	loss, x, dx := f.tensor(1, 1), f.tensor(3, 3, logits...), f.tensor(3, 3)

	f.SoftmaxCrossEntropy(loss, backend.Tensor{}, x, f.ints(labels...), 0.5)
	f.want("loss alone", loss, 1e-15, 0.5*math.Log(8))
	f.want("logits", x, 0, logits...)

	f.Fill(loss, nan)
	f.SoftmaxCrossEntropy(loss, dx, x, f.ints(labels...), 0.5)
	f.want("loss", loss, 1e-15, 0.5*math.Log(8))
	f.want("gradient", dx, 1e-15, gradient...)

	f.SoftmaxCrossEntropy(loss, x, x, f.ints(labels...), 0.5)
	f.want("loss, in place", loss, 1e-15, 0.5*math.Log(8))
	f.want("gradient, in place", x, 1e-15, gradient...)
}

func TestSoftmaxCrossEntropyOfLargeLogits(t *testing.T) {
	f := open(t)
	loss, dx := f.tensor(1, 1), f.tensor(1, 2)
	// log softmax = (0, −2000) − log(1+e^−2000)
	f.SoftmaxCrossEntropy(loss, dx, f.tensor(1, 2, 1000, -1000), f.ints(1), 1)
	f.want("loss", loss, 0, 2000)
	f.want("gradient", dx, 0, 1, -1)
	// log softmax = log ½, however large the logits are
	f.SoftmaxCrossEntropy(loss, dx, f.tensor(1, 2, -1e30, -1e30), f.ints(1), 1)
	f.want("loss of equal logits", loss, 1e-15, math.Log(2))
	f.want("gradient of equal logits", dx, 0, 0.5, -0.5)
}

func TestSquaredError(t *testing.T) {
	// Differences are 1, −2, 0, 3; their squares sum to 14.
	y, target := []float64{2, 1, 5, 3}, []float64{1, 3, 5, 0}
	gradient := []float64{2 * 0.25 * 1, 2 * 0.25 * -2, 0, 2 * 0.25 * 3}
	f := open(t)
	loss, dy := f.tensor(1, 1), f.tensor(2, 2)
	x, z := f.tensor(2, 2, y...), f.tensor(2, 2, target...)

	f.SquaredError(loss, backend.Tensor{}, x, z, 0.25)
	f.want("loss alone", loss, 0, 0.25*14)
	f.SquaredError(loss, dy, x, z, 0.25)
	f.want("loss", loss, 0, 0.25*14)
	f.want("gradient", dy, 0, gradient...)

	f.Copy(dy, x)
	f.SquaredError(loss, dy, dy, z, 0.25)
	f.want("gradient in y", dy, 0, gradient...)
	f.Copy(dy, z)
	f.SquaredError(loss, dy, x, dy, 0.25)
	f.want("gradient in target", dy, 0, gradient...)
	f.want("loss, gradient in target", loss, 0, 0.25*14)
}
