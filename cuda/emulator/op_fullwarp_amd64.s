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

// func fmaAVX2(d, a, b, c *lanes) (done bool)
TEXT ·fmaAVX2(SB), NOSPLIT, $0-33
	MOVQ d+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ c+24(FP), CX
	VPCMPEQD Y11, Y11, Y11
	VPSRLQ $32, Y11, Y11
	VXORPS Y10, Y10, Y10
	FMA(0, Y0)
	FMA(32, Y1)
	FMA(64, Y2)
	FMA(96, Y3)
	FMA(128, Y4)
	FMA(160, Y5)
	FMA(192, Y6)
	FMA(224, Y7)
	VMOVMSKPS Y10, AX
	TESTL AX, AX
	JNZ nan
	VMOVUPS Y0, 0(DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	VZEROUPPER
	MOVB $1, done+32(FP)
	RET

nan:
	VZEROUPPER
	MOVB $0, done+32(FP)
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
