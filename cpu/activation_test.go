package cpu_test

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
)

// everyFloat returns float32s over the whole range: every stride-th of them, and
// those around powers of two. Both signs, denormals, infinities and NaN are among them.
func everyFloat() []float32 {
	const stride = 4099
	var all []float32
	for bits := uint64(0); bits <= math.MaxUint32; bits += stride {
		all = append(all, math.Float32frombits(uint32(bits)))
	}
	for exponent := uint32(0); exponent <= 255; exponent++ {
		for _, sign := range []uint32{0, 1 << 31} {
			bits := sign | exponent<<23
			all = append(all, math.Float32frombits(bits), math.Float32frombits(bits+1), math.Float32frombits(bits|1<<23-1))
		}
	}
	return all
}

// ulps returns how many float32s lie between got and the float32 nearest to want.
// NaNs are equal to each other. Zeros of different sign are not.
func ulps(got float32, want float64) uint32 {
	a, b := math.Float32bits(got), math.Float32bits(float32(want))
	gotNaN, wantNaN := math.IsNaN(float64(got)), math.IsNaN(want)
	switch {
	case gotNaN && wantNaN:
		return 0
	case gotNaN || wantNaN || a>>31 != b>>31:
		return math.MaxUint32
	}
	return max(a, b) - min(a, b)
}

func TestUlpsCountsFloats(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		got  float32
		want float64
		ulps uint32
	}{
		{1, 1, 0}, {1, 1 + 0x1p-23, 1}, {1, 1 - 0x1p-24, 1}, {0x1p-149, 0, 1}, {nan, math.NaN(), 0},
		{nan, 1, math.MaxUint32}, {1, math.NaN(), math.MaxUint32}, {float32(math.Copysign(0, -1)), 0, math.MaxUint32},
		{math.MaxFloat32, math.Inf(1), 1},
	} {
		if n := ulps(c.got, c.want); n != c.ulps {
			t.Errorf("ulps(%v, %v) = %d, want %d", c.got, c.want, n, c.ulps)
		}
	}
}

func TestActivationsAreAccurateOverTheWholeRange(t *testing.T) {
	b := newBench(t, cpu.Options{})
	in := everyFloat()
	x, y := b.Zeros(1, len(in)), b.Zeros(1, len(in))
	b.Upload(x, in)
	out := make([]float32, len(in))
	for _, f := range []struct {
		name      string
		op        func(y, x backend.Tensor)
		want      func(x float64) float64
		tolerance uint32
	}{
		{"Sigmoid", b.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3},
		{"Tanh", b.Tanh, math.Tanh, 3},
		{"ReLU", b.ReLU, func(x float64) float64 { return math.Max(x, 0) }, 0},
	} {
		f.op(y, x)
		if err := b.Download(out, y); err != nil {
			t.Fatal(err)
		}
		var off int
		for i, v := range in {
			want := f.want(float64(v))
			n := ulps(out[i], want)
			if n > f.tolerance {
				t.Fatalf("%s(%v) = %v, want %v: %d ULPs off, tolerance %d", f.name, v, out[i], want, n, f.tolerance)
			}
			if n > 0 {
				off++
			}
		}
		t.Logf("%s: %d of %d values are not the nearest", f.name, off, len(in))
	}
}
