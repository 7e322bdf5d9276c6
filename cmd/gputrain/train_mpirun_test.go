//go:build mpi && linux

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gputrain/model"
)

var (
	rankKills  = flag.Int("rank-kills", 2, "how many times a rank of a training is killed, with each MPI")
	mpiFolders = flag.String("mpi", "", "folders where MPI is installed, besides those of Debian, with commas between them")
)

// mpirun is a launcher of this machine. Its library is found as the program finds it.
type mpirun []string

// eachMPI runs a test with Debian's Open MPI and MPICH, and with those that -mpi names, if they
// are installed. Unless all are needed, -short leaves out those of which another is there.
func eachMPI(t *testing.T, all bool, test func(t *testing.T, m mpirun)) {
	var installed []string
	for _, name := range []string{"mpirun.openmpi", "mpiexec.mpich"} {
		if path, err := exec.LookPath(name); err == nil {
			installed = append(installed, path)
		}
	}
	for folder := range strings.SplitSeq(*mpiFolders, ",") {
		if folder != "" {
			installed = append(installed, filepath.Join(folder, "bin/mpiexec"))
		}
	}
	if len(installed) == 0 {
		t.Skip("no MPI is installed: see make test-mpi")
	}
	known := map[bool]bool{}
	for _, path := range slices.Backward(installed) { // the newest first
		version, err := exec.Command(path, "--version").Output()
		if err != nil {
			t.Fatal(err)
		}
		m, hydra := mpirun{path}, bytes.Contains(version, []byte("HYDRA")) // of MPICH
		if !hydra {
			m = append(m, "--oversubscribe")
		}
		if known[hydra] && testing.Short() && !all {
			continue
		}
		known[hydra] = true
		t.Run(strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"), func(t *testing.T) { test(t, m) })
	}
}

// job is a training that a launcher has started.
type job struct {
	*exec.Cmd
	t        *testing.T
	out, err bytes.Buffer
	mark     string // an argument that only its processes have
}

// start starts this program, as so many ranks, with the arguments.
func (m mpirun) start(t *testing.T, ranks int, args ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return m.startAs(t, ranks, append([]string{self}, args...)...)
}

// startAs starts a command that ends up as this program.
func (m mpirun) startAs(t *testing.T, ranks int, command ...string) *job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	args := slices.Concat(m[1:], []string{"-n", strconv.Itoa(ranks)}, command)
	j := &job{Cmd: exec.CommandContext(ctx, m[0], args...), t: t}
	j.mark = "GPUTRAIN_TEST_JOB=" + t.Name() + strconv.FormatInt(time.Now().UnixNano(), 10)
	j.Env = append(os.Environ(), "GPUTRAIN_TEST_MAIN=gputrain", j.mark,
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", // as in a container
		"OMPI_MCA_mpi_yield_when_idle=1") // there are more ranks than CPUs
	j.Stdout, j.Stderr, j.WaitDelay = &j.out, &j.err, time.Second
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	return j
}

// ranks returns the processes of the ranks, by their numbers.
func (j *job) ranks() map[int]int {
	found := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		environ := strings.Split(string(text), "\x00")
		if !slices.Contains(environ, j.mark) {
			continue
		}
		for _, v := range environ {
			for _, name := range []string{"OMPI_COMM_WORLD_RANK=", "PMI_RANK="} {
				var pid int
				rank, err := strconv.Atoi(strings.TrimPrefix(v, name))
				if _, scanned := fmt.Sscanf(file, "/proc/%d/", &pid); err == nil && scanned == nil && strings.HasPrefix(v, name) {
					found[rank] = pid
				}
			}
		}
	}
	return found
}

// signal sends a signal to a rank.
func (j *job) signal(rank int, s syscall.Signal) {
	j.t.Helper()
	pid, ok := j.ranks()[rank]
	if !ok {
		j.t.Fatalf("rank %d is not there: %s", rank, j.err.String())
	}
	if err := syscall.Kill(pid, s); err != nil {
		j.t.Error(err)
	}
}

// until waits for something to happen in the training.
func (j *job) until(what string, happened func() bool) {
	j.t.Helper()
	for began := time.Now(); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 40*time.Second {
			j.Process.Kill()
			j.t.Fatalf("%s: not within 40 s: %s", what, j.err.String())
		}
	}
}

// end waits for the end, and for that of all ranks. It is a failure if they take more than 30 s.
func (j *job) end() outcome {
	j.t.Helper()
	began := time.Now()
	j.Wait()
	for len(j.ranks()) > 0 && time.Since(began) < 30*time.Second {
		time.Sleep(20 * time.Millisecond)
	}
	if left := j.ranks(); len(left) > 0 || time.Since(began) > 30*time.Second {
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		j.t.Errorf("after %v, the ranks %v are left", time.Since(began).Round(time.Second), left)
	}
	return outcome{j.ProcessState.ExitCode(), j.out.String(), j.err.String()}
}

// wantFault stops the test unless the training has failed with the line, once, and with a
// checkpoint that can be read.
func (j *job) wantFault(line string) {
	j.t.Helper()
	o := j.end()
	if o.code == 0 || line != "" && strings.Count(o.out+o.errors, line) != 1 {
		j.t.Fatalf("code %d, want another than 0 and the line %q once: %s", o.code, line, o.out+o.errors)
	}
}

func wantCheckpoint(t *testing.T, dir runDir) {
	t.Helper()
	if _, err := model.ReadFile(newestCheckpoint(t, dir)); err != nil {
		t.Error(err)
	}
}

// long is a training that goes on until something ends it.
func long(args ...string) []string {
	return append([]string{"train", "--model", "mlp", "--hidden", "8", "--epochs", "100000", "--batch", "64", "--quiet", "--checkpoint-every", "20steps"}, args...)
}

// trains reports whether a run has a checkpoint.
func trains(dir runDir) func() bool {
	return func() bool {
		steps, err := dir.checkpoints()
		return err == nil && len(steps) > 0
	}
}

// The ranks of any launcher make the same bytes as those of one process.
func TestMPITrainsOneNetwork(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--ranks", "3", "--out", "local")...).want(t, 0)
	eachMPI(t, true, func(t *testing.T, m mpirun) {
		dir := runDir(t.TempDir() + "/run")
		o := m.start(t, 3, quick("--out", string(dir))...).end().want(t, 0)
		if strings.Count(o.out, "test accuracy") != 1 || strings.Count(o.errors, "epoch   2/2") != 1 {
			t.Errorf("stdout %q, stderr %q; want the words of one rank", o.out, o.errors)
		}
		for _, name := range []string{modelName, bestName, configName, resultName} {
			if readFile(t, dir.file(name)) != readFile(t, "local/"+name) {
				t.Errorf("%s is another than that of ranks in one process", name)
			}
		}
		m.start(t, 3, quick("--reduce", "fast", "--quiet", "--out", string(dir)+"-fast")...).end().want(t, 0)
	})
}

// USR1 reaches one rank, and all stop after the same step. Another launcher goes on.
func TestMPIStopsAndGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--ranks", "2", "--epochs", "300", "--quiet", "--out", "whole")...).want(t, 0)
	eachMPI(t, false, func(t *testing.T, m mpirun) {
		dir := runDir(t.TempDir() + "/run")
		j := m.start(t, 2, quick("--epochs", "300", "--quiet", "--checkpoint-every", "20steps", "--out", string(dir))...)
		j.until("a checkpoint", trains(dir))
		j.signal(1, syscall.SIGUSR1)
		if o := j.end(); o.code == 0 || !strings.Contains(o.errors, "gputrain: rank 1 was asked to stop in epoch ") {
			t.Errorf("code %d, stderr %q", o.code, o.errors)
		}
		gputrain("train", "--quiet", "--resume", string(dir)).want(t, 0)
		if readFile(t, dir.file(modelName)) != readFile(t, "whole/"+modelName) {
			t.Error("the run that was stopped has another model")
		}
	})
}

func TestMPIFaults(t *testing.T) {
	eachMPI(t, false, func(t *testing.T, m mpirun) {
		t.Chdir(t.TempDir())
		random := rand.New(rand.NewPCG(1, 1))
		t.Run("killed", func(t *testing.T) {
			for i := range *rankKills {
				args := long("--out", "run")
				if i > 0 {
					args = []string{"train", "--resume", "run", "--quiet"}
				}
				before := 0
				if steps, _ := runDir("run").checkpoints(); len(steps) > 0 {
					before = steps[0]
				}
				j := m.start(t, 3, args...)
				j.until("a new checkpoint", func() bool {
					steps, _ := runDir("run").checkpoints()
					return len(steps) > 0 && steps[0] > before
				})
				time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
				j.signal(random.IntN(3), syscall.SIGKILL)
				j.wantFault("")
				wantCheckpoint(t, "run")
			}
		})
		t.Run("hangs", func(t *testing.T) {
			j := m.start(t, 2, long("--out", "hangs", "--stall", "2s")...)
			j.until("a checkpoint", trains("hangs"))
			j.signal(1, syscall.SIGSTOP)
			j.wantFault("rank 0: it has waited 2s for the others, one of which hangs")
			wantCheckpoint(t, "hangs")
		})
		t.Run("rank 0 cannot write", func(t *testing.T) {
			j := m.start(t, 2, long("--out", "full")...)
			j.until("a checkpoint", trains("full"))
			// A file in place of the folder of checkpoints: the next one cannot be written.
			j.until("a file in place of the folder", func() bool {
				os.RemoveAll("full/checkpoints")
				return os.WriteFile("full/checkpoints", nil, 0o666) == nil
			})
			j.wantFault("rank 0: ")
		})
		t.Run("other data", func(t *testing.T) {
			j := m.inFolders(t, []string{twoClasses(0), twoClasses(1)}, "train", "--data", "csv:data.csv", "--target", "class", "--quiet")
			j.wantFault("rank 1 has another ")
		})
		t.Run("no data", func(t *testing.T) {
			j := m.inFolders(t, []string{twoClasses(0), twoClasses(0), ""}, "train", "--data", "csv:data.csv", "--target", "class", "--quiet")
			j.wantFault("gputrain: rank 2: data.csv: no such file or directory")
		})
		t.Run("late", func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			script := `test "$OMPI_COMM_WORLD_RANK$PMI_RANK" = 0 || sleep 2; exec "$0" "$@"`
			m.startAs(t, 2, append([]string{"sh", "-c", script, self}, quick("--quiet", "--out", "late")...)...).end().want(t, 0)
		})
		t.Run("other build", func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			program, err := os.ReadFile(self)
			if err != nil {
				t.Fatal(err)
			}
			other := t.TempDir() + "/gputrain"
			if err := os.WriteFile(other, append(program, 0), 0o777); err != nil {
				t.Fatal(err)
			}
			script := `test "$OMPI_COMM_WORLD_RANK$PMI_RANK" = 0 && exec "$0" "$@"; exec ` + other + ` "$@"`
			j := m.startAs(t, 2, append([]string{"sh", "-c", script, self}, quick("--quiet", "--out", "build")...)...)
			j.wantFault("gputrain: rank 1 has another build of gputrain than rank 0")
		})
		t.Run("other settings", func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			script := `exec "$0" "$@" --lr "0.1$OMPI_COMM_WORLD_RANK$PMI_RANK"`
			j := m.startAs(t, 2, append([]string{"sh", "-c", script, self}, quick("--quiet", "--out", "other")...)...)
			j.wantFault("gputrain: rank 1 has another set of settings than rank 0")
		})
	})
}

// inFolders starts a rank for each of the tables, in a folder with a data.csv of that content;
// with none if it is "".
func (m mpirun) inFolders(t *testing.T, tables []string, args ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	for rank, table := range tables {
		dir := filepath.Join(base, strconv.Itoa(rank))
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if table != "" {
			writeFile(t, filepath.Join(dir, "data.csv"), table)
		}
	}
	script := `cd "$0/$OMPI_COMM_WORLD_RANK$PMI_RANK" && exec "$@"`
	return m.startAs(t, len(tables), append([]string{"sh", "-c", script, base, self}, args...)...)
}

// twoClasses returns a table of two classes, which differs a little from that of another number.
func twoClasses(number int) string {
	var text strings.Builder
	text.WriteString("x,y,class\n")
	for i := range 60 {
		fmt.Fprintf(&text, "%d,%d.5,%s\n", i, i*i%17+number*(i%2), []string{"a", "b"}[i%2])
	}
	return text.String()
}
