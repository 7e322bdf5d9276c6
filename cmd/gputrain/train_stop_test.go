//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"gputrain/train"
)

// A run that stops after some epochs, several times, ends in the bytes of one that never
// stopped: its schedule is not squeezed.
func TestARunThatStopsAfterAnEpochGoesOnAsIfItHadNot(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--epochs", "5", "--out", "whole")...).want(t, 0)
	o := gputrain(quick("--epochs", "5", "--out", "run", "--stop-after", "2")...).want(t, 0)
	if want := "stopped after epoch 2 of 5, saved; go on with: gputrain train --resume run\n"; !strings.HasSuffix(o.errors, want) || o.out != "" {
		t.Errorf("stdout %q, stderr %q; want the line %q", o.out, o.errors, want)
	}
	if rows := metricsOf(t, "run"); len(rows) != 2 || runDir("run").has(resultName) {
		t.Errorf("the metrics are %q", rows)
	}
	wantFailure(t, exitUsage, []string{"--stop-after is 2, but the run has 2 epochs already"}, "train", "--resume", "run", "--quiet", "--stop-after", "2")
	wantFailure(t, exitUsage, []string{"--stop-after is -1"}, quick("--stop-after", "-1")...)
	if o := gputrain("train", "--resume", "run", "--quiet", "--stop-after", "4").want(t, 0); o.out+o.errors != "" {
		t.Errorf("stdout %q, stderr %q; want nothing", o.out, o.errors)
	}
	gputrain("train", "--resume", "run", "--stop-after", "5").want(t, 0)
	wantSameRun(t, "run", "whole")
}

// The end of stdin stops a training as a signal does.
func TestTheEndOfStdinStopsARun(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "whole")...).want(t, 0)
	args := quick("--out", "run", "--epochs", "100000")
	o := gputrainWith(context.Background(), strings.NewReader("anything"), append(args, "--stop-at-eof")...).want(t, 129)
	if !strings.Contains(o.errors, "gputrain: hung up in epoch ") || !strings.Contains(o.errors, "go on with: gputrain train --resume run") {
		t.Errorf("stderr %q", o.errors)
	}
	open, _ := io.Pipe() // has no end
	gputrainWith(context.Background(), open, quick("--out", "open", "--stop-at-eof")...).want(t, 0)
	wantSameRun(t, "open", "whole")
}

// The signal may come to a rank just after the ranks have agreed to stop because of another's.
func TestStopCause(t *testing.T) {
	signal, other := &stoppedError{syscall.SIGUSR1}, &train.StoppedError{Rank: 3}
	goesOn := context.Background()
	stops, stop := context.WithCancelCause(goesOn)
	stop(signal)
	for _, test := range []struct {
		ctx       context.Context
		err, want error
	}{
		{stops, fmt.Errorf("train: %w", signal), signal},
		{goesOn, fmt.Errorf("train: %w", other), other},
		{stops, fmt.Errorf("train: %w", other), other},
		{goesOn, errors.New("the disk is full"), nil},
	} {
		if got := stopCause(test.ctx, test.err); got != test.want {
			t.Errorf("%v: got %v, want %v", test.err, got, test.want)
		}
	}
}
