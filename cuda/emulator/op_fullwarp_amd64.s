#include "textflag.h"

// The low halves of the lanes hold the numbers. The high halves are multiplied and added
// too, and then cleared. All results are in registers before the first is stored, because
// d may be a, b or c.

#define FMA(at, r) \
	VMOVUPS at(SI), r; \
	VMOVUPS at(DX), Y8; \
	VFMADD213PS at(CX), Y8, r; \
	VCMPPS $3, r, r, Y9; \
	VORPS Y9, Y10, Y10; \
	VANDPS Y11, r, r

// What follows is for loops that take four lanes at a time. d may be a or b.

#define EACH(PART) PART(0) PART(32) PART(64) PART(96) PART(128) PART(160) PART(192) PART(224)

#define OPERANDS \
	MOVQ d+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	MOVQ b+16(FP), DX

#define ONE(PART) \
	MOVQ d+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	EACH(PART) \
	VZEROUPPER; \
	RET

// A comparison collects a bit for each lane.
#define COMPARE(PART) \
	MOVQ a+0(FP), SI; \
	MOVQ b+8(FP), DX; \
	XORL AX, AX; \
	EACH(PART) \
	VZEROUPPER; \
	MOVL AX, ret+16(FP); \
	RET

// LOW is a mask of the low halves.
#define LOW(r) \
	VPCMPEQD r, r, r; \
	VPSRLQ $32, r, r

#define WHOLE(OP, at) \
	VMOVDQU at(SI), Y0; \
	OP at(DX), Y0, Y0; \
	VMOVDQU Y0, at(DI);

#define HALF(OP, at) \
	VMOVDQU at(SI), Y0; \
	OP at(DX), Y0, Y0; \
	VPAND Y11, Y0, Y0; \
	VMOVDQU Y0, at(DI);

#define ADD64(at) WHOLE(VPADDQ, at)
#define AND(at) WHOLE(VPAND, at)
#define OR(at) WHOLE(VPOR, at)
#define XOR(at) WHOLE(VPXOR, at)
#define MULWIDES32(at) WHOLE(VPMULDQ, at)
#define SHL64(at) WHOLE(VPSLLVQ, at)
#define SHR(at) WHOLE(VPSRLVQ, at)
#define ADD32(at) HALF(VPADDD, at)
#define SUB32(at) HALF(VPSUBD, at)
#define MUL32(at) HALF(VPMULLD, at)
#define SHL32(at) HALF(VPSLLVQ, at)

// MUL64 sums the product of the low halves and those of a low and a high half.
#define MUL64(at) \
	VMOVDQU at(SI), Y0; \
	VMOVDQU at(DX), Y1; \
	VPSRLQ $32, Y0, Y2; \
	VPSRLQ $32, Y1, Y3; \
	VPMULUDQ Y1, Y2, Y2; \
	VPMULUDQ Y0, Y3, Y3; \
	VPMULUDQ Y0, Y1, Y0; \
	VPADDQ Y2, Y3, Y2; \
	VPSLLQ $32, Y2, Y2; \
	VPADDQ Y2, Y0, Y0; \
	VMOVDQU Y0, at(DI);

#define LOOP(PART) \
	OPERANDS; \
	LOW(Y11); \
	EACH(PART) \
	VZEROUPPER; \
	RET

// As above, all results are in registers before the first is stored, because d is
// left as it is if one is NaN.
#define FLOAT(OP, at, r) \
	VMOVUPS at(SI), r; \
	OP at(DX), r, r; \
	VCMPPS $3, r, r, Y9; \
	VORPS Y9, Y10, Y10; \
	VANDPS Y11, r, r

#define LOOPFLOAT(OP) \
	OPERANDS; \
	LOW(Y11); \
	VXORPS Y10, Y10, Y10; \
	FLOAT(OP, 0, Y0); \
	FLOAT(OP, 32, Y1); \
	FLOAT(OP, 64, Y2); \
	FLOAT(OP, 96, Y3); \
	FLOAT(OP, 128, Y4); \
	FLOAT(OP, 160, Y5); \
	FLOAT(OP, 192, Y6); \
	FLOAT(OP, 224, Y7); \
	VMOVMSKPS Y10, AX; \
	TESTL AX, AX; \
	JNZ nan; \
	VMOVUPS Y0, 0(DI); \
	VMOVUPS Y1, 32(DI); \
	VMOVUPS Y2, 64(DI); \
	VMOVUPS Y3, 96(DI); \
	VMOVUPS Y4, 128(DI); \
	VMOVUPS Y5, 160(DI); \
	VMOVUPS Y6, 192(DI); \
	VMOVUPS Y7, 224(DI); \
	VZEROUPPER; \
	MOVB $1, done+24(FP); \
	RET; \
nan: \
	VZEROUPPER; \
	MOVB $0, done+24(FP); \
	RET

// FMAS does one fma. It goes to nan and stores nothing if a result is NaN.
#define FMAS \
	VXORPS Y10, Y10, Y10; \
	FMA(0, Y0); \
	FMA(32, Y1); \
	FMA(64, Y2); \
	FMA(96, Y3); \
	FMA(128, Y4); \
	FMA(160, Y5); \
	FMA(192, Y6); \
	FMA(224, Y7); \
	VMOVMSKPS Y10, AX; \
	TESTL AX, AX; \
	JNZ nan; \
	VMOVUPS Y0, 0(DI); \
	VMOVUPS Y1, 32(DI); \
	VMOVUPS Y2, 64(DI); \
	VMOVUPS Y3, 96(DI); \
	VMOVUPS Y4, 128(DI); \
	VMOVUPS Y5, 160(DI); \
	VMOVUPS Y6, 192(DI); \
	VMOVUPS Y7, 224(DI)

// func fmaAVX2(d, a, b, c *lanes) (done bool)
TEXT ·fmaAVX2(SB), NOSPLIT, $0-33
	MOVQ d+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ c+24(FP), CX
	LOW(Y11)
	FMAS
	VZEROUPPER
	MOVB $1, done+32(FP)
	RET

nan:
	VZEROUPPER
	MOVB $0, done+32(FP)
	RET

// func fmasAVX2(registers []lanes, chain []fma) (done int)
TEXT ·fmasAVX2(SB), NOSPLIT, $0-56
	MOVQ registers_base+0(FP), R8
	MOVQ chain_base+24(FP), R9
	MOVQ chain_len+32(FP), R10
	XORL R11, R11
	LOW(Y11)

next:
	MOVL 0(R9), DI
	MOVL 4(R9), SI
	MOVL 8(R9), DX
	MOVL 12(R9), CX
	ADDQ R8, DI
	ADDQ R8, SI
	ADDQ R8, DX
	ADDQ R8, CX
	FMAS
	ADDQ $16, R9
	INCQ R11
	CMPQ R11, R10
	JLT next

nan:
	VZEROUPPER
	MOVQ R11, done+48(FP)
	RET

// func add64AVX2(d, a, b *lanes)
TEXT ·add64AVX2(SB), NOSPLIT, $0-24
	LOOP(ADD64)

// func andAVX2(d, a, b *lanes)
TEXT ·andAVX2(SB), NOSPLIT, $0-24
	LOOP(AND)

// func orAVX2(d, a, b *lanes)
TEXT ·orAVX2(SB), NOSPLIT, $0-24
	LOOP(OR)

// func xorAVX2(d, a, b *lanes)
TEXT ·xorAVX2(SB), NOSPLIT, $0-24
	LOOP(XOR)

// func mulWideS32AVX2(d, a, b *lanes)
TEXT ·mulWideS32AVX2(SB), NOSPLIT, $0-24
	LOOP(MULWIDES32)

// func shl64AVX2(d, a, b *lanes)
TEXT ·shl64AVX2(SB), NOSPLIT, $0-24
	LOOP(SHL64)

// func shrAVX2(d, a, b *lanes)
TEXT ·shrAVX2(SB), NOSPLIT, $0-24
	LOOP(SHR)

// func add32AVX2(d, a, b *lanes)
TEXT ·add32AVX2(SB), NOSPLIT, $0-24
	LOOP(ADD32)

// func sub32AVX2(d, a, b *lanes)
TEXT ·sub32AVX2(SB), NOSPLIT, $0-24
	LOOP(SUB32)

// func mul32AVX2(d, a, b *lanes)
TEXT ·mul32AVX2(SB), NOSPLIT, $0-24
	LOOP(MUL32)

// func mul64AVX2(d, a, b *lanes)
TEXT ·mul64AVX2(SB), NOSPLIT, $0-24
	LOOP(MUL64)

// func shl32AVX2(d, a, b *lanes)
TEXT ·shl32AVX2(SB), NOSPLIT, $0-24
	LOOP(SHL32)

// func addFloat32AVX2(d, a, b *lanes) (done bool)
TEXT ·addFloat32AVX2(SB), NOSPLIT, $0-25
	LOOPFLOAT(VADDPS)

// func subFloat32AVX2(d, a, b *lanes) (done bool)
TEXT ·subFloat32AVX2(SB), NOSPLIT, $0-25
	LOOPFLOAT(VSUBPS)

// func mulFloat32AVX2(d, a, b *lanes) (done bool)
TEXT ·mulFloat32AVX2(SB), NOSPLIT, $0-25
	LOOPFLOAT(VMULPS)

#define BITS(at, r) \
	VMOVMSKPD r, BX; \
	SHLL $(at/8), BX; \
	ORL BX, AX

#define EQUAL(at) \
	VMOVDQU at(SI), Y0; \
	VPCMPEQQ at(DX), Y0, Y0; \
	BITS(at, Y0);

#define LESSS32(at) \
	VMOVDQU at(DX), Y0; \
	VPCMPGTD at(SI), Y0, Y0; \
	VPSLLQ $32, Y0, Y0; \
	BITS(at, Y0);

// func equalAVX2(a, b *lanes) uint32
TEXT ·equalAVX2(SB), NOSPLIT, $0-20
	COMPARE(EQUAL)

// func lessS32AVX2(a, b *lanes) uint32
TEXT ·lessS32AVX2(SB), NOSPLIT, $0-20
	COMPARE(LESSS32)

// Y12 has the bit of each lane, and Y13 the mask.
#define SELECT(at) \
	VPAND Y12, Y13, Y14; \
	VPCMPEQQ Y12, Y14, Y14; \
	VPSLLQ $4, Y12, Y12; \
	VMOVDQU at(DX), Y0; \
	VMOVDQU at(SI), Y1; \
	VPBLENDVB Y14, Y1, Y0, Y0; \
	VMOVDQU Y0, at(DI);

DATA bitsOfLanes<>+0(SB)/8, $1
DATA bitsOfLanes<>+8(SB)/8, $2
DATA bitsOfLanes<>+16(SB)/8, $4
DATA bitsOfLanes<>+24(SB)/8, $8
GLOBL bitsOfLanes<>(SB), RODATA|NOPTR, $32

// func selectAVX2(d, a, b *lanes, mask uint32)
TEXT ·selectAVX2(SB), NOSPLIT, $0-28
	OPERANDS
	VMOVDQU bitsOfLanes<>(SB), Y12
	MOVL mask+24(FP), AX
	VMOVD AX, X13
	VPBROADCASTD X13, Y13
	EACH(SELECT)
	VZEROUPPER
	RET

// CHOOSE leaves in Y0 whether a < b, and in Y1 and Y2 the two.
#define CHOOSE(at) \
	VMOVDQU at(SI), Y1; \
	VMOVDQU at(DX), Y2; \
	VPCMPGTD Y1, Y2, Y0; \
	VPSHUFD $0xA0, Y0, Y0

#define MINS32(at) \
	CHOOSE(at); \
	VPBLENDVB Y0, Y1, Y2, Y0; \
	VMOVDQU Y0, at(DI);

#define MAXS32(at) \
	CHOOSE(at); \
	VPBLENDVB Y0, Y2, Y1, Y0; \
	VMOVDQU Y0, at(DI);

// func minS32AVX2(d, a, b *lanes)
TEXT ·minS32AVX2(SB), NOSPLIT, $0-24
	OPERANDS
	EACH(MINS32)
	VZEROUPPER
	RET

// func maxS32AVX2(d, a, b *lanes)
TEXT ·maxS32AVX2(SB), NOSPLIT, $0-24
	OPERANDS
	EACH(MAXS32)
	VZEROUPPER
	RET

#define MAD32(at) \
	VMOVDQU at(SI), Y0; \
	VPMULLD at(DX), Y0, Y0; \
	VPADDD at(CX), Y0, Y0; \
	VPAND Y11, Y0, Y0; \
	VMOVDQU Y0, at(DI);

// func mad32AVX2(d, a, b, c *lanes)
TEXT ·mad32AVX2(SB), NOSPLIT, $0-32
	MOVQ c+24(FP), CX
	LOOP(MAD32)

#define MOVE(at) \
	VMOVDQU at(SI), Y0; \
	VMOVDQU Y0, at(DI);

#define SIGNEXTEND(at) \
	VMOVDQU at(SI), Y0; \
	VPSRAD $31, Y0, Y1; \
	VPSHUFD $0xA0, Y1, Y1; \
	VPBLENDD $0xAA, Y1, Y0, Y0; \
	VMOVDQU Y0, at(DI);

#define LOW32(at) \
	VPAND at(SI), Y11, Y0; \
	VMOVDQU Y0, at(DI);

// func moveAVX2(d, a *lanes)
TEXT ·moveAVX2(SB), NOSPLIT, $0-16
	ONE(MOVE)

// func signExtendAVX2(d, a *lanes)
TEXT ·signExtendAVX2(SB), NOSPLIT, $0-16
	ONE(SIGNEXTEND)

// func low32AVX2(d, a *lanes)
TEXT ·low32AVX2(SB), NOSPLIT, $0-16
	LOW(Y11)
	ONE(LOW32)

// func broadcastAVX2(d *lanes, v uint64)
TEXT ·broadcastAVX2(SB), NOSPLIT, $0-16
	MOVQ d+0(FP), DI
	VPBROADCASTQ v+8(FP), Y0
#define PUT(at) VMOVDQU Y0, at(DI);
	EACH(PUT)
	VZEROUPPER
	RET

// Lanes 1 to 4 are compared with lanes 0 to 3, and so on. Those that are left are 28 to 31.
#define STRIDE(at, previous) \
	VMOVDQU at(SI), Y0; \
	VPSUBQ previous(SI), Y0, Y0; \
	VPCMPEQQ Y1, Y0, Y0; \
	VPAND Y0, Y2, Y2;

// func stridedAVX2(base *lanes) bool
TEXT ·stridedAVX2(SB), NOSPLIT, $0-9
	MOVQ base+0(FP), SI
	MOVQ 8(SI), AX
	SUBQ 0(SI), AX
	VMOVQ AX, X1
	VPBROADCASTQ X1, Y1
	VPCMPEQD Y2, Y2, Y2
	STRIDE(8, 0)
	STRIDE(40, 32)
	STRIDE(72, 64)
	STRIDE(104, 96)
	STRIDE(136, 128)
	STRIDE(168, 160)
	STRIDE(200, 192)
	STRIDE(224, 216)
	VMOVMSKPD Y2, AX
	CMPL AX, $15
	SETEQ ret+8(FP)
	VZEROUPPER
	RET

// What follows moves words between memory and lanes.

#define WIDEN(at) \
	VPMOVZXDQ (at/2)(SI), Y0; \
	VMOVDQU Y0, at(DI);

// func widenAVX2(d *lanes, words *byte)
TEXT ·widenAVX2(SB), NOSPLIT, $0-16
	MOVQ d+0(FP), DI
	MOVQ words+8(FP), SI
	EACH(WIDEN)
	VZEROUPPER
	RET

// The low words of eight lanes come out in the order 0 1 4 5 2 3 6 7.
#define NARROW(at) \
	VMOVDQU (2*at)(SI), Y0; \
	VSHUFPS $0x88, (2*at+32)(SI), Y0, Y0; \
	VPERMQ $0xD8, Y0, Y0; \
	VMOVDQU Y0, at(DI);

// func narrowAVX2(words *byte, a *lanes)
TEXT ·narrowAVX2(SB), NOSPLIT, $0-16
	MOVQ words+0(FP), DI
	MOVQ a+8(FP), SI
	NARROW(0)
	NARROW(32)
	NARROW(64)
	NARROW(96)
	VZEROUPPER
	RET

// Four lanes with four words each: Y0 and Y1 have the even words, Y2 and Y3 the odd ones.
#define WIDEN4(at) \
	VMOVDQU (2*at)(SI), Y2; \
	VMOVDQU (2*at+32)(SI), Y3; \
	VPAND Y11, Y2, Y0; \
	VPAND Y11, Y3, Y1; \
	VPSRLQ $32, Y2, Y2; \
	VPSRLQ $32, Y3, Y3; \
	VPUNPCKLQDQ Y1, Y0, Y4; \
	VPUNPCKHQDQ Y1, Y0, Y5; \
	VPUNPCKLQDQ Y3, Y2, Y6; \
	VPUNPCKHQDQ Y3, Y2, Y7; \
	VPERMQ $0xD8, Y4, Y4; \
	VPERMQ $0xD8, Y5, Y5; \
	VPERMQ $0xD8, Y6, Y6; \
	VPERMQ $0xD8, Y7, Y7; \
	VMOVDQU Y4, at(R8); \
	VMOVDQU Y6, at(R9); \
	VMOVDQU Y5, at(R10); \
	VMOVDQU Y7, at(R11);

// func widen4AVX2(d0, d1, d2, d3 *lanes, words *[512]byte)
TEXT ·widen4AVX2(SB), NOSPLIT, $0-40
	MOVQ d0+0(FP), R8
	MOVQ d1+8(FP), R9
	MOVQ d2+16(FP), R10
	MOVQ d3+24(FP), R11
	MOVQ words+32(FP), SI
	LOW(Y11)
	EACH(WIDEN4)
	VZEROUPPER
	RET

// NARROW4 takes four lanes: the words of each become 16 bytes. Y0 has the first two words of
// the lanes, Y1 the last two.
#define NARROW4(at) \
	VPSLLQ $32, at(R9), Y0; \
	VPBLENDD $0x55, at(R8), Y0, Y0; \
	VPSLLQ $32, at(R11), Y1; \
	VPBLENDD $0x55, at(R10), Y1, Y1; \
	VPUNPCKLQDQ Y1, Y0, Y2; \
	VPUNPCKHQDQ Y1, Y0, Y3; \
	VMOVDQU X2, (2*at)(DI); \
	VMOVDQU X3, (2*at+16)(DI); \
	VEXTRACTI128 $1, Y2, (2*at+32)(DI); \
	VEXTRACTI128 $1, Y3, (2*at+48)(DI);

// func narrow4AVX2(words *[512]byte, a0, a1, a2, a3 *lanes)
TEXT ·narrow4AVX2(SB), NOSPLIT, $0-40
	MOVQ words+0(FP), DI
	MOVQ a0+8(FP), R8
	MOVQ a1+16(FP), R9
	MOVQ a2+24(FP), R10
	MOVQ a3+32(FP), R11
	EACH(NARROW4)
	VZEROUPPER
	RET
