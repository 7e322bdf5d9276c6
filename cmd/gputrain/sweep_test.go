package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// trainHere makes sweeps train in this process, until the test ends, and counts the
// trainings. At the beginning of each, before is called with its number, from 1; jobs call
// it at the same time.
func trainHere(t *testing.T, before func(training int)) *atomic.Int64 {
	t.Helper()
	inProcess := trainProcess
	t.Cleanup(func() { trainProcess = inProcess })
	trainings := new(atomic.Int64)
	trainProcess = func(ctx context.Context, args []string, _ jobShare, stderr io.Writer) error {
		before(int(trainings.Add(1)))
		stdin, closed := io.Pipe()
		defer closed.Close()
		context.AfterFunc(ctx, func() { closed.Close() })
		switch code := run(context.Background(), args, stdin, io.Discard, stderr); code {
		case 0:
			return nil
		case 128 + int(syscall.SIGHUP):
			return &stoppedError{syscall.SIGHUP}
		default:
			return fmt.Errorf("exit code %d", code)
		}
	}
	return trainings
}

func nothing(int) {}

// sweepText is a sweep of settings that take a moment.
func sweepText(tables string) string {
	return "model = \"mlp\"\nepochs = 4\nbatch = 128\n" + tables
}

const sweepGrid = "[vary]\nhidden = [2, 4]\nlr = [0.1, 0.01]\n"

// sweepDrawn is a sweep with halving: 4 trials for an epoch, 2 for 2, 1 for 4.
const sweepDrawn = "[vary]\nhidden = {min = 2, max = 9}\nlr = {min = 1e-3, max = 1, log = true}\n[search]\ntrials = 4\nseed = 3\n[halving]\neta = 2\n"

// wantTrial compares a trial with a run of the same settings.
func wantTrial(t *testing.T, trial, run runDir) {
	t.Helper()
	for _, name := range []string{modelName, bestName, configName, resultName, curvesName, confusionName} {
		if readFile(t, trial.file(name)) != readFile(t, run.file(name)) {
			t.Errorf("%s has another %s than gputrain train writes", trial, name)
		}
	}
	if readFile(t, newestCheckpoint(t, trial)) != readFile(t, newestCheckpoint(t, run)) {
		t.Errorf("%s has another checkpoint than gputrain train writes", trial)
	}
}

func TestATrialIsARunOfGputrainTrain(t *testing.T) {
	t.Chdir(t.TempDir())
	trainHere(t, nothing)
	writeFile(t, "grid.toml", sweepText(sweepGrid))
	o := gputrain("sweep", "grid.toml", "--jobs", "3").want(t, 0)
	for i, flags := range []string{"--hidden 2 --lr 0.1", "--hidden 2 --lr 0.01", "--hidden 4 --lr 0.1", "--hidden 4 --lr 0.01"} {
		run := runDir(fmt.Sprint("run", i))
		gputrain(append(strings.Fields("train --quiet --model mlp --epochs 4 --batch 128 --out "+string(run)), strings.Fields(flags)...)...).want(t, 0)
		wantTrial(t, sweepDir("sweeps/grid").trial(i), run)
	}
	if !strings.Contains(o.out, "\nthe best is trial 3, in "+filepath.FromSlash("sweeps/grid/trial-0003")+": hidden 4, lr 0.1\non the test set, which had no part in the choice: loss ") {
		t.Errorf("stdout\n%s", o.out)
	}
	for i, name := range []string{"trial", "3", "1", "4", "2", "", "the", "on"} {
		line := strings.Split(o.out, "\n")[1+i]
		if word, _, _ := strings.Cut(line, " "); word != name {
			t.Errorf("line %d is %q, want it to begin with %q", 1+i, line, name)
		}
	}
	if want := "trial 2 of 4: hidden 2, lr 0.01: validation loss "; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q, want %q", o.errors, want)
	}
	if _, err := png.Decode(strings.NewReader(readFile(t, "sweeps/grid/sweep.png"))); err != nil {
		t.Error(err)
	}
	rows := strings.Split(readFile(t, "sweeps/grid/sweep.csv"), "\n")
	if rows[0] != "rank,trial,state,epochs,best_epoch,validation_loss,validation_accuracy,hidden,lr,failure,format" || !strings.HasPrefix(rows[1], "1,3,finished,4,4,") ||
		!strings.HasSuffix(rows[1], ",4,0.1,,1") || len(rows) != 6 {
		t.Errorf("the table is %q", rows)
	}
	// What is finished stays as it is.
	before := files(t)
	again := gputrain("sweep", "grid.toml").want(t, 0)
	if after := files(t); again.out != o.out || !maps.Equal(before, after) {
		t.Errorf("again, stdout is\n%s", again.out)
	}
	var last struct {
		Event        string
		Trial        int
		TestAccuracy float64 `json:"test_accuracy"`
	}
	o = gputrain("sweep", "grid.toml", "--json", "--quiet").want(t, 0)
	if err := json.Unmarshal([]byte(o.lastLine()), &last); err != nil || last.Event != "result" || last.Trial != 3 || !(last.TestAccuracy > 0) || o.errors != "" {
		t.Errorf("%v: the last line is %q, stderr %q", err, o.lastLine(), o.errors)
	}
	if got := listedRuns(t, "--where", "hidden=4", "--sort", "validation_loss"); got != "trial-0003 trial-0004" {
		t.Errorf("gputrain runs lists %q", got)
	}
}

// The trials that go on don't depend on how many are trained at a time, nor on
// interruptions; and one that goes on is as if it had never stopped.
func TestSuccessiveHalving(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "drawn.toml", sweepText(sweepDrawn))
	trainings := trainHere(t, nothing)
	o := gputrain("sweep", "drawn.toml", "--jobs", "1", "--out", "one").want(t, 0)
	if n := trainings.Load(); n != 4+2+1 {
		t.Errorf("%d trainings, want 4 of an epoch, 2 of 2 and 1 of 4", n)
	}
	if !strings.Contains(o.errors, "after 1 epoch, the best 2 of 4 go on\nafter 2 epochs, the best 1 of 2 go on\n") {
		t.Errorf("stderr %q", o.errors)
	}
	table := readFile(t, "one/sweep.csv")
	epochs := map[string]int{}
	for _, row := range strings.Split(table, "\n")[1:] {
		if cells := strings.Split(row, ","); len(cells) > 3 {
			epochs[cells[2]+" "+cells[3]]++
		}
	}
	if want := map[string]int{"finished 4": 1, "stopped 2": 1, "stopped 1": 2}; !maps.Equal(epochs, want) {
		t.Errorf("the trials are %v, want %v", epochs, want)
	}
	best := runDir("one/trial-" + fmt.Sprintf("%04s", strings.Split(strings.Split(table, "\n")[1], ",")[1]))
	gputrain("train", "--config", best.file(configName), "--out", "alone", "--quiet").want(t, 0)
	wantTrial(t, best, "alone")

	ctx, stop := context.WithCancelCause(t.Context())
	trainHere(t, func(training int) {
		if training == 6 { // of the second rung
			stop(&stoppedError{syscall.SIGINT})
		}
	})
	o = gputrainWith(ctx, strings.NewReader(""), "sweep", "drawn.toml", "--jobs", "2", "--out", "stopped").want(t, 130)
	if want := " 0 of 4 trials done, the others saved; go on with: gputrain sweep drawn.toml --jobs 2 --out stopped\n"; !strings.HasSuffix(o.errors, want) || o.out != "" {
		t.Errorf("stdout %q, stderr %q, want %q", o.out, o.errors, want)
	}
	trainHere(t, nothing)
	gputrain("sweep", "drawn.toml", "--jobs", "4", "--out", "stopped").want(t, 0)
	if got := readFile(t, filepath.Join("stopped", sweepTableName)); got != table {
		t.Errorf("with 4 jobs, and after an interruption, the table is\n%s\nwant\n%s", got, table)
	}
	wantTrial(t, runDir("stopped/"+filepath.Base(string(best))), "alone")
}

// What fails or diverges is said, and the others go on.
func TestTrialsThatFail(t *testing.T) {
	t.Chdir(t.TempDir())
	trainHere(t, nothing)
	writeFile(t, "sweep.toml", "epochs = 2\nmodel = \"rnn\"\nbatch = 128\nhidden = 2\noptimizer = \"sgd\"\nclip = 0\n[vary]\nlr = [0.1, 3e38]\nsteps = [1, 7]\n")
	o := gputrain("sweep", "sweep.toml", "--jobs", "2").want(t, 0)
	for _, want := range []string{
		"1      finished", "3      diverged", "2      failed",
		"\ntrial 2 failed: --steps is 7; it must divide the 64 features", "\ntrial 3 diverged: train: training diverged",
		"\nthe best is trial 1, ",
	} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	for _, width := range []int{80, 40} {
		terminal := &fakeTerminal{width: width}
		if code := run(t.Context(), []string{"sweep", "sweep.toml"}, strings.NewReader(""), terminal, terminal); code != 0 {
			t.Fatal(terminal.String())
		}
		for line := range strings.Lines(terminal.String()) {
			if line = line[strings.LastIndex(line, "\r")+1:]; text.StringWidth(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("on %d columns: %q", width, line)
			}
		}
	}
	writeFile(t, "fails.toml", "[vary]\nsteps = [7, 9]\n[halving]\n")
	o = gputrain("sweep", "fails.toml", "--quiet").want(t, exitFailure)
	if want := "gputrain: none of 2 trials succeeded; the first says: --steps is 7"; !strings.HasPrefix(o.errors, want) || runDir("sweeps/fails").has(sweepFigureName) {
		t.Errorf("stderr %q, want %q", o.errors, want)
	}
}

// A sweep may get more trials, but no other ones.
func TestASweepGoesOnWithItsFileOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	trainHere(t, nothing)
	begin := func(text string) { writeFile(t, "s.toml", sweepText(text)) }
	begin(sweepGrid)
	gputrain("sweep", "s.toml").want(t, 0)
	table := readFile(t, "sweeps/s/sweep.csv")
	for text, want := range map[string]string{
		"hidden = 3\n[vary]\nlr = [0.1, 0.01]\n":                       "has changed since " + filepath.FromSlash("sweeps/s/trial-0001") + " began: it has hidden 3 (before 2)",
		"clip = 0.5\n" + sweepGrid:                                     "it has clip 0.5 (before 1); put that back, or choose another --out",
		strings.Replace(sweepGrid, "0.01", "0.02", 1):                  "no trial of it has lr 0.01 any more",
		strings.Replace(sweepGrid, "[2, 4]", "[2]", 1):                 "trial-0003 began: no trial of it has hidden 4",
		sweepGrid + "[halving]\n":                                      "has the table [halving]",
		"[vary]\nlr = {min = 0.01, max = 0.1}\n[search]\ntrials = 2\n": "it has hidden 64 (before 2)",
	} {
		begin(text)
		wantFailure(t, exitFailure, []string{want}, "sweep", "s.toml")
	}
	// The trials before keep their numbers.
	trained := trainHere(t, nothing)
	begin("[vary]\nhidden = [4, 3, 2]\nlr = [0.1, 0.01]\n")
	o := gputrain("sweep", "s.toml", "--jobs", "1").want(t, 0)
	if n := trained.Load(); n != 2 || !strings.Contains(o.errors, "2 trials are added to the 4 before") {
		t.Errorf("%d trainings; stderr %q", n, o.errors)
	}
	for row := range strings.Lines(table) {
		_, row, _ := strings.Cut(row, ",") // without the rank
		if !strings.Contains(readFile(t, "sweeps/s/sweep.csv"), ","+row) {
			t.Errorf("the row %q has gone", row)
		}
	}
	if !strings.Contains(readFile(t, "sweeps/s/trial-0005/config.toml"), "hidden = 3\n") {
		t.Error("trial 5 is not a new one")
	}
	gputrain("sweep", "s.toml").want(t, 0)

	begin(sweepDrawn)
	gputrain("sweep", "s.toml", "--out", "halved").want(t, 0)
	for text, want := range map[string]string{
		strings.Replace(sweepDrawn, "trials = 4", "trials = 5", 1):                           "has 1 trial more than halved began with",
		strings.Replace(sweepDrawn, "eta = 2", "eta = 3", 1):                                 "[halving] eta 3, epochs 1, but halved began with eta 2, epochs 1",
		strings.Replace(sweepDrawn, "seed = 3", "seed = 4", 1):                               "any more",
		strings.Replace(sweepDrawn, "seed = 3", "seed = 3\nby = \"validation_accuracy\"", 1): "[search] by validation_accuracy, but halved began with validation_loss",
	} {
		begin(text)
		wantFailure(t, exitFailure, []string{want}, "sweep", "s.toml", "--out", "halved")
	}
	if err := os.MkdirAll("other", 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "other/mine", "")
	wantFailure(t, exitFailure, []string{"other is no sweep, and has mine: choose another --out"}, "sweep", "s.toml", "--out", "other")
	lock, err := runDir("halved").lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.unlock()
	if o := gputrain("sweep", "s.toml", "--out", "halved").want(t, exitFailure); !strings.Contains(o.errors, "halved is in use by process") {
		t.Errorf("stderr %q", o.errors)
	}
}

func TestSweepsOfRegressionAreRankedByTheirLoss(t *testing.T) {
	t.Chdir(t.TempDir())
	trainHere(t, nothing)
	rows := "a,b,y\n"
	for i := range 60 {
		rows += fmt.Sprintf("%d,%d,%d.5\n", i, i*i%17, 3*i)
	}
	writeFile(t, "table.csv", rows)
	head := "data = \"csv:table.csv\"\ntarget = \"y\"\ntask = \"regress\"\n"
	writeFile(t, "s.toml", head+sweepText("[vary]\nlr = [0.1, 0.01]\nloss = [\"mse\", \"huber\"]\n"))
	o := gputrain("sweep", "s.toml").want(t, 0)
	if !strings.Contains(o.errors, "warning: trials differ in loss, so their validation losses do not mean the same") || !strings.Contains(o.out, "choice: loss ") {
		t.Errorf("stderr %q, stdout\n%s", o.errors, o.out)
	}
	writeFile(t, "s.toml", head+sweepText("[vary]\nlr = [0.1, 0.01]\n[search]\nby = \"validation_accuracy\"\n"))
	if o := gputrain("sweep", "s.toml", "--out", "by").want(t, exitFailure); !strings.Contains(o.errors, "no trial has a validation_accuracy: choose another figure") {
		t.Errorf("stderr %q", o.errors)
	}
}

func TestParallelCoordinates(t *testing.T) {
	trials := []*trialResult{}
	for i := range 20 {
		trials = append(trials, &trialResult{number: i, pastRun: &pastRun{settings: settings{LR: math10(i), Hidden: i}}})
	}
	for _, c := range []struct {
		v    variable
		want string
	}{
		{variable{key: "lr", limits: &limits{min: 1e-4, max: 0.1, log: true}}, "0.0001@0.00 0.001@0.33 0.01@0.67 0.1@1.00"},
		{variable{key: "hidden", limits: &limits{min: 16, max: 256, log: true, whole: true}}, "20@0.08 50@0.41 100@0.66 200@0.91"},
		{variable{key: "hidden", limits: &limits{min: 100, max: 102, log: true, whole: true}}, "100@0.00 102@1.00"},
		{variable{key: "hidden", limits: &limits{min: 0, max: 10}}, "0@0.00 5@0.50 10@1.00"},
		{variable{key: "model", values: []any{"a"}}, "@0.50"},
	} {
		var labels []string
		for _, tick := range c.v.axis(trials).labels {
			labels = append(labels, fmt.Sprintf("%s@%.2f", tick.Label, tick.Value))
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%s: got the labels %s, want %s", c.v.key, got, c.want)
		}
	}
	axis := (&variable{key: "hidden", values: []any{1}}).axis(trials)
	if !slices.IsSorted(axis.places) || axis.places[19] != 1 || len(axis.labels) != 20 {
		t.Errorf("the values of a list stand at %v", axis.places)
	}
}

func math10(i int) float64 { return 1e-4 * float64(i+1) }
