//go:build unix

package main

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A trial in a process of its own, with one core of several, has the bytes of one
// without.
func TestTrialsInProcessesOfTheirOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("GPUTRAIN_TEST_MAIN", "gputrain") // is what the processes do
	writeFile(t, "s.toml", sweepText("[vary]\nlr = [0.1]\n"))
	drawFinely(t)
	gputrain("sweep", "s.toml", "--jobs", "1").want(t, 0)
	gputrain("train", "--quiet", "--config", "sweeps/s/trial-0001/config.toml", "--out", "run").want(t, 0)
	wantTrial(t, "sweeps/s/trial-0001", "run")
}

// However a sweep ends, its trials end too, saved, and the same command goes on.
func TestTrialsOutliveNoSweep(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "s.toml", "model = \"mlp\"\nhidden = 2\nepochs = 1000000\n[vary]\nlr = [0.1, 0.01]\n")
	trials := []runDir{sweepDir("sweeps/s").trial(0), sweepDir("sweeps/s").trial(1)}
	await := func(what string, ok func(runDir) bool) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if ok(trials[0]) && ok(trials[1]) {
				return
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("after a minute no %s", what)
			}
		}
	}
	used := func(d runDir) bool {
		used, err := d.inUse()
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	epochs := [2]int{}
	for life, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		command, stderr := start(t, 0, "sweep", "s.toml", "--jobs", "2")
		await("epoch", func(d runDir) bool {
			steps, _ := d.checkpoints()
			return used(d) && len(steps) > 0
		})
		// It stops its processes, or they see that it has gone.
		command.Process.Signal(signal)
		command.Wait()
		await("end of the trials", func(d runDir) bool { return !used(d) })
		if code := command.ProcessState.ExitCode(); signal == syscall.SIGINT && code != 130 {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		if said := strings.Contains(stderr.String(), "gputrain: interrupted with 0 of 2 trials done, the others saved; go on with: gputrain sweep s.toml --jobs 2\n"); said != (signal == syscall.SIGINT) {
			t.Errorf("after %v: %s", signal, stderr)
		}
		for i, d := range trials {
			// The model is what a process writes that was told to stop.
			if !d.has(modelName) || d.has(resultName) {
				t.Errorf("life %d: trial %d was not saved", life, i+1)
			}
			run, err := readRun(d)
			if err != nil {
				t.Fatal(err)
			}
			if run.epochs < epochs[i] {
				t.Errorf("life %d: trial %d has begun again: %d epochs after %d", life, i+1, run.epochs, epochs[i])
			}
			epochs[i] = run.epochs
		}
	}
}

// A process that dies is a failure of its trial; one that somebody stops is not.
func TestHowAProcessOfATrialEnds(t *testing.T) {
	for code, stopped := range map[string]bool{"exit 130": true, "exit 143": true, "kill -TERM $$": true, "kill -KILL $$": false, "exit 1": false, "exit 3": false} {
		err := endOf(exec.Command("sh", "-c", code).Run())
		var stop *stoppedError
		if errors.As(err, &stop) != stopped || err == nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}
