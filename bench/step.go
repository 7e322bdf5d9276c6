package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"gputrain/backend"
	"gputrain/model"
	"gputrain/train"
)

// Step is a training step of a classifier, on one batch of random data: forward,
// cross-entropy of the last time step's output, backward and Adam.
type Step struct {
	Number string // "i" to "vi"
	Layer  Layer

	Input, Hidden, Layers int
	Batch, Steps          int // sequences and their time steps; Steps is 1 without recurrence
}

// Layer is the kind of the hidden layers of a Step.
type Layer string

// The kinds of layers. ReLU stands for dense ones with rectifiers.
const (
	LSTM Layer = "LSTM"
	RNN  Layer = "RNN"
	ReLU Layer = "ReLU"
)

// Classes is how many outputs the network of a Step has.
const Classes = 10

// Steps returns the six training steps.
func Steps() []Step {
	return []Step{
		{"i", LSTM, 128, 512, 1, 64, 100},
		{"ii", LSTM, 64, 256, 2, 32, 50},
		{"iii", LSTM, 28, 128, 1, 128, 28},
		{"iv", RNN, 64, 256, 1, 64, 100},
		{"v", ReLU, 784, 1024, 2, 256, 1},
		{"vi", LSTM, 8, 32, 1, 1, 100},
	}
}

// Name returns the number.
func (s Step) Name() string { return s.Number }

// About describes the step in a few words.
func (s Step) About() string {
	if s.Layer == ReLU {
		return fmt.Sprintf("MLP %d%s→%d ReLU, batch %d", s.Input, strings.Repeat(fmt.Sprintf("→%d", s.Hidden), s.Layers), Classes, s.Batch)
	}
	text := fmt.Sprintf("%s %d→%d, ", s.Layer, s.Input, s.Hidden)
	if s.Layers > 1 {
		text += fmt.Sprintf("%d layers, ", s.Layers)
	}
	return text + fmt.Sprintf("batch %d, %d steps", s.Batch, s.Steps)
}

// Flops is Flops of the network. It panics if the sizes make none.
func (s Step) Flops() float64 {
	flops, err := Flops(s.Spec(), s.Shape())
	if err != nil {
		panic(fmt.Sprintf("bench: step %s: %v", s.Number, err))
	}
	return flops
}

// Spec returns the network.
func (s Step) Spec() model.Spec {
	var spec model.Spec
	switch s.Layer {
	case LSTM:
		spec = model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: s.Hidden, Layers: s.Layers}}, {Name: "last", Layer: model.LastStep{}}}
	case RNN:
		spec = model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: s.Hidden, Layers: s.Layers}}, {Name: "last", Layer: model.LastStep{}}}
	case ReLU:
		for i := range s.Layers {
			spec = append(spec,
				model.Stage{Name: fmt.Sprintf("dense%d", i+1), Layer: model.Dense{Out: s.Hidden}},
				model.Stage{Name: fmt.Sprintf("relu%d", i+1), Layer: model.ReLU})
		}
	}
	return append(spec, model.Stage{Name: "head", Layer: model.Dense{Out: Classes}})
}

// Shape returns the shape of the batch.
func (s Step) Shape() model.Shape {
	return model.Shape{Steps: s.Steps, Batch: s.Batch, Width: s.Input}
}

// Prepare builds the network and copies the batch to b, where it stays.
func (s Step) Prepare(b backend.Backend) (call func(), err error) {
	l, err := s.newLearner(b)
	if err != nil {
		return nil, err
	}
	return l.step, nil
}

// LR is the learning rate. The network stays as it was drawn: it would soon have
// learnt its one batch, and gradients that vanish take other times.
const LR = 1e-9

// learner makes the same step again and again, as train.Trainer does, without
// copying the batch to the device each time.
type learner struct {
	net        *model.Network
	x          backend.Tensor
	steps      int // of time
	target     train.Target
	loss, grad backend.Tensor
	slots      []backend.Tensor
	done       int // steps
	queue      func()
}

func (s Step) newLearner(b backend.Backend) (*learner, error) {
	net, err := model.New(b, s.Spec(), s.Shape(), model.Options{})
	if err != nil {
		return nil, err
	}
	net.Init(1)
	l := &learner{net: net, steps: s.Steps, slots: make([]backend.Tensor, train.Adam{}.Slots())}
	l.queue = l.queueStep
	rows, params := s.Steps*s.Batch, net.Values()
	tensor := func(dst *backend.Tensor, rows, cols int) {
		if err == nil {
			*dst, err = b.New(rows, cols)
		}
	}
	tensor(&l.x, rows, s.Input)
	tensor(&l.loss, 1, 1)
	tensor(&l.grad, s.Batch, Classes)
	for i := range l.slots {
		tensor(&l.slots[i], params.Rows, params.Cols)
	}
	if err == nil {
		l.target.Labels, err = b.NewInts(s.Batch)
	}
	if err != nil {
		return nil, err
	}
	x, labels := s.batch()
	b.Upload(l.x, x)
	b.UploadInts(l.target.Labels, labels)
	l.target.Count = s.Batch
	return l, nil
}

// batch draws inputs from the normal distribution, and classes.
func (s Step) batch() (x []float32, labels []int32) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, labels = make([]float32, s.Steps*s.Batch*s.Input), make([]int32, s.Batch)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range labels {
		labels[i] = int32(rng.IntN(Classes))
	}
	return x, labels
}

func (l *learner) step() {
	l.done++
	backend.Replay(l.net.Backend(), l.queue)
}

func (l *learner) queueStep() {
	b := l.net.Backend()
	y := l.net.Forward(l.x, l.steps, model.Training)
	train.CrossEntropy{}.Compute(b, l.loss, l.grad, y, l.target)
	l.net.BackwardAnew(l.grad)
	train.Adam{}.Update(b, l.net.Values(), l.net.Grads(), l.slots, LR, l.done)
}

// MarshalJSON returns {"step": {...}}.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"step": map[string]any{
		"layer": s.Layer, "input": s.Input, "hidden": s.Hidden, "layers": s.Layers,
		"batch": s.Batch, "steps": s.Steps, "classes": Classes, "lr": LR,
	}})
}
