package main

import (
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"gputrain/data"
	"gputrain/train"
)

// films returns a table of rows whose genres follow from what is known of them. Drama is
// rare.
func films(rows int) string {
	rng := rand.New(rand.NewPCG(1, 32))
	var text strings.Builder
	text.WriteString("length,explosions,jokes,action,comedy,drama\n")
	for range rows {
		length, explosions, jokes := 110+20*rng.NormFloat64(), rng.IntN(20), rng.IntN(50)
		fmt.Fprintf(&text, "%.1f,%d,%d,%s,%d,%v\n", length, explosions, jokes, []string{"no", "Yes"}[b2i(explosions > 9)], b2i(jokes > 30), length+10*rng.NormFloat64() > 135)
	}
	return text.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestLabelsAreLearned(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "films.csv", films(500))
	learn := func(out string, flags ...string) outcome {
		args := []string{"train", "--data", "csv:films.csv", "--target", "action", "--target", "comedy", "--target", "drama", "--model", "mlp", "--hidden", "16", "--epochs", "10", "--out", out}
		return gputrain(append(args, flags...)...).want(t, 0)
	}
	o := learn("run")
	for _, want := range []string{
		"films.csv: all targets are true or false, and are learned as labels; to learn numbers: --task regress\n",
		"labels, and how often they hold: action (", "3 features: length, explosions, jokes\n", "3 labels; ",
	} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	if strings.Contains(o.errors, "accuracy") || strings.Contains(o.errors, "NaN") {
		t.Errorf("stderr %q speaks of classes", o.errors)
	}
	var f1, exact float64
	if n, err := fmt.Sscanf(o.lastLine(), "test F1 %f (3 labels), exact match %f (100 samples)", &f1, &exact); n != 2 || !(f1 > 0.7) || !(exact > 0.6) {
		t.Fatalf("the last line is %q, %v", o.lastLine(), err)
	}
	if _, err := png.Decode(strings.NewReader(readFile(t, "run/roc.png"))); err != nil {
		t.Error(err)
	}
	e := gputrain("eval", "--model", "run").want(t, 0)
	if e.lastLine() != o.lastLine() || !strings.Contains(e.out, "precision  recall      F1   AUROC  samples") || !strings.Contains(e.out, "micro mean") {
		t.Errorf("eval prints %q, train ends with %q", e.out, o.lastLine())
	}
	drama := func(run string) (f multilabelFigures) {
		text := gputrain("eval", "--model", run, "--json").want(t, 0).out
		if err := json.Unmarshal([]byte(text), &f); err != nil || len(f.Labels) != 3 || f.Labels[2].Name != "drama" || !strings.HasPrefix(text, `{"event":"result",`) {
			t.Fatalf("%v, %q", err, text)
		}
		return f
	}
	plain := drama("run")
	var fromRun multilabelRunResult
	if err := json.Unmarshal([]byte(readFile(t, "run/result.json")), &fromRun); err != nil || fmt.Sprint(fromRun.Labels) != fmt.Sprint(plain.Labels) || fromRun.TestHamming != plain.TestHamming {
		t.Errorf("%v, result.json %+v, eval --json %+v", err, fromRun, plain)
	}
	if math.Abs(float64(plain.TestF1)-f1) > 1e-4 || math.Abs(float64(plain.TestExactMatch)-exact) > 1e-4 || !(plain.TestHamming < 0.15) || !(plain.TestAUROC > 0.9) {
		t.Errorf("%+v, the last line is %q", plain, o.lastLine())
	}
	learn("balanced", "--class-weights", "balanced", "--task", "multilabel", "--loss", "bce", "--quiet")
	if balanced := drama("balanced"); !(balanced.Labels[2].Recall > plain.Labels[2].Recall) {
		t.Errorf("the recall of a rare label is %v, weighed %v", plain.Labels[2].Recall, balanced.Labels[2].Recall)
	}

	// The predictions on all rows give the figures of eval.
	whole := gputrain("eval", "--model", "run", "--data", "csv:films.csv").want(t, 0)
	p := gputrain("predict", "--model", "run", "--input", "films.csv", "--quiet").want(t, 0)
	predicted, actual := strings.Split(strings.TrimSpace(p.out), "\n"), strings.Split(strings.TrimSpace(films(500)), "\n")
	if len(predicted) != len(actual) || predicted[0] != "predicted(action),p(action),predicted(comedy),p(comedy),predicted(drama),p(drama)" {
		t.Fatalf("%d lines, the first is %q", len(predicted), predicted[0])
	}
	wrong := 0
	for i := range predicted[1:] {
		got, want := strings.Split(predicted[1+i], ","), strings.Split(actual[1+i], ",")[3:]
		for j := range want {
			holds, _ := data.ParseBoolean(want[j])
			var share float64
			fmt.Sscan(got[2*j+1], &share)
			if (got[2*j] == "1") != (share > 0.5) {
				t.Fatalf("line %q", predicted[1+i])
			}
			if (got[2*j] == "1") != holds {
				wrong++
			}
		}
	}
	if want := fmt.Sprintf("Hamming loss %.4f, ", float64(wrong)/1500); !strings.Contains(whole.out, want) {
		t.Errorf("eval says %q, want %q", whole.out, want)
	}

	one := gputrain("train", "--data", "csv:films.csv", "--target", "comedy", "--ignore", "action,drama", "--loss", "bce", "--model", "mlp", "--hidden", "4", "--epochs", "2").want(t, 0)
	if !strings.HasPrefix(one.lastLine(), "test F1 ") || !strings.Contains(one.lastLine(), " (1 label), exact match ") || !strings.Contains(one.errors, "1 label; ") {
		t.Errorf("stderr %q, the last line is %q", one.errors, one.lastLine())
	}

	x := gputrain("export", "--model", "run", "--onnx", "x.onnx").want(t, 0)
	if !strings.Contains(x.errors, "its outputs are the probability of action, comedy, drama, in this order") {
		t.Errorf("export says %q", x.errors)
	}
	gputrain("report", "run").want(t, 0)
	if page := readFile(t, "report.html"); !strings.Contains(page, "test hamming loss") || !strings.Contains(page, "on the test set") || !strings.Contains(page, "roc") {
		t.Error("the report lacks figures of labels")
	}
	wantFailure(t, exitUsage, []string{"--top is for classes, but the model gives labels"}, "predict", "--model", "run", "--input", "films.csv", "--top", "2")
	wantFailure(t, exitUsage, []string{"--data digits has classes, but the model learned labels"}, "eval", "--model", "run", "--data", "digits")
	wantFailure(t, exitFailure, []string{"--init-from run: it learned labels action, comedy, drama, but this run learns labels action, comedy"},
		"train", "--data", "csv:films.csv", "--target", "action", "--target", "comedy", "--model", "mlp", "--hidden", "16", "--init-from", "run")
}

func TestLabelsThatAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", "a,b,c,d,e,f\n"+strings.Repeat("1,yes,0,3,1,\n5,no,1,4,1,0\n", 10))
	csv := "train --data csv:x.csv --model mlp --features a "
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{csv + "--target b --target c --task classify", exitUsage, "--task classify takes one --target, not 2; several that hold or not are for --task multilabel"},
		{csv + "--target b --target d --task multilabel", exitFailure, `x.csv:2:4: column "d": "3" is neither true nor false; write 1 or 0, yes or no, or true or false`},
		{csv + "--target b --target d", exitFailure, `x.csv:2: the target b holds "yes", which is no number to learn`},
		{csv + "--target b --target e --task multilabel", exitFailure, "x.csv: the target e is true in all samples to learn from: nothing to learn"},
		{csv + "--target b --target f --task multilabel", exitFailure, "x.csv:2:6: no value; 10 values are missing in all: f (10); fill them in, or leave the rows out with --missing drop"},
		{csv + "--target b --target c --loss mse", exitUsage, "--loss mse is not for labels that hold or not; leave it out, or say bce"},
		{csv + "--target b --target c --label-smoothing 0.1", exitUsage, "--label-smoothing 0.1 is for classes, but labels are learned, each by itself"},
		{csv + "--target d --task regress --loss bce", exitUsage, "--loss bce is for labels that hold or not, but numbers are learned; learn labels with --task multilabel"},
		{"train --data digits --task multilabel", exitUsage, `--task is "multilabel", but only tables have columns`},
	} {
		wantFailure(t, c.code, []string{c.want}, strings.Fields(c.line)...)
	}
	i := gputrain("data", "inspect", "x.csv", "--task", "multilabel", "--target", "b", "--target", "d", "--target", "e").want(t, 0)
	for _, want := range []string{`refused: d: "3" is neither true nor false; want 1 and 0, yes and no, or true and false`, "refused: e: it is always true: nothing to learn", "b: no (10), yes (10)"} {
		if !strings.Contains(i.out, want) {
			t.Errorf("data inspect prints %q, want %q", i.out, want)
		}
	}
}

func TestDescriptionsOfLabelsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*description)
		want   string
	}{
		{"right", func(*description) {}, ""},
		{"another task", func(d *description) { d.Task = "rank" }, `task is "rank", which this version does not know`},
		{"classes", func(d *description) { d.Classes = []string{"a", "b"} }, "labels that hold or not, but no targets, or classes besides"},
		{"no targets", func(d *description) { d.Target, d.Targets, d.Classes = "y", nil, []string{"a", "b"} }, "labels that hold or not, but no targets"},
		{"scaling", func(d *description) { d.TargetFactor = []float64{1, 1} }, "a scaling or a loss of numbers, but the targets hold or not"},
		{"loss", func(d *description) { d.Loss = "mae" }, "a scaling or a loss of numbers"},
		{"twice", func(d *description) { d.Targets = []string{"y", "y"} }, `two targets are called "y"`},
	} {
		d := &description{
			Format: descriptionFormat, Data: "csv:x.csv", Targets: []string{"y", "z"}, Model: "mlp", Steps: 1, Width: 1, Hidden: 4, Layers: 1,
			Shift: []float64{0}, Factor: []float64{1}, labelDescription: labelDescription{Task: taskMultilabel},
		}
		c.change(d)
		if err := d.check(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// The figures of these rows, as scikit-learn defines them, by hand.
func TestFiguresOfLabels(t *testing.T) {
	m := newMultilabel([]string{"a", "b"})
	for _, row := range [][4]float32{{2, -1, 1, 0}, {-1, 1, 0, 1}, {1, 3, 0, 1}, {-2, -2, 1, 0}, {0.5, -3, 1, 1}} {
		m.Update(row[:2], -1, row[2:])
	}
	if a := m.score(0); a.Precision != 2./3 || a.Recall != 2./3 || math.Abs(a.F1-2./3) > 1e-15 || a.Rows != 3 {
		t.Errorf("a: %+v", a)
	}
	if b := m.score(1); b.Precision != 1 || b.Recall != 2./3 || b.F1 != 0.8 {
		t.Errorf("b: %+v", b)
	}
	if micro := m.all().Scores()[1]; micro != (train.Score{Precision: 0.8, Recall: 2. / 3, F1: 8. / 11, Rows: 6}) {
		t.Errorf("micro %+v", micro)
	}
	if m.exactMatch() != 0.4 || math.Abs(m.hammingLoss()-0.3) > 1e-15 || math.Abs(m.Compute()-(2./3+0.8)/2) > 1e-15 {
		t.Errorf("exact %v, Hamming %v, F1 %v", m.exactMatch(), m.hammingLoss(), m.Compute())
	}
	if got, want := m.labels[0].roc(), (plotter.XYs{{}, {X: 0, Y: 1. / 3}, {X: 0.5, Y: 1. / 3}, {X: 0.5, Y: 2. / 3}, {X: 1, Y: 2. / 3}, {X: 1, Y: 1}, {X: 1, Y: 1}}); !slices.Equal(got, want) {
		t.Errorf("ROC %v, want %v", got, want)
	}
}
