package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"gputrain/collective"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type trainCommand struct {
	settings `embed:""`
	stopping `embed:""`
	ranking  `embed:""`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	Out    string     `placeholder:"DIR" help:"Directory of the run; by default runs/<time>-<model>-<data>."`
	Resume resumeFlag `placeholder:"RUN" help:"Continue an interrupted run. It ends as if it had not been interrupted, unless you change epochs, lr, schedule, warmup, clip, patience or device."`
	Quiet  bool       `help:"Print the last line only."`
	JSON   bool       `name:"json" help:"Print JSON objects, one per line."`

	MetricsListen string `placeholder:"ADDRESS" help:"Answer Prometheus at an address such as localhost:9100, under /metrics, while training goes on."`

	DryRun       bool `help:"Say what the training would do: layers and their paths, operations, memory, time of an epoch, measured on some steps. Nothing is written."`
	RequireFused bool `help:"Train only if the device runs each recurrent layer as one whole."`
}

// Help is what "gputrain train --help" says in more detail.
func (*trainCommand) Help() string {
	return `The data are split by class, always in the same way, into a training set (70 %), a validation set (10 %) and a test set (20 %). MNIST and its relatives have a test set of their own, the files called t10k or test; of several such data sets in a folder, idx:DIR/NAME takes the one whose files begin with NAME, such as emnist-letters. The test set is used once, for the last line:

    test accuracy 0.9xxx (correct/all)

Labels (--task multilabel) are targets that hold or not, as 1 and 0, yes and no or true and false say it: any number of them may hold for a sample, and each is an output. The last line is then test F1 0.9xxx (3 labels), exact match 0.8xxx (samples).

Numbers (--task regress) are learned scaled to mean 0 and deviation 1, and measured in their own units; the last line is then test R2 0.9xxx, RMSE 12.34, MAE 5.678 (samples).

The run's directory then holds model.safetensors, config.toml, metrics.csv, curves.png, and confusion.png, predictions.png or roc.png. The same settings give the same model, byte for byte.

Of a text (text:FILE), compressed by gzip or not, the network learns to predict the next character, byte or word. --batch streams run through the first nine tenths of it side by side. The states go on from one part of --steps to the next, and errors go back within a part. The last tenth is held out, half of it to validate and half to test. The last line is then

    test loss 1.xxxx nats per character (2.xxxx bits, perplexity x.xx)

and gputrain generate goes on with a text.

A series (series:FILE), a table in order of time, is cut by time into the same shares. From the --window rows up to each origin, --ahead rows of the targets are forecast; forecast.png shows some. The last line has the RMSE and the MAE, and the RMSE of baselines beside the network: the last value, the value one season before, and a linear autoregression. The skill is the share of the RMSE of the best of them that the network saves; below 0, that baseline is better.

What was understood of the data is said first, and what is doubtful about the classes: names that differ in case or spaces only, words for a missing value, classes that a part of the data lacks. Classes may be a quantity in truth if all are numbers, and more than 10 and not all whole, or more than 50 and not numbered from 0 or 1 on without a gap, or more than 50 and more than a fifth of the samples, or about as many as there are samples. Then --task auto learns numbers, and says so.

Ctrl-C finishes the step, saves, and says how to go on; a second one ends at once. A run that diverged can go on from its last checkpoint with a smaller rate: --resume RUN --lr RATE. config.toml notes the settings that a resumed run changed. From the epoch reached, the schedule is that of the new settings.

With --ranks N, or where mpirun or srun has started N processes, N ranks share each batch, and make the update of the whole. The same N gives the same model, byte for byte, whatever starts the ranks; another N may go on with a run. Rank 0 writes and prints. docs/distributed.md says more.

With --json, each epoch is an object {"event":"epoch", "epoch", "epochs", "lr", "train_loss", "validation_loss", "validation_accuracy", "seconds", "samples_per_second", "sum_seconds"}, and the end is {"event":"result", "run", "test_accuracy", "test_loss", "correct", "count"}, for text also "unit", "test_bits" and "test_perplexity", or for numbers {"event":"result", "run", "test_loss", "count", "test_r2", "test_rmse", "test_mae", "targets":[{"name", "r2", "rmse", "mae"}]}, or for labels {"event":"result", "run", "test_loss", "count", "test_precision", "test_recall", "test_f1", "test_micro_f1", "test_auroc", "test_exact_match", "test_hamming_loss", "labels":[{"name", "precision", "recall", "f1", "auroc", "count"}]}, or for series what eval prints and "run".`
}

// Run trains a network, from the beginning or from a checkpoint.
func (c *trainCommand) Run(ctx context.Context, con console) (err error) {
	if err := cmp.Or(c.check(), c.checkStop(0)); err != nil {
		return err
	}
	if c.DryRun && (c.Resume != "" || c.Out != "") {
		return usagef("--dry-run begins no run: it goes without --resume and --out")
	}
	// Some MPI libraries have a handler of their own for SIGUSR1, which must come first.
	groups, err := c.joinRanks()
	if err != nil {
		return err
	}
	begin := endOnStop(con.err)
	defer begin()
	from, failed := c.loadAll(con)
	return c.onRanks(con, groups, func(c *trainCommand, con console, g collective.Group) error {
		if err := together(g, failed); err != nil {
			return err
		}
		if err := c.checkSame(g); err != nil {
			return err
		}
		return c.train(ctx, con, g, from, begin)
	})
}

// loaded is what a training begins with.
type loaded struct {
	description *description
	parts       sets
	initial     *model.File // what --init-from names; else nil
}

func (c *trainCommand) loadAll(con console) (from loaded, err error) {
	initial, err := c.initialPath()
	if err == nil {
		from.description, from.parts, from.initial, err = c.load(initial, con.in)
	}
	return from, err
}

// train is Run on one rank; group is nil if it is the only one. It calls begin when there is
// something to save.
func (c *trainCommand) train(ctx context.Context, con console, group collective.Group, from loaded, begin func()) (err error) {
	d, parts := from.description, from.parts
	b, note, err := c.openRank(group)
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(partSize(c.Batch, c.Ranks)), model.Options{})
	if err != nil {
		return tooLarge(err)
	}
	s := &session{settings: &c.settings, group: group, description: d, initial: from.initial, test: parts.test.Digest(), net: net, reporter: c.reporter(con, d)}
	options := c.options(d, parts.train)
	options.Group, options.FastSum = group, c.Reduce == reduceFast
	sums, leave, err := c.joinGPUs(&options, b)
	if err != nil {
		return err
	}
	defer func() { err = leave(err) }()
	options.OnStep, options.OnEpoch, options.LossEvery = s.endStep, s.endEpoch, c.lossEvery()
	ctx, release := c.follow(ctx, con.in, &options)
	defer release()
	if s.trainer, err = train.New(net, options); err != nil {
		return tooLarge(err)
	}
	if err := s.initialize(parts); err != nil {
		return err
	}
	plan, err := s.plan(parts)
	if err != nil {
		return err
	}
	if c.RequireFused {
		if err := plan.requireFused(); err != nil {
			return err
		}
	}
	understood := slices.Concat(parts.notes, understood(parts), []string{note, sums})
	if c.DryRun {
		c.say(con, understood, c.updateNotes(net))
		begin()
		return s.rehearse(ctx, con, plan, parts)
	}
	notes, given := append(plan.summary(net.Count()), c.updateNotes(net)...), c.Data
	if c.MetricsListen != "" && s.leads() {
		exporter, failed := listen(c.MetricsListen, s.reporter, sum(plan.memory))
		if failed != nil {
			return failed
		}
		defer func() { err = cmp.Or(err, exporter.shut()) }()
		s.reporter = exporter
		notes = append(notes, "metrics for Prometheus at http://"+exporter.server.Addr+"/metrics")
	}
	switch {
	case !s.leads():
		err = s.follow(c.Resume != "", parts)
	case c.Resume == "":
		err = s.begin(c.Out, parts)
	default:
		var more []string
		more, err = s.resume(string(c.Resume), parts)
		notes = append(notes, more...)
	}
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, s.close()) }()
	if err := c.checkStop(s.trainer.Epochs()); err != nil {
		return err
	}
	if s.leads() {
		if err := s.dir.writeAbout(s.settings, given, understood); err != nil {
			return err
		}
	}
	c.say(con, understood, notes)
	begin()
	if err := s.fit(ctx, parts); err != nil {
		return c.end(func(lines ...[]string) { c.say(con, lines...) }, err)
	}
	if done := s.trainer.Epochs(); done < c.Epochs && !c.Quiet {
		printLine(con.err, fmt.Sprintf("stopped after epoch %d: the validation loss has not improved for %s; the best parameters are kept", done, plural(c.Patience, "epoch", "epochs")))
	}
	if s.leads() {
		if err := s.finish(parts); err != nil {
			return s.howToGoOn(err)
		}
	}
	return nil
}

// say prints lines that are not empty, unless --quiet.
func (c *trainCommand) say(con console, lines ...[]string) {
	for _, line := range slices.Concat(lines...) {
		if line != "" && !c.Quiet {
			printLine(con.err, line)
		}
	}
}

// session is a training in progress.
type session struct {
	settings    *settings
	group       collective.Group // nil: it trains alone
	description *description
	initial     *model.File // what --init-from names, until training begins
	test        data.Digest // of the test set
	net         *model.Network
	trainer     *train.Trainer
	snapshot    int64 // bytes of a checkpoint in memory
	reporter    reporter
	dir         runDir
	lock        *runLock
	metrics     *metricsLog
	live        *liveMetrics
	checkpoints checkpointer
	taken       snapshots
}

// snapshots are the files that were written last, or are being written, whose memory the next
// ones have; nil before the first.
type snapshots struct{ checkpoint, best *model.File }

// begin makes the run's directory.
func (s *session) begin(out string, parts sets) (err error) {
	if err := s.trainer.Check(parts.train, parts.valid); err != nil {
		return err
	}
	from, err := parseSource(s.settings.Data)
	if err != nil {
		return err
	}
	if s.dir, s.lock, err = createRun(out, s.settings.networkTitle()+"-"+from.name()); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.lock.unlock()
		}
	}()
	if err := s.settings.resolvePaths(); err != nil {
		return err
	}
	if s.initial != nil {
		if err := s.initial.Write(s.dir.file(initialName)); err != nil {
			return err
		}
	}
	if err := s.dir.copyNetwork(s.settings.Network); err != nil {
		return err
	}
	if err := s.dir.writeConfig(s.settings, nil); err != nil {
		return err
	}
	return s.open()
}

// inOrder takes the steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// open opens the files that grow while the run goes on.
func (s *session) open() (err error) {
	s.initial = nil
	if err := s.dir.removeDivergence(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir.file(checkpointsName), 0o777); err != nil {
		return err
	}
	every, err := parseInterval(s.settings.CheckpointEvery)
	if err != nil {
		return err
	}
	s.checkpoints = checkpointer{dir: s.dir, every: every, keep: s.settings.CheckpointKeep}
	if s.metrics, err = openMetrics(s.dir.file(metricsName), s.trainer.History()); err != nil {
		return err
	}
	s.live, err = openLive(s.dir, s.settings, s.trainer)
	return err
}

// close leaves the directory to other processes.
func (s *session) close() error {
	if !s.leads() {
		return nil
	}
	err := s.checkpoints.wait()
	if s.metrics != nil {
		err = cmp.Or(err, s.metrics.close())
	}
	if s.live != nil {
		err = cmp.Or(err, s.live.close())
	}
	s.lock.unlock()
	return err
}

// fit trains until the end, or until ctx is cancelled or the user interrupts.
func (s *session) fit(ctx context.Context, parts sets) error {
	ctx, stop := notifyStop(ctx)
	defer stop()
	err := s.trainer.Fit(ctx, parts.train, parts.valid)
	s.reporter.close()
	if err = cmp.Or(err, s.checkpoints.wait()); err == nil {
		return nil
	}
	cause := stopCause(ctx, err)
	if cause == nil || !errors.Is(err, cause) {
		if errors.Is(err, train.ErrDiverged) && s.leads() {
			if failed := s.dir.writeDivergence(s.trainer.Epochs()+1, err); failed != nil {
				err = fmt.Errorf("%w; %w", err, failed)
			}
		}
		return s.howToGoOn(err)
	}
	if err := inOrder(s.checkpoint, s.checkpoints.wait, s.writeModel); err != nil {
		return s.howToGoOn(err)
	}
	return &interruptedError{cause, s.dir, s.trainer.Epochs() + 1, s.settings.Epochs}
}

// stopCause returns why a training that ended with err was asked to stop, nil if it was not. If
// another rank was, this one may be too, but after the ranks had agreed: a launcher signals all.
func stopCause(ctx context.Context, err error) error {
	var other *train.StoppedError
	if errors.As(err, &other) {
		return other
	}
	return context.Cause(ctx)
}

// howToGoOn adds to the error that ended a run how to go on from the newest
// checkpoint.
func (s *session) howToGoOn(failed error) error {
	steps, err := s.dir.checkpoints()
	if err != nil || len(steps) == 0 {
		return failed
	}
	path := s.dir.checkpointFile(steps[0])
	if errors.Is(failed, train.ErrDiverged) {
		return fmt.Errorf("%w; the last checkpoint is %s; go on from there with: %s", failed, path,
			commandLine("gputrain", "train", "--resume", pathArgument(string(s.dir)), "--lr", fmt.Sprintf("%.3g", s.settings.LR/10)))
	}
	return fmt.Errorf("%w; the last checkpoint is %s; go on from there with: %s", failed, path,
		commandLine("gputrain", "train", "--resume", pathArgument(string(s.dir))))
}

// interruptedError is the end of a run that can be resumed.
type interruptedError struct {
	cause         error
	dir           runDir
	epoch, epochs int
}

func (e *interruptedError) Error() string {
	return fmt.Sprintf("%v in epoch %d of %d, saved; go on with: %s", e.cause, e.epoch, e.epochs, e.goOn())
}

// goOn returns the command that resumes the run.
func (e *interruptedError) goOn() string {
	return commandLine("gputrain", "train", "--resume", pathArgument(string(e.dir)))
}

func (e *interruptedError) Unwrap() error { return e.cause }

// endStep reports a step and saves the state if that is due.
func (s *session) endStep(p train.Progress) error {
	due := false
	if s.leads() {
		s.reporter.step(p)
		if err := s.live.endStep(p); err != nil {
			return err
		}
		due = s.checkpoints.due(p.Step, p.Epoch-1)
	}
	due, err := s.decide(due)
	switch {
	case err != nil:
		return err
	case due:
		return s.checkpoint()
	}
	return s.checkpoints.failed()
}

// endEpoch reports an epoch and saves the state if that is due, and always at the
// end of the training.
func (s *session) endEpoch(e train.Epoch) error {
	due := false
	if s.leads() {
		if err := s.metrics.append(e); err != nil {
			return err
		}
		if err := s.live.endEpoch(e, s.trainer.Steps()); err != nil {
			return err
		}
		due = s.checkpoints.due(s.trainer.Steps(), e.Epoch)
	}
	due, err := s.decide(due || s.trainer.Done())
	if err != nil {
		return err
	}
	if due {
		if err := s.checkpoint(); err != nil {
			return err
		}
	}
	return s.reporter.epoch(e)
}

// checkpoint takes a checkpoint, which is written in the background.
func (s *session) checkpoint() error {
	if !s.leads() {
		return s.joinCheckpoint()
	}
	// One snapshot at a time keeps the memory within its bounds.
	if err := inOrder(s.checkpoints.wait, s.lock.check); err != nil {
		return err
	}
	file, err := s.refill(&s.taken.checkpoint, s.saveCheckpoint)
	if errors.Is(err, model.ErrNotFinite) {
		return nil // Fit is about to see it and to say where it began
	}
	if err != nil {
		return err
	}
	var best *model.File
	epoch, kept := s.trainer.Best()
	if kept && epoch.Epoch != s.checkpoints.best {
		if best, err = s.refill(&s.taken.best, s.trainer.SaveBest); err != nil {
			return err
		}
		s.checkpoints.best = epoch.Epoch
	}
	if err := s.metrics.flush(); err != nil {
		return err
	}
	s.checkpoints.took(s.trainer.Steps(), s.trainer.Epochs())
	s.checkpoints.start(s.syncMetrics, file, best)
	return nil
}

// syncMetrics makes the metrics written so far outlive a power failure.
func (s *session) syncMetrics() error { return errors.Join(s.metrics.file.Sync(), s.live.sync()) }

// refill returns a model file with what save puts into it, in the memory of the one before, which
// has been written.
func (s *session) refill(kept **model.File, save func(*model.File) error) (*model.File, error) {
	file, err := s.description.newFile()
	if err != nil {
		return nil, err
	}
	if *kept != nil {
		file.Reuse(*kept)
	}
	*kept = file
	return file, save(file)
}

// file returns a model file with what save puts into it. The training is over.
func (s *session) file(save func(*model.File) error) (*model.File, error) {
	// The last checkpoint is garbage. If it is large, it must go first, or both take
	// memory at a time.
	s.taken = snapshots{}
	const large = 16 << 20
	if s.snapshot > large {
		runtime.GC()
	}
	file, err := s.description.newFile()
	if err != nil {
		return nil, err
	}
	return file, save(file)
}

// writeModel writes the model of the run: with patience the best so far, else the
// last.
func (s *session) writeModel() error {
	if !s.leads() {
		return nil
	}
	if _, kept := s.trainer.Best(); kept && s.settings.Patience > 0 {
		return s.write(modelName, s.trainer.SaveBest)
	}
	return s.write(modelName, s.net.Save)
}

// writeBest writes the model after the best epoch.
func (s *session) writeBest() error { return s.write(bestName, s.trainer.SaveBest) }

// write writes a model file with what save puts into it.
func (s *session) write(name string, save func(*model.File) error) error {
	file, err := s.file(save)
	if err != nil {
		return err
	}
	return file.Write(s.dir.file(name))
}

// finish measures the network on the test set and writes the files of a
// finished run.
func (s *session) finish(parts sets) error {
	m, err := s.measure(parts)
	if err != nil {
		return err
	}
	history := s.trainer.History()
	if err := s.writeBest(); err != nil {
		return err
	}
	s.description.complete(parts, m)
	return inOrder(
		s.writeModel,
		s.metrics.flush,
		func() error { return writeCurves(s.dir.file(curvesName), history, s.description) },
		func() error { return m.draw(s.dir) },
		func() error { return s.dir.writeResult(len(history), m) },
		func() error { return s.reporter.result(s.dir, m) },
	)
}
