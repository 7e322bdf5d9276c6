package simd

import "math"

// NewOracle returns tiles for one of the bfloat16 maths whose unit is Go. It has the
// bits of AMX on every machine, for tests.
func NewOracle(level Level, math Math) *Tiles {
	return &Tiles{&oracleUnit, level, level.Vector(), parts[math]}
}

// oracleUnit is AMX in Go, for finite numbers.
var oracleUnit = tileUnit{multiplyOracle, splitRowsOracle, splitPanelOracle, blendOracle}

func multiplyOracle(parts, rows, blocks, tiles, panels int, a, b []float32, stepB int, sums []float32) {
	for panel := range panels {
		for tile := range tiles {
			sums := sums[(panel*tiles+tile)*sumsFloats:][:rows*tileSide]
			clear(sums)
			for block := range blocks {
				for _, product := range partProducts[parts] {
					ofA := a[((tile*blocks+block)*parts+product[0])*tileFloats:]
					ofB := newTileOfB(b[panel*stepB+(block*parts+product[1])*tileFloats:])
					for i := range rows {
						ofB.dot((*[tileSide]float32)(sums[i*tileSide:]), (*[16]float32)(ofA[i*16:]))
					}
				}
			}
		}
	}
}

// tileOfB is two tiles of b beside each other: the low and the high halves of their
// words.
type tileOfB struct{ low, high [16][tileSide]float32 }

func newTileOfB(words []float32) (b tileOfB) {
	for at, word := range words[:tileFloats] {
		r, j := at/16%16, at/256*16+at%16
		b.low[r][j], b.high[r][j] = halves(word)
	}
	return b
}

// dot is what TDPBF16PS does with a row of a: two chains of fused multiply-adds, one of
// the low halves and one of the high halves. Their sum is added to a row of sums.
func (b *tileOfB) dot(sums *[tileSide]float32, a *[16]float32) {
	var low, high [tileSide]float32
	for r, word := range a {
		x, y := halves(word)
		chain(&low, x, &b.low[r])
		chain(&high, y, &b.high[r])
	}
	for j := range sums {
		sums[j] = flush(sums[j] + flush(low[j]+high[j]))
	}
}

// chain adds x·y to sums.
func chain(sums *[tileSide]float32, x float32, y *[tileSide]float32) {
	if x == 0 {
		for j := range sums {
			sums[j] += x * y[j] // of -0 and 0, 0
		}
		return
	}
	for j := range sums {
		sums[j] = flush(fma32(x, y[j], sums[j]))
	}
}

// halves returns the bfloat16 in the low and the high half of a word.
func halves(word float32) (low, high float32) {
	bits := math.Float32bits(word)
	return flush(math.Float32frombits(bits << 16)), flush(math.Float32frombits(bits &^ 0xffff))
}

// flush returns 0 for a subnormal number, with its sign.
func flush(x float32) float32 {
	if bits := math.Float32bits(x); bits&0x7f800000 == 0 {
		return math.Float32frombits(bits & (1 << 31))
	}
	return x
}

// fma32 returns a·b + c, rounded once.
func fma32(a, b, c float32) float32 {
	product := float64(a) * float64(b) // exact
	sum := product + float64(c)
	const rest = 1<<29 - 1 // the bits that a float32 lacks, unless it is subnormal
	if math.Float64bits(sum)&rest != (rest+1)/2 && math.Abs(sum) >= 0x1p-126 {
		return float32(sum)
	}
	return roundOnce(sum, product, float64(c))
}

// roundOnce returns x + y, of which sum is the rounded sum.
func roundOnce(sum, x, y float64) float32 {
	// What the sum lost, which is exact, tells on which side of it the true value
	// lies. A sum whose last bit is odd is on no border between two float32, and
	// rounding it once more does no harm.
	rest := sum - x
	lost := (x - (sum - rest)) + (y - rest)
	if lost != 0 && !math.IsNaN(lost) && math.Float64bits(sum)&1 == 0 {
		sum = math.Nextafter(sum, math.Inf(int(math.Copysign(1, lost))))
	}
	return float32(sum)
}

func splitRowsOracle(parts, rows, blocks int, src []float32, ld int, dst, spans []float32) {
	for i := range rows {
		s := emptySpan()
		for block := range blocks {
			x := src[i*ld+block*blockDepth:][:blockDepth]
			for r := range 16 {
				s.pair(x[r], x[16+r], parts, dst[block*parts*tileFloats+i*16+r:])
			}
		}
		spans[i], spans[tileSide+i] = s.floats()
	}
}

func splitPanelOracle(parts, blocks int, src, dst, spans []float32) {
	for j := range tileSide {
		s := emptySpan()
		for block := range blocks {
			for r := range 16 {
				x := src[(block*blockDepth+r)*tileSide+j:]
				s.pair(x[0], x[16*tileSide], parts, dst[block*parts*tileFloats+j/16*256+r*16+j%16:])
			}
		}
		spans[j], spans[tileSide+j] = s.floats()
	}
}

// bitSpan is a span in bits, less one for the smallest.
type bitSpan struct{ largest, smallest uint32 }

func emptySpan() bitSpan { return bitSpan{0, math.MaxUint32} }

func (s bitSpan) floats() (largest, smallest float32) {
	return math.Float32frombits(s.largest), math.Float32frombits(s.smallest)
}

// pair splits two floats into parts. Words of them are tileFloats apart in dst.
func (s *bitSpan) pair(x, y float32, parts int, dst []float32) {
	for _, v := range [...]float32{x, y} {
		bits := math.Float32bits(v) &^ (1 << 31)
		s.largest, s.smallest = max(s.largest, bits), min(s.smallest, bits-1)
	}
	for part := range parts {
		low, high := roundedHigh(x), roundedHigh(y)
		dst[part*tileFloats] = math.Float32frombits(low>>16 | high)
		x -= math.Float32frombits(low)
		y -= math.Float32frombits(high)
	}
}

// roundedHigh returns the bits of x rounded to bfloat16, ties away from 0.
func roundedHigh(x float32) uint32 { return (math.Float32bits(x) + 0x8000) &^ 0xffff }

func blendOracle(rows int, sums, c []float32, ldc, cols int, alpha, beta float32) {
	for i := range rows {
		for j, sum := range sums[i*tileSide:][:cols] {
			if dst := &c[i*ldc+j]; beta == 0 {
				*dst = alpha * sum
			} else {
				*dst = fma32(alpha, sum, beta**dst)
			}
		}
	}
}
