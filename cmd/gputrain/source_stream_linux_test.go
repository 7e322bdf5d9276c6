package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A table that would take ten times the memory there is trains.
func TestATableOfTenTimesTheMemoryTrains(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	const mib, categories = 64, 500
	rows := 10 * mib << 20 / (24 * categories) // each of as many numbers as there are categories
	var table strings.Builder
	table.WriteString("kind,class\n")
	for i := range rows {
		fmt.Fprintf(&table, "k%d,%c\n", i*7919%categories, "ab"[i*7919%categories%2])
	}
	writeFile(t, "kinds.csv", table.String())
	l := limited{name: "gomemlimit", mib: mib, run: gomemlimit}
	args := []string{"train", "--data", "csv:kinds.csv", "--target", "class", "--model", "mlp", "--hidden", "4", "--epochs", "1", "--batch", "256", "--cache", "cache"}
	o, peak := l.start(t, append(args, "--out", "run")...)
	o.want(t, 0)
	wantText(t, "stderr", o.errors, "made now: in memory they would take 641 MiB", "64 MiB (GOMEMLIMIT)")
	wantText(t, "stdout", o.out, "test accuracy 1.0000")
	const program = 24 << 20 // pages of its file, which no limit of memory counts
	if t.Logf("at most %d MiB", peak>>20); peak > mib<<20+program {
		t.Errorf("it took %d MiB", peak>>20)
	}
	// The control: in memory there is no room for it.
	o, _ = l.start(t, append(args, "--out", "another", "--stream", "never")...)
	wantText(t, "stderr", o.want(t, exitFailure).errors, "64 MiB (GOMEMLIMIT)")
}

// A disk that is full is an error that says so, and leaves nothing behind.
func TestAFullDiskLeavesNoHalfFile(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(1200)) // 24 kB of rows, in a file of at most 4 kB
	full := func(args ...string) outcome {
		command := exec.Command("sh", append([]string{"-c", `ulimit -f 8 && exec "$0" "$@"`, os.Args[0]}, args...)...)
		command.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain")
		var errors strings.Builder
		command.Stderr = &errors
		command.Stdin, _ = os.Open("flowers.csv")
		command.Run()
		return outcome{command.ProcessState.ExitCode(), "", errors.String()}
	}
	for _, from := range []string{"csv:flowers.csv", "csv:-"} {
		o := full(quick("--data", from, "--target", "species", "--stream", "always", "--cache", "cache", "--out", "run")...)
		wantText(t, "stderr", o.want(t, exitFailure).errors, "file too large", "name another folder with --cache")
		if left, _ := os.ReadDir("cache"); len(left) > 0 {
			t.Errorf("%s: %v is left", from, left)
		}
		if _, err := os.Stat("run"); err == nil {
			t.Errorf("%s: there is a run", from)
		}
	}
	if found, _ := filepath.Glob("*"); len(found) != 2 {
		t.Errorf("%q is left", found)
	}
}
