package emulator

import "golang.org/x/sys/cpu"

// vectorSets returns what the vector instructions of the processor do, the best last.
func vectorSets() (sets []vectorSet) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	avx2 := vectorSet{
		two: map[string]func(d, a, b *lanes){
			"add32": add32AVX2, "add64": add64AVX2, "sub32": sub32AVX2, "mul32": mul32AVX2, "mul64": mul64AVX2, "mulWideS32": mulWideS32AVX2,
			"and": andAVX2, "or": orAVX2, "xor": xorAVX2, "shl32": shl32AVX2, "shl64": shl64AVX2, "shr": shrAVX2,
			"minS32": minS32AVX2, "maxS32": maxS32AVX2,
			"addFloat32": orLoop(addFloat32AVX2, fullAddFloat32),
			"subFloat32": orLoop(subFloat32AVX2, fullSubFloat32),
			"mulFloat32": orLoop(mulFloat32AVX2, fullMulFloat32),
		},
		fma: fmaAVX2, fmas: fmasAVX2, equal: equalAVX2, lessS32: lessS32AVX2, choose: selectAVX2, mad32: mad32AVX2, move: moveAVX2, signExtend: signExtendAVX2,
		low32: low32AVX2, broadcast: broadcastAVX2, pick: fullPick, strided: stridedAVX2, widen: widenAVX2, widen4: widen4AVX2, narrow: narrowAVX2, narrow4: narrow4AVX2,
	}
	sets = append(sets, avx2)
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ {
		sets = append(sets, vectorSet{
			two: map[string]func(d, a, b *lanes){
				"add32": add32AVX512, "add64": add64AVX512, "sub32": sub32AVX512, "mul32": mul32AVX512, "mul64": mul64AVX512, "mulWideS32": mulWideS32AVX512,
				"and": andAVX512, "or": orAVX512, "xor": xorAVX512, "shl32": shl32AVX512, "shl64": shl64AVX512, "shr": shrAVX512,
				"minS32": minS32AVX512, "maxS32": maxS32AVX512,
				"addFloat32": orLoop(addFloat32AVX512, fullAddFloat32),
				"subFloat32": orLoop(subFloat32AVX512, fullSubFloat32),
				"mulFloat32": orLoop(mulFloat32AVX512, fullMulFloat32),
			},
			fma: fmaAVX512, fmas: fmasAVX512, equal: equalAVX512, lessS32: lessS32AVX512, choose: selectAVX512, mad32: mad32AVX512, move: moveAVX512,
			signExtend: signExtendAVX512, low32: low32AVX512, broadcast: broadcastAVX512, pick: pickAVX512, strided: stridedAVX512, widen: widenAVX512,
			widen4: widen4AVX2, narrow: narrowAVX512, narrow4: narrow4AVX2,
		})
	}
	return sets
}

// orLoop does the loop where the vector instructions have not done it, because a result is NaN.
func orLoop(fast func(d, a, b *lanes) (done bool), loop func(d, a, b *lanes)) func(d, a, b *lanes) {
	return func(d, a, b *lanes) {
		if !fast(d, a, b) {
			loop(d, a, b)
		}
	}
}

//go:noescape
func fmaAVX2(d, a, b, c *lanes) (done bool)

//go:noescape
func fmasAVX2(registers []lanes, chain []fma) (done int)

//go:noescape
func add32AVX2(d, a, b *lanes)

//go:noescape
func add64AVX2(d, a, b *lanes)

//go:noescape
func sub32AVX2(d, a, b *lanes)

//go:noescape
func mul32AVX2(d, a, b *lanes)

//go:noescape
func mul64AVX2(d, a, b *lanes)

//go:noescape
func mulWideS32AVX2(d, a, b *lanes)

//go:noescape
func andAVX2(d, a, b *lanes)

//go:noescape
func orAVX2(d, a, b *lanes)

//go:noescape
func xorAVX2(d, a, b *lanes)

//go:noescape
func shl32AVX2(d, a, b *lanes)

//go:noescape
func shl64AVX2(d, a, b *lanes)

//go:noescape
func shrAVX2(d, a, b *lanes)

//go:noescape
func addFloat32AVX2(d, a, b *lanes) (done bool)

//go:noescape
func subFloat32AVX2(d, a, b *lanes) (done bool)

//go:noescape
func mulFloat32AVX2(d, a, b *lanes) (done bool)

//go:noescape
func minS32AVX2(d, a, b *lanes)

//go:noescape
func maxS32AVX2(d, a, b *lanes)

//go:noescape
func mad32AVX2(d, a, b, c *lanes)

//go:noescape
func equalAVX2(a, b *lanes) uint32

//go:noescape
func lessS32AVX2(a, b *lanes) uint32

//go:noescape
func selectAVX2(d, a, b *lanes, mask uint32)

//go:noescape
func moveAVX2(d, a *lanes)

//go:noescape
func signExtendAVX2(d, a *lanes)

//go:noescape
func low32AVX2(d, a *lanes)

//go:noescape
func broadcastAVX2(d *lanes, v uint64)

//go:noescape
func stridedAVX2(base *lanes) bool

//go:noescape
func widenAVX2(d *lanes, words *[128]byte)

//go:noescape
func widen4AVX2(d0, d1, d2, d3 *lanes, words *[512]byte)

//go:noescape
func narrowAVX2(words *[128]byte, a *lanes)

//go:noescape
func narrow4AVX2(words *[512]byte, a0, a1, a2, a3 *lanes)

//go:noescape
func moveAVX512(d, a *lanes)

//go:noescape
func signExtendAVX512(d, a *lanes)

//go:noescape
func low32AVX512(d, a *lanes)

//go:noescape
func equalAVX512(a, b *lanes) uint32

//go:noescape
func lessS32AVX512(a, b *lanes) uint32

//go:noescape
func add32AVX512(d, a, b *lanes)

//go:noescape
func add64AVX512(d, a, b *lanes)

//go:noescape
func sub32AVX512(d, a, b *lanes)

//go:noescape
func mul32AVX512(d, a, b *lanes)

//go:noescape
func mul64AVX512(d, a, b *lanes)

//go:noescape
func mulWideS32AVX512(d, a, b *lanes)

//go:noescape
func andAVX512(d, a, b *lanes)

//go:noescape
func orAVX512(d, a, b *lanes)

//go:noescape
func xorAVX512(d, a, b *lanes)

//go:noescape
func shl32AVX512(d, a, b *lanes)

//go:noescape
func shl64AVX512(d, a, b *lanes)

//go:noescape
func shrAVX512(d, a, b *lanes)

//go:noescape
func minS32AVX512(d, a, b *lanes)

//go:noescape
func maxS32AVX512(d, a, b *lanes)

//go:noescape
func addFloat32AVX512(d, a, b *lanes) (done bool)

//go:noescape
func subFloat32AVX512(d, a, b *lanes) (done bool)

//go:noescape
func mulFloat32AVX512(d, a, b *lanes) (done bool)

//go:noescape
func fmaAVX512(d, a, b, c *lanes) (done bool)

//go:noescape
func fmasAVX512(registers []lanes, chain []fma) (done int)

//go:noescape
func mad32AVX512(d, a, b, c *lanes)

//go:noescape
func selectAVX512(d, a, b *lanes, mask uint32)

//go:noescape
func broadcastAVX512(d *lanes, v uint64)

//go:noescape
func pickAVX512(d, from *lanes, index *[32]uint8)

//go:noescape
func stridedAVX512(base *lanes) bool

//go:noescape
func widenAVX512(d *lanes, words *[128]byte)

//go:noescape
func narrowAVX512(words *[128]byte, a *lanes)
