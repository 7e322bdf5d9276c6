package emulator

import "math"

var floatOperations = []operation{
	op("add.f32 %d, %a, %b | f32 f32 f32", in(bits32(3.5), bits32(1.25), bits32(2.25)), in(nan32, nan, bits32(1)), in(nan32, inf32, inf32|min32), in(2, tiny, tiny)),
	op("add.ftz.f32 %d, %a, %b | f32 f32 f32", in(0, tiny, tiny), in(min32, tiny|min32, min32), in(bits32(1), tiny, bits32(1)), in(min32, bits32(0x1p-126), bits32(-0x1.8p-126))),
	op("add.sat.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(1), bits32(2)), in(0, bits32(1), bits32(-2)), in(0, nan, bits32(1)), in(bits32(0.5), bits32(0.25), bits32(0.25))),
	op("sub.rm.f32 %d, %a, %b | f32 f32 f32", in(min32, bits32(1), bits32(1))),
	op("sub.rn.f32 %d, %a, %b | f32 f32 f32", in(0, bits32(1), bits32(1))),
	op("mul.ftz.f32 %d, %a, %b | f32 f32 f32", in(min32, bits32(0x1p-100), bits32(-0x1p-40)), in(0, tiny, bits32(0x1p100))),
	op("mul.rp.f32 %d, %a, %b | f32 f32 f32", in(inf32, largest, bits32(2)), in(largest|min32, largest, bits32(-2)), in(tiny, tiny, bits32(0.25))),
	op("mul.rz.f32 %d, %a, %b | f32 f32 f32", in(largest, largest, bits32(2)), in(0, tiny, bits32(0.75))),
	op("fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32", in(nan32, inf32, 0, bits32(1)), in(inf32, largest, bits32(2), bits32(1)), in(largest, largest, bits32(2), largest|min32)),
	op("fma.rn.ftz.sat.f32 %d, %a, %b, %c | f32 f32 f32 f32", in(bits32(1), bits32(2), bits32(2), bits32(2)), in(0, tiny, bits32(0x1p120), 0)),
	op("abs.f32 %d, %a | f32 f32", in(bits32(2), bits32(-2))),
	op("neg.ftz.f32 %d, %a | f32 f32", in(min32, tiny)),
	op("min.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), nan, bits32(1)), in(nan32, nan, nan), in(min32, 0, min32), in(min32, min32, 0)),
	op("max.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(1), nan), in(0, 0, min32)),
	op("max.NaN.f32 %d, %a, %b | f32 f32 f32", in(nan32, bits32(1), nan)),
	op("min.xorsign.abs.f32 %d, %a, %b | f32 f32 f32", in(bits32(-1), bits32(-3), bits32(1))),
	op("copysign.f32 %d, %a, %b | f32 f32 f32", in(bits32(-3), bits32(-1), bits32(3))),
	op("testp.subnormal.f32 %d, %a | pred f32", in(1, tiny), in(0, 0), in(0, bits32(1))),
	op("testp.notanumber.f64 %d, %a | pred f64", in(1, nan64), in(0, bits64(1))),
	op("div.rn.f32 %d, %a, %b | f32 f32 f32", in(bits32(1.0/3), bits32(1), bits32(3)), in(inf32, bits32(1), 0), in(nan32, 0, 0)),
	op("add.f64 %d, %a, %b | f64 f64 f64", in(bits64(0.30000000000000004), bits64(0.1), bits64(0.2))),
	op("fma.rz.f64 %d, %a, %b, %c | f64 f64 f64 f64", in(bits64(math.MaxFloat64), bits64(math.MaxFloat64), bits64(2), bits64(1))),
	op("min.f64 %d, %a, %b | f64 f64 f64", in(bits64(-1), bits64(-1), nan64)),
}
