package main

import (
	"encoding/binary"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

func TestMoreMemoryThanThereIsNeedsToBeAskedFor(t *testing.T) {
	if err := checkMemory("x", need{"a", 1 << 20}); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	err := checkMemory("x", need{"a", 1 << 50}, need{"b", 5 << 20})
	if err == nil {
		t.Fatal("1 PiB: no error")
	}
	for _, want := range []string{"x needs 1024 TiB for a, 5 MiB for b, and ", " are left of "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// A network that is too large is one line, whatever of it is too large.
func TestTooLargeNetworksAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, flags := range []string{
		"--hidden 10000000", "--hidden 10000000 --model mlp --layers 2", "--batch 10000000 --hidden 1000",
	} {
		for _, command := range []string{"train", "explain"} {
			wantFailure(t, exitFailure, []string{"out of memory; take a smaller --hidden, --layers or --batch"},
				strings.Fields(command+" "+flags)...)
		}
	}
}

func TestModelFilesKeepToTheMemoryThereIs(t *testing.T) {
	t.Chdir(t.TempDir())
	const limit = 256 << 20
	t.Setenv("GOMEMLIMIT", "256MiB")
	before := debug.SetMemoryLimit(limit)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for _, c := range []struct {
		name     string
		metadata uint64
		size     int64
		want     string
	}{
		{"tensors", 100, 1 << 30, "needs 1024 MiB for its tensors, 2 KiB for its metadata, and "},
		{"metadata", 64 << 20, 65 << 20, "needs 1 MiB for its tensors, 1.5 GiB for its metadata, and "},
		{"false length", 1 << 63, 16 << 20, "needs 0 KiB for its tensors, 384 MiB for its metadata, and "},
	} {
		writeFile(t, c.name, string(binary.LittleEndian.AppendUint64(nil, c.metadata)))
		if err := os.Truncate(c.name, c.size); err != nil { // sparse
			t.Fatal(err)
		}
		_, err := readModelFile(c.name)
		if err == nil || !strings.Contains(err.Error(), c.name+" "+c.want) || !strings.Contains(err.Error(), " are left of 256 MiB (GOMEMLIMIT)") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	writeFile(t, "short", "1234")
	if _, err := readModelFile("short"); err == nil || !strings.Contains(err.Error(), "only 4 bytes") {
		t.Errorf("short: %v", err)
	}
}

func TestSettingsAreAFewLines(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "large.toml", strings.Repeat("# more\n", maxConfig/7+1))
	for _, command := range []string{"train", "explain", "profile"} {
		wantFailure(t, exitUsage, []string{"large.toml: it has more than 1 MiB"}, command, "--config", "large.toml")
	}
}
