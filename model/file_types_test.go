package model

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"
)

// Each of the 2^16 halves, by the definition in IEEE 754.
func TestHalvesAreConvertedExactly(t *testing.T) {
	for h := range 1 << 16 {
		sign, exponent, fraction := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1024+fraction, exponent-25)
		switch {
		case exponent == 0:
			want = math.Copysign(math.Ldexp(fraction, -24), sign)
		case exponent == 31 && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 31:
			if got := fromHalf(uint16(h)); got == got {
				t.Errorf("%#04x is %v, want NaN", h, got)
			}
			continue
		}
		if got := fromHalf(uint16(h)); math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Errorf("%#04x is %v, want %v", h, got, want)
		}
	}
}

func TestOtherFloatsAreConvertedAndNamed(t *testing.T) {
	data := raw(`{"count":{"dtype":"I64","shape":[],"data_offsets":[26,34]},"half":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"brain":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},`+
		`"double":{"dtype":"F64","shape":[2,1],"data_offsets":[6,22]},"single":{"dtype":"F32","shape":[1],"data_offsets":[22,26]}}`, 0)
	data = binary.LittleEndian.AppendUint16(data, 0x3e00) // 1.5
	data = binary.LittleEndian.AppendUint16(data, 0xc000) // −2
	data = binary.LittleEndian.AppendUint16(data, 0xbf80) // −1
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(0.1))
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(math.Inf(1)))
	data = binary.LittleEndian.AppendUint32(data, math.Float32bits(3))
	data = binary.LittleEndian.AppendUint64(data, 5)
	f, err := ParseFile(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"half": {1.5, -2}, "brain": {-1}, "double": {0.1, float32(math.Inf(1))}, "single": {3}} {
		if got := f.Tensors[name].Data; !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if want := map[string]string{"half": "F16", "brain": "BF16", "double": "F64"}; !maps.Equal(f.Converted, want) {
		t.Errorf("converted %v, want %v", f.Converted, want)
	}
	if want := map[string]string{"count": "I64"}; !maps.Equal(f.LeftOut, want) || len(f.Tensors) != 4 {
		t.Errorf("left out %v of %v, want %v", f.LeftOut, f.Tensors, want)
	}
}
