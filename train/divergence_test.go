package train_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func TestDivergenceNamesWhereItBegan(t *testing.T) {
	const steps = 7
	rnn := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 2, ReLU: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	tanh := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 2}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	lstm := model.Spec{{Name: "below", Layer: model.Dense{Out: 2}}, {Name: "lstm", Layer: model.LSTM{Hidden: 3}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	full := func(f model.Activation, gradient model.Gradient) model.Spec {
		return model.Spec{{Name: "full", Layer: model.FullyRecurrent{Hidden: 2, Out: 1, Activation: f, Gradient: gradient, Stateful: true}}}
	}
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		spec   model.Spec
		chunk  int
		lr     float64
		spoil  func(*model.Network, *data.Dataset)
		want   train.Fault // but for Value; Step 0 is wherever the order of the samples puts it
		inText string
	}{
		{name: "a weight is NaN", spec: lstm,
			spoil: func(net *model.Network, _ *data.Dataset) { set(net, "lstm.weight_hh_l0", 3, nan) },
			want:  train.Fault{Step: 1, Result: `parameter "lstm.weight_hh_l0"`, TimeStep: -1}, inText: `it began in step 1: parameter "lstm.weight_hh_l0" is NaN: begin with finite parameters`},
		{name: "states explode", spec: rnn,
			spoil: func(net *model.Network, _ *data.Dataset) { diagonal(net, 1e15) }, // 1, 1e15, 1e30, +Inf
			want:  train.Fault{Step: 1, Stage: "rnn", Pass: model.ForwardPass, Op: "Gemm", TimeStep: 3}, inText: `in the forward pass of stage "rnn": Gemm gives +Inf at time step 3`},
		{name: "errors explode", spec: tanh,
			spoil: func(net *model.Network, d *data.Dataset) { diagonal(net, 1e15); clear(d.X) }, // states are 0
			want:  train.Fault{Step: 1, Stage: "rnn", Pass: model.BackwardPass, Op: "Gemm", TimeStep: steps - 3}},
		{name: "states explode in a later chunk", spec: full(model.ReLU, model.BPTT), chunk: 2,
			spoil: func(net *model.Network, _ *data.Dataset) { // the hidden unit, which sees the input and itself
				fill(net, "full.weight", 0)
				set(net, "full.weight", 4, 1)
				set(net, "full.weight", 6, 1e15)
			},
			want: train.Fault{Step: 2, Stage: "full", Pass: model.ForwardPass, Op: "Gemm", TimeStep: 3}},
		{name: "sensitivities explode", spec: full(model.Tanh, model.RTRL),
			spoil: func(net *model.Network, _ *data.Dataset) { // the bias of the hidden unit, whose state is 0
				fill(net, "full.weight", 0)
				set(net, "full.weight", 2, 1)
				set(net, "full.weight", 6, 1e15)
			},
			want: train.Fault{Step: 1, Stage: "full", Pass: model.BackwardPass, Op: "Gemm", TimeStep: 3}},
		{name: "the update overflows", spec: rnn, lr: 3e38,
			spoil: func(*model.Network, *data.Dataset) {},
			want:  train.Fault{Step: 1, Op: "SGD", Result: `parameter "head.bias"`, TimeStep: -1}, inText: "lower the learning rate"},
		{name: "the parameters are finite, their norm is not", spec: rnn,
			spoil: func(net *model.Network, d *data.Dataset) {
				diagonal(net, 0)
				clear(d.X)
				fill(net, "head.weight", 3e38)
			},
			want:   train.Fault{Step: 1, Op: "ClipNorm", Result: "the norm of the parameters", TimeStep: -1},
			inText: "it began in step 1: ClipNorm gives +Inf in the norm of the parameters: lower the learning rate"},
		{name: "the loss overflows before any update", spec: rnn,
			spoil:  func(_ *model.Network, d *data.Dataset) { d.Targets[0] = 1e38 },
			want:   train.Fault{Op: "SquaredError", TimeStep: -1, Step: 1},
			inText: "it began in step 1: SquaredError gives +Inf: scale inputs and targets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, openCPU(t), c.spec, model.Shape{Steps: steps, Batch: 3, Width: 1}, 1)
			d := delayed(9, steps, 1)
			for i := range d.X {
				d.X[i] = 1
			}
			for i := range d.Targets {
				d.Targets[i] = 1
			}
			c.spoil(net, d)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{}, LR: max(c.lr, 1e-6), Epochs: 2, Batch: 2, Chunk: c.chunk})
			err := trainer.Fit(t.Context(), d, nil)
			var divergence *train.Divergence
			if !errors.As(err, &divergence) || !errors.Is(err, train.ErrDiverged) {
				t.Fatalf("error %v, want a Divergence that is ErrDiverged", err)
			}
			if c.inText != "" {
				wantError(t, err, c.inText)
			}
			if divergence.Fault == nil {
				t.Fatalf("no fault in %v", err)
			}
			got := *divergence.Fault
			if got.Value-got.Value == 0 {
				t.Errorf("the value %v is finite", got.Value)
			}
			got.Value = 0
			if c.want.Step == 0 {
				c.want.Step = got.Step
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v\n(%v)", got, c.want, err)
			}
		})
	}
}

// set sets element i of a parameter.
func set(net *model.Network, name string, i int, value float64) {
	w, _ := net.Parameter(name)
	flat := w.Value.Reshape(w.Value.Size(), 1)
	net.Backend().Fill(flat.Slice(i, i+1), value)
}

func fill(net *model.Network, name string, value float64) {
	w, _ := net.Parameter(name)
	net.Backend().Fill(w.Value, value)
}

// diagonal gives an RNN of two units, without bias, input weights of 1 and
// recurrent weights of value times the identity.
func diagonal(net *model.Network, value float64) {
	fill(net, "rnn.weight_ih_l0", 1)
	fill(net, "rnn.bias_ih_l0", 0)
	fill(net, "rnn.bias_hh_l0", 0)
	fill(net, "rnn.weight_hh_l0", 0)
	set(net, "rnn.weight_hh_l0", 0, value)
	set(net, "rnn.weight_hh_l0", 3, value)
}

// A fault is found in the step in which it begins, not where the loss is read.
func TestDivergenceIsTracedFromTheLastFiniteState(t *testing.T) {
	for _, every := range []int{1, 4, 100} {
		net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 3, Batch: 5, LossEvery: every})
		set := line(50, 1)
		set.Targets[31] = 1e30
		var divergence *train.Divergence
		if err := trainer.Fit(t.Context(), set, nil); !errors.As(err, &divergence) || divergence.Fault == nil {
			t.Fatalf("LossEvery %d: error %v, want a Divergence with its Fault", every, err)
		}
		batches, want := data.NewBatches(set, 5), 0
		batches.Shuffle(0, 0)
		for i := range batches.Count() {
			if slices.Contains(batches.Batch(i).Targets, 1e30) {
				want = i + 1
			}
		}
		if f := divergence.Fault; f.Step != want || f.Op != "SquaredError" || divergence.Step < want {
			t.Errorf("LossEvery %d: %v, want SquaredError in step %d", every, divergence, want)
		}
	}
}

// Wherever the loss was read last, the steps are repeated exactly, with the state
// of the optimizer.
func TestTraceDoesNotDependOnWhereItBegins(t *testing.T) {
	trace := func(every int) train.Fault {
		net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{Momentum: 0.95}, LR: 0.01, Schedule: explodes{61}, Epochs: 1, Batch: 5, LossEvery: every})
		var divergence *train.Divergence
		if err := trainer.Fit(t.Context(), line(2000, 1), nil); !errors.As(err, &divergence) || divergence.Fault == nil {
			t.Fatalf("LossEvery %d: error %v, want a Divergence with its Fault", every, err)
		}
		return *divergence.Fault
	}
	want := trace(1000) // from the first step, in which the optimizer has no state
	if want.Step < 30 {
		t.Fatalf("it diverges in step %d, which is too early to see anything", want.Step)
	}
	for _, every := range []int{1, 7, 20} {
		if got := trace(every); got != want {
			t.Errorf("LossEvery %d: %+v, want %+v", every, got, want)
		}
	}
}

// The network that looks for the fault takes the sequences that the trained one does.
func TestDivergenceWithLengthsIsTraced(t *testing.T) {
	set := ragged([]int32{4, 1, 0, 3}, 4, true)
	net := raggedNet(t, openCPU(t), perStepRNN, model.Shape{Steps: 4, Batch: 2, Width: 2})
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 3e38, Epochs: 3, Batch: 2})
	var divergence *train.Divergence
	if err := trainer.Fit(t.Context(), set, nil); !errors.As(err, &divergence) || divergence.Fault == nil {
		t.Fatalf("error %v, want a Divergence with its Fault", err)
	}
	if f := divergence.Fault; f.Step != 2 || f.Op != "SquaredError" {
		t.Errorf("%v, want SquaredError in step 2", divergence)
	}
}

// Without memory for a second network, the error says so and also says what it
// knows.
func TestDivergenceWithoutMemoryToTraceIt(t *testing.T) {
	b := &scarce{Backend: openCPU(t), left: math.MaxInt}
	net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 3e38, Epochs: 1, Batch: 5})
	b.left = 1
	err := trainer.Fit(t.Context(), line(5, 1), nil)
	if !errors.Is(err, train.ErrDiverged) || !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("error %v, want ErrDiverged and ErrOutOfMemory", err)
	}
	wantFiniteParameters(t, net)
}

// scarce is a backend with memory for few allocations.
type scarce struct {
	backend.Backend
	left int
}

func (b *scarce) New(rows, cols int) (backend.Tensor, error) {
	if b.left--; b.left < 0 {
		return backend.Tensor{}, backend.ErrOutOfMemory
	}
	return b.Backend.New(rows, cols)
}

func TestDivergenceLeavesTheLastGoodCheckpoint(t *testing.T) {
	net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
	var trainer *train.Trainer
	var last *model.File
	trainer = newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{Momentum: 0.9}, LR: 100, Epochs: 100, Batch: 5,
		OnEpoch: func(train.Epoch) error {
			last = newFile()
			return trainer.Save(last)
		}})
	if err := trainer.Fit(t.Context(), line(5, 1), nil); !errors.Is(err, train.ErrDiverged) {
		t.Fatalf("error %v, want ErrDiverged", err)
	}
	if epochs := len(trainer.History()); epochs < 3 {
		t.Fatalf("it diverged after %d epochs, which is too early to see anything", epochs)
	}
	for name, tensor := range last.Tensors {
		for i, v := range tensor.Data {
			if v-v != 0 {
				t.Errorf("element %d of %s is %v", i, name, v)
			}
		}
	}
}
