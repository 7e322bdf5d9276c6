package experiment

import (
	"context"
	"slices"
	"time"

	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

var mackeyGlass = Experiment{
	Name:      "mackey-glass",
	Task:      "the next value of the Mackey-Glass series with a delay of 17",
	Learner:   "LSTM of 16 cells, Adam, rate 0.01 falling to 0, 30 sequences of 100 values, 100 epochs",
	Published: "LSTM is worse than windows of values (Gers et al. 2001)",
	Note:      "The published comparison predicts further ahead. One step ahead, LSTM is better than these windows.",
	Criterion: "NRMSE below 0.05, and below that of the last value as a prediction",
	Seeds:     5, Need: 5,
	Time:    2 * time.Second,
	Measure: Measure{Name: "NRMSE on the 1,000 values that follow", Limit: 0.05, Log: true},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return forecast{
			steps: 100, epochs: 100, batch: 1,
			spec: model.Spec{
				{Name: "lstm", Layer: model.LSTM{Hidden: 16}},
				{Name: "output", Layer: model.Dense{Out: 1}},
			},
		}.run(ctx, env)
	},
}

var mackeyGlassWindows = Experiment{
	Name:      "mackey-glass-windows",
	Task:      mackeyGlass.Task,
	Learner:   "windows of 4 values, 6 apart, a net of 16 sigmoid units, Adam, 60 epochs",
	Published: mackeyGlass.Published,
	Criterion: mackeyGlass.Criterion,
	Seeds:     5,
	Time:      time.Second,
	Measure:   mackeyGlass.Measure,
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return forecast{
			epochs: 60, batch: 32,
			spec: model.Spec{
				{Name: "hidden", Layer: model.Dense{Out: 16}},
				{Name: "squash", Layer: model.Sigmoid},
				{Name: "output", Layer: model.Dense{Out: 1}},
			},
		}.run(ctx, env)
	},
}

// forecast is training on the Mackey-Glass series from value 1,000 on.
type forecast struct {
	spec   model.Spec
	steps  int // of the pieces that the training part is cut into; 0: the net sees windows of values
	epochs int
	batch  int
}

func (o forecast) run(ctx context.Context, env Env) (Outcome, error) {
	const (
		trained = 3000
		tested  = 1000
		before  = 100 // values that a test begins with, to fill the memory
	)
	series := tasks.MackeyGlass(17, 1000, trained+1+tested)
	training, target := series[:trained+1], series[trained+1:]
	test := series[trained+1-before:]
	var set, testSet *data.Dataset
	if o.steps > 0 {
		set, testSet = pieces(training, o.steps), pieces(test, before+tested-1)
	} else {
		set, testSet = data.Windows(training, 4, 6, 1), data.Windows(test, 4, 6, 1)
	}
	net, err := model.New(env.Backend, o.spec, model.Shape{Steps: testSet.Steps, Batch: o.batch, Width: set.Width}, model.Options{})
	if err != nil {
		return Outcome{}, err
	}
	net.Init(env.Seed)
	var out Outcome
	perEpoch := (set.Len() + o.batch - 1) / o.batch
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: o.epochs, Batch: o.batch, Seed: env.Seed,
		Schedule: train.Cosine{Total: o.epochs * perEpoch},
		OnEpoch: func(e train.Epoch) error {
			outputs, err := train.Predict(net, testSet)
			if err != nil {
				return err
			}
			y := slices.Concat(outputs...)
			out.Trained = e.Epoch * set.Len()
			return out.note(env, o.epochs*set.Len(), data.NRMSE(y[len(y)-tested:], target))
		},
	})
	if err != nil {
		return out, err
	}
	if err := trainer.Fit(ctx, set, nil); err != nil {
		return out, err
	}
	persistence := data.NRMSE(series[trained:len(series)-1], target)
	out.Met = out.Value < min(0.05, persistence)
	out.Figures = []Figure{{"NRMSE of the last value as a prediction", persistence}}
	return out, nil
}

// pieces cuts the prediction of the next value of a series into sequences of
// that many steps. It leaves out an incomplete one at the end.
func pieces(series []float32, steps int) *data.Dataset {
	whole := data.Forecast(series, 1)
	n := whole.Steps / steps
	return &data.Dataset{
		Steps: steps, Width: 1, PerStep: true, TargetWidth: 1,
		X: whole.X[:n*steps], Targets: whole.Targets[:n*steps],
	}
}
