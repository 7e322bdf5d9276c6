package emulator

import (
	"math"
	"math/rand/v2"
	"testing"
)

var halfOperations = []operation{
	op("add.f16 %d, %a, %b | f16 f16 f16", in(0x4200, 0x3c00, 0x4000), in(0x6800, 0x6800, 0x3c00)), // 2048+1 rounds to even
	op("mul.f16x2 %d, %a, %b | f16x2 f16x2 f16x2", in(0x46004000, 0x40003c00, 0x42004000)),
	op("fma.rn.f16 %d, %a, %b, %c | f16 f16 f16 f16", in(0x6801, 0x3c00, 0x6800, 0x3e00)),
	op("fma.rn.bf16 %d, %a, %b, %c | bf16 bf16 bf16 bf16", in(0x40e0, 0x4000, 0x4040, 0x3f80)),
	op("fma.rn.relu.f16x2 %d, %a, %b, %c | f16x2 f16x2 f16x2 f16x2", in(0x00004200, 0xc0003c00, 0x3c003c00, 0x3c004000)),
	op("neg.f16x2 %d, %a | f16x2 f16x2", in(0xbc003c00, 0x3c00bc00)),
	op("max.f16 %d, %a, %b | f16 f16 f16", in(0x3c00, 0x7e00, 0x3c00)),
}

func TestHalfConversionsAgainstOracle(t *testing.T) {
	for _, h := range []struct {
		name   string
		format format
	}{{"f16", format{f16, 11, -24, 65504}}, {"bf16", format{bf16, 8, -133, 0x1.fep127}}} {
		rng := rand.New(rand.NewPCG(1, 7))
		test := op("cvt.rn." + h.name + ".f32 %d, %a | " + h.name + " f32")
		back := op("{ .reg .b16 %h; cvt.rn." + h.name + ".f32 %h, %a; mov.b16 %d, %h; } | b16 f32")
		for len(test.cases) < 500 {
			v := formats[0].random(rng)
			if h.name == "f16" && rng.IntN(4) > 0 {
				v = float64(float32(math.Copysign(math.Exp2(float64(rng.IntN(46)-28))*(1+rng.Float64()), v)))
			}
			want := h.format.round(rat(v), "rn")
			var bits uint64
			if h.name == "bf16" {
				bits = bits32(float32(want)) >> 16
			} else {
				bits = encodeHalf(want)
			}
			test.cases = append(test.cases, in(bits, bits32(float32(v))))
		}
		back.cases = test.cases
		test.test(t)
		back.test(t)
	}
}

// encodeHalf returns the bits of a float16 number, by the definition of the format.
func encodeHalf(v float64) uint64 {
	sign := uint64(0)
	if math.Signbit(v) {
		sign = 0x8000
	}
	v = math.Abs(v)
	if math.IsInf(v, 0) {
		return sign | 0x7c00
	}
	for e := uint64(1); e < 31; e++ {
		unit := math.Ldexp(1, int(e)-25)
		if v < 1024*unit && e == 1 {
			return sign | uint64(v/unit)
		}
		if v < 2048*unit {
			return sign + e<<10 + uint64(v/unit) - 1024
		}
	}
	panic("no float16")
}
