package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

var soakMemory = flag.Bool("soak-memory", false, "try networks of many sizes under memory limits of 0.5, 1 and 2 GiB")

// limited is a command line of gputrain in a process that may use so many MiB.
type limited struct {
	name string // of the limit
	mib  int
	run  func(mib int, args ...string) *exec.Cmd
	told string // what the errors call the limit
}

// ulimit returns a process under a limit of the shell's ulimit.
func ulimit(letter string) func(mib int, args ...string) *exec.Cmd {
	return func(mib int, args ...string) *exec.Cmd {
		script := fmt.Sprintf(`ulimit -%s %d && exec "$0" "$@"`, letter, mib<<10)
		return exec.Command("sh", append([]string{"-c", script, os.Args[0]}, args...)...)
	}
}

func gomemlimit(mib int, args ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%dMiB", mib))
	return command
}

// start runs the command line to its end. peak is the most memory it had at one
// time, in bytes: what a control group would have counted.
func (l limited) start(t *testing.T, args ...string) (o outcome, peak int64) {
	t.Helper()
	command := l.run(l.mib, args...)
	if command.Env == nil {
		command.Env = os.Environ()
	}
	command.Env = append(command.Env, "GPUTRAIN_TEST_MAIN=gputrain")
	var out, errors strings.Builder
	command.Stdout, command.Stderr = &out, &errors
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	process, err := procfs.NewProc(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case <-ended: // the exit code says more than the error
			return outcome{command.ProcessState.ExitCode(), out.String(), errors.String()}, peak
		case <-time.After(2 * time.Millisecond):
			// rusage does not serve: it begins with what this process has.
			if status, err := process.NewStatus(); err == nil {
				peak = max(peak, int64(status.VmHWM))
			}
		}
	}
}

// trains tries to train a network of that size. It fails the test unless the
// training ends well, or is refused in one line before it begins.
func (l limited) trains(t *testing.T, hidden int, flags ...string) bool {
	t.Helper()
	begun := time.Now()
	args := append([]string{"train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--layers", "2", "--epochs", "2", "--quiet",
		"--hidden", fmt.Sprint(hidden), "--out", filepath.Join(t.TempDir(), "run")}, flags...)
	o, peak := l.start(t, args...)
	t.Logf("%s %d MiB, --hidden %d: exit code %d, at most %d MiB, %.1f s", l.name, l.mib, hidden, o.code, peak>>20, time.Since(begun).Seconds())
	const program = 24 << 20 // pages of its file, which no limit of memory counts
	if peak > int64(l.mib)<<20+program {
		t.Errorf("%s %d MiB, --hidden %d: it took %d MiB", l.name, l.mib, hidden, peak>>20)
	}
	refused := o.code == exitFailure && strings.Count(o.errors, "\n") == 1 &&
		strings.Contains(o.errors, l.told) && strings.Contains(o.errors, "take a smaller --hidden")
	if o.code != 0 && !refused {
		t.Errorf("%s %d MiB, --hidden %d: exit code %d\nstdout: %s\nstderr: %.2000s", l.name, l.mib, hidden, o.code, o.out, o.errors)
	}
	return o.code == 0
}

// boundary looks for the largest network that trains, to within step, and tries
// others around it.
func (l limited) boundary(t *testing.T, low, high, step int, flags ...string) {
	t.Helper()
	if !l.trains(t, low, flags...) {
		t.Errorf("%s %d MiB: --hidden %d does not train", l.name, l.mib, low)
	}
	if l.trains(t, high, flags...) {
		t.Errorf("%s %d MiB: --hidden %d trains", l.name, l.mib, high)
	}
	for high-low > step && !t.Failed() {
		if middle := (low + high) / 2; l.trains(t, middle, flags...) {
			low = middle
		} else {
			high = middle
		}
	}
	t.Logf("%s %d MiB: the largest is --hidden %d", l.name, l.mib, low)
}

// A run that fits is never ended by the system or by Go, one that does not fit is
// refused.
func TestTrainingKeepsToTheMemoryThereIs(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	limits := []limited{{"gomemlimit", 160, gomemlimit, "160 MiB (GOMEMLIMIT)"}, {"data", 384, ulimit("d"), "384 MiB (the limit of its data segment, ulimit -d)"}}
	for _, l := range limits {
		t.Run(l.name, func(t *testing.T) { l.boundary(t, 1500, 2700, 150) })
	}
}

func TestSoakMemory(t *testing.T) {
	if !*soakMemory {
		t.Skip("a long test, see -soak-memory")
	}
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	for _, flags := range [][]string{nil, {"--patience", "5"}, {"--optimizer", "sgd"}, {"--model", "lstm"}, {"--batch", "5000"}} {
		for _, mib := range []int{512, 1024, 2048} {
			for _, l := range []limited{
				{"gomemlimit", mib, gomemlimit, "(GOMEMLIMIT)"},
				{"data", mib, ulimit("d"), "ulimit -d)"},
			} {
				t.Run(fmt.Sprint(l.name, mib, flags), func(t *testing.T) { l.boundary(t, 100, 20000, 100, flags...) })
			}
		}
		l := limited{"address", 2048, ulimit("v"), "ulimit -v)"}
		t.Run(fmt.Sprint(l.name, flags), func(t *testing.T) { l.boundary(t, 100, 20000, 100, flags...) })
	}
}

// No file that a flag names can hold the command up, or take all memory.
func TestDevicesAreNoFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "run")...).want(t, 0)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skip(err)
	}
	for _, file := range []string{"/dev/zero", pipe} {
		for _, line := range []string{
			"train --config FILE", "explain --config FILE", "profile --config FILE",
			"train --data csv:FILE --target 1", "eval --model run --data csv:FILE", "eval --model FILE",
			"predict --model FILE --input flowers.csv", "predict --model run --input FILE",
		} {
			wantFailure(t, exitFailure, []string{file, "it is not a regular file"}, strings.Fields(strings.ReplaceAll(line, "FILE", file))...)
		}
	}
	wantFailure(t, exitFailure, []string{"give a pipe to --input - as stdin"}, "predict", "--model", "run", "--input", pipe)
}
