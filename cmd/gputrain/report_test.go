package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gputrain/data"
	"gputrain/model"
)

// foreignIn returns what a page has that it must not: scripts, handlers of events,
// and addresses of other files.
func foreignIn(page string) []string {
	return regexp.MustCompile(`(?i)<script|<iframe|<object|<link|<[a-z][^>]*\son\w+\s*=|<[a-z][^>]*\s(?:src|href|action)\s*=\s*["']?(?:[^"'d]|d[^a])|url\(|@import|javascript:`).FindAllString(page, -1)
}

func TestReportIsOnePageWithoutAnythingForeign(t *testing.T) {
	t.Chdir(t.TempDir())
	hostile := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.Title}}&amp;`, `' onmouseover='x`}
	table := "width," + `<b onclick=x>` + ",class\n"
	rng := rand.New(rand.NewPCG(1, 5))
	for i := range 80 {
		table += fmt.Sprintf("%d,%.2f,\"%s\"\n", i%4, rng.Float64(), strings.ReplaceAll(hostile[i%4], `"`, `""`))
	}
	writeFile(t, "<i>.csv", table)
	gputrain("train", "--quiet", "--data", "csv:<i>.csv", "--target", "class", "--model", "lstm", "--steps", "2", "--hidden", "3", "--epochs", "3", "--out", "runs/<img src=y onerror=z>").want(t, 0)
	gputrain(quick("--quiet", "--out", "runs/plain")...).want(t, 0)
	if o := gputrain("report", "runs").want(t, 0); o.out != "report in report.html\n" {
		t.Errorf("stdout %q", o.out)
	}
	page := readFile(t, "report.html")
	if foreign := foreignIn(page); len(foreign) > 0 {
		t.Errorf("the page has %q", foreign)
	}
	for _, want := range []string{
		"gputrain: 2 runs", "&lt;img src=y onerror=z&gt;", "csv:&lt;i&gt;.csv", "&lt;script&gt;alert(1)&lt;/script… (20)",
		"forget gate", "None: the network is not recurrent.", "data:image/png;base64,", "<polyline", "validation accuracy",
		"samples: ", "go1.", `<th>hidden</th><td>3</td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if dir, _ := os.Getwd(); strings.Contains(page, dir) {
		t.Errorf("the page tells that its data are in %s", dir)
	}
	wantFailure(t, exitFailure, []string{"report.html exists already: choose another --out"}, "report", "runs")
	wantFailure(t, exitUsage, []string{`--out is "x.pdf"; it must end in .html`}, "report", "runs", "--out", "x.pdf")
	wantFailure(t, exitFailure, []string{"nothing"}, "report", "nothing", "--out", "x.html")
}

// The control: the test above would find what is foreign.
func TestForeignThingsInAPageAreFound(t *testing.T) {
	for _, page := range []string{
		`<SCRIPT>`, `<p onclick="x">`, `<img src="http://a/b">`, `<img src='x.png'>`, `<a href=//x>`, `<link rel=x>`, `a { background: url(x) }`, `<img class="a" src=x onerror=alert(1)>`,
	} {
		if len(foreignIn(page)) == 0 {
			t.Errorf("nothing is found in %s", page)
		}
	}
}

func TestReportOfRunsThatLackThings(t *testing.T) {
	fakeRuns(t)
	gputrain("report", "runs", "--out", "all.html").want(t, 0)
	page := readFile(t, "all.html")
	for _, want := range []string{"the loss is NaN", "None: ", "The folder does not say.", "running"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, c := range []struct{ name, content, want string }{
		{"residuals.png", "GIF89a", "residuals.png: it is no PNG"},
		{aboutName, "{", aboutName},
		{configName, "lr = [", configName},
	} {
		fakeRuns(t)
		writeFile(t, filepath.Join("runs/stopped", c.name), c.content)
		wantFailure(t, exitFailure, []string{c.want}, "report", "runs", "--out", "bad.html")
		if runDir(".").has("bad.html") {
			t.Errorf("%s: there is a page", c.name)
		}
	}
	// Data that are gone are no reason to have no report.
	t.Chdir(t.TempDir())
	table := "a,b\n" + strings.Repeat("1,x\n2,y\n", 30)
	writeFile(t, "data.csv", table)
	gputrain("train", "--quiet", "--data", "csv:data.csv", "--target", "b", "--hidden", "2", "--epochs", "1", "--out", "run").want(t, 0)
	if err := os.Remove("data.csv"); err != nil {
		t.Fatal(err)
	}
	gputrain("report", "run").want(t, 0)
	if page := readFile(t, "report.html"); !strings.Contains(page, "data.csv: no such file") && !strings.Contains(page, "data.csv: The system cannot find") {
		t.Error("the page does not say that the data are gone")
	}
}

func TestReportOfARegression(t *testing.T) {
	t.Chdir(t.TempDir())
	table := "x,<y>,z\n"
	for i := range 100 {
		table += fmt.Sprintf("%d,%g,%d\n", i, 0.25+1.5*float64(i), i*i)
	}
	writeFile(t, "data.csv", table)
	gputrain("train", "--quiet", "--data", "csv:data.csv", "--target", "<y>", "--target", "z", "--task", "regress", "--model", "mlp", "--hidden", "4", "--epochs", "3", "--out", "run").want(t, 0)
	gputrain("report", "run").want(t, 0)
	page := readFile(t, "report.html")
	if !regexp.MustCompile(`<th>&lt;y&gt;</th><td>R² -?[\d.]+, RMSE [\d.]+, MAE [\d.]+ on the test set`).MatchString(page) || !strings.Contains(page, "<figcaption>predictions</figcaption>") {
		t.Error("the page lacks the figures of the target, or the picture")
	}
	header := strings.Join(strings.Fields(gputrain("runs", "run").want(t, 0).out)[:10], " ")
	if header != "validation test test # run state began data network epochs" {
		t.Errorf("the list begins with %q", header)
	}
}

func TestReportOfAText(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "poem.txt", strings.Repeat("<b>so much depends upon\na red wheel barrow</b>\n", 40))
	gputrain("train", "--quiet", "--data", "text:poem.txt", "--steps", "20", "--batch", "4", "--hidden", "4", "--epochs", "1", "--out", "run").want(t, 0)
	gputrain("report", "run").want(t, 0)
	page := readFile(t, "report.html")
	if !regexp.MustCompile(`while it reads &#34;[^"]*(depends|wheel)`).MatchString(page) || !strings.Contains(page, "forget gate") {
		t.Error("the page does not show what the network reads")
	}
	if regexp.MustCompile(`points="\S+ "`).MatchString(page) {
		t.Error("a curve is a single point, which nobody sees")
	}
}

// What the trace ends with is what the network makes its outputs of.
func TestGatesAreThoseOfTheNetwork(t *testing.T) {
	b, err := openCPU()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for kind, stack := range map[string][]layer{
		"lstm": {{Kind: "lstm", Hidden: 5, Layers: 2}}, "gru": {{Kind: "gru", Hidden: 5, Layers: 2}}, "rnn": {{Kind: "rnn", Hidden: 5, Layers: 2}},
		"lstm with peepholes behind others": {
			{Kind: "gru", Hidden: 4, layerOptions: layerOptions{Bidirectional: true}}, {Kind: "dense", Hidden: 3},
			{Kind: "lstm", Hidden: 5, layerOptions: layerOptions{Peepholes: true}},
		},
		"rnn with relu": {{Kind: "rnn", Hidden: 5, layerOptions: layerOptions{Activation: "relu"}}},
	} {
		const hidden = 5
		d := &description{Format: descriptionFormat, Data: "digits", Steps: 8, Width: 8, Classes: []string{"a", "b", "c"}}
		d.setStack(completed(stack, false))
		net, err := model.New(b, d.spec(), d.input(1), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(3)
		file := &model.File{}
		if err := net.Save(file); err != nil {
			t.Fatal(err)
		}
		set, err := data.Range(0, 16).Apply(data.Digits())
		if err != nil {
			t.Fatal(err)
		}
		x, err := b.New(8, 8)
		if err != nil {
			t.Fatal(err)
		}
		b.Upload(x, set.X[:64])
		want, err := downloadRow(b, net.Forward(x, d.Steps, model.Evaluation))
		if err != nil {
			t.Fatal(err)
		}
		traces, err := traceGates(b, d, file, set)
		if err != nil {
			t.Fatal(err)
		}
		last := traces[len(traces)-1].values[7*hidden:]
		weight, bias := file.Tensors["head.weight"].Data, file.Tensors["head.bias"].Data
		for class := range want {
			logit := float64(bias[class])
			for unit, h := range last {
				logit += float64(h * weight[class*hidden+unit])
			}
			if math.Abs(logit-want[class]) > 1e-5 {
				t.Errorf("%s: output %d is %v after the traced state, %v in the network", kind, class, logit, want[class])
			}
		}
		if kind != "lstm" {
			continue
		}
		output, cell := traces[3].values, traces[4].values
		for i, h := range traces[5].values {
			if got := float64(output[i]) * math.Tanh(float64(cell[i])); math.Abs(got-float64(h)) > 1e-5 {
				t.Errorf("unit %d at step %d: output gate and state make %v, not %v", i%5, i/5, got, h)
			}
		}
	}
}

func TestChartsHoldWhatTheyShow(t *testing.T) {
	for _, ys := range [][]float64{{1}, {2, 2, 2}, {-5, 5}, {1e-9, 1e9}, {0, 0}, slices.Repeat([]float64{1, 3}, 5000)} {
		run := &pastRun{curves: map[string][]float64{}}
		for i, y := range ys {
			run.curves["epoch"] = append(run.curves["epoch"], float64(i+1))
			run.curves["validation_loss"] = append(run.curves["validation_loss"], y)
		}
		charts := appendChart(nil, "validation loss", []chartLine{{Name: "run", points: curvePoints(run, "validation_loss")}})
		if len(charts) != 1 || len(charts[0].XTicks) == 0 || len(charts[0].YTicks) == 0 {
			t.Errorf("%.20v: charts %+v", ys, charts)
			continue
		}
		c := charts[0]
		for point := range strings.FieldsSeq(c.Lines[0].Points) {
			var x, y float64
			if _, err := fmt.Sscanf(point, "%g,%g", &x, &y); err != nil || !(x >= c.Left && x <= c.Right && y >= c.Top-0.1 && y <= c.Bottom+0.1) {
				t.Errorf("%.20v: the point %s is outside", ys, point)
			}
		}
		if len(c.Lines[0].Points) > 40_000 {
			t.Errorf("a curve takes %d bytes", len(c.Lines[0].Points))
		}
	}
	if charts := appendChart(nil, "loss", []chartLine{{points: curvePoints(&pastRun{curves: map[string][]float64{"loss": {math.NaN()}}}, "loss")}}); len(charts) > 0 {
		t.Errorf("nothing is drawn as %+v", charts)
	}
}

// screenshot is what headless Chromium shows of a page.
func screenshot(t *testing.T, chromium, page string, flags ...string) image.Image {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "page.png")
	args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + dir,
		"--window-size=800,1800", "--screenshot=" + path}, flags...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if text, err := exec.CommandContext(ctx, chromium, append(args, "file://"+page)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	img, err := png.Decode(bytes.NewReader([]byte(readFile(t, path))))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// share returns the share of pixels for which is says so.
func share(img image.Image, is func(r, g, b uint32) bool) float64 {
	count, bounds := 0, img.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			if r, g, b, _ := img.At(x, y).RGBA(); is(r>>8, g>>8, b>>8) {
				count++
			}
		}
	}
	return float64(count) / float64(bounds.Dx()*bounds.Dy())
}

func TestReportInChromium(t *testing.T) {
	skipUnderRace(t)
	var chromium string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Skip("there is no chromium in PATH")
	}
	t.Chdir(t.TempDir())
	gputrain("train", "--quiet", "--hidden", "8", "--epochs", "2", "--out", "run").want(t, 0)
	gputrain("report", "run").want(t, 0)
	page, err := filepath.Abs("report.html")
	if err != nil {
		t.Fatal(err)
	}
	light := func(r, g, b uint32) bool { return min(r, g, b) > 230 }
	dark := func(r, g, b uint32) bool { return max(r, g, b) < 60 }
	darkish := func(r, g, b uint32) bool { return max(r, g, b) < 130 } // text has soft edges
	blue := func(r, g, b uint32) bool { return b > r+50 && b > g+20 }  // curves, gates
	brown := func(r, g, b uint32) bool { return r > g+20 && g > b+20 }
	for _, c := range []struct {
		name       string
		flags      []string
		background func(r, g, b uint32) bool
		ink        func(r, g, b uint32) bool
	}{
		{"light", nil, light, darkish},
		{"dark", []string{"--blink-settings=preferredColorScheme=0"}, dark, light},
	} {
		img := screenshot(t, chromium, page, c.flags...)
		for _, want := range []struct {
			what        string
			least, most float64
			is          func(r, g, b uint32) bool
		}{
			{"background", 0.4, 0.97, c.background},
			{"ink", 0.005, 0.4, c.ink},
			{"blue of curves and gates", 0.01, 0.5, blue},
			{"brown of the states", 0.002, 0.5, brown},
		} {
			if got := share(img, want.is); got < want.least || got > want.most {
				t.Errorf("%s: the %s takes %.4f of the page, want %v to %v", c.name, want.what, got, want.least, want.most)
			}
		}
	}
}
