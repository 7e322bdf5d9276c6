//go:build cuda && mpi && linux

package main

import (
	"flag"
	"os"
	"strings"
	"syscall"
	"testing"
)

var emulatedNCCL = flag.Bool("nccl", false, "emulated GPUs and NCCL are behind their libraries: see make test-nccl")

// eachNCCL runs a test with each MPI, on emulated GPUs.
func eachNCCL(t *testing.T, test func(t *testing.T, m mpirun)) {
	if !*emulatedNCCL {
		t.Skip("needs emulated GPUs behind libcuda.so.1 and NCCL: see make test-nccl")
	}
	t.Chdir(t.TempDir())
	eachMPI(t, false, test)
}

// The GPUs add, in the order of the ranks: the model has the bytes of ranks of one process.
// Fast it has others, as the emulator adds from behind. Without NCCL the host adds, which is
// said once.
func TestNCCLTrainsOneNetwork(t *testing.T) {
	train := func(args ...string) []string {
		return append([]string{"train", "--model", "mlp", "--hidden", "8", "--epochs", "1", "--batch", "200"}, args...)
	}
	local := ""
	eachNCCL(t, func(t *testing.T, m mpirun) {
		tests := []struct {
			name, note string
			args       []string
			same       bool
		}{
			{"ordered", "gradients are added up on the GPUs by NCCL 2.13.0 (libnccl.so.2)", nil, true},
			{"fast", "gradients are added up on the GPUs by NCCL", []string{"--reduce", "fast"}, false},
			{"host", "gradients are added up on the host: no libnccl.so.2 where the system looks for libraries", nil, true},
		}
		if local == "" {
			gputrain(train("--device", "emulated", "--ranks", "3", "--out", "local")...).want(t, 0)
			local = readFile(t, "local/"+modelName)
		} else {
			tests = tests[:1] // that the launcher does not matter
		}
		for _, of := range tests {
			if of.name == "host" {
				t.Setenv("LD_LIBRARY_PATH", strings.ReplaceAll(os.Getenv("LD_LIBRARY_PATH"), "/libnccl", "/nothing"))
			}
			dir := runDir(t.TempDir() + "/run")
			o := m.start(t, 3, train(append(of.args, "--device", "cuda", "--out", string(dir))...)...).end().want(t, 0)
			if strings.Count(o.errors, "gradients are added up") != 1 || !strings.Contains(o.errors, of.note) {
				t.Errorf("%s: stderr %q, want %q once", of.name, o.errors, of.note)
			}
			if same := readFile(t, dir.file(modelName)) == local; same != of.same {
				t.Errorf("%s: the bytes are those of ranks in one process: %v, want %v", of.name, same, of.same)
			}
		}
	})
}

// The launcher does not matter here: TestMPIFaults has all of them.
func TestNCCLFaults(t *testing.T) {
	first := true
	eachNCCL(t, func(t *testing.T, m mpirun) {
		if !first {
			t.Skip("the first one is enough")
		}
		first = false
		for _, of := range []struct {
			name, want string
			signal     syscall.Signal
		}{
			{"killed", "", syscall.SIGKILL},
			{"hangs", "rank 0: it has waited 2s for the others, one of which hangs", syscall.SIGSTOP},
		} {
			t.Run(of.name, func(t *testing.T) {
				dir := runDir(t.TempDir() + "/run")
				j := m.start(t, 2, long("--device", "cuda", "--out", string(dir), "--stall", "2s", "--checkpoint-every", "4steps")...)
				j.until("a checkpoint", trains(dir))
				j.signal(1, of.signal)
				j.wantFault(of.want)
				wantCheckpoint(t, dir)
			})
		}
		t.Setenv("GPUTRAIN_NCCL", "/nowhere/libnccl.so.2")
		m.start(t, 2, long("--device", "cuda", "--out", t.TempDir()+"/run")...).wantFault("gputrain: nccl: GPUTRAIN_NCCL: cannot load the NCCL library /nowhere/libnccl.so.2: ")
	})
}
