//go:build unix

package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	kills    = flag.Int("kills", 8, "how many processes TestKilledRunsEndInTheSameBytes kills; make soak takes 200")
	killSeed = flag.Uint64("killseed", 1, "seed of the moments in which it does so")
)

func init() { roles["limitFiles"] = limitFiles }

// limitFiles is the main function of a process that cannot write files longer
// than the given number of bytes, as on a disk that is full.
func limitFiles(bytes string) {
	limit, err := strconv.ParseUint(bytes, 10, 64)
	if err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit})
	}
	if err != nil {
		panic(err)
	}
	main()
}

// start starts a command line in a process of its own, whose files cannot grow
// beyond limit bytes; 0 means that they can.
func start(t *testing.T, limit int, args ...string) (command *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	stderr = new(bytes.Buffer)
	command = exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain")
	if limit > 0 {
		command.Env = append(os.Environ(), fmt.Sprint("GPUTRAIN_TEST_MAIN=limitFiles ", limit))
	}
	command.Stderr = stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command, stderr
}

// unfinished returns the temporary files of a run.
func unfinished(t *testing.T, dir runDir) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{".*.tmp", filepath.Join(checkpointsName, ".*.tmp")} {
		paths, err := filepath.Glob(dir.file(pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

// TestKilledRunsEndInTheSameBytes kills processes that train: half of them at any
// moment, half of them while they write a file. In between, the disk is full. What
// goes on from there must end as if nothing had happened.
func TestKilledRunsEndInTheSameBytes(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	t.Logf("-args -kills %d -killseed %d", *kills, *killSeed)
	rng := rand.New(rand.NewPCG(*killSeed, 0))
	args := []string{"train", "--model", "mlp", "--hidden", "96", "--epochs", "6", "--batch", "64", "--patience", "6", "--checkpoint-every", "7steps", "--metrics-every", "3", "--tensorboard"}
	began := time.Now()
	whole, stderr := start(t, 0, append(args, "--out", "whole")...)
	if err := whole.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	lifetime := time.Since(began)
	least := len(readFile(t, runDir("whole").file(curvesName))) // of a file that each process writes that ends well

	killed, inWrites, full := 0, 0, 0
	for run := 0; killed < *kills; run++ {
		dir := runDir(fmt.Sprint("run", run))
		for life := 0; ; life++ {
			again := append(slices.Clone(args), "--out", string(dir))
			if _, err := dir.readConfig(); err == nil && life > 0 && rng.IntN(4) > 0 {
				again = []string{"train", "--resume", string(dir)}
			} else if steps, _ := dir.checkpoints(); len(steps) > 0 {
				again = []string{"train", "--resume", string(dir)}
			}
			limit := 0
			if rng.IntN(3) == 0 {
				limit = 1 + rng.IntN(100_000) // the checkpoints have about 100 kB
			}
			if killed == *kills && full == 0 { // all that had a full disk were killed before
				limit = least / 2
			}
			command, stderr := start(t, limit, again...)
			done := make(chan error, 1)
			go func() { done <- command.Wait() }()
			if killed < *kills {
				kill(t, command, dir, done, rng, lifetime)
			}
			err := <-done
			left := unfinished(t, dir)
			// The one before may have been killed after its last write.
			finished := life > 0 && strings.Contains(stderr.String(), string(dir)+" is finished")
			if command.ProcessState.Success() || finished {
				if !finished && limit > 0 && limit < least {
					t.Fatalf("run %d, life %d: with files of %d bytes it ended well", run, life, limit)
				}
				break
			}
			switch code := command.ProcessState.ExitCode(); {
			case code < 0: // by a signal
				killed++
				if len(left) > 0 {
					inWrites++
				}
			case limit > 0 && code == exitFailure && strings.Contains(stderr.String(), "file too large"):
				full++
				if len(left) > 0 {
					t.Fatalf("run %d, life %d: %q are left after: %s", run, life, left, stderr)
				}
			default:
				t.Fatalf("run %d, life %d, %q, files of at most %d bytes: %v: %s", run, life, again, limit, err, stderr)
			}
		}
		wantSameRun(t, dir, "whole")
	}
	t.Logf("%d processes killed, %d of them while they wrote; %d found the disk full", killed, inWrites, full)
	if inWrites < *kills/4 || full == 0 {
		t.Errorf("too few kills within writes, or no full disk, to see anything")
	}
}

var soakIntervals = flag.Int("soak-intervals", 0, "how many processes TestSoakAKillLosesNoMoreThanTheInterval kills")

// TestSoakAKillLosesNoMoreThanTheInterval kills processes whose only epoch takes longer
// than they live. What they leave must be as young as the interval says.
func TestSoakAKillLosesNoMoreThanTheInterval(t *testing.T) {
	if *soakIntervals == 0 {
		t.Skip("a long test, see -soak-intervals")
	}
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60_000))
	t.Logf("-args -soak-intervals %d -killseed %d", *soakIntervals, *killSeed)
	rng := rand.New(rand.NewPCG(*killSeed, 1))
	const interval, slack = 300 * time.Millisecond, 700 * time.Millisecond // for a busy machine
	oldest := time.Duration(0)
	for run := range *soakIntervals {
		dir := runDir(fmt.Sprint("run", run))
		command, stderr := start(t, 0, "train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "64", "--batch", "1",
			"--epochs", "1000", "--checkpoint-every", interval.String(), "--quiet", "--out", string(dir))
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			if steps, _ := dir.checkpoints(); len(steps) > 0 {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("no checkpoint after a minute: %s", stderr)
			}
		}
		time.Sleep(time.Duration(rng.Float64() * float64(2*time.Second)))
		command.Process.Kill()
		killed := time.Now()
		command.Wait()
		if !command.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatalf("it ended by itself: %s", stderr)
		}
		info, err := os.Stat(newestCheckpoint(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		age := killed.Sub(info.ModTime())
		if oldest = max(oldest, age); age > interval+slack {
			t.Errorf("kill %d: the newest checkpoint was %v old", run, age)
		}
	}
	t.Logf("%d processes killed; the oldest of the checkpoints was written %v before", *soakIntervals, oldest)
}

// kill kills command: at any moment of its life, or while it writes one of the
// files of the run. It returns earlier if the command ends, and then gives done
// back what it took.
func kill(t *testing.T, command *exec.Cmd, dir runDir, done chan error, rng *rand.Rand, lifetime time.Duration) {
	end := time.After(time.Duration(rng.Float64() * 1.2 * float64(lifetime)))
	file := 1 + rng.IntN(12) // of those that are written
	if rng.IntN(4) == 0 {
		file = 0 // none in particular
	}
	seen := map[string]bool{}
	for file > 0 {
		for _, path := range unfinished(t, dir) {
			seen[path] = true
		}
		if len(seen) >= file {
			command.Process.Kill()
			return
		}
		select {
		case err := <-done:
			done <- err
			return
		default:
		}
	}
	select {
	case err := <-done:
		done <- err
	case <-end:
		command.Process.Kill()
	}
}

// wantSameRun compares the files of two finished runs.
func wantSameRun(t *testing.T, dir, whole runDir) {
	t.Helper()
	for _, name := range []string{modelName, bestName, configName, resultName, confusionName, curvesName} {
		if readFile(t, dir.file(name)) != readFile(t, whole.file(name)) {
			t.Errorf("%s has another %s than the run that was never stopped", dir, name)
		}
	}
	if readFile(t, newestCheckpoint(t, dir)) != readFile(t, newestCheckpoint(t, whole)) {
		t.Errorf("%s has another checkpoint at its end than the run that was never stopped", dir)
	}
	rows, want := metricsOf(t, dir), metricsOf(t, whole)
	if !slices.EqualFunc(rows, want, sameEpoch) {
		t.Errorf("%s has the metrics %q, want %q but for the wall time", dir, rows, want)
	}
	if whole.has(linesName) && timeless(t, dir) != timeless(t, whole) {
		t.Errorf("%s has other live metrics than the run that was never stopped", dir)
	}
	if left := unfinished(t, dir); len(left) > 0 || dir.has(lockName) {
		t.Errorf("%s still has %q, or its lock", dir, left)
	}
}
