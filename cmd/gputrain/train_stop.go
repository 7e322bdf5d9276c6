package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"gputrain/train"
)

// stopping are flags of train that end it early, saved.
type stopping struct {
	StopAfter int  `placeholder:"N" help:"Stop after epoch N, saved. --resume goes on as if the run had not stopped; its schedule is that of all --epochs."`
	StopAtEOF bool `name:"stop-at-eof" help:"Stop, saved, when stdin ends, as a pipe does when the process at its other end dies."`
}

// errStopAfter ends a training after the epoch of --stop-after.
var errStopAfter = errors.New("stopped by --stop-after")

// follow returns a context that ends when the flags ask for it, or with release.
// options are those of the training.
func (c *stopping) follow(parent context.Context, stdin io.Reader, options *train.Options) (ctx context.Context, release func()) {
	ctx, stop := context.WithCancelCause(parent)
	if c.StopAtEOF {
		go func() {
			io.Copy(io.Discard, stdin)
			stop(&stoppedError{syscall.SIGHUP})
		}()
	}
	if endEpoch := options.OnEpoch; c.StopAfter > 0 {
		options.OnEpoch = func(e train.Epoch) error {
			if e.Epoch >= c.StopAfter {
				stop(errStopAfter)
			}
			return endEpoch(e)
		}
	}
	return ctx, func() { stop(nil) }
}

// checkStop reports an epoch to stop after that is none of those to come.
func (c *stopping) checkStop(done int) error {
	switch {
	case c.StopAfter < 0:
		return outOfRange("stop-after", c.StopAfter, "1 or more, or 0 for never")
	case c.StopAfter > 0 && c.StopAfter <= done:
		return usagef("--stop-after is %d, but the run has %s already", c.StopAfter, plural(done, "epoch", "epochs"))
	}
	return nil
}

// end returns the error that ended a training, unless --stop-after did.
func (c *stopping) end(say func(...[]string), err error) error {
	var stopped *interruptedError
	if !errors.Is(err, errStopAfter) || !errors.As(err, &stopped) {
		return err
	}
	say([]string{fmt.Sprintf("stopped after epoch %d of %d, saved; go on with: %s", stopped.epoch-1, stopped.epochs, stopped.goOn())})
	return nil
}
