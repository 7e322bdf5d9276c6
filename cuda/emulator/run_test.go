package emulator

import (
	"math"
	"strings"
	"testing"
)

func TestCompiledKernels(t *testing.T) {
	for seed := range uint64(20) {
		b := newBench(t, basicPTX, Options{Seed: seed})
		testAxpy(b)
		testSigmoid(b)
		testSumRows(b)
		testGemm(b)
		testDiverge(b)
		testLocalArray(b)
		testHistogram(b)
		testReverse(b)
		testLastBlock(b)
	}
}

func testAxpy(b *bench) {
	const n = 1000
	x, y := randomFloats(n, 1), randomFloats(n, 2)
	px, py := upload(b, x), upload(b, y)
	b.must(b.launch("axpy", dim(8), dim(128), 0, py, px, float32(1.5), n))
	want := make([]float32, n)
	for i := range want {
		want[i] = float32(float64(1.5*x[i]) + float64(y[i])) // 1.5·x is exact in 25 bits
		want[i] = float32(float64(x[i])*1.5 + float64(y[i]))
	}
	compareExactly(b, "axpy", download[float32](b, py, n), want)
}

func testSigmoid(b *bench) {
	const n = 500
	x := randomFloats(n, 3)
	px, ps, pt := upload(b, x), b.alloc(4*n), b.alloc(4*n)
	b.must(b.launch("sigmoid_tanh", dim(2), dim(96), 0, ps, pt, px, n))
	s, t := download[float32](b, ps, n), download[float32](b, pt, n)
	for i := range x {
		v := float64(x[i])
		if want := 1 / (1 + math.Exp(-v)); math.Abs(float64(s[i])-want) > 3e-7*want {
			b.Fatalf("sigmoid(%g) is %g, want %g", v, s[i], want)
		}
		if want := math.Tanh(v); math.Abs(float64(t[i])-want) > 3e-7*math.Abs(want) {
			b.Fatalf("tanh(%g) is %g, want %g", v, t[i], want)
		}
	}
}

func testSumRows(b *bench) {
	const rows, cols = 7, 333
	x := make([]float32, rows*cols)
	want := make([]float32, rows)
	for i := range x {
		x[i] = float32(i%17 - 8)
		want[i/cols] += x[i]
	}
	px, py := upload(b, x), b.alloc(4*rows)
	b.must(b.launch("sum_rows", dim(rows), dim(160), 0, py, px, rows, cols))
	compareExactly(b, "sum_rows", download[float32](b, py, rows), want)
}

func testGemm(b *bench) {
	const m, n, k = 37, 29, 50
	x, y := make([]float32, m*k), make([]float32, k*n)
	for i := range x {
		x[i] = float32(i%7 - 3)
	}
	for i := range y {
		y[i] = float32(i%5 - 2)
	}
	want := make([]float32, m*n)
	for i := range want {
		for j := range k {
			want[i] += x[i/n*k+j] * y[j*n+i%n]
		}
	}
	pz := b.alloc(4 * m * n)
	b.must(b.launch("gemm16", dim(2, 3), dim(16, 16), 0, pz, upload(b, x), upload(b, y), m, n, k))
	compareExactly(b, "gemm16", download[float32](b, pz, m*n), want)
}

func testDiverge(b *bench) {
	const n = 300
	x, want := make([]int32, n), make([]int32, n)
	table := []float32{1.5, -2, 3, 0.25}
	for i := range x {
		x[i] = int32(i*7%200 + 1)
		v := x[i]
		switch v % 6 {
		case 0:
			for m := v + 1; m != 1; want[i]++ {
				if m&1 != 0 {
					m = 3*m + 1
				} else {
					m /= 2
				}
			}
		case 1:
			want[i] = v * 3
		case 2:
			want[i] = v - 100
			if v > 50 {
				want[i] = -1
			}
		case 3:
			want[i] = 7 + v%3
		case 4:
			for j := range min(v, 37) {
				if j%3 != 0 {
					want[i] += j
				}
			}
		default:
			want[i] = int32(table[v&3]) + v/7
		}
	}
	py := b.alloc(4 * n)
	b.must(b.launch("diverge", dim(3), dim(128), 0, py, upload(b, x), n))
	compareExactly(b, "diverge", download[int32](b, py, n), want)
}

func testLocalArray(b *bench) {
	const n, threads = 11, 50
	index, want := make([]int32, threads), make([]int32, threads)
	for i := range index {
		index[i] = int32(i * 5)
		var a [16]int32
		for j := range a {
			a[j] = int32(j*j + i)
		}
		a[index[i]&15] += 1000
		for j := range int32(n) {
			want[i] += a[(index[i]+j)&15] * (j + 1)
		}
	}
	py := b.alloc(4 * threads)
	b.must(b.launch("local_array", dim(1), dim(threads), 0, py, upload(b, index), n))
	compareExactly(b, "local_array", download[int32](b, py, threads), want)
}

func testHistogram(b *bench) {
	const n = 1000
	x, want := make([]int32, n), make([]int32, 16)
	for i := range x {
		x[i] = int32(i * i)
		want[x[i]&15]++
	}
	bins := upload(b, make([]int32, 16))
	b.must(b.launch("histogram", dim(8), dim(128), 0, bins, upload(b, x), n))
	compareExactly(b, "histogram", download[int32](b, bins, 16), want)
}

func testReverse(b *bench) {
	const n = 200
	x, want := randomFloats(n, 5), make([]float32, n)
	for i := range x {
		want[n-1-i] = x[i]
	}
	p := upload(b, x)
	b.must(b.launch("dynamic_reverse", dim(1), dim(n), 4*n, p))
	compareExactly(b, "dynamic_reverse", download[float32](b, p, n), want)
}

func testLastBlock(b *bench) {
	const n, blocks = 5000, 9
	x, want := make([]float32, n), float32(0)
	for i := range x {
		x[i] = float32(i % 13)
		want += x[i]
	}
	dst, part, count := b.alloc(4), b.alloc(4*blocks), upload(b, []uint32{0})
	b.must(b.launch("last_block", dim(blocks), dim(32), 0, dst, part, count, upload(b, x), n))
	compareExactly(b, "last_block", download[float32](b, dst, 1), []float32{want})
}

func BenchmarkElementwise(b *testing.B) {
	bench := newBench(b, basicPTX, Options{Workers: 1})
	const n = 1 << 18
	px, py := upload(bench, randomFloats(n, 1)), upload(bench, randomFloats(n, 2))
	bench.device.ResetProfile()
	for b.Loop() {
		bench.must(bench.launch("axpy", dim(n/256), dim(256), 0, py, px, float32(0.5), n))
	}
	report(b, bench)
}

func BenchmarkGemm(b *testing.B) {
	bench := newBench(b, basicPTX, Options{Workers: 1})
	const n = 128
	x := upload(bench, randomFloats(n*n, 1))
	y := bench.alloc(4 * n * n)
	bench.device.ResetProfile()
	for b.Loop() {
		bench.must(bench.launch("gemm16", dim(n/16, n/16), dim(16, 16), 0, y, x, x, n, n, n))
	}
	report(b, bench)
}

func report(b *testing.B, bench *bench) {
	p := Aggregate(bench.device.Profile())[0]
	b.ReportMetric(float64(p.Total().Threads)/b.Elapsed().Seconds()/1e6, "Minstr/s")
}

// The same seed gives the same run, however the goroutines are scheduled.
func TestSeedReplays(t *testing.T) {
	reports := map[uint64]string{}
	for range 3 {
		for seed := range uint64(8) {
			b := newBench(t, badPTX, Options{Seed: seed, Workers: 4})
			err := b.launch("no_tail_guard", dim(16), dim(64), 0, b.alloc(700))
			checkReport(t, err, OutOfBounds, "")
			if old, ok := reports[seed]; ok && old != err.Error() {
				t.Errorf("seed %d gives\n%s\nand\n%s", seed, old, err)
			}
			reports[seed] = err.Error()
		}
	}
	different := map[string]bool{}
	for _, text := range reports {
		_, where, _ := strings.Cut(text, "\n")
		where, _, _ = strings.Cut(where, "launch")
		different[where] = true
	}
	if len(different) < 2 {
		t.Error("all seeds go the same way")
	}
}
