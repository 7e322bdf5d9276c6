package reference_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

func TestNewTensorsAreZero(t *testing.T) {
	r := reference.New()
	x, err := r.New(2, 3)
	if err != nil {
		t.Fatal(err)
	}
	n, err := r.NewInts(2)
	if err != nil {
		t.Fatal(err)
	}
	floats, ints := []float64{1, 1, 1, 1, 1, 1}, []int32{1, 1}
	if err := errors.Join(r.DownloadFloat64(floats, x), r.DownloadInts(ints, n)); err != nil {
		t.Fatal(err)
	}
	wantValues(t, "New", floats, 0, make([]float64, 6))
	if ints[0] != 0 || ints[1] != 0 {
		t.Errorf("NewInts holds %v, want zeros", ints)
	}
}

func TestTransfersRoundOnlyWhereTheyMust(t *testing.T) {
	f := open(t)
	x := f.tensor(1, 2)
	third := 1.0 / 3

	f.UploadFloat64(x, []float64{third, -third})
	f.want("UploadFloat64", x, 0, third, -third)
	single := make([]float32, 2)
	if err := f.Download(single, x); err != nil {
		t.Fatal(err)
	}
	if single[0] != float32(third) || single[1] != -float32(third) {
		t.Errorf("Download gives %v, want %v rounded", single, third)
	}

	f.Upload(x, single)
	f.want("Upload", x, 0, float64(float32(third)), -float64(float32(third)))

	labels := f.ints(math.MaxInt32, math.MinInt32, -1)
	ints := make([]int32, 2)
	if err := f.DownloadInts(ints, labels.Slice(1, 3)); err != nil {
		t.Fatal(err)
	}
	if ints[0] != math.MinInt32 || ints[1] != -1 {
		t.Errorf("DownloadInts gives %v", ints)
	}
}

func TestAbsurdSizesAreOutOfMemory(t *testing.T) {
	r := reference.New()
	for _, size := range [][2]int{{1 << 40, 1 << 40}, {1 << 31, 1 << 3}, {1 << 30, 2}, {1, math.MaxInt}} {
		x, err := r.New(size[0], size[1])
		if !errors.Is(err, backend.ErrOutOfMemory) || x.Present() {
			t.Errorf("New(%d, %d) = %v, %v; want ErrOutOfMemory", size[0], size[1], x, err)
		}
	}
	if n, err := r.NewInts(math.MaxInt); !errors.Is(err, backend.ErrOutOfMemory) || n.Present() {
		t.Errorf("NewInts(MaxInt) = %v, %v; want ErrOutOfMemory", n, err)
	}
	if r.Err() != nil {
		t.Errorf("the error sticks: %v", r.Err())
	}
	if _, err := r.New(0, math.MaxInt); err != nil {
		t.Errorf("an empty tensor: %v", err)
	}
}

func TestMemoryIsCountedUntilFreed(t *testing.T) {
	r := reference.New()
	small, err := r.New(1, 1024)
	if err != nil {
		t.Fatal(err)
	}
	const rest = 8<<30 - 1024*8
	_, err = r.NewInts(rest/4 + 1)
	const text = "reference: NewInts: 2147481601 integers: 8589926400 bytes are left of 8589934592: out of memory"
	if err == nil || err.Error() != text {
		t.Errorf("got %v, want %s", err, text)
	}
	r.Free(small.Buf)
	_, err = r.New(1, 8<<30/8+1)
	if err == nil || !strings.Contains(err.Error(), "8589934592 bytes are left") {
		t.Errorf("after Free: %v, want all bytes left", err)
	}
}

func TestFreedTensorsPanic(t *testing.T) {
	f := open(t)
	x, err := f.New(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	f.Free(x.Buf)
	wantPanic(t, "backend: Fill: dst is freed", func() { f.Fill(x.Slice(0, 1), 1) })
	wantPanic(t, "backend: Free: buffer is freed", func() { f.Free(x.Buf) })
}

func TestForeignTensorsPanic(t *testing.T) {
	f := open(t)
	foreign := open(t).tensor(1, 1, 1)
	wantPanic(t, "backend: Copy: x belongs to another backend", func() { f.Copy(f.tensor(1, 1), foreign) })
}

func TestCloseFreesEverything(t *testing.T) {
	r := reference.New()
	x, err := r.New(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	wantPanic(t, "backend: Fill: dst is freed", func() { r.Fill(x, 1) })
	if _, err := r.New(1, 1); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("New after Close: %v, want ErrClosed", err)
	}
	if _, err := r.NewInts(1); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("NewInts after Close: %v, want ErrClosed", err)
	}
}

func TestIndicesOutOfRangeStick(t *testing.T) {
	for _, c := range []struct {
		text string
		run  func(f fixture, x backend.Tensor)
	}{
		{"reference: GatherRows: ids[3] is 12, x has 10 rows", func(f fixture, x backend.Tensor) {
			f.GatherRows(f.tensor(4, 3), x, f.ints(0, 1, 9, 12))
		}},
		{"reference: GatherRows: ids[1] is -1, x has 10 rows", func(f fixture, x backend.Tensor) {
			f.GatherRows(f.tensor(2, 3), x, f.ints(0, -1))
		}},
		{"reference: ScatterAddRows: ids[0] is 10, dst has 10 rows", func(f fixture, x backend.Tensor) {
			f.ScatterAddRows(x, f.tensor(1, 3), f.ints(10))
		}},
		{"reference: SoftmaxCrossEntropy: labels[2] is 3, logits has 3 columns", func(f fixture, x backend.Tensor) {
			f.SoftmaxCrossEntropy(f.tensor(1, 1), x, x, f.ints(0, -1, 3, 0, 0, 0, 0, 0, 0, 0), 1)
		}},
		{"reference: SoftmaxCrossEntropy: labels[0] is -2, logits has 3 columns", func(f fixture, x backend.Tensor) {
			f.SoftmaxCrossEntropy(f.tensor(1, 1), backend.Tensor{}, x, f.ints(-2, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1)
		}},
	} {
		t.Run(c.text, func(t *testing.T) {
			f := open(t)
			x, labels := f.tensor(10, 3), f.ints(1)
			c.run(f, x)
			f.Sigmoid(x, x)
			f.Gemm(f.tensor(3, 3), backend.Trans, backend.NoTrans, 1, x, x, 0)
			f.GatherRows(f.tensor(1, 3), x, f.ints(99))
			f.Upload(f.tensor(1, 1), []float32{1})

			float := []float64{7}
			single, integer := []float32{7}, []int32{7}
			for name, err := range map[string]error{
				"Err":             f.Err(),
				"Sync":            f.Sync(),
				"Download":        f.Download(single, x.Slice(0, 1).Reshape(3, 1).Slice(0, 1)),
				"DownloadFloat64": f.DownloadFloat64(float, x.Slice(0, 1).Reshape(3, 1).Slice(0, 1)),
				"DownloadInts":    f.DownloadInts(integer, labels),
				"Close":           f.Close(),
			} {
				if err == nil || err.Error() != c.text {
					t.Errorf("%s: %v, want %s", name, err, c.text)
				}
			}
		})
	}
}
