package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var pythonWithTorch = flag.String("python", "", "a Python that has torch, safetensors and onnxruntime, to exchange models with")

// offerGputrain puts gputrain into PATH, for the processes of a test that needs
// -python, and goes to a new directory.
func offerGputrain(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "gputrain")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("GPUTRAIN_TEST_MAIN", "gputrain")
	t.Chdir(t.TempDir())
}

var block = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// go test ./cmd/gputrain -run PyTorch -args -python=python3
func TestPyTorchPageCanBeWalkedThrough(t *testing.T) {
	if *pythonWithTorch == "" {
		t.Skip("needs the flag -python")
	}
	blocks := block.FindAllStringSubmatch(readFile(t, "../../docs/pytorch.md"), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d blocks", len(blocks))
	}
	offerGputrain(t)
	for _, b := range blocks {
		command := exec.Command("sh", "-ec", b[2])
		if b[1] == "python" {
			command = exec.Command(*pythonWithTorch, "-c", b[2])
		}
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s%v\n%s", b[2], err, out)
		}
	}
}

func TestRandomModelsAreTheSameInPyTorch(t *testing.T) {
	if *pythonWithTorch == "" {
		t.Skip("needs the flag -python")
	}
	script := readFile(t, "testdata/interchange.py")
	offerGputrain(t)
	out, err := exec.Command(*pythonWithTorch, "-c", script, "12").CombinedOutput()
	if err != nil || string(out) != "12 seeds\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
