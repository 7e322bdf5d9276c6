package train_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/train"
)

func TestScheduleFactors(t *testing.T) {
	half := math.Sqrt2 / 2 // cos(π/4)
	cases := []struct {
		schedule train.Schedule
		want     []float64 // at steps 0, 1, ...
	}{
		{train.Constant{}, []float64{1, 1, 1}},
		{train.StepDecay{Every: 2, Gamma: 0.5}, []float64{1, 1, 0.5, 0.5, 0.25}},
		{train.StepDecay{Every: 1, Gamma: 1}, []float64{1, 1}},
		{train.Cosine{Total: 4}, []float64{1, (1 + half) / 2, 0.5, (1 - half) / 2, 0, 0}},
		{train.Cosine{Warmup: 2, Total: 4}, []float64{0.5, 1, 1, 0.5, 0, 0}},
		{train.Cosine{Warmup: 4, Total: 6, Floor: 0.2}, []float64{0.25, 0.5, 0.75, 1, 1, 0.6, 0.2, 0.2}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%T%+v", c.schedule, c.schedule), func(t *testing.T) {
			for step, want := range c.want {
				wantClose(t, fmt.Sprintf("step %d", step), c.schedule.Factor(step), want, 1e-15)
			}
		})
	}
}
