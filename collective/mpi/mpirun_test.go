//go:build mpi && (linux || darwin)

package mpi

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	prefixes = flag.String("mpi", "", "folders where MPI is installed, besides those of PATH, with commas between them")
	required = flag.Bool("required", false, "fail where no MPI is installed")
	kills    = flag.Int("kills", 1, "how many times to kill a rank at a random moment, for each MPI")
	program  = flag.String("rank", "", "run as a rank, which does this: for the tests themselves")
	_        = flag.String("case", "", "marks the ranks of a case: for the tests themselves")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *program != "" {
		runRank(*program) // does not return
	}
	os.Exit(m.Run())
}

// installation is an MPI of this machine.
type installation struct {
	name     string
	launcher launcher
	command  []string // begins with the path of mpirun or mpiexec
	library  string   // for GPUTRAIN_MPI; empty: as the program finds it
}

// installations returns what is installed, each once. Debian has both, with these names.
func installations(t *testing.T) (all []installation) {
	var files []string
	for _, name := range []string{"mpirun.openmpi", "mpiexec.mpich", "mpirun", "mpiexec"} {
		if file, err := exec.LookPath(name); err == nil {
			files = append(files, file)
		}
	}
	for prefix := range strings.SplitSeq(*prefixes, ",") {
		if prefix != "" {
			files = append(files, filepath.Join(prefix, "bin/mpiexec"))
		}
	}
	known := map[string]bool{}
	for _, file := range files {
		version, err := exec.Command(file, "--version").CombinedOutput()
		if err != nil {
			t.Fatalf("%s --version: %v: %s", file, err, version)
		}
		resolved, err := filepath.EvalSymlinks(file)
		if err != nil {
			t.Fatal(err)
		}
		switch text := string(version); {
		case known[resolved]:
		case strings.Contains(text, "Open MPI") || strings.Contains(text, "OpenRTE"):
			all = append(all, installation{file, openMPI, []string{file, "--oversubscribe"}, ""})
		case strings.Contains(text, "HYDRA"):
			all = append(all, installation{file, mpich, []string{file}, ""})
			if standard := filepath.Join(filepath.Dir(file), "../lib/libmpi_abi.so.1"); exists(standard) {
				all = append(all, installation{file + " with the standard ABI", mpich, []string{file}, standard})
			}
		default:
			t.Errorf("%s is the launcher of no library that is known: %s", file, text)
		}
		known[resolved] = true
	}
	if len(all) == 0 {
		if *required {
			t.Fatal("no MPI is installed: there is neither mpirun nor mpiexec")
		}
		t.Skip("no MPI is installed: see make test-mpi")
	}
	return all
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// outcome is how a run has ended.
type outcome struct {
	code           int
	stdout, stderr string
	left           []string // processes that were still there
}

func (o outcome) String() string {
	return fmt.Sprintf("code %d\n%s%s", o.code, o.stdout, o.stderr)
}

var cases sync.Map // of run, by name

// run starts this test as ranks, which do what program says. It takes at most 30 seconds.
func (i installation) run(t *testing.T, ranks int, program string) outcome {
	t.Helper()
	mark := fmt.Sprintf("-case=%d/%s", os.Getpid(), strings.ReplaceAll(t.Name(), " ", "_"))
	if _, twice := cases.LoadOrStore(mark, true); twice {
		t.Fatalf("%s runs twice", mark)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args := slices.Concat(i.command[1:], []string{"-n", fmt.Sprint(ranks), self, "-rank=" + program, mark})
	cmd := exec.CommandContext(ctx, i.command[0], args...)
	cmd.Env = append(os.Environ(),
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", // as in a container
		"OMPI_MCA_mpi_yield_when_idle=1", // there are more ranks than CPUs
		"GPUTRAIN_MPI="+i.library)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	began := time.Now()
	err = cmd.Run()
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), nil}
	if ctx.Err() != nil {
		t.Errorf("%s still runs after %v: %v\n%v", program, time.Since(began).Round(time.Second), err, o)
	}
	// A rank may need a moment to end after its launcher.
	for wait := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		left := processes(t, mark)
		if len(left) == 0 {
			break
		}
		if time.Since(wait) > 5*time.Second {
			for pid, command := range left {
				o.left = append(o.left, command)
				syscall.Kill(pid, syscall.SIGKILL)
			}
			t.Errorf("%s has left %q", program, o.left)
			break
		}
	}
	return o
}

// processes returns those with an argument, where /proc knows.
func processes(t *testing.T, argument string) map[int]string {
	found := map[int]string{}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/", &pid); err == nil && slices.Contains(args, argument) {
			found[pid] = strings.Join(args, " ")
		}
	}
	return found
}

// each runs a test with each MPI, as the program finds it.
func each(t *testing.T, test func(t *testing.T, i installation)) {
	for _, i := range installations(t) {
		if i.library != "" {
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			test(t, i)
		})
	}
}

// The sum has the same bytes with each library, and with ranks that are goroutines.
func TestConformance(t *testing.T) {
	for _, i := range installations(t) {
		for _, ranks := range []int{2, 3, 4} {
			t.Run(fmt.Sprintf("%s/%d", i.name, ranks), func(t *testing.T) {
				t.Parallel()
				o := i.run(t, ranks, "conform")
				var want []string
				for rank := range ranks {
					want = append(want, fmt.Sprintf("rank %d of %d conforms, sum %x", rank, ranks, localSum(ranks)))
				}
				got := strings.Split(strings.TrimSpace(o.stdout), "\n")
				if slices.Sort(got); o.code != 0 || !slices.Equal(got, want) {
					t.Errorf("got %v\nwant %q", o, want)
				}
			})
		}
	}
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		program string
		want    string // in what they print
	}{
		{"error", "rank 1: the disk is full"},
		{"exit", ""},
		{"quit", ""},
		{"panic", "panic: a fault"},
		{"hang", ": it has waited 1s for the others, one of which hangs"},
		{"missing", ""},
		{"absent", ": this rank has waited 2s for the others to start"},
		{"abort", "rank 1: from another goroutine"},
		{"together", "rank 0: they agree to end"},
	} {
		t.Run(test.program, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, i installation) {
				o := i.run(t, 3, test.program)
				if o.code == 0 || !strings.Contains(o.stderr, test.want) {
					t.Errorf("got %v\nwant another code than 0, and %q", o, test.want)
				}
				if n := strings.Count(o.stderr, test.want); strings.HasPrefix(test.want, "rank 1") && n != 1 {
					t.Errorf("%q is there %d times: %s", test.want, n, o.stderr)
				}
			})
		})
	}
}

func TestKilledRank(t *testing.T) {
	each(t, func(t *testing.T, i installation) {
		for seed := range *kills {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				if o := i.run(t, 3, fmt.Sprintf("kill-%d", seed)); o.code == 0 {
					t.Errorf("seed %d: got %v", seed, o)
				}
			})
		}
	})
}

func TestLateRank(t *testing.T) {
	each(t, func(t *testing.T, i installation) {
		if o := i.run(t, 2, "late"); o.code != 0 || strings.Count(o.stdout, "sum 3") != 2 {
			t.Errorf("got %v", o)
		}
	})
}

// With the library of another launcher, each rank would be alone and train all by itself.
func TestTwoLibraries(t *testing.T) {
	all := installations(t)
	for _, i := range all {
		for _, other := range all {
			if i.library != "" || other.library != "" || other.launcher == i.launcher {
				continue
			}
			t.Run(i.name+" and the library of "+other.name, func(t *testing.T) {
				t.Parallel()
				i.library = other.file(t)
				o := i.run(t, 2, "conform")
				want := i.launcher.name + " has started 2 ranks, of which this library sees 1"
				ends := strings.Contains(o.stderr, "unsupported PMI version") // MPICH 5 sees it first
				if o.code == 0 || !strings.Contains(o.stderr, want) && !ends {
					t.Errorf("got %v\nwant %q", o, want)
				}
			})
		}
	}
}

// file returns the file of the library.
func (i installation) file(t *testing.T) string {
	t.Helper()
	for _, folder := range []string{filepath.Join(filepath.Dir(i.command[0]), "../lib"), "/usr/lib/*"} {
		for _, name := range libraryNames(Launch{Launcher: i.launcher.name}) {
			if files, err := filepath.Glob(filepath.Join(folder, name)); err == nil && len(files) > 0 {
				return files[0]
			}
		}
	}
	t.Skip("its library is in a place that the test does not know")
	return ""
}

func TestErrorsOfTheLibrary(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"/nowhere/libmpi.so.40", "mpi: GPUTRAIN_MPI: cannot load the MPI library /nowhere/libmpi.so.40: "},
		{"libnone.so.1", "mpi: GPUTRAIN_MPI: cannot load the MPI library libnone.so.1: "},
		{"group.go", "mpi: GPUTRAIN_MPI: cannot load the MPI library group.go: "},
		{"libm.so.6", "mpi: GPUTRAIN_MPI: libm.so.6 is no MPI library: it has no MPI_"},
	} {
		if runtime.GOOS != "linux" && test.file == "libm.so.6" {
			continue
		}
		t.Setenv("GPUTRAIN_MPI", test.file)
		if _, err := load(Launch{}); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", test.file, err, test.want)
		}
	}
}

// The reason must not get lost where the goroutines change their threads.
func TestErrorsOfTheLibraryOnAnyThread(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				if _, err := open("/nowhere/libmpi.so.40"); !missing(err, "/nowhere/libmpi.so.40") {
					t.Errorf("try %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
}
