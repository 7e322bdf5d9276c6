package gl

import "gputrain/backend"

// SoftmaxCrossEntropy implements backend.Loss. One shader leaves the loss of the rows
// of each group, another adds them up.
func (d *Backend) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	const op = "SoftmaxCrossEntropy"
	backend.CheckSoftmaxCrossEntropy(d, loss, dlogits, logits, labels)
	part := d.scratch(op, max(1, min(logits.Rows, maxGroups)))
	v, groups, ok := d.rows(op, "softmax_cross_entropy", logits.Rows, logits.Cols)
	if ok {
		fault, call := d.lookup(lookup{op: op, name: "labels", ids: labels, limit: logits.Cols, target: "logits has %d columns"})
		d.run(op, v, groups, 1, []window{part, of(dlogits), of(logits), ofInts(labels), fault},
			word(logits.Rows), word(logits.Cols), call, float(scale))
	}
	d.sumLoss(op, loss, part, groups, 1)
}

// SquaredError implements backend.Loss. One shader leaves the sum of each group,
// another adds them up.
func (d *Backend) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	const op = "SquaredError"
	backend.CheckSquaredError(d, loss, dy, y, target)
	groups := partials(y.Size())
	part := d.scratch(op, groups)
	d.run(op, variant{"squared_error", 0}, groups, 1, []window{part, of(dy), of(y), of(target)}, size(y), float(2*scale))
	d.sumLoss(op, loss, part, groups, scale)
}

// sumLoss sets loss to factor times the sum of n parts.
func (d *Backend) sumLoss(op string, loss backend.Tensor, part window, n int, factor float64) {
	d.run(op, variant{"loss_sum", 0}, 1, 1, []window{of(loss), part}, word(n), float(factor))
}

// partials returns how many groups share a sum over n elements.
func partials(n int) int {
	const perInvocation, most = 8, 1024
	return max(1, min(ceil(n, groupSize*perInvocation), most))
}
