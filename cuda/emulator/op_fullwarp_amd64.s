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
