package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"gputrain/internal/memorylimit"
)

// A trial is trained by a process of its own, so that its memory, a signal, or a bug
// ends nothing else. The process stops, saved, when its stdin ends: when this process
// closes it, or dies. It writes nothing meanwhile, which a pipe without a reader would
// punish.

// jobShare is what a trial may have of the machine.
type jobShare struct {
	cores  int
	memory int64 // in bytes
}

// shareOf divides what there is among so many jobs.
func shareOf(jobs int) jobShare {
	left, _ := memorylimit.Left()
	return jobShare{max(1, runtime.GOMAXPROCS(0)/jobs), left / int64(jobs)}
}

// trainProcess runs a command line of gputrain until it ends, or, if ctx does, until it
// has saved. Tests run it in their own process.
var trainProcess = func(ctx context.Context, args []string, s jobShare, stderr io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, executable, args...)
	command.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", s.cores), fmt.Sprint("GOMEMLIMIT=", s.memory))
	command.Stderr = stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	command.Cancel = stdin.Close
	return endOf(command.Run())
}

// endOf returns how a process ended: with a *stoppedError if a signal asked it to stop.
func endOf(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	for _, s := range stopSignals() {
		stopped := &stoppedError{s.(syscall.Signal)}
		status, ok := exit.Sys().(syscall.WaitStatus)
		if exit.ExitCode() == stopped.exitCode() || ok && status.Signaled() && status.Signal() == stopped.signal {
			return stopped
		}
	}
	return err
}

// train trains a trial up to so many epochs, unless it has come so far. It returns a
// *stoppedError if it has been stopped, and the reason if it failed.
func (s *sweep) train(ctx context.Context, i, epochs int) (trained bool, err error) {
	dir := s.dir.trial(i)
	if err := waitUntilFree(ctx, dir); err != nil {
		return false, err
	}
	run, err := readRun(dir)
	if err != nil {
		return false, err
	}
	if run.result != nil || run.diverged != "" || run.epochs >= epochs && epochs < run.settings.Epochs {
		return false, nil
	}
	args := []string{"train", "--quiet", "--stop-at-eof", "--resume", string(dir)}
	checkpoints, err := dir.checkpoints()
	if err != nil {
		return false, err
	}
	if len(checkpoints) == 0 {
		args = []string{"train", "--quiet", "--stop-at-eof", "--config", dir.file(configName), "--out", string(dir)}
	}
	if epochs < run.settings.Epochs {
		args = append(args, "--stop-after", fmt.Sprint(epochs))
	}
	var stderr bytes.Buffer
	err = trainProcess(ctx, args, s.share, &stderr)
	var stopped *stoppedError
	if err == nil || errors.As(err, &stopped) {
		return true, err
	}
	for line := range strings.Lines(stderr.String()) {
		if reason, ok := strings.CutPrefix(line, "gputrain: "); ok {
			return true, errors.New(strings.TrimSpace(reason))
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	return true, fmt.Errorf("its process ended with %w, saying %q", err, first)
}

// waitUntilFree waits for a process of a sweep before, which was killed, to save and let
// go of the trial. It is not worth waiting for any other.
func waitUntilFree(ctx context.Context, dir runDir) error {
	const patience = 10 * time.Second
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
		if used, err := dir.inUse(); err != nil || !used {
			return err
		}
	}
	return nil
}

// trainAll trains trials up to so many epochs, several at a time. It ends early if ctx
// does, or if a trial is stopped: then it stops the others, and returns why. A trial that
// fails ends nothing.
func (s *sweep) trainAll(ctx context.Context, trials []int, epochs func(trial int) int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(s.jobs, len(trials)) {
		workers.Go(func() {
			for i := range next {
				trained, err := s.train(ctx, i, epochs(i))
				var stopped *stoppedError
				if errors.As(err, &stopped) {
					stop(err)
				}
				if ctx.Err() == nil && (trained || err != nil) {
					s.ended(i, err)
				}
			}
		})
	}
	for _, i := range trials {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
