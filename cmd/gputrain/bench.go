package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"gputrain/backend"
	"gputrain/bench"
	cpubackend "gputrain/cpu"
)

type benchCommand struct {
	Steps   []string `placeholder:"NAME" help:"Time these training steps: i to vi, or all. Without --steps and --gemm, all steps and products are timed."`
	GEMM    bool     `name:"gemm" help:"Time the matrix products."`
	Threads []int    `placeholder:"N" help:"Threads that compute on the CPU, such as 1,2 for both; by default all cores in use."`
	Device  string   `default:"cpu" help:"cpu, cuda or cuda:N (an NVIDIA GPU), or gl or gl:N (a GPU with OpenGL)."`
	Math    string   `default:"float32" help:"As for train."`
	Against string   `placeholder:"torch" help:"Time PyTorch in turn with gputrain, and compare."`
	Python  string   `placeholder:"PATH" help:"The Python that has PyTorch; by default python3."`
	Rounds  *int     `placeholder:"N" help:"Turns of each side; by default 9, but no more after 5 seconds if there were 3."`
	JSON    bool     `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain bench --help" says in more detail.
func (*benchCommand) Help() string {
	return `A training step is forward, cross-entropy, backward and Adam, in float32, on a batch of random data that is on the device already. A product is one of the table in docs/benchmarks.md.

The sides take turns of at least 40 ms: gputrain, PyTorch, and, on the CPU, independent multiply-adds in registers, whose speed is the FMA peak. A figure is the median over the rounds, or the fastest turn. A ratio compares turns of the same round. GFLOP/s count the matrix products only.

PyTorch runs in a process of its own with as many threads. Where gputrain has all cores in use, it runs in another one too that is left to its own number of threads; the faster of the two counts and comes first in the JSON. A GPU's PyTorch computes in float32, without TF32.

Close other programs: what they take from one side is not taken from the other.`
}

// The lengths of a turn, and of the default run.
const (
	benchTurn     = 40 * time.Millisecond
	benchPeakTurn = 10 * time.Millisecond
)

var benchRounds = bench.Rounds{Least: 3, Most: 9, Within: 5 * time.Second}

// Run times the steps and products, and prints the figures.
func (c *benchCommand) Run(ctx context.Context, con console) error {
	if err := c.check(); err != nil {
		return err
	}
	d, err := findDevice(c.Device)
	if err != nil {
		return err
	}
	r, err := newBenchReport(d)
	if err != nil {
		return err
	}
	if c.Math != float32Math {
		r.Math = c.Math
	}
	if d.note != "" {
		printLine(con.err, d.note)
	}
	ctx, stop := notifyStop(ctx)
	defer stop()
	if err := c.fill(ctx, con, d, r); err != nil {
		return err
	}
	return r.print(con.out, c.JSON)
}

// check reports the first flag with an invalid value.
func (c *benchCommand) check() error {
	valid := []string{"all"}
	for _, s := range bench.Steps() {
		valid = append(valid, s.Name())
	}
	for _, name := range c.Steps {
		if err := checkOneOf("steps", name, valid); err != nil {
			return err
		}
	}
	if err := checkDevice(c.Device); err != nil {
		return err
	}
	if err := checkMath(c.Math, c.Device); err != nil {
		return err
	}
	kind, _, _ := parseDevice(c.Device)
	if kind == "emulated" {
		return &settingError{"device", `is "emulated", whose times are estimates: "gputrain profile" has them`}
	}
	if c.Threads != nil && !onCPU(kind) {
		return &settingError{"threads", fmt.Sprintf("is for --device cpu, not %s", c.Device)}
	}
	if c.Rounds != nil && (*c.Rounds < 1 || *c.Rounds > 10_000) {
		return outOfRange("rounds", *c.Rounds, "1 to 10000")
	}
	switch {
	case c.Against == "" && c.Python != "":
		return &settingError{"python", "is for --against torch"}
	case c.Against == "":
		return nil
	case kind == "gl":
		return &settingError{"against", fmt.Sprintf("is for the CPU and NVIDIA GPUs: PyTorch has no device %s", c.Device)}
	}
	return checkOneOf("against", c.Against, []string{"torch"})
}

func onCPU(kind string) bool { return kind == "cpu" || kind == "auto" }

// work returns what the flags choose.
func (c *benchCommand) work() []bench.Work {
	var chosen []bench.Work
	everything := c.Steps == nil && !c.GEMM
	for _, s := range bench.Steps() {
		if everything || slices.Contains(c.Steps, "all") || slices.Contains(c.Steps, s.Name()) {
			chosen = append(chosen, s)
		}
	}
	if everything || c.GEMM {
		for _, p := range bench.Products() {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

// benchSetting is a way to run all the work.
type benchSetting struct {
	threads int // of the CPU; 0 on other devices
	open    func() (backend.Backend, error)
	peers   []*bench.Torch
}

func (s benchSetting) String() string {
	if s.threads == 0 {
		return ""
	}
	return ", " + plural(s.threads, "thread", "threads")
}

// settings returns a setting for each number of threads, and a function that ends
// their peers.
func (c *benchCommand) settings(ctx context.Context, con console, d device) (all []benchSetting, end func(), err error) {
	end = func() {
		for _, s := range all {
			for _, peer := range s.peers {
				peer.Close()
			}
		}
	}
	cores := runtime.GOMAXPROCS(0)
	if kind, _, _ := parseDevice(c.Device); onCPU(kind) {
		if c.Threads == nil {
			c.Threads = []int{cores}
		}
		for _, n := range c.Threads {
			if n < 1 || n > cores {
				return nil, end, outOfRange("threads", n, fmt.Sprintf("1 to %d, the cores in use (see GOMAXPROCS)", cores))
			}
			all = append(all, benchSetting{threads: n, open: func() (backend.Backend, error) { return cpubackend.Open(cpubackend.Options{Workers: n, Math: c.Math}) }})
		}
	} else {
		all = []benchSetting{{open: d.computing(c.Math).open}}
	}
	if c.Against == "" {
		return all, end, nil
	}
	options := bench.TorchOptions{Python: cmp.Or(c.Python, "python3"), Device: torchDevice(c.Device)}
	printLine(con.err, "starting PyTorch with "+options.Python)
	for i := range all {
		s := &all[i]
		numbers := []int{s.threads}
		if s.threads == cores {
			numbers = append(numbers, 0)
		}
		for _, options.Threads = range numbers {
			peer, err := bench.StartTorch(ctx, options)
			if ctx.Err() != nil {
				return all, end, context.Cause(ctx)
			}
			if err != nil {
				return all, end, fmt.Errorf("%w; install PyTorch (pip install torch), or let --python name a Python that has it", err)
			}
			s.peers = append(s.peers, peer)
		}
	}
	return all, end, nil
}

// torchDevice says a device in PyTorch's words.
func torchDevice(name string) string {
	kind, ordinal, _ := parseDevice(name)
	if onCPU(kind) {
		return "cpu"
	}
	return fmt.Sprintf("%s:%d", kind, max(ordinal, 0))
}

// fill times the work in all settings.
func (c *benchCommand) fill(ctx context.Context, con console, d device, r *benchReport) error {
	settings, end, err := c.settings(ctx, con, d)
	defer end()
	if err != nil {
		return err
	}
	if peers := settings[0].peers; peers != nil {
		versions := peers[0].Versions
		versions.Threads = 0 // which differ
		r.Python, r.Torch = peers[0].Options.Python, &versions
	}
	rounds := benchRounds
	if c.Rounds != nil {
		rounds = bench.Rounds{Least: *c.Rounds, Most: *c.Rounds}
	}
	shown := newStages(con.err)
	defer shown.close()
	work := c.work()
	for i, s := range settings {
		for k, w := range work {
			name := w.Name()
			if _, step := w.(bench.Step); step {
				name = "step " + name
			}
			shown.begin(i*len(work)+k, len(settings)*len(work), name+s.String())
			m, err := s.measure(ctx, w, rounds)
			if theirs := bench.TorchError(""); errors.As(err, &theirs) {
				err = fmt.Errorf("%w; without --against, gputrain is timed alone", err)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.Measurements = append(r.Measurements, m)
		}
	}
	return nil
}

// measure lets gputrain, its peers and the peak of the CPU take turns.
func (s benchSetting) measure(ctx context.Context, w bench.Work, rounds bench.Rounds) (benchMeasurement, error) {
	b, err := s.open()
	if err != nil {
		return benchMeasurement{}, err
	}
	defer b.Close()
	call, err := w.Prepare(b)
	if err != nil {
		return benchMeasurement{}, err
	}
	ours, err := bench.Calls(bench.On(b, call), benchTurn)
	if err != nil {
		return benchMeasurement{}, err
	}
	sides := []bench.Turn{ours}
	for _, peer := range s.peers {
		run, err := peer.Prepare(w)
		if err != nil {
			return benchMeasurement{}, err
		}
		theirs, err := bench.Calls(run, benchTurn)
		if err != nil {
			return benchMeasurement{}, err
		}
		sides = append(sides, theirs)
	}
	if s.threads > 0 {
		sides = append(sides, func() (float64, error) { return cpubackend.PeakFlops(s.threads, benchPeakTurn), nil })
	}
	figures, err := bench.InTurn(ctx, rounds, sides...)
	if err != nil {
		return benchMeasurement{}, err
	}
	return s.describe(w, figures), nil
}
