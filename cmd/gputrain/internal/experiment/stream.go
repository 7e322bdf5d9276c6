package experiment

import (
	"context"
	"math"
	"math/rand/v2"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// streams is training as in Gers, Schraudolph and Schmidhuber (2002): one
// stream after the other, each drawn anew, with gradient descent on ½(y−d)²
// after each step that asks for an answer, and the states carried on. The first
// wrong answer ends a stream, so that its beginning is learned first. After a
// stream without a wrong answer the network is tested on one that is ten times
// as long.
//
// The network is theirs: one cell with peepholes, all weights from U(±0.1),
// except the biases of its gates. Rate and momentum are those of their GTS.
type streams struct {
	train, test data.Task
	most        int  // streams
	interval    int  // steps at most between two answers
	linear      bool // the output unit is linear, not sigmoid
}

func (o streams) run(ctx context.Context, env Env) (Outcome, error) {
	const (
		every = 1000 // streams, between two notes of the longest
		more  = 10   // tests after the one that was passed
	)
	l, err := newFollower(env, o)
	if err != nil {
		return Outcome{}, err
	}
	rng := rand.New(rand.NewPCG(env.Seed, 0))
	longest := 0 // of the streams since the last note, in right answers
	var s data.Sequence
	var out Outcome
	for out.Trained < o.most && !out.Met {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		o.train.Next(&s, rng)
		answers, whole, err := l.follow(&s, l.learn)
		if err != nil {
			return out, err
		}
		longest = max(longest, answers)
		out.Trained++
		if whole {
			o.test.Next(&s, rng)
			if _, out.Met, err = l.follow(&s, l.answer); err != nil {
				return out, err
			}
		}
		if out.Trained%every == 0 || out.Met {
			if err := out.note(env, o.most, float64(longest)); err != nil {
				return out, err
			}
			longest = 0
		}
	}
	passed := 0
	for range more {
		o.test.Next(&s, rng)
		_, whole, err := l.follow(&s, l.answer)
		if err != nil {
			return out, err
		}
		if whole {
			passed++
		}
	}
	out.Figures = []Figure{{"right of 10 more streams of 1,000 spikes", float64(passed)}}
	return out, nil
}

// follower is a network that follows a stream from answer to answer.
type follower struct {
	b         backend.Backend
	net       *model.Network
	trainer   *train.Trainer
	loss      *observed
	states    map[int][]model.State // by the steps up to the answer
	tolerance float64
	x         backend.Tensor // the input of answer
	y         []float32      // up to the answer, which comes last
}

func newFollower(env Env, o streams) (*follower, error) {
	format := o.train.Format()
	spec := model.Spec{
		{Name: "lstm", Layer: model.LSTM1997{
			Blocks: 1, Cells: 1, ForgetGates: true, NoGateFeedback: true, Peepholes: true, LinearOutput: true, Stateful: true,
			InputGateBias: []float64{0}, ForgetGateBias: []float64{2}, OutputGateBias: []float64{-2},
		}},
		{Name: "output", Layer: within{model.Dense{Out: format.Outputs}, 0.1}},
	}
	if !o.linear {
		spec = append(spec, model.Stage{Name: "sigmoid", Layer: model.Sigmoid})
	}
	net, err := model.New(env.Backend, spec, model.Shape{Steps: o.interval, Batch: 1, Width: format.Width}, model.Options{})
	if err != nil {
		return nil, err
	}
	net.Init(env.Seed)
	f := &follower{b: env.Backend, net: net, loss: &observed{Loss: squaredError{}}, tolerance: format.Tolerance,
		states: map[int][]model.State{}, y: make([]float32, o.interval)}
	f.trainer, err = train.New(net, train.Options{Loss: f.loss, Optimizer: train.SGD{Momentum: 0.999}, LR: 1e-5, Epochs: 1, Batch: 1})
	if err == nil {
		f.x, err = env.Backend.New(o.interval, format.Width)
	}
	return f, err
}

// follow runs pass from answer to answer of s, up to the first wrong one. It
// returns how many answers were right, and whether all were.
func (f *follower) follow(s *data.Sequence, pass func(part data.Batch) backend.Tensor) (right int, whole bool, err error) {
	var before []model.State
	for from, to := 0, 0; from < s.Steps; from = to {
		for to = from + 1; s.Mask[to-1] == 0; {
			to++
		}
		states := f.of(to - from)
		for i, state := range states {
			if before == nil {
				f.b.Fill(state.Initial, 0)
			} else {
				f.b.Copy(state.Initial, before[i].Final)
			}
		}
		before = states
		y := pass(data.Batch{Size: 1, Steps: to - from, X: s.X[from:to], Targets: s.Targets[from:to], Mask: s.Mask[from:to]})
		if err := f.b.Download(f.y[:to-from], y); err != nil {
			return right, false, err
		}
		if !(math.Abs(float64(f.y[to-from-1]-s.Targets[to-1])) < f.tolerance) {
			return right, false, nil
		}
		right++
	}
	return right, true, nil
}

// of returns the states of passes of this many steps.
func (f *follower) of(steps int) []model.State {
	if f.states[steps] == nil {
		f.states[steps] = f.net.States(steps, 1)
	}
	return f.states[steps]
}

// learn trains on part and returns the outputs from before the update.
func (f *follower) learn(part data.Batch) backend.Tensor {
	f.trainer.Step(part)
	return f.loss.y
}

// answer returns the outputs for part.
func (f *follower) answer(part data.Batch) backend.Tensor {
	x := f.x.Slice(0, part.Steps)
	f.b.Upload(x, part.X)
	return f.net.Forward(x, part.Steps, model.Evaluation)
}
