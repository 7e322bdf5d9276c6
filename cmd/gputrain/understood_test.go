package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTrainSaysWhatItUnderstood(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	o := gputrain(quick("--epochs", "1", "--out", "digits")...).want(t, 0)
	if want := "samples: 1258 to train on, 180 to validate, 359 to test\n10 classes: 0 (178), 1 (182), "; !strings.HasPrefix(o.errors, want) {
		t.Errorf("stderr %q, want it to begin with %q", o.errors, want)
	}

	var pixels, labels []byte
	for i := range byte(80) {
		pixels = append(pixels, i, i, i, 100)
		labels = append(labels, 5+i%4)
	}
	writeIDX(t, "images", idxImages(80, pixels...), idxLabels(80, labels...))
	writeFile(t, "images/test-images-idx3-ubyte", idxImages(4, pixels[:16]...))
	writeFile(t, "images/test-labels-idx1-ubyte", idxLabels(4, 5, 6, 5, 7))
	writeFile(t, "images/valid-images-idx3-ubyte", idxImages(4, pixels[:16]...))
	want := []string{
		`images: 80 images of 2x2 in "train-images-idx3-ubyte", their classes in "train-labels-idx1-ubyte"`,
		`images: 4 images of 2x2 in "test-images-idx3-ubyte", their classes in "test-labels-idx1-ubyte"`,
		`images: not used: "valid-images-idx3-ubyte"; only names like train-images-idx3-ubyte and t10k-labels-idx1-ubyte.gz are read`,
		"samples: 72 to train on, 8 to validate, 4 to test",
		"4 classes: 5 (22), 6 (21), 7 (21), 8 (20)",
		"warning: the test set lacks 1 class: 8",
	}
	o = gputrain(quick("--epochs", "1", "--out", "run", "--data", "idx:images")...).want(t, 0)
	if lines := strings.Split(o.errors, "\n"); !slices.Equal(lines[:min(len(want), len(lines))], want) {
		t.Errorf("stderr %q, want it to begin with %q", lines, want)
	}
	if e := gputrain("eval", "--model", "run").want(t, 0); !strings.Contains(e.errors, want[0]+"\n") || !strings.Contains(e.errors, want[1]+"\n") {
		t.Errorf("eval: stderr %q, want it to contain %q", e.errors, want[:2])
	}
	if q := gputrain(quick("--epochs", "1", "--quiet", "--out", "quiet", "--data", "idx:images")...).want(t, 0); q.errors != "" {
		t.Errorf("--quiet: stderr %q, want nothing", q.errors)
	}
}

// Of 1,000 classes with 2 samples each, a square would be a million cells.
func TestTrainOfManySmallClasses(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	var text strings.Builder
	text.WriteString("a,b,name\n")
	for i := range 2 * 1000 {
		fmt.Fprintf(&text, "%d,%d,class %d\n", i/2, i%7, i/2)
	}
	writeFile(t, "many.csv", text.String())
	o := gputrain("train", "--data", "csv:many.csv", "--target", "name", "--model", "mlp", "--hidden", "2", "--batch", "512", "--epochs", "1", "--out", "run").want(t, 0)
	for _, want := range []string{"1000 classes of 2 to 2 samples: class 0 (2), class 1 (2), ", "warning: the test set lacks 600 classes: "} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	e := gputrain("eval", "--model", "run").want(t, 0)
	if lines := strings.Count(e.out, "\n"); lines > 30 || !strings.Contains(e.out, " mistakes in 1000 classes; the most frequent 20 of ") {
		t.Errorf("eval prints %d lines: %.500q", lines, e.out)
	}
	writeFile(t, "few.csv", "a,b\n1,2\n3,4\n")
	p := gputrain("predict", "--model", "run", "--input", "few.csv", "--top", "2").want(t, 0)
	if lines := strings.Split(p.out, "\n"); len(lines) != 4 || strings.Count(lines[1], ",") != 3 {
		t.Errorf("predict prints %d lines, the second is %.200q", len(lines), lines[1])
	}
}
