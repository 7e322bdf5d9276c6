package main

import (
	"fmt"
	"io"
	"math"

	"gputrain/data"
	"gputrain/train"
)

// regression is a train.Metric of a model that gives numbers: its errors in the units of
// the targets.
type regression struct {
	names   []string
	scaling data.Scaling
	targets []regressionTarget
}

// regressionTarget is the rows of a target.
type regressionTarget struct {
	actual, predicted []float64 // in its units
	mae               train.MAE // of the scaled numbers
	rmse              train.RMSE
	r2                train.R2
}

func newRegression(names []string, scaling data.Scaling) *regression {
	return &regression{names: names, scaling: scaling, targets: make([]regressionTarget, len(names))}
}

// Reset implements train.Metric.
func (r *regression) Reset() { r.targets = make([]regressionTarget, len(r.names)) }

// Update implements train.Metric.
func (r *regression) Update(y []float32, label int, target []float32) {
	for j := range r.targets {
		t := &r.targets[j]
		t.actual = append(t.actual, r.scaling.Restore(j, float64(target[j])))
		t.predicted = append(t.predicted, r.scaling.Restore(j, float64(y[j])))
		for _, m := range []train.Metric{&t.mae, &t.rmse, &t.r2} {
			m.Update(y[j:j+1], label, target[j:j+1])
		}
	}
}

// Compute implements train.Metric: it is the mean of the R2 of the targets.
func (r *regression) Compute() float64 {
	sum := 0.0
	for j := range r.targets {
		sum += r.targets[j].r2.Compute()
	}
	return sum / float64(len(r.targets))
}

// errors returns the figures of a target, the errors in its units.
func (r *regression) errors(j int) targetFigures {
	t, unit := &r.targets[j], 1/r.scaling.Factor[j]
	return targetFigures{
		Name: r.names[j], R2: jsonNumber(t.r2.Compute()),
		RMSE: jsonNumber(t.rmse.Compute() * unit), MAE: jsonNumber(t.mae.Compute() * unit),
	}
}

// print prints a table of the targets, if there are several.
func (r *regression) print(w io.Writer) error {
	if len(r.names) == 1 {
		return nil
	}
	var rows [][]string
	for j := range r.targets {
		e := r.errors(j)
		rows = append(rows, []string{shortName(e.Name), fixed(float64(e.R2)), quantity(float64(e.RMSE)), quantity(float64(e.MAE))})
	}
	_, err := fmt.Fprint(w, formatTable(terminalWidth(w), 1, []string{"target", "R2", "RMSE", "MAE"}, rows))
	return err
}

// printLast prints the line that train and eval end with.
func (r *regression) printLast(w io.Writer) error {
	samples := plural(len(r.targets[0].actual), "sample", "samples")
	if len(r.targets) > 1 {
		_, err := fmt.Fprintf(w, "test R2 %.4f, the mean of %d targets (%s)\n", r.Compute(), len(r.targets), samples)
		return err
	}
	e := r.errors(0)
	_, err := fmt.Fprintf(w, "test R2 %.4f, RMSE %s, MAE %s (%s)\n", e.R2, quantity(float64(e.RMSE)), quantity(float64(e.MAE)), samples)
	return err
}

// quantity formats a number to four digits, whatever its size.
func quantity(x float64) string {
	if size := math.Abs(x); x == 0 || size >= 1e-3 && size < 1e7 {
		return significant(x)
	}
	return fmt.Sprintf("%.4g", x)
}

// regressionFigures is what files and objects say of a regression.
type regressionFigures struct {
	TestLoss jsonNumber      `json:"test_loss"`
	Count    int             `json:"count"`
	TestR2   jsonNumber      `json:"test_r2"`
	TestRMSE *jsonNumber     `json:"test_rmse,omitempty"` // of a single target
	TestMAE  *jsonNumber     `json:"test_mae,omitempty"`  // of a single target
	Targets  []targetFigures `json:"targets"`
}

type targetFigures struct {
	Name string     `json:"name"`
	R2   jsonNumber `json:"r2"`
	RMSE jsonNumber `json:"rmse"`
	MAE  jsonNumber `json:"mae"`
}

func (m *evaluation) regressionFigures() regressionFigures {
	f := regressionFigures{TestLoss: jsonNumber(m.Loss), Count: m.Count, TestR2: jsonNumber(m.regression.Compute())}
	for j := range m.regression.targets {
		f.Targets = append(f.Targets, m.regression.errors(j))
	}
	if len(f.Targets) == 1 {
		f.TestRMSE, f.TestMAE = &f.Targets[0].RMSE, &f.Targets[0].MAE
	}
	return f
}

// regressionResult is the last object of train and eval for a regression.
type regressionResult struct {
	Event string `json:"event"`
	regressionFigures
}

func (m *evaluation) regressionResult() regressionResult {
	return regressionResult{"result", m.regressionFigures()}
}
