package backendtest

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

// narrowGemm multiplies numbers rounded to some significant bits.
type narrowGemm struct {
	sound backend.Backend
	bits  int
}

func (b narrowGemm) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	narrow := func(x backend.Tensor) backend.Tensor {
		rounded, err := b.sound.New(x.Rows, x.Cols)
		if err != nil {
			panic(err)
		}
		values := read(b.sound, x)
		for k, v := range values {
			if fraction, exponent := math.Frexp(float64(v)); !math.IsInf(fraction, 0) {
				values[k] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(fraction, b.bits)), exponent-b.bits))
			}
		}
		b.sound.Upload(rounded, values)
		return rounded
	}
	x, y = narrow(x), narrow(y)
	b.sound.Gemm(dst, transA, transB, alpha, x, y, beta)
	b.sound.Free(x.Buf)
	b.sound.Free(y.Buf)
}

func TestProductErrorAdmitsNarrowProductsAndNoNarrowerOnes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		check    string
		bits     int
		admitted float64
		passes   bool
	}{
		{"Gemm", 8, 0, false},
		{"Gemm", 8, 0x1p-7 + 0x1p-16, true},
		{"Gemm", 8, 0x1p-9, false},
		{"Gemm", 7, 0x1p-7 + 0x1p-16, false},
		{"Gemm", 16, 0x1p-15 + 0x1p-32, true},
		{"LSTMForward", 16, 0, false},
		{"LSTMForward", 16, 0x1p-15 + 0x1p-32, true},
		{"LSTMForward", 8, 0x1p-15 + 0x1p-32, false},
		{"GRUBackward", 16, 0x1p-15 + 0x1p-32, true},
		{"GRUBackward", 8, 0x1p-15 + 0x1p-32, false},
	} {
		open := func() (backend.Backend, error) {
			sound := reference.New()
			return altered{sound, narrowGemm{sound, test.bits}}, nil
		}
		result := runOne(test.check, open, 33, MaxWork(0), ProductError(test.admitted))
		if passes := len(result.Failures) == 0; passes != test.passes {
			t.Errorf("%s with products of %d bits, with an error of %g admitted: passes %t, want %t: %q", test.check, test.bits, test.admitted, passes, test.passes, result.Failures)
		}
		t.Logf("%s, %d bits, %g admitted: %.2g of the tolerance", test.check, test.bits, test.admitted, result.Worst)
	}
}

// flushingGemm multiplies numbers of which those below a limit are zero.
type flushingGemm struct {
	backend.Backend
	limit float64
}

func (b flushingGemm) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	flush := func(x backend.Tensor) backend.Tensor {
		flushed, err := b.New(x.Rows, x.Cols)
		if err != nil {
			panic(err)
		}
		values := read(b.Backend, x)
		for k, v := range values {
			if math.Abs(float64(v)) < b.limit {
				values[k] = 0
			}
		}
		b.Upload(flushed, values)
		return flushed
	}
	x, y = flush(x), flush(y)
	b.Backend.Gemm(dst, transA, transB, alpha, x, y, beta)
	b.Free(x.Buf)
	b.Free(y.Buf)
}

func TestProductStepAdmitsSmallOperandsToVanishAndNoOthers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit, step float64
		passes      bool
	}{
		{0x1p-133, 0, false},
		{0x1p-133, 0x1p-133, true},
		{0x1p-133, 0x1p-149, false},
		{0x1p-60, 0x1p-133, false},
	} {
		open := func() (backend.Backend, error) { return flushingGemm{reference.New(), test.limit}, nil }
		result := runOne("Gemm", open, 9, MaxWork(0), ProductStep(test.step))
		if passes := len(result.Failures) == 0; passes != test.passes {
			t.Errorf("operands below %g are zero, with a step of %g: passes %t, want %t: %q", test.limit, test.step, passes, test.passes, result.Failures)
		}
	}
}
