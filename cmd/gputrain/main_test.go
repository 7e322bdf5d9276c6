package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/jedib0t/go-pretty/v6/text"
)

// roles are what this binary does instead of running the tests, if a test starts it
// as a process of its own: by the first word of GPUTRAIN_TEST_MAIN, which is also
// given the rest.
var roles = map[string]func(rest string){
	"gputrain":           func(string) { main() },
	"waitForStop":        func(string) { waitForStop() },
	"waitBeforeTraining": func(string) { waitBeforeTraining() },
	"python":             python,
}

func TestMain(m *testing.M) {
	role, rest, _ := strings.Cut(os.Getenv("GPUTRAIN_TEST_MAIN"), " ")
	if role == "" {
		finest, dotsPerInch = dotsPerInch, dotsPerInch/5
		debug.SetGCPercent(400) // they allocate much and keep little
		os.Exit(m.Run())
	}
	roles[role](rest)
}

// finest is dotsPerInch outside of tests.
var finest int

// drawFinely makes a test draw pictures as they are outside of tests.
func drawFinely(t *testing.T) {
	coarse := dotsPerInch
	dotsPerInch = finest
	t.Cleanup(func() { dotsPerInch = coarse })
}

// skipUnderRace skips a test when the tests are short, as they are with the race
// detector, which makes it slow, or needs memory of its own. What it shows has nothing
// to do with goroutines, or others show it too.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow under the race detector")
	}
}

// outcome is the result of one command line.
type outcome struct {
	code        int
	out, errors string
}

// gputrain runs a command line in this process.
func gputrain(args ...string) outcome {
	return gputrainWith(context.Background(), strings.NewReader(""), args...)
}

func gputrainWith(ctx context.Context, stdin io.Reader, args ...string) outcome {
	var out, errors bytes.Buffer
	code := run(ctx, args, stdin, &out, &errors)
	return outcome{code, out.String(), errors.String()}
}

// want stops the test unless the exit code is code.
func (o outcome) want(t *testing.T, code int) outcome {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.out, o.errors)
	}
	return o
}

// lastLine returns the last line on stdout.
func (o outcome) lastLine() string {
	lines := strings.Split(strings.TrimRight(o.out, "\n"), "\n")
	return lines[len(lines)-1]
}

// quick returns the arguments of a training that takes a moment.
func quick(args ...string) []string {
	return append([]string{"train", "--model", "mlp", "--hidden", "8", "--epochs", "2", "--batch", "64"}, args...)
}

// files returns all files and directories below the current directory, with
// their content.
func files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			found[path] = "directory"
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// wantFailure runs args and checks the exit code, that one line on stderr has
// all fragments, that stdout is empty, and that no file changed.
func wantFailure(t *testing.T, code int, fragments []string, args ...string) {
	t.Helper()
	before := files(t)
	o := gputrain(args...).want(t, code)
	if !strings.HasPrefix(o.errors, "gputrain: ") || strings.Count(o.errors, "\n") != 1 || !strings.HasSuffix(o.errors, "\n") {
		t.Errorf("stderr is %q, want one line that begins with \"gputrain: \"", o.errors)
	}
	for _, fragment := range fragments {
		if !strings.Contains(o.errors, fragment) {
			t.Errorf("stderr is %q, want it to contain %q", o.errors, fragment)
		}
	}
	if o.out != "" {
		t.Errorf("stdout is %q, want nothing", o.out)
	}
	if after := files(t); !maps.Equal(before, after) {
		t.Errorf("files were %q, are %q, or their content changed", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}

func TestWrongCommandLines(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		line string
		want string
	}{
		{"", "gputrain help"},
		{"trian", `did you mean "train"?`},
		{"measure", `unknown command measure, "gputrain help" lists them`},
		{"train --xyzzy 3", `unknown flag --xyzzy, "gputrain help train" lists them`},
		{"--hidden 3 train", "unknown flag --hidden, flags stand behind the command"},
		{"devices --x", `unknown flag --x, "gputrain help devices" lists them`},
		{"experiment", `gputrain experiment takes one of "list", "run"`},
		{"experiment rum", `unknown command rum, did you mean "run"?`},
		{"--", `no command given: gputrain takes one of "train"`},
		{"--version --json", "unknown flag --json"},
		{"train --lr fast", `--lr is "fast"; it must be a number`},
		{"train --out", "--out lacks its value"},
		{"train --out=", "--out lacks its value"},
		{"train --out --json", "--out lacks its value"},
		{"train --resume", "--resume lacks its value"},
		{"train --resume --quiet", "--resume lacks its value"},
		{"help trian", `did you mean "train"?`},
		{"train more", "unexpected argument more"},
		{"train --epoch 3", `unknown flag --epoch, did you mean "--epochs"?`},
		{"train --hidden-units 3", `unknown flag --hidden-units, did you mean "--hidden"?`},
		{"train --hidden", "--hidden lacks its value"},
		{"train --batch many", `--batch is "many"; it must be a whole number`},
		{"train --batch 0", "--batch is 0; it must be 1 to"},
		{"train --batch 99999999999", "--batch is 99999999999; it must be 1 to"},
		{"train --hidden -1", "--hidden is -1; it must be 1 to"},
		{"train --layers 0", "--layers is 0"},
		{"train --epochs 0", "--epochs is 0"},
		{"train --lr NaN", "--lr is NaN; it must be a number above 0"},
		{"train --lr 0", "--lr is 0"},
		{"train --lr inf", "--lr is +Inf"},
		{"train --steps -8", "--steps is -8"},
		{"train --steps 7", "--steps is 7; it must divide the 64 features of a sample of digits"},
		{"train --warmup 1", "--warmup is 1"},
		{"train --momentum 1 --optimizer sgd", "--momentum is 1"},
		{"train --momentum 0.9 --optimizer adam", "adam has none"},
		{"train --weight-decay -1", "--weight-decay is -1"},
		{"train --clip NaN", "--clip is NaN"},
		{"train --patience -1", "--patience is -1"},
		{"train --seed -1", "--seed is -1"},
		{"train --seed 18446744073709551615", "it must be a whole number, of 18 digits at most"},
		{"train --model lstn", `--model is "lstn", not one of lstm, gru, rnn, mlp, grid-lstm, lstm1997, elman, partially-recurrent, fully-recurrent; did you mean "lstm"?`},
		{"train --optimizer adamv", `did you mean "adam`},
		{"train --schedule cosinus", `did you mean "cosine"?`},
		{"train --device gpu", `--device is "gpu", not one of auto, cpu, cuda, gl, emulated, cuda:N, gl:N; did you mean "cpu"?`},
		{"eval --model run --device cuda:x", `--device is "cuda:x", not one of auto, cpu, cuda, gl, emulated, cuda:N, gl:N; did you mean "cuda:N"?`},
		{"train --math bf16x4", `--math is "bf16x4", not one of float32, bf16x6, bf16x3, bf16, tf32x3, tf32; did you mean "bf16`},
		{"train --math tf32x3 --device cpu", `--math is "tf32x3": the device cpu computes in`},
		{"eval --model run --math bf16x6 --device gl:1", `--math is "bf16x6": the device gl:1 computes in float32`},
		{"eval --model run --math bf16x3 --device cuda", `--math is "bf16x3": the device cuda computes in float32, tf32x3, tf32, bf16`},
		{"train --math tf32", `--math is "tf32": the device auto computes in float32, bf16x6, bf16x3, bf16`},
		{"bench --math tf32", `--math is "tf32": the device cpu computes in float32`},
		{"train --resume run --math bf16x6", "--resume keeps the settings of the run: leave out --math"},
		{"train --data cvs:x", `did you mean "csv"?`},
		{"train --data mnist", `is "mnist", not digits, csv:FILE, parquet:FILE, npy:FILE, npz:FILE, idx:DIR, text:FILE or series:FILE; choose one of them`},
		{"train --optimizer adagrad", `not one of sgd, rmsprop, adam, adamw; choose one of them`},
		{"experiment run banana", `there is no experiment "banana", "gputrain experiment list" prints them all`},
		{"train --data csv", "lacks the path"},
		{"train --data digits:here", "take no path"},
		{"train --data csv:x.csv", "--target is missing"},
		{"train --target 3", "only tables have columns"},
		{"train --resume run --hidden 3", "leave out --hidden"},
		{"eval", "--model"},
		{"eval --modle x", `did you mean "--model"?`},
		{"predict --model x", "--input"},
		{"conformance", "--device"},
		{"conformance --device gpu", `--device is "gpu", not one of`},
		{"conformance --device cpu --max-size 0", "--max-size is 0; it must be 1 or more"},
		{"conformance --device cpu --max-size many", `--max-size is "many"; it must be a whole number`},
		{"conformance --device cpu --no-benchmark", `did you mean "--no-benchmarks"?`},
		{"profile --gpu H10", `--gpu is "H10", not one of H200, H100, A100, L4, RTX 4090, T4, V100; did you mean "H100"?`},
		{"profile --device cpu", "only the emulated GPU can count"},
		{"profile --hidden 0", "--hidden is 0"},
		{"explain --device emulated --gpu A1000", `did you mean "A100"?`},
		{"explain --gpu T4", "is for --device emulated, not auto"},
		{"bench --steps vii", `--steps is "vii", not one of all, i, ii, iii, iv, v, vi; did you mean "ii"?`},
		{"bench --steps i,x", `--steps is "x", not one of`},
		{"bench --steps", "--steps lacks its value"},
		{"bench --steps=", "--steps lacks its value"},
		{"bench --steps --json", "--steps lacks its value"},
		{"bench --threads=", "--threads lacks its value"},
		{"bench --threads --json", "--threads lacks its value"},
		{"bench --gem", `did you mean "--gemm"?`},
		{"bench --threads 0", "--threads is 0; it must be 1 to"},
		{"bench --threads 1,100000", "--threads is 100000; it must be 1 to"},
		{"bench --threads two", `--threads is "two"; it must be a whole number`},
		{"bench --device gpu", `--device is "gpu", not one of`},
		{"bench --device emulated", `--device is "emulated", whose times are estimates: "gputrain profile" has them`},
		{"bench --device cuda --threads 1", "--threads is for --device cpu, not cuda"},
		{"bench --device gl:1 --against torch", "--against is for the CPU and NVIDIA GPUs: PyTorch has no device gl:1"},
		{"bench --against tensorflow", `--against is "tensorflow", not one of torch; choose one of them`},
		{"bench --against", "--against lacks its value"},
		{"bench --python python3", "--python is for --against torch"},
		{"bench --rounds 0", "--rounds is 0; it must be 1 to 10000"},
		{"explain --model grnn", `did you mean "rnn"?`},
	} {
		t.Run(c.line, func(t *testing.T) {
			wantFailure(t, exitUsage, []string{c.want}, strings.Fields(c.line)...)
		})
	}
}

func TestHelpSaysWhatThereIs(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"help", "devices"},
		{"--help", "predict"},
		{"help train", "--optimizer"},
		{"train --help", "samples_per_second"},
		{"eval --help", "--target"},
	} {
		o := gputrain(strings.Fields(c.line)...).want(t, 0)
		if !strings.Contains(o.out, c.want) || o.errors != "" {
			t.Errorf("%s: stdout %q, stderr %q; want %q on stdout", c.line, o.out, o.errors, c.want)
		}
	}
}

func TestVersionAndDevices(t *testing.T) {
	for command, want := range map[string]string{"version": "go1.", "--version": "go1.", "devices": "cores"} {
		if o := gputrain(command).want(t, 0); !strings.Contains(o.out, want) || o.errors != "" {
			t.Errorf("%s: stdout %q, stderr %q; want %q on stdout", command, o.out, o.errors, want)
		}
	}
}

// panicking is a stdin that panics.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("out of luck") }

func TestPanicIsOneLineAndSaysWhoseFaultItIs(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run")...).want(t, 0)
	o := gputrainWith(t.Context(), panicking{}, "predict", "--model", "run", "--input", "-").want(t, exitFailure)
	if want := "gputrain: out of luck (this is a bug in gputrain)\n"; o.errors != want {
		t.Errorf("stderr is %q, want %q", o.errors, want)
	}
}

// The help of each command has an example that can be pasted.
func TestEveryCommandHasAnExample(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain("train", "--epochs", "1", "--hidden", "2", "--quiet").want(t, 0) // is the latest run
	names := map[string]bool{}
	for _, node := range kong.Must(new(cli)).Model.Leaves(true) {
		name := commandName(node)
		names[name] = true
		if len(examples[name]) == 0 {
			t.Errorf("%s has no example", name)
		}
		help := gputrain(append(strings.Fields(name), "--help")...).want(t, 0).out
		for _, line := range examples[name] {
			if !strings.Contains(help, "\n    "+line+"\n") {
				t.Errorf("no line %q in the help:\n%s", line, help)
			}
			command, ours := strings.CutPrefix(line, "gputrain "+name)
			if !ours {
				t.Errorf("%q is no example of %s", line, name)
			}
			if err := checkCommand(name + command); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	for name := range examples {
		if !names[name] {
			t.Errorf("there are examples of %s, which is no command", name)
		}
	}
}

// A narrow terminal gets the same flags and commands, one below the other.
func TestHelpFitsTheTerminal(t *testing.T) {
	skipUnderRace(t)
	commands := []string{""}
	for _, node := range kong.Must(new(cli)).Model.Leaves(true) {
		command, _, _ := strings.Cut(node.Path(), " [")
		commands = append(commands, command)
	}
	for _, command := range commands {
		args := append(strings.Fields(command), "--help")
		words := map[string]bool{}
		for word := range strings.FieldsSeq(gputrain(args...).want(t, 0).out) {
			words[word] = true
		}
		for _, width := range []int{40, 69, 70, 80, 200} {
			terminal := &fakeTerminal{width: width}
			if code := run(t.Context(), args, strings.NewReader(""), terminal, io.Discard); code != 0 {
				t.Fatalf("%q: exit code %d", args, code)
			}
			shown := map[string]bool{}
			for line := range strings.Lines(terminal.String()) {
				if got := text.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
					t.Errorf("%q: %q takes %d of %d columns", args, line, got, width)
				}
				for word := range strings.FieldsSeq(line) {
					shown[word] = true
				}
			}
			for word := range words {
				if !shown[word] {
					t.Errorf("%q: no %q in %d columns", args, word, width)
				}
			}
		}
	}
}
