package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// divergingRun trains on flowers.csv until it diverges after some epochs. It
// leaves the directory "run" with a checkpoint, and returns the outcome.
func divergingRun(t *testing.T) outcome {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	return gputrain("train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "8", "--batch", "8", "--epochs", "20",
		"--optimizer", "sgd", "--lr", "30", "--weight-decay", "1", "--clip", "0", "--schedule", "constant", "--checkpoint-every", "1epochs", "--out", "run").want(t, exitFailure)
}

func TestDivergedRunGoesOnWithASmallerRate(t *testing.T) {
	o := divergingRun(t)
	checkpoint := newestCheckpoint(t, "run")
	if want := "the last checkpoint is " + checkpoint + "; go on from there with: gputrain train --resume run --lr 3\n"; !strings.HasSuffix(o.errors, want) {
		t.Errorf("stderr %q does not end with %q", o.errors, want)
	}
	gputrain("eval", "--model", checkpoint, "--data", "csv:flowers.csv").want(t, 0)
	epochs := strings.Count(readFile(t, "run/metrics.csv"), "\n") // done, and the header

	o = gputrain("train", "--resume", "run", "--lr", "0.01", "--clip", "5", "--epochs", "9", "--patience", "8").want(t, 0)
	line := "resumed in epoch " + fmt.Sprint(epochs) + " with epochs 9 (before 20), lr 0.01 (before 30), clip 5 (before 0), patience 8 (before 0)\n"
	if !strings.Contains(o.errors, line) {
		t.Errorf("stderr %q has no %q", o.errors, line)
	}
	config := readFile(t, "run/config.toml")
	for _, want := range []string{"# " + line, "\nlr = 0.01\n", "\nepochs = 9\n", "\nweight-decay = 1.0\n"} {
		if !strings.Contains(config, want) {
			t.Errorf("config.toml has no %q:\n%s", want, config)
		}
	}
	rows := strings.Split(strings.TrimSpace(readFile(t, "run/metrics.csv")), "\n")
	if len(rows) != 10 || !strings.HasPrefix(rows[epochs-1], fmt.Sprint(epochs-1)+",30,") || !strings.HasPrefix(rows[epochs], fmt.Sprint(epochs)+",0.01,") {
		t.Errorf("metrics.csv, resumed in epoch %d:\n%s", epochs, strings.Join(rows, "\n"))
	}
}

func TestResumingTwiceKeepsBothNotes(t *testing.T) {
	divergingRun(t)
	gputrain("train", "--resume", "run", "--lr", "40").want(t, exitFailure)
	gputrain("train", "--resume", "run").want(t, exitFailure)
	gputrain("train", "--resume", "run", "--lr", "0.01", "--device", "cpu", "--quiet").want(t, 0)
	notes := comments(readFile(t, "run/config.toml"))
	for i := range notes {
		_, notes[i], _ = strings.Cut(notes[i], " with ")
	}
	if want := []string{"lr 40 (before 30)", "lr 0.01 (before 40), device cpu (before auto)"}; !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

func TestResumeNamesWhatMayNotChange(t *testing.T) {
	divergingRun(t)
	config, rows := readFile(t, "run/config.toml"), readFile(t, "flowers.csv")
	for _, c := range []struct {
		name     string
		file     string
		from, to string
		want     string
	}{
		{"size", "run/config.toml", "hidden = 8", "hidden = 9", "the run began with hidden 8, and cannot go on with 9"},
		{"kind", "run/config.toml", `model = "mlp"`, `model = "gru"`, "the run began with model mlp, and cannot go on with gru"},
		{"batch", "run/config.toml", "batch = 8", "batch = 9", "the run began with batch 8, and cannot go on with 9"},
		{"seed", "run/config.toml", "seed = 1", "seed = 2", "the run began with seed 1, and cannot go on with 2"},
		{"optimizer", "run/config.toml", "weight-decay = 1.0", "weight-decay = 2.0", "the run began with weight-decay 1, and cannot go on with 2"},
		{"math", "run/config.toml", `math = "float32"`, `math = "bf16x6"`, cmp.Or(missingMath("bf16x6"), "the run began with math float32, and cannot go on with bf16x6")},
		{"values of the data", "flowers.csv", "2.5,8,rose\n", "2.5,80,rose\n", "flowers.csv has changed since the run began: its features have another scaling"},
		{"classes of the data", "flowers.csv", "rose", "tulip", "flowers.csv has changed since the run began: it has other classes"},
		{"names of the data", "flowers.csv", "width", "depth", "flowers.csv has changed since the run began: it has other features"},
		{"columns of the data", "flowers.csv", "\n", ",1\n", "flowers.csv has changed since the run began: it has other features"},
	} {
		text := map[string]string{"run/config.toml": config, "flowers.csv": rows}[c.file]
		changed := strings.ReplaceAll(text, c.from, c.to)
		if changed == text {
			t.Fatalf("%s: %s has no %q", c.name, c.file, c.from)
		}
		writeFile(t, c.file, changed)
		wantFailure(t, exitFailure, []string{c.want}, "train", "--resume", "run", "--lr", "0.01")
		writeFile(t, c.file, text)
	}
}
