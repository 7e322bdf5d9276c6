package backendtest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

// The positive controls: backends, each with one mistake that somebody might
// make, and the check that must find it.

// control is a broken backend.
type control struct {
	check   string // that must fail
	mistake func(sound backend.Backend) backend.Backend
	name    string // of the mistake; "": that of the type
	atLeast int    // size from which the mistake shows
	long    bool   // it shows in long, thin cases alone
}

func allControls() []control {
	return slices.Concat(brokenMemory, brokenElementwise, brokenActivation, brokenLinear, brokenLoss, brokenUpdate, brokenFused,
		brokenLSTM1997s, brokenReplay, brokenPair, brokenSubnormal(), brokenExponential, brokenLong, brokenCalls, brokenReplays, brokenRules)
}

func TestBrokenBackendsAreRejected(t *testing.T) {
	for _, c := range allControls() {
		name := c.name
		if name == "" {
			name = typeOfMistake(c.mistake(fused{}))
		}
		t.Run(c.check+"/"+name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && (c.atLeast > 33 || c.long) {
				t.Skip("large sizes")
			}
			open := func() (backend.Backend, error) { return c.mistake(fused{reference.New()}), nil }
			work := 0
			if c.long {
				work = math.MaxInt
			}
			result := runOne(c.check, open, max(33, c.atLeast), MaxWork(work))
			if len(result.Failures) == 0 {
				t.Errorf("the check passes: %d cases, skipped: %q", result.Cases, result.Skipped)
			} else if strings.Contains(result.Failures[0], ": panics: ") {
				t.Errorf("the control is not what it should be: %s", result.Failures[0])
			}
			if c.atLeast > 33 || c.long {
				if result := runOne(c.check, open, 33, MaxWork(0)); len(result.Failures) > 0 {
					t.Errorf("the mistake shows at small sizes already: %s", result.Failures[0])
				}
			}
		})
	}
}

// runOne runs the named check alone, up to its first failure.
func runOne(name string, open Opener, maxSize int, opts ...Option) Result {
	first := func(o *options) { o.enough = 1 }
	return Check(open, append([]Option{MaxSize(maxSize), Only(name), first}, opts...)...).Results[0]
}

// TestSoundFusedBackendIsAccepted shows that what the broken fused backends
// are made of is not what is rejected.
func TestSoundFusedBackendIsAccepted(t *testing.T) {
	t.Parallel()
	Test(t, func() (backend.Backend, error) { return fused{reference.New()}, nil }, MaxSize(33), MaxWork(0))
}

// sound are backends made of what controls are made of, without a mistake.
var sound = []control{
	{check: "LayerNorm", mistake: broken[layerNormOfNormalize]},
	{check: "ArgMaxRows", mistake: broken[argMaxOfRule]},
	{check: "Adam", mistake: broken[adamOfDivisor]},
	{check: "ClipNorm", mistake: broken[clipNormExceptNone]},
}

type layerNormOfNormalize mistake

func (b layerNormOfNormalize) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 { return 1 / math.Sqrt(variance(row, mean)+epsilon) })
}

type argMaxOfRule mistake

func (b argMaxOfRule) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	argMax(b.sound, dst, x, float32(-inf), func(v, best float32) bool { return v > best || isNaN32(v) && !isNaN32(best) })
}

type adamOfDivisor mistake

func (b adamOfDivisor) Adam(a backend.AdamArgs) {
	adamWith(b.sound, a, func(v, c float64) float64 { return math.Sqrt(v)/math.Sqrt(c) + a.Epsilon })
}

type clipNormExceptNone mistake

func (b clipNormExceptNone) ClipNorm(x, norm backend.Tensor, limit float64) {
	clipNormExcept(b.sound, x, norm, limit, func(float64) bool { return false })
}

// TestWhatControlsAreMadeOfIsAccepted shows that controls are rejected for their
// mistakes.
func TestWhatControlsAreMadeOfIsAccepted(t *testing.T) {
	for _, c := range append(sound, soundExponential...) {
		open := func() (backend.Backend, error) { return c.mistake(reference.New()), nil }
		for _, failure := range runOne(c.check, open, 33).Failures {
			t.Errorf("%s: %s", typeOfMistake(c.mistake(nil)), failure)
		}
	}
}

func TestCheckReportsTheBrokenOperationAndNoOther(t *testing.T) {
	t.Parallel()
	report := Check(func() (backend.Backend, error) { return broken[clipNormReturnsSquare](reference.New()), nil }, MaxSize(33), MaxWork(0))
	if report.Passed() {
		t.Error("Passed: got true, want false")
	}
	for _, r := range report.Results {
		if failed := len(r.Failures) > 0; failed != (r.Name == "ClipNorm") {
			t.Errorf("%s: got %d failures %q", r.Name, len(r.Failures), r.Failures)
		}
	}
}

func TestOnlyRunsTheNamedChecksInOrder(t *testing.T) {
	open := func() (backend.Backend, error) { return reference.New(), nil }
	report := Check(open, MaxSize(1), Only("Tanh", "Fill"))
	var names []string
	for _, r := range report.Results {
		names = append(names, r.Name)
	}
	if want := []string{"Fill", "Tanh"}; !slices.Equal(names, want) {
		t.Errorf("got checks %q, want %q", names, want)
	}
}

func TestOnlyNamesWhatItDoesNotKnow(t *testing.T) {
	open := func() (backend.Backend, error) { return reference.New(), nil }
	for name, want := range map[string]string{
		"tanh":     `backendtest: Only: there is no check "tanh"; did you mean "Tanh"? the checks are New, `,
		"tanh/1x1": `backendtest: Only: there is no check "tanh"; did you mean "Tanh"? the checks are New, `,
		"xyzzy":    `backendtest: Only: there is no check "xyzzy"; the checks are New, `,
		"":         `backendtest: Only: there is no check ""; the checks are New, `,
	} {
		func() {
			defer func() {
				if got, ok := recover().(string); !ok || !strings.HasPrefix(got, want) {
					t.Errorf("%q: got panic %v, want %s", name, got, want)
				}
			}()
			Check(open, Only(name))
		}()
	}
	for _, c := range []struct {
		only []string
		runs int
		want string
	}{
		{[]string{"Tanh/1x1"}, 1, ""},
		{[]string{"Tanh/1x1", "Tanh/1x33"}, 2, ""},
		{[]string{"Tanh/1x7"}, 0, "Tanh/1x7: Only: there is no such case"},
		{[]string{"Tanh/1x1", "Tanh/"}, 1, "Tanh/: Only: there is no such case"},
	} {
		r := Check(open, MaxSize(33), Only(c.only...)).Results[0]
		failed := strings.Join(r.Failures, "\n")
		if r.Cases != c.runs || (c.want == "") != (failed == "") || !strings.HasPrefix(failed, c.want) {
			t.Errorf("Only(%q): %d cases run, failures %q; want %d cases, %q", c.only, r.Cases, failed, c.runs, c.want)
		}
	}
}

// unfinished is a backend that has memory and Tanh. What it lacks is that of a nil
// interface, which stands deeper.
type unfinished struct {
	begun
	lacking
}

type begun interface {
	backend.Memory
	Tanh(y, x backend.Tensor)
	Name() string
	Sync() error
	Err() error
	Close() error
}

type lacking struct{ backend.Backend }

func TestAnOperationThatIsMissingIsNamed(t *testing.T) {
	open := func() (backend.Backend, error) { return unfinished{begun: reference.New()}, nil }
	for _, r := range Check(open, MaxSize(9), Only("Tanh", "Sigmoid", "Add")).Results {
		switch {
		case r.Name == "Tanh":
			if len(r.Failures) > 0 {
				t.Errorf("Tanh, which is there: %q", r.Failures)
			}
		case len(r.Failures) == 0 || !strings.Contains(r.Failures[0], ": the backend has no "+r.Name+";"):
			t.Errorf("%s, which is missing: %q", r.Name, r.Failures)
		}
	}
}

// clumsy has a Tanh that panics because of a mistake of its own.
type clumsy struct{ *reference.Backend }

func (clumsy) Tanh(y, x backend.Tensor) {
	var p *probe
	p.maxSize++
}

func TestAPanicOfAnOperationIsNotOneThatIsMissing(t *testing.T) {
	failures := runOne("Tanh", func() (backend.Backend, error) { return clumsy{reference.New()}, nil }, 9).Failures
	if len(failures) == 0 || !strings.Contains(failures[0], ": panics: runtime error: invalid memory address") {
		t.Errorf("got %q", failures)
	}
}

// What a failure ends with runs its case again, alone, and it fails in the same way.
func TestAFailureSaysHowToRepeatIt(t *testing.T) {
	again := regexp.MustCompile(`; again: Only\((".*")\), Seed\((\d+)\)$`)
	for _, c := range []control{
		{check: "Tanh", mistake: broken[tanhUnaligned]},
		{check: "Gemm", mistake: broken[gemmUnaligned]},
	} {
		open := func() (backend.Backend, error) { return c.mistake(reference.New()), nil }
		for _, seed := range []uint64{1, 7} {
			whole := Check(open, MaxSize(33), MaxWork(0), Only(c.check), Seed(seed)).Results[0]
			if len(whole.Failures) < 4 {
				t.Fatalf("%s: the control has %d failures", c.check, len(whole.Failures))
			}
			for _, failure := range whole.Failures {
				match := again.FindStringSubmatch(failure)
				if match == nil {
					t.Fatalf("%q does not say how to repeat it", failure)
				}
				name, err := strconv.Unquote(match[1])
				if err != nil || match[2] != fmt.Sprint(seed) {
					t.Fatalf("%q: %v, want seed %d", failure, err, seed)
				}
				alone := Check(open, MaxSize(33), MaxWork(0), Only(name), Seed(seed)).Results[0]
				if alone.Cases != 1 || !slices.Contains(alone.Failures, failure) {
					t.Errorf("%q alone runs %d cases and fails with %q", failure, alone.Cases, alone.Failures)
				}
			}
		}
		one, seven := runOne(c.check, open, 33), runOne(c.check, open, 33, Seed(7))
		if one.Failures[0] == seven.Failures[0] {
			t.Errorf("another seed gives the same failure %q", one.Failures[0])
		}
	}
}

// tanhUnaligned and gemmUnaligned are wrong where the output lies at an odd place.
type tanhUnaligned mistake

func (b tanhUnaligned) Tanh(y, x backend.Tensor) {
	b.sound.Tanh(y, x)
	if y.Size() > 0 && y.Off%4 != 0 {
		b.sound.Scale(y, 1.001, y)
	}
}

type gemmUnaligned mistake

func (b gemmUnaligned) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, x backend.Tensor, beta float64) {
	b.sound.Gemm(dst, transA, transB, alpha, a, x, beta)
	if dst.Size() > 0 && dst.Off%4 != 0 {
		b.sound.Scale(dst, 1.001, dst)
	}
}

func TestCheckReportsABackendThatCannotBeOpened(t *testing.T) {
	report := Check(func() (backend.Backend, error) { return nil, fmt.Errorf("no such device") })
	for _, r := range report.Results {
		if len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "no such device") {
			t.Errorf("%s: got failures %q, want one that says why", r.Name, r.Failures)
		}
	}
}

// named returns a control for each of the mistakes and checks.
func named[M any](mistakes map[string]M, in func(M) func(backend.Backend) backend.Backend, checks ...string) []control {
	var controls []control
	for _, name := range slices.Sorted(maps.Keys(mistakes)) {
		for _, check := range checks {
			controls = append(controls, control{check: check, name: name, mistake: in(mistakes[name])})
		}
	}
	return controls
}

// read returns the elements of t.
func read(b backend.Backend, t backend.Tensor) []float32 {
	x := make([]float32, t.Size())
	if err := b.Download(x, t); err != nil {
		panic(err)
	}
	return x
}

// readInts returns the elements of t.
func readInts(b backend.Backend, t backend.Ints) []int32 {
	x := make([]int32, t.N)
	if err := b.DownloadInts(x, t); err != nil {
		panic(err)
	}
	return x
}

// fresh returns a tensor with the given elements.
func fresh(b backend.Backend, rows, cols int, x []float32) backend.Tensor {
	t, err := b.New(rows, cols)
	if err != nil {
		panic(err)
	}
	b.Upload(t, x)
	return t
}

// clone returns a copy of t.
func clone(b backend.Backend, t backend.Tensor) backend.Tensor {
	return fresh(b, t.Rows, t.Cols, read(b, t))
}

// keeping runs op and puts back the elements of t that keep chooses.
func keeping(b backend.Backend, t backend.Tensor, keep func(row, col int) bool, op func()) {
	before := read(b, t)
	op()
	after := read(b, t)
	for k := range after {
		if keep(k/t.Cols, k%t.Cols) {
			after[k] = before[k]
		}
	}
	b.Upload(t, after)
}

// allZero reports whether t, which is not empty, holds nothing but zeros.
func allZero(b backend.Backend, t backend.Tensor) bool {
	return t.Size() > 0 && !slices.ContainsFunc(read(b, t), func(v float32) bool { return v != 0 })
}

// each replaces the elements of t.
func each(b backend.Backend, t backend.Tensor, f func(k int, v float32) float32) {
	x := read(b, t)
	for k, v := range x {
		x[k] = f(k, v)
	}
	b.Upload(t, x)
}

// atStart returns t as if its window began where the allocation does.
func atStart(t backend.Tensor) backend.Tensor {
	t.Off = 0
	return t
}

// silently runs op and hides its panic.
func silently(op func()) {
	defer func() { _ = recover() }()
	op()
}
