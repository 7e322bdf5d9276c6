package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// points returns a CSV file of columns in this order: a and b are numbers, near to
// what is given, y is "pos" where a > b, note is a text. No header if names is false.
func points(near float64, names bool, columns ...string) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	if names {
		fmt.Fprintln(&text, strings.Join(columns, ","))
	}
	for range 200 {
		a, b := near+float64(rng.IntN(1000)), near+float64(rng.IntN(1000))
		values := map[string]any{"a": a, "A": a, "b": b, "y": map[bool]string{true: "pos", false: "neg"}[a > b], "note": "as seen"}
		for i, column := range columns {
			if i > 0 {
				text.WriteByte(',')
			}
			if x, ok := values[column].(float64); ok {
				fmt.Fprintf(&text, "%.0f", x)
			} else {
				fmt.Fprint(&text, values[column])
			}
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// learn trains on a CSV file.
func learn(t *testing.T, out, path, target string) outcome {
	t.Helper()
	return gputrain("train", "--model", "mlp", "--hidden", "8", "--epochs", "20", "--out", out, "--data", "csv:"+path, "--target", target).want(t, 0)
}

func TestColumnsAreThoseThatTheModelLearnedFrom(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "ab.csv", points(0, true, "a", "b", "y"))
	writeFile(t, "bare.csv", points(0, false, "a", "b", "y"))
	learn(t, "named", "ab.csv", "y")
	learn(t, "numbered", "ab.csv", "3") // the header has its name
	learn(t, "bare", "bare.csv", "3")

	right := gputrain("eval", "--model", "named", "--data", "csv:ab.csv").want(t, 0)
	if accuracy := right.lastLine(); accuracy < "test accuracy 0.97" {
		t.Fatalf("trained to %q", accuracy)
	}
	for _, c := range []struct {
		name    string
		model   string
		header  bool
		columns []string
		target  string
		notes   []string
	}{
		{"b,a", "named", true, []string{"b", "a", "y"}, "", []string{"x.csv: the columns are found by name"}},
		{"b,a, target learned by number", "numbered", true, []string{"y", "b", "a"}, "", []string{"x.csv: the columns are found by name"}},
		{"more columns", "named", true, []string{"note", "b", "y", "A", "a"}, "", []string{`x.csv: not used: "note", "A"`, "found by name"}},
		{"no header", "named", false, []string{"a", "b", "y"}, "3", []string{`x.csv: no header: the columns are taken by position for "a", "b"`}},
		{"a header that the model does not know", "bare", true, []string{"a", "b", "y"}, "", []string{"x.csv: the model learned from features without names: the columns are taken by position"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeFile(t, "x.csv", points(0, c.header, c.columns...))
			args := []string{"eval", "--model", c.model, "--data", "csv:x.csv"}
			if c.target != "" {
				args = append(args, "--target", c.target)
			}
			o := gputrain(args...).want(t, 0)
			if o.lastLine() != right.lastLine() {
				t.Errorf("eval ends with %q, want %q", o.lastLine(), right.lastLine())
			}
			for _, note := range append(c.notes, "x.csv: 200 samples, 2 classes: neg (") {
				if !strings.Contains(o.errors, note) {
					t.Errorf("stderr %q, want %q", o.errors, note)
				}
			}
		})
	}
	want := gputrain("predict", "--model", "named", "--input", "ab.csv", "--quiet").want(t, 0)
	writeFile(t, "x.csv", points(0, true, "b", "note", "a"))
	got := gputrain("predict", "--model", "named", "--input", "x.csv").want(t, 0)
	if got.out != want.out || want.errors != "" || !strings.Contains(got.errors, `x.csv: not used: "note"`) {
		t.Errorf("predictions of other columns differ, or stderr is %q, with --quiet %q", got.errors, want.errors)
	}

	writeFile(t, "x.csv", points(0, true, "A", "b", "y"))
	for _, line := range []string{"eval --model named --data csv:x.csv", "predict --model named --input x.csv"} {
		wantFailure(t, exitFailure, []string{`x.csv:1: no column "a", the nearest is "A"`}, strings.Fields(line)...)
	}
	wantFailure(t, exitFailure, []string{`column "a" cannot be the target`}, "predict", "--model", "named", "--input", "ab.csv", "--target", "a")
}

func TestColumnsFarFromZeroAreLearned(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "near.csv", points(0, true, "a", "b", "y"))
	want := learn(t, "near", "near.csv", "y")
	for _, offset := range []float64{1e8, 1.7e9} {
		writeFile(t, "far.csv", points(offset, true, "a", "b", "y"))
		out := fmt.Sprint("far", offset)
		if o := learn(t, out, "far.csv", "y"); o.lastLine() != want.lastLine() {
			t.Errorf("offset %v: train ends with %q, want %q", offset, o.lastLine(), want.lastLine())
		}
		// The test set again, with the scaling from the file.
		if o := gputrain("eval", "--model", out).want(t, 0); o.lastLine() != want.lastLine() {
			t.Errorf("offset %v: eval ends with %q, want %q", offset, o.lastLine(), want.lastLine())
		}
	}
	writeFile(t, "outlier.csv", strings.Replace(points(0, true, "a", "b", "y"), "\n", "\n1e25,3,pos\n", 1))
	o := learn(t, "outlier", "outlier.csv", "y")
	if want := `warning: outlier.csv: column "a": `; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q, want %q", o.errors, want)
	}
}

func TestTrainSaysWhatItUnderstoodOfATable(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", strings.NewReplacer(",", ";").Replace(points(0, true, "b", "y", "a")))
	writeFile(t, "bare.csv", points(0, false, "a", "y", "b"))
	for path, want := range map[string][]string{
		"x.csv":    {"x.csv: the fields are separated by semicolons\n", "the class is y, 2 features: b, a\n"},
		"bare.csv": {"no header: the class is column 2, the features are the 2 others\n"},
	} {
		o := learn(t, path+"-run", path, "2")
		for _, line := range want {
			if !strings.Contains(o.errors, line) {
				t.Errorf("%s: stderr %q, want %q", path, o.errors, line)
			}
		}
	}
}

// A model from elsewhere must not make a command open files of its choice.
func TestModelOpensNoPath(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "ab.csv", points(0, true, "a", "b", "y"))
	learn(t, "run", filepath.Join(".", "ab.csv"), "y")
	inRun := gputrain("eval", "--model", "run").want(t, 0) // by config.toml

	if err := os.Mkdir("alone", 0o777); err != nil {
		t.Fatal(err)
	}
	model := readFile(t, "run/model.safetensors")
	for _, path := range []string{"shared.safetensors", "alone/model.safetensors"} {
		writeFile(t, path, model)
	}
	for _, path := range []string{"shared.safetensors", "run/model.safetensors", "alone"} {
		wantFailure(t, exitUsage, []string{"--data is missing: " + path, `learned from "csv:ab.csv", but not where that is`}, "eval", "--model", path)
		gputrain("eval", "--model", path, "--data", "csv:ab.csv").want(t, 0)
	}
	writeFile(t, "elsewhere.csv", points(0, true, "b", "y", "a"))
	writeFile(t, "run/config.toml", strings.Replace(readFile(t, "run/config.toml"), "ab.csv", "elsewhere.csv", 1))
	if o := gputrain("eval", "--model", "run").want(t, 0); o.lastLine() != inRun.lastLine() {
		t.Errorf("eval on the same data elsewhere ends with %q, want %q", o.lastLine(), inRun.lastLine())
	}

	digits := gputrain(quick("--out", "digits")...).want(t, 0)
	if o := gputrain("eval", "--model", "digits/model.safetensors").want(t, 0); o.lastLine() != digits.lastLine() {
		t.Errorf("eval of digits, which are built in, ends with %q, want %q", o.lastLine(), digits.lastLine())
	}
}

func TestModelHoldsNoPath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeFile(t, "ab.csv", points(0, true, "a", "b", "y"))
	learn(t, "run", filepath.Join(dir, "ab.csv"), "y")
	if model := readFile(t, "run/model.safetensors"); strings.Contains(model, filepath.Base(dir)) || !strings.Contains(model, "csv:ab.csv") {
		t.Errorf("the header of the model: %q", model[:strings.Index(model, "dtype")])
	}
}

func TestPredictDoesNotWriteOverWhatItReads(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "ab.csv", points(0, true, "a", "b", "y"))
	learn(t, "run", "ab.csv", "y")
	outs := []string{"ab.csv", "./ab.csv", "run/../ab.csv", "run/model.safetensors"}
	if err := os.Link("ab.csv", "hard.csv"); err == nil {
		outs = append(outs, "hard.csv")
	}
	if err := os.Symlink("ab.csv", "soft.csv"); err == nil {
		outs = append(outs, "soft.csv")
	}
	if runtime.GOOS == "linux" && len(outs) != 6 {
		t.Error("no links here")
	}
	for _, out := range outs {
		wantFailure(t, exitUsage, []string{"--out " + out + " is the file "}, "predict", "--model", "run", "--input", "ab.csv", "--out", out)
	}
	stdin, err := os.Open("ab.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	before := readFile(t, "ab.csv")
	o := gputrainWith(t.Context(), stdin, "predict", "--model", "run", "--input", "-", "--out", "ab.csv").want(t, exitUsage)
	if !strings.Contains(o.errors, "--out ab.csv is the file that stdin reads") || readFile(t, "ab.csv") != before {
		t.Errorf("stderr %q, or the file has changed", o.errors)
	}
	gputrain("predict", "--model", "run", "--input", "ab.csv", "--out", "p.csv").want(t, 0)
	gputrain("predict", "--model", "run", "--input", "ab.csv", "--out", "p.csv").want(t, 0) // what it wrote itself
}

func TestTextMustBeUTF8WhereverItEnters(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "latin.csv", strings.ReplaceAll(points(0, true, "a", "b", "y"), "pos", "s\xed"))
	writeFile(t, "latin.toml", "epochs = 2\ntarget = \"qualit\xe9\"\n")
	writeFile(t, "utf16.toml", "e\x00p\x00")
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"CSV", []string{"train", "--data", "csv:latin.csv", "--target", "y"}, exitFailure, []string{"latin.csv:", ": not UTF-8 text; ", "iconv -f LATIN1 -t UTF-8"}},
		{"argument", []string{"train", "--data", "csv:latin.csv", "--target", "qualit\xe9"}, exitUsage, []string{`the argument "qualit\xe9" is not UTF-8`}},
		{"argument with =", []string{"train", "--data=csv:\xe9.csv"}, exitUsage, []string{`\xe9.csv" is not UTF-8`}},
		{"command", []string{"tr\xe1in"}, exitUsage, []string{`the argument "tr\xe1in" is not UTF-8`}},
		{"config", []string{"train", "--config", "latin.toml"}, exitUsage, []string{"latin.toml: line 2", "invalid UTF-8", "iconv -f LATIN1 -t UTF-8"}},
		{"config in UTF-16", []string{"train", "--config", "utf16.toml"}, exitUsage, []string{"utf16.toml: line 1: ", "UTF-16"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantFailure(t, c.code, c.want, c.args...) })
	}
}

// A column that did not vary says nothing. Later it may hold anything, as the pixels of
// a margin do.
func TestConstantColumnsAreLeftOut(t *testing.T) {
	t.Chdir(t.TempDir())
	table := func(margin func(i int) int) string {
		text := "a,margin,y\n"
		for i := range 40 {
			text += fmt.Sprintf("%d,%d,%s\n", i, margin(i), map[bool]string{true: "high", false: "low"}[i >= 20])
		}
		return text
	}
	writeFile(t, "learned.csv", table(func(int) int { return 7 }))
	writeFile(t, "later.csv", table(func(i int) int { return 1000 * i * i }))
	const warning = `left out, because it has only one value in the data to learn from: column "margin"`
	if o := learn(t, "run", "learned.csv", "y"); !strings.Contains(o.errors, "warning: learned.csv: "+warning) {
		t.Errorf("stderr %q, want %q", o.errors, warning)
	}
	before := gputrain("predict", "--model", "run", "--input", "learned.csv").want(t, 0)
	after := gputrain("predict", "--model", "run", "--input", "later.csv").want(t, 0)
	if after.out != before.out || !strings.Contains(after.errors, warning) {
		t.Errorf("a column that was constant changes the predictions, or stderr is %q, want %q", after.errors, warning)
	}
}

// The class of what is predicted may be unknown, and its column hold anything.
func TestPredictLeavesTheTargetOut(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "named.csv", points(0, true, "a", "b", "y"))
	writeFile(t, "bare.csv", points(0, false, "a", "y", "b"))
	learn(t, "named", "named.csv", "y")
	learn(t, "bare", "bare.csv", "2")
	for _, c := range []struct{ model, whole, target, without string }{
		{"named", "a,b,y\n1e8,2e8,\n2e8,1e8,?\n", "y", "a,b\n1e8,2e8\n2e8,1e8\n"},
		{"named", "1e8,no\n2e8,\n", "2", ""},
		{"bare", "1e8,,2e8\n2e8,none,1e8\n", "2", "1e8,2e8\n2e8,1e8\n"},
	} {
		writeFile(t, "whole.csv", c.whole)
		args := []string{"predict", "--model", c.model, "--input", "whole.csv", "--target", c.target}
		if c.without == "" {
			wantFailure(t, exitFailure, []string{"no header, and the number of columns is 1 where the model takes 2"}, args...)
			continue
		}
		writeFile(t, "without.csv", c.without)
		want := gputrain("predict", "--model", c.model, "--input", "without.csv").want(t, 0)
		if got := gputrain(args...).want(t, 0); got.out != want.out {
			t.Errorf("%q: got %q, want %q", c.whole, got.out, want.out)
		}
	}
}

// A test set may lack classes, and come without the data that the model learned from.
func TestEvalOfIDXFilesTakesTheClassesOfTheModel(t *testing.T) {
	t.Chdir(t.TempDir())
	var pixels, labels []byte
	for i := range 60 {
		pixel := byte(100 * (i % 3))
		pixels, labels = append(pixels, pixel, pixel, pixel, pixel), append(labels, byte(1+i%3))
	}
	writeIDX(t, "whole", idxImages(60, pixels...), idxLabels(60, labels...))
	gputrain("train", "--data", "idx:whole", "--model", "mlp", "--hidden", "8", "--epochs", "40", "--out", "run").want(t, 0)
	writeIDXTest(t, "alone", idxImages(3, append(slices.Repeat([]byte{200}, 8), 0, 0, 0, 0)...), idxLabels(3, 3, 3, 1))
	writeIDXTest(t, "foreign", idxImages(1, 200, 200, 200, 200), idxLabels(1, 4))
	o := gputrain("eval", "--model", "run", "--data", "idx:alone").want(t, 0)
	if want := "alone: 3 samples, 3 classes: 1 (1), 2 (0), 3 (2)"; o.lastLine() != "test accuracy 1.0000 (3/3)" || !strings.Contains(o.errors, want) {
		t.Errorf("ends with %q, stderr %q; want accuracy 1 and %q", o.lastLine(), o.errors, want)
	}
	wantFailure(t, exitFailure, []string{"foreign/t10k-labels-idx1-ubyte: byte 8: label 4 is not among the 3 classes to learn from"}, "eval", "--model", "run", "--data", "idx:foreign")
	whole := gputrain("eval", "--model", "run", "--data", "idx:whole", "--quiet").want(t, 0)
	if own := gputrain("eval", "--model", "run", "--quiet").want(t, 0); own.out != whole.out {
		t.Errorf("without a test set: %q, want %q", whole.out, own.out)
	}
}
