package train_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// gaps returns n sequences of steps with two targets per step, of which about a
// third count. The others are spoiled.
func gaps(n, steps int, spoiled float32) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, 1))
	d := &data.Dataset{Steps: steps, Width: 2, TargetWidth: 2, PerStep: true}
	for range n * steps {
		d.X = append(d.X, rng.Float32(), rng.Float32())
		target := []float32{rng.Float32(), rng.Float32()}
		mask := float32(0)
		if rng.IntN(3) == 0 {
			mask = 1
		} else {
			target = []float32{spoiled, spoiled}
		}
		d.Targets, d.Mask = append(d.Targets, target...), append(d.Mask, mask)
	}
	return d
}

// maskedLoss computes MSE on the reference backend with this mask.
func maskedLoss(t *testing.T, y, target, mask []float64) (loss float64, grad []float64) {
	t.Helper()
	b := reference.New()
	cols := len(y) / len(mask)
	tensor := func(values []float64, cols int) backend.Tensor {
		x, err := b.New(len(values)/cols, cols)
		if err != nil {
			t.Fatal(err)
		}
		b.UploadFloat64(x, values)
		return x
	}
	rows := 0
	for _, m := range mask {
		rows += int(m)
	}
	value, dy := tensor([]float64{math.NaN()}, 1), tensor(make([]float64, len(y)), cols)
	train.MSE{}.Compute(b, value, dy, tensor(y, cols), train.Target{
		Values: tensor(target, cols), Mask: tensor(mask, 1), Rows: rows, Count: rows})
	result := make([]float64, 1)
	grad = make([]float64, len(y))
	if err := errors.Join(b.DownloadFloat64(result, value), b.DownloadFloat64(grad, dy)); err != nil {
		t.Fatal(err)
	}
	return result[0], grad
}

func TestMSEIsTheMeanOverRowsThatCount(t *testing.T) {
	y, target := []float64{1, 2, 3, 4, 5, 6}, []float64{1, 0, 0, 0, 5, 9}
	loss, grad := maskedLoss(t, y, target, []float64{1, 0, 1})
	wantClose(t, "loss", loss, (0.0+4+0+9)/4, 1e-15)
	for i, want := range []float64{0, 1, 0, 0, 0, -1.5} {
		wantClose(t, "gradient", grad[i], want, 1e-15)
	}
	loss, grad = maskedLoss(t, y, make([]float64, 6), []float64{0, 0, 0})
	if loss != 0 || slices.ContainsFunc(grad, func(g float64) bool { return g != 0 }) {
		t.Errorf("where nothing counts the loss is %v and the gradient %v, want 0", loss, grad)
	}
}

func TestMaskedMSEGradientIsThatOfDifferences(t *testing.T) {
	const rows, cols, step, tolerance = 7, 3, 1e-5, 1e-6
	rng := rand.New(rand.NewPCG(1, 2))
	y, target, mask := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows)
	for i := range mask {
		mask[i] = float64(i % 2)
	}
	for i := range y {
		y[i], target[i] = rng.NormFloat64(), rng.NormFloat64()*mask[i/cols]
	}
	_, grad := maskedLoss(t, y, target, mask)
	for i := range y {
		at := func(value float64) float64 {
			moved := slices.Clone(y)
			moved[i] = value
			loss, _ := maskedLoss(t, moved, target, mask)
			return loss
		}
		want := (at(y[i]+step) - at(y[i]-step)) / (2 * step)
		wantClose(t, "gradient", grad[i], want, tolerance*max(1, math.Abs(want)))
	}
}

// parametersAfter trains the network of spec on set and returns its parameters.
func parametersAfter(t *testing.T, b backend.Backend, spec model.Spec, set *data.Dataset, o train.Options) []float32 {
	t.Helper()
	net := raggedNet(t, b, spec, model.Shape{Steps: set.Steps, Batch: o.Batch, Width: set.Width})
	defer net.Free()
	o.Loss, o.Optimizer, o.LR, o.Epochs = train.MSE{}, train.SGD{}, 0.3, 3
	trainer := newTrainer(t, net, o)
	defer trainer.Free()
	fit(t, trainer, set, set)
	return download(t, b, net.Values())
}

// largestDifference returns max |x−y|, NaN where one is NaN.
func largestDifference(x, y []float32) float64 {
	largest := 0.0
	for i := range x {
		largest = math.Max(largest, math.Abs(float64(x[i])-float64(y[i])))
	}
	return largest
}

var perStepRNN = model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3}}, {Name: "head", Layer: model.Dense{Out: 2}}}

func TestMaskedTrainingIsThatWithoutTheSamplesLeftOut(t *testing.T) {
	set := line(9, 1)
	var asked []int
	for i := range set.Len() {
		set.Mask = append(set.Mask, float32(i%2))
		if i%2 == 1 {
			asked = append(asked, i)
		}
	}
	only := set.Subset(asked)
	only.Mask = nil
	o := train.Options{Batch: 9}
	want := parametersAfter(t, openReference(t), linear(1), only, o)
	if off := largestDifference(parametersAfter(t, openReference(t), linear(1), set, o), want); !(off <= 1e-6) {
		t.Errorf("with a mask the parameters differ by %v from those of the samples that count, tolerance 1e-6", off)
	}
	set.Mask = nil // the control
	if off := largestDifference(parametersAfter(t, openReference(t), linear(1), set, o), want); !(off > 1e-3) {
		t.Errorf("the samples left out change the parameters by %v only", off)
	}
}

func TestMaskOfThePaddingIsLengths(t *testing.T) {
	lengths := []int32{4, 0, 2, 3, 1}
	set := ragged(lengths, 4, true)
	set.Labels = nil
	o := train.Options{Batch: 3}
	want := parametersAfter(t, openReference(t), perStepRNN, set, o)
	set.Lengths = nil
	for i := range 4 * len(lengths) {
		mask := float32(0)
		if i%4 < int(lengths[i/4]) {
			mask = 1
		}
		set.Mask = append(set.Mask, mask)
	}
	if off := largestDifference(parametersAfter(t, openReference(t), perStepRNN, set, o), want); !(off <= 1e-6) {
		t.Errorf("with a mask in place of lengths the parameters differ by %v, tolerance 1e-6", off)
	}
	set.Lengths = lengths
	if off := largestDifference(parametersAfter(t, openReference(t), perStepRNN, set, o), want); !(off <= 1e-6) {
		t.Errorf("with both a mask and lengths the parameters differ by %v, tolerance 1e-6", off)
	}
}

func TestTargetsThatDoNotCountAreNeverRead(t *testing.T) {
	nan := float32(math.NaN())
	backends := others(t)
	backends["reference"] = openReference(t)
	for name, b := range backends {
		for _, chunk := range []int{0, 2} {
			spec := slices.Clone(perStepRNN)
			spec[0].Layer = model.RNN{Hidden: 3, Stateful: chunk > 0}
			o := train.Options{Batch: 3, Chunk: chunk}
			want := parametersAfter(t, b, spec, gaps(7, 5, 0), o)
			if got := parametersAfter(t, b, spec, gaps(7, 5, nan), o); !slices.Equal(got, want) {
				t.Errorf("%s, Chunk %d: NaN where no target counts changes the parameters", name, chunk)
			}
		}
		for _, mask := range []float32{0, 1} { // 1 is the control
			net := build(t, b, perStepRNN, model.Shape{Steps: 2, Batch: 1, Width: 2}, 1)
			trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.3, Epochs: 1, Batch: 1})
			byHand := data.Batch{Size: 1, Steps: 2, X: []float32{1, 2, 3, 4}, Targets: []float32{nan, nan, 1, 1}, Mask: []float32{mask, 1}}
			trainer.Step(byHand)
			spoiled := slices.ContainsFunc(download(t, b, net.Values()), func(p float32) bool { return p != p })
			if spoiled != (mask == 1) {
				t.Errorf("%s, a batch made by hand: NaN with the mask %v spoils the parameters: %v", name, mask, spoiled)
			}
		}
	}
}

func TestNothingIsLearnedWhereNothingIsAskedFor(t *testing.T) {
	b := openCPU(t)
	net := build(t, b, perStepRNN, model.Shape{Steps: 2, Batch: 1, Width: 2}, 1)
	before := download(t, b, net.Values())
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.3, Epochs: 1, Batch: 1})
	batch := data.Batch{Size: 1, Steps: 2, X: []float32{1, 2, 3, 4}, Targets: []float32{5, 6, 7, 8}, Mask: []float32{0, 0}}
	trainer.Step(batch)
	if after := download(t, b, net.Values()); !slices.Equal(after, before) {
		t.Errorf("parameters are %v, were %v", after, before)
	}
	batch.Mask[1] = 1 // the control
	trainer.Step(batch)
	if after := download(t, b, net.Values()); slices.Equal(after, before) {
		t.Error("nothing is learned where a target counts either")
	}
}

func TestMasksThatMakeNoSense(t *testing.T) {
	net := build(t, openCPU(t), perStepRNN, model.Shape{Steps: 5, Batch: 3, Width: 2}, 1)
	for want, change := range map[string]func(*data.Dataset){
		"":                                func(*data.Dataset) {},
		"its mask leaves out all targets": func(d *data.Dataset) { clear(d.Mask) },
		"Mask has length 3, want 15":      func(d *data.Dataset) { d.Mask = d.Mask[:3] },
		"it has no target values, which the square": func(d *data.Dataset) { d.Targets = nil },
	} {
		set := gaps(3, 5, 0)
		change(set)
		_, err := train.Evaluate(net, train.MSE{}, set)
		wantError(t, err, want)
	}
	defer func() {
		if got, want := recover(), "train: the batch has a mask of length 1 for 2 rows of targets"; got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1})
	trainer.Step(data.Batch{Size: 1, Steps: 2, X: make([]float32, 4), Targets: make([]float32, 4), Mask: []float32{1}})
}

func TestEvaluateJudgesRowsThatCount(t *testing.T) {
	nan := float32(math.NaN())
	net := identity(t, openCPU(t), model.Shape{Steps: 2, Batch: 2, Width: 1})
	set := &data.Dataset{
		Steps: 2, Width: 1, TargetWidth: 1, PerStep: true,
		X:       []float32{1, 2, 3, 4, 5, 6},
		Targets: []float32{nan, 4, nan, nan, 4, nan},
		Mask:    []float32{0, 1, 0, 0, 1, 0},
	}
	metrics, err := train.Evaluate(net, train.MSE{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if metrics.Count != 2 || metrics.Loss != (4.0+1)/2 {
		t.Errorf("%d rows with the mean %v, want 2 with 2.5", metrics.Count, metrics.Loss)
	}
	set.Lengths = []int32{1, 2, 0}
	set.Mask = []float32{0, 1, 0, 0, 1, 0} // 1 in the padding only
	ragged, err := model.New(net.Backend(), net.Spec(), net.Input(), model.Options{Ragged: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = train.Evaluate(ragged, train.MSE{}, set)
	wantError(t, err, "none of its rows counts")
}

func TestMaskIsRefusedWhereAllTargetsAreNeeded(t *testing.T) {
	b := openCPU(t)
	gates := tasks.AND.Table(-1)
	gates.Mask = []float32{1, 1, 0, 1}
	perceptron := build(t, b, model.Spec{{Name: "p", Layer: model.Perceptron{Out: 1}}}, model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	_, err := train.PerceptronRule{LR: 1, Epochs: 1}.Fit(t.Context(), perceptron, gates)
	wantError(t, err, "the targets have a mask")

	taught := model.Spec{{Name: "r", Layer: model.FullyRecurrent{Hidden: 4, Out: 2, TeacherForcing: true}}}
	net := build(t, b, taught, model.Shape{Steps: 5, Batch: 3, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 3})
	wantError(t, trainer.Fit(t.Context(), gaps(3, 5, 0), nil), "which a layer with TeacherForcing needs")
}

// A target that does not count may be outside of what the network can give.
func TestRangeIsThatOfTargetsThatCount(t *testing.T) {
	spec := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 2}}} // from −1 to 1
	net := raggedNet(t, openCPU(t), spec, model.Shape{Steps: 3, Batch: 2, Width: 2})
	for _, c := range []struct {
		change func(*data.Dataset)
		want   string
	}{
		{func(d *data.Dataset) { d.Mask = []float32{1, 1, 0, 1, 1, 1} }, ""},
		{func(d *data.Dataset) { d.Lengths = []int32{2, 3} }, ""},
		{func(d *data.Dataset) { d.Mask, d.Lengths = []float32{1, 1, 0, 1, 1, 1}, []int32{3, 3} }, ""},
		{func(d *data.Dataset) { d.Mask = []float32{0, 0, 1, 0, 0, 0} }, "target 7 at index 5"},
		{func(d *data.Dataset) { d.Lengths = []int32{3, 1} }, "target 7 at index 5"},
		{func(*data.Dataset) {}, "target 7 at index 5"},
	} {
		set := &data.Dataset{Steps: 3, Width: 2, TargetWidth: 2, PerStep: true, X: make([]float32, 12), Targets: make([]float32, 12)}
		set.Targets[5] = 7 // of step 2 of the first sequence
		c.change(set)
		_, err := train.Evaluate(net, train.MSE{}, set)
		wantError(t, err, c.want)
	}
}

// The masks change from step to step, within steps that a backend may queue
// again as one.
func TestMaskIsThatOfTheStepOnTheEmulatedGPU(t *testing.T) {
	losses := func(b backend.Backend) []float64 {
		var all []float64
		net := build(t, b, perStepRNN, model.Shape{Steps: 5, Batch: 3, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.3, Epochs: 3, Batch: 3,
			LossEvery: 1, OnStep: func(p train.Progress) error { all = append(all, p.Loss); return nil }})
		defer trainer.Free()
		fit(t, trainer, gaps(9, 5, 0), nil)
		return all
	}
	want, got := losses(openCPU(t)), losses(openEmulator(t))
	const tolerance = 1e-5
	for i := range want {
		if off := math.Abs(got[i]-want[i]) / want[i]; !(off <= tolerance) {
			t.Errorf("step %d: loss %v, on the CPU %v, off by %.2g, tolerance %.2g", i+1, got[i], want[i], off, tolerance)
		}
	}
}

func TestMaskedStepAllocatesNothing(t *testing.T) {
	net := build(t, openCPU(t), perStepRNN, model.Shape{Steps: 5, Batch: 3, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.3, Epochs: 1, Batch: 3})
	batches := data.NewBatches(gaps(7, 5, float32(math.NaN())), 3)
	if n := testing.AllocsPerRun(20, func() {
		for i := range batches.Count() {
			trainer.Step(batches.Batch(i))
		}
	}); n != 0 {
		t.Errorf("an epoch allocates %v times", n)
	}
}
