package main

import (
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jedib0t/go-pretty/v6/text"
)

// fakeRun makes a run whose validation loss after each epoch is given, and whose
// accuracy is 1 less that.
func fakeRun(t *testing.T, dir runDir, change func(*settings), losses ...float64) {
	t.Helper()
	var s settings
	if err := kong.ApplyDefaults(&s, kong.Vars{"device": "cpu"}); err != nil {
		t.Fatal(err)
	}
	change(&s)
	if err := os.MkdirAll(string(dir), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := dir.writeConfig(&s, nil); err != nil {
		t.Fatal(err)
	}
	rows := strings.Join(metricsColumns, ",") + "\n"
	for i, loss := range losses {
		rows += fmt.Sprintf("%d,0.1,%g,%g,%g,,,,1\n", i+1, loss/2, loss, 1-loss)
	}
	writeFile(t, dir.file(metricsName), rows)
	// Those that are made first began first, whatever the clock can tell apart.
	began := time.Date(2026, 1, 2, 3, 4, 5+len(runsIn(t)), 0, time.Local)
	if err := os.Chtimes(dir.file(configName), began, began); err != nil {
		t.Fatal(err)
	}
}

func runsIn(t *testing.T) []string {
	paths, err := filepath.Glob("*/*/" + configName)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// fakeRuns makes a run of each state.
func fakeRuns(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	fakeRun(t, "runs/done", func(s *settings) { s.Hidden, s.Epochs = 128, 3 }, 0.5, 0.2, 0.3)
	writeFile(t, "runs/done/result.json", `{"format":1,"epochs":3,"test_accuracy":0.75,"test_loss":0.25,"correct":3,"count":4}`)
	fakeRun(t, "runs/stopped", func(s *settings) { s.LR = 0.5 }, 0.9, 0.8)
	writeFile(t, "runs/stopped/lock", "\x00of a dead process")
	fakeRun(t, "runs/diverged", func(s *settings) { s.LR, s.Model = 1e30, "mlp" })
	if err := runDir("runs/diverged").writeDivergence(1, fmt.Errorf("the loss is NaN")); err != nil {
		t.Fatal(err)
	}
	fakeRun(t, "runs/running", func(s *settings) { s.Data = "csv:/secret/folder/iris.csv"; s.Target = columnNames{"5"} }, 0.7)
	lock, err := runDir("runs/running").lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.unlock)
	if err := os.MkdirAll("runs/no run", 0o777); err != nil {
		t.Fatal(err)
	}
}

// listedRuns returns the names of the runs that a command line lists, in their order.
func listedRuns(t *testing.T, args ...string) string {
	t.Helper()
	var names []string
	for line := range strings.Lines(gputrain(append([]string{"runs", "--json"}, args...)...).want(t, 0).out) {
		var object struct{ Run string }
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		names = append(names, filepath.Base(object.Run))
	}
	return strings.Join(names, " ")
}

func TestRunsAreListed(t *testing.T) {
	fakeRuns(t)
	o := gputrain("runs").want(t, 0)
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	var cells []string
	for _, line := range lines[2:] {
		cells = append(cells, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"1 runs/done finished 2026-01-02 03:04 digits lstm 128 3/3 0.2000 0.8000 0.2500 0.7500 0.02",
		"2 runs/stopped stopped 2026-01-02 03:04 digits lstm 64 2/30 0.8000 0.2000 0.5",
		"3 runs/diverged diverged 2026-01-02 03:04 digits mlp 64 0/30 1e+30",
		"4 runs/running running 2026-01-02 03:04 csv:iris.csv lstm 64 1/30 0.7000 0.3000 5 0.02",
	}
	if got := strings.ReplaceAll(strings.Join(cells, "\n"), `\`, "/"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if header := strings.Join(strings.Fields(lines[0]+" "+lines[1]), " "); header != "validation validation test test # run state began data network epochs loss accuracy loss accuracy target lr" {
		t.Errorf("header %q", header)
	}
	if strings.Contains(o.out+gputrain("runs", "--json").out, "secret") {
		t.Error("the list tells where the data are")
	}
	if runDir("runs/stopped").has(lockName) != true {
		t.Error("a listing removed a file")
	}
}

func TestRunsAreFoundAndSorted(t *testing.T) {
	fakeRuns(t)
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "done stopped diverged running"},
		{"--reverse", "running diverged stopped done"},
		{"latest", "running"},
		{"runs/done runs/done runs", "done stopped diverged running"},
		{"--sort validation_loss", "done running stopped diverged"},
		{"--sort validation_loss --reverse", "stopped running done diverged"},
		{"--sort lr", "done running stopped diverged"},
		{"--where hidden=128", "done"},
		{"--where hidden=128.0", "done"},
		{"--where lr>0.02", "stopped diverged"},
		{"--where lr>=0.02 --where lr<1", "done stopped running"},
		{"--where state!=finished --where model=lstm", "stopped running"},
		{"--where validation_loss<=0.7", "done running"},
		{"--where test_accuracy>0", "done"},
		{"--where data=digits", "done stopped diverged"},
		{"--where best_epoch=2", "done stopped"},
	} {
		if got := listedRuns(t, strings.Fields(c.args)...); got != c.want {
			t.Errorf("%s: got %q, want %q", c.args, got, c.want)
		}
	}
	for _, c := range []struct{ fragment, args string }{
		{`names the fact "hiden", which no run has; did you mean "hidden"?`, "--where hiden=3"},
		{`names the fact "weather", which no run has; there are `, "--sort weather"},
		{`--where is "hidden"; it must be a fact`, "--where hidden"},
		{`--where is "=3"; it must be a fact`, "--where =3"},
		{`--where is "hidden!3"; write != for other than`, "--where hidden!3"},
		{`--plot is "p.jpg"; it must end in .png`, "--plot p.jpg"},
	} {
		wantFailure(t, exitUsage, []string{c.fragment}, append([]string{"runs"}, strings.Fields(c.args)...)...)
	}
	wantFailure(t, exitFailure, []string{"none of 4 runs is so"}, "runs", "--where", "hidden=7")
	wantFailure(t, exitFailure, []string{"nowhere"}, "runs", "nowhere")
	writeFile(t, "picture.png", "mine")
	wantFailure(t, exitFailure, []string{"picture.png exists already"}, "runs", "--plot", "picture.png")
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"there is no run in runs; gputrain train makes one"}, "runs")
}

func TestARunThatCannotBeReadIsSaid(t *testing.T) {
	for name, content := range map[string]string{
		configName:   "lr = [",
		resultName:   "{",
		divergedName: "x",
		metricsName:  "train_loss\n1\n",
	} {
		fakeRuns(t)
		writeFile(t, filepath.Join("runs/stopped", name), content)
		o := gputrain("runs").want(t, 0)
		if want := "warning: left out: " + filepath.Join("runs/stopped", name); !strings.Contains(o.errors, want) || strings.Contains(o.out, "stopped") {
			t.Errorf("%s: stderr %q, want %q; stdout\n%s", name, o.errors, want, o.out)
		}
	}
	// Rows that are being written are not there yet.
	fakeRuns(t)
	path := filepath.Join("runs/stopped", metricsName)
	for _, row := range []string{"3,0.1,0.2", "3,\"", "\x00"} {
		before := readFile(t, path)
		writeFile(t, path, before+row)
		if o := gputrain("runs", "runs/stopped").want(t, 0); !strings.Contains(o.out, "2/30") {
			t.Errorf("with %q:\n%s", row, o.out)
		}
		writeFile(t, path, before)
	}
}

func TestListOfRunsFitsTheTerminal(t *testing.T) {
	fakeRuns(t)
	fakeRun(t, runDir("runs/"+strings.Repeat("long-", 20)), func(*settings) {}, 0.5)
	for _, width := range []int{80, 40} {
		terminal := &fakeTerminal{width: width}
		if code := run(t.Context(), []string{"runs"}, strings.NewReader(""), terminal, terminal); code != 0 {
			t.Fatal(terminal.String())
		}
		for line := range strings.Lines(terminal.String()) {
			if text.StringWidth(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("on %d columns: %q", width, line)
			}
		}
		if !strings.Contains(terminal.String(), "0.7500") {
			t.Errorf("on %d columns:\n%s", width, terminal)
		}
	}
}

func TestPlotOfRuns(t *testing.T) {
	fakeRuns(t)
	for n := range 12 {
		fakeRun(t, runDir(fmt.Sprint("runs/many", n)), func(*settings) {}, 1, 1/float64(n+2))
	}
	fakeRun(t, "regressions/one", func(*settings) {}, 1e-9, 1e9)
	path := filepath.Join("regressions/one", metricsName)
	writeFile(t, path, strings.ReplaceAll(readFile(t, path), "accuracy", "r2"))
	for i, args := range [][]string{{"runs"}, {"runs/done"}, {"regressions"}} {
		name := fmt.Sprint(i, ".png")
		gputrain(append([]string{"runs", "--plot", name}, args...)...).want(t, 0)
		if _, err := png.Decode(strings.NewReader(readFile(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantFailure(t, exitFailure, []string{"the runs have no validated epoch to draw"}, "runs", "runs/diverged", "--plot", "3.png")
}

func TestADivergenceIsNotedUntilTheRunGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "runs/run", "--optimizer", "sgd", "--lr", "1e15", "--clip", "0")...).want(t, exitFailure)
	if got := listedRuns(t, "--where", "state=diverged"); got != "run" {
		t.Errorf("the diverged runs are %q", got)
	}
	run, err := readRun("runs/run")
	if err != nil || !strings.Contains(run.diverged, "training diverged") {
		t.Errorf("%+v, error %v", run, err)
	}
	gputrain("train", "--resume", "runs/run", "--lr", "1e-6", "--clip", "1").want(t, 0)
	if got := listedRuns(t, "--where", "state=finished"); got != "run" || runDir("runs/run").has(divergedName) {
		t.Errorf("the finished runs are %q", got)
	}
}

// Trials stand in folders of sweeps, which may stand in others, but nobody wants a walk
// through all of a disk.
func TestRunsInFoldersOfFoldersAreFound(t *testing.T) {
	fakeRuns(t)
	fakeRun(t, "sweeps/rates/trial-0001", func(*settings) {}, 0.5)
	fakeRun(t, "a/b/c/run", func(*settings) {}, 0.5)
	fakeRun(t, "a/b/c/d/deep", func(*settings) {}, 0.5)
	fakeRun(t, "a/run/checkpoints/inner", func(*settings) {}, 0.5)
	fakeRun(t, "a/run", func(*settings) {}, 0.5)
	for names, want := range map[string]string{
		"":                          "done stopped diverged running trial-0001",
		"sweeps":                    "trial-0001",
		"sweeps/rates":              "trial-0001",
		"a":                         "run run",
		"a/b":                       "run deep",
		"sweeps sweeps/rates runs":  "trial-0001 done stopped diverged running",
		"a/run":                     "run",
		"a/b/c/d":                   "deep",
		"sweeps/rates/trial-0001 a": "trial-0001 run run",
	} {
		if got := listedRuns(t, append([]string{"--sort", "state"}, strings.Fields(names)...)...); !sameWords(got, want) {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
}

func sameWords(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}
