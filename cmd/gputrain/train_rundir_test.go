package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gputrain/train"
)

func TestIntervals(t *testing.T) {
	for text, want := range map[string]interval{
		"10m": {time: 10 * time.Minute}, "1h30m": {time: 90 * time.Minute}, "1000steps": {steps: 1000}, "2epochs": {epochs: 2},
	} {
		if got, err := parseInterval(text); err != nil || got != want {
			t.Errorf("%q is %+v, error %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "0m", "0steps", "-1epochs", "-5m", "steps", "1.5steps", "1000 steps", "99999999999999999999steps", "never"} {
		if got, err := parseInterval(text); err == nil {
			t.Errorf("%q is %+v, want an error", text, got)
		}
	}
}

func TestWhenACheckpointIsDue(t *testing.T) {
	for _, c := range []struct {
		every       string
		ago         time.Duration // since the last one, which took a second to write
		step, epoch int           // now; they were 10 and 1 then
		want        bool
	}{
		{"10m", 9 * time.Minute, 1e6, 1e3, false},
		{"10m", 10*time.Minute - time.Second, 11, 1, true}, // it is written when the ten minutes are over
		{"5steps", time.Hour, 14, 3, false},
		{"5steps", 0, 15, 1, true},
		{"2epochs", time.Hour, 1e6, 2, false},
		{"2epochs", 0, 11, 3, true},
	} {
		every, err := parseInterval(c.every)
		if err != nil {
			t.Fatal(err)
		}
		saver := checkpointer{every: every, saved: time.Now().Add(-c.ago), writes: time.Second, step: 10, epoch: 1}
		if got := saver.due(c.step, c.epoch); got != c.want {
			t.Errorf("every %s: due after %v, in step %d, with %d epochs: %v, want %v", c.every, c.ago, c.step, c.epoch, got, c.want)
		}
	}
}

// A checkpoint that takes longer than the interval must not leave one step to the
// training for each checkpoint.
func TestASlowDiskDoesNotStopTheTraining(t *testing.T) {
	c := checkpointer{every: interval{time: time.Second}, saved: time.Now().Add(-time.Minute), writing: make(chan written, 1)}
	if c.due(11, 1) {
		t.Error("due while the one before is being written")
	}
	c.writing <- written{took: time.Minute}
	if !c.due(12, 1) {
		t.Error("not due when the one before is written")
	}
}

// What somebody puts among the checkpoints must not push out those of the run.
func TestOnlyOldCheckpointsOfTheRunAreRemoved(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("run/checkpoints", 0o777); err != nil {
		t.Fatal(err)
	}
	strange := []string{"step-1.safetensors", "step-0000000099.safetensors", "step-0000000002.safetensors.damaged", "notes.txt"}
	ours := []string{"step-0000000002.safetensors", "step-0000000003.safetensors", "step-0000000005.safetensors"}
	for _, name := range slices.Concat(strange, ours) {
		writeFile(t, "run/checkpoints/"+name, "")
	}
	c := checkpointer{dir: "run", keep: 1}
	if err := c.prune(5); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir("run/checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	want := append(strange, ours[2])
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// A lock that somebody removes no longer keeps others out.
func TestALockThatIsGoneIsNoticed(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("run", 0o777); err != nil {
		t.Fatal(err)
	}
	first, err := runDir("run").lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.check(); err != nil {
		t.Error(err)
	}
	if err := os.Remove("run/lock"); err != nil {
		t.Skip(err) // Windows
	}
	if err := first.check(); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("error %v, want one that says that the lock is gone", err)
	}
	second, err := runDir("run").lock()
	if err != nil {
		t.Fatal(err)
	}
	if first.check() == nil {
		t.Error("the lock of another process is taken for its own")
	}
	first.unlock()
	if err := second.check(); err != nil {
		t.Errorf("the first process took the lock of the second with it: %v", err)
	}
	second.unlock()
	if runDir("run").has(lockName) {
		t.Error("the lock is still there")
	}
}

// What a process left that is no longer there is no obstacle.
func TestLockOfADeadProcessIsNoObstacle(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run", "--epochs", "1")...).want(t, 0)
	writeFile(t, "run/lock", "\x00{\"format\":1,\"process\":1,\"host\":\"elsewhere\"}\n")
	gputrain("train", "--resume", "run", "--epochs", "2", "--quiet").want(t, 0)
	if runDir("run").has(lockName) {
		t.Error("the lock of a run that has ended is still there")
	}
}

func TestARunThatIsInUseIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run", "--epochs", "1")...).want(t, 0)
	lock, err := runDir("run").lock()
	if err != nil {
		t.Fatal(err)
	}
	owner := fmt.Sprintf("run is in use by process %d on ", os.Getpid())
	wantFailure(t, exitFailure, []string{owner}, "train", "--resume", "run", "--epochs", "3")
	wantFailure(t, exitFailure, []string{owner}, quick("--out", "run")...)
	gputrain("eval", "--model", "run").want(t, 0) // which only reads
	lock.unlock()
	gputrain("train", "--resume", "run", "--epochs", "3", "--quiet").want(t, 0)
}

func TestARunKilledBeforeItsFirstCheckpoint(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "whole")...).want(t, 0)
	for name, again := range map[string][]string{
		"reused":  quick("--out", "run"),
		"resumed": {"train", "--resume", "run"},
	} {
		if err := os.Mkdir("run", 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, "run/config.toml", readFile(t, "whole/config.toml"))
		writeFile(t, "run/.config.toml.0123abcd.tmp", "for")
		writeFile(t, "run/notes.txt", "mine")
		gputrain(again...).want(t, 0)
		if readFile(t, "run/model.safetensors") != readFile(t, "whole/model.safetensors") {
			t.Errorf("%s: it ended with another model", name)
		}
		if runDir("run").has(".config.toml.0123abcd.tmp") || readFile(t, "run/notes.txt") != "mine" {
			t.Errorf("%s: the temporary file is there, or the user's own is not", name)
		}
		os.RemoveAll("run")
	}
	// A directory with a config.toml that no run wrote is somebody's.
	os.Mkdir("mine", 0o777)
	writeFile(t, "mine/config.toml", "hidden = 8 # tried 16\n")
	wantFailure(t, exitFailure, []string{"mine holds a run already (config.toml)"}, quick("--out", "mine")...)
}

// damage flips a bit in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	content := []byte(readFile(t, path))
	content[len(content)/2] ^= 4
	writeFile(t, path, string(content))
}

func TestADamagedCheckpointFallsBackToTheOneBefore(t *testing.T) {
	t.Chdir(t.TempDir())
	args := quick("--epochs", "4", "--schedule", "constant", "--checkpoint-every", "1epochs")
	gputrain(append(args, "--out", "whole")...).want(t, 0)
	gputrain(append(args, "--out", "run", "--epochs", "3")...).want(t, 0)
	newest := newestCheckpoint(t, "run")
	damage(t, newest)
	o := gputrain("train", "--resume", "run", "--epochs", "4").want(t, 0)
	for _, want := range []string{newest, filepath.Base(newest) + damagedSuffix, "resumed in epoch 3 with"} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	if readFile(t, "run/model.safetensors") != readFile(t, "whole/model.safetensors") {
		t.Error("it ended with another model than the run whose checkpoints are whole")
	}
	if _, err := os.Stat(newest + damagedSuffix); err != nil {
		t.Error(err)
	}

	steps, err := runDir("run").checkpoints()
	if err != nil || len(steps) != 2 {
		t.Fatalf("checkpoints %v, error %v; want 2", steps, err)
	}
	for _, step := range steps {
		damage(t, runDir("run").checkpointFile(step))
	}
	wantFailure(t, exitFailure, []string{"every checkpoint of run is damaged", "gputrain train --config " + filepath.Join("run", "config.toml")},
		"train", "--resume", "run", "--epochs", "5")
}

func TestAFinishedRunIsExtended(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	args := quick("--schedule", "constant", "--patience", "9")
	gputrain(append(args, "--out", "whole", "--epochs", "5")...).want(t, 0)
	gputrain(append(args, "--out", "run", "--epochs", "2")...).want(t, 0)
	wantFailure(t, exitFailure, []string{"run is finished: it has 2 epochs; extend it with --epochs above that"}, "train", "--resume", "run")
	wantFailure(t, exitFailure, []string{"run is finished"}, "train", "--resume", "run", "--epochs", "1")
	gputrain("train", "--resume", "run", "--epochs", "5").want(t, 0)
	for _, name := range []string{modelName, bestName, resultName} {
		if readFile(t, runDir("run").file(name)) != readFile(t, runDir("whole").file(name)) {
			t.Errorf("%s is not that of a run of 5 epochs from the start", name)
		}
	}
}

func TestARunThatStoppedEarlyIsExtended(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain(quick("--epochs", "50", "--patience", "1", "--lr", "1", "--schedule", "constant", "--out", "run")...).want(t, 0)
	wantFailure(t, exitFailure, []string{"as --patience 1 asks", "--patience"}, "train", "--resume", "run", "--epochs", "60")
	epochs := len(metricsOf(t, "run"))
	gputrain("train", "--resume", "run", "--epochs", fmt.Sprint(epochs+2), "--patience", "0").want(t, 0)
	if now := len(metricsOf(t, "run")); now != epochs+2 {
		t.Errorf("%d epochs, then %d, want 2 more", epochs, now)
	}
}

func TestDataThatMoved(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	args := []string{"train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "8", "--epochs", "2", "--schedule", "constant", "--out"}
	gputrain(append(args, "run")...).want(t, 0)
	if err := os.Mkdir("else where", 0o777); err != nil {
		t.Fatal(err)
	}
	// The run knows where its data are, wherever it is resumed from.
	t.Chdir("else where")
	gputrain("train", "--resume", "../run", "--epochs", "3").want(t, 0)
	if err := os.Rename("../flowers.csv", "plants.csv"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, exitFailure, []string{"flowers.csv: no such file"}, "train", "--resume", "../run", "--epochs", "4")
	gputrain("train", "--resume", "../run", "--epochs", "4", "--data", "csv:plants.csv").want(t, 0)
	gputrain("train", "--resume", "../run", "--epochs", "5").want(t, 0) // noted
	rows := readFile(t, "plants.csv")
	writeFile(t, "plants.csv", strings.Replace(rows, "2.5,8,rose\n", "2.5,8,lily\n", 1))
	wantFailure(t, exitFailure, []string{"plants.csv"}, "train", "--resume", "../run", "--epochs", "6")
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run", "--epochs", "1")...).want(t, 0)
	config := readFile(t, "run/config.toml")
	writeFile(t, "run/config.toml", strings.Replace(config, "format = 1", "format = 2", 1))
	wantFailure(t, exitUsage, []string{"config.toml:1: format is 2, this version of gputrain knows 1 only"}, "train", "--resume", "run", "--epochs", "2")
	wantFailure(t, exitUsage, []string{"format is 2"}, "train", "--config", "run/config.toml", "--out", "other")
}

func TestLatestIsTheRunThatBeganLast(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	wantFailure(t, exitFailure, []string{"there is no latest run"}, "eval", "--model", "latest")
	gputrain(quick("--out", "runs/z", "--hidden", "4")...).want(t, 0)
	gputrain(quick("--out", "runs/a")...).want(t, 0)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes("runs/z/config.toml", old, old); err != nil {
		t.Fatal(err)
	}
	if path, err := findRun(latestRun); err != nil || path != filepath.Join("runs", "a") {
		t.Errorf("the latest run is %s, error %v; want runs/a", path, err)
	}
	gputrain("eval", "--model", "latest").want(t, 0)
	gputrain("train", "--resume", "latest", "--epochs", "3", "--quiet").want(t, 0)
	if epochs := len(metricsOf(t, "runs/a")); epochs != 3 {
		t.Errorf("runs/a has %d epochs, want 3", epochs)
	}
}

// Rows whose wall time is known keep it; all others come from the checkpoint.
func TestMetricsGoOnFromACheckpoint(t *testing.T) {
	t.Chdir(t.TempDir())
	epoch := func(n int) train.Epoch {
		return train.Epoch{Epoch: n, LR: 0.1, TrainLoss: 1 / float64(n), ValidLoss: 2, ValidAccuracy: 0.5, Seconds: 3, SamplesPerSecond: 7}
	}
	log := func(history []train.Epoch, more ...train.Epoch) {
		t.Helper()
		m, err := openMetrics(metricsName, history)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range more {
			if err := m.append(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.close(); err != nil {
			t.Fatal(err)
		}
	}
	log(nil, epoch(1), epoch(2), epoch(3), epoch(4))
	text := readFile(t, metricsName)
	// The process died in the middle of the fourth row; the checkpoint has two
	// epochs, of which the second went another way.
	writeFile(t, metricsName, text[:len(text)-9])
	other := epoch(2)
	other.TrainLoss = 0.25
	log([]train.Epoch{epoch(1), other}, epoch(3))
	want := strings.Join([]string{
		strings.Join(metricsColumns, ","), "1,0.1,1,2,0.5,3,7,0,1", "2,0.1,0.25,2,0.5,3,7,0,1", "3,0.1,0.333333,2,0.5,3,7,0,1", "",
	}, "\n")
	if got := readFile(t, metricsName); got != want {
		t.Errorf("metrics.csv is\n%s, want\n%s", got, want)
	}
	for _, text := range []string{"", "\"", "epoch\n\"1\n", strings.Repeat("x,", 1000)} {
		writeFile(t, metricsName, text)
		log([]train.Epoch{epoch(1)})
		if rows := metricsOf(t, "."); len(rows) != 1 || strings.Join(rows[0], ",")+"\n" != string(appendRow(nil, epoch(1))) {
			t.Errorf("after %q the rows are %q", text, rows)
		}
	}
}

// metricsOf returns the rows of a run's metrics.csv.
func metricsOf(t *testing.T, dir runDir) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(readFile(t, dir.file(metricsName)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func TestARunBeginsWithTheParametersOfAnother(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	args := []string{"train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "8", "--epochs", "3", "--out"}
	first := gputrain(append(args, "first")...).want(t, 0)
	// With a rate of almost nothing it ends as it begins, whatever the seed, and
	// whatever the order of the columns.
	lines := strings.Split(strings.TrimSpace(readFile(t, "flowers.csv")), "\n")
	for i, line := range lines {
		fields := strings.Split(line, ",")
		slices.Reverse(fields)
		lines[i] = strings.Join(fields, ",")
	}
	writeFile(t, "turned.csv", strings.Join(lines, "\n"))
	second := gputrain("train", "--init-from", "first", "--data", "csv:turned.csv", "--target", "species", "--model", "mlp", "--hidden", "8",
		"--epochs", "1", "--lr", "1e-30", "--seed", "9", "--out", "second").want(t, 0)
	if first.lastLine() != second.lastLine() {
		t.Errorf("it ends with %q, the run it began from with %q", second.lastLine(), first.lastLine())
	}
	wantFailure(t, exitFailure, []string{"--init-from first: its network is mlp, 1 layer of 8 hidden units, but this run's is mlp, 1 layer of 9"},
		append(args, "third", "--init-from", "first", "--hidden", "9")...)
	writeFile(t, "other.csv", strings.ReplaceAll(flowers(60), "iris", "rose"))
	wantFailure(t, exitFailure, []string{"--init-from first: the classes of the data, ", ", are not those of the model, ", "the model alone has iris"},
		"train", "--init-from", "first", "--data", "csv:other.csv", "--target", "species", "--model", "mlp", "--hidden", "8")
	wantFailure(t, exitFailure, []string{"nowhere: there is no such run or model file"}, append(args, "third", "--init-from", "nowhere")...)
	wantFailure(t, exitUsage, []string{"leave out --init-from"}, "train", "--resume", "second", "--init-from", "first")
}
