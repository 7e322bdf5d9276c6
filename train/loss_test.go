package train_test

import (
	"math"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// compute runs loss on the reference backend.
func compute(t *testing.T, loss train.Loss, y []float64, rows, cols int, labels []int32, values []float64, count int) (value float64, grad []float64) {
	t.Helper()
	b := reference.New()
	tensor := func(values []float64, rows, cols int) backend.Tensor {
		x, err := b.New(rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		if values != nil {
			b.UploadFloat64(x, values)
		}
		return x
	}
	target := train.Target{Count: count}
	if labels != nil {
		ids, err := b.NewInts(len(labels))
		if err != nil {
			t.Fatal(err)
		}
		b.UploadInts(ids, labels)
		target.Labels = ids
	} else {
		target.Values = tensor(values, rows, cols)
	}
	result, dy := tensor(nil, 1, 1), tensor(nil, rows, cols)
	loss.Compute(b, result, dy, tensor(y, rows, cols), target)
	out := make([]float64, 1)
	grad = make([]float64, rows*cols)
	if err := b.DownloadFloat64(out, result); err != nil {
		t.Fatal(err)
	}
	if err := b.DownloadFloat64(grad, dy); err != nil {
		t.Fatal(err)
	}
	return out[0], grad
}

func wantClose(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v, tolerance %v", what, got, want, tolerance)
	}
}

func TestCrossEntropyIsTheMeanOverRows(t *testing.T) {
	// softmax(0, ln 3) = (1/4, 3/4), softmax(ln 4, 0) = (4/5, 1/5).
	y := []float64{0, math.Log(3), math.Log(4), 0}
	value, grad := compute(t, train.CrossEntropy{}, y, 2, 2, []int32{1, 1}, nil, 2)
	wantClose(t, "loss", value, (math.Log(4.0/3)+math.Log(5))/2, 1e-15)
	for i, want := range []float64{1.0 / 8, -1.0 / 8, 2.0 / 5, -2.0 / 5} {
		wantClose(t, "gradient", grad[i], want, 1e-15)
	}
}

func TestCrossEntropyLeavesOutRowsWithoutLabel(t *testing.T) {
	y := []float64{0, math.Log(3), math.Log(4), 0}
	value, grad := compute(t, train.CrossEntropy{}, y, 2, 2, []int32{backend.IgnoreLabel, 1}, nil, 1)
	wantClose(t, "loss", value, math.Log(5), 1e-15)
	for i, want := range []float64{0, 0, 4.0 / 5, -4.0 / 5} {
		wantClose(t, "gradient", grad[i], want, 1e-15)
	}
}

func TestMSEIsTheMeanOverElements(t *testing.T) {
	value, grad := compute(t, train.MSE{}, []float64{1, 2, 3, 4}, 2, 2, nil, []float64{1, 0, 0, 8}, 2)
	wantClose(t, "loss", value, (4.0+9+16)/4, 1e-15)
	for i, want := range []float64{0, 1, 1.5, -2} {
		wantClose(t, "gradient", grad[i], want, 1e-15)
	}
}

func TestLossCheckNamesWhatDoesNotFit(t *testing.T) {
	cases := []struct {
		name string
		loss train.Loss
		set  data.Dataset
		want string // "" for no error
	}{
		{"labels fit", train.CrossEntropy{}, data.Dataset{Labels: []int32{0, 2, -1}}, ""},
		{"label too large", train.CrossEntropy{}, data.Dataset{Labels: []int32{0, 3}}, "label 3 at index 1 does not fit a network with 3 outputs"},
		{"label negative", train.CrossEntropy{}, data.Dataset{Labels: []int32{-2}}, "label -2 at index 0"},
		{"labels absent", train.CrossEntropy{}, data.Dataset{Targets: []float32{1}}, "no labels"},
		{"labels all ignored", train.CrossEntropy{}, data.Dataset{Labels: []int32{-1, -1}}, "no labels"},
		{"targets fit", train.MSE{}, data.Dataset{Targets: []float32{1, 2, 3}, TargetWidth: 3}, ""},
		{"targets absent", train.MSE{}, data.Dataset{Labels: []int32{1}}, "no target values"},
		{"targets of another width", train.MSE{}, data.Dataset{Targets: []float32{1, 2}, TargetWidth: 2}, "targets have 2 values, but the network has 3 outputs"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.loss.Check(&c.set, 3), c.want) })
	}
}

// wantError checks that err is one line that contains want, or nil for "".
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "":
		if err != nil {
			t.Errorf("got error %q, want none", err)
		}
	case err == nil:
		t.Errorf("got no error, want %q", want)
	case !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("got error %q, want one line with %q", err, want)
	}
}

func TestCrossEntropyWantsLogits(t *testing.T) {
	for _, c := range []struct {
		last model.Layer
		ok   bool
	}{
		{model.Identity, true},
		{model.Tanh, true},
		{model.Softmax, false},
		{model.Sigmoid, false},
		{model.Logistic{Slope: 2}, false},
		{model.Elman{Hidden: 3}, false}, // its units are sigmoid
		{model.Elman{Hidden: 3, Activation: model.Tanh}, true},
	} {
		spec := model.Spec{{Name: "dense", Layer: model.Dense{Out: 3}}, {Name: "end", Layer: c.last}, {Name: "last", Layer: model.LastStep{}}}
		net := build(t, openCPU(t), spec, model.Shape{Steps: 4, Batch: 2, Width: 3}, 1)
		want, binary := "", ""
		if !c.ok {
			want, binary = "CrossEntropy wants logits", "BCEWithLogits wants logits"
		}
		_, err := train.New(net, train.Options{Loss: train.BCEWithLogits{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 2})
		wantError(t, err, binary)
		_, err = train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 2})
		wantError(t, err, want)
		_, err = train.Evaluate(net, train.CrossEntropy{}, sequences(2, 4, 3, 1))
		wantError(t, err, want)
		_, err = train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 2})
		wantError(t, err, "")
	}
}
