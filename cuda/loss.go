package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// SoftmaxCrossEntropy implements backend.Loss. One launch leaves the loss of
// each row, another adds them up.
func (d *Backend) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	const op = "SoftmaxCrossEntropy"
	backend.CheckSoftmaxCrossEntropy(d, loss, dlogits, logits, labels)
	part, factors := d.scratch(op, logits.Rows), d.floats(op, scale, 1)
	if logits.Rows > 0 {
		fault, call := d.lookup(lookup{op: op, name: "labels", ids: labels, limit: logits.Cols, target: "logits has %d columns"})
		d.launch(op, "softmax_cross_entropy", kernels.Rows(logits.Rows, logits.Cols),
			part, address(dlogits), address(logits), addressInts(labels),
			uint64(logits.Rows), uint64(logits.Cols), factors, fault, call)
	}
	d.sumLoss(op, loss, part, logits.Rows, factors)
}

// SquaredError implements backend.Loss. One launch leaves a partial sum for
// each block, another adds them up.
func (d *Backend) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	const op = "SquaredError"
	backend.CheckSquaredError(d, loss, dy, y, target)
	l := kernels.Partials(int64(y.Size()))
	part, factors := d.scratch(op, l.Grid.X), d.floats(op, 2*scale, scale)
	d.launch(op, "squared_error", l, part, address(dy), address(y), address(target), size(y), factors)
	d.sumLoss(op, loss, part, l.Grid.X, factors)
}

// sumLoss sets loss to the sum of n parts, times the second of two factors.
func (d *Backend) sumLoss(op string, loss backend.Tensor, part uint64, n int, factors uint64) {
	d.launch(op, "loss_sum", kernels.Single(), address(loss), part, uint64(n), factors+elementBytes)
}
