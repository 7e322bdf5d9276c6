package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cpu"
	"gputrain/model"
)

// backends are what the tests run on.
var backends = []struct {
	name      string
	tolerance float64 // relative, against numbers that were computed in float64
	open      func(t testing.TB) backend.Backend
}{
	{"reference", 1e-10, func(testing.TB) backend.Backend { return reference.New() }},
	{"cpu", 1e-4, openCPU},
}

func openCPU(t testing.TB) backend.Backend {
	t.Helper()
	// With a limit, Open need not collect the garbage to see how much memory is left.
	b, err := cpu.Open(cpu.Options{Workers: 2, MemoryLimit: 4 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// build builds spec on b and fails the test if it cannot.
func build(t testing.TB, b backend.Backend, spec model.Spec, in model.Shape, o model.Options) *model.Network {
	t.Helper()
	net, err := model.New(b, spec, in, o)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// newTensor allocates a tensor that lives until the backend is closed.
func newTensor(t testing.TB, b backend.Backend, rows, cols int) backend.Tensor {
	t.Helper()
	x, err := b.New(rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// download returns the values of x, with all the precision that b has.
func download(t testing.TB, b backend.Backend, x backend.Tensor) []float64 {
	t.Helper()
	values := make([]float64, x.Size())
	if r, ok := b.(*reference.Backend); ok {
		if err := r.DownloadFloat64(values, x); err != nil {
			t.Fatal(err)
		}
		return values
	}
	single := make([]float32, x.Size())
	if err := b.Download(single, x); err != nil {
		t.Fatal(err)
	}
	for i, v := range single {
		values[i] = float64(v)
	}
	return values
}

// upload sets x to values, with all the precision that b has.
func upload(b backend.Backend, x backend.Tensor, values []float64) {
	if r, ok := b.(*reference.Backend); ok {
		r.UploadFloat64(x, values)
		return
	}
	single := make([]float32, len(values))
	for i, v := range values {
		single[i] = float32(v)
	}
	b.Upload(x, single)
}

// random draws n values from U(−1, 1).
func random(rng *rand.Rand, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = 2*rng.Float64() - 1
	}
	return values
}

// randomize sets all parameters, not the padding, to values from U(−1, 1).
func randomize(net *model.Network, rng *rand.Rand) {
	for _, w := range net.Parameters() {
		upload(net.Backend(), w.Value, random(rng, w.Value.Size()))
	}
}

// mismatch describes the first element of got that is further from want than
// tolerance times the largest magnitude in want; "" if there is none.
func mismatch(got, want []float64, tolerance float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	scale := 0.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		if d := math.Abs(got[i] - w); !(d <= tolerance*scale) {
			return fmt.Sprintf("element %d of %d: got %v, want %v, off by %.3g, tolerance %.3g", i, len(want), got[i], w, d, tolerance*scale)
		}
	}
	return ""
}

// compare reports a mismatch.
func compare(t testing.TB, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if text := mismatch(got, want, tolerance); text != "" {
		t.Errorf("%s: %s", name, text)
	}
}
