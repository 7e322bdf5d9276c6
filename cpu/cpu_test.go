package cpu_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"gputrain/backend"
	"gputrain/cpu"
)

func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	for _, op := range operations() {
		var want [][]float32
		for _, workers := range []int{1, 2, 3, 7} {
			b := newBench(t, cpu.Options{Workers: workers})
			op.prepare(b)()
			got := b.results()
			if want == nil {
				want = got
			}
			if text := difference(want, got); text != "" {
				t.Errorf("%s: 1 and %d workers: %s", op.name, workers, text)
			}
		}
	}
}

// difference says where the bits of two lists of results first differ.
func difference(want, got [][]float32) string {
	for i := range want {
		for k := range want[i] {
			if math.Float32bits(want[i][k]) != math.Float32bits(got[i][k]) {
				return fmt.Sprintf("output %d, element %d: %v and %v", i, k, want[i][k], got[i][k])
			}
		}
	}
	return ""
}

func TestDifferenceIsFound(t *testing.T) {
	if difference([][]float32{{0, 1}}, [][]float32{{0, 1}}) != "" {
		t.Error("equal lists differ")
	}
	if difference([][]float32{{0, 1}}, [][]float32{{0, float32(math.Nextafter32(1, 2))}}) == "" {
		t.Error("an ULP goes unnoticed")
	}
}

func TestOperationsAllocateNothing(t *testing.T) {
	for _, workers := range []int{1, 3} {
		b := newBench(t, cpu.Options{Workers: workers})
		for _, op := range operations() {
			call := op.prepare(b)
			if n := testing.AllocsPerRun(2, call); n != 0 {
				t.Errorf("%s with %d workers: %v allocations, want 0", op.name, workers, n)
			}
		}
	}
}

// A factor of the gradient is refused, not forgotten: clipping goes over the gradient.
func TestOptimizersTakeNoFactor(t *testing.T) {
	b := newBench(t, cpu.Options{})
	x, factor := b.Zeros(2, 3), b.Zeros(1, 1)
	grad, mean, square := b.Zeros(2, 3), b.Zeros(2, 3), b.Zeros(2, 3)
	for _, c := range []struct {
		op   string
		call func()
	}{
		{"SGD", func() { b.SGD(backend.SGDArgs{Param: x, Grad: grad, Factor: factor}) }},
		{"RMSProp", func() { b.RMSProp(backend.RMSPropArgs{Param: x, Grad: grad, Square: square, Factor: factor}) }},
		{"Adam", func() {
			b.Adam(backend.AdamArgs{Param: x, Grad: grad, Mean: mean, Square: square, Factor: factor, Step: 1})
		}},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); text != "backend: "+c.op+": Factor is present, but the backend is no ClipFactorer" {
					t.Errorf("%s with a factor: %v", c.op, text)
				}
			}()
			c.call()
		}()
	}
}

func TestBadIdsAreStickyErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(b *bench, x backend.Tensor, ids backend.Ints)
		want string
	}{
		{"GatherRows", func(b *bench, x backend.Tensor, ids backend.Ints) { b.GatherRows(b.Zeros(5, 3), x, ids) },
			"cpu: GatherRows: ids[3] is 12, x has 10 rows"},
		{"ScatterAddRows", func(b *bench, x backend.Tensor, ids backend.Ints) { b.ScatterAddRows(x, b.Zeros(5, 3), ids) },
			"cpu: ScatterAddRows: ids[3] is 12, dst has 10 rows"},
		{"SoftmaxCrossEntropy", func(b *bench, x backend.Tensor, ids backend.Ints) {
			b.SoftmaxCrossEntropy(b.Zeros(1, 1), backend.Tensor{}, x.Slice(0, 5), ids, 1)
		}, "cpu: SoftmaxCrossEntropy: labels[3] is 12, logits has 3 columns"},
	} {
		device, err := cpu.Open(cpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := benchOn(t, device, 8)
		x, ids := b.Uniform(10, 3), b.Ints(0, 1, 2, 12, -7)
		c.call(b, x, ids)
		b.Fill(x, 0)
		if err := b.Err(); err == nil || err.Error() != c.want {
			t.Errorf("Err() = %v, want %s", err, c.want)
		}
		if err := b.Close(); err == nil || err.Error() != c.want {
			t.Errorf("Close() = %v, want %s", err, c.want)
		}
	}
}

func TestBLASMultiplies(t *testing.T) {
	a := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: []float32{1, 2, 3, 4}}
	c := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 4)}
	defer blas32.Use(blas32.Implementation())
	blas32.Use(cpu.BLAS())
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, a, 0, c)
	if want := []float32{5, 11, 11, 25}; !slices.Equal(c.Data, want) {
		t.Errorf("a·aᵀ is %v, want %v", c.Data, want)
	}
}

// countingBLAS is gonum's and counts the calls.
type countingBLAS struct {
	gonum.Implementation
	calls *atomic.Int64
}

func (c countingBLAS) Sgemm(transA, transB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, dst []float32, ldDst int) {
	c.calls.Add(1)
	c.Implementation.Sgemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, dst, ldDst)
}

func TestProductsGoThroughTheGivenBLAS(t *testing.T) {
	var calls atomic.Int64
	b := newBench(t, cpu.Options{BLAS: countingBLAS{calls: &calls}})
	for _, op := range append(products(), sequences()...) {
		call := op.prepare(b)
		calls.Store(0)
		call()
		if calls.Load() == 0 {
			t.Errorf("%s made no call of Sgemm", op.name)
		}
	}
}

// What Open says of a level that no machine, or not this one, executes.
func TestOpenTakesTheLevelsOfTheMachine(t *testing.T) {
	for _, level := range append(cpu.Levels(), "") {
		newBench(t, cpu.Options{Level: level})
	}
	lacking := "neon"
	if slices.Contains(cpu.Levels(), lacking) {
		lacking = "avx2"
	}
	for _, level := range []string{"mmx", lacking} {
		b, err := cpu.Open(cpu.Options{Level: level})
		if err == nil || !strings.HasPrefix(err.Error(), "cpu: Open: Level: ") || !strings.Contains(err.Error(), level) {
			t.Errorf("Open with the level %q: %v, %v", level, b, err)
		}
	}
}
