package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gputrain/model"
)

// interval is what may pass between two checkpoints: a time, or a number of steps
// or epochs. Two of the three are 0.
type interval struct {
	time          time.Duration
	steps, epochs int
}

// parseInterval reads "10m", "1000steps" or "2epochs". Its error continues a
// sentence that begins with the name of the setting.
func parseInterval(text string) (interval, error) {
	var every interval
	var err error
	if digits, ok := strings.CutSuffix(text, "steps"); ok {
		every.steps, err = strconv.Atoi(digits)
	} else if digits, ok := strings.CutSuffix(text, "epochs"); ok {
		every.epochs, err = strconv.Atoi(digits)
	} else {
		every.time, err = time.ParseDuration(text)
	}
	if err != nil || every.time < 0 || every.steps < 0 || every.epochs < 0 || every == (interval{}) {
		return interval{}, fmt.Errorf("is %q; it must be a time such as 10m or 90s, or a number of steps or epochs such as 1000steps or 2epochs", text)
	}
	return every, nil
}

// checkpointer writes the checkpoints of a run in the background. It keeps the
// newest ones.
type checkpointer struct {
	dir     runDir
	every   interval
	keep    int
	saved   time.Time     // when the last one was taken
	step    int           // after which it was taken
	epoch   int           // as many were done then
	writes  time.Duration // that the last one took to write
	best    int           // the epoch whose parameters best.safetensors holds, from 1; 0: none
	writing chan written  // of the checkpoint that is being written; nil if none is
}

// written is the outcome of writing a checkpoint.
type written struct {
	err  error
	took time.Duration
}

// due reports whether a checkpoint should be taken after this many steps and
// epochs. The first step of a process is: if nothing can be written, that is known
// at once.
func (c *checkpointer) due(step, epochs int) bool {
	switch {
	case c.saved.IsZero():
		return true
	case c.every.steps > 0:
		return step-c.step >= c.every.steps
	case c.every.epochs > 0:
		return epochs-c.epoch >= c.every.epochs
	case c.writing != nil && len(c.writing) == 0:
		return false // a slow disk must not stop the training after every step
	}
	// Until it is written, the one before is what a killed process leaves.
	return time.Since(c.saved)+c.writes >= c.every.time
}

// took notes that the run was saved after this many steps and epochs.
func (c *checkpointer) took(step, epochs int) {
	c.saved, c.step, c.epoch = time.Now(), step, epochs
}

// start begins to write the files of the checkpoint that was taken last, after it
// has made the metrics up to there safe. best is nil if best.safetensors is up to
// date. The one before must be finished: see wait.
func (c *checkpointer) start(syncMetrics func() error, checkpoint, best *model.File) {
	step := c.step
	c.writing = make(chan written, 1)
	go func() {
		began := time.Now()
		err := syncMetrics()
		if err == nil {
			err = checkpoint.Write(c.dir.checkpointFile(step))
		}
		if err == nil && best != nil {
			err = best.Write(c.dir.file(bestName))
		}
		if err == nil {
			err = c.prune(step)
		}
		c.writing <- written{err, time.Since(began)}
	}()
}

// prune removes all checkpoints but the newest, up to the one after step. Later ones
// are not from this process.
func (c *checkpointer) prune(step int) error {
	steps, err := c.dir.checkpoints()
	if err != nil {
		return err
	}
	steps = slices.DeleteFunc(steps, func(s int) bool { return s > step })
	for _, old := range steps[min(c.keep, len(steps)):] {
		err = errors.Join(err, os.Remove(c.dir.checkpointFile(old)))
	}
	return err
}

// wait returns the error of the checkpoint that was being written, when it is
// finished.
func (c *checkpointer) wait() error {
	if c.writing == nil {
		return nil
	}
	w := <-c.writing
	c.writing, c.writes = nil, w.took
	return w.err
}

// failed is wait for a checkpoint that may not be finished yet, which is no error.
func (c *checkpointer) failed() error {
	if len(c.writing) == 0 {
		return nil
	}
	return c.wait()
}
