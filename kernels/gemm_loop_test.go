package kernels_test

import (
	"strings"
	"testing"

	"gputrain/kernels"
)

// The inner loops of the large float32 tiles are multiply-adds, but for an eighth.
func TestInnerLoopsMultiply(t *testing.T) {
	found := 0
	for name, l := range kernels.Loops() {
		large := strings.HasSuffix(name, "_128x128") || strings.HasSuffix(name, "_128x64")
		if !strings.HasPrefix(name, "gemm_") || !large || strings.Contains(name, "f") {
			continue // bf16, tf32
		}
		found++
		if share := float64(l.Multiplications) / float64(l.Instructions); share < 0.88 {
			t.Errorf("%s has %d multiply-adds among %d instructions, %.3f of them, want 0.88", name, l.Multiplications, l.Instructions, share)
		}
	}
	if want := 3 * 4; found != want {
		t.Errorf("%d kernels, want %d", found, want)
	}
}
