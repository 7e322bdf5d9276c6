package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gputrain/bench"
)

// python is a Python of some kind: with PyTorch, without it, broken.
func python(kind string) {
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	fail := func(lines ...string) {
		fmt.Fprint(os.Stderr, strings.Join(lines, "\n"))
		os.Exit(1)
	}
	hang := func() { time.Sleep(time.Hour) }
	hello := func() {
		threads := 7 // of its own
		if asked, err := strconv.Atoi(os.Getenv("OMP_NUM_THREADS")); err == nil {
			threads = asked
		}
		say(`{"torch": "9.8.7", "libraries": ["MKL 1.2", "oneDNN 3.4"], "python": "3.21", "threads": %d, "device": "cpu"}`, threads)
	}
	switch kind {
	case "without torch":
		fail("Traceback (most recent call last):", `  File "<string>", line 1, in <module>`, "ModuleNotFoundError: No module named 'torch'", "")
	case "ends quietly":
		os.Exit(3)
	case "rubbish":
		say("Python 2.7.18 (default) \x1b[31m and more words than anybody wants to read in one line of an error")
	case "empty":
		say("{}")
	case "endless":
		for {
			os.Stdout.WriteString(strings.Repeat("x", 1<<16))
		}
	case "hangs":
		hang()
	case "hangs with a child":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=python waits for the end")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		child.Stdin = os.Stdin
		child.Run()
	case "waits for the end":
		io.Copy(io.Discard, os.Stdin)
	}
	hello()
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		var request struct {
			Calls int
			Step  struct{ Steps int }
		}
		if err := json.Unmarshal(requests.Bytes(), &request); err != nil {
			fail(err.Error())
		}
		switch {
		case request.Calls == 0 && request.Step.Steps == 0:
			fail("no request: " + requests.Text())
		case request.Calls == 0:
			say("{}")
		case kind == "dies":
			fail("Traceback", "RuntimeError: there is no memory \x1b[31m", "", "  ")
		case kind == "is killed":
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				self.Kill()
			}
			hang()
		case kind == "no time passes":
			say(`{"seconds": 0}`)
		case kind == "another answer":
			say(`{"minutes": 1}`)
		case kind == "hangs later":
			hang()
		default: // 2 ms for a call, and 3 with its own threads
			say(`{"seconds": %v}`, float64(request.Calls)*map[bool]float64{true: 0.003, false: 0.002}[os.Getenv("OMP_NUM_THREADS") == ""])
		}
	}
}

// benchAgainst runs a bench of one step against a Python of that kind.
func benchAgainst(t *testing.T, ctx context.Context, kind string, args ...string) outcome {
	t.Helper()
	t.Setenv("GPUTRAIN_TEST_MAIN", "python "+kind)
	args = append([]string{"bench", "--steps", "vi", "--rounds", "2", "--against", "torch", "--python", os.Args[0]}, args...)
	return gputrainWith(ctx, strings.NewReader(""), args...)
}

func TestBenchPutsPyTorchBesideGputrain(t *testing.T) {
	t.Setenv("OMP_NUM_THREADS", "5") // is not PyTorch's own choice
	t.Setenv("MKL_NUM_THREADS", "5")
	t.Setenv("KMP_BLOCKTIME", "1")
	t.Setenv("OMPLETE", "no variable of OpenMP")
	o := benchAgainst(t, t.Context(), "with torch", "--json").want(t, 0)
	if !strings.Contains(o.errors, "starting PyTorch with "+os.Args[0]+"\n") || !strings.Contains(o.errors, "1/1 step vi, ") {
		t.Errorf("stderr %q does not show what was done", o.errors)
	}
	var r benchReport
	decoder := json.NewDecoder(strings.NewReader(o.out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Torch == nil || r.Torch.Torch != "9.8.7" || r.Python != os.Args[0] || r.Device != "cpu" || !strings.Contains(r.Gputrain, "go1.") ||
		!slices.Contains(r.Environment, "KMP_BLOCKTIME=1") || strings.Contains(fmt.Sprint(r.Environment), "OMPLETE") || strings.Contains(fmt.Sprint(r.Environment), "NUM_THREADS") || len(r.Measurements) != 1 {
		t.Fatalf("the report is %s", o.out)
	}
	m := r.Measurements[0]
	const flop = 2 * (100*128*(8+32+8+32+32) + 3*32*10)
	if m.Name != "vi" || m.Samples != 1 || m.Flop != flop || m.Rounds != 2 || m.Peak < 0.01 || len(m.Torch) != 2 {
		t.Fatalf("the measurement is %+v", m)
	}
	near := func(what string, got, want float64) {
		if !(math.Abs(got-want) <= 1e-6*want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("ours in GFLOP/s", m.Ours.GFLOPS, flop/m.Ours.Milliseconds/1e6)
	near("ours in samples/s", m.Ours.Samples, 1000/m.Ours.Milliseconds)
	for i, want := range []struct {
		threads int
		own     bool
		ms      float64
	}{{m.Threads, false, 2}, {7, true, 3}} { // the faster first
		got := m.Torch[i]
		if got.Threads != want.threads || got.OwnThreads != want.own {
			t.Errorf("PyTorch %d has %d threads, its own: %v; want %+v", i, got.Threads, got.OwnThreads, want)
		}
		near("PyTorch's ms", got.Milliseconds, want.ms)
		near("PyTorch's fastest", got.Fastest, want.ms)
		near("PyTorch's samples/s", got.Samples, 1000/want.ms)
		near("PyTorch's GFLOP/s", got.GFLOPS, flop/want.ms/1e6)
		if r := got.Ratio; !(r.Lower <= r.Median && r.Median <= r.Upper) || r.Upper > 1.000001*want.ms/m.Ours.Fastest {
			t.Errorf("the ratio is %+v, of %v ms to at best %v", r, want.ms, m.Ours.Fastest)
		}
	}
}

// With fewer threads than cores, PyTorch's own number would be of no use.
func TestPyTorchHasAsManyThreadsAsGputrain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	o := benchAgainst(t, t.Context(), "with torch", "--threads", "1,2", "--json").want(t, 0)
	var r benchReport
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, m := range r.Measurements {
		got += fmt.Sprintf("%d:", m.Threads)
		for _, peer := range m.Torch {
			got += fmt.Sprintf(" %d %v", peer.Threads, peer.OwnThreads)
		}
		got += "\n"
	}
	if want := "1: 1 false\n2: 2 false 7 true\n"; got != want {
		t.Errorf("gputrain's threads and PyTorch's are\n%swant\n%s", got, want)
	}
}

func TestWhatPyTorchLacksIsSaidInALine(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		kind string
		want []string
	}{
		{"without torch", []string{os.Args[0] + " ended (exit status 1): ModuleNotFoundError: No module named 'torch'; install PyTorch (pip install torch), or let --python name a Python that has it\n"}},
		{"ends quietly", []string{" ended (exit status 3); install PyTorch"}},
		{"rubbish", []string{` answers "Python 2.7.18 (default) \x1b[31m and more words than anybody`, `…", which is not an answer of pytorch.py; install`}},
		{"empty", []string{` answers "{}", which is not an answer of pytorch.py`}},
		{"endless", []string{" answers a line without an end"}},
		{"dies", []string{"gputrain: step vi: ", " ended (exit status 1): RuntimeError: there is no memory \\x1b[31m; without --against, gputrain is timed alone\n"}},
		{"is killed", []string{"gputrain: step vi: ", " ended (signal: killed); without --against, gputrain is timed alone\n"}},
		{"no time passes", []string{`answers "{\"seconds\": 0}"`}},
		{"another answer", []string{`answers "{\"minutes\": 1}"`}},
	} {
		o := benchAgainst(t, t.Context(), c.kind).want(t, exitFailure)
		lines := strings.SplitAfter(strings.TrimSuffix(o.errors, "\n"), "\n")
		last := lines[len(lines)-1] + "\n"
		for _, want := range c.want {
			if !strings.Contains(last, want) {
				t.Errorf("%s: stderr ends with %q, want %q", c.kind, last, want)
			}
		}
		if strings.Count(o.errors, "gputrain: ") != 1 || o.out != "" {
			t.Errorf("%s: stdout %q, stderr %q", c.kind, o.out, o.errors)
		}
	}
	for _, python := range []string{"no-such-python", "./no-such-python", "."} {
		o := gputrain("bench", "--steps", "vi", "--against", "torch", "--python", python).want(t, exitFailure)
		if !strings.Contains(o.errors, "gputrain: "+python+" does not start: ") || !strings.Contains(o.errors, "let --python name a Python that has it\n") {
			t.Errorf("stderr is %q", o.errors)
		}
	}
}

// A child of the Python may have the pipes, as that of a script that starts it.
func TestAPythonThatHangsIsGivenUp(t *testing.T) {
	for _, kind := range []string{"hangs", "hangs with a child"} {
		t.Setenv("GPUTRAIN_TEST_MAIN", "python "+kind)
		began := time.Now()
		_, err := bench.StartTorch(t.Context(), bench.TorchOptions{Python: os.Args[0], Patience: 200 * time.Millisecond})
		if want := os.Args[0] + " gave no answer for 200ms"; err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", kind, err, want)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: it took %v", kind, took)
		}
	}
}

func TestBenchEndsWithTheSignalWhileAPythonHangs(t *testing.T) {
	for _, kind := range []string{"hangs", "hangs later"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(&stoppedError{syscall.SIGINT}) })
		o := benchAgainst(t, ctx, kind).want(t, 130)
		if !strings.HasSuffix(o.errors, "interrupted\n") || o.out != "" {
			t.Errorf("%s: stdout %q, stderr %q", kind, o.out, o.errors)
		}
	}
}

// A step or product of each kind, with the figures of a fast machine.
func benchExample(torch bool) *benchReport {
	r := &benchReport{Gputrain: "(devel) go1.26.8 linux/amd64", Machine: describeCPU(), Math: "bf16x6", Environment: []string{"OPENBLAS_CORETYPE=Haswell"}}
	add := func(w bench.Work, ms, theirs float64) {
		s := benchSetting{threads: 2}
		figures := [][]float64{{ms / 1e3, ms / 1e3, ms / 0.9e3}}
		if torch {
			s.peers = []*bench.Torch{{Versions: bench.TorchVersions{Torch: "2.15.0+cu132", Python: "3.11.7", Threads: 2, Libraries: []string{"MKL 2024.2", "oneDNN 3.13.3"}}}}
			r.Torch, r.Python = &s.peers[0].Versions, "python3"
			figures = append(figures, []float64{theirs / 1e3, theirs / 1e3, theirs / 1e3})
		}
		r.Measurements = append(r.Measurements, s.describe(w, append(figures, []float64{319e9, 318e9, 300e9})))
	}
	for i, ms := range []float64{254.1, 46.23, 12.34, 19.43, 15.32, 0.09712} {
		add(bench.Steps()[i], ms, []float64{430.2, 77.91, 17.62, 32.21, 17.02, 1.481}[i])
	}
	for _, p := range bench.Products() {
		add(p, p.Flops()/212e6, p.Flops()/205e6)
	}
	return r
}

func TestTheTableOfBenchFitsATerminal(t *testing.T) {
	for _, torch := range []bool{false, true} {
		r := benchExample(torch)
		text := r.text(80)
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
		want := []string{
			"\nii   LSTM 64→256, 2 layers, batch 32, 50 steps\n", "\nmath         bf16x6\n", "\nenvironment  OPENBLAS_CORETYPE=Haswell\n",
			"\ntraining steps, 2 threads, FMA peak 318.0 GFLOP/s (318.0 to 318.0)\n", "\nproducts, 2 threads, FMA peak ",
		}
		if torch {
			want = append(want, "\nPyTorch      2.15.0+cu132, MKL 2024.2, oneDNN 3.13.3, Python 3.11.7 (python3)\n",
				"\ni       254.1    254.1      252  184.9    58    430.2  430.2   1.69  1.61–1.69\n",
				"\nvi    0.09712  0.09712    10297   29.5     9    1.481  1.481   15.2  14.5–15.2\n",
				"\nNT 64×4096×1024     2532   2532  212.0    66     2619   2619   1.03  0.98–1.03\n",
				"above 1, gputrain is faster")
		} else if strings.Contains(text, "PyTorch") {
			t.Errorf("there is no PyTorch, but:\n%s", text)
		}
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("there is no %q in:\n%s", line, text)
			}
		}
		if n := strings.Count(text, "NN 64×4096×1024"); n != 1 {
			t.Errorf("the table is cut into %d:\n%s", n, text)
		}
	}
}

// On a GPU there is no peak.
func TestBenchSaysWhyThereIsNoPeak(t *testing.T) {
	r := &benchReport{Device: "cuda:0", Facts: [][2]string{{"GPU", "H100"}}}
	r.Measurements = append(r.Measurements, benchSetting{}.describe(bench.Steps()[0], [][]float64{{0.01}}))
	text := r.text(80)
	if strings.Contains(text, "peak\n") || !strings.Contains(text, "The share of the FMA peak is left out") || !strings.Contains(text, "GPU ") || !strings.Contains(text, "\ntraining steps\n") {
		t.Errorf("the text is\n%s", text)
	}
}
