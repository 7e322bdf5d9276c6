package emulator

import (
	"encoding/binary"
	"math"
)

// These are loops over a whole warp for the most common instructions. Each has a
// twin for single lanes, which defines what the instruction does. A test compares
// the two.

// A vectorSet is such loops by one set of vector instructions. words are in memory, one
// for each lane or four.
type vectorSet struct {
	two                     map[string]func(d, a, b *lanes)
	fma                     func(d, a, b, c *lanes) (done bool)             // if no result is NaN, which GPUs write in a way of their own
	fmas                    func(registers []lanes, chain []fma) (done int) // up to the first with such a result
	mad32                   func(d, a, b, c *lanes)
	equal, lessS32          func(a, b *lanes) uint32 // a bit for each lane
	choose                  func(d, a, b *lanes, mask uint32)
	move, signExtend, low32 func(d, a *lanes)
	broadcast               func(d *lanes, v uint64)
	pick                    func(d, from *lanes, index *[32]uint8) // d[i] = from[index[i]]
	strided                 func(a *lanes) bool
	widen                   func(d *lanes, words *[128]byte)
	widen4                  func(d0, d1, d2, d3 *lanes, words *[512]byte)
	narrow                  func(words *[128]byte, a *lanes)
	narrow4                 func(words *[512]byte, a0, a1, a2, a3 *lanes)
}

// portable are the loops in Go.
var portable = vectorSet{
	two: map[string]func(d, a, b *lanes){
		"add32": fullAdd32, "add64": fullAdd64, "sub32": fullSub32, "mul32": fullMul32, "mul64": fullMul64, "mulWideS32": fullMulWideS32,
		"and": fullAnd, "or": fullOr, "xor": fullXor, "shl32": fullShl32, "shl64": fullShl64, "shr": fullShr,
		"minS32": fullMinS32, "maxS32": fullMaxS32, "addFloat32": fullAddFloat32, "subFloat32": fullSubFloat32, "mulFloat32": fullMulFloat32,
	},
	fma: fullFma, fmas: fullFmas, equal: fullEqual, lessS32: fullLessS32, choose: fullSelect, mad32: fullMad32, move: fullMove, signExtend: fullSignExtend,
	low32: fullLow32, broadcast: fullBroadcast, pick: fullPick, strided: fullStrided, widen: fullWiden, widen4: fullWiden4, narrow: fullNarrow, narrow4: fullNarrow4,
}

// vector is the fastest on this processor.
var vector = func() vectorSet {
	sets := append([]vectorSet{portable}, vectorSets()...)
	return sets[len(sets)-1]
}()

func fullWarp2(dst, a, b int32, full func(d, a, b *lanes), f func(a, b uint64) uint64) runner {
	partial := lanes2(dst, a, b, f)
	return func(w *warp, mask uint32) {
		if mask == allLanes {
			full(&w.registers[dst], w.source(a), w.source(b))
			return
		}
		partial(w, mask)
	}
}

func fullWarp3(dst, a, b, c int32, full func(d, a, b, c *lanes), f func(a, b, c uint64) uint64) runner {
	partial := lanes3(dst, a, b, c, f)
	return func(w *warp, mask uint32) {
		if mask == allLanes {
			full(&w.registers[dst], w.source(a), w.source(b), w.source(c))
			return
		}
		partial(w, mask)
	}
}

// A fma is a fused multiply-add of registers, for a whole warp. What it has of each is where it
// begins, in bytes from the first register on.
type fma struct{ d, a, b, c uint32 }

// newFma returns the fma of registers with these numbers, or false if one is a constant.
func newFma(d, a, b, c int32) (fma, bool) {
	const bytes = 8 * 32
	return fma{uint32(d) * bytes, uint32(a) * bytes, uint32(b) * bytes, uint32(c) * bytes}, min(a, b, c) >= 0
}

// fullFmas leaves all to the loops of each.
func fullFmas([]lanes, []fma) (done int) { return 0 }

func fullAdd32(d, a, b *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i] + b[i]))
	}
}

func fullAdd64(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func fullSub32(d, a, b *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i] - b[i]))
	}
}

func fullMul32(d, a, b *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i] * b[i]))
	}
}

func fullMulWideS32(d, a, b *lanes) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
	}
}

func fullMul64(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] * b[i]
	}
}

func fullMinS32(d, a, b *lanes) {
	for i := range d {
		least := b[i]
		if int32(a[i]) < int32(least) {
			least = a[i]
		}
		d[i] = least
	}
}

func fullMaxS32(d, a, b *lanes) {
	for i := range d {
		most := b[i]
		if int32(a[i]) >= int32(most) {
			most = a[i]
		}
		d[i] = most
	}
}

func fullMad32(d, a, b, c *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i]*b[i] + c[i]))
	}
}

func fullAnd(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func fullOr(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func fullXor(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

func fullShl32(d, a, b *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i] << b[i]))
	}
}

func fullShl64(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] << b[i]
	}
}

func fullShr(d, a, b *lanes) {
	for i := range d {
		d[i] = a[i] >> b[i]
	}
}

func fullAddFloat32(d, a, b *lanes) {
	for i := range d {
		d[i] = toFloat32(fromFloat32(a[i]) + fromFloat32(b[i]))
	}
}

func fullSubFloat32(d, a, b *lanes) {
	for i := range d {
		d[i] = toFloat32(fromFloat32(a[i]) - fromFloat32(b[i]))
	}
}

func fullMulFloat32(d, a, b *lanes) {
	for i := range d {
		d[i] = toFloat32(fromFloat32(a[i]) * fromFloat32(b[i]))
	}
}

func fullFma(d, a, b, c *lanes) (done bool) {
	for i := range d {
		// The product is exact in 53 bits. The sum is rounded to 53 bits and then to
		// 24, which is right unless it lies on the boundary between two float32s. A
		// sum of 0, as in the padding of a tile, is exact.
		sum := float64(float64(fromFloat32(a[i]))*float64(fromFloat32(b[i]))) + float64(fromFloat32(c[i]))
		u := math.Float64bits(sum)
		exponent := u >> 52 & 2047
		if u&(1<<29-1) == 1<<28 || exponent-(1023-126) > 252 && sum != 0 {
			d[i] = fmaFloat32(a[i], b[i], c[i])
			continue
		}
		d[i] = uint64(math.Float32bits(float32(sum)))
	}
	return true
}

func fullMove(d, a *lanes) { *d = *a }

func fullWarp1(dst, a int32, full func(d, a *lanes), f func(a uint64) uint64) runner {
	partial := lanes1(dst, a, f)
	return func(w *warp, mask uint32) {
		if mask == allLanes {
			full(&w.registers[dst], w.source(a))
			return
		}
		partial(w, mask)
	}
}

func fullSignExtend(d, a *lanes) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])))
	}
}

func fullLow32(d, a *lanes) {
	for i := range d {
		d[i] = uint64(uint32(a[i]))
	}
}

// fullSelect is d = a in the lanes of the mask, and b elsewhere.
func fullSelect(d, a, b *lanes, mask uint32) {
	for i := range d {
		chosen := -uint64(mask >> i & 1)
		d[i] = a[i]&chosen | b[i]&^chosen
	}
}

// fullLessS32 returns the lanes where a < b.
func fullLessS32(a, b *lanes) (less uint32) {
	for i := range a {
		if int32(a[i]) < int32(b[i]) {
			less |= 1 << i
		}
	}
	return less
}

// fullEqual returns the lanes where a = b.
func fullEqual(a, b *lanes) (equal uint32) {
	for i := range a {
		if a[i] == b[i] {
			equal |= 1 << i
		}
	}
	return equal
}

func fullBroadcast(d *lanes, v uint64) {
	for i := range d {
		d[i] = v
	}
}

func fullPick(d, from *lanes, index *[32]uint8) {
	for i := range d {
		d[i] = from[index[i]&31]
	}
}

// fullStrided tells whether each lane has as much more than the one before.
func fullStrided(a *lanes) bool {
	for i := 2; i < 32; i++ {
		if a[i]-a[i-1] != a[1]-a[0] {
			return false
		}
	}
	return true
}

func fullWiden(d *lanes, words *[128]byte) {
	for i := range d {
		d[i] = uint64(binary.LittleEndian.Uint32(words[4*i:]))
	}
}

func fullWiden4(d0, d1, d2, d3 *lanes, words *[512]byte) {
	for i := range d0 {
		w := words[16*i:][:16]
		d0[i], d1[i] = uint64(binary.LittleEndian.Uint32(w)), uint64(binary.LittleEndian.Uint32(w[4:]))
		d2[i], d3[i] = uint64(binary.LittleEndian.Uint32(w[8:])), uint64(binary.LittleEndian.Uint32(w[12:]))
	}
}

func fullNarrow(words *[128]byte, a *lanes) {
	for i := range a {
		binary.LittleEndian.PutUint32(words[4*i:], uint32(a[i]))
	}
}

func fullNarrow4(words *[512]byte, a0, a1, a2, a3 *lanes) {
	for i := range a0 {
		w := words[16*i:][:16]
		binary.LittleEndian.PutUint32(w, uint32(a0[i]))
		binary.LittleEndian.PutUint32(w[4:], uint32(a1[i]))
		binary.LittleEndian.PutUint32(w[8:], uint32(a2[i]))
		binary.LittleEndian.PutUint32(w[12:], uint32(a3[i]))
	}
}
