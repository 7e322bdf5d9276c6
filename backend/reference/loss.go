package reference

import (
	"fmt"
	"math"

	"gputrain/backend"
)

// SoftmaxCrossEntropy implements backend.Loss.
func (r *Backend) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	backend.CheckSoftmaxCrossEntropy(r, loss, dlogits, logits, labels)
	if r.err != nil || !r.labelsExist(labels, logits) {
		return
	}
	var total float64
	for i, label := range ints(labels) {
		if label == backend.IgnoreLabel {
			if dlogits.Present() {
				clear(row(dlogits, i))
			}
			continue
		}
		x := row(logits, i)
		largest, sum := maxSumExp(x)
		total += math.Log(sum) + (largest - x[label])
		if dlogits.Present() {
			dx := row(dlogits, i)
			for j := range x {
				dx[j] = scale * math.Exp(x[j]-largest) / sum
			}
			dx[label] -= scale
		}
	}
	floats(loss)[0] = scale * total
}

// labelsExist reports whether logits has a column for each label. If not, the
// error sticks.
func (r *Backend) labelsExist(labels backend.Ints, logits backend.Tensor) bool {
	for i, label := range ints(labels) {
		if label != backend.IgnoreLabel && (label < 0 || int(label) >= logits.Cols) {
			r.err = fmt.Errorf("reference: SoftmaxCrossEntropy: labels[%d] is %d, logits has %d columns", i, label, logits.Cols)
			return false
		}
	}
	return true
}

// SquaredError implements backend.Loss.
func (r *Backend) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	backend.CheckSquaredError(r, loss, dy, y, target)
	if r.err != nil {
		return
	}
	u, v := floats(y), floats(target)
	var sum float64
	for k := range u {
		difference := u[k] - v[k]
		sum += difference * difference
	}
	floats(loss)[0] = scale * sum
	if dy.Present() {
		r.combine(dy, y, target, func(y, target float64) float64 { return 2 * scale * (y - target) })
	}
}
