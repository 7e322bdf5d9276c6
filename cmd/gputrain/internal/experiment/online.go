package experiment

import (
	"context"
	"math/rand/v2"

	"gputrain/data"
	"gputrain/model"
)

// The criteria of Hochreiter and Schmidhuber (1997) look back on the last
// lookBack sequences; their tests have testSequences.
const (
	lookBack      = 2000
	testSequences = 2560
)

// online is training as in Hochreiter and Schmidhuber (1997): one sequence after
// the other, each drawn anew, with gradient descent on ½Σ(y−d)² after each,
// until the answers to the last 2,000 meet the criterion.
type online struct {
	task  data.Task
	spec  model.Spec
	steps int // of the longest sequence
	lr    float64
	most  int // sequences

	meanError float64 // of the answers; it must fall below this
	wrong     int     // sequences that may be wrong
}

func (o online) run(ctx context.Context, env Env) (Outcome, error) {
	format := o.task.Format()
	l, err := newLearner(env, format, o.spec, o.steps, o.lr)
	if err != nil {
		return Outcome{}, err
	}
	rng := rand.New(rand.NewPCG(env.Seed, 0))
	recent := data.NewRecent(lookBack)
	errors := newMean(lookBack)
	var s data.Sequence
	var out Outcome
	for out.Trained < o.most && !out.Met {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		o.task.Next(&s, rng)
		y, err := l.learn(&s)
		if err != nil {
			return out, err
		}
		score := s.Judge(y)
		recent.Add(format.Solves(score))
		errors.add(score.MeanError())
		out.Trained++
		out.Met = recent.Full() && recent.Wrong() <= o.wrong && errors.value() < o.meanError
		if out.Trained%500 == 0 || out.Met {
			if err := out.note(env, o.most, errors.value()); err != nil {
				return out, err
			}
		}
	}
	out.Figures = []Figure{{"wrong of the last 2,000", float64(recent.Wrong())}}
	return out, o.test(l, rng, &out)
}

// test adds the figures of the trained network on fresh sequences.
func (o online) test(l *learner, rng *rand.Rand, out *Outcome) error {
	var s data.Sequence
	var total data.Score
	wrong := 0
	for range testSequences {
		o.task.Next(&s, rng)
		y, err := l.answer(&s)
		if err != nil {
			return err
		}
		score := s.Judge(y)
		total = total.Add(score)
		if !l.format.Solves(score) {
			wrong++
		}
	}
	out.Figures = append(out.Figures,
		Figure{"wrong of 2,560 in the test", float64(wrong)},
		Figure{"mean error in the test", total.MeanError()})
	return nil
}

// mean is the mean of the last values.
type mean struct {
	values []float64 // a ring
	next   int
	seen   int
	sum    float64
}

func newMean(n int) *mean { return &mean{values: make([]float64, n)} }

func (m *mean) add(value float64) {
	m.sum += value - m.values[m.next]
	m.values[m.next] = value
	m.next = (m.next + 1) % len(m.values)
	m.seen = min(m.seen+1, len(m.values))
}

func (m *mean) value() float64 { return m.sum / float64(m.seen) }
