package emulator

var dotProductOperations = []operation{
	op("dp4a.s32.s32 %d, %a, %b, %c | s32 b32 b32 s32", in(100-1*1-2*2+3*3+4*4, 0x0403feff, 0x04030201, 100)),
	op("dp4a.u32.s32 %d, %a, %b, %c | s32 b32 b32 s32", in(0xffffff01, 0xff, 0xff, 0)), // 255·(-1)
	op("dp2a.lo.u32.u32 %d, %a, %b, %c | u32 b32 b32 u32", in(1+2*5+3*7, 0x00030002, 0x63630705, 1)),
	op("dp2a.hi.s32.u32 %d, %a, %b, %c | s32 b32 b32 s32", in(3*7-2*5, 0x0003fffe, 0x07056363, 0)),
}
