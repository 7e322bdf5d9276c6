package kernels_test

import (
	"math"
	"testing"

	"gputrain/kernels"
)

// Kernels with a single block can add more partial sums than they have threads.
func TestManyPartialSumsAreAdded(t *testing.T) {
	const n, limit = 1000, 3.0
	d := open(t, "loss", "update")
	parts, squares := whole(random(1), n), make([]float64, n)
	var sum, square float64
	for k, v := range parts {
		squares[k] = float64(v) * float64(v)
		sum += float64(v)
		square += squares[k]
	}
	loss, norm, factor := room[float32](d, 1), room[float32](d, 1), room[float32](d, 1)
	d.run("loss_sum", kernels.Single(), loss, put(d, parts), int64(n), put(d, []float32{0.5}))
	d.run("clip_norm_root", kernels.Single(), norm, factor, put(d, squares), int64(n), limit)
	for _, c := range []struct {
		name      string
		got, want float32
	}{
		{"loss", get[float32](d, loss, 1)[0], float32(0.5 * sum)},
		{"norm", get[float32](d, norm, 1)[0], float32(math.Sqrt(square))},
		{"factor", get[float32](d, factor, 1)[0], float32(limit / (math.Sqrt(square) + 1e-6))},
	} {
		if c.got != c.want {
			t.Errorf("seed 1,1: %s of %d partial sums: got %v, want %v", c.name, n, c.got, c.want)
		}
	}
}

// A product may have any number of slices, although the planner only makes powers of
// two.
func TestAnyNumberOfSlicesIsAdded(t *testing.T) {
	const n, most = 300, 11
	d := open(t, "gemm")
	parts, old := whole(random(2), most*n), whole(random(3), n)
	for slices := 1; slices <= most; slices++ {
		dst := put(d, old)
		d.run("gemm_reduce", kernels.Elements(n), dst, put(d, parts), int64(n), slices, 2.0, -0.5)
		for k, got := range get[float32](d, dst, n) {
			var sum float32
			for z := range slices {
				sum += parts[z*n+k]
			}
			if want := 2*sum - 0.5*old[k]; got != want {
				t.Fatalf("seeds 1,2 and 1,3: %d slices: dst[%d] = %v, want %v", slices, k, got, want)
			}
		}
	}
}
