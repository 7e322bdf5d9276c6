package main

import (
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

func TestSettingsAreAFewLines(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "large.toml", strings.Repeat("# more\n", maxConfig/7+1))
	for _, command := range []string{"train", "explain", "profile"} {
		wantFailure(t, exitUsage, []string{"large.toml: it has more than 1 MiB"}, command, "--config", "large.toml")
	}
}
