package train_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// After k steps against a constant gradient g every optimizer has a closed
// form. p is the parameter at the start.
func TestOptimizersAgainstClosedForms(t *testing.T) {
	const lr = 0.1
	// Σ_{i=1..k} term(i)
	sum := func(k int, term func(i int) float64) (total float64) {
		for i := 1; i <= k; i++ {
			total += term(i)
		}
		return total
	}
	// 1 + m + ... + m^(n−1)
	geometric := func(m float64, n int) float64 { return (1 - math.Pow(m, float64(n))) / (1 - m) }
	root := func(g, decay float64, i int) float64 {
		return math.Sqrt(g * g * (1 - math.Pow(decay, float64(i))))
	}
	cases := []struct {
		optimizer train.Optimizer
		want      func(p, g float64, k int) float64
	}{
		{train.SGD{}, func(p, g float64, k int) float64 { return p - lr*g*float64(k) }},
		{train.SGD{WeightDecay: 0.5}, func(p, g float64, k int) float64 {
			// p ← (1−lr·d)·p − lr·g has the fixed point −g/d.
			return -g/0.5 + math.Pow(1-lr*0.5, float64(k))*(p+g/0.5)
		}},
		{train.SGD{Momentum: 0.9}, func(p, g float64, k int) float64 {
			return p - lr*g*sum(k, func(i int) float64 { return geometric(0.9, i) })
		}},
		{train.SGD{Momentum: 0.9, Nesterov: true}, func(p, g float64, k int) float64 {
			return p - lr*g*sum(k, func(i int) float64 { return 1 + 0.9*geometric(0.9, i) })
		}},
		{train.RMSProp{}, func(p, g float64, k int) float64 {
			return p - lr*sum(k, func(i int) float64 { return g / (root(g, 0.99, i) + 1e-8) })
		}},
		{train.RMSProp{Decay: 0.8, Epsilon: 0.1, Momentum: 0.5}, func(p, g float64, k int) float64 {
			return p - lr*sum(k, func(i int) float64 {
				return sum(i, func(j int) float64 {
					return math.Pow(0.5, float64(i-j)) * g / (root(g, 0.8, j) + 0.1)
				})
			})
		}},
		// Bias correction makes Adam's means of a constant gradient exact.
		{train.Adam{}, func(p, g float64, k int) float64 { return p - lr*g/(math.Abs(g)+1e-8)*float64(k) }},
		{train.Adam{Beta1: 0.5, Beta2: 0.7, Epsilon: 0.2}, func(p, g float64, k int) float64 {
			return p - lr*g/(math.Abs(g)+0.2)*float64(k)
		}},
		{train.AdamW{WeightDecay: 0.5}, func(p, g float64, k int) float64 {
			shrink, step := 1-lr*0.5, lr*g/(math.Abs(g)+1e-8)
			return math.Pow(shrink, float64(k))*p - step*geometric(shrink, k)
		}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%T%+v", c.optimizer, c.optimizer), func(t *testing.T) {
			start, grad := []float64{1, -2, 0.5}, []float64{0.3, 4, -1e-3}
			for k, got := range afterSteps(t, c.optimizer, start, grad, lr, 4) {
				for i := range got {
					wantClose(t, fmt.Sprintf("step %d, parameter %d", k+1, i), got[i], c.want(start[i], grad[i], k+1), 1e-12)
				}
			}
		})
	}
}

// afterSteps returns the parameters after each of n steps against a constant
// gradient, on the reference backend.
func afterSteps(t *testing.T, o train.Optimizer, start, grad []float64, lr float64, n int) [][]float64 {
	t.Helper()
	b := reference.New()
	tensor := func() backend.Tensor {
		x, err := b.New(1, len(start))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	params, grads := tensor(), tensor()
	b.UploadFloat64(params, start)
	b.UploadFloat64(grads, grad)
	slots := make([]backend.Tensor, o.Slots())
	for i := range slots {
		slots[i] = tensor()
	}
	steps := make([][]float64, n)
	for k := range steps {
		o.Update(b, params, grads, slots, lr, k+1)
		steps[k] = make([]float64, len(start))
		if err := b.DownloadFloat64(steps[k], params); err != nil {
			t.Fatal(err)
		}
	}
	return steps
}

// Adam scales weight decay away if it goes through the gradient, but not if it is
// decoupled.
func TestAdamAddsWeightDecayToTheGradient(t *testing.T) {
	got := afterSteps(t, train.Adam{WeightDecay: 0.5}, []float64{2}, []float64{-0.4}, 0.1, 1)[0][0]
	g := -0.4 + 0.5*2
	wantClose(t, "parameter", got, 2-0.1*g/(g+1e-8), 1e-12)
}

// takesNoFactor is an optimizer of a user, to which the gradient comes clipped.
type takesNoFactor struct{ train.Optimizer }

// An optimizer that takes a factor, and one that does not, make the same steps. The
// reference has both ways to clip.
func TestClippingIsLeftToOptimizersThatTakeAFactor(t *testing.T) {
	for name, o := range map[string]train.Optimizer{
		"SGD": train.SGD{Momentum: 0.9, WeightDecay: 0.1}, "RMSProp": train.RMSProp{}, "Adam": train.Adam{}, "AdamW": train.AdamW{WeightDecay: 0.1},
	} {
		if _, ok := o.(train.FactorOptimizer); !ok {
			t.Errorf("%s takes no factor", name)
		}
		params := func(o train.Optimizer) []float32 {
			set := sequences(8, 3, 4, 1)
			net := build(t, reference.New(), classifier(5, 4), model.Shape{Steps: 3, Batch: 8, Width: set.Width}, 1)
			trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: o, LR: 0.1, ClipNorm: 0.01, Epochs: 1, Batch: 8, Seed: 1})
			for range 3 {
				trainer.Step(data.NewBatches(set, 8).Batch(0))
			}
			return download(t, net.Backend(), net.Values())
		}
		got, want := params(o), params(takesNoFactor{o})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v with the factor, %v after clipping", name, got, want)
		}
	}
}
