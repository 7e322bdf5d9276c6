package emulator

import (
	"math"
	"math/big"
)

// A rounding is one of the four IEEE 754 rounding modes that PTX has.
type rounding uint8

const (
	nearest rounding = iota // .rn, ties to even
	zeroward
	downward
	upward
)

var roundings = map[string]rounding{"rn": nearest, "rz": zeroward, "rm": downward, "rp": upward}

const (
	nan32 = 0x7fffffff         // the NaN that float32 arithmetic gives
	nan64 = 0x7ff8000000000000 // our NaN for float64, which the ISA leaves open
)

func fromFloat32(v uint64) float32 { return math.Float32frombits(uint32(v)) }

func toFloat32(f float32) uint64 {
	if f != f {
		return nan32
	}
	return uint64(math.Float32bits(f))
}

func toFloat64(f float64) uint64 {
	if f != f {
		return nan64
	}
	return math.Float64bits(f)
}

// flush32 replaces a subnormal number by a zero of the same sign.
func flush32(f float32) float32 {
	if u := math.Float32bits(f); u&(255<<23) == 0 {
		return math.Float32frombits(u & (1 << 31))
	}
	return f
}

// sumOdd returns a+b rounded to odd: cut off after 53 bits, with the last bit set if
// anything was lost. Rounding that to 51 bits or fewer, in any mode, gives the same
// as rounding the exact sum. The sum must not overflow.
func sumOdd(a, b float64) float64 {
	s := a + b
	// e is the exact error of the sum: Knuth, The Art of Computer Programming, 4.2.2.
	t := s - a
	e := (a - (s - t)) + (b - t)
	return odd(s, e)
}

// odd returns s+e rounded to odd, where s is s+e rounded to nearest.
func odd(s, e float64) float64 {
	u := math.Float64bits(s)
	if e == 0 || u&1 != 0 || math.IsInf(s, 0) || s != s {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(u + 1)
	}
	return math.Float64frombits(u - 1)
}

// narrow rounds to float32.
func narrow(v float64, mode rounding) float32 {
	f := float32(v)
	r := float64(f)
	if r == v || v != v {
		return f
	}
	u := math.Float32bits(f)
	switch {
	case mode == zeroward && math.Abs(r) > math.Abs(v):
		return math.Float32frombits(u - 1)
	case mode == downward && r > v:
		return nextDown32(u)
	case mode == upward && r < v:
		return -nextDown32(u ^ 1<<31)
	}
	return f
}

// nextDown32 returns the float32 below the one with the bits u.
func nextDown32(u uint32) float32 {
	switch {
	case u == 0:
		return -math.SmallestNonzeroFloat32
	case u>>31 != 0:
		return math.Float32frombits(u + 1)
	}
	return math.Float32frombits(u - 1)
}

func addFloat32(a, b float32, mode rounding) float32 {
	if mode == nearest {
		return a + b
	}
	sum := sumOdd(float64(a), float64(b))
	if sum == 0 {
		return signedZero(float64(a), float64(b), mode)
	}
	return narrow(sum, mode)
}

// signedZero returns the sum of two numbers that cancel each other.
func signedZero(a, b float64, mode rounding) float32 {
	if mode == downward && !(a == 0 && b == 0 && !math.Signbit(a) && !math.Signbit(b)) {
		return float32(math.Copysign(0, -1))
	}
	return float32(a + b)
}

func mulFloat32(a, b float32, mode rounding) float32 {
	if mode == nearest {
		return a * b
	}
	return narrow(float64(a)*float64(b), mode)
}

func fmaFloat32(a, b, c uint64) uint64 {
	return toFloat32(fma32(fromFloat32(a), fromFloat32(b), fromFloat32(c), nearest))
}

func fma32(a, b, c float32, mode rounding) float32 {
	product := float64(a) * float64(b)
	sum := sumOdd(product, float64(c))
	if sum == 0 {
		return signedZero(product, float64(c), mode)
	}
	return narrow(sum, mode)
}

func divFloat32(a, b float32, mode rounding) float32 {
	x, y := float64(a), float64(b)
	q := x / y
	if b == 0 || math.IsInf(y, 0) || math.IsInf(x, 0) || q != q {
		return float32(q)
	}
	rest := math.FMA(-q, y, x)
	if y < 0 {
		rest = -rest
	}
	return narrow(odd(q, rest), mode)
}

func sqrtFloat32(a float32, mode rounding) float32 {
	x := float64(a)
	s := math.Sqrt(x)
	if !(x > 0) || math.IsInf(x, 0) {
		return float32(s)
	}
	return narrow(odd(s, math.FMA(-s, s, x)), mode)
}

// An exact is a number mantissa·2^exponent. The directed roundings of float64 are
// computed with it, in integers. lost tells that a positive fraction was cut off.
type exact struct {
	mantissa big.Int
	exponent int
	lost     bool
}

func exactly(v float64) exact {
	var e exact
	fraction, exponent := math.Frexp(v)
	e.mantissa.SetInt64(int64(fraction * (1 << 53)))
	e.exponent = exponent - 53
	return e
}

// scaled returns the mantissa shifted for a lower exponent.
func (e *exact) scaled(exponent int) *big.Int {
	return new(big.Int).Lsh(&e.mantissa, uint(e.exponent-exponent))
}

func finite(v ...float64) bool {
	for _, x := range v {
		if math.IsInf(x, 0) || x != x {
			return false
		}
	}
	return true
}

// fma64 returns a·b+c, rounded once.
func fma64(a, b, c float64, mode rounding) float64 {
	if mode == nearest || !finite(a, b, c) {
		return math.FMA(a, b, c)
	}
	x, y, z := exactly(a), exactly(b), exactly(c)
	product := exact{exponent: x.exponent + y.exponent}
	product.mantissa.Mul(&x.mantissa, &y.mantissa)
	sum := exact{exponent: min(product.exponent, z.exponent)}
	sum.mantissa.Add(product.scaled(sum.exponent), z.scaled(sum.exponent))
	if sum.mantissa.Sign() == 0 {
		r := math.FMA(a, b, c)
		if mode == downward && (c != 0 || math.Signbit(c) || math.Signbit(a) != math.Signbit(b)) {
			return math.Copysign(0, -1)
		}
		return r
	}
	return sum.round(mode)
}

func addFloat64(a, b float64, mode rounding) float64 {
	if mode == nearest {
		return a + b
	}
	return fma64(a, 1, b, mode)
}

func mulFloat64(a, b float64, mode rounding) float64 {
	if mode == nearest || !finite(a, b) || a == 0 || b == 0 {
		return a * b
	}
	x, y := exactly(a), exactly(b)
	product := exact{exponent: x.exponent + y.exponent}
	product.mantissa.Mul(&x.mantissa, &y.mantissa)
	return product.round(mode)
}

func divFloat64(a, b float64, mode rounding) float64 {
	if mode == nearest || !finite(a, b) || a == 0 || b == 0 {
		return a / b
	}
	x, y := exactly(a), exactly(b)
	const extra = 64
	quotient := exact{exponent: x.exponent - y.exponent - extra}
	var rest big.Int
	quotient.mantissa.QuoRem(x.scaled(x.exponent-extra), &y.mantissa, &rest)
	quotient.lost = rest.Sign() != 0
	return quotient.round(mode)
}

func sqrtFloat64(a float64, mode rounding) float64 {
	if mode == nearest || !finite(a) || a <= 0 {
		return math.Sqrt(a)
	}
	x := exactly(a)
	even := (x.exponent - 128) &^ 1
	square := x.scaled(even)
	root := exact{exponent: even / 2}
	root.mantissa.Sqrt(square)
	root.lost = new(big.Int).Mul(&root.mantissa, &root.mantissa).Cmp(square) != 0
	return root.round(mode)
}

// round returns the float64 in a directed rounding. If something was lost, the
// mantissa must have more than 55 bits.
func (e *exact) round(mode rounding) float64 {
	negative := e.mantissa.Sign() < 0
	var m big.Int
	m.Abs(&e.mantissa)
	exponent := e.exponent
	if drop := max(m.BitLen()-53, -1074-exponent); drop > 0 {
		lost := e.lost || int(m.TrailingZeroBits()) < drop
		m.Rsh(&m, uint(drop))
		exponent += drop
		if lost && (mode == upward && !negative || mode == downward && negative) {
			m.Add(&m, big.NewInt(1))
		}
	}
	if m.BitLen()+exponent > 1024 {
		if mode == upward && !negative || mode == downward && negative {
			return math.Inf(int(sign(negative)))
		}
		return math.Copysign(math.MaxFloat64, sign(negative))
	}
	return math.Copysign(math.Ldexp(float64(m.Int64()), exponent), sign(negative))
}

func sign(negative bool) float64 {
	if negative {
		return -1
	}
	return 1
}
