package emulator

import (
	"math"
	"testing"
)

// The expected occupancies come from cuda_occupancy.h of the CUDA toolkit 11.8.
func TestOccupancy(t *testing.T) {
	for _, c := range []struct {
		gpu                        string
		threads, registers, shared int
		want                       float64
		limit                      string
	}{
		{"A100", 256, 32, 0, 1, "threads"},
		{"A100", 256, 64, 0, 0.5, "registers"},
		{"A100", 256, 32, 48 << 10, 0.375, "shared memory"}, // 3 blocks of 49 KiB
		{"A100", 32, 16, 0, 0.5, "blocks"},
		{"T4", 256, 64, 0, 1, "threads"},
		{"RTX 4090", 1024, 32, 0, 1024.0 / 1536, "threads"},
		{"A100", 544, 40, 0, 0.53125, "registers"}, // 12 warps in each part
		{"H100", 32, 16, 10880, 0.296875, "shared memory"},
		{"T4", 32, 16, 10880, 0.15625, "shared memory"}, // 5 blocks of 11008 bytes
	} {
		g, err := FindGPU(c.gpu)
		if err != nil {
			t.Fatal(err)
		}
		got, limit := g.Occupancy(LaunchStats{Block: dim(c.threads), Registers: c.registers, SharedBytes: c.shared})
		if math.Abs(got-c.want) > 1e-12 || limit != c.limit {
			t.Errorf("%+v: the occupancy is %g, limited by %s", c, got, limit)
		}
	}
	g, _ := FindGPU("H100")
	if got, limit := g.Occupancy(LaunchStats{Block: dim(32)}); got != 0 || limit != "" {
		t.Errorf("without a number of registers the occupancy is %g, %s", got, limit)
	}
}
