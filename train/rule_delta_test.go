package train_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// parameters returns all parameters of net, in float64 if its backend has them.
func parameters(t testing.TB, net *model.Network) []float64 {
	t.Helper()
	var all []float64
	for _, w := range net.Parameters() {
		values := make([]float64, w.Value.Size())
		if r, ok := net.Backend().(*reference.Backend); ok {
			if err := r.DownloadFloat64(values, w.Value); err != nil {
				t.Fatal(err)
			}
		} else {
			for i, v := range download(t, net.Backend(), w.Value) {
				values[i] = float64(v)
			}
		}
		all = append(all, values...)
	}
	return all
}

// pairs returns n samples with two features and two targets that linear units
// cannot reach.
func pairs(n int) *data.Dataset {
	set := line(n, 1)
	set.TargetWidth = 2
	set.Targets = nil
	for i := range n {
		x0, x1 := set.X[2*i], set.X[2*i+1]
		set.Targets = append(set.Targets, x0*x1, x0+0.3*x1*x1)
	}
	return set
}

// E = ½Σ(d−s)² is MSE·(samples·outputs)/2, so SGD makes the same steps at a rate
// that makes up for the factor.
func TestDeltaRuleIsSGDOnTheSquaredError(t *testing.T) {
	const lr, samples, outputs, epochs, tolerance = 0.01, 7, 2, 30, 1e-12
	set, in := pairs(samples), model.Shape{Steps: 1, Batch: samples, Width: 2}
	for name, batch := range map[string]int{"online": 1, "batch": samples} {
		t.Run(name, func(t *testing.T) {
			b := openReference(t)
			byRule := build(t, b, linear(outputs), in, 1)
			if _, err := (train.DeltaRule{LR: lr, Epochs: epochs, Batch: batch > 1}).Fit(t.Context(), byRule, set); err != nil {
				t.Fatal(err)
			}
			bySGD := build(t, b, linear(outputs), in, 1)
			before := parameters(t, bySGD)
			trainer := newTrainer(t, bySGD, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{}, LR: lr * float64(batch*outputs) / 2, Epochs: epochs, Batch: batch})
			batches := data.NewBatches(set, batch) // in order; Fit would shuffle them
			for range epochs {
				for i := range batches.Count() {
					trainer.Step(batches.Batch(i))
				}
			}
			want := parameters(t, bySGD)
			for i, got := range parameters(t, byRule) {
				wantClose(t, fmt.Sprintf("parameter %d", i), got, want[i], tolerance)
				if want[i] == before[i] {
					t.Errorf("parameter %d did not change: the test has no effect", i)
				}
			}
		})
	}
}

// With targets ±1 the least squares of AND are s = x1 + x2 − 1.5, of XOR s = 0.
func TestDeltaRuleFindsTheLeastSquares(t *testing.T) {
	for _, test := range []struct {
		gate tasks.Gate
		want []float64 // weights and bias
		e    float64
	}{{tasks.AND, []float64{1, 1, -1.5}, 0.5}, {tasks.XOR, []float64{0, 0, 0}, 2}} {
		for _, on := range []func(testing.TB) backend.Backend{openReference, openCPU} {
			b := on(t)
			t.Run(fmt.Sprint(test.gate, " ", b.Name()), func(t *testing.T) {
				net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
				result, err := train.DeltaRule{LR: 0.2, Batch: true, Epochs: 1000, Tolerance: test.e + 1e-6}.Fit(t.Context(), net, test.gate.Table(-1))
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range parameters(t, net) {
					wantClose(t, fmt.Sprintf("parameter %d", i), got, test.want[i], 1e-2)
				}
				last := len(result.Errors) - 1
				wantClose(t, "E", result.Errors[last], test.e, 1e-5)
				if !result.Converged || last == 1000 || result.Errors[last-1] <= test.e+1e-6 {
					t.Errorf("converged is %v after %d epochs, E %v; want the end at the first E within the tolerance", result.Converged, last, result.Errors[last-1:])
				}
			})
		}
	}
}

func TestDeltaRuleFindsALine(t *testing.T) {
	for _, batch := range []bool{false, true} {
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 60, Width: 2}, 1)
		result, err := train.DeltaRule{LR: 0.01, Batch: batch, Epochs: 1000, Tolerance: 1e-9}.Fit(t.Context(), net, line(60, 1))
		if err != nil || !result.Converged {
			t.Fatalf("batch %v: converged is %v, error %v", batch, result.Converged, err)
		}
		for i, want := range []float64{3, -2, 0.5} {
			wantClose(t, fmt.Sprintf("batch %v: parameter %d", batch, i), parameters(t, net)[i], want, 1e-4)
		}
	}
}

// The largest eigenvalue of Σ [x; 1]·[x; 1]ᵀ over the inputs of a gate is
// (7+√33)/2.
func TestBatchDeltaRuleConvergesBelowItsLargestRate(t *testing.T) {
	limit := 2 / ((7 + math.Sqrt(33)) / 2)
	fit := func(lr float64) (train.DeltaResult, error) {
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
		return train.DeltaRule{LR: lr, Batch: true, Epochs: 20000, Tolerance: 0.5 + 1e-6}.Fit(t.Context(), net, tasks.AND.Table(-1))
	}
	if result, err := fit(0.98 * limit); err != nil || !result.Converged {
		t.Errorf("LR below the limit: converged is %v, error %v", result.Converged, err)
	}
	if _, err := fit(1.02 * limit); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("LR above the limit: error %v, want one that wraps ErrDiverged", err)
	} else {
		wantError(t, err, "lower LR")
	}
}

func TestDivergedDeltaRuleLeavesTheLastFiniteParameters(t *testing.T) {
	backends := others(t)
	backends["reference"] = openReference(t)
	for name, b := range backends {
		fit := func(epochs int) (*model.Network, train.DeltaResult, error) {
			net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
			result, err := train.DeltaRule{LR: 10, Epochs: epochs}.Fit(t.Context(), net, tasks.AND.Table(-1))
			return net, result, err
		}
		got, result, err := fit(100)
		last := len(result.Errors) - 1
		if !errors.Is(err, train.ErrDiverged) || last < 1 {
			t.Fatalf("%s: error %v after %d epochs, want ErrDiverged after one or more", name, err, last)
		}
		want, _, err := fit(last)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := parameters(t, got), parameters(t, want); !slices.Equal(got, want) {
			t.Errorf("%s: the parameters are %v, want those after %d epochs, %v", name, got, last, want)
		}
	}
}

func TestDeltaRuleThatDoesNotConvergeSaysSo(t *testing.T) {
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	result, err := train.DeltaRule{LR: 0.1, Epochs: 50, Tolerance: 0.4}.Fit(t.Context(), net, tasks.AND.Table(-1))
	if err != nil || result.Converged || len(result.Errors) != 51 {
		t.Errorf("converged is %v with %d errors, error %v; want false with 51, no error", result.Converged, len(result.Errors), err)
	}
}

func TestDeltaRuleGoesAlikeOnAllBackends(t *testing.T) {
	fit := func(b backend.Backend) []float64 {
		net := build(t, b, linear(2), model.Shape{Steps: 1, Batch: 7, Width: 2}, 1)
		result, err := train.DeltaRule{LR: 0.02, Epochs: 5}.Fit(t.Context(), net, pairs(7))
		if err != nil {
			t.Fatal(err)
		}
		return result.Errors
	}
	want := fit(openReference(t))
	for _, open := range []func(testing.TB) backend.Backend{openCPU, openEmulator} {
		b := open(t)
		for i, e := range fit(b) {
			wantClose(t, fmt.Sprintf("%s: E after %d epochs", b.Name(), i), e, want[i], 1e-4*want[i])
		}
	}
}

// An error of just the tolerance is within it.
func TestDeltaRuleToleranceIsEnough(t *testing.T) {
	run := func(tolerance float64) train.DeltaResult {
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
		result, err := train.DeltaRule{LR: 0.05, Tolerance: tolerance, Epochs: 6}.Fit(t.Context(), net, line(4, 1))
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	errors := run(0).Errors
	for epochs := 1; epochs < len(errors); epochs++ {
		if errors[epochs] >= errors[epochs-1] {
			t.Fatalf("errors %v do not fall: choose a smaller LR", errors)
		}
		if got := run(errors[epochs]); !got.Converged || len(got.Errors) != epochs+1 {
			t.Errorf("tolerance %v, the error after %d epochs: converged %v after %d", errors[epochs], epochs, got.Converged, len(got.Errors)-1)
		}
	}
}
