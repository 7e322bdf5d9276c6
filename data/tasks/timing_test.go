package tasks

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/data"
)

func TestSpikeTrains(t *testing.T) {
	const period, most, spikes = 7, 3, 10
	delays := map[int]int{}
	for _, train := range []SpikeTrain{{period, most, spikes}, {period, most, 1}, {1, 0, 3}} {
		measured := data.Draw(SpikeDelays(train), rand.New(rand.NewPCG(1, 1)), 1000)
		timed := data.Draw(TimedSpikes(train), rand.New(rand.NewPCG(1, 1)), 1000)
		for i := range measured {
			m, g := &measured[i], &timed[i]
			if m.Steps != g.Steps {
				t.Fatalf("%+v, sequence %d: %d and %d steps from the same seed", train, i, m.Steps, g.Steps)
			}
			count, since := 0, 0
			for step := range m.Steps {
				since++
				spike := m.X[step]
				if g.Targets[step] != spike || m.Mask[step] != spike || g.Mask[step] != 1 {
					t.Fatalf("%+v, sequence %d, step %d: spike %v, target %v, masks %v and %v", train, i, step, spike, g.Targets[step], m.Mask[step], g.Mask[step])
				}
				if spike == 0 {
					continue
				}
				delay := since - train.Period
				if m.Targets[step] != float32(delay) {
					t.Fatalf("%+v, sequence %d: delay %v asked for after %d steps", train, i, m.Targets[step], since)
				}
				for back := range since {
					want := 0
					if back == since-1 {
						want = delay
					}
					if got := g.X[step-back]; got != float32(want) {
						t.Fatalf("%+v, sequence %d: input %v at step %d, want %d; the next spike has delay %d", train, i, got, step-back, want, delay)
					}
				}
				if train.MaxDelay == most {
					delays[delay]++
				}
				count++
				since = 0
			}
			if count != train.Spikes || since != 0 {
				t.Fatalf("%+v, sequence %d: %d spikes, and %d steps behind the last", train, i, count, since)
			}
		}
	}
	wantUniform(t, "delay", delays, 0, most)
}

func TestWaves(t *testing.T) {
	tests := []struct {
		wave Wave
		want []float64
	}{
		{Cosine, []float64{0, (1 - math.Sqrt2/2) / 2, 0.5, (1 + math.Sqrt2/2) / 2, 1, (1 + math.Sqrt2/2) / 2, 0.5, (1 - math.Sqrt2/2) / 2, 0}},
		{Triangle, []float64{0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0}},
		{Rectangle, []float64{0, 0, 0, 0, 0, 1, 1, 1, 0}},
	}
	for _, test := range tests {
		for step, want := range test.want {
			if got := test.wave.At(step, 8); math.Abs(got-want) > 1e-15 {
				t.Errorf("wave %d at step %d of 8: got %v, want %v", test.wave, step, got, want)
			}
		}
	}
}

func TestPeriodicFunctionPredictsTheNextValue(t *testing.T) {
	free := data.Draw(PeriodicFunction{Period: 10, Steps: 1000}, nil, 1)[0]
	taught := data.Draw(PeriodicFunction{Period: 10, Steps: 1000, Teacher: true}, nil, 1)[0]
	if slices.Max(free.X) != 0 || slices.Min(free.X) != 0 {
		t.Error("the input of the free-running task is not 0 throughout")
	}
	if !slices.Equal(free.Targets, taught.Targets) {
		t.Error("the targets differ with and without a teacher")
	}
	if !slices.Equal(taught.X[1:], taught.Targets[:999]) {
		t.Error("the input with a teacher is not the target of the step before")
	}
	for step, got := range free.Targets {
		if want := (1 - math.Cos(2*math.Pi*float64(step+1)/10)) / 2; math.Abs(float64(got)-want) > 1e-6 {
			t.Fatalf("target of step %d is %v, want %v", step, got, want)
		}
	}
	// The control of the criterion, out of phase by three steps: errors up to
	// sin 0.3π = 0.81.
	late := append(slices.Clone(free.Targets[3:]), free.Targets[:3]...) // 1,000 steps are whole periods
	if score := free.Judge(late); (PeriodicFunction{}).Format().Solves(score) || score.RMSE() < 0.4 {
		t.Errorf("a wave out of phase scores %+v, RMSE %v", score, score.RMSE())
	}
}
