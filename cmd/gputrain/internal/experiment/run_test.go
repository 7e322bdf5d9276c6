package experiment_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cmd/gputrain/internal/experiment"
	"gputrain/cpu"
)

func openCPU() (backend.Backend, error) { return cpu.Open(cpu.Options{Workers: 1}) }

// The others take seconds; make experiments runs them.
func TestQuickGatesPass(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector")
	}
	for _, name := range []string{"gates", "xor-perceptron", "xor", "parity", "reber", "temporal-order", "mackey-glass"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, ok := experiment.Find(name)
			if !ok || e.Need == 0 {
				t.Fatalf("there is no gate %q", name)
			}
			result, err := e.Trials(t.Context(), experiment.Settings{Seeds: 1, Open: openCPU})
			if err != nil {
				t.Fatal(err)
			}
			if !result.Passed() {
				t.Errorf("%d of %d seeds meet the criterion %q, want %d: %+v", result.Met(), len(result.Trials), e.Criterion, result.Need(), result.Trials)
			}
		})
	}
}

func TestExperimentsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range experiment.All() {
		if seen[e.Name] {
			t.Errorf("two experiments have the name %q", e.Name)
		}
		seen[e.Name] = true
		for what, text := range map[string]string{"Task": e.Task, "Learner": e.Learner, "Published": e.Published, "Criterion": e.Criterion, "Measure": e.Measure.Name} {
			if text == "" || strings.HasSuffix(text, ".") {
				t.Errorf("%s: %s is %q, want a phrase without a full stop", e.Name, what, text)
			}
		}
		if e.Seeds < 1 || e.Need > e.Seeds || e.Time <= 0 || e.Run == nil {
			t.Errorf("%s: %d seeds of which %d must meet the criterion, %v each", e.Name, e.Seeds, e.Need, e.Time)
		}
	}
}

// scripted is an experiment that needs four of five seeds.
func scripted(run func(context.Context, experiment.Env) (experiment.Outcome, error)) experiment.Experiment {
	return experiment.Experiment{Name: "scripted", Seeds: 5, Need: 4, Run: run}
}

func openReference() (backend.Backend, error) { return reference.New(), nil }

func TestGateNeedsItsShareOfTheSeeds(t *testing.T) {
	for _, c := range []struct {
		seeds, good, need int
		passed            bool
	}{
		{0, 5, 4, true}, {0, 4, 4, true}, {0, 3, 4, false}, {1, 1, 1, true}, {1, 0, 1, false}, {2, 1, 2, false}, {10, 8, 8, true}, {10, 7, 8, false},
	} {
		e := scripted(func(_ context.Context, env experiment.Env) (experiment.Outcome, error) {
			met := int(env.Seed) <= c.good
			env.Report(experiment.Progress{Trained: 1, Most: 1})
			return experiment.Outcome{Met: met, Trained: int(env.Seed) * 10, Value: float64(env.Seed)}, nil
		})
		reported := 0
		result, err := e.Trials(t.Context(), experiment.Settings{
			Seeds: c.seeds, Parallel: 3, Open: openReference,
			Report: func(int, experiment.Progress) { reported++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		if result.Met() != c.good || result.Need() != c.need || result.Passed() != c.passed {
			t.Errorf("%d seeds of which %d meet the criterion: met %d, need %d, passed %t; want need %d, passed %t",
				len(result.Trials), c.good, result.Met(), result.Need(), result.Passed(), c.need, c.passed)
		}
		if reported != len(result.Trials) {
			t.Errorf("%d of %d trials reported", reported, len(result.Trials))
		}
		if least, most := result.Range(); c.good > 0 && (least != 10 || most != 10*c.good || result.Trained() != float64(10+10*c.good)/2) {
			t.Errorf("the %d good trials took %v sequences, %d to %d", c.good, result.Trained(), least, most)
		}
	}
}

func TestTrialsHaveSuccessiveSeeds(t *testing.T) {
	e := scripted(func(_ context.Context, env experiment.Env) (experiment.Outcome, error) {
		return experiment.Outcome{Value: float64(env.Seed)}, nil
	})
	for _, c := range []struct{ seed, first uint64 }{{0, 1}, {1, 1}, {7, 7}, {1 << 63, 1 << 63}} {
		result, err := e.Trials(t.Context(), experiment.Settings{Seed: c.seed, Seeds: 3, Open: openReference})
		if err != nil {
			t.Fatal(err)
		}
		for i, trial := range result.Trials {
			if want := c.first + uint64(i); trial.Seed != want || trial.Value != float64(want) {
				t.Errorf("Seed %d: trial %d was run with seed %v and says %d, want %d", c.seed, i, trial.Value, trial.Seed, want)
			}
		}
	}
}

func TestErrorsNameExperimentAndSeed(t *testing.T) {
	failure := errors.New("out of luck")
	for name, run := range map[string]func(context.Context, experiment.Env) (experiment.Outcome, error){
		"error": func(_ context.Context, env experiment.Env) (out experiment.Outcome, err error) {
			if env.Seed == 3 {
				err = failure
			}
			return out, err
		},
		"panic": func(_ context.Context, env experiment.Env) (out experiment.Outcome, err error) {
			if env.Seed == 3 {
				panic(failure)
			}
			return out, err
		},
	} {
		_, err := scripted(run).Trials(t.Context(), experiment.Settings{Open: openReference})
		if err == nil || !strings.HasPrefix(err.Error(), "experiment scripted, seed 3: out of luck") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := scripted(nil).Trials(t.Context(), experiment.Settings{Open: func() (backend.Backend, error) { return nil, failure }})
	if !errors.Is(err, failure) {
		t.Errorf("no device: got %v", err)
	}
}

func TestCancellationEndsATrialUnderWay(t *testing.T) {
	e, _ := experiment.Find("temporal-order")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err := e.Trials(ctx, experiment.Settings{
		Open:   openCPU,
		Report: func(int, experiment.Progress) { cancel(enough) },
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
}
