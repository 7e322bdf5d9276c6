package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func BenchmarkTiles(b *testing.B) {
	for _, size := range []struct{ trans, m, n, k int }{
		{0, 64, 2048, 512}, {0, 1024, 1024, 1024}, {1, 2048, 512, 6400}, {0, 64, 512, 2048}, {0, 1, 2048, 512}, {0, 8, 2048, 512}, {0, 6400, 2048, 128},
	} {
		for _, math := range bfloat16Maths {
			tiles, err := NewTiles(Best(), math)
			if err != nil {
				b.Skip(err)
			}
			p := newTileCase(tiles, size.trans, size.m, size.n, size.k, 0)
			random := rand.New(rand.NewPCG(2, 2))
			x, y, c := randomFloats(random, p.m*p.k), randomFloats(random, p.k*p.n), repeated(p.m*p.n, 1)
			packed, scratch := make([]float32, tiles.PackedSize(p.k, p.n)), make([]float32, tiles.ScratchSize())
			tiles.PackB(packed, p.transB, p.k, p.n, y, p.ldb, 0, p.n)
			for name, do := range map[string]func(){
				"": func() {
					tiles.Sgemm(p.transA, p.transB, p.m, p.n, p.k, 1, x, p.lda, y, p.ldb, 0, c, p.ldc, scratch)
				},
				"Packed": func() {
					tiles.MultiplyPacked(p.transA, p.m, p.n, p.k, 1, x, p.lda, packed, 0, c, p.ldc, 0, p.n, scratch)
				},
			} {
				kind := [...]string{"NN", "TN", "NT"}[size.trans]
				b.Run(fmt.Sprintf("%s%s/%dx%dx%d/%v", name, kind, p.m, p.n, p.k, math), func(b *testing.B) {
					measure(b, 2*float64(p.m)*float64(p.n)*float64(p.k), do)
				})
			}
		}
	}
}

// measure reports the mean and the best rate of do.
func measure(b *testing.B, flops float64, do func()) {
	best := math.Inf(1)
	for b.Loop() {
		before := b.Elapsed()
		do()
		best = min(best, (b.Elapsed() - before).Seconds())
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()*1e-9, "GFLOP/s")
	b.ReportMetric(flops/best*1e-9, "best-GFLOP/s")
}
