package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

// fixture is a backend whose tensors are row windows between NaN rows. A NaN
// poisons an operation that reads beyond its window. One that writes beyond it
// destroys the NaN.
type fixture struct {
	*reference.Backend
	t *testing.T
}

func open(t *testing.T) fixture {
	return fixture{reference.New(), t}
}

// tensor returns a [rows, cols] window with the given elements. Without any, it
// holds NaN.
func (f fixture) tensor(rows, cols int, values ...float64) backend.Tensor {
	f.t.Helper()
	whole, err := f.New(rows+2, cols)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Fill(whole, math.NaN())
	window := whole.Slice(1, rows+1)
	if len(values) > 0 {
		f.UploadFloat64(window, values)
	}
	f.t.Cleanup(func() {
		if f.Err() != nil {
			return
		}
		for _, margin := range []backend.Tensor{whole.Slice(0, 1), whole.Slice(rows+1, rows+2)} {
			for j, v := range f.values(margin) {
				if !math.IsNaN(v) {
					f.t.Errorf("column %d beside a %v window was overwritten with %v", j, window, v)
				}
			}
		}
	})
	return window
}

func (f fixture) ints(values ...int32) backend.Ints {
	f.t.Helper()
	x, err := f.NewInts(len(values))
	if err != nil {
		f.t.Fatal(err)
	}
	f.UploadInts(x, values)
	return x
}

// values returns the elements of x, row-major.
func (f fixture) values(x backend.Tensor) []float64 {
	f.t.Helper()
	v := make([]float64, x.Size())
	if err := f.DownloadFloat64(v, x); err != nil {
		f.t.Fatal(err)
	}
	return v
}

// want fails the test where x differs from want by more than tolerance, relative
// to want or to 1, whichever is larger. NaN and Inf must be equal.
func (f fixture) want(name string, x backend.Tensor, tolerance float64, want ...float64) {
	f.t.Helper()
	wantValues(f.t, name, f.values(x), tolerance, want)
}

func wantValues(t *testing.T, name string, got []float64, tolerance float64, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for k := range want {
		equal := got[k] == want[k] || math.IsNaN(got[k]) && math.IsNaN(want[k])
		if !equal && !(math.Abs(got[k]-want[k]) <= tolerance*max(1, math.Abs(want[k]))) {
			t.Errorf("%s: element %d is %v, want %v (tolerance %v)", name, k, got[k], want[k], tolerance)
		}
	}
}

// wantPanic fails the test unless f panics with text.
func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != text {
			t.Errorf("panic %q, want %q", got, text)
		}
	}()
	f()
}

// normal returns n values of the standard normal distribution.
func normal(rng *rand.Rand, n int) []float64 {
	values := make([]float64, n)
	for k := range values {
		values[k] = rng.NormFloat64()
	}
	return values
}
