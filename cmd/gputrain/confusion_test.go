package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/train"
)

func TestPrintConfusion(t *testing.T) {
	wide := []string{strings.Repeat("a", 30), strings.Repeat("b", 30), strings.Repeat("c", 30), strings.Repeat("d", 30)}
	many := numbers(100_000, 0, 1)
	scattered := train.Confusion{{Actual: 5, Predicted: 7}: 9}
	for class := range many {
		scattered[train.Outcome{Actual: class, Predicted: class / 2}]++
	}
	for _, c := range []struct {
		name      string
		classes   []string
		confusion train.Confusion
		want      string
	}{
		{"few", []string{"no", "yes"}, train.Confusion{{Actual: 0, Predicted: 0}: 12, {Actual: 1, Predicted: 0}: 3},
			"rows: actual class, columns: predicted class\n\n     no  yes\nno   12    0\nyes   3    0\n"},
		{"long names", wide, train.Confusion{{Actual: 0, Predicted: 0}: 12, {Actual: 1, Predicted: 0}: 3},
			"3 mistakes in 4 classes; the most frequent 1 of 1 kind\n\n" +
				"actual                     predicted                  mistakes\nbbbbbbbbbbbbbbbbbbbbbbbb…  aaaaaaaaaaaaaaaaaaaaaaaa…         3\n"},
		{"many, all right", many, train.Confusion{{Actual: 0, Predicted: 0}: 12}, "no mistake in 100000 classes\n"},
		{"many", many, scattered, "100008 mistakes in 100000 classes; the most frequent 20 of 100000 kinds\n\n" +
			"actual  predicted  mistakes\n5       7                 9\n1       0                 1\n"},
	} {
		var out strings.Builder
		if err := printConfusion(&out, c.confusion, c.classes); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.HasPrefix(got, c.want) || strings.Count(got, "\n") > 25 {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMostMistakenClasses(t *testing.T) {
	confusion := train.Confusion{
		{Actual: 0, Predicted: 0}: 100,
		{Actual: 9, Predicted: 4}: 3,
		{Actual: 2, Predicted: 2}: 50,
		{Actual: 2, Predicted: 4}: 2,
	}
	for n, want := range map[int][]int{1: {4}, 2: {4, 9}, 3: {2, 4, 9}, 5: {0, 1, 2, 4, 9}} {
		if got := mostMistaken(confusion, 10, n); !slices.Equal(got, want) {
			t.Errorf("the %d classes with most mistakes are %v, want %v", n, got, want)
		}
	}
	if got := mostMistaken(nil, 2, 5); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("of 2 classes: %v", got)
	}
}

func TestEvalQuietAndJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	last := gputrain(quick("--quiet", "--out", "run")...).want(t, 0).lastLine()
	o := gputrain("eval", "--model", "run", "--device", "cpu", "--quiet").want(t, 0)
	if o.out != last+"\n" || o.errors != "" {
		t.Errorf("stdout %q, stderr %q; want the line of train, %q", o.out, o.errors, last)
	}
	for _, flags := range [][]string{{"--json"}, {"--json", "--quiet"}} {
		o := gputrain(append([]string{"eval", "--model", "run"}, flags...)...).want(t, 0)
		var got struct {
			Event                    string
			Test_accuracy, Test_loss float64
			Correct, Count           int
		}
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatalf("%q: %v", o.out, err)
		}
		line := fmt.Sprintf("test accuracy %.4f (%d/%d)", got.Test_accuracy, got.Correct, got.Count)
		if got.Event != "result" || line != last || !(got.Test_loss > 0) {
			t.Errorf("%q, want the figures of %q", o.out, last)
		}
	}
}

func TestJSONOfFiguresThatAreNoNumbers(t *testing.T) {
	m := evaluation{Metrics: train.Metrics{Accuracy: math.NaN(), Loss: math.Inf(1), Count: 3}, description: &description{}}
	text, err := json.Marshal(m.result())
	if want := `{"event":"result","test_accuracy":null,"test_loss":null,"correct":0,"count":3}`; err != nil || string(text) != want {
		t.Errorf("got %s, error %v; want %s", text, err, want)
	}
}
