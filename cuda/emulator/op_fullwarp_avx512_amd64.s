#include "textflag.h"

// As in op_fullwarp_amd64.s, for eight lanes at a time. K2 picks the low halves.
// Registers from Z16 on need no VZEROUPPER.

#define EACH(PART) PART(0) PART(64) PART(128) PART(192)

#define LOWHALVES \
	MOVL $0x5555, AX; \
	KMOVW AX, K2

#define LOOP(PART) \
	MOVQ d+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	MOVQ b+16(FP), DX; \
	LOWHALVES; \
	EACH(PART) \
	RET

#define ONE(PART) \
	MOVQ d+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	LOWHALVES; \
	EACH(PART) \
	RET

#define COMPARE(PART) \
	MOVQ a+0(FP), SI; \
	MOVQ b+8(FP), DX; \
	XORL AX, AX; \
	EACH(PART) \
	MOVL AX, ret+16(FP); \
	RET

#define WHOLE(OP, at) \
	VMOVDQU64 at(SI), Z16; \
	OP at(DX), Z16, Z16; \
	VMOVDQU64 Z16, at(DI);

#define HALF(OP, at) \
	VMOVDQU64 at(SI), Z16; \
	OP at(DX), Z16, K2, Z16; \
	VMOVDQU64 Z16, at(DI);

#define ADD64(at) WHOLE(VPADDQ, at)
#define AND(at) WHOLE(VPANDQ, at)
#define OR(at) WHOLE(VPORQ, at)
#define XOR(at) WHOLE(VPXORQ, at)
#define MULWIDES32(at) WHOLE(VPMULDQ, at)
#define MUL64(at) WHOLE(VPMULLQ, at)
#define SHL64(at) WHOLE(VPSLLVQ, at)
#define SHR(at) WHOLE(VPSRLVQ, at)
#define ADD32(at) HALF(VPADDD.Z, at)
#define SUB32(at) HALF(VPSUBD.Z, at)
#define MUL32(at) HALF(VPMULLD.Z, at)

#define SHL32(at) \
	VMOVDQU64 at(SI), Z16; \
	VPSLLVQ at(DX), Z16, Z16; \
	VMOVDQU32.Z Z16, K2, Z16; \
	VMOVDQU64 Z16, at(DI);

#define MOVE(at) \
	VMOVDQU64 at(SI), Z16; \
	VMOVDQU64 Z16, at(DI);

#define SIGNEXTEND(at) \
	VPSLLQ $32, at(SI), Z16; \
	VPSRAQ $32, Z16, Z16; \
	VMOVDQU64 Z16, at(DI);

#define LOW32(at) \
	VMOVDQU32.Z at(SI), K2, Z16; \
	VMOVDQU64 Z16, at(DI);

#define BITS(at) \
	KMOVW K1, BX; \
	SHLL $(at/8), BX; \
	ORL BX, AX;

#define EQUAL(at) \
	VMOVDQU64 at(SI), Z16; \
	VPCMPEQQ at(DX), Z16, K1; \
	BITS(at)

// LESS leaves in K1 where a < b.
#define LESS(at) \
	VPSLLQ $32, at(SI), Z16; \
	VPSLLQ $32, at(DX), Z17; \
	VPCMPGTQ Z16, Z17, K1

#define LESSS32(at) \
	LESS(at); \
	BITS(at)

#define MINS32(at) \
	LESS(at); \
	VMOVDQU64 at(DX), Z16; \
	VMOVDQU64 at(SI), K1, Z16; \
	VMOVDQU64 Z16, at(DI);

#define MAXS32(at) \
	LESS(at); \
	VMOVDQU64 at(SI), Z16; \
	VMOVDQU64 at(DX), K1, Z16; \
	VMOVDQU64 Z16, at(DI);

#define SELECT(at) \
	KMOVW AX, K1; \
	SHRL $8, AX; \
	VMOVDQU64 at(DX), Z16; \
	VMOVDQU64 at(SI), K1, Z16; \
	VMOVDQU64 Z16, at(DI);

#define MAD32(at) \
	VMOVDQU64 at(SI), Z16; \
	VPMULLD at(DX), Z16, Z16; \
	VPADDD.Z at(CX), Z16, K2, Z16; \
	VMOVDQU64 Z16, at(DI);

#define PUT(at) \
	VMOVDQU64 Z16, at(DI);

#define WIDEN(at) \
	VPMOVZXDQ (at/2)(SI), Z16; \
	VMOVDQU64 Z16, at(DI);

#define NARROW(at) \
	VMOVDQU64 at(SI), Z16; \
	VPMOVQD Z16, (at/2)(DI);

#define STRIDE(at, previous, k) \
	VMOVDQU64 at(SI), Z16; \
	VPSUBQ previous(SI), Z16, Z16; \
	VPCMPEQQ Z17, Z16, k

#define FMA(at, r, k) \
	VMOVUPS at(SI), r; \
	VMOVUPS at(DX), Z24; \
	VFMADD213PS.Z at(CX), Z24, K2, r; \
	VCMPPS $3, r, r, k

#define FLOAT(OP, at, r, k) \
	VMOVUPS at(SI), r; \
	OP at(DX), r, K2, r; \
	VCMPPS $3, r, r, k

// STOREFLOATS stores unless a result is NaN.
#define STOREFLOATS \
	KORW K3, K4, K3; \
	KORW K5, K6, K5; \
	KORTESTW K3, K5; \
	JNZ nan; \
	VMOVUPS Z16, 0(DI); \
	VMOVUPS Z17, 64(DI); \
	VMOVUPS Z18, 128(DI); \
	VMOVUPS Z19, 192(DI)

#define LOOPFLOAT(OP) \
	MOVQ d+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	MOVQ b+16(FP), DX; \
	LOWHALVES; \
	FLOAT(OP, 0, Z16, K3); \
	FLOAT(OP, 64, Z17, K4); \
	FLOAT(OP, 128, Z18, K5); \
	FLOAT(OP, 192, Z19, K6); \
	STOREFLOATS; \
	MOVB $1, done+24(FP); \
	RET; \
nan: \
	MOVB $0, done+24(FP); \
	RET

// func fmaAVX512(d, a, b, c *lanes) (done bool)
TEXT ·fmaAVX512(SB), NOSPLIT, $0-33
	MOVQ d+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ c+24(FP), CX
	LOWHALVES
	FMA(0, Z16, K3)
	FMA(64, Z17, K4)
	FMA(128, Z18, K5)
	FMA(192, Z19, K6)
	STOREFLOATS
	MOVB $1, done+32(FP)
	RET

nan:
	MOVB $0, done+32(FP)
	RET

// func fmasAVX512(registers []lanes, chain []fma) (done int)
TEXT ·fmasAVX512(SB), NOSPLIT, $0-56
	MOVQ registers_base+0(FP), R8
	MOVQ chain_base+24(FP), R9
	MOVQ chain_len+32(FP), R10
	XORL R11, R11
	LOWHALVES

next:
	MOVL 0(R9), DI
	MOVL 4(R9), SI
	MOVL 8(R9), DX
	MOVL 12(R9), CX
	ADDQ R8, DI
	ADDQ R8, SI
	ADDQ R8, DX
	ADDQ R8, CX
	FMA(0, Z16, K3)
	FMA(64, Z17, K4)
	FMA(128, Z18, K5)
	FMA(192, Z19, K6)
	STOREFLOATS
	ADDQ $16, R9
	INCQ R11
	CMPQ R11, R10
	JLT next

nan:
	MOVQ R11, done+48(FP)
	RET

// func mad32AVX512(d, a, b, c *lanes)
TEXT ·mad32AVX512(SB), NOSPLIT, $0-32
	MOVQ c+24(FP), CX
	LOOP(MAD32)

// func selectAVX512(d, a, b *lanes, mask uint32)
TEXT ·selectAVX512(SB), NOSPLIT, $0-28
	MOVQ d+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVL mask+24(FP), AX
	EACH(SELECT)
	RET

// func broadcastAVX512(d *lanes, v uint64)
TEXT ·broadcastAVX512(SB), NOSPLIT, $0-16
	MOVQ d+0(FP), DI
	VPBROADCASTQ v+8(FP), Z16
	EACH(PUT)
	RET

// Lanes 1 to 8 are compared with lanes 0 to 7, and so on. Those that are left are 24 to 31.
// func stridedAVX512(base *lanes) bool
TEXT ·stridedAVX512(SB), NOSPLIT, $0-9
	MOVQ base+0(FP), SI
	MOVQ 8(SI), AX
	SUBQ 0(SI), AX
	VPBROADCASTQ AX, Z17
	STRIDE(8, 0, K3)
	STRIDE(72, 64, K4)
	STRIDE(136, 128, K5)
	STRIDE(192, 184, K6)
	KANDW K3, K4, K3
	KANDW K5, K6, K5
	KANDW K3, K5, K3
	KMOVW K3, AX
	CMPL AX, $255
	SETEQ ret+8(FP)
	RET

// func widenAVX512(d *lanes, words *[128]byte)
TEXT ·widenAVX512(SB), NOSPLIT, $0-16
	MOVQ d+0(FP), DI
	MOVQ words+8(FP), SI
	EACH(WIDEN)
	RET

// func narrowAVX512(words *[128]byte, a *lanes)
TEXT ·narrowAVX512(SB), NOSPLIT, $0-16
	MOVQ words+0(FP), DI
	MOVQ a+8(FP), SI
	EACH(NARROW)
	RET

// func moveAVX512(d, a *lanes)
TEXT ·moveAVX512(SB), NOSPLIT, $0-16
	ONE(MOVE)

// func signExtendAVX512(d, a *lanes)
TEXT ·signExtendAVX512(SB), NOSPLIT, $0-16
	ONE(SIGNEXTEND)

// func low32AVX512(d, a *lanes)
TEXT ·low32AVX512(SB), NOSPLIT, $0-16
	ONE(LOW32)

// func equalAVX512(a, b *lanes) uint32
TEXT ·equalAVX512(SB), NOSPLIT, $0-20
	COMPARE(EQUAL)

// func lessS32AVX512(a, b *lanes) uint32
TEXT ·lessS32AVX512(SB), NOSPLIT, $0-20
	COMPARE(LESSS32)

// func add32AVX512(d, a, b *lanes)
TEXT ·add32AVX512(SB), NOSPLIT, $0-24
	LOOP(ADD32)

// func add64AVX512(d, a, b *lanes)
TEXT ·add64AVX512(SB), NOSPLIT, $0-24
	LOOP(ADD64)

// func sub32AVX512(d, a, b *lanes)
TEXT ·sub32AVX512(SB), NOSPLIT, $0-24
	LOOP(SUB32)

// func mul32AVX512(d, a, b *lanes)
TEXT ·mul32AVX512(SB), NOSPLIT, $0-24
	LOOP(MUL32)

// func mul64AVX512(d, a, b *lanes)
TEXT ·mul64AVX512(SB), NOSPLIT, $0-24
	LOOP(MUL64)

// func mulWideS32AVX512(d, a, b *lanes)
TEXT ·mulWideS32AVX512(SB), NOSPLIT, $0-24
	LOOP(MULWIDES32)

// func andAVX512(d, a, b *lanes)
TEXT ·andAVX512(SB), NOSPLIT, $0-24
	LOOP(AND)

// func orAVX512(d, a, b *lanes)
TEXT ·orAVX512(SB), NOSPLIT, $0-24
	LOOP(OR)

// func xorAVX512(d, a, b *lanes)
TEXT ·xorAVX512(SB), NOSPLIT, $0-24
	LOOP(XOR)

// func shl32AVX512(d, a, b *lanes)
TEXT ·shl32AVX512(SB), NOSPLIT, $0-24
	LOOP(SHL32)

// func shl64AVX512(d, a, b *lanes)
TEXT ·shl64AVX512(SB), NOSPLIT, $0-24
	LOOP(SHL64)

// func shrAVX512(d, a, b *lanes)
TEXT ·shrAVX512(SB), NOSPLIT, $0-24
	LOOP(SHR)

// func minS32AVX512(d, a, b *lanes)
TEXT ·minS32AVX512(SB), NOSPLIT, $0-24
	LOOP(MINS32)

// func maxS32AVX512(d, a, b *lanes)
TEXT ·maxS32AVX512(SB), NOSPLIT, $0-24
	LOOP(MAXS32)

// func addFloat32AVX512(d, a, b *lanes) (done bool)
TEXT ·addFloat32AVX512(SB), NOSPLIT, $0-25
	LOOPFLOAT(VADDPS.Z)

// func subFloat32AVX512(d, a, b *lanes) (done bool)
TEXT ·subFloat32AVX512(SB), NOSPLIT, $0-25
	LOOPFLOAT(VSUBPS.Z)

// func mulFloat32AVX512(d, a, b *lanes) (done bool)
TEXT ·mulFloat32AVX512(SB), NOSPLIT, $0-25
	LOOPFLOAT(VMULPS.Z)

// PICK picks from the first half of the lanes and from the second, and takes the one where
// bit 4 of the index is not set.
#define PICK(at) \
	VPMOVZXBQ (at/8)(SI), Z16; \
	VPTESTMQ Z22, Z16, K1; \
	VMOVDQA64 Z16, Z17; \
	VPERMI2Q Z19, Z18, Z16; \
	VPERMI2Q Z21, Z20, Z17; \
	VMOVDQA64 Z17, K1, Z16; \
	VMOVDQU64 Z16, at(DI);

// func pickAVX512(d, from *lanes, index *[32]uint8)
TEXT ·pickAVX512(SB), NOSPLIT, $0-24
	MOVQ d+0(FP), DI
	MOVQ from+8(FP), DX
	MOVQ index+16(FP), SI
	VMOVDQU64 0(DX), Z18
	VMOVDQU64 64(DX), Z19
	VMOVDQU64 128(DX), Z20
	VMOVDQU64 192(DX), Z21
	MOVL $16, AX
	VPBROADCASTQ AX, Z22
	EACH(PICK)
	RET
