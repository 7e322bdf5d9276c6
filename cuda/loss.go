package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// SoftmaxCrossEntropy computes loss = −scale·Σ_i log softmax(logits_i)[labels[i]]
// and its gradient, which is optional. Rows with label backend.IgnoreLabel add
// nothing; another label that is no column is a sticky error. dlogits may be
// logits.
func (b *Backend) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	const op = "SoftmaxCrossEntropy"
	backend.CheckSoftmaxCrossEntropy(b, loss, dlogits, logits, labels)
	part, factors := b.scratch(op, logits.Rows), b.floats(op, scale, 1)
	if logits.Rows > 0 {
		fault, call := b.lookup(lookup{op: op, name: "labels", ids: labels, limit: logits.Cols, target: "logits has %d columns"})
		b.launch(op, "softmax_cross_entropy", kernels.Rows(logits.Rows, logits.Cols),
			part, address(dlogits), address(logits), addressInts(labels),
			uint64(logits.Rows), uint64(logits.Cols), factors, fault, call)
	}
	b.sumLoss(op, loss, part, logits.Rows, factors)
}

// SquaredError computes loss = scale·Σ_ij (y[i,j] − target[i,j])² and its
// gradient, which is optional. dy may be y or target.
func (b *Backend) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	const op = "SquaredError"
	backend.CheckSquaredError(b, loss, dy, y, target)
	l := kernels.Partials(int64(y.Size()))
	part, factors := b.scratch(op, l.Grid.X), b.floats(op, 2*scale, scale)
	b.launch(op, "squared_error", l, part, address(dy), address(y), address(target), size(y), factors)
	b.sumLoss(op, loss, part, l.Grid.X, factors)
}

// sumLoss sets loss to the second of two factors times the sum of n parts.
func (b *Backend) sumLoss(op string, loss backend.Tensor, part uint64, n int, factors uint64) {
	b.launch(op, "loss_sum", kernels.Single(), address(loss), part, uint64(n), factors+elementBytes)
}
