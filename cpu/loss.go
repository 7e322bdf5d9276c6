package cpu

import (
	"math"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// reduction is a sum over indices 0..n−1. Part k of a job sums the indices from
// k·grain on. The grain depends on n only, so the sum has the same bits for any
// number of workers.
type reduction struct {
	grain   int
	partial [reductionParts]float64
}

const reductionParts = 64

// reset empties the sum for n indices, in parts of at least grain.
func (r *reduction) reset(n, grain int) {
	*r = reduction{grain: max(grain, ceilDiv(n, reductionParts))}
}

func (r *reduction) set(from int, sum float64) { r.partial[from/r.grain] = sum }

func (r *reduction) total() float64 {
	var sum float64
	for _, v := range r.partial {
		sum += v
	}
	return sum
}

// SoftmaxCrossEntropy implements backend.Loss.
func (c *Backend) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	backend.CheckSoftmaxCrossEntropy(c, loss, dlogits, logits, labels)
	if c.err != nil || !c.labelsExist(labels, logits) {
		return
	}
	j := &c.jobs.crossEntropy
	j.vector, j.dlogits, j.logits, j.labels = c.vector, floats(dlogits), floats(logits), ints(labels)
	j.cols, j.scale = logits.Cols, scale
	j.reset(logits.Rows, rowGrain(costlyGrain, logits.Cols))
	c.forEach(j, logits.Rows, j.grain)
	floats(loss)[0] = float32(scale * j.total())
}

func (c *Backend) labelsExist(labels backend.Ints, logits backend.Tensor) bool {
	for i, label := range ints(labels) {
		if label != backend.IgnoreLabel && (label < 0 || int(label) >= logits.Cols) {
			c.fail("SoftmaxCrossEntropy: labels[%d] is %d, logits has %d columns", i, label, logits.Cols)
			return false
		}
	}
	return true
}

type crossEntropy struct {
	reduction
	vector          *simd.Vector
	dlogits, logits []float32 // dlogits may be nil
	labels          []int32
	cols            int
	scale           float64
}

func (j *crossEntropy) run(from, to int) {
	var total float64
	for i := from; i < to; i++ {
		x, label := j.logits[i*j.cols:(i+1)*j.cols], j.labels[i]
		var dx []float32
		if j.dlogits != nil {
			dx = j.dlogits[i*j.cols : (i+1)*j.cols]
		}
		if label == backend.IgnoreLabel {
			clear(dx)
			continue
		}
		at, largest := x[label], j.vector.Max(x)
		if dx == nil {
			total += logLoss(j.vector.SumExp(x, largest), largest, at)
			continue
		}
		sum := j.vector.ExpSum(dx, x, largest)
		total += logLoss(sum, largest, at)
		// p−1 for the label would lose digits of a p near 1.
		grad := float32(j.scale * (float64(dx[label]) - sum) / sum)
		j.vector.Scale(dx, float32(j.scale/sum), dx)
		dx[label] = grad
	}
	j.set(from, total)
}

// logLoss returns −log(exp(x−largest)/sum).
func logLoss(sum float64, largest, x float32) float64 {
	return math.Log(sum) + (float64(largest) - float64(x))
}

// SquaredError implements backend.Loss.
func (c *Backend) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	backend.CheckSquaredError(c, loss, dy, y, target)
	if c.err != nil {
		return
	}
	j := &c.jobs.squaredError
	j.vector, j.dy, j.y, j.target, j.scale = c.vector, floats(dy), floats(y), floats(target), scale
	j.reset(y.Size(), cheapGrain)
	c.forEach(j, y.Size(), j.grain)
	floats(loss)[0] = float32(scale * j.total())
}

type squaredError struct {
	reduction
	vector        *simd.Vector
	dy, y, target []float32 // dy may be nil
	scale         float64
}

func (j *squaredError) run(from, to int) {
	y, target := j.y[from:to], j.target[from:to]
	j.set(from, j.vector.SquaredDistance(y, target))
	if j.dy != nil {
		dy := j.dy[from:to]
		j.vector.Sub(dy, y, target)
		j.vector.Scale(dy, float32(2*j.scale), dy)
	}
}
