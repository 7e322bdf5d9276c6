package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestGenerateGoesOnWithAText(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(400))
	gputrain(onText("--out", "run", "--epochs", "10", "--hidden", "24", "--batch", "8", "--steps", "40")...).want(t, 0)
	generate := func(args ...string) string {
		t.Helper()
		o := gputrain(append([]string{"generate", "--model", "run", "--length", "60"}, args...)...).want(t, 0)
		if o.errors != "" {
			t.Errorf("%q: stderr %q", args, o.errors)
		}
		return o.out
	}
	first := generate("--prompt", "1 and ")
	if !strings.HasPrefix(first, "1 and ") || len(first) != len("1 and ")+60+1 || !strings.HasSuffix(first, "\n") {
		t.Errorf("the text is %q", first)
	}
	if again := generate("--prompt", "1 and "); again != first {
		t.Errorf("the same seed gives %q and %q", first, again)
	}
	if other := generate("--prompt", "1 and ", "--seed", "2"); other == first {
		t.Errorf("another seed gives the same %q", other)
	}
	greedy := generate("--prompt", "1 and ", "--temperature", "0")
	for _, args := range [][]string{{"--top-k", "1"}, {"--top-p", "1e-9"}, {"--temperature", "1e-9"}} {
		if got := generate(append(args, "--prompt", "1 and ")...); got != greedy {
			t.Errorf("%q gives %q, temperature 0 %q", args, got, greedy)
		}
	}
	if !strings.Contains(greedy, "and") || !strings.Contains(greedy, "\nmake ") {
		t.Errorf("nothing was learned: %q", greedy)
	}
	if begun := generate(); len(begun) != 60+1 || strings.HasPrefix(begun, "\n") {
		t.Errorf("without a prompt: %q", begun)
	}
	if none := generate("--length", "0", "--prompt", "1 and\r\n"); none != "1 and\n\n" {
		t.Errorf("nothing after the prompt: %q", none)
	}
	// What is generated in one go and one by one is the same: the state goes on.
	if longer := generate("--prompt", greedy[:40], "--temperature", "0", "--length", "26"); longer != greedy {
		t.Errorf("going on with its own text: %q, before %q", longer, greedy)
	}
	emulated := gputrain("generate", "--model", "run", "--prompt", "1 and ", "--temperature", "0", "--length", "5", "--device", "emulated").want(t, 0).out
	if !strings.HasPrefix(greedy, strings.TrimSpace(emulated)) {
		t.Errorf("the emulated GPU gives %q, the CPU %q", emulated, greedy)
	}
}

func TestGenerateSaysWhatItCannot(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", counting(60))
	writeFile(t, "flowers.csv", flowers(60))
	gputrain(onText("--out", "run")...).want(t, 0)
	gputrain(onText("--out", "words", "--text-units", "word")...).want(t, 0)
	gputrain(quick("--data", "csv:flowers.csv", "--target", "species", "--out", "flowers")...).want(t, 0)
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{exitUsage, nil, "--model"},
		{exitUsage, []string{"--model", "run", "--length", "-1"}, "--length is -1; it must be 0 or more"},
		{exitUsage, []string{"--model", "run", "--temperature", "-1"}, "--temperature is -1; it must be 0 or more"},
		{exitUsage, []string{"--model", "run", "--temperature", "NaN"}, "--temperature is NaN; it must be 0 or more"},
		{exitUsage, []string{"--model", "run", "--top-k", "-1"}, "--top-k is -1; it must be 0 or more"},
		{exitUsage, []string{"--model", "run", "--top-p", "0"}, "--top-p is 0; it must be above 0, and at most 1"},
		{exitUsage, []string{"--model", "run", "--top-p", "1.5"}, "--top-p is 1.5; it must be above 0, and at most 1"},
		{exitUsage, []string{"--model", "run", "--device", "abacus"}, "--device"},
		{exitUsage, []string{"--model", "words", "--prompt", "  "}, `--prompt "  " has no word`},
		{exitFailure, []string{"--model", "run", "--prompt", "1 + 1"}, `--prompt: the character "+" (U+002B) is not in the vocabulary of the model, which has 19 characters`},
		{exitFailure, []string{"--model", "words", "--prompt", "1 and one"}, `--prompt: the word "one" is not in the vocabulary of the model, which has `},
		{exitFailure, []string{"--model", "flowers"}, "flowers learned from csv:flowers.csv, not from text; gputrain predict applies it"},
		{exitFailure, []string{"--model", "absent"}, "absent"},
	} {
		wantFailure(t, c.code, []string{c.want}, append([]string{"generate"}, c.args...)...)
	}
}

func TestSamplerDrawsWhatTheSettingsSay(t *testing.T) {
	logits := []float32{float32(math.Log(0.1)), float32(math.Log(0.4)), float32(math.Log(0.2)), float32(math.Log(0.3))}
	for _, c := range []struct {
		name        string
		temperature float64
		topK        int
		topP        float64
		want        []float64
	}{
		{"all", 1, 0, 1, []float64{0.1, 0.4, 0.2, 0.3}},
		{"colder", 0.5, 0, 1, []float64{0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3}},
		{"the most probable", 0, 0, 1, []float64{0, 1, 0, 0}},
		{"two", 1, 2, 1, []float64{0, 0.4 / 0.7, 0, 0.3 / 0.7}},
		{"more than there are", 1, 9, 1, []float64{0.1, 0.4, 0.2, 0.3}},
		{"two thirds", 1, 0, 0.66, []float64{0, 0.4 / 0.7, 0, 0.3 / 0.7}},
		{"a part of three", 1, 3, 0.5, []float64{0, 0.4 / 0.7, 0, 0.3 / 0.7}},
		{"one", 1, 0, 0.39, []float64{0, 1, 0, 0}},
	} {
		const draws = 40000
		s, got := newSampler(c.temperature, c.topK, c.topP, 1), make([]float64, 4)
		for range draws {
			got[s.next(logits)] += 1.0 / draws
		}
		for id := range got {
			if math.Abs(got[id]-c.want[id]) > 0.01 {
				t.Errorf("%s: the ids come with %.3f, want %.3f", c.name, got, c.want)
				break
			}
		}
	}
	s := newSampler(1, 2, 1, 1)
	tied := map[int32]bool{}
	for range 100 {
		tied[s.next([]float32{0, 7, 7, 7})] = true
	}
	if len(tied) != 2 || !tied[1] || !tied[2] {
		t.Errorf("of three equal ones %v, want the first two", tied)
	}
	if !slices.Equal([]int32{s.next([]float32{0, 1e30, float32(math.Inf(-1)), -1e30})}, []int32{1}) {
		t.Error("extreme logits")
	}
}
