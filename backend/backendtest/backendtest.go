// Package backendtest is the conformance suite of gputrain/backend. It holds
// any backend against the contract: results within justified tolerances of the
// float64 definitions in gputrain/backend/reference, nothing written outside of
// the outputs, nothing read that must not be read, the same bits run after run,
// misuse that panics, errors that stick.
//
//	func TestConformance(t *testing.T) {
//		backendtest.Test(t, func() (backend.Backend, error) { return mydevice.Open() })
//	}
//
//	func BenchmarkDevice(b *testing.B) {
//		backendtest.Benchmark(b, func() (backend.Backend, error) { return mydevice.Open() })
//	}
//
// All data are drawn from one seed, so a failure repeats. Its text names the check,
// the case, the element, what was got and wanted, and the tolerance. It ends with
// the options that run the case again, alone.
package backendtest

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/internal/nearest"
)

// Opener opens the backend under test. The suite calls it many times, and at
// times holds two backends at once.
type Opener func() (backend.Backend, error)

// Option changes how the suite runs.
type Option func(*options)

type options struct {
	maxSize int
	maxWork int
	enough  int      // failures, after which a check ends
	only    []string // checks, or cases as CHECK/CASE; nil for all
	seed    uint64
	product float64 // the error of a product of two numbers
	step    float64 // of operands of a product
	report  func(done []Result, all int, next string)
}

// MaxSize leaves out the cases with a dimension larger than n, for slow
// backends. n should be at least 33. Long, thin cases are judged by their work
// instead, as with MaxWork(2048·n²).
func MaxSize(n int) Option {
	return func(o *options) { o.maxSize, o.maxWork = n, 2048*n*n }
}

// MaxWork leaves out the long, thin cases of more than n elements, or products in
// a Gemm or a layer. A row that is reduced counts for at least 32 elements, because a
// backend will hardly give it less than a warp, and a time step for at least 16,384,
// because a backend may have to start it. 0 leaves out all of them. Put it after
// MaxSize, which sets the same limit.
func MaxWork(n int) Option {
	return func(o *options) { o.maxWork = n }
}

// Only makes Test and Check run the named checks alone, such as "Gemm". A name may
// also be that of a case as in the text of a failure, such as "Gemm/NN 2x3x4": with
// the same MaxSize and MaxWork that case then runs alone, with the same data in the
// same places. The cases of a rule, such as Order, depend on each other, so they all
// run. Test and Check panic if there is no check of a name; if there is no such case,
// its check fails.
func Only(names ...string) Option {
	return func(o *options) { o.only = names }
}

// ProductError admits that a matrix product takes each product of two numbers with an
// error of up to u of it, as a backend does that multiplies in a narrower format. The
// sums must be those of float32 still, and what is exact in the narrower format must be.
func ProductError(u float64) Option {
	return func(o *options) { o.product = u }
}

// ProductStep admits that a matrix product takes operands below 2⁻¹²⁶, the smallest
// normal number, as multiples of s, as narrower formats have them. By default they are
// what they are.
func ProductStep(s float64) Option {
	return func(o *options) { o.step = s }
}

// Seed draws the data of all cases but those of the rules from another seed. The
// default is 1.
func Seed(seed uint64) Option {
	return func(o *options) { o.seed = seed }
}

// Checks returns the names of all checks, in the order of the suite.
func Checks() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// Progress makes Check call report before each check: with the results so far,
// the number of all checks, and the name of the one that begins.
func Progress(report func(done []Result, all int, next string)) Option {
	return func(o *options) { o.report = report }
}

// Test runs each check of the suite as a subtest, named after the operation or
// rule that it checks.
func Test(t *testing.T, open Opener, opts ...Option) {
	o := newOptions(opts)
	for _, c := range o.checks() {
		t.Run(c.name, func(t *testing.T) {
			result := c.on(open, o)
			if result.Skipped != "" {
				t.Skip(result.Skipped)
			}
			for _, failure := range result.Failures {
				t.Error(failure)
			}
			t.Logf("%d cases, largest error %.2g of its tolerance", result.Cases, result.Worst)
		})
	}
}

// Check runs the suite outside of a test.
func Check(open Opener, opts ...Option) Report {
	var report Report
	o := newOptions(opts)
	checks := o.checks()
	for _, c := range checks {
		o.report(report.Results, len(checks), c.name)
		report.Results = append(report.Results, c.on(open, o))
	}
	return report
}

// Report is the outcome of Check.
type Report struct {
	Results []Result // one per check, in a fixed order
}

// Passed reports whether nothing failed.
func (r Report) Passed() bool {
	return !slices.ContainsFunc(r.Results, func(r Result) bool { return len(r.Failures) > 0 })
}

// Result is the outcome of one check.
type Result struct {
	Name     string   // the operation, such as "Gemm", or the rule, such as "Misuse"
	Skipped  string   // why the check does not apply, else ""
	Cases    int      // that were run
	Worst    float64  // largest error of an element, in units of its tolerance
	Failures []string // one line each; the check ends after some
	Failed   []string // the cases that failed, as Only takes them
}

func newOptions(opts []Option) options {
	o := options{maxSize: math.MaxInt, maxWork: math.MaxInt, enough: 8, seed: 1, report: func([]Result, int, string) {}}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// checks returns the checks that are to run, in the order of the suite.
func (o options) checks() []check {
	all := checks()
	if o.only == nil {
		return all
	}
	var names []string
	for _, only := range o.only {
		name, _, _ := strings.Cut(only, "/")
		if !slices.Contains(Checks(), name) {
			hint := ""
			if near := nearest.Word(name, Checks()); near != "" {
				hint = fmt.Sprintf("did you mean %q? ", near)
			}
			panic(fmt.Sprintf("backendtest: Only: there is no check %q; %sthe checks are %s", name, hint, strings.Join(Checks(), ", ")))
		}
		names = append(names, name)
	}
	return slices.DeleteFunc(all, func(c check) bool { return !slices.Contains(names, c.name) })
}

// cases returns the names of the cases of a check that are to run; nil means all.
func (o options) cases(check string) []string {
	var cases []string
	for _, only := range o.only {
		if only == check {
			return nil
		}
		if name, found := strings.CutPrefix(only, check+"/"); found {
			cases = append(cases, name)
		}
	}
	return cases
}

// check is one line of a Report and one subtest of Test.
type check struct {
	name string
	run  func(*probe)
}

func checks() []check {
	return slices.Concat(
		memoryChecks, elementwiseChecks, activationChecks, linearChecks, lossChecks, updateChecks,
		lstmChecks, rnnChecks, gruChecks, lstm1997Checks, lstm1997SequenceChecks, callChecks, replayChecks, pairChecks, errorChecks, misuseChecks,
	)
}

// opening is the case before the first one.
const opening = "open"

// on runs the check on a backend of its own.
func (c check) on(open Opener, o options) Result {
	p := &probe{open: open, maxSize: o.maxSize, maxWork: o.maxWork, enough: o.enough, only: o.cases(c.name), seed: o.seed, product: o.product, step: o.step, result: Result{Name: c.name}}
	defer p.close()
	p.name = opening
	p.guarded(func() {
		p.reopen()
		c.run(p)
	})
	for _, name := range p.only {
		if name != opening && !slices.Contains(p.seen, name) {
			p.name = name
			p.failf("Only: there is no such case; with other limits on sizes there may be")
		}
	}
	return p.result
}

// probe is what a check works with: a backend and a record of what it fails.
type probe struct {
	open    Opener
	maxSize int
	maxWork int
	enough  int      // failures, after which attempt ends the check
	only    []string // cases; nil for all
	seed    uint64   // of all data
	product float64  // the error of a product of two numbers
	step    float64  // of operands of a product
	device  backend.Backend
	result  Result
	name    string   // of the running case
	seen    []string // the cases so far, those that do not run included
}

// attempt runs one case. A panic is a failure of the case; after it, or after
// a sticky error, the next case gets a fresh backend.
func (p *probe) attempt(name string, body func()) {
	if len(p.result.Failures) >= p.enough {
		panic(stopped{})
	}
	p.name = name
	p.seen = append(p.seen, name)
	p.result.Cases++
	healthy := p.guarded(body) && p.guarded(func() {
		if err := p.device.Err(); err != nil {
			p.stopf("leaves the error %v", err)
		}
	})
	if !healthy {
		p.guarded(p.reopen)
	}
}

// stopped is the panic by which stopf ends a case, and attempt a check.
type stopped struct{}

// guarded runs body, makes a failure of a panic, and reports whether there was
// none.
func (p *probe) guarded(body func()) (ok bool) {
	defer func() {
		switch r := recover(); r {
		case nil:
			ok = true
		case stopped{}:
		default:
			if name := missing(); name != "" {
				p.failf("the backend has no %s", name)
				return
			}
			p.failf("panics: %v", r)
		}
	}()
	body()
	return
}

// missing names the operation that panicked because the backend embeds an interface
// that is nil, and lacks the operation: then the method that fails is one that the
// compiler has made. It is called while the panic is handled.
func missing() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for more, failed := true, false; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if failed {
			if frame.File != "<autogenerated>" {
				return ""
			}
			return frame.Function[strings.LastIndex(frame.Function, ".")+1:]
		}
		failed = frame.Function == "runtime.sigpanic"
	}
	return ""
}

// failf records a failure of the running case.
func (p *probe) failf(format string, args ...any) {
	name := p.result.Name + "/" + p.name
	if !slices.Contains(p.result.Failed, name) {
		p.result.Failed = append(p.result.Failed, name)
	}
	p.result.Failures = append(p.result.Failures,
		fmt.Sprintf("%s: %s; again: Only(%q), Seed(%d)", name, fmt.Sprintf(format, args...), name, p.seed))
}

// stopf is failf and ends the case.
func (p *probe) stopf(format string, args ...any) {
	p.failf(format, args...)
	panic(stopped{})
}

// must ends the case if err is not nil.
func (p *probe) must(err error) {
	if err != nil {
		p.stopf("%v", err)
	}
}

// reopen gives the probe a fresh backend.
func (p *probe) reopen() {
	p.close()
	p.device = p.another()
}

// another opens one more backend.
func (p *probe) another() backend.Backend {
	b, err := p.open()
	if err != nil {
		p.stopf("a backend cannot be opened: %v", err)
	}
	return b
}

// close closes the backend. What Close returns is the business of the checks
// of Close: here it may be the error of a case that has failed.
func (p *probe) close() {
	if p.device == nil {
		return
	}
	device := p.device
	p.device = nil
	p.guarded(func() { device.Close() })
}
