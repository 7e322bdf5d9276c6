package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// identity is a network that returns its input of the given width.
func identity(t *testing.T, b backend.Backend, in model.Shape) *model.Network {
	t.Helper()
	net, err := model.New(b, model.Spec{{Name: "same", Layer: model.Dense{Out: in.Width, NoBias: true}}}, in, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	weight, _ := net.Parameter("same.weight")
	unit := make([]float32, in.Width*in.Width)
	for i := range in.Width {
		unit[i*in.Width+i] = 1
	}
	b.Upload(weight.Value, unit)
	return net
}

func TestEvaluateCountsActualAgainstPredicted(t *testing.T) {
	// Predicted 0, 1, 1, 2, 0; the first of equals wins.
	x := []float32{3, 1, 2 /**/, 0, 5, 0 /**/, 1, 2, 1 /**/, 0, 0, 9 /**/, 4, 4, 4}
	set := &data.Dataset{Steps: 1, Width: 3, X: x, Labels: []int32{0, 1, 0, 2, 2}}
	var loss float64
	for i, label := range set.Labels {
		var sum float64
		for _, logit := range x[3*i : 3*i+3] {
			sum += math.Exp(float64(logit))
		}
		loss += (math.Log(sum) - float64(x[3*i+int(label)])) / 5
	}
	for _, open := range []func(testing.TB) backend.Backend{openCPU, openReference} {
		for _, batch := range []int{1, 2, 5, 8} {
			b := open(t)
			metrics, err := train.Evaluate(identity(t, b, model.Shape{Steps: 1, Batch: batch, Width: 3}), train.CrossEntropy{}, set)
			if err != nil {
				t.Fatal(err)
			}
			if metrics.Correct != 3 || metrics.Count != 5 || metrics.Accuracy != 0.6 {
				t.Errorf("%s, batch %d: %d of %d right, accuracy %v; want 3 of 5, 0.6", b.Name(), batch, metrics.Correct, metrics.Count, metrics.Accuracy)
			}
			wantClose(t, "loss", metrics.Loss, loss, 1e-6)
			want := [][]int{{1, 1, 0}, {0, 1, 0}, {1, 0, 1}}
			for actual, row := range want {
				for predicted, count := range row {
					if got := metrics.Confusion[train.Outcome{Actual: actual, Predicted: predicted}]; got != count {
						t.Errorf("%s, batch %d: class %d was taken for %d %d times, want %d", b.Name(), batch, actual, predicted, got, count)
					}
				}
			}
		}
	}
}

func TestEvaluateLeavesOutRowsWithoutLabel(t *testing.T) {
	set := &data.Dataset{
		Steps: 2, Width: 2, PerStep: true,
		X:      []float32{1, 0, 0, 1, 1, 0, 1, 0},
		Labels: []int32{0, backend.IgnoreLabel, 1, 0},
	}
	metrics, err := train.Evaluate(identity(t, openCPU(t), model.Shape{Steps: 2, Batch: 1, Width: 2}), train.CrossEntropy{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if metrics.Correct != 2 || metrics.Count != 3 {
		t.Errorf("%d of %d right, want 2 of 3", metrics.Correct, metrics.Count)
	}
	right := math.Log(1 + math.Exp(-1))
	wantClose(t, "loss", metrics.Loss, (2*right+right+1)/3, 1e-6)
}

func TestEvaluateOfARegressionHasNoAccuracy(t *testing.T) {
	set := &data.Dataset{Steps: 1, Width: 2, X: []float32{1, 2, 3, 4, 5, 6}, Targets: []float32{1, 2, 3, 5, 8, 6}, TargetWidth: 2}
	metrics, err := train.Evaluate(identity(t, openCPU(t), model.Shape{Steps: 1, Batch: 2, Width: 2}), train.MSE{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(metrics.Accuracy) || metrics.Confusion != nil || metrics.Correct != 0 || metrics.Count != 3 {
		t.Errorf("got %+v, want no accuracy, no confusion matrix and 3 samples", metrics)
	}
	wantClose(t, "loss", metrics.Loss, (1.0+9)/6, 1e-6)
}

func TestPredictReturnsTheOutputsOfEachSample(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	set := &data.Dataset{Steps: 3, Width: 2, X: make([]float32, 5*3*2)}
	for i := range set.X {
		set.X[i] = rng.Float32()
	}
	for _, batch := range []int{1, 2, 5} {
		outputs, err := train.Predict(identity(t, openCPU(t), model.Shape{Steps: 3, Batch: batch, Width: 2}), set)
		if err != nil {
			t.Fatal(err)
		}
		if len(outputs) != 5 {
			t.Fatalf("batch %d: %d outputs, want 5", batch, len(outputs))
		}
		for sample, output := range outputs {
			for i, got := range output {
				if want := set.X[6*sample+i]; got != want || len(output) != 6 {
					t.Errorf("batch %d, sample %d, output %d of %d: got %v, want %v of 6", batch, sample, i, len(output), got, want)
				}
			}
		}
	}
}

func TestPredictNamesWhatDoesNotFit(t *testing.T) {
	net := identity(t, openCPU(t), model.Shape{Steps: 3, Batch: 2, Width: 2})
	for want, set := range map[string]*data.Dataset{
		"empty":        {Steps: 3, Width: 2},
		"4 features":   {Steps: 1, Width: 4, X: make([]float32, 4)},
		"4 time steps": {Steps: 4, Width: 2, X: make([]float32, 8)},
	} {
		_, err := train.Predict(net, set)
		wantError(t, err, want)
	}
}

// A head per time step has to give back, at each step, the class of the step
// before it.
func TestLabelPerTimeStep(t *testing.T) {
	const steps, classes = 5, 3
	set := sequences(24, steps, classes, 1)
	set.PerStep, set.Labels = true, make([]int32, 24*steps)
	for i := range set.Labels {
		if i%steps == 0 {
			set.Labels[i] = backend.IgnoreLabel
			continue
		}
		for class := range classes {
			if set.X[(i-1)*classes+class] == 1 {
				set.Labels[i] = int32(class)
			}
		}
	}
	net := build(t, openCPU(t), model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 12}},
		{Name: "head", Layer: model.Dense{Out: classes}},
	}, model.Shape{Steps: steps, Batch: 7, Width: classes}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 60, Batch: 7})
	fit(t, trainer, set, nil)
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if metrics.Count != 24*(steps-1) || metrics.Accuracy != 1 {
		t.Errorf("%d of %d right, want all of %d; loss %v", metrics.Correct, metrics.Count, 24*(steps-1), metrics.Loss)
	}
}
