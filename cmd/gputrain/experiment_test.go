package main

import (
	"encoding/json"
	"image/png"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gputrain/cmd/gputrain/internal/experiment"
)

func TestExperimentListHasThemAll(t *testing.T) {
	o := gputrain("experiment", "list").want(t, 0)
	for _, e := range experiment.All() {
		for _, text := range []string{e.Name + ": ", e.Task, e.Learner, e.Published, e.Criterion} {
			if !strings.Contains(o.out, text) {
				t.Errorf("the list has no %q", text)
			}
		}
	}
	if !strings.Contains(o.out, "temporal-order: gate of 5 of 5 seeds") || !strings.Contains(o.out, "adding-500: report") {
		t.Errorf("the list does not say which experiments have a gate:\n%s", o.out)
	}
}

// The figures of the page are old when an experiment changes; its texts must
// not be.
func TestExperimentPageDescribesThemAll(t *testing.T) {
	page := readFile(t, "../../docs/experiments.md")
	for _, e := range experiment.All() {
		for _, text := range []string{
			"| " + e.Name + " | " + e.Published + " | " + e.Criterion + " |", e.Measure.Name,
			"- **" + e.Name + "**: " + e.Task + ". Learner: " + e.Learner + ".", e.Note,
		} {
			if !strings.Contains(page, text) {
				t.Errorf("docs/experiments.md has no %q", text)
			}
		}
	}
}

func TestExperimentLeavesTablePlotAndFigures(t *testing.T) {
	t.Chdir(t.TempDir())
	drawFinely(t)
	o := gputrain("experiment", "run", "xor", "gates", "--seeds", "2", "--jobs", "2", "--out", "results", "--markdown", "page.md").want(t, 0)
	if !strings.Contains(o.errors, "1/2 gates: 2 of 2 seeds met the criterion") || !strings.Contains(o.errors, "2/2 xor: 2 of 2") {
		t.Errorf("stderr is %q", o.errors)
	}
	for _, want := range []string{"experiment ", "published ", "xor ", " 2/2 ", " passed ", "plots and figures in results"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("stdout has no %q:\n%s", want, o.out)
		}
	}
	e, _ := experiment.Find("xor")
	if page := readFile(t, "page.md"); !strings.Contains(page, "| xor | "+e.Published+" | "+e.Criterion+" | 1 to 2 | 2 of 2 |") {
		t.Errorf("the page has no row for xor:\n%s", page)
	}
	var got experimentJSON
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join("results", "xor.json"))), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "xor" || !got.Gate || !got.Passed || got.Met != 2 || len(got.Trials) != 2 {
		t.Errorf("xor.json is %+v", got)
	}
	for i, trial := range got.Trials {
		if last := trial.Curve[len(trial.Curve)-1]; trial.Seed != uint64(i+1) || !trial.Met || last != [2]float64{float64(trial.Trained), trial.Value} {
			t.Errorf("trial %d is %+v", i, trial)
		}
	}
	for _, name := range []string{"gates.png", "xor.png"} {
		size, err := png.DecodeConfig(strings.NewReader(readFile(t, filepath.Join("results", name))))
		if err != nil || size.Width < 200 || size.Width > 2000 {
			t.Errorf("%s: %d pixels wide, error %v", name, size.Width, err)
		}
	}
}

func TestExperimentKeepsResultsThatAreThere(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain("experiment", "run", "xor", "--seeds", "1", "--out", "results").want(t, 0)
	before := readFile(t, filepath.Join("results", "xor.json"))
	lock, err := runDir("results").lock()
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, exitFailure, []string{"results is in use by process"}, "experiment", "run", "gates", "--seeds", "1", "--out", "results")
	lock.unlock()
	wantFailure(t, exitFailure, []string{"results holds results already (xor.png)", "choose another --out"},
		"experiment", "run", "gates", "xor", "--seeds", "2", "--out", "results")
	if readFile(t, filepath.Join("results", "xor.json")) != before {
		t.Error("the results have changed")
	}
	gputrain("experiment", "run", "gates", "--seeds", "1", "--out", "results").want(t, 0)
}

func TestExperimentBeginsWithTheSeed(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(dir string, flags ...string) (trials []trialJSON, out string) {
		o := gputrain(append([]string{"experiment", "run", "xor", "--out", dir, "--markdown", dir + ".md"}, flags...)...).want(t, 0)
		var result experimentJSON
		if err := json.Unmarshal([]byte(readFile(t, filepath.Join(dir, "xor.json"))), &result); err != nil {
			t.Fatal(err)
		}
		return result.Trials, o.out
	}
	first, _ := run("first", "--seeds", "3")
	later, out := run("later", "--seeds", "2", "--seed", "2")
	for i, trial := range later {
		if want := first[i+1]; trial.Seed != want.Seed || trial.Trained != want.Trained || trial.Value != want.Value {
			t.Errorf("trial %d of those from seed 2 on is seed %d, %d sequences, %v; want %d, %d, %v", i,
				trial.Seed, trial.Trained, trial.Value, want.Seed, want.Trained, want.Value)
		}
	}
	if first[0].Value == first[1].Value {
		t.Error("the seeds 1 and 2 are the same: the test shows nothing")
	}
	if !strings.Contains(out, "  2 to 3  ") {
		t.Errorf("the table does not say that the seeds are 2 to 3:\n%s", out)
	}
	if page := readFile(t, "later.md"); !strings.Contains(page, "| 2 to 3 | 2 of 2 |") {
		t.Errorf("the page does not say that the seeds are 2 to 3:\n%s", page)
	}
	if _, out := run("one", "--seeds", "1", "--seed", "7"); !strings.Contains(out, "  7  ") {
		t.Errorf("the table does not say that the seed is 7:\n%s", out)
	}
}

func TestExperimentIsTheSameAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	curves := func(jobs string) [][][2]float64 {
		gputrain("experiment", "run", "xor", "--seeds", "2", "--jobs", jobs, "--out", jobs).want(t, 0)
		var result experimentJSON
		if err := json.Unmarshal([]byte(readFile(t, filepath.Join(jobs, "xor.json"))), &result); err != nil {
			t.Fatal(err)
		}
		var curves [][][2]float64
		for _, trial := range result.Trials {
			curves = append(curves, trial.Curve)
		}
		return curves
	}
	first, again := curves("1"), curves("2")
	for i := range first {
		for k := range first[i] {
			if first[i][k] != again[i][k] {
				t.Fatalf("seed %d: point %d is %v at first, then %v", i+1, k, first[i][k], again[i][k])
			}
		}
	}
}

func TestFailedGateIsAnError(t *testing.T) {
	failed := experiment.Result{
		Experiment: experiment.Experiment{Name: "hopeless", Seeds: 5, Need: 4, Measure: experiment.Measure{Name: "error", Limit: 0.1, Log: true}},
		Trials: []experiment.Trial{
			{Seed: 1, Outcome: experiment.Outcome{Met: true, Trained: 10, Value: 0, Curve: []experiment.Point{{Trained: 10, Value: 0}}}},
			{Seed: 2, Outcome: experiment.Outcome{Trained: 30, Value: 1, Figures: []experiment.Figure{{Name: "wrong", Value: 3}}}},
		},
		Elapsed: time.Second,
	}
	failed.Trials[0].Figures = []experiment.Figure{{Name: "wrong", Value: 1}}
	reported := failed
	reported.Experiment.Name, reported.Experiment.Need = "report", 0
	r := &experimentReport{dir: runDir(t.TempDir())}
	for _, result := range []experiment.Result{failed, reported} {
		if err := r.add(result); err != nil {
			t.Fatal(err)
		}
	}
	err := r.verdict()
	if err == nil || !strings.HasPrefix(err.Error(), "1 of 1 gates failed (hopeless)") || exitCode(err) != exitFailure {
		t.Errorf("the verdict is %v", err)
	}
	for _, want := range []string{" 1 to 2  1/2  FAILED", " 1 to 2  1/2  report"} {
		if !strings.Contains(r.table(0), want) {
			t.Errorf("the table has no %q:\n%s", want, r.table(0))
		}
	}
	if page := r.markdown(); !strings.Contains(page, "| 1 to 2 | 1 of 2 | 10 (10 to 10) | 0.5000 error | 1.0 s | FAILED |") || !strings.Contains(page, "Wrong: 2.000.") {
		t.Errorf("the page is\n%s", page)
	}
}

func TestWrongExperimentCommandLines(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"experiment":                         "takes one of",
		"experiment lst":                     `did you mean "list"?`,
		"experiment run":                     "--gates or --all",
		"experiment run xorr":                `there is no experiment "xorr", did you mean "xor"?`,
		"experiment run xor --seeds -1":      "--seeds is -1; it must be 1 to 1000000",
		"experiment run xor --seeds 0":       "--seeds is 0; it must be 1 to 1000000",
		"experiment run xor --seeds 9999999": "--seeds is 9999999; it must be 1 to 1000000",
		"experiment run xor --seed 0":        "--seed is 0; it must be 1 or more",
		"experiment run xor --seed -3":       "--seed is -3; it must be 1 or more",
		"experiment run xor --seed one":      `--seed is "one"; it must be a whole number`,
		"experiment run xor --jobs -2":       "--jobs is -2; it must be 1 to 1000000",
		"experiment run xor --device x":      `--device is "x", not one of`,
	} {
		t.Run(line, func(t *testing.T) {
			wantFailure(t, exitUsage, []string{want}, strings.Fields(line)...)
		})
	}
}
