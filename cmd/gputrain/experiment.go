package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/cmd/gputrain/internal/experiment"
	cpubackend "gputrain/cpu"
)

// experimentCommand groups the commands for the experiments of the literature.
type experimentCommand struct {
	List experimentListCommand `cmd:"" help:"List the experiments, with their published figures."`
	Run  experimentRunCommand  `cmd:"" help:"Repeat experiments of the literature."`
}

type experimentListCommand struct{}

// Run lists the experiments.
func (experimentListCommand) Run(con console) error {
	var text strings.Builder
	width := terminalWidth(con.out)
	for i, e := range experiment.All() {
		if i > 0 {
			text.WriteString("\n")
		}
		text.WriteString(wrapLines(fmt.Sprintf("%s: %s, about %v a seed\n", e.Name, describeGate(e), e.Time), width))
		text.WriteString(formatTable(width, 2, nil, [][]string{
			{"    task", e.Task}, {"    learner", e.Learner}, {"    published", e.Published}, {"    criterion", e.Criterion},
		}))
	}
	_, err := fmt.Fprint(con.out, text.String())
	return err
}

// describeGate says how many seeds must meet the criterion.
func describeGate(e experiment.Experiment) string {
	if e.Need == 0 {
		return "report"
	}
	return fmt.Sprintf("gate of %d of %d seeds", e.Need, e.Seeds)
}

type experimentRunCommand struct {
	Names    []string `arg:"" optional:"" name:"name" help:"Experiments, by the names that \"gputrain experiment list\" prints."`
	Gates    bool     `help:"Run all experiments that have a gate."`
	All      bool     `help:"Run all experiments."`
	Seeds    *int     `placeholder:"N" help:"Trials of each experiment; by default as many as the list says."`
	Seed     int64    `default:"1" help:"Seed of the first trial; each further trial takes the next seed."`
	Device   string   `default:"auto" help:"auto (the CPU), cpu, cuda or cuda:N (an NVIDIA GPU), gl or gl:N (a GPU with OpenGL), or emulated (slow)."`
	Jobs     *int     `placeholder:"N" help:"Trials at the same time; by default one for each core of the CPU, and one on other devices."`
	Out      string   `placeholder:"DIR" help:"Directory for plots and JSON; by default runs/<time>-experiments."`
	Markdown string   `placeholder:"FILE" help:"Write the table as Markdown too."`
}

// mostTrials is the most trials that the command line may ask for.
const mostTrials = 1_000_000

// Help is what "gputrain experiment run --help" says in more detail.
func (*experimentRunCommand) Help() string {
	return `Each experiment is a task, a network and the way it learns, tried from several seeds. The table shows the published figure beside the measured ones: how many seeds met the criterion, how many sequences these needed on average, and the final value of the measure.

When an experiment is over, DIR gets its plot (NAME.png, a line for each seed) and its figures (NAME.json).

The exit code is 1 if too few seeds of an experiment with a gate met the criterion. Experiments without a gate are only reported, because a faithful repetition does not reach every published figure.`
}

// Run runs experiments.
func (c *experimentRunCommand) Run(ctx context.Context, con console) error {
	chosen, err := c.choose()
	if err != nil {
		return err
	}
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := checkDevice(c.Device); err != nil {
		return err
	}
	settings, note, err := c.settings()
	if err != nil {
		return err
	}
	r, err := newExperimentReport(c, chosen)
	if err != nil {
		return err
	}
	defer r.lock.unlock()
	if note != "" {
		printLine(con.err, note)
	}
	ctx, stop := notifyStop(ctx)
	defer stop()
	shown := newTrialBar(con.err, len(chosen))
	for _, e := range chosen {
		settings.Report = shown.begin(e, settings)
		result, err := e.Trials(ctx, settings)
		shown.end(result, err)
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return fmt.Errorf("%w in %s, after %d of %d experiments; those are in %s", err, e.Name, len(r.results), len(chosen), r.dir)
		}
		if err != nil {
			return err
		}
		if err := r.add(result); err != nil {
			return err
		}
	}
	if c.Markdown != "" {
		if err := r.writeMarkdown(c.Markdown); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(con.out, "%s\nplots and figures in %s\n", r.table(terminalWidth(con.out)), r.dir); err != nil {
		return err
	}
	return r.verdict()
}

// checkNumbers names the flag whose number makes no sense.
func (c *experimentRunCommand) checkNumbers() error {
	for _, flag := range []struct {
		key string
		n   *int
	}{{"seeds", c.Seeds}, {"jobs", c.Jobs}} {
		if flag.n != nil && (*flag.n < 1 || *flag.n > mostTrials) {
			return outOfRange(flag.key, *flag.n, fmt.Sprintf("1 to %d", mostTrials))
		}
	}
	if c.Seed < 1 {
		return outOfRange("seed", c.Seed, "1 or more")
	}
	return nil
}

// choose returns the experiments that the command line names.
func (c *experimentRunCommand) choose() ([]experiment.Experiment, error) {
	all := experiment.All()
	var names []string
	for _, e := range all {
		names = append(names, e.Name)
	}
	for _, name := range c.Names {
		if !slices.Contains(names, name) {
			return nil, usagef(`there is no experiment %q, %s`, name, hint(name, names, `"gputrain experiment list" prints them all`))
		}
	}
	chosen := slices.DeleteFunc(all, func(e experiment.Experiment) bool {
		return !c.All && !(c.Gates && e.Need > 0) && !slices.Contains(c.Names, e.Name)
	})
	if len(chosen) == 0 {
		return nil, usagef(`no experiment named; give names from "gputrain experiment list", or --gates or --all`)
	}
	return chosen, nil
}

// settings translates the flags. It also returns the note of the device.
func (c *experimentRunCommand) settings() (s experiment.Settings, note string, err error) {
	d, err := findDevice(c.Device)
	if err != nil {
		return s, "", err
	}
	s = experiment.Settings{Seed: uint64(c.Seed), Open: d.open}
	if c.Seeds != nil {
		s.Seeds = *c.Seeds
	}
	if c.Jobs != nil {
		s.Parallel = *c.Jobs
	}
	if d.facts != nil {
		return s, d.note, nil
	}
	// A network is too small to share among cores. The trials run in parallel
	// instead.
	s.Open = func() (backend.Backend, error) { return cpubackend.Open(cpubackend.Options{Workers: 1}) }
	if c.Jobs == nil {
		s.Parallel = runtime.GOMAXPROCS(0)
	}
	return s, d.note, nil
}
