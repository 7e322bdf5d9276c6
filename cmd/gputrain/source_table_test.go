package main

import (
	"encoding/json"
	"fmt"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/data"
)

// houses returns a table of rows whose price and rent follow from what is known of them.
func houses(rows int) string {
	rng := rand.New(rand.NewPCG(1, 21))
	cities, worth := []string{"Graz", "Oslo", "Rome"}, []float64{10, 80, 30}
	var text strings.Builder
	text.WriteString("id,area,rooms,city,garden,zone,price,rent\n")
	for i := range rows {
		area, rooms, city, garden, zone := 30+170*rng.Float64(), 1+rng.IntN(6), rng.IntN(3), rng.IntN(2), 7+rng.IntN(3)
		price := 1000 * (3*area + 10*float64(rooms) + worth[city] + 20*float64(garden) + 5*float64(zone))
		known := fmt.Sprint(rooms)
		if i%25 == 3 {
			known = []string{"", "NA"}[i%2]
		}
		fmt.Fprintf(&text, "h%d,%.1f,%s,%s,%s,%d,%.0f,%.2f\n", i, area, known, cities[city], []string{"no", "yes"}[garden], zone, price, 50-price/20000)
	}
	return text.String()
}

// regress trains on houses.csv.
func regress(t *testing.T, out string, flags ...string) outcome {
	t.Helper()
	args := []string{"train", "--data", "csv:houses.csv", "--model", "mlp", "--hidden", "16", "--epochs", "20", "--out", out}
	return gputrain(append(args, flags...)...).want(t, 0)
}

func TestNumbersOfATableAreLearned(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(400))
	o := regress(t, "run", "--target", "price", "--ignore", "id,rent", "--missing", "indicator", "--categories", "zone")
	for _, want := range []string{
		"warning: houses.csv: the target price has ", "and is learned as a quantity; to learn each as a class: --task classify\n",
		"houses.csv: column city has 3 categories, each a feature: Graz, Oslo, Rome\n",
		"houses.csv: column garden is 0 for no, 1 for yes\n",
		"houses.csv: column zone has 3 categories, each a feature: 7, 8, 9\n",
		"houses.csv: missing values count as the mean: column \"rooms\" (16)\n",
		"numbers to learn: price (mean ", "5 features: area, rooms, city, garden, zone\n",
	} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	if strings.Contains(o.errors, "accuracy") || strings.Contains(o.errors, "NaN") {
		t.Errorf("stderr %q speaks of classes", o.errors)
	}
	var r2, rmse, mae float64
	var count int
	if n, err := fmt.Sscanf(o.lastLine(), "test R2 %f, RMSE %f, MAE %f (%d samples)", &r2, &rmse, &mae, &count); n != 4 || !(r2 > 0.95) || count != 80 || !(mae < rmse && rmse > 1000) {
		t.Fatalf("the last line is %q, %v", o.lastLine(), err)
	}
	for _, name := range []string{"run/predictions.png", "run/curves.png"} {
		if _, err := png.Decode(strings.NewReader(readFile(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if runDir("run").has(confusionName) {
		t.Error("a confusion of numbers")
	}
	e := gputrain("eval", "--model", "run").want(t, 0)
	if e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}
	var fromEval, fromRun map[string]any
	if err := json.Unmarshal([]byte(gputrain("eval", "--model", "run", "--json").want(t, 0).out), &fromEval); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(readFile(t, "run/result.json")), &fromRun); err != nil {
		t.Fatal(err)
	}
	if fromEval["event"] != "result" || fromEval["count"] != 80. || fromEval["test_rmse"] != fromRun["test_rmse"] || fromEval["test_rmse"] == nil || fmt.Sprint(fromEval["targets"]) != fmt.Sprint(fromRun["targets"]) {
		t.Errorf("eval --json %v, result.json %v", fromEval, fromRun)
	}

	// All rows, predicted in the units of the target, give the figures of eval.
	whole := gputrain("eval", "--model", "run", "--data", "csv:houses.csv", "--quiet").want(t, 0)
	p := gputrain("predict", "--model", "run", "--input", "houses.csv", "--quiet").want(t, 0)
	predicted := strings.Split(strings.TrimSpace(p.out), "\n")
	actual := strings.Split(strings.TrimSpace(houses(400)), "\n")
	if len(predicted) != len(actual) || predicted[0] != "predicted" {
		t.Fatalf("%d lines, the first is %q", len(predicted), predicted[0])
	}
	off := 0.0
	for i := range predicted[1:] {
		var y, want float64
		fmt.Sscan(predicted[1+i], &y)
		fmt.Sscan(strings.Split(actual[1+i], ",")[6], &want)
		off += max(y-want, want-y) / 400
	}
	if fmt.Sscanf(whole.lastLine(), "test R2 %f, RMSE %f, MAE %f", &r2, &rmse, &mae); off < 0.999*mae || off > 1.001*mae {
		t.Errorf("the predictions are off by %v, eval says %q", off, whole.lastLine())
	}
}

func TestSeveralTargets(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(200))
	o := regress(t, "run", "--target", "rent", "--target", "price", "--features", "garden,area", "--loss", "huber", "--huber-delta", "0.5")
	if !strings.Contains(o.errors, "2 features: garden, area\n") || !strings.Contains(o.lastLine(), ", the mean of 2 targets (40 samples)") {
		t.Errorf("stderr %q, last line %q", o.errors, o.lastLine())
	}
	if e := gputrain("eval", "--model", "run").want(t, 0); e.lastLine() != o.lastLine() || !strings.Contains(e.out, "target") || strings.Count(e.out, "price") != 1 {
		t.Errorf("eval prints %q", e.out)
	}
	p := gputrain("predict", "--model", "run", "--input", "houses.csv").want(t, 0)
	if header, _, _ := strings.Cut(p.out, "\n"); header != "predicted(rent),predicted(price)" {
		t.Errorf("header %q", header)
	}
	for _, name := range []string{"run/config.toml", "run/predictions.png"} {
		readFile(t, name)
	}
	again := gputrain("train", "--config", "run/config.toml", "--out", "again").want(t, 0)
	if again.lastLine() != o.lastLine() || readFile(t, "again/model.safetensors") != readFile(t, "run/model.safetensors") {
		t.Errorf("config.toml gives %q, the flags gave %q", again.lastLine(), o.lastLine())
	}
	gputrain("train", "--resume", "run", "--epochs", "21").want(t, 0)
	wantFailure(t, exitUsage, []string{"--resume keeps the settings of the run: leave out --loss"}, "train", "--resume", "run", "--loss", "mse")
	writeFile(t, "houses.csv", strings.Replace(houses(200), ",yes,", ",perhaps,", 1))
	wantFailure(t, exitFailure, []string{"has changed since the run began"}, "train", "--resume", "run", "--epochs", "22")
}

func TestNumbersAreLearnedFromAnOldModel(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(200))
	old := regress(t, "old", "--target", "price", "--ignore", "id,rent", "--missing", "indicator")
	o := regress(t, "new", "--target", "price", "--init-from", "old", "--epochs", "1", "--lr", "1e-9")
	if o.lastLine() != old.lastLine() {
		t.Errorf("a run that learns nothing ends with %q, the old one with %q", o.lastLine(), old.lastLine())
	}
	for _, c := range []struct{ flags, want string }{
		{"--target rent", "--init-from old: it learned targets price, but this run learns targets rent"},
		{"--target price --ignore id", "--init-from takes the columns as that model does; leave out --features"},
		{"--target price --task classify", "--task is classify, but the model that --init-from names learned targets"},
	} {
		args := append(strings.Fields("train --data csv:houses.csv --model mlp --hidden 16 --init-from old --out x"), strings.Fields(c.flags)...)
		if e := gputrain(args...); e.code == 0 || !strings.Contains(e.errors, c.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %q", c.flags, e.code, e.errors, c.want)
		}
	}
}

func TestPredictKnowsWhatTheModelLearned(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "houses.csv", houses(200))
	regress(t, "mean", "--target", "price", "--features", "area,rooms,city", "--missing", "mean")
	regress(t, "drop", "--target", "price", "--features", "area,rooms,city", "--missing", "drop")
	const header = "city,note,rooms,area\n"
	writeFile(t, "x.csv", header+"Rome,?,3,100\nOslo,a,,120.5\n")
	o := gputrain("predict", "--model", "mean", "--input", "x.csv").want(t, 0)
	if !strings.Contains(o.errors, `missing values count as the mean: column "rooms" (1)`) || strings.Count(o.out, "\n") != 3 {
		t.Errorf("stderr %q, stdout %q", o.errors, o.out)
	}
	wantFailure(t, exitFailure, []string{`x.csv:3:3: column "rooms": no value; `}, "predict", "--model", "drop", "--input", "x.csv")
	writeFile(t, "x.csv", header+"Rome,?,3,100\nOsla,a,2,120.5\n")
	wantFailure(t, exitFailure, []string{`x.csv:3:1: column "city": "Osla" is not among the 3 categories that are known, the nearest is "Oslo"; `}, "predict", "--model", "mean", "--input", "x.csv")
	wantFailure(t, exitUsage, []string{"--top is for classes"}, "predict", "--model", "mean", "--input", "x.csv", "--top", "2")
	wantFailure(t, exitUsage, []string{"--data digits has classes, but the model learned numbers"}, "eval", "--model", "mean", "--data", "digits")
	wantFailure(t, exitUsage, []string{"--target is given 2 times, but the model learned 1 column"}, "eval", "--model", "mean", "--data", "csv:x.csv", "--target", "a", "--target", "b")
	dropped := gputrain("eval", "--model", "drop", "--data", "csv:houses.csv").want(t, 0)
	if !strings.Contains(dropped.errors, `8 rows are left out, because values are missing: column "rooms" (8)`) || !strings.Contains(dropped.lastLine(), "(192 samples)") {
		t.Errorf("stderr %q, %q", dropped.errors, dropped.lastLine())
	}
}

func TestClassesAreWeighed(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	rng := rand.New(rand.NewPCG(1, 22))
	text := "x,kind\n"
	for i := range 400 {
		kind, at := "common", 0.0
		if i%10 == 0 {
			kind, at = "rare", 1
		}
		text += fmt.Sprintf("%.3f,%s\n", at+rng.NormFloat64(), kind)
	}
	writeFile(t, "x.csv", text)
	recall := func(out string, flags ...string) float64 {
		args := []string{"train", "--data", "csv:x.csv", "--target", "kind", "--model", "mlp", "--hidden", "4", "--epochs", "20", "--out", out}
		gputrain(append(args, flags...)...).want(t, 0)
		var got struct {
			TestF1    float64 `json:"test_f1"`
			TestAUROC float64 `json:"test_auroc"`
			Classes   []struct {
				Name              string
				Precision, Recall float64
				AUROC             float64
				Count             int
			}
		}
		o := gputrain("eval", "--model", out, "--json").want(t, 0)
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Classes) != 2 || got.Classes[1].Name != "rare" || got.Classes[1].Count != 8 || got.TestAUROC != got.Classes[1].AUROC || got.TestAUROC < 0.6 || got.TestF1 <= 0 {
			t.Errorf("%s: %+v", out, got)
		}
		return got.Classes[1].Recall
	}
	plain, balanced := recall("plain"), recall("balanced", "--class-weights", "balanced", "--label-smoothing", "0.05")
	if !(balanced > plain+0.3) {
		t.Errorf("recall of the rare class is %v, weighed %v", plain, balanced)
	}
	o := gputrain("eval", "--model", "balanced").want(t, 0)
	for _, want := range []string{"precision  recall      F1   AUROC  samples", "macro mean", "weighted mean"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("eval prints %q, want %q", o.out, want)
		}
	}
	if !slices.Equal(balancedWeights([]int{9, 0, 3}), []float64{12. / 18, 0, 2}) {
		t.Errorf("weights %v", balancedWeights([]int{9, 0, 3}))
	}
}

// planOf returns how a table would be read.
func planOf(text string, c tableChoice) (plan, error) {
	if c.task == "" {
		c.task = "auto"
	}
	if c.missing == "" {
		c.missing = "refuse"
	}
	i, err := data.InspectCSVFrom(strings.NewReader(text), "x.csv", data.CSVOptions{Targets: c.targets})
	if err != nil {
		return plan{}, err
	}
	return c.plan(i)
}

func TestTaskFollowsFromTheTarget(t *testing.T) {
	column := func(values ...string) string { return "a,y\n1," + strings.Join(values, "\n1,") + "\n" }
	for _, c := range []struct {
		name, text, want, note string
	}{
		{"words", column("a", "b", "a"), taskClassify, ""},
		{"few numbers", column("0", "1", "1", "0"), taskClassify, ""},
		{"grades", column(slices.Repeat([]string{"1", "2", "3"}, 10)...), taskClassify, ""},
		{"numbered classes", column(slices.Repeat(numbers(12, 0, 1), 10)...), taskClassify, "the target y has 12 different numbers, and each is learned as a class; to learn a quantity: --task regress"},
		{"a first line of data", "a,y\nb,0\na,1\nb,1\n", taskClassify, "the first line is read as a header, but a in it is also a value of its column, in 1 row; "},
		{"a quantity", column(numbers(60, 0.5, 1)...), taskRegress, "the target y has 60 numbers from 0.5 to 59.5, and is learned as a quantity; to learn each as a class: --task classify"},
		{"as many as samples", column(numbers(40, 0, 1)...), taskRegress, "40 numbers from 0 to 39"},
		{"numbers and a word", column(append(numbers(60, 0.5, 1), "x")...), taskClassify, ""},
	} {
		p, err := planOf(c.text, tableChoice{targets: []string{"y"}})
		if notes := strings.Join(p.notes, "\n"); err != nil || p.task != c.want || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: %s, %v, %q; want %s, %q", c.name, p.task, err, notes, c.want, c.note)
		}
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	names := "name,y\n"
	for i := range 30 {
		names += fmt.Sprintf("n%d,%d\n", i, i%2)
	}
	y := []string{"y"}
	for _, c := range []struct {
		name, text string
		choice     tableChoice
		want       string
	}{
		{"text to learn as numbers", "a,y\n1,2\n3,many\n", tableChoice{targets: y, task: taskRegress}, `x.csv:3: the target y holds "many", which is no number to learn`},
		{"several classes", "a,b,c\n1,2,3\n", tableChoice{targets: []string{"b", "c"}, task: taskClassify}, "--task classify takes one --target, not 2"},
		{"missing", "a,b,y\n1,,0\n2,NA,1\n,3,1\n", tableChoice{targets: y}, `x.csv:2:2: no value; 3 values are missing in all: a (1), b (2); fill them in, leave columns out with --ignore, or say --missing mean, drop or indicator`},
		{"missing word", "a,y\nn/a,0\n2,1\n", tableChoice{targets: y}, `x.csv:2:1: "n/a" is no value; 1 value is missing in all: a (1); `},
		{"missing target", "a,y\n1,0.5\n2,\n", tableChoice{targets: y, task: taskRegress, missing: "mean"}, `x.csv:3:2: no value; 1 value is missing in all: y (1); fill them in, or leave the rows out with --missing drop`},
		{"names", names, tableChoice{targets: y}, "x.csv: column name has 30 different texts in 30 rows, which are names rather than categories; leave it out: --ignore name"},
		{"feature that is not there", "area,y\n1,2\n", tableChoice{targets: y, features: []string{"aera"}}, `x.csv: --features: there is no column "aera"; did you mean "area"?`},
		{"target as a feature", "a,y\n1,2\n", tableChoice{targets: y, features: []string{"y"}}, "x.csv: --features: y is the target"},
		{"feature twice", "a,y\n1,2\n", tableChoice{targets: y, features: []string{"a", "a"}}, "--features names a twice"},
		{"category that is left out", "a,b,y\n1,2,3\n", tableChoice{targets: y, ignore: []string{"b"}, categories: []string{"b"}}, "x.csv: --categories: b is no feature"},
		{"names without header", "1,2\n3,4\n", tableChoice{targets: []string{"2"}, ignore: []string{"a"}}, "x.csv: --ignore names columns, but the file has no header; write one above the data"},
	} {
		_, err := planOf(c.text, c.choice)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSettingsOfTablesAreChecked(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", "a,b,y\n"+strings.Repeat("1,2,0\n3,4,1\n5,6,1\n", 10))
	csv := "train --data csv:x.csv --target y --model mlp "
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{csv + "--loss mae", exitUsage, "--loss mae is for numbers, but csv:x.csv has classes; learn numbers with --task regress"},
		{csv + "--task regress --loss cross-entropy", exitUsage, "--loss cross-entropy is for classes"},
		{csv + "--task regress --class-weights balanced", exitUsage, "--class-weights balanced is for classes"},
		{csv + "--task regress --label-smoothing 0.1", exitUsage, "--label-smoothing 0.1 is for classes"},
		{csv + "--label-smoothing 2", exitUsage, "--label-smoothing is 2; it must be 0 to 1"},
		{csv + "--huber-delta 0", exitUsage, "--huber-delta is 0; it must be a number above 0"},
		{csv + "--loss hubber", exitUsage, `--loss is "hubber", not one of auto, cross-entropy, mse, mae, huber, bce; did you mean "huber"?`},
		{csv + "--missing ignore", exitUsage, `--missing is "ignore", not one of refuse, mean, drop, indicator`},
		{csv + "--task guess", exitUsage, `--task is "guess", not one of auto, classify, regress`},
		{csv + "--features a --ignore b", exitUsage, "--ignore goes without --features"},
		{"train --data digits --missing mean", exitUsage, `--missing is "mean", but only tables have columns`},
		{"train --data digits --features a,b", exitUsage, `--features is "a,b", but only tables have columns`},
		{"train --data digits --task regress", exitUsage, `--task is "regress", but only tables have columns`},
		{"train --data text:x.csv --loss mse", exitUsage, `--loss is "mse", but a text is learned by its cross-entropy`},
		{"train --data text:x.csv --class-weights balanced", exitUsage, `--class-weights is "balanced", but a text has no classes`},
		{"train --data digits --loss mse", exitUsage, "--loss mse is for numbers, but digits has classes"},
	} {
		wantFailure(t, c.code, []string{c.want}, strings.Fields(c.line)...)
	}
	writeFile(t, "one.csv", "a,y\n"+strings.Repeat("1,2.5\n2,2.5\n", 10))
	wantFailure(t, exitFailure, []string{"one.csv: the target y is 2.5 in all samples to learn from: nothing to learn"}, "train", "--data", "csv:one.csv", "--target", "y", "--task", "regress")
	gputrain("explain", "--data", "csv:x.csv", "--target", "y", "--task", "regress", "--loss", "huber", "--model", "mlp").want(t, 0)
	gputrain("explain", "--data", "csv:x.csv", "--target", "y", "--class-weights", "balanced", "--label-smoothing", "0.1", "--model", "mlp").want(t, 0)
	gputrain("train", "--data", "text:x.csv", "--label-smoothing", "0.1", "--hidden", "2", "--batch", "2", "--steps", "4", "--epochs", "1", "--out", "text").want(t, 0)
	// A file of settings may name one column as text, as it did once.
	writeFile(t, "old.toml", "data = \"csv:x.csv\"\ntarget = \"y\"\nmodel = \"mlp\"\nepochs = 1\n")
	gputrain("train", "--config", "old.toml", "--out", "run").want(t, 0)
	writeFile(t, "bad.toml", "target = 3\n")
	wantFailure(t, exitUsage, []string{"bad.toml", "3 is not the name of a column, in quotes"}, "train", "--config", "bad.toml")
}
