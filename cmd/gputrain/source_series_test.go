package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// sales returns series of two shops by month, with what else is known of them. The last
// rows have no sales yet.
func sales(months, ahead int) string {
	rng := rand.New(rand.NewPCG(1, 41))
	var text strings.Builder
	text.WriteString("shop,month,sold,returned,visitors,holiday,weather\n")
	for i := range months + ahead {
		for shop, name := range []string{"Graz", "Oslo"} {
			holiday := (i + 1) % 12 / 11 // December
			visitors := 50 + 10*math.Sin(math.Pi*float64(i)/6) + rng.NormFloat64()
			sold := 20*float64(shop+1) + visitors + 30*float64(holiday) + rng.NormFloat64()
			known := fmt.Sprintf("%.2f,%.2f,%.2f", sold, sold/10+rng.NormFloat64(), visitors)
			if i >= months {
				known = ",,"
			}
			fmt.Fprintf(&text, "%s,%d-%02d,%s,%d,%s\n", name, 2010+i/12, 1+i%12, known, holiday, []string{"dry", "wet"}[i%2])
		}
	}
	return text.String()
}

// onSales returns the arguments of a training on sales.csv that takes a moment.
func onSales(args ...string) []string {
	return append([]string{"train", "--data", "series:sales.csv", "--target", "sold", "--time", "month", "--series-id", "shop",
		"--window", "12", "--ahead", "6", "--model", "gru", "--hidden", "8", "--epochs", "3"}, args...)
}

func TestSeriesAreLearnedMeasuredAndContinued(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(120, 0))
	writeFile(t, "next.csv", sales(120, 12))
	o := gputrain(onSales("--target", "returned", "--known", "holiday", "--out", "run")...).want(t, 0)
	for _, want := range []string{
		"sales.csv: 2 series of 120 to 120 rows: Graz, Oslo, a month apart\n",
		"forecast sold, returned, 6 rows ahead, from the last 12; known up to the present: visitors, weather; known ahead: holiday\n",
		"season: 12 rows, after which the training part is most like itself\n",
		"windows: 134 to train on, 14 to validate, 38 to test on, cut by time\n",
		"sales.csv: column weather is 0 for dry, 1 for wet\n",
		"gru, 1 layer of 8 hidden units, 2 targets, 6 rows at a time; batches of 32 samples, 12 steps of 6 features",
	} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr has no %q:\n%s", want, o.errors)
		}
	}
	var skill float64
	if _, err := fmt.Sscanf(o.lastLine(), "test skill %f, the mean of 2 targets against their best baselines (6 rows ahead, 38 forecasts)", &skill); err != nil {
		t.Errorf("the last line is %q", o.lastLine())
	}
	if _, err := png.Decode(strings.NewReader(readFile(t, "run/"+forecastName))); err != nil {
		t.Error(err)
	}
	e := gputrain("eval", "--model", "run").want(t, 0)
	for _, want := range []string{"sold\nmethod", "returned\nmethod", "gru", "last value", "season of 12", "linear", "1 ahead", "6 ahead", "the 80 % interval held ", "the 95 % interval held "} {
		if !strings.Contains(e.out, want) {
			t.Errorf("eval prints no %q:\n%s", want, e.out)
		}
	}
	if e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}
	var fromEval, fromRun map[string]any
	if err := json.Unmarshal([]byte(gputrain("eval", "--model", "run", "--json").want(t, 0).out), &fromEval); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(readFile(t, "run/result.json")), &fromRun); err != nil || fromRun["test_skill"] != fromEval["test_skill"] || fromRun["season"] != 12.0 {
		t.Errorf("%v: result.json has %v, eval prints %v", err, fromRun, fromEval)
	}
	gputrain("report", "run", "--out", "run.html").want(t, 0)
	if page := readFile(t, "run.html"); !strings.Contains(page, "the first sample of the test set") {
		t.Error("the report shows no gates")
	}
	whole := gputrain("eval", "--model", "run/model.safetensors", "--data", "series:sales.csv").want(t, 0)
	if !strings.Contains(whole.lastLine(), "(6 rows ahead, 206 forecasts)") {
		t.Errorf("of the whole file: %q", whole.lastLine())
	}

	p := gputrain("predict", "--model", "run", "--input", "next.csv", "--ahead", "5").want(t, 0)
	rows, err := csv.NewReader(strings.NewReader(p.out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"shop", "month", "sold", "sold lower 80", "sold upper 80", "sold lower 95", "sold upper 95", "returned"}; len(rows) != 11 || !slices.Equal(rows[0][:8], want) {
		t.Fatalf("predict prints\n%s", p.out)
	}
	for i, row := range rows[1:] {
		if want := []string{[]string{"Graz", "Oslo"}[i/5], fmt.Sprintf("2020-%02d", 1+i%5)}; !slices.Equal(row[:2], want) {
			t.Errorf("row %d is of %q, want %q", i+1, row[:2], want)
		}
		for at := 2; at < len(row); at += 5 {
			var x [5]float64
			for k := range x {
				if x[k], err = strconv.ParseFloat(row[at+k], 64); err != nil {
					t.Fatal(err)
				}
			}
			if !(x[3] <= x[1] && x[1] < x[0] && x[0] < x[2] && x[2] <= x[4]) {
				t.Errorf("row %d: the forecast and its bounds are %v", i+1, x)
			}
		}
	}
	if piped := gputrainWith(t.Context(), strings.NewReader(sales(120, 12)), "predict", "--model", "run", "--input", "-", "--ahead", "5", "--quiet").want(t, 0); piped.out != p.out || piped.errors != "" {
		t.Errorf("of a pipe: %q %q", piped.out, piped.errors)
	}
	if back := gputrain("predict", "--model", "run/best.safetensors", "--input", "next.csv").want(t, 0); strings.Contains(back.out, "lower") || !strings.Contains(back.errors, "no bounds: the model is none of a finished run") {
		t.Errorf("of the best model: %s%s", back.out, back.errors)
	}
	for _, c := range []struct {
		code int
		args string
		want string
	}{
		{exitUsage, "predict --model run --input next.csv --ahead 7", "--ahead is 7, but the model forecasts 6 rows at once: to go on from there, it would have to know visitors, weather"},
		{exitUsage, "predict --model run --input next.csv --ahead -1", "--ahead is -1"},
		{exitUsage, "predict --model run --input next.csv --top 2", "--top is for classes"},
		{exitUsage, "predict --model run --input next.csv --target sold", "--target is of a table"},
		{exitFailure, "predict --model run --input sales.csv", `sales.csv: series "Graz": to forecast 6 rows, the columns known ahead must go on for as many: "holiday"; add 6 rows at the end, with the targets left empty`},
		{exitUsage, "eval --model run --data csv:sales.csv", "--data csv:sales.csv: the model learned from series:sales.csv"},
		{exitUsage, "import run/model.safetensors --as gru --data series:sales.csv --out new", "but series do not say what the inputs of the network were: give a run"},
	} {
		wantFailure(t, c.code, []string{c.want}, strings.Fields(c.args)...)
	}
}

// What is fed back goes on beyond the rows that the model was measured on, without bounds.
func TestSeriesGoOnFreely(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(120, 12))
	args := onSales("--ignore", "returned,visitors,weather", "--known", "holiday")
	for way, model := range map[string]string{forecastFree: "mlp", forecastDirect: "rnn"} {
		o := gputrain(append(args, "--forecast", way, "--model", model, "--out", way)...).want(t, 0)
		var rmse, mae float64
		if _, err := fmt.Sscanf(o.lastLine(), "test RMSE %f, MAE %f; RMSE of last value", &rmse, &mae); err != nil || !strings.Contains(o.lastLine(), ", season of 12 ") || !strings.Contains(o.lastLine(), ", linear ") {
			t.Errorf("%s: the last line is %q", way, o.lastLine())
		}
		p := gputrain("predict", "--model", way, "--input", "sales.csv", "--ahead", "8").want(t, 0)
		lines := strings.Split(p.out, "\n")
		if !strings.HasPrefix(lines[8], "Graz,2020-08,") || !strings.HasSuffix(lines[8], ",,,,") || strings.HasSuffix(lines[6], ",") || !strings.Contains(p.errors, "goes on from its own forecasts") {
			t.Errorf("%s: predict prints\n%s%s", way, p.out, p.errors)
		}
	}
	wantFailure(t, exitFailure, []string{"--forecast free feeds back what it forecasts, but goes on without knowing returned, visitors, weather"},
		onSales("--known", "holiday", "--forecast", "free", "--out", "no")...)
	wantFailure(t, exitFailure, []string{"--init-from free: its network is mlp"}, onSales("--init-from", "free", "--out", "no")...)
	wantFailure(t, exitFailure, []string{"--init-from direct: it sees 12 rows and forecasts 6, 6 at a time, but this run 12 and 5, 5 at a time"},
		onSales("--init-from", "direct", "--model", "rnn", "--ahead", "5", "--out", "no")...)
	gputrain(onSales("--init-from", "direct", "--model", "rnn", "--out", "next")...).want(t, 0)

	o := gputrain("export", "--model", "direct", "--onnx", "x.onnx", "--pytorch", "x.safetensors").want(t, 0)
	if !strings.Contains(o.errors, "an ONNX model of 36 features, scaling included, with one input, x; its outputs are 6 numbers in predicted") {
		t.Errorf("export prints %q", o.errors)
	}
	gputrain("import", "x.safetensors", "--like", "direct", "--out", "back.safetensors").want(t, 0)
	there, back := gputrain("eval", "--model", "direct").want(t, 0), gputrain("eval", "--model", "back.safetensors", "--data", "series:sales.csv").want(t, 0)
	if !strings.Contains(there.out, "interval") || strings.Contains(back.out, "interval") {
		t.Errorf("by way of PyTorch: %s", back.out)
	}
}

// A network that counts from the last value follows a series that grows: its forecasts
// move with the level.
func TestRelativeForecastsMoveWithTheLevel(t *testing.T) {
	t.Chdir(t.TempDir())
	var low, high strings.Builder
	for _, c := range []struct {
		text  *strings.Builder
		level int
	}{{&low, 0}, {&high, 1000}} {
		c.text.WriteString("y\n")
		for i := range 100 {
			fmt.Fprintf(c.text, "%d\n", c.level+i+i%4)
		}
	}
	writeFile(t, "low.csv", low.String())
	writeFile(t, "high.csv", high.String())
	for _, way := range []string{forecastDirect, forecastFree} {
		args := []string{"train", "--data", "series:low.csv", "--target", "y", "--window", "8", "--ahead", "3", "--model", "gru", "--hidden", "4", "--epochs", "2", "--forecast", way}
		plain := gputrain(append(args, "--out", "plain-"+way)...).want(t, 0)
		if !strings.Contains(plain.errors, "% of the rows to validate and test on have values of y beyond those to learn from; --relative lets a network follow them") {
			t.Errorf("stderr %q", plain.errors)
		}
		if o := gputrain(append(args, "--relative", "--out", way)...).want(t, 0); strings.Contains(o.errors, "warning") || !strings.Contains(o.errors, "counted from the last value") {
			t.Errorf("stderr %q", o.errors)
		}
		for run, moves := range map[string]bool{way: true, "plain-" + way: false} {
			first := func(file string) float64 {
				rows, err := csv.NewReader(strings.NewReader(gputrain("predict", "--model", run, "--input", file, "--ahead", "5").want(t, 0).out)).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				x, err := strconv.ParseFloat(rows[5][1], 64)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			if by := first("high.csv") - first("low.csv"); (math.Abs(by-1000) < 1e-3) != moves {
				t.Errorf("%s: at a level of 1000 more, the forecast is %v more", run, by)
			}
		}
	}
	wantFailure(t, exitFailure, []string{"--init-from free: only one of it and this run has --relative"},
		"train", "--data", "series:low.csv", "--target", "y", "--window", "8", "--ahead", "3", "--model", "gru", "--hidden", "4", "--forecast", "free", "--init-from", "free", "--out", "no")
}

func TestSettingsOfSeries(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(60, 0))
	writeFile(t, "still.csv", "y\n"+strings.Repeat("5\n", 60))
	writeFile(t, "gap.csv", strings.Replace(sales(60, 0), "Graz,2011-03,", "Graz,1999-03,", 1))
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{exitUsage, []string{"--data", "series:"}, `--data is "series:", but lacks the path, as in series:PATH`},
		{exitUsage, []string{"--window", "0"}, "--window is missing: it says how many rows the network sees"},
		{exitUsage, []string{"--ahead", "0"}, "--ahead is missing: it says how many rows to forecast"},
		{exitUsage, []string{"--window", "-1"}, "--window is -1; it must be 1 to"},
		{exitUsage, []string{"--stride", "-1"}, "--stride is -1; it must be 0 to"},
		{exitUsage, []string{"--season", "-1"}, "--season is -1; it must be 0 to"},
		{exitUsage, []string{"--forecast", "fre"}, `--forecast is "fre", not one of direct, free; did you mean "free"?`},
		{exitUsage, []string{"--task", "classify"}, "--task is classify, but series are numbers"},
		{exitUsage, []string{"--missing", "drop"}, "--missing is drop, but a series has no gaps"},
		{exitUsage, []string{"--steps", "4"}, "--steps is 4, but the time steps of a series are its rows"},
		{exitUsage, []string{"--loss", "cross-entropy"}, "--loss is cross-entropy, but series are numbers"},
		{exitUsage, []string{"--class-weights", "balanced"}, "but series have no classes"},
		{exitUsage, []string{"--features", "visitors", "--ignore", "returned"}, "--ignore goes without --features"},
		{exitUsage, []string{"--known", "holiday", "--window", "5"}, "--window is 5; with --known it must be --ahead, 6, or more"},
		{exitUsage, []string{"--known", "sold"}, "--known: the column sold is named before, as something else or twice"},
		{exitUsage, []string{"--data", "digits"}, "--window is 12, but only series take it: --data series:FILE"},
		{exitFailure, []string{"--known", "holidays"}, `sales.csv: --known: there is no column "holidays"; did you mean "holiday"?`},
		{exitFailure, []string{"--data", "series:absent.csv"}, "absent.csv: "},
		{exitFailure, []string{"--window", "40"}, `sales.csv: series "Graz": its 60 rows are too few to see 40 and forecast 6 in each of three parts, of 42, 6 and 12 rows; so it is with 2 of 2 series; take a smaller window`},
		{exitFailure, []string{"--season", "49"}, "sales.csv: a season of 49 rows is longer than what is before the part to test on"},
		{exitFailure, []string{"--data", "series:gap.csv"}, `gap.csv:30:2: column "month": series "Graz": 1999-03 is not after 2011-02 in line 28; sort the rows by time`},
		{exitUsage, []string{"--series-id", "month"}, "--series-id: the column month is named before"},
	} {
		wantFailure(t, c.code, []string{c.want}, onSales(c.args...)...)
	}
	wantFailure(t, exitFailure, []string{"still.csv: the target y is 5 in all rows to learn from: nothing to learn"},
		"train", "--data", "series:still.csv", "--target", "y", "--window", "4", "--ahead", "2")
	wantFailure(t, exitUsage, []string{"--target is missing: it names the column of sales.csv to forecast"}, "train", "--data", "series:sales.csv")
}

func TestARunOnSeriesResumesExactly(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(60, 0))
	gputrain(onSales("--checkpoint-every", "2steps", "--checkpoint-keep", "99", "--out", "run")...).want(t, 0)
	want := readFile(t, "run/model.safetensors")
	steps, err := runDir("run").checkpoints()
	if err != nil || len(steps) < 2 {
		t.Fatal(steps, err)
	}
	for _, gone := range []string{runDir("run").checkpointFile(steps[0]), "run/result.json", "run/model.safetensors"} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	gputrain("train", "--resume", "run", "--quiet").want(t, 0)
	if readFile(t, "run/model.safetensors") != want {
		t.Error("other bytes")
	}
	writeFile(t, "sales.csv", strings.Replace(sales(60, 0), "2014-12", "2014-12", 1)+"Graz,2015-01,1,1,1,0,dry\n")
	wantFailure(t, exitFailure, []string{"has changed since the run began"}, "train", "--resume", "run", "--epochs", "9")
	wantFailure(t, exitUsage, []string{"--resume keeps the settings of the run: leave out --window"}, "train", "--resume", "run", "--window", "9")
}

const seriesDescriptionText = `{"format":1,"data":"series:a.csv","targets":["y"],"target_shift":[1],"target_factor":[2],"model":"gru","steps":3,"width":4,"hidden":2,"layers":1,` +
	`"shift":[1,2,3,3,1,2,3,3,1,2,3,3],"factor":[1,1,1,1,1,1,1,1,1,1,1,1],` +
	`"series":{"window":3,"block":2,"ahead":2,"time":"t","features":["f"],"known":["k"],"spacing":{"step":1},"season":4,` +
	`"linear":{"rows":1,"weights":[0,0,0,0,0,0,0,0,0,0]},"intervals":{"levels":[0.5],"half":[[1,2]],"cases":9}}}`

func TestDescriptionOfSeries(t *testing.T) {
	d, err := parseDescription(seriesDescriptionText)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.columnScaling(); !slices.Equal(s.Shift, []float64{1, 2, 3}) {
		t.Errorf("the scaling of the columns is %v", s.Shift)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"window":3`, `"window":0`, "it sees 0 rows, and forecasts 2 by 2"},
		{`"window":3`, `"window":4`, "4 rows of 4 features for a network of 12"},
		{`"block":2`, `"block":3`, "it sees 3 rows, and forecasts 2 by 3"},
		{`"block":2`, `"block":1`, "it feeds back what it forecasts, but takes columns that are not known ahead"},
		{`"ahead":2`, `"ahead":-2`, "forecasts -2 by 2"},
		{`"ahead":2`, `"ahead":2,"behind":1`, `unknown key "behind"`},
		{`"ahead":2`, `"ahead":2,"ahead":2`, `"ahead" is there twice`},
		{`["f"]`, `["y"]`, `two columns are called "y"`},
		{`["f"]`, `["f","g"]`, "3 rows of 5 features for a network of 12"},
		{`"season":4`, `"season":-4`, "season is -4"},
		{`"season":4`, `"season":4,"missing":"drop"`, `missing is "drop"`},
		{`"season":4`, `"season":4,"encodings":[{}]`, "1 encodings for 2 columns"},
		{`"season":4`, `"season":4,"encodings":[{},{"indicator":true}]`, "have neither vectors nor, without missing values, indicators"},
		{`"step":1`, `"step":-1`, "spacing is -1"},
		{`"rows":1`, `"rows":4`, "the autoregression has 10 weights for 4 rows of a window of 3"},
		{`[0.5]`, `[1.5]`, "the intervals of level 1.5 are none"},
		{`[0.5]`, `[]`, "0 levels of intervals, but 1 widths"},
		{`[[1,2]]`, `[[1]]`, "the intervals of level 0.5 are none"},
		{`"cases":9`, `"cases":0`, "the intervals were found with 0 forecasts"},
		{`[[1,2]]`, `[[1,-2]]`, "the intervals of level 0.5 are none"},
		{`"series:a.csv"`, `"digits"`, `it forecasts series, or not, for data "digits"`},
		{`"series:a.csv"`, `"series:/etc/a.csv"`, "names no path"},
		{`"factor":[1,`, `"factor":[`, "scaled by 11 factors"},
		{`"targets":["y"],`, `"targets":["y"],"classes":["y"],`, "it forecasts series, but has no targets, or has classes"},
	} {
		_, err := parseDescription(strings.Replace(seriesDescriptionText, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
}

// A file of another kind with the same rows gives the same model.
func TestKindsOfFilesOfSeries(t *testing.T) {
	t.Chdir(t.TempDir())
	type row struct {
		T int64   `parquet:"t"`
		Y float64 `parquet:"y"`
	}
	text := "t,y\n"
	var rows []row
	for i := range 60 {
		rows = append(rows, row{int64(i), float64(i * i % 7)})
		text += fmt.Sprintf("%d,%d\n", i, i*i%7)
	}
	var columns, zipped bytes.Buffer
	w := parquet.NewGenericWriter[row](&columns)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	var last []string
	for name, content := range map[string]string{"a.csv": text, "a.csv.gz": zipped.String(), "a.parquet": columns.String()} {
		writeFile(t, name, content)
		o := gputrain("train", "--data", "series:"+name, "--target", "y", "--time", "t", "--window", "7", "--ahead", "2", "--model", "mlp", "--hidden", "4", "--epochs", "2", "--quiet", "--out", "of-"+name).want(t, 0)
		last = append(last, o.lastLine())
	}
	if last[0] != last[1] || last[1] != last[2] || !strings.Contains(last[0], "season of 7 0, linear ") {
		t.Errorf("%q", last)
	}
}
