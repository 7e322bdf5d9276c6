package emulator

var carryOperations = []operation{
	op("{ add.cc.u32 %d, %a, %b; addc.u32 %q, %c, %e; } | u32 u32 u32 u32 u32 u32",
		in2(0, 6, ones32, 1, 2, 3), in2(3, 5, 1, 2, 2, 3)),
	op("{ sub.cc.u32 %d, %a, %b; subc.u32 %q, %c, %e; } | u32 u32 u32 u32 u32 u32",
		in2(ones32, 1, 1, 2, 5, 3), in2(1, 2, 3, 2, 5, 3)),
	op("{ add.cc.u64 %d, %a, %b; addc.u64 %q, %c, %e; } | u64 u64 u64 u64 u64 u64", in2(0, 6, ones64, 1, 2, 3)),
	op("{ mad.lo.cc.u32 %d, %a, %b, %c; madc.hi.u32 %q, %a, %b, %e; } | u32 u32 u32 u32 u32 u32",
		in2(0, ones32, ones32, ones32, ones32, 0)), // (2^32-1)^2 + 2^32-1 = (2^32-1)·2^32
}
