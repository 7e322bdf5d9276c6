package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// stoppedError says which signal ended a command.
type stoppedError struct{ signal syscall.Signal }

func (e *stoppedError) Error() string {
	switch e.signal {
	case syscall.SIGINT:
		return "interrupted"
	case syscall.SIGTERM:
		return "terminated"
	case syscall.SIGHUP:
		return "hung up"
	}
	return fmt.Sprintf("stopped by a signal (%v)", e.signal)
}

// exitCode is the one that shells give to a process that the signal killed.
func (e *stoppedError) exitCode() int { return 128 + int(e.signal) }

// endOnStop ends the process at the first signal that asks it to stop, until the
// function that it returns is called: for a time in which there is nothing to save. Go
// would ignore SIGUSR1.
func endOnStop(stderr io.Writer) (stop func()) {
	ctx, stop := notifyStop(context.Background())
	context.AfterFunc(ctx, func() {
		var stopped *stoppedError
		if errors.As(context.Cause(ctx), &stopped) {
			fmt.Fprintf(stderr, "gputrain: %v before training began\n", stopped)
			os.Exit(stopped.exitCode())
		}
	})
	return stop
}

// notifyStop returns a context that ends with the first signal that asks the
// process to stop. Its cause is then a *stoppedError. From then on SIGINT and
// SIGTERM end the process at once; the others stay without effect, because a
// terminal that closes may send several. stop gives all signals back.
func notifyStop(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	// What was ignored when the process began, as SIGHUP under nohup, stays so.
	asked := slices.DeleteFunc(stopSignals(), signal.Ignored)
	if len(asked) > 0 { // for Notify, none means all
		signal.Notify(signals, asked...)
	}
	go func() {
		select {
		case s := <-signals:
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			cancel(&stoppedError{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(context.Canceled)
	}
}
