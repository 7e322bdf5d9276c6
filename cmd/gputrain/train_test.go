package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTrainWritesARun(t *testing.T) {
	t.Chdir(t.TempDir())
	drawFinely(t)
	o := gputrain(quick("--out", "run")...).want(t, 0)

	if !regexp.MustCompile(`^test accuracy 0\.\d{4} \(\d+/359\)$`).MatchString(o.lastLine()) {
		t.Errorf("last line %q", o.lastLine())
	}
	for _, want := range []string{"device cpu", "epoch   1/2", "epoch   2/2", "loss", "accuracy", "samples/s", "left"} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	var names []string
	for path := range files(t) {
		if path != "." && path != "run" {
			names = append(names, filepath.ToSlash(path))
		}
	}
	slices.Sort(names)
	if want := []string{"run/about.json", "run/best.safetensors", "run/checkpoints", "run/checkpoints/step-0000000001.safetensors",
		"run/checkpoints/step-0000000040.safetensors", "run/config.toml", "run/confusion.png", "run/curves.png", "run/metrics.csv", "run/model.safetensors", "run/result.json"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	rows, err := csv.NewReader(strings.NewReader(readFile(t, "run/metrics.csv"))).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][0] != "epoch" || rows[2][0] != "2" {
		t.Errorf("metrics %q, error %v; want a header and 2 epochs", rows, err)
	}
	for _, name := range []string{"run/curves.png", "run/confusion.png"} {
		if _, err := png.Decode(strings.NewReader(readFile(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	// What the file says is enough to get the same figure again.
	if e := gputrain("eval", "--model", "run").want(t, 0); e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}
}

func TestSettingsDecideTheModelByteForByte(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "a", "--seed", "3", "--optimizer", "rmsprop", "--momentum", "0.5", "--schedule", "step")...).want(t, 0)
	gputrain("train", "--config", "a/config.toml", "--out", "b").want(t, 0)
	gputrain("train", "--config", "a/config.toml", "--out", "c", "--seed", "4").want(t, 0)
	a, b, c := readFile(t, "a/model.safetensors"), readFile(t, "b/model.safetensors"), readFile(t, "c/model.safetensors")
	if a != b {
		t.Error("the same settings gave another model")
	}
	if a == c {
		t.Error("another seed, which wins over the file, gave the same model")
	}
}

func TestModels(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	for model, optimizer := range map[string]string{"lstm": "adam", "gru": "sgd", "rnn": "adamw", "mlp": "rmsprop"} {
		args := quick("--quiet", "--model", model, "--layers", "2", "--optimizer", optimizer, "--schedule", "constant", "--epochs", "1", "--out", model)
		o := gputrain(args...).want(t, 0)
		if o.errors != "" || strings.Count(o.out, "\n") != 1 {
			t.Errorf("%s: stdout %q, stderr %q; want one line in all", model, o.out, o.errors)
		}
		if e := gputrain("eval", "--model", model).want(t, 0); e.lastLine() != o.lastLine() {
			t.Errorf("%s: eval ends with %q, train with %q", model, e.lastLine(), o.lastLine())
		}
	}
}

func TestJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		flags, events []string
	}{
		{[]string{"--json"}, []string{"epoch", "epoch", "result"}},
		{[]string{"--json", "--quiet"}, []string{"result"}},
	} {
		var events []string
		var last map[string]any
		for line := range strings.Lines(gputrain(quick(c.flags...)...).want(t, 0).out) {
			last = nil
			if err := json.Unmarshal([]byte(line), &last); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			events = append(events, last["event"].(string))
		}
		if !slices.Equal(events, c.events) {
			t.Errorf("%q: events %q, want %q", c.flags, events, c.events)
		}
		if last["count"] != 359. || last["run"] == "" || last["test_accuracy"] != last["correct"].(float64)/359 {
			t.Errorf("%q: result %v", c.flags, last)
		}
	}
}

func TestRunsWithoutOutGetDirectoriesOfTheirOwn(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	for range 2 {
		gputrain(quick("--epochs", "1", "--model", "mlp")...).want(t, 0)
	}
	runs, err := filepath.Glob("runs/*-mlp-digits*")
	if err != nil || len(runs) != 2 {
		t.Errorf("runs %q, error %v; want 2", runs, err)
	}
}

func TestOutThatHoldsARunIsKept(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run")...).want(t, 0)
	wantFailure(t, exitFailure, []string{"run holds a run already", "--out"}, quick("--out", "run")...)
	wantFailure(t, exitFailure, []string{"finished"}, "train", "--resume", "run")
}

// TestInterruptAndResume interrupts a process of its own somewhere after its second
// epoch. What the process prints of all epochs does not fit in the pipe, so that it cannot
// end before this test has read of that one.
func TestInterruptAndResume(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no way to send Ctrl-C to a process")
	}
	t.Chdir(t.TempDir())
	const epochs = 500
	args := quick("--hidden", "4", "--epochs", fmt.Sprint(epochs), "--patience", fmt.Sprint(epochs))
	gputrain(append(args, "--out", "whole")...).want(t, 0)

	command := exec.Command(os.Args[0], append(args, "--out", "run", "--json")...)
	command.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain")
	var said bytes.Buffer
	command.Stderr = &said
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), `{"event":"epoch","epoch":2,`) {
			if err := command.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	command.Wait()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	if code := command.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit code %d, want 130; last line on stderr: %s", code, last)
	}
	if want := "gputrain train --resume run"; !strings.HasSuffix(last, want) {
		t.Errorf("last line on stderr %q, want it to end with %q", last, want)
	}
	gputrain("eval", "--model", "run").want(t, 0)
	gputrain("eval", "--model", newestCheckpoint(t, "run")).want(t, 0)
	wantFailure(t, exitFailure, []string{"run holds a run already"}, append(args, "--out", "run")...)

	gputrain("train", "--resume", "run").want(t, 0)
	if readFile(t, "run/model.safetensors") != readFile(t, "whole/model.safetensors") {
		t.Error("the resumed run ended with another model than the one that was not interrupted")
	}
	if readFile(t, "run/config.toml") != readFile(t, "whole/config.toml") {
		t.Error("the resumed run has another config.toml than the one that was not interrupted")
	}
	if rows := strings.Count(readFile(t, "run/metrics.csv"), "\n"); rows != 1+epochs {
		t.Errorf("metrics have %d rows, want a header and %d epochs", rows, epochs)
	}
}

func TestEarlyStopping(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain(quick("--epochs", "50", "--patience", "1", "--lr", "1", "--schedule", "constant", "--out", "run")...).want(t, 0)
	if !strings.Contains(o.errors, "stopped after epoch") {
		t.Errorf("stderr %q does not say that training stopped early", o.errors)
	}
	if rows := strings.Count(readFile(t, "run/metrics.csv"), "\n"); rows > 50 {
		t.Errorf("metrics have %d rows, want fewer than 51", rows)
	}
	if e := gputrain("eval", "--model", "run").want(t, 0); e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q: not the same parameters", e.lastLine(), o.lastLine())
	}
}

func TestDivergenceIsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain(quick("--lr", "1e38", "--clip", "0", "--optimizer", "sgd", "--warmup", "0", "--out", "run")...).want(t, exitFailure)
	if !strings.Contains(o.errors, "diverged") || !strings.Contains(o.errors, "lower the learning rate") {
		t.Errorf("stderr %q", o.errors)
	}
}

// newestCheckpoint returns the path of a run's newest checkpoint.
func newestCheckpoint(t *testing.T, dir runDir) string {
	t.Helper()
	steps, err := dir.checkpoints()
	if err != nil || len(steps) == 0 {
		t.Fatalf("%s has the checkpoints %v, error %v", dir, steps, err)
	}
	return dir.checkpointFile(steps[0])
}
