//go:build cuda && emulatorabi

package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var libraries = flag.String("libraries", "", "the folder with libcuda.so.1 and libcudart.so; see make test-libcuda")

// A program is run with one argument, which chooses what it does.
type program struct{ name, path, kernels string }

// A run is what a program must print, and what the library must report.
type run struct {
	argument    string
	environment []string
	output      string // all of it
	report      string // a part of it; "" means that there must be none
}

func (p program) check(t *testing.T, r run) {
	t.Helper()
	command := exec.Command(p.path, r.argument)
	if p.kernels != "" {
		command.Args = append(command.Args, p.kernels)
	}
	command.Env = slices.Concat(os.Environ(), []string{"LD_LIBRARY_PATH=" + *libraries}, r.environment)
	var output, report bytes.Buffer
	command.Stdout, command.Stderr = &output, &report
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 2) {
		t.Fatalf("%s %q: %v\n%s", p.name, r.argument, err, report.String())
	}
	if output.String() != r.output {
		t.Errorf("%s %q %q prints\n%swant\n%s", p.name, r.argument, r.environment, output.String(), r.output)
	}
	if r.report == "" && report.Len() > 0 || !strings.Contains(report.String(), r.report) {
		t.Errorf("%s %q %q: the report is\n%swant\n%s", p.name, r.argument, r.environment, report.String(), r.report)
	}
}

// compile compiles a program of testdata.
func compile(t *testing.T, name string, compiler ...string) program {
	t.Helper()
	if *libraries == "" {
		t.Skip("needs the libraries: see make test-libcuda")
	}
	path := filepath.Join(t.TempDir(), "program")
	command := exec.Command(compiler[0], append(compiler[1:], "-o", path, filepath.Join("testdata", name), "-L"+*libraries, "-lcuda")...)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return program{name: name, path: path}
}

func TestProgramsOfTheDriver(t *testing.T) {
	p := compile(t, "driver.c", "gcc", "-Wall", "-Wextra", "-Werror", "-I", "../abi/include")
	p.kernels = filepath.Join("testdata", "kernels.ptx")
	for _, r := range []run{
		{argument: "add"},
		{argument: "buffer"},
		{argument: "global", output: "8 bytes, sum 42\ncuModuleGetGlobal: CUDA_ERROR_NOT_FOUND\n",
			report: "cuda emulator: the module has no variable nothing\n"},
		{argument: "handle", output: "cuLaunchKernel: CUDA_ERROR_INVALID_HANDLE\n", report: "cuda emulator: function 25 does not exist\n"},
		{argument: "nowhere", output: "cuMemcpyHtoD: CUDA_ERROR_INVALID_VALUE\n", report: "a copy of 4 bytes from or to the host's address 0\n"},
		{argument: "refused", output: "cuModuleGetFunction: CUDA_ERROR_NOT_SUPPORTED\n", report: "kernel textured cannot be loaded: cuda emulator: ptx:"},
		{argument: "cooperative", output: "100 blocks met\n"},
		{argument: "managed", output: "x[99] = 199\n"},
		{argument: "stream", output: "the last is 99, and time has passed: 1\nthe graph says 5\n"},
		{argument: "branches", output: "the branches say 5 and 5\ncuStreamWaitEvent: CUDA_ERROR_STREAM_CAPTURE_ISOLATION\n",
			report: "a wait for an event that was recorded outside of it\n"},
		{argument: "unjoined", output: "cuStreamEndCapture: CUDA_ERROR_STREAM_CAPTURE_UNJOINED\n", report: "does not wait for 1 nodes that the capture has on stream "},
		{argument: "not forked", output: "cuStreamWaitEvent: CUDA_ERROR_STREAM_CAPTURE_ISOLATION\n", report: "a wait for an event that was recorded outside of it\n"},
		{argument: "one word", output: "cuStreamSynchronize: CUDA_ERROR_LAUNCH_FAILED\n", report: "which factors writes in another branch of the graph; nothing orders the two\n"},
		{argument: "contexts", output: "the second is current: 1\nthe first is again: 1\ncuMemcpyHtoD: CUDA_ERROR_INVALID_VALUE\n" +
			"cuCtxSetCurrent: CUDA_ERROR_INVALID_CONTEXT\nactive: 0\ncuCtxGetDevice: CUDA_ERROR_CONTEXT_IS_DESTROYED\n",
			report: "CopyToDevice: out of bounds: 4 bytes at 0x110000000000 end "},
		{argument: "memory", output: "pitch 512, 0 bytes before, 2048 in all, 2056 taken\nrow 2: 1 1 3 2 1\n" +
			"the same address: 1, of the host: 1, copied 42\ncuMemHostUnregister: CUDA_ERROR_INVALID_VALUE\n",
			report: "FreeHost: invalid free: "},
		{argument: "callback", output: "called\n"},
		{argument: "device", output: "1 device, emulated H100, 132 multiprocessors with 2 blocks of 1024 threads, grid 264\n"},
		{argument: "device", environment: []string{"GPUTRAIN_EMULATOR_GPU=T4"},
			output: "1 device, emulated T4, 40 multiprocessors with 1 blocks of 1024 threads, grid 40\n"},
		{argument: "device", environment: []string{"GPUTRAIN_EMULATOR_DEVICES=3"},
			output: "3 device, emulated H100, 132 multiprocessors with 2 blocks of 1024 threads, grid 264\n"},

		// What is wrong is found, and what is not quite as wrong is not.
		{argument: "within"},
		{argument: "beyond", output: "cuCtxSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS\n",
			report: "cuda emulator: kernel beyond: out of bounds: 4 bytes at 0x100000100180 end 4 bytes past the end of allocation 1 of 128 bytes\n" +
				"  block (0,0,0) of (1,1,1), thread (32,0,0)\n"},
		{argument: "race", output: "cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED\n", report: "race in global memory: writes 4 bytes"},
		{argument: "race", environment: []string{"GPUTRAIN_EMULATOR_SEED=7"}, output: "cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED\n", report: "launch 1, seed 7\n"},
		{argument: "race", environment: []string{"GPUTRAIN_EMULATOR_OFF=race in global memory, race of equal writes"}},
		{argument: "equal"},
		{argument: "equal", environment: []string{"GPUTRAIN_EMULATOR_OFF="}, output: "cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED\n", report: "race of equal writes"},
		{argument: "too many", output: "cuLaunchCooperativeKernel: CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE\n", report: "a cooperative grid of 100000 blocks, but the device holds 4224 of them at once"},
		{argument: "unsupported", output: "cuArrayCreate: CUDA_ERROR_NOT_SUPPORTED\n", report: "cuda emulator: cuArrayCreate_v2: not supported\n"},
		{argument: "machine code", output: "cuModuleLoadData: CUDA_ERROR_NO_BINARY_FOR_GPU\n", report: "the module is machine code"},

		{argument: "within", environment: []string{"GPUTRAIN_EMULATOR_PROFILE=1"}, report: "beyond: 1 launches, 192 instructions of threads\n"},
		{argument: "within", environment: []string{"GPUTRAIN_EMULATOR_SEED=x"}, report: `libcuda: GPUTRAIN_EMULATOR_SEED: strconv.ParseUint: parsing "x"`},
		{argument: "within", environment: []string{"GPUTRAIN_EMULATOR_DEVICES=0"}, report: `libcuda: GPUTRAIN_EMULATOR_DEVICES: "0" is no number of devices from 1 on`},
		{argument: "within", environment: []string{"GPUTRAIN_EMULATOR_OFF=races"}, report: `libcuda: GPUTRAIN_EMULATOR_OFF: there is no check "races"; there are ["out of bounds"`},
		{argument: "within", environment: []string{"GPUTRAIN_EMULATOR_GPU=H1"}, report: `libcuda: GPUTRAIN_EMULATOR_GPU: cuda emulator: unknown GPU "H1"`},
	} {
		p.check(t, r)
	}
}

func TestProgramsOfTheRuntime(t *testing.T) {
	if _, err := exec.LookPath("nvcc"); err != nil {
		t.Skip("needs nvcc")
	}
	p := compile(t, "runtime.cu", "nvcc", "-allow-unsupported-compiler", "-lineinfo", "-cudart", "shared", "-cudadevrt", "none",
		"-gencode", "arch=compute_80,code=compute_80")
	for _, r := range []run{
		{argument: "add", output: "before\nkernel tag\nafter\nx[99] = 202, 1 call\n"},
		{argument: "managed", output: "before\nkernel tag\nafter\nx[99] = 202, 1 call\n"},
		{argument: "stream", output: "x[1] = 30, time has passed: 1\n"},
		{argument: "device", output: "emulated H100, sm_90, 256 bytes of shared memory, PTX for 80, 264 blocks of 1024\n"},
		{argument: "broken", output: "cudaErrorLaunchFailure: unspecified launch failure\n", report: "race in shared memory: "},
		{argument: "broken", output: "cudaErrorLaunchFailure: unspecified launch failure\n", report: "runtime.cu:41\n"},
		{argument: "configuration", output: "cudaErrorInvalidConfiguration: invalid configuration argument\n",
			report: "kernel reverse_broken(int*): a block of (2048,1,1) threads; the limits are (1,1,1) to (1024,1024,64), and 1024 in all\n"},
		{argument: "texture", report: "cuda emulator: cudaCreateTextureObject: not supported\n"},
	} {
		p.check(t, r)
	}
}
