package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type trainCommand struct {
	settings `embed:""`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	Out    string     `placeholder:"DIR" help:"Directory of the run; by default runs/<time>-<model>-<data>."`
	Resume resumeFlag `placeholder:"RUN" help:"Continue an interrupted run. It ends as if it had not been interrupted, unless you change epochs, lr, schedule, warmup, clip, patience or device."`
	Quiet  bool       `help:"Print the last line only."`
	JSON   bool       `name:"json" help:"Print JSON objects, one per line."`
}

// Help is what "gputrain train --help" says in more detail.
func (*trainCommand) Help() string {
	return `The data are split by class, always in the same way, into a training set (70 %), a validation set (10 %) and a test set (20 %). MNIST and its relatives have a test set of their own, the files called t10k or test; of several such data sets in a folder, idx:DIR/NAME takes the one whose files begin with NAME, such as emnist-letters. The test set is used once, for the last line:

    test accuracy 0.9xxx (correct/all)

The run's directory then holds model.safetensors, config.toml, metrics.csv, curves.png and confusion.png. The same settings give the same model, byte for byte.

What was understood of the data is said first, and what is doubtful about the classes: names that differ in case or spaces only, words for a missing value, classes that a part of the data lacks. Classes may be a quantity in truth if all are numbers, and more than 10 and not all whole, or more than 50 and not numbered from 0 or 1 on without a gap, or more than 50 and more than a fifth of the samples. gputrain train learns classes only.

Ctrl-C finishes the step, saves, and says how to go on; a second one ends at once. A run that diverged can go on from its last checkpoint with a smaller rate: --resume RUN --lr RATE. config.toml notes the settings that a resumed run changed. From the epoch reached, the schedule is that of the new settings.

With --json, each epoch is an object {"event":"epoch", "epoch", "epochs", "lr", "train_loss", "validation_loss", "validation_accuracy", "seconds", "samples_per_second"}, and the end is {"event":"result", "run", "test_accuracy", "test_loss", "correct", "count"}.`
}

// Run trains a network, from the beginning or from a checkpoint.
func (c *trainCommand) Run(ctx context.Context, con console) error {
	if err := c.check(); err != nil {
		return err
	}
	d, parts, err := c.load()
	if err != nil {
		return err
	}
	b, note, err := openDevice(c.Device)
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(c.Batch), model.Options{})
	if err != nil {
		return tooLarge(err)
	}
	s := &session{settings: &c.settings, description: d, net: net, reporter: c.reporter(con, parts.train.Len())}
	options := c.options(parts.train.Len())
	options.OnStep = func(p train.Progress) error { s.reporter.step(p); return nil }
	options.OnEpoch = s.endEpoch
	if s.trainer, err = train.New(net, options); err != nil {
		return tooLarge(err)
	}
	if err := s.initialize(parts); err != nil {
		return err
	}
	changed := ""
	if c.Resume == "" {
		err = s.begin(c.Out)
	} else {
		changed, err = s.resume(string(c.Resume))
	}
	if err != nil {
		return err
	}
	for _, line := range slices.Concat(parts.notes, understood(parts), []string{note, changed}) {
		if line != "" && !c.Quiet {
			fmt.Fprintln(con.err, line)
		}
	}
	if err := s.fit(ctx, parts); err != nil {
		return err
	}
	if done := len(s.trainer.History()); done < c.Epochs && !c.Quiet {
		fmt.Fprintf(con.err, "stopped after epoch %d: the validation loss has not improved for %d epochs; the best parameters are kept\n", done, c.Patience)
	}
	return s.finish(parts.test)
}

// session is a training in progress.
type session struct {
	settings    *settings
	description *description
	net         *model.Network
	trainer     *train.Trainer
	reporter    reporter
	dir         runDir
}

// begin makes the run's directory.
func (s *session) begin(out string) error {
	from, err := parseSource(s.settings.Data)
	if err != nil {
		return err
	}
	if s.dir, err = createRun(out, s.settings.Model+"-"+from.name()); err != nil {
		return err
	}
	return s.dir.writeConfig(s.settings, nil)
}

// fit trains until the end, or until ctx is cancelled or the user interrupts.
func (s *session) fit(ctx context.Context, parts sets) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C is not caught

	err := s.trainer.Fit(ctx, parts.train, parts.valid)
	s.reporter.close()
	if errors.Is(err, train.ErrDiverged) {
		return s.howToGoOn(err)
	}
	if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	if err := s.writeCheckpoint(); err != nil {
		return err
	}
	if err := s.writeModel(); err != nil {
		return err
	}
	return &interruptedError{dir: s.dir, epoch: len(s.trainer.History()) + 1, epochs: s.settings.Epochs}
}

// howToGoOn adds to the error of a divergence how to go on from the last
// checkpoint, if there is one.
func (s *session) howToGoOn(diverged error) error {
	path := s.dir.file(checkpointName)
	if _, err := os.Stat(path); err != nil {
		return diverged
	}
	return fmt.Errorf("%w; the last checkpoint is %s; go on from there with: gputrain train --resume %s --lr %.3g",
		diverged, path, s.dir, s.settings.LR/10)
}

// interruptedError is the end of a run that can be resumed.
type interruptedError struct {
	dir           runDir
	epoch, epochs int
}

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted in epoch %d of %d, saved; go on with: gputrain train --resume %s", e.epoch, e.epochs, e.dir)
}

// endEpoch saves the state after an epoch and reports it.
func (s *session) endEpoch(e train.Epoch) error {
	if err := s.writeCheckpoint(); err != nil {
		return err
	}
	if err := s.dir.writeMetrics(s.trainer.History()); err != nil {
		return err
	}
	return s.reporter.epoch(e)
}

func (s *session) writeCheckpoint() error {
	return s.write(checkpointName, s.trainer.Save)
}

func (s *session) writeModel() error {
	return s.write(modelName, s.net.Save)
}

// write writes a model file with what save puts into it.
func (s *session) write(name string, save func(*model.File) error) error {
	file, err := s.description.newFile()
	if err != nil {
		return err
	}
	runtime.GC() // the file written last, of which checkMemory counts one
	if err := save(file); err != nil {
		return err
	}
	return file.Write(s.dir.file(name))
}

// finish measures the network on the test set and writes the files of a
// finished run.
func (s *session) finish(test *data.Dataset) error {
	metrics, err := train.Evaluate(s.net, train.CrossEntropy{}, test)
	if err != nil {
		return err
	}
	if err := s.writeModel(); err != nil {
		return err
	}
	if err := s.dir.writeMetrics(s.trainer.History()); err != nil {
		return err
	}
	if err := writeCurves(s.dir.file(curvesName), s.trainer.History()); err != nil {
		return err
	}
	if err := writeConfusion(s.dir.file(confusionName), metrics.Confusion, s.description.Classes); err != nil {
		return err
	}
	if err := os.Remove(s.dir.file(checkpointName)); err != nil {
		return err
	}
	return s.reporter.result(s.dir, metrics)
}
