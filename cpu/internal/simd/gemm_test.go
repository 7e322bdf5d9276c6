package simd

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

var exhaustive = flag.Bool("exhaustive", false, "test the matrix products of all sizes up to 70")

// fma32 returns a·b + c, rounded once.
func fma32(a, b, c float32) float32 {
	product := float64(a) * float64(b) // exact
	sum := product + float64(c)
	// The error of the sum, which is exact, tells on which side of sum the true
	// value lies. Rounding to odd keeps it from being rounded twice.
	rest := sum - product
	if lost := (product - (sum - rest)) + (float64(c) - rest); lost != 0 && math.Float64bits(sum)&1 == 0 {
		sum = math.Nextafter(sum, math.Inf(int(math.Copysign(1, lost))))
	}
	return float32(sum)
}

func mulAdd(a, b, c float32) float32 { return c + float32(a*b) }

// define sets c = alpha·op(a)·op(b) + beta·c as the comment in gemm.go defines it.
func define(l Level, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	add := fma32
	if l == Generic {
		add = mulAdd
	}
	step := k
	if k > 0 {
		step = chunk(k)
	}
	for i := range m {
		for j := range n {
			scale, dst := beta, &c[i*ldc+j]
			if k == 0 || alpha == 0 {
				if *dst *= beta; beta == 0 {
					*dst = 0
				}
				continue
			}
			for from := 0; from < k; from += step {
				var sum float32
				for p := from; p < min(from+step, k); p++ {
					x, y := a[i*lda+p*btoi(!transA)*1+btoi(transA)*(p*lda+i-i*lda)], b[btoi(!transB)*(p*ldb+j)+btoi(transB)*(j*ldb+p)]
					sum = add(x, y, sum)
				}
				switch {
				case scale == 0:
					*dst = alpha * sum
				case l == Generic:
					*dst = float32(alpha*sum) + float32(scale**dst)
				default:
					*dst = add(alpha, sum, scale**dst)
				}
				scale = 1
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestQuick(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, l := range Levels() {
		scratch := make([]float32, l.ScratchSize())
		for range 300 {
			m, n, k := 1+random.IntN(70), 1+random.IntN(140), 1+random.IntN(70)
			if random.IntN(20) == 0 {
				k += 250 + random.IntN(600)
				m += random.IntN(500) * random.IntN(2)
			}
			transA, transB := random.IntN(2) == 0, random.IntN(2) == 0
			fill := func(n int) []float32 {
				s := make([]float32, n)
				for i := range s {
					s[i] = float32(random.NormFloat64())
				}
				return s
			}
			lda, ldb, ldc := k, n, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			a, b, c := fill(m*k), fill(k*n), fill(m*n)
			beta := float32(random.IntN(3)) / 2
			want := append([]float32(nil), c...)
			packed := make([]float32, l.PackedSize(k, n))
			c2 := append([]float32(nil), c...)
			define(l, transA, transB, m, n, k, 1.5, a, lda, b, ldb, beta, want, ldc)
			l.Sgemm(transA, transB, m, n, k, 1.5, a, lda, b, ldb, beta, c, ldc, scratch)
			l.PackB(packed, transB, k, n, b, ldb, 0, n)
			l.MultiplyPacked(transA, m, n, k, 1.5, a, lda, packed, beta, c2, ldc, 0, n, scratch)
			for i := range c {
				if c[i] != want[i] || c2[i] != want[i] {
					t.Fatal(fmt.Sprint(l, transA, transB, m, n, k, beta, " at ", i/n, i%n, ": ", c[i], c2[i], want[i]))
				}
			}
		}
	}
}
