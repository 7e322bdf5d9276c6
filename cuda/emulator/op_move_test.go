package emulator

var moveOperations = []operation{
	op("mov.b64 %d, {%a, %b} | b64 b32 b32", in(0x0000000200000001, 1, 2)),
	op("mov.b64 {%d, %q}, %a | b32 b32 b64", in2(1, 2, 0x0000000200000001)),
	op("mov.b32 {%d, _}, %a | b16 b32", in(0x5678, 0x12345678)),
	op("mov.b32 %d, {%a, %b} | b32 b16 b16", in(0x12345678, 0x5678, 0x1234)),
	op("mov.b32 %d, %a | f32 b32", in(bits32(1), bits32(1))),
	op("mov.b32 %d, %envreg31 | b32", in(0)),
}
