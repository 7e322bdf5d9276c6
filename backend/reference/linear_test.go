package reference_test

import (
	"math"
	"testing"

	"gputrain/backend"
)

func TestGemm(t *testing.T) {
	// a = 1 2 3   b = 1 0   a·b = 1+0+6  0+4+3 =  7  7
	//     4 5 6       0 2         4+0+12 0+10+6  16 16
	//                 2 1
	a, aT := []float64{1, 2, 3, 4, 5, 6}, []float64{1, 4, 2, 5, 3, 6}
	b, bT := []float64{1, 0, 0, 2, 2, 1}, []float64{1, 0, 2, 0, 2, 1}
	for _, c := range []struct {
		name           string
		transA, transB backend.Transpose
	}{
		{"a·b", backend.NoTrans, backend.NoTrans},
		{"aᵀ·b", backend.Trans, backend.NoTrans},
		{"a·bᵀ", backend.NoTrans, backend.Trans},
		{"aᵀ·bᵀ", backend.Trans, backend.Trans},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			left, right := f.tensor(2, 3, a...), f.tensor(3, 2, b...)
			if c.transA {
				left = f.tensor(3, 2, aT...)
			}
			if c.transB {
				right = f.tensor(2, 3, bT...)
			}
			dst := f.tensor(2, 2) // NaN
			f.Gemm(dst, c.transA, c.transB, 1, left, right, 0)
			f.want("alpha 1, beta 0", dst, 0, 7, 7, 16, 16)
			f.UploadFloat64(dst, []float64{1, 2, 3, 4})
			f.Gemm(dst, c.transA, c.transB, 0.5, left, right, -2)
			f.want("alpha ½, beta −2", dst, 0, 3.5-2*1, 3.5-2*2, 8-2*3, 8-2*4)
		})
	}
}

func TestGemmOfEmptyInnerDimensionScalesDst(t *testing.T) {
	f := open(t)
	dst := f.tensor(2, 1, 3, 4)
	a, b := f.tensor(2, 0), f.tensor(0, 1)
	f.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, a, b, 2)
	f.want("beta 2", dst, 0, 6, 8)
	f.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, a, b, 0)
	f.want("beta 0", dst, 0, 0, 0)
}

func TestGemmPropagatesNaNAndInf(t *testing.T) {
	f := open(t)
	dst := f.tensor(2, 2)
	f.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, f.tensor(2, 2, 1, 1, nan, 1), f.tensor(2, 2, inf, 1, 1, 2), 0)
	// 1·Inf+1·1, 1·1+1·2; NaN·Inf+1, NaN·1+2
	f.want("dst", dst, 0, inf, 3, nan, nan)
}

func TestSumRows(t *testing.T) {
	f := open(t)
	x, dst := f.tensor(3, 2, 1, 10, 2, 20, 4, 40), f.tensor(1, 2)
	f.SumRows(dst, x, 0)
	f.want("beta 0", dst, 0, 7, 70)
	f.SumRows(dst, x, -1)
	f.want("beta −1", dst, 0, 0, 0)
	f.SumRows(dst, f.tensor(0, 2), 0)
	f.want("no rows", dst, 0, 0, 0)
}

func TestGatherRows(t *testing.T) {
	f := open(t)
	dst := f.tensor(4, 2)
	f.GatherRows(dst, f.tensor(3, 2, 1, 2, 3, 4, 5, 6), f.ints(2, 0, 2, 1))
	f.want("dst", dst, 0, 5, 6, 1, 2, 5, 6, 3, 4)
}

func TestScatterAddRowsAddsRepeatedIDs(t *testing.T) {
	f := open(t)
	dst := f.tensor(3, 2, 100, 200, 300, 400, 500, 600)
	f.ScatterAddRows(dst, f.tensor(3, 2, 1, 2, 3, 4, 5, 6), f.ints(2, 0, 2))
	f.want("dst", dst, 0, 100+3, 200+4, 300, 400, 500+1+5, 600+2+6)
}

func TestArgMaxRows(t *testing.T) {
	f := open(t)
	dst := f.ints(9, 9, 9, 9, 9, 9)
	f.ArgMaxRows(dst, f.tensor(6, 3,
		1, 3, 2,
		5, 5, 5,
		-inf, -inf, -1,
		inf, nan, nan,
		-inf, -inf, -inf,
		math.Copysign(0, -1), 0, -1,
	))
	got := make([]int32, 6)
	if err := f.DownloadInts(got, dst); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int32{1, 0, 2, 1, 0, 0} {
		if got[i] != want {
			t.Errorf("row %d: column %d, want %d", i, got[i], want)
		}
	}
}

func TestEmptyOperands(t *testing.T) {
	f := open(t)
	none, wide, ids := f.tensor(0, 3), f.tensor(3, 0), f.ints()
	f.Softmax(none, none)
	f.Softmax(wide, wide)
	f.AddRow(wide, wide, f.tensor(1, 0))
	f.GatherRows(none, none, ids)
	f.ScatterAddRows(none, none, ids)
	f.ArgMaxRows(ids, none)
	f.CopyCols(none, 1, none, 0, 2)
	loss := f.tensor(1, 1)
	f.SoftmaxCrossEntropy(loss, none, none, ids, 1)
	f.want("cross entropy", loss, 0, 0)
	f.SquaredError(loss, wide, wide, wide, 1)
	f.want("squared error", loss, 0, 0)
	f.ClipNorm(none, loss, 1)
	f.want("norm", loss, 0, 0)
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
}
