package emulator

var videoOperations = []operation{
	op("vadd.u32.u32.u32 %d, %a, %b | b32 b32 b32", in(7, 3, 4), in(0, ones32, 1)),
	op("vadd.u32.u32.u32.sat %d, %a, %b | b32 b32 b32", in(ones32, ones32, 1)),
	op("vadd.s32.s32.u32.sat %d, %a, %b | b32 b32 b32", in(min32-1, min32-1, 1), in(min32, min32, 0)),
	op("vadd.s32.s32.s32 %d, %a.b1, %b.h1 | b32 b32 b32", in(ones32-1-3, 0x0000ff00, 0xfffc0000)), // -1 + -4
	op("vadd.u32.u32.u32 %d.b2, %a, %b, %c | b32 b32 b32 b32", in(0x11_07_33_44, 3, 4, 0x11223344)),
	op("vadd.s32.s32.s32.sat %d.h0, %a, %b, %c | b32 b32 b32 b32", in(0x1122_7fff, 40000, 4, 0x11223344)),
	op("vsub.s32.u32.u32 %d, %a.b3, %b.b0 | b32 b32 b32", in(ones32-4, 0x02000000, 0xffffff07)), // 2 - 7
	op("vsub.u32.u32.u32.sat %d, %a, %b | b32 b32 b32", in(0, 2, 7)),
	op("vabsdiff.u32.s32.s32 %d, %a, %b | b32 b32 b32", in(5, ones32-1, 3), in(ones32, min32, min32-1)),
	op("vabsdiff.u32.u32.u32.add %d, %a, %b, %c | b32 b32 b32 b32", in(105, 2, 7, 100)),
	op("vmin.s32.s32.s32.max %d, %a, %b, %c | b32 b32 b32 b32", in(1, 9, ones32, 1), in(ones32, 9, ones32, min32)),
	op("vmax.u32.u32.u32.min %d, %a, %b, %c | b32 b32 b32 b32", in(1, 9, ones32, 1)),
	op("vshl.u32.u32.u32.clamp %d, %a, %b | b32 b32 b32", in(0x10, 1, 4), in(0, 1, 32), in(0, 1, 99)),
	op("vshl.u32.u32.u32.wrap %d, %a, %b | b32 b32 b32", in(8, 1, 35)),
	op("vshr.s32.s32.u32.clamp %d, %a, %b | b32 b32 b32", in(ones32, min32, 99), in(ones32-1, 0xfffffff8, 2)),
	op("vset.s32.u32.lt %d, %a, %b | b32 b32 b32", in(1, ones32, 1), in(0, 1, 1)), // -1 < 1
	op("vset.u32.u32.ge.add %d, %a.b0, %b.b0, %c | b32 b32 b32 b32", in(11, 0x105, 0x205, 10)),
	op("vmad.s32.s32.s32 %d, %a, %b, %c | b32 b32 b32 b32", in(17, 3, 4, 5)),
	op("vmad.s32.s32.s32 %d, -%a, %b, %c | b32 b32 b32 b32", in(ones32-6, 3, 4, 5)), // -12 + 5
	op("vmad.s32.s32.s32 %d, %a, %b, -%c | b32 b32 b32 b32", in(7, 3, 4, 5)),
	op("vmad.u32.u32.u32.po %d, %a.h1, %b.b1, %c | b32 b32 b32 b32", in(18, 0x30000, 0x400, 5)),
	op("vmad.u32.u32.u32.sat %d, %a, %b, %c | b32 b32 b32 b32", in(ones32, ones32, 2, 0)),
	op("vmad.s32.s32.s32.shr7 %d, %a, %b, %c | b32 b32 b32 b32", in(3, 100, 4, 0)),
	op("vmad.s32.s32.s32.sat.shr15 %d, %a, %b, %c | b32 b32 b32 b32", in(ones32, ones32, 4, 0)),

	op("vabsdiff4.u32.u32.u32.add %d, %a, %b, %c | b32 b32 b32 b32", in(100+3+1+0+255, 0x01_02_03_ff, 0x04_01_03_00, 100)),
	op("vabsdiff4.u32.u32.u32 %d, %a, %b, %c | b32 b32 b32 b32", in(0x03_01_00_ff, 0x01_02_03_ff, 0x04_01_03_00, 0)),
	op("vabsdiff2.s32.s32.s32 %d, %a, %b, %c | b32 b32 b32 b32", in(0x0002_0003, 0xffff_0005, 0x0001_0002, 0)),
	op("vadd4.u32.u32.u32.sat %d, %a, %b, %c | b32 b32 b32 b32", in(0xff_05_ff_ff, 0xf0_02_80_ff, 0x20_03_7f_01, 0)),
	op("vadd4.u32.u32.u32 %d, %a, %b, %c | b32 b32 b32 b32", in(0x10_05_ff_00, 0xf0_02_80_ff, 0x20_03_7f_01, 0)),
	op("vsub2.s32.s32.s32.sat %d, %a, %b, %c | b32 b32 b32 b32", in(0x8000_7fff, 0x8000_7fff, 0x0001_ffff, 0)),
	op("vadd2.s32.s32.s32.add %d, %a, %b, %c | b32 b32 b32 b32", in(ones32-2+5-(1<<32)-2, 0xffff_ffff, 0xfffe_ffff, 5)), // (-3) + (-2) + 5
	op("vadd2.u32.u32.u32 %d.h0, %a, %b, %c | b32 b32 b32 b32", in(0xaaaa_0003, 0x0007_0001, 0x0007_0002, 0xaaaabbbb)),
	op("vadd2.u32.u32.u32 %d, %a.h01, %b.h00, %c | b32 b32 b32 b32", in(0x0002_0008, 0x0007_0001, 0x0005_0002, 0)),
	op("vmax4.s32.s32.s32 %d, %a.b7654, %b.b3210, %c | b32 b32 b32 b32", in(0x01_02_03_7f, 0xff_fe_fd_7f, 0x01_02_03_80, 0)),
	op("vmin4.u32.u32.u32 %d.b20, %a, %b, %c | b32 b32 b32 b32", in(0x99_02_99_7f, 0xff_fe_fd_7f, 0x01_02_03_80, 0x99999999)),
	op("vavrg4.u32.u32.u32 %d, %a, %b, %c | b32 b32 b32 b32", in(0x02_03_ff_01, 0x01_02_ff_00, 0x02_04_ff_01, 0)),
	op("vavrg2.s32.s32.s32 %d, %a, %b, %c | b32 b32 b32 b32", in(0xfffe_0001, 0xffff_0000, 0xfffe_0001, 0)), // (-1 + -2)/2 is -2
	op("vset4.u32.u32.lt %d, %a, %b, %c | b32 b32 b32 b32", in(0x01_00_00_01, 0x01_02_03_04, 0x02_02_02_05, 0)),
	op("vset2.s32.s32.gt.add %d, %a, %b, %c | b32 b32 b32 b32", in(11, 0x0001_ffff, 0x0000_0000, 10)),
}
