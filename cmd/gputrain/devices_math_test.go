package main

import (
	"strings"
	"testing"

	"gputrain/cpu"
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
