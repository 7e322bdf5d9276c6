package experiment

import (
	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// learner is a network that learns a task sequence by sequence, with an update
// after each, as was usual before 2000.
type learner struct {
	format  data.Format
	net     *model.Network
	trainer *train.Trainer
	loss    *observed
	x       backend.Tensor // the input of answer
	y       []float32      // [Steps, Outputs], the outputs of the last sequence
}

// newLearner returns a learner with initial parameters, for tasks of this
// format with at most this many steps.
func newLearner(env Env, format data.Format, spec model.Spec, steps int, lr float64) (*learner, error) {
	net, err := model.New(env.Backend, spec, model.Shape{Steps: steps, Batch: 1, Width: format.Width}, model.Options{})
	if err != nil {
		return nil, err
	}
	net.Init(env.Seed)
	l := &learner{format: format, net: net, loss: &observed{Loss: squaredError{}}, y: make([]float32, steps*format.Outputs)}
	l.trainer, err = train.New(net, train.Options{Loss: l.loss, Optimizer: train.SGD{}, LR: lr, Epochs: 1, Batch: 1})
	if err == nil {
		l.x, err = env.Backend.New(steps, format.Width)
	}
	return l, err
}

// learn trains on s and returns the outputs from before the update.
func (l *learner) learn(s *data.Sequence) ([]float32, error) {
	batch := data.Batch{Size: 1, Steps: s.Steps, X: s.X, Targets: s.Targets, Labels: s.Labels, Mask: s.Mask}
	if !l.format.PerStep {
		batch.Targets, batch.Labels, batch.Mask = s.Target(s.Steps-1), s.Labels[s.Steps-1:], nil
	}
	if l.format.Classes == nil {
		batch.Labels = nil
	}
	l.trainer.Step(batch)
	return l.receive(s, l.loss.y)
}

// answer returns the outputs for s.
func (l *learner) answer(s *data.Sequence) ([]float32, error) {
	x := l.x.Slice(0, s.Steps)
	l.net.Backend().Upload(x, s.X)
	return l.receive(s, l.net.Forward(x, s.Steps, model.Evaluation))
}

// receive downloads the outputs for s, which may be those of the last step only.
func (l *learner) receive(s *data.Sequence, y backend.Tensor) ([]float32, error) {
	outputs := l.y[:s.Steps*s.Outputs]
	return outputs, l.net.Backend().Download(outputs[len(outputs)-y.Size():], y)
}

// observed is a loss that remembers the outputs that it was computed from.
type observed struct {
	train.Loss
	y backend.Tensor
}

// Compute implements train.Loss.
func (o *observed) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	o.y = y
	o.Loss.Compute(b, loss, grad, y, target)
}

// squaredError is E = ½Σ(y−target)², without a mean. The learning rates of the
// literature are for this loss.
type squaredError struct{ train.MSE }

// Compute implements train.Loss.
func (squaredError) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	b.SquaredError(loss, grad, target.Masked(b, grad, y), target.Values, 0.5)
}
