package simd

import (
	"fmt"
	"testing"
)

// The peak of a level is what BenchmarkMultiplyAdds reports.
func BenchmarkMultiplyAdds(b *testing.B) {
	for _, level := range Levels() {
		b.Run(level.String(), func(b *testing.B) {
			flops := 0
			for b.Loop() {
				flops += level.MultiplyAdds(1000)
			}
			b.ReportMetric(float64(flops)/b.Elapsed().Seconds()*1e-9, "GFLOP/s")
		})
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, level := range Levels() {
		for _, size := range []struct{ trans, m, n, k int }{
			{0, 64, 4096, 1024}, {2, 64, 4096, 1024}, {0, 256, 1024, 1024}, {2, 256, 1024, 1024}, {0, 64, 2048, 512},
			{0, 32, 2048, 512}, {0, 64, 512, 128}, {0, 1024, 1024, 1024}, {0, 1, 2048, 512}, {2, 1, 2048, 512}, {0, 1, 128, 32},
			{1, 1024, 1024, 64}, {1, 64, 1024, 4096}, {1, 2048, 512, 6400}, {1, 512, 28, 3584},
		} {
			p := newCase(level, size.trans, size.m, size.n, size.k, 0)
			x, y, c := repeated(p.m*p.k, 1), repeated(p.k*p.n, 1), repeated(p.m*p.n, 1)
			packed, scratch := make([]float32, level.PackedSize(p.k, p.n)), make([]float32, level.ScratchSize())
			level.PackB(packed, p.transB, p.k, p.n, y, p.ldb, 0, p.n)
			run := func(name string, multiply func()) {
				kind := [...]string{"NN", "TN", "NT"}[size.trans]
				b.Run(fmt.Sprintf("%s%s/%dx%dx%d/%v", name, kind, p.m, p.n, p.k, level), func(b *testing.B) {
					for b.Loop() {
						multiply()
					}
					b.ReportMetric(2*float64(p.m*p.n*p.k)*float64(b.N)/b.Elapsed().Seconds()*1e-9, "GFLOP/s")
				})
			}
			run("", func() { multiplications[0].do(p, x, y, c, scratch) })
			run("Packed", func() {
				level.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, x, p.lda, packed, p.beta, c, p.ldc, 0, p.n, scratch)
			})
		}
	}
}
