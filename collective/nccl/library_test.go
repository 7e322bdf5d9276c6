//go:build cuda && mpi && linux

package nccl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Only a library that is nowhere leaves the ranks as they were.
func TestErrorsOfTheLibrary(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"/nowhere/libnccl.so.2", "nccl: GPUTRAIN_NCCL: cannot load the NCCL library /nowhere/libnccl.so.2: "},
		{"group.go", "nccl: GPUTRAIN_NCCL: cannot load the NCCL library group.go: "},
		{"libm.so.6", "nccl: GPUTRAIN_NCCL: libm.so.6 is no NCCL library, or one from before 2.13: it has no nccl"},
	} {
		t.Setenv("GPUTRAIN_NCCL", test.file)
		if _, err := load(); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", test.file, err, test.want)
		}
	}
}

// NVIDIA's own library loads, and answers what it can without a GPU.
func TestNVIDIAsLibrary(t *testing.T) {
	if *folder == "" {
		t.Skip("needs NVIDIA's library: see make check-nccl")
	}
	file := filepath.Join(*folder, "../lib/libnccl.so.2")
	if _, err := os.Stat(file); err != nil {
		t.Skip(err)
	}
	text, err := os.ReadFile(filepath.Join(*folder, "nccl.h"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GPUTRAIN_NCCL", file)
	l, err := load()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(l)
	if want := fmt.Sprintf("#define NCCL_VERSION_CODE %d\n", l.version); !strings.Contains(string(text), want) {
		t.Errorf("the version is %d, but not in the header", l.version)
	}
	const invalidArgument = 4
	if err := l.result("ncclSend", invalidArgument); err == nil || !strings.HasPrefix(err.Error(), "nccl: ncclSend: invalid argument") {
		t.Errorf("an invalid argument is %q", err)
	}
	if err := l.join(1, 1); err == nil || !strings.HasPrefix(err.Error(), "nccl: ncclCommInitRank: ") {
		t.Errorf("rank 1 of 1 joins: %v", err)
	} else {
		t.Log(err)
	}
}
