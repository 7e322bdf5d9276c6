//go:build unix

package main

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"gputrain/collective"
	"gputrain/train"
)

// The same number of ranks gives the same model, stopped and resumed too; another one almost.
func TestRanksOfOneProcess(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--epochs", "4", "--out", "one")...).want(t, 0)
	o := gputrain(quick("--epochs", "4", "--ranks", "3", "--out", "three")...).want(t, 0)
	if !strings.Contains(o.errors, " % in sums") || strings.Count(o.out, "test accuracy") != 1 {
		t.Errorf("stdout %q, stderr %q", o.out, o.errors)
	}
	for i, row := range metricsOf(t, "three") {
		if row[len(row)-2] == "0" {
			t.Errorf("epoch %d: no time in sums: %q", i+1, row)
		}
	}
	gputrain(quick("--epochs", "4", "--ranks", "3", "--out", "stopped", "--stop-after", "2")...).want(t, 0)
	gputrain("train", "--quiet", "--resume", "stopped").want(t, 0)
	wantSameRun(t, "stopped", "three")
	gputrain(quick("--epochs", "4", "--out", "grown", "--stop-after", "2")...).want(t, 0)
	o = gputrain("train", "--resume", "grown", "--ranks", "2").want(t, 0)
	if want := "resumed in epoch 3 with ranks 2 (before 0)"; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q, want %q", o.errors, want)
	}
	want := modelOf(t, "one")
	for _, run := range []string{"three", "grown"} {
		for name, values := range modelOf(t, run) {
			for i, got := range values {
				if math.Abs(float64(got-want[name][i])) > 1e-4 {
					t.Fatalf("%s: element %d of %s is %v, want %v", run, i, name, got, want[name][i])
				}
			}
		}
	}
}

// modelOf returns the parameters of a run.
func modelOf(t *testing.T, run string) map[string][]float32 {
	t.Helper()
	_, file, err := readModel(run)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for name, array := range file.Tensors {
		values[name] = array.Data
	}
	return values
}

// The states of the streams are spread over the ranks, and all in a checkpoint.
func TestRanksOfATextGoOn(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text", strings.Repeat("the quick brown fox jumps over the lazy dog. ", 60))
	args := []string{"train", "--data", "text:text", "--hidden", "4", "--epochs", "3", "--steps", "10", "--batch", "5", "--ranks", "2", "--quiet", "--checkpoint-every", "3steps"}
	gputrain(append(args, "--out", "whole")...).want(t, 0)
	gputrain(append(args, "--out", "stopped", "--stop-after", "1")...).want(t, 0)
	gputrain("train", "--quiet", "--resume", "stopped").want(t, 0)
	if readFile(t, newestCheckpoint(t, "stopped")) != readFile(t, newestCheckpoint(t, "whole")) || readFile(t, "stopped/model.safetensors") != readFile(t, "whole/model.safetensors") {
		t.Error("the run that was stopped ends with another checkpoint or model")
	}
}

func TestRanksThatMakeNoSense(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--ranks is -1; it must be 1 to 4096, or 0 for one", quick("--ranks", "-1")},
		{"--reduce is \"tree\"", quick("--reduce", "tree")},
		{"--stall is 0s; it must be more than 0", quick("--stall", "0s")},
		{"--dry-run measures one rank; gputrain explain --ranks N", quick("--ranks", "2", "--dry-run")},
		{"for several GPUs start a process for each, as mpirun -n 2 gputrain train --device cuda does", quick("--ranks", "2", "--device", "cuda")},
		{"gputrain lr-find works on one rank: take --ranks 1", []string{"lr-find", "--ranks", "2"}},
		{"gputrain profile works on one rank: take --ranks 1", []string{"profile", "--ranks", "2"}},
		{"--bandwidth is 0; it must be more than 0", []string{"explain", "--ranks", "2", "--bandwidth", "0"}},
	} {
		wantFailure(t, exitUsage, []string{c.want}, c.args...)
	}
	// A run of one rank is in the way of all.
	gputrain(quick("--out", "run")...).want(t, 0)
	wantFailure(t, exitFailure, []string{"run holds a run already"}, quick("--ranks", "3", "--out", "run")...)
	wantFailure(t, exitFailure, []string{"no-such-file"}, "train", "--ranks", "3", "--data", "csv:no-such-file", "--target", "y")
	if _, err := os.Stat("runs"); err == nil {
		t.Error("a training that failed has made a folder")
	}
}

// What a launcher says is enough to refuse it, without one.
func TestALauncherWithoutMPIIsRefusedOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("OMPI_COMM_WORLD_SIZE", "3")
	defer func(d time.Duration) { rank0First = d }(rank0First)
	rank0First = 50 * time.Millisecond
	for rank, prefix := range []string{"gputrain: Open MPI's mpirun", "gputrain: rank 1: Open MPI's mpirun", "gputrain: rank 2: Open MPI's mpirun"} {
		t.Setenv("OMPI_COMM_WORLD_RANK", string(rune('0'+rank)))
		t.Setenv("GPUTRAIN_MPI", "no-such-library") // where this build has MPI
		began := time.Now()
		o := gputrain(quick()...).want(t, exitUsage)
		if want := prefix + " has started 3 ranks, but they cannot train together: "; !strings.HasPrefix(o.errors, want) || strings.Count(o.errors, "\n") > 1 {
			t.Errorf("rank %d: stderr %q, want %q", rank, o.errors, want)
		}
		if waited := time.Since(began) >= rank0First; !waited && rank > 0 {
			t.Errorf("rank %d does not wait for the end of rank 0", rank)
		}
	}
	t.Setenv("OMPI_COMM_WORLD_RANK", "0")
	if o := gputrain(quick("--ranks", "2")...).want(t, exitUsage); !strings.Contains(o.errors, "--ranks is 2, but Open MPI's mpirun has started 3") {
		t.Errorf("stderr %q", o.errors)
	}
}

// One rank's error ends all, and is the one that is said. A bug does too, as a panic.
func TestTheErrorOfARankEndsAll(t *testing.T) {
	failed, c := errors.New("disk full"), &trainCommand{}
	waiting := func(g collective.Group) error { return g.Broadcast(nil) }
	for _, of := range []struct {
		want  string
		train func(rank int, g collective.Group) error
	}{
		{"", func(int, collective.Group) error { return nil }},
		{"rank 2: disk full", func(rank int, g collective.Group) error {
			if rank == 2 {
				return failed
			}
			return waiting(g)
		}},
		{"disk full", func(rank int, g collective.Group) error {
			if rank == 0 {
				return failed
			}
			return waiting(g)
		}},
		{"rank 1: disk full", func(rank int, g collective.Group) error {
			if rank == 0 {
				return together(g, nil)
			}
			return together(g, failed)
		}},
		{train.ErrDiverged.Error(), func(int, collective.Group) error { return train.ErrDiverged }},
	} {
		err := c.onRanks(console{}, collective.Local(3), func(_ *trainCommand, _ console, g collective.Group) error { return of.train(g.Rank(), g) })
		if err == nil && of.want != "" || err != nil && err.Error() != of.want {
			t.Errorf("error %v, want %q", err, of.want)
		}
	}
	defer func() {
		if p := recover(); p != "a bug" {
			t.Errorf("panic %v, want that of the rank", p)
		}
	}()
	c.onRanks(console{}, collective.Local(3), func(_ *trainCommand, _ console, g collective.Group) error {
		if g.Rank() == 1 {
			panic("a bug")
		}
		return waiting(g)
	})
}

// A rank that hangs ends all in the time of --stall.
func TestARankThatHangsEndsAll(t *testing.T) {
	c, release := &trainCommand{}, make(chan struct{})
	groups := collective.Local(2)
	for i, g := range groups {
		groups[i] = collective.Watched(g, 20*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	context.AfterFunc(ctx, func() { close(release) })
	err := c.onRanks(console{}, groups, func(_ *trainCommand, _ console, g collective.Group) error {
		if g.Rank() == 1 {
			<-release // hangs
			return nil
		}
		defer cancel() // the test has seen enough
		return g.Broadcast(nil)
	})
	if err == nil || !strings.Contains(err.Error(), "rank 0: it has waited 20ms for the others") {
		t.Errorf("error %v", err)
	}
}

// The prediction is that of its formula.
func TestScaling(t *testing.T) {
	s := &scaling{ranks: 8, batch: 64, divided: 8e-3, whole: 1e-3, bytes: 4e6, latency: 1e-4, bandwidth: 1e9}
	if got, want := s.step(4), 2e-3+1e-3+1e-4+2*0.75*4e-3; math.Abs(got-want) > 1e-12 {
		t.Errorf("a step of 4 ranks takes %v, want %v", got, want)
	}
	if s.sum(1) != 0 || math.Abs(s.step(1)-9e-3) > 1e-12 {
		t.Errorf("one rank: sum %v, step %v", s.sum(1), s.step(1))
	}
	if n := s.bend(); n < 2 || s.step(1)/float64(n)/s.step(n) >= 0.5 || s.step(1)/float64(n-1)/s.step(n-1) < 0.5 {
		t.Errorf("it bends at %d", n)
	}
	s.bandwidth, s.latency, s.whole = math.Inf(1), 0, 0
	if s.bend() != 0 {
		t.Error("what costs nothing bends")
	}
	t.Chdir(t.TempDir())
	o := gputrain("explain", "--ranks", "4", "--batch", "32", "--step-time", "8ms", "--bandwidth", "1", "--latency", "1ms").want(t, 0)
	for _, want := range []string{"8 samples", "ranks that share a step (estimate, not a measurement)", "It bends at ", "A sum takes 1ms and 2·(N−1)/N of the bytes at 1 GB/s"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("explain says\n%s, want %q", o.out, want)
		}
	}
}
