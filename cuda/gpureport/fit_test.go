package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/kernels"
)

// A device with known constants is measured, with noise of up to 2 %. The fit finds them.
func TestFitFindsTheConstants(t *testing.T) {
	const multiprocessors, megahertz = 132, 1830
	r := rand.New(rand.NewPCG(1, 1))
	truth := kernels.GemmModel{Start: 2100, Pass: 3300, Bytes: 22, Rates: map[string]kernels.GemmRate{}}
	for name := range kernels.Model().Rates {
		full := 40 + 400*r.Float64()
		truth.Rates[name] = kernels.GemmRate{Full: full, Few: full * (0.4 + 0.3*r.Float64())}
	}
	var text strings.Builder
	fmt.Fprintln(&text, productsHead)
	add := func(s kernels.GemmShape, tile kernels.GemmTile, p kernels.GemmPlan) {
		terms := p.Terms(multiprocessors)
		rate := truth.Rates[tile.Name].Full
		if terms.Few {
			rate = truth.Rates[tile.Name].Few
		}
		clocks := truth.Start*terms.Starts + terms.Work/rate + truth.Pass*terms.Passes + terms.Moved/truth.Bytes
		clocks *= 1 + 0.02*(2*r.Float64()-1)
		fmt.Fprint(&text, productLine(s, p, clocks/megahertz, false, multiprocessors))
	}
	for range 40 {
		s := kernels.GemmShape{M: 1 + r.IntN(1<<(7+r.IntN(6))), N: 1 + r.IntN(1<<(7+r.IntN(6))), K: 1 + r.IntN(1<<(5+r.IntN(9)))}
		for _, math := range kernels.Maths() {
			for _, tile := range kernels.GemmTiles(math) {
				for _, slices := range []int{1, 4} {
					add(s, tile, tile.Plan(s, slices))
				}
			}
			for _, tile := range kernels.GemmShareTiles(math) {
				for _, per := range []int{1, 3} {
					if p, ok := tile.Share(s, 0, per*multiprocessors); ok {
						add(s, tile, p)
					}
				}
			}
		}
	}
	measured, err := readProducts(strings.NewReader(text.String()), megahertz)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fitModel(kernels.Model(), measured)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got/want-1) > 0.04 {
			t.Errorf("seed 1,1: %s is %.4g, want %.4g", what, got, want)
		}
	}
	near("Start", got.Start, truth.Start)
	near("Pass", got.Pass, truth.Pass)
	near("Bytes", got.Bytes, truth.Bytes)
	for _, name := range slices.Sorted(maps.Keys(truth.Rates)) {
		near(name, got.Rates[name].Full, truth.Rates[name].Full)
		near(name+" with few blocks", got.Rates[name].Few, truth.Rates[name].Few)
	}
}

// What the emulated device has measured can be read again, and a file that is broken is
// refused with one line.
func TestFitReadsProducts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "products.csv")
	good := productLine(kernels.GemmShape{M: 64, N: 64, K: 64}, kernels.GemmTiles("float32")[3].Plan(kernels.GemmShape{M: 64, N: 64, K: 64}, 2), 7.5, true, 132)
	for _, c := range []struct{ text, want string }{
		{"", "the first line is not m,n,k,"},
		{"m,n\n1,2\n", "the first line is not m,n,k,"},
		{productsHead + "\n" + good[:20], "wrong number of fields"},
		{productsHead + "\n" + strings.Replace(good, "7.50", "fast", 1), `line 2: microseconds is "fast", want a number above 0`},
		{productsHead + "\n" + strings.Replace(good, "64,", "-64,", 1), `line 2: m is "-64", want a whole number`},
		{productsHead + "\n" + strings.Replace(good, "gemm_nn_32x32", "gemm_nn_31x31", 1), "line 2: no plan of gemm_nn_31x31 for 64x64x64"},
		{productsHead + "\n" + strings.Replace(good, "gemm_nn_32x32,2", "gemm_nn_32x32,3", 1), "line 2: no plan of gemm_nn_32x32 for 64x64x64 has 3 slices"},
		{productsHead + "\n" + good, "1 products are too few for 4 constants"},
		{productsHead + "\n" + strings.Repeat(good, 9), "the products do not tell the constants apart"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := fit(&strings.Builder{}, path, 1830)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
	if err := fit(&strings.Builder{}, path+"x", 1830); err == nil {
		t.Error("a file that does not exist is read")
	}
}

// The constants in use are written as the table in the sources has them.
func TestModelIsWrittenAsGo(t *testing.T) {
	var got strings.Builder
	if err := writeModel(&got, kernels.Model(), "x.csv", 3); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("..", "..", "kernels", "gemm_model.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(source), "var gemmModel = ")
	if _, text, _ := strings.Cut(got.String(), "var gemmModel = "); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
