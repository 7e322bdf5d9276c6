package main

import (
	"strings"
	"testing"

	"gputrain/cpu"
	"gputrain/cuda"
)

// missingMath returns what the command says where this machine lacks a math, "" where
// it has it.
func missingMath(math string) string {
	if err := cpu.CheckMath(math); err != nil {
		return "--math " + err.Error() + "; float32 is for every machine"
	}
	return ""
}

func TestMathIsUsedAndRecordedOrRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	args := quick("--model", "lstm", "--out")
	gputrain(append(args, "float32")...).want(t, 0)
	for _, math := range []string{"bf16x6", "bf16x3", "bf16"} {
		args := append(args, math, "--math", math)
		if missing := missingMath(math); missing != "" {
			wantFailure(t, exitFailure, []string{missing}, args...)
			wantFailure(t, exitFailure, []string{missing}, "explain", "--math", math)
			wantFailure(t, exitFailure, []string{missing}, "eval", "--model", "float32", "--math", math)
			continue
		}
		gputrain(args...).want(t, 0)
		if config := readFile(t, math+"/config.toml"); !strings.Contains(config, "\nmath = \""+math+"\"\n") {
			t.Errorf("config.toml has no math %s:\n%s", math, config)
		}
		if readFile(t, math+"/model.safetensors") == readFile(t, "float32/model.safetensors") {
			t.Errorf("the model of %s is that of float32", math)
		}
		if o := gputrain("explain", "--math", math).want(t, 0); !strings.Contains(o.out, "products in "+math) {
			t.Errorf("explain does not say %s:\n%s", math, o.out)
		}
		gputrain("eval", "--model", math, "--math", math, "--quiet").want(t, 0)
	}
}

func TestMathOfTensorCoresIsUsedAndRecordedOrRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "few.csv", "a,b,c,d,class\n"+strings.Repeat("1,2,3,4,no\n5,6,8,7,yes\n", 20))
	train := func(out, math string) []string {
		return quick("--model", "lstm", "--data", "csv:few.csv", "--target", "class", "--steps", "2", "--epochs", "1", "--batch", "16", "--device", "emulated", "--out", out, "--math", math)
	}
	gputrain(train("float32", "float32")...).want(t, 0)
	for _, math := range cuda.Maths()[1:] {
		explain := gputrain("explain", "--device", "emulated", "--math", math, "--hidden", "1024", "--batch", "128").want(t, 0).out
		for _, want := range []string{"products in " + math + " where it is faster", "gemm_" + math + "_"} {
			if !strings.Contains(explain, want) {
				t.Errorf("explain does not say %s:\n%s", want, explain)
			}
		}
		wantFailure(t, exitFailure, []string{"--device emulated: --math " + math + " takes tensor cores of compute capability 8.0 or later, and emulated T4 has 7.5; float32 is for every GPU"},
			"explain", "--device", "emulated", "--gpu", "T4", "--math", math)
	}
	const math = "bf16" // one has to do
	gputrain(train(math, math)...).want(t, 0)
	if config := readFile(t, math+"/config.toml"); !strings.Contains(config, "\nmath = \""+math+"\"\n") {
		t.Errorf("config.toml has no math %s:\n%s", math, config)
	}
	if readFile(t, math+"/model.safetensors") == readFile(t, "float32/model.safetensors") {
		t.Errorf("the model of %s is that of float32", math)
	}
	gputrain("conformance", "--device", "emulated", "--math", math, "--only", "Gemm/NN/2x3x5/alpha 1, beta 0", "--out", math+".md").want(t, 0)
	if report := readFile(t, math+".md"); !strings.Contains(report, "| Math | "+math+", products of two numbers may be off by ") {
		t.Errorf("the report does not say %s:\n%s", math, report)
	}
}
