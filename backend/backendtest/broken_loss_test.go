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

type crossEntropyTakesIgnoredForFirst mistake

func (b crossEntropyTakesIgnoredForFirst) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	list := readInts(b.sound, labels)
	for i := range list {
		list[i] = max(0, list[i])
	}
	all, err := b.sound.NewInts(len(list))
	if err != nil {
		panic(err)
	}
	b.sound.UploadInts(all, list)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, all, scale)
}

// crossEntropyGradOfIgnoredIsSoftmax leaves out only the term of the label.
type crossEntropyGradOfIgnoredIsSoftmax mistake

func (b crossEntropyGradOfIgnoredIsSoftmax) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	squashed := clone(b.sound, logits)
	b.sound.Softmax(squashed, squashed)
	b.sound.Scale(squashed, scale, squashed)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	if dlogits.Present() {
		for i, label := range readInts(b.sound, labels) {
			if label == backend.IgnoreLabel {
				b.sound.Copy(dlogits.Slice(i, i+1), squashed.Slice(i, i+1))
			}
		}
	}
}

type crossEntropyLossIsNotScaled mistake

func (b crossEntropyLossIsNotScaled) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.sound.Scale(loss, 1/scale, loss)
}

type crossEntropyGradIsNotScaled mistake

func (b crossEntropyGradIsNotScaled) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	if dlogits.Present() {
		b.sound.Scale(dlogits, 1/scale, dlogits)
	}
}

// crossEntropyOverflows takes the logarithm of the softmax.
type crossEntropyOverflows mistake

func (b crossEntropyOverflows) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	y := clone(b.sound, logits)
	b.sound.Softmax(y, y)
	var sum float64
	values := read(b.sound, y)
	for i, label := range readInts(b.sound, labels) {
		if label != backend.IgnoreLabel {
			sum -= math.Log(float64(values[i*y.Cols+int(label)]))
		}
	}
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.sound.Fill(loss, sum*scale)
}

type crossEntropyAddsToLoss mistake

func (b crossEntropyAddsToLoss) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	before := clone(b.sound, loss)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.sound.Add(loss, loss, before)
}

type crossEntropyNeedsGrad mistake

func (b crossEntropyNeedsGrad) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	if dlogits.Present() {
		b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	}
}

// crossEntropyDropsBeyondBlock sums the losses of 1024 rows at most.
type crossEntropyDropsBeyondBlock mistake

func (b crossEntropyDropsBeyondBlock) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	n := min(1024, logits.Rows)
	x := clone(b.sound, logits)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	b.sound.SoftmaxCrossEntropy(loss, backend.Tensor{}, x.Slice(0, n), labels.Slice(0, n), scale)
}

// crossEntropyLargestFromMinus1e4 looks for the largest logit from −10⁴ on.
type crossEntropyLargestFromMinus1e4 mistake

func (b crossEntropyLargestFromMinus1e4) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	low := lowRows(read(b.sound, logits), logits.Cols)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	for i, label := range readInts(b.sound, labels) {
		if low[i] && label != backend.IgnoreLabel {
			b.sound.Fill(loss, inf) // log 0
		}
	}
}

type crossEntropyTakesScaleForPositive mistake

func (b crossEntropyTakesScaleForPositive) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, math.Abs(scale))
}

type squaredErrorTakesScaleForPositive mistake

func (b squaredErrorTakesScaleForPositive) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, y, target, math.Abs(scale))
}

type squaredErrorForgetsTwo mistake

func (b squaredErrorForgetsTwo) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, y, target, scale)
	if dy.Present() {
		b.sound.Scale(dy, 0.5, dy)
	}
}

type squaredErrorLossIsNotScaled mistake

func (b squaredErrorLossIsNotScaled) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, y, target, scale)
	b.sound.Scale(loss, 1/scale, loss)
}

type squaredErrorSwaps mistake

func (b squaredErrorSwaps) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, target, y, scale)
}

type squaredErrorDropsLast mistake

func (b squaredErrorDropsLast) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	off := 0.0
	if n := y.Size(); n > 0 {
		off = float64(read(b.sound, y)[n-1]) - float64(read(b.sound, target)[n-1])
	}
	b.sound.SquaredError(loss, dy, y, target, scale)
	each(b.sound, loss, func(_ int, v float32) float32 { return float32(float64(v) - scale*off*off) })
}
