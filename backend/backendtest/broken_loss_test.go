package backendtest

import (
	"math"

	"gputrain/backend"
)

var brokenLoss = []control{
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyTakesIgnoredForFirst]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyGradOfIgnoredIsSoftmax]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyLossIsNotScaled]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyGradIsNotScaled]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyOverflows]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyAddsToLoss]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyNeedsGrad]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyDropsBeyondBlock], atLeast: 1025},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyLargestFromMinus1e4]},
	{check: "SoftmaxCrossEntropy", mistake: broken[crossEntropyTakesScaleForPositive]},
	{check: "SquaredError", mistake: broken[squaredErrorTakesScaleForPositive]},
	{check: "SquaredError", mistake: broken[squaredErrorForgetsTwo]},
	{check: "SquaredError", mistake: broken[squaredErrorLossIsNotScaled]},
	{check: "SquaredError", mistake: broken[squaredErrorSwaps]},
	{check: "SquaredError", mistake: broken[squaredErrorDropsLast]},
}

type crossEntropyTakesIgnoredForFirst struct{ backend.Backend }

func (b crossEntropyTakesIgnoredForFirst) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	list := readInts(b, labels)
	for i := range list {
		list[i] = max(0, list[i])
	}
	all, err := b.NewInts(len(list))
	if err != nil {
		panic(err)
	}
	b.UploadInts(all, list)
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, all, scale)
}

// crossEntropyGradOfIgnoredIsSoftmax leaves out only the term of the label.
type crossEntropyGradOfIgnoredIsSoftmax struct{ backend.Backend }

func (b crossEntropyGradOfIgnoredIsSoftmax) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	squashed := clone(b, logits)
	b.Softmax(squashed, squashed)
	b.Scale(squashed, scale, squashed)
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	if dlogits.Present() {
		for i, label := range readInts(b, labels) {
			if label == backend.IgnoreLabel {
				b.Copy(dlogits.Slice(i, i+1), squashed.Slice(i, i+1))
			}
		}
	}
}

type crossEntropyLossIsNotScaled struct{ backend.Backend }

func (b crossEntropyLossIsNotScaled) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.Scale(loss, 1/scale, loss)
}

type crossEntropyGradIsNotScaled struct{ backend.Backend }

func (b crossEntropyGradIsNotScaled) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	if dlogits.Present() {
		b.Scale(dlogits, 1/scale, dlogits)
	}
}

// crossEntropyOverflows takes the logarithm of the softmax.
type crossEntropyOverflows struct{ backend.Backend }

func (b crossEntropyOverflows) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	y := clone(b, logits)
	b.Softmax(y, y)
	var sum float64
	values := read(b, y)
	for i, label := range readInts(b, labels) {
		if label != backend.IgnoreLabel {
			sum -= math.Log(float64(values[i*y.Cols+int(label)]))
		}
	}
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.Fill(loss, sum*scale)
}

type crossEntropyAddsToLoss struct{ backend.Backend }

func (b crossEntropyAddsToLoss) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	before := clone(b, loss)
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.Add(loss, loss, before)
}

type crossEntropyNeedsGrad struct{ backend.Backend }

func (b crossEntropyNeedsGrad) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	if dlogits.Present() {
		b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	}
}

// crossEntropyDropsBeyondBlock sums the losses of 1024 rows at most.
type crossEntropyDropsBeyondBlock struct{ backend.Backend }

func (b crossEntropyDropsBeyondBlock) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	n := min(1024, logits.Rows)
	x := clone(b, logits)
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.Backend.SoftmaxCrossEntropy(loss, backend.Tensor{}, x.Slice(0, n), labels.Slice(0, n), scale)
}

// crossEntropyLargestFromMinus1e4 looks for the largest logit from −10⁴ on.
type crossEntropyLargestFromMinus1e4 struct{ backend.Backend }

func (b crossEntropyLargestFromMinus1e4) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	low := lowRows(read(b, logits), logits.Cols)
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	for i, label := range readInts(b, labels) {
		if low[i] && label != backend.IgnoreLabel {
			b.Fill(loss, inf) // log 0
		}
	}
}

type crossEntropyTakesScaleForPositive struct{ backend.Backend }

func (b crossEntropyTakesScaleForPositive) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, math.Abs(scale))
}

type squaredErrorTakesScaleForPositive struct{ backend.Backend }

func (b squaredErrorTakesScaleForPositive) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.Backend.SquaredError(loss, dy, y, target, math.Abs(scale))
}

type squaredErrorForgetsTwo struct{ backend.Backend }

func (b squaredErrorForgetsTwo) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.Backend.SquaredError(loss, dy, y, target, scale)
	if dy.Present() {
		b.Scale(dy, 0.5, dy)
	}
}

type squaredErrorLossIsNotScaled struct{ backend.Backend }

func (b squaredErrorLossIsNotScaled) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.Backend.SquaredError(loss, dy, y, target, scale)
	b.Scale(loss, 1/scale, loss)
}

type squaredErrorSwaps struct{ backend.Backend }

func (b squaredErrorSwaps) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.Backend.SquaredError(loss, dy, target, y, scale)
}

type squaredErrorDropsLast struct{ backend.Backend }

func (b squaredErrorDropsLast) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	off := 0.0
	if n := y.Size(); n > 0 {
		off = float64(read(b, y)[n-1]) - float64(read(b, target)[n-1])
	}
	b.Backend.SquaredError(loss, dy, y, target, scale)
	each(b, loss, func(_ int, v float32) float32 { return float32(float64(v) - scale*off*off) })
}
