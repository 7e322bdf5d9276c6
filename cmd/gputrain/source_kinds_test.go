package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/sbinet/npyio/npy"
)

// A table is the same in every kind of file.
func TestTablesOfOtherKinds(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	type row struct {
		A float64 `parquet:"a"`
		B float64 `parquet:"b"`
		Y string  `parquet:"y"`
	}
	rng := rand.New(rand.NewPCG(1, 30))
	var file, array bytes.Buffer
	w := parquet.NewGenericWriter[row](&file)
	var matrix []float64
	for range 100 {
		r := row{A: rng.NormFloat64(), B: rng.NormFloat64(), Y: "low"}
		if r.A > r.B {
			r.Y = "high"
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
		matrix = append(matrix, 3*r.A)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(&array, matrix); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "x.parquet", file.String())
	writeFile(t, "x.npy", array.String())
	o := gputrain("train", "--data", "parquet:x.parquet", "--target", "y", "--model", "mlp", "--hidden", "8", "--epochs", "20", "--out", "run").want(t, 0)
	if !strings.Contains(o.errors, "the class is y, 2 features: a, b\n") || o.lastLine() < "test accuracy 0.9" {
		t.Errorf("stderr %q, %q", o.errors, o.lastLine())
	}
	if e := gputrain("eval", "--model", "run").want(t, 0); e.lastLine() != o.lastLine() {
		t.Errorf("eval ends with %q, train with %q", e.lastLine(), o.lastLine())
	}
	whole := gputrain("eval", "--model", "run", "--data", "parquet:x.parquet", "--quiet").want(t, 0)
	if !strings.HasSuffix(whole.lastLine(), "/100)") {
		t.Errorf("of all rows: %q", whole.lastLine())
	}
	if p := gputrain("predict", "--model", "run", "--input", "x.parquet").want(t, 0); strings.Count(p.out, "\n") != 101 || !strings.Contains(p.errors, `x.parquet: not used: "y"`) {
		t.Errorf("predict: %q, %d lines", p.errors, strings.Count(p.out, "\n"))
	}
	if i := gputrain("data", "inspect", "parquet:x.parquet", "--target", "y").want(t, 0); !strings.Contains(i.out, "x.parquet: 100 rows, 3 columns, a header\n") || !strings.Contains(i.out, "nothing would be refused") {
		t.Errorf("inspect: %s", i.out)
	}
	if i := gputrain("data", "inspect", "x.npy").want(t, 0); !strings.Contains(i.out, "x.npy: 100 rows, 1 column, no header\n") {
		t.Errorf("inspect: %s", i.out)
	}
	wantFailure(t, exitFailure, []string{"x.npy:1: one column only"}, "train", "--data", "npy:x.npy", "--target", "1")
	wantFailure(t, exitFailure, []string{"x.parquet: ", "damaged"}, "train", "--data", "parquet:"+cut(t, "x.parquet"), "--target", "y")
	wantFailure(t, exitUsage, []string{`did you mean "parquet:x.parquet"?`}, "train", "--data", "x.parquet", "--target", "y")
}

// cut shortens a file and returns its name.
func cut(t *testing.T, name string) string {
	t.Helper()
	content := readFile(t, name)
	writeFile(t, name, content[:len(content)-10])
	return name
}
