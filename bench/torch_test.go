package bench

import (
	"flag"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var pythonWithTorch = flag.String("python", "", "a Python that has PyTorch, to try pytorch.py with")

// Without PyTorch, this is all that can be said of the script.
func TestTorchScriptIsPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	const check = `import ast, sys
script = sys.stdin.read()
ast.parse(script)
try:
    ast.parse(script + ")")
except SyntaxError:
    sys.exit()
sys.exit("a parenthesis too many goes unnoticed")`
	command := exec.Command(python, "-c", check)
	command.Stdin = strings.NewReader(torchScript)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// go test ./bench -args -python=python3
func TestTorchDoesAllWork(t *testing.T) {
	if *pythonWithTorch == "" {
		t.Skip("needs the flag -python")
	}
	torch, err := StartTorch(t.Context(), TorchOptions{Python: *pythonWithTorch, Device: "cpu", Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer torch.Close()
	if v := torch.Versions; v.Threads != 1 || len(v.Libraries) == 0 || v.Python == "" || v.Device != "cpu" {
		t.Errorf("PyTorch is %+v", v)
	}
	var all []Work
	for _, s := range Steps() {
		all = append(all, s)
	}
	for _, p := range Products() {
		all = append(all, p)
	}
	for _, w := range all {
		run, err := torch.Prepare(w)
		if err != nil {
			t.Fatalf("%s: %v", w.Name(), err)
		}
		for _, calls := range []int{1, 2} {
			elapsed, err := run(calls)
			if speed := float64(calls) * w.Flops() / elapsed.Seconds(); err != nil || speed < 1e6 || speed > 1e14 || elapsed > time.Minute {
				t.Errorf("%s: %d calls in %v, error %v", w.Name(), calls, elapsed, err)
			}
		}
	}
}
