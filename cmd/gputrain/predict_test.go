package main

import (
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPredictAndEvalOnOtherData(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(120))
	gputrain("train", "--model", "mlp", "--epochs", "20", "--out", "run", "--data", "csv:flowers.csv", "--target", "species").want(t, 0)

	e := gputrain("eval", "--model", "run", "--data", "csv:flowers.csv").want(t, 0)
	if want := "test accuracy 1.0000 (120/120)"; e.lastLine() != want {
		t.Errorf("eval ends with %q, want %q", e.lastLine(), want)
	}
	for _, want := range []string{"\n      iris  lily  rose\n", "\nrose     0     0    40\n", "\ntest loss "} {
		if !strings.Contains(e.out, want) {
			t.Errorf("eval prints %q, want it to contain %q", e.out, want)
		}
	}

	o := gputrain("predict", "--model", "run", "--input", "flowers.csv", "--target", "species").want(t, 0)
	rows, err := csv.NewReader(strings.NewReader(o.out)).ReadAll()
	if err != nil || len(rows) != 121 || strings.Join(rows[0], " ") != "predicted p(iris) p(lily) p(rose)" {
		t.Fatalf("predict prints %q, error %v", o.out, err)
	}
	for i, row := range rows[1:] {
		if want := []string{"iris", "lily", "rose"}[i%3]; row[0] != want {
			t.Errorf("row %d: predicted %q, want %q", i, row[0], want)
		}
		sum := 0.0
		for _, text := range row[1:] {
			p, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("row %d: the probabilities %q sum to %v, want 1 ± 1e-5", i, row[1:], sum)
		}
	}

	stdin := strings.NewReader("0.5,10\n2.5,8\n")
	gputrainWith(t.Context(), stdin, "predict", "--model", "run/model.safetensors", "--input", "-", "--out", "p.csv").want(t, 0)
	if text := readFile(t, "p.csv"); !strings.Contains(text, "\niris,") || !strings.Contains(text, "\nrose,") {
		t.Errorf("predictions for stdin %q", text)
	}
}

func TestPredictTheMostProbableClasses(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	gputrain("train", "--model", "mlp", "--epochs", "2", "--out", "run", "--data", "csv:flowers.csv", "--target", "species").want(t, 0)
	all := strings.Split(gputrain("predict", "--model", "run", "--input", "flowers.csv", "--target", "species").want(t, 0).out, "\n")
	for top, header := range map[string]string{"1": "predicted,p", "2": "predicted,p,predicted2,p2", "9": "predicted,p,predicted2,p2,predicted3,p3"} {
		lines := strings.Split(gputrain("predict", "--model", "run", "--input", "flowers.csv", "--target", "species", "--top", top).want(t, 0).out, "\n")
		if lines[0] != header || len(lines) != len(all) {
			t.Errorf("top %s: %d lines with the header %q, want %d with %q", top, len(lines), lines[0], len(all), header)
		}
		for i, line := range lines[1 : len(lines)-1] {
			row, full := strings.Split(line, ","), strings.Split(all[i+1], ",")
			if row[0] != full[0] || !slices.Contains(full[1:], row[1]) || len(row) != 1+strings.Count(header, ",") {
				t.Errorf("top %s, row %d: %q of %q", top, i, line, all[i+1])
			}
		}
	}
	wantFailure(t, exitUsage, []string{"--top is -1; it must be 0 or more"}, "predict", "--model", "run", "--input", "flowers.csv", "--top", "-1")
}

func TestMostProbable(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		p    []float32
		top  int
		want []int
	}{
		{[]float32{0.2, 0.5, 0.3}, 1, []int{1}},
		{[]float32{0.2, 0.5, 0.3}, 2, []int{1, 2}},
		{[]float32{0.2, 0.5, 0.3}, 5, []int{1, 2, 0}},
		{[]float32{0.25, 0.25, 0.25, 0.25}, 2, []int{0, 1}}, // the first of equals, as in train
		{[]float32{0.1, 0.3, 0.3, 0.3}, 3, []int{1, 2, 3}},
		{[]float32{nan, 0.1, nan}, 2, []int{1, 0}},
		{[]float32{nan, nan}, 1, []int{0}},
	} {
		if got := mostProbable(c.p, c.top); !slices.Equal(got, c.want) {
			t.Errorf("the %d highest of %v: got %v, want %v", c.top, c.p, got, c.want)
		}
	}
}

func TestIDXTrainsOnTheRowsOfItsImages(t *testing.T) {
	t.Chdir(t.TempDir())
	var pixels, labels []byte
	for i := range byte(60) {
		class := i % 2
		pixels = append(pixels, 250*class, i, 250*(1-class), i)
		labels = append(labels, class)
	}
	writeIDX(t, "images", idxImages(60, pixels...), idxLabels(60, labels...))
	writeFile(t, "images/t10k-images-idx3-ubyte", idxImages(4, pixels[:16]...))
	writeFile(t, "images/t10k-labels-idx1-ubyte", idxLabels(4, labels[:4]...))

	o := gputrain("train", "--hidden", "8", "--batch", "8", "--out", "run", "--data", "idx:images").want(t, 0)
	if want := "test accuracy 1.0000 (4/4)"; o.lastLine() != want {
		t.Errorf("train ends with %q, want %q", o.lastLine(), want)
	}
	if e := gputrain("eval", "--model", "run", "--data", "idx:images").want(t, 0); e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}
}
