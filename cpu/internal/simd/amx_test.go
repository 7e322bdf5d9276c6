package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var bfloat16Maths = []Math{BF16x6, BF16x3, BF16}

// tilesOf returns the tiles to test: the oracle and, where there is one, the unit of the
// machine.
func tilesOf(math Math) map[string]*Tiles {
	all := map[string]*Tiles{"oracle": NewOracle(Best(), math)}
	if tiles, err := NewTiles(Best(), math); err == nil {
		all["AMX"] = tiles
	}
	return all
}

// tileCase is a product on a tile unit and the ways to compute it.
type tileCase struct {
	gemmCase
	tiles *Tiles
}

func (p tileCase) sgemm(a, b, c []float32) {
	p.tiles.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc, p.scratch())
}

func (p tileCase) scratch() []float32 { return repeated(p.tiles.ScratchSize(), nan) }

func (p tileCase) multiplyPacked(a, b, c []float32) {
	packed, scratch := repeated(p.tiles.PackedSize(p.k, p.n), nan), p.scratch()
	middle := p.n / 2 / tileSide * tileSide
	p.tiles.PackB(packed, p.transB, p.k, p.n, b, p.ldb, middle, p.n)
	p.tiles.PackB(packed, p.transB, p.k, p.n, b, p.ldb, 0, middle)
	p.tiles.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, a, p.lda, packed, p.beta, c, p.ldc, 0, middle, scratch)
	p.tiles.MultiplyPacked(p.transA, p.m, p.n, p.k, p.alpha, a, p.lda, packed, p.beta, c, p.ldc, middle, p.n, scratch)
}

// AMX has the bits of the oracle.
func TestOracleIsAMX(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	for _, math := range bfloat16Maths {
		tiles, err := NewTiles(Best(), math)
		if err != nil {
			t.Skip(err)
		}
		for trial := range 60 {
			k := 1 + random.IntN(70) + trial%20/19*256
			p := newCase(Best(), trial%4, 1+random.IntN(70), 1+random.IntN(70), k, trial%3)
			p.alpha, p.beta = 0.75, float32(trial%3)-1
			a, b, before := randomFloats(random, 1<<16), randomFloats(random, 1<<16), randomFloats(random, 1<<15)
			got, want := slices.Clone(before), slices.Clone(before)
			tileCase{p, tiles}.sgemm(a, b, got)
			tileCase{p, NewOracle(Best(), math)}.sgemm(a, b, want)
			if at := firstOther(got, want); at >= 0 {
				t.Fatalf("%v %v: c[%d,%d] is %x, want %x", math, p, at/p.ldc, at%p.ldc, got[at], want[at])
			}
			packed := slices.Clone(before)
			tileCase{p, tiles}.multiplyPacked(a, b, packed)
			if at := firstOther(packed, want); at >= 0 {
				t.Fatalf("packed, %v %v: c[%d,%d] is %x, want %x", math, p, at/p.ldc, at%p.ldc, packed[at], want[at])
			}
		}
	}
}

// firstOther returns the first element whose bits differ, or -1.
func firstOther(got, want []float32) int {
	for at := range got {
		if !same(got[at], want[at]) {
			return at
		}
	}
	return -1
}

func BenchmarkTiles(b *testing.B) {
	for _, size := range []struct{ trans, m, n, k int }{
		{0, 64, 2048, 512}, {0, 1024, 1024, 1024}, {1, 2048, 512, 6400}, {0, 64, 512, 2048}, {0, 1, 2048, 512}, {0, 8, 2048, 512}, {0, 6400, 2048, 128},
	} {
		for _, math := range bfloat16Maths {
			tiles, err := NewTiles(Best(), math)
			if err != nil {
				b.Skip(err)
			}
			p := tileCase{newCase(Best(), size.trans, size.m, size.n, size.k, 0), tiles}
			random := rand.New(rand.NewPCG(2, 2))
			x, y, c := randomFloats(random, p.m*p.k), randomFloats(random, p.k*p.n), repeated(p.m*p.n, 1)
			packed, scratch := make([]float32, tiles.PackedSize(p.k, p.n)), p.scratch()
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
