package train

import (
	"math"

	"gputrain/backend"
	"gputrain/data"
)

// Metric sums up how well a network does on a set, row by row. It is what torchmetrics
// calls a metric. Give one to Evaluate, and then ask it for its value.
type Metric interface {
	// Reset forgets all rows. Evaluate calls it first.
	Reset()

	// Update takes a row that counts: the outputs of the network, the label,
	// backend.IgnoreLabel if the row has none, and the target values, nil if it has
	// none. Rows of the padding, and rows without label and target, are left out. The
	// slices are valid until Update returns.
	Update(y []float32, label int, target []float32)

	// Compute returns the value over all rows, NaN if these do not define it.
	Compute() float64
}

// observe makes e update metrics.
func (e *evaluator) observe(metrics []Metric) {
	e.metrics = metrics
	if len(metrics) > 0 {
		out := e.net.Output()
		e.outputs = make([]float32, out.Rows()*out.Width)
	}
}

// update gives the rows of batch that count, for which the network gave y, to the
// metrics.
func (e *evaluator) update(y backend.Tensor, batch data.Batch) error {
	if len(e.metrics) == 0 {
		return nil
	}
	outputs := e.outputs[:y.Size()]
	if err := e.b.Download(outputs, y); err != nil {
		return err
	}
	for row := range y.Rows {
		if e.feed.everyStep && batch.Padding(row) {
			continue
		}
		label, target := backend.IgnoreLabel, []float32(nil)
		if batch.Labels != nil {
			label = int(batch.Labels[row])
		}
		if batch.Targets != nil && (batch.Mask == nil || batch.Mask[row] == 1) {
			width := len(batch.Targets) / y.Rows
			target = batch.Targets[row*width : (row+1)*width]
		}
		if label == backend.IgnoreLabel && target == nil {
			continue
		}
		for _, m := range e.metrics {
			m.Update(outputs[row*y.Cols:(row+1)*y.Cols], label, target)
		}
	}
	return nil
}

// MAE is the mean absolute error over all elements of the targets.
type MAE struct {
	sum   float64
	count int
}

// Reset implements Metric.
func (m *MAE) Reset() { *m = MAE{} }

// Update implements Metric.
func (m *MAE) Update(y []float32, _ int, target []float32) {
	for i, t := range target {
		m.sum += math.Abs(float64(y[i]) - float64(t))
	}
	m.count += len(target)
}

// Compute implements Metric.
func (m *MAE) Compute() float64 { return m.sum / float64(m.count) }

// RMSE is the root of the mean squared error over all elements of the targets.
type RMSE struct {
	sum   float64
	count int
}

// Reset implements Metric.
func (m *RMSE) Reset() { *m = RMSE{} }

// Update implements Metric.
func (m *RMSE) Update(y []float32, _ int, target []float32) {
	for i, t := range target {
		e := float64(y[i]) - float64(t)
		m.sum += e * e
	}
	m.count += len(target)
}

// Compute implements Metric.
func (m *RMSE) Compute() float64 { return math.Sqrt(m.sum / float64(m.count)) }

// R2 is the coefficient of determination, 1 − Σ(target−y)²/Σ(target−mean)²: 1 is
// perfect, 0 as good as the mean of the targets, and there is no lower bound. Of several
// targets it is the mean of their R2. It is NaN for fewer than two rows, or if a target
// is constant.
type R2 struct {
	targets []moments
}

// moments are those of a target: Welford's method keeps the digits that all values
// share from costing precision.
type moments struct{ count, mean, squares, errors float64 }

// Reset implements Metric.
func (m *R2) Reset() { *m = R2{} }

// Update implements Metric.
func (m *R2) Update(y []float32, _ int, target []float32) {
	for i, t := range target {
		if i == len(m.targets) {
			m.targets = append(m.targets, moments{})
		}
		v, x := &m.targets[i], float64(t)
		v.count++
		delta := x - v.mean
		v.mean += delta / v.count
		v.squares += delta * (x - v.mean)
		v.errors += (x - float64(y[i])) * (x - float64(y[i]))
	}
}

// Compute implements Metric.
func (m *R2) Compute() float64 {
	sum := 0.0
	for _, v := range m.targets {
		if v.squares == 0 {
			return math.NaN()
		}
		sum += 1 - v.errors/v.squares
	}
	return sum / float64(len(m.targets))
}
