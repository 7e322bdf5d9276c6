package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/data"
)

// shops returns a table of sales that depend on the shop, of which two have one row.
func shops(rows int) string {
	rng := rand.New(rand.NewPCG(1, 31))
	worth := make([]float64, 40)
	for i := range worth {
		worth[i] = 20 * rng.NormFloat64()
	}
	var text strings.Builder
	text.WriteString("shop,area,kind,sales\nonce,30,a,60\nalso,40,b,90\n")
	for range rows {
		shop, area, kind := rng.IntN(len(worth)), 10+90*rng.Float64(), rng.IntN(3)
		fmt.Fprintf(&text, "s%d,%.1f,%s,%.2f\n", shop, area, []string{"a", "b", "c"}[kind], worth[shop]+area+10*float64(kind))
	}
	return text.String()
}

func TestCategoriesAreEmbedded(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "shops.csv", shops(800))
	train := func(out string, flags ...string) outcome {
		args := []string{"train", "--data", "csv:shops.csv", "--target", "sales", "--model", "mlp", "--hidden", "16", "--epochs", "12", "--out", out}
		return gputrain(append(args, flags...)...).want(t, 0)
	}
	o := train("run", "--embed", "shop,kind")
	for _, want := range []string{
		"shops.csv: column shop has 40 categories, each a vector of 20 numbers; 2 with a single row or none to learn from, and any that is unknown or missing, share one vector more\n",
		"shops.csv: column kind has 3 categories, each a vector of 2 numbers; any that is unknown or missing has one vector more, which begins at zero\n",
	} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr %q has no %q", o.errors, want)
		}
	}
	var r2 float64
	if fmt.Sscanf(o.lastLine(), "test R2 %f", &r2); !(r2 > 0.9) {
		t.Errorf("the last line is %q", o.lastLine())
	}
	if e := gputrain("eval", "--model", "run", "--quiet").want(t, 0); e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}

	// Unknown categories, and those of a single row, are the same to the network.
	writeFile(t, "x.csv", "kind,shop,area\na,s1,50\na,once,50\na,never,50\na,,50\n")
	wantFailure(t, exitFailure, []string{`x.csv:5:2: column "shop": no value; `}, "predict", "--model", "run", "--input", "x.csv")
	writeFile(t, "x.csv", "kind,shop,area\na,s1,50\na,once,50\na,never,50\n")
	p := gputrain("predict", "--model", "run", "--input", "x.csv").want(t, 0)
	if lines := strings.Split(strings.TrimSpace(p.out), "\n"); len(lines) != 4 || lines[2] != lines[3] || lines[1] == lines[2] ||
		!strings.Contains(p.errors, `x.csv: missing and unknown categories share a vector: column "shop" (2)`) {
		t.Errorf("stdout %q, stderr %q", p.out, p.errors)
	}

	x := gputrain("export", "--model", "run", "--onnx", "x.onnx", "--pytorch", "x.safetensors").want(t, 0)
	for _, want := range []string{
		"column shop is an id: 1 for s0 and so on up to 40 for s9, and 0 for all others; --pytorch writes the list\n",
		"self.embedding = nn.ModuleList([nn.Embedding(41, 20), nn.Embedding(4, 2)]), whose vectors come behind the numbers, self.hidden0 = nn.Linear(23, 16)",
	} {
		if !strings.Contains(x.errors, want) {
			t.Errorf("stderr %q has no %q", x.errors, want)
		}
	}

	train("lstm", "--embed", "shop", "--embedding", "3", "--model", "lstm", "--hidden", "4", "--epochs", "1")
	train("on", "--init-from", "lstm", "--model", "lstm", "--hidden", "4", "--epochs", "1")
	gputrain("report", "on").want(t, 0)
	if page := readFile(t, "report.html"); !strings.Contains(page, "forget gate") {
		t.Error("the report has no gates")
	}
	gputrain("explain", "--data", "csv:shops.csv", "--target", "sales", "--embed", "shop", "--device", "emulated", "--hidden", "4").want(t, 0)
	if i := gputrain("data", "inspect", "shops.csv", "--target", "sales", "--embed", "shop").want(t, 0); !strings.Contains(i.out, "nothing would be refused") {
		t.Errorf("data inspect prints %q", i.out)
	}
}

func TestEmbeddingsThatAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.csv", "a,b,y\n"+strings.Repeat("1,u,0\n3,v,1\n", 10))
	writeFile(t, "names.csv", "a,b,y\n"+strings.Join(numbers(30, 0, 1), ",u,0\n")+",u,1\n")
	csv := "train --data csv:x.csv --target y --model mlp "
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{csv + "--embed c", exitFailure, `x.csv: --embed: there is no column "c"`},
		{csv + "--embed a --ignore a", exitFailure, "x.csv: --embed: a is no feature"},
		{csv + "--embed b --steps 2", exitUsage, "--steps is 2, but columns of --embed are not alike, so they go into one time step"},
		{csv + "--embedding 3", exitUsage, "--embedding is 3, but no column has vectors: name some with --embed"},
		{csv + "--embed b --embedding -1", exitUsage, "--embedding is -1; it must be 0 to 10000000"},
		{csv + "--embed b --init-from run", exitUsage, "--init-from takes the columns as that model does; leave out --embed and --embedding"},
		{"train --data digits --embed b", exitUsage, `--embed is "b", but only tables have columns`},
		{"train --data csv:names.csv --target y --embed a --model mlp", exitFailure, "names.csv: no category of column a has two rows to learn from; leave it out: --ignore a"},
	} {
		wantFailure(t, c.code, []string{c.want}, strings.Fields(c.line)...)
	}
}

func TestDescriptionsOfEmbeddingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*description)
		want   string
	}{
		{"right", func(*description) {}, ""},
		{"no categories", func(d *description) { d.Encodings[1].Categories = nil }, "column 2 has 0 categories with vectors of 3 numbers"},
		{"negative", func(d *description) { d.Encodings[1] = data.Encoding{Categories: []string{"a", "b"}, Embedding: -1} }, "column 2 has 2 categories with vectors of -1 numbers"},
		{"scaled", func(d *description) { d.Factor[1] = 0.5 }, "column 2 has ids, but they are scaled"},
		{"steps", func(d *description) { d.Steps, d.Width, d.Model = 2, 1, "lstm" }, "column 2 has vectors, but a sample has 2 time steps"},
	} {
		d := &description{
			Format: descriptionFormat, Data: "csv:x.csv", Target: "y", Model: "mlp", Steps: 1, Width: 2, Hidden: 4, Layers: 1, Classes: []string{"0", "1"},
			Shift: []float64{1, 0}, Factor: []float64{2, 1}, Encodings: []data.Encoding{{}, {Categories: []string{"a", "b", "c"}, Embedding: 3}},
		}
		c.change(d)
		if err := d.check(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
