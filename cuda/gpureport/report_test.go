package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestMeasuresOnTheEmulatedDevice(t *testing.T) {
	dir := t.TempDir()
	if err := measure("emulated", dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"products.csv": {"m,n,k,kernel,slices,blocks,microseconds,gflops,chosen,whole,multiprocessors", "64,64,64,gemm_nn_32x32,1,4,", "33,65,70,gemm_tt_64x64,2,4,", ",true,",
			"64,64,64,gemm_nn_tf32x3_64x64,1,1,", "33,65,70,gemm_tt_bf16_128x256,2,2,"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s lacks %q in\n%s", name, line, text)
			}
		}
	}
	if err := measure("gl", dir); err == nil || !strings.Contains(err.Error(), "want cuda:N or emulated") {
		t.Errorf("another device: %v", err)
	}
}

// On a GPU the script makes the parts in their order, goes on after one that fails, and
// makes failures again with launches that block. The programs are stand-ins, of which the
// conformance suite fails, so that the script is tried whole without a GPU.
func TestReportOfAGPU(t *testing.T) {
	for _, need := range []string{"bash", "timeout", "tar"} {
		if _, err := exec.LookPath(need); err != nil || runtime.GOOS == "windows" {
			t.Skip("run.sh is for Linux: it needs " + need)
		}
	}
	dir := t.TempDir()
	program := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/usr/bin/env bash\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gputrain := program("gputrain", `echo "$CUDA_LAUNCH_BLOCKING $*"; [ "$1" != conformance ] || { echo "# Suite" >"$5"; exit 1; }`)
	measures := program("gpureport", `printf 'a,b\n1,gemm_nn_bf16_64x64\n3' >"$4/products.csv"`)
	program("nvidia-smi", "echo a GPU")
	program("compute-sanitizer", `"${@:3}"`)
	program("python3", "true")
	out := filepath.Join(dir, "report")
	run := func() (string, error) {
		script := exec.Command("bash", "run.sh", "cuda:0", out, gputrain, measures)
		script.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		text, err := script.CombinedOutput()
		return string(text), err
	}
	if text, err := run(); err == nil || !strings.Contains(text, "send "+out+".tar.gz") {
		t.Fatalf("a report with a failure: %v\n%s", err, text)
	}
	parts, err := unpack(out + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	want := []string{"summary.txt", "smi.txt", "devices.txt", "products.csv", "explain.txt", "bench.txt", "conformance.md",
		"conformance-bf16.md", "blocking.md", "blocking.txt", "conformance-bf16.txt", "conformance.txt", "sanitized.md", "sanitized.txt", "train.txt"}
	slices.Sort(names[8:])
	if !slices.Equal(names, want) {
		t.Errorf("the parts are %v, want %v", names, want)
	}
	text := document(parts)
	for _, want := range []string{
		"conformance: exit 1 after", "train: exit 0 after", // in the summary
		"| a | b |\n|---|---|\n| 1 | gemm_nn_bf16_64x64 |\n\n", // without the line that was cut off
		"## conformance.md\n\n### Suite\n",                     // below its heading
		"```\n1 conformance --device cuda:0 --out " + out,      // blocking
		"bench --device cuda:0 --against torch",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q in\n%s", want, text)
		}
	}
	if text, err := run(); err == nil || !strings.Contains(text, out+" exists: remove it, or name another OUT") {
		t.Errorf("a second report over the first: %v\n%s", err, text)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.tar.gz")
	if err := os.WriteFile(path, []byte("a text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(path); err == nil || !strings.Contains(err.Error(), "is no report of make gpu-report") {
		t.Errorf("a text: %v", err)
	}
}
