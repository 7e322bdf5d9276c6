package train_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/train"
)

// With all settings at once, and none at its default, the parameters follow the
// formulas of package backend, here for a single parameter p and gradient.
func TestOptimizersWithAllSettings(t *testing.T) {
	const lr, grad, start, steps = 0.1, 0.7, 2.0, 5
	for _, c := range []struct {
		optimizer train.Optimizer
		update    func(p float64, slots []float64, step float64) float64
	}{
		{train.SGD{Momentum: 0.8, WeightDecay: 0.3}, func(p float64, s []float64, _ float64) float64 {
			s[0] = 0.8*s[0] + grad + 0.3*p
			return p - lr*s[0]
		}},
		{train.SGD{Momentum: 0.8, WeightDecay: 0.3, Nesterov: true}, func(p float64, s []float64, _ float64) float64 {
			g := grad + 0.3*p
			s[0] = 0.8*s[0] + g
			return p - lr*(g+0.8*s[0])
		}},
		{train.RMSProp{Decay: 0.7, Epsilon: 0.2, WeightDecay: 0.3}, func(p float64, s []float64, _ float64) float64 {
			g := grad + 0.3*p
			s[0] = 0.7*s[0] + 0.3*g*g
			return p - lr*g/(math.Sqrt(s[0])+0.2)
		}},
		{train.RMSProp{Decay: 0.7, Epsilon: 0.2, Momentum: 0.6, WeightDecay: 0.3}, func(p float64, s []float64, _ float64) float64 {
			g := grad + 0.3*p
			s[0] = 0.7*s[0] + 0.3*g*g
			s[1] = 0.6*s[1] + g/(math.Sqrt(s[0])+0.2)
			return p - lr*s[1]
		}},
		{train.Adam{Beta1: 0.5, Beta2: 0.7, Epsilon: 0.2, WeightDecay: 0.3}, func(p float64, s []float64, step float64) float64 {
			return p - lr*adam(s, grad+0.3*p, step)
		}},
		{train.AdamW{Beta1: 0.5, Beta2: 0.7, Epsilon: 0.2, WeightDecay: 0.3}, func(p float64, s []float64, step float64) float64 {
			return p - lr*0.3*p - lr*adam(s, grad, step)
		}},
	} {
		slots, p := make([]float64, 2), start
		for k, got := range afterSteps(t, c.optimizer, []float64{start}, []float64{grad}, lr, steps) {
			p = c.update(p, slots, float64(k+1))
			wantClose(t, fmt.Sprintf("%T%+v, step %d", c.optimizer, c.optimizer, k+1), got[0], p, 1e-12)
		}
	}
}

// adam is the direction of Adam with the settings 0.5, 0.7 and 0.2; slots are the
// mean and the mean square.
func adam(slots []float64, g, step float64) float64 {
	slots[0] = 0.5*slots[0] + 0.5*g
	slots[1] = 0.7*slots[1] + 0.3*g*g
	return slots[0] / (1 - math.Pow(0.5, step)) / (math.Sqrt(slots[1]/(1-math.Pow(0.7, step))) + 0.2)
}
