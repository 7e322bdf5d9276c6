package main

import (
	"fmt"
	"strings"
	"time"

	"gputrain/backend/backendtest"
)

type conformanceCommand struct {
	Device     string   `required:"" placeholder:"DEVICE" help:"What to check: cpu, cuda or cuda:N (an NVIDIA GPU), gl or gl:N (a GPU with OpenGL), or emulated."`
	Math       string   `default:"float32" help:"As for train, but products of all sizes take it, even those that are faster in float32. They may be off by what the math is."`
	Out        string   `placeholder:"FILE" help:"The report, in Markdown; by default conformance-<time>-<device>.md."`
	MaxSize    *int     `placeholder:"N" help:"Skip cases with a dimension larger than N; by default 33 on what is slow (emulated, and OpenGL in software), no limit elsewhere."`
	Only       []string `sep:"none" placeholder:"NAME" help:"Run this check alone, or the case of a failure as the report names it; may be given several times."`
	Seed       int64    `default:"1" help:"Seed of the data."`
	Benchmarks *bool    `negatable:"" help:"Measure speed after the checks; off by default with --only, and on what is slow; the figures of emulated are estimates."`
}

// Help is what "gputrain conformance --help" says in more detail.
func (*conformanceCommand) Help() string {
	return `The suite compares each operation with its definition in float64, at sizes where implementations change over. The tolerance follows from the number of roundings. Then come the rules: an operation writes nothing beside its outputs and gives the same bits on every run, misuse panics, errors stick.

The report describes the device and lists the largest error of each check in units of its tolerance, the failures and the measurements. It is written before the first check and after each one, so that it survives a crash of the machine.

The exit code is 1 if a check fails. docs/gpu.md explains the report.`
}

// slowSize is the default limit on a slow device, which then takes a minute or two.
const slowSize = 33

// Run checks a device and writes the report.
func (c *conformanceCommand) Run(con console) error {
	if err := checkDevice(c.Device); err != nil {
		return err
	}
	if err := checkMath(c.Math, c.Device); err != nil {
		return err
	}
	if c.MaxSize != nil && *c.MaxSize < 1 {
		return outOfRange("max-size", *c.MaxSize, "1 or more")
	}
	if c.Seed < 0 {
		return outOfRange("seed", c.Seed, "0 or more")
	}
	for _, name := range c.Only {
		check, _, _ := strings.Cut(name, "/")
		if err := checkOneOf("only", check, backendtest.Checks()); err != nil {
			return err
		}
	}
	d, err := findDevice(c.Device)
	if err != nil {
		return err
	}
	return c.inspect(con, d.always(c.Math))
}

// inspect runs the suite and the measurements on d.
func (c *conformanceCommand) inspect(con console, d device) error {
	// A missing device is one error, not one for each check.
	b, err := d.open()
	if err != nil {
		return err
	}
	if err := b.Close(); err != nil {
		return err
	}
	r, err := newReport(d, c.Out)
	if err != nil {
		return err
	}
	r.math = c.Math
	r.only, r.seed = c.Only, uint64(c.Seed)
	r.benchmarks = !d.slow && c.Only == nil
	if d.slow {
		r.maxSize = slowSize
	}
	if c.Benchmarks != nil {
		r.benchmarks = *c.Benchmarks
	}
	if c.MaxSize != nil {
		r.maxSize = *c.MaxSize
	}
	if d.note != "" {
		printLine(con.err, d.note)
	}
	if err := r.fill(d, con); err != nil {
		return err
	}
	if failed := r.failed(); len(failed) > 0 {
		return fmt.Errorf("%d of %d checks failed (%s): see %s", len(failed), len(r.results), strings.Join(failed, ", "), r.path)
	}
	_, err = fmt.Fprintf(con.out, "%s\nreport in %s\n", r.summary(), r.path)
	return err
}

// fill runs the checks and measurements and keeps the file up to date.
func (r *conformanceReport) fill(d device, con console) error {
	product, step := mathError(r.math, r.device)
	opts := []backendtest.Option{backendtest.Seed(r.seed), backendtest.ProductError(product), backendtest.ProductStep(step)}
	if r.only != nil {
		opts = append(opts, backendtest.Only(r.only...))
	}
	if r.maxSize > 0 {
		opts = append(opts, backendtest.MaxSize(r.maxSize))
	}
	var measurements []backendtest.Measurement
	if r.benchmarks {
		measurements = backendtest.Measurements(opts...)
	}
	r.running = "no check has begun"
	failure := r.write()
	if failure != nil {
		return failure
	}
	shown := newStages(con.err)
	defer shown.close()
	begin := func(done, all int, name string) {
		shown.begin(done, all, name)
		r.running = fmt.Sprintf("%s was running, after %d of %d checks and measurements", name, done, all)
		if failure == nil {
			failure = r.write()
		}
	}
	progress := backendtest.Progress(func(done []backendtest.Result, all int, next string) {
		r.results = done
		begin(len(done), all+len(measurements), next)
	})
	r.results = backendtest.Check(d.open, append(opts, progress)...).Results
	for i, m := range measurements {
		begin(len(r.results)+i, len(r.results)+len(measurements), m.Name)
		figures, err := m.Run(d.open, 300*time.Millisecond)
		r.measured = append(r.measured, measured{m.Name, figures, err})
	}
	if failure != nil {
		return failure
	}
	r.running = ""
	return r.write()
}
