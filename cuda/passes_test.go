package cuda_test

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// Sizes at which operations take a second pass lie beyond those of the
// conformance suite as it runs here.
func TestSecondPasses(t *testing.T) {
	const rows, cols = 2500, 3
	// Sums are cut into parts of some hundred terms of at most 1.
	const tolerance = 512 * 0x1p-24
	for _, c := range []struct {
		name string
		size [2]int // of dst
		call func(b backend.Backend, dst, x, y backend.Tensor)
	}{
		{"Gemm", [2]int{cols, cols}, func(b backend.Backend, dst, x, y backend.Tensor) {
			b.Gemm(dst, backend.Trans, backend.NoTrans, -0.5, x, y, 2)
		}},
		{"SumRows", [2]int{1, cols}, func(b backend.Backend, dst, x, _ backend.Tensor) { b.SumRows(dst, x, 2) }},
		{"SquaredError", [2]int{1, 1}, func(b backend.Backend, dst, x, y backend.Tensor) {
			b.SquaredError(dst, backend.Tensor{}, x, y, 0.25)
		}},
		{"ClipNorm", [2]int{1, 1}, func(b backend.Backend, dst, x, _ backend.Tensor) { b.ClipNorm(x, dst, 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			emulated := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
			before, x, y := emulated.uniform(c.size[0]*c.size[1]), emulated.uniform(rows*cols), emulated.uniform(rows*cols)
			run := func(b backend.Backend) []float32 {
				dst := put(t, b, c.size[0], c.size[1], before)
				c.call(b, dst, put(t, b, rows, cols, x), put(t, b, rows, cols, y))
				result := make([]float32, dst.Size())
				if err := b.Download(result, dst); err != nil {
					t.Fatal(err)
				}
				return result
			}
			got, want := run(emulated.Backend), run(reference.New())
			for k := range want {
				allowed := tolerance * math.Max(1, math.Abs(float64(want[k])))
				if off := math.Abs(float64(got[k]) - float64(want[k])); !(off <= allowed) {
					t.Errorf("seed 1,1, %dx%d: element %d: got %v, want %v, tolerance %.2g", rows, cols, k, got[k], want[k], allowed)
				}
			}
		})
	}
}

func put(t *testing.T, b backend.Backend, rows, cols int, values []float32) backend.Tensor {
	t.Helper()
	x, err := b.New(rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	b.Upload(x, values)
	return x
}
