package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type showLSTMCommand struct {
	Seed int64  `default:"6" help:"Seed of the first weights and of the strings to learn from."`
	Out  string `default:"lstm.png" help:"The picture, a PNG."`
}

// Help is what "gputrain show lstm --help" says in more detail.
func (*showLSTMCommand) Help() string {
	return `An LSTM with forget gates, four memory blocks of two cells, learns to predict the next symbol of strings of the embedded Reber grammar, one string after the other, by the truncated gradient of 1997. The second symbol, T or P, comes again as the last but one, whatever is between: it must be kept.

The picture shows two strings that differ in these two symbols only, step by step: the activations of all gates, the states and the outputs of all cells, and what is predicted. What looks different in both halves between the two symbols is the memory of the second one; the cell whose states differ most is marked.

Learning ends when the last 300 strings were predicted without a mistake, or after 30,000 strings.`
}

// Run trains the net and draws what it does.
func (c *showLSTMCommand) Run(ctx context.Context, con console) error {
	if c.Seed < 0 {
		return &settingError{"seed", fmt.Sprintf("is %d; it must be 0 or more", c.Seed)}
	}
	if err := checkPicture(c.Out); err != nil {
		return err
	}
	b, err := openCPU()
	if err != nil {
		return err
	}
	defer b.Close()
	learning, err := learnReber(ctx, b, uint64(c.Seed), mostReber)
	if err != nil {
		return err
	}
	var traces [2]*trace
	for i, text := range shownStrings {
		if traces[i], err = traceReber(b, learning.net, text); err != nil {
			return err
		}
	}
	if err := drawTraces(c.Out, traces); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "%s\npicture in %s\n", learning.outcome(), c.Out)
	return err
}

// shownStrings differ in the second symbol, and in the last but one, which
// must be the same.
var shownStrings = [2]string{"BTBTSSXXTVVETE", "BPBTSSXXTVVEPE"}

// lstm1997 is the layer that learns the grammar.
func lstm1997() model.LSTM1997 {
	const blocks = 4
	return model.LSTM1997{
		Blocks: blocks, Cells: 2, ForgetGates: true,
		ForgetGateBias: slices.Repeat([]float64{1}, blocks),
		OutputGateBias: []float64{-1, -2, -3, -4},
	}
}

// newReberNet returns a net of the layer for the symbols of the grammar.
func newReberNet(b backend.Backend, layer model.LSTM1997, steps int) (*model.Network, error) {
	symbols := len(data.ReberSymbols)
	return model.New(b, model.Spec{
		{Name: "lstm", Layer: layer},
		{Name: "output", Layer: model.Dense{Out: symbols}},
		{Name: "sigmoid", Layer: model.Sigmoid},
	}, model.Shape{Steps: steps, Batch: 1, Width: symbols})
}

// reberLearning is how a net learned the grammar.
type reberLearning struct {
	net     *model.Network
	strings int  // that it was shown
	solved  bool // the last of them were predicted without a mistake
}

// outcome says how learning ended.
func (l reberLearning) outcome() string {
	if l.solved {
		return fmt.Sprintf("learned: the last %d of %d strings without a mistake", enoughReber, l.strings)
	}
	return fmt.Sprintf("not learned within %d strings: another --seed may do better", l.strings)
}

// How a net learns the grammar.
const (
	longestReber = 60    // longer strings, which are very rare, are left out
	mostReber    = 30000 // strings
	enoughReber  = 300   // strings without a mistake

	// A rate of 0.5 for the sum of the errors of a string, which has some 11
	// steps of 7 outputs, is this for their mean.
	reberRate = 0.5 * 11 * 7 / 2
)

// learnReber trains a net, string by string, until it makes no mistake any more
// or has seen that many.
func learnReber(ctx context.Context, b backend.Backend, seed uint64, most int) (l reberLearning, err error) {
	if l.net, err = newReberNet(b, lstm1997(), longestReber); err != nil {
		return l, err
	}
	l.net.Init(seed)
	trainer, err := train.New(l.net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: reberRate, Epochs: 1, Batch: 1})
	if err != nil {
		return l, err
	}
	defer trainer.Free()
	x, err := b.New(longestReber, len(data.ReberSymbols))
	if err != nil {
		return l, err
	}
	defer b.Free(x.Buf)

	task, recent := data.Reber{Embedded: true}, data.NewRecent(enoughReber)
	rng := rand.New(rand.NewPCG(seed, 1))
	y := make([]float32, x.Size())
	var s data.Sequence
	for l.strings < most && !l.solved {
		if ctx.Err() != nil {
			return l, context.Cause(ctx)
		}
		task.Next(&s, rng)
		if s.Steps > longestReber {
			continue
		}
		l.strings++
		input, output := x.Slice(0, s.Steps), y[:len(s.Targets)]
		b.Upload(input, s.X)
		if err := b.Download(output, l.net.Forward(input, s.Steps, model.Eval)); err != nil {
			return l, err
		}
		recent.Add(task.Format().Solves(s.Judge(output)))
		l.solved = recent.Full() && recent.Wrong() == 0
		trainer.Step(data.Batch{Size: 1, Steps: s.Steps, X: s.X, Targets: s.Targets})
	}
	return l, nil
}
