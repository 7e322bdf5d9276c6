package emulator

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// A format is a binary floating-point format. The oracle of these tests computes with
// rational numbers and rounds to the format by the definition of IEEE 754.
type format struct {
	kind      kind
	precision int
	lowest    int     // exponent of the unit of subnormal numbers
	largest   float64 // finite number
}

var formats = []format{
	{f32, 24, -149, math.MaxFloat32},
	{f64, 53, -1074, math.MaxFloat64},
}

// round returns the number of the format that the mode chooses for x ≠ 0.
func (f format) round(x *big.Rat, mode string) float64 {
	negative := x.Sign() < 0
	magnitude := new(big.Rat).Abs(x)
	unit := max(exponentOf(magnitude)-f.precision, f.lowest)
	scaled := new(big.Rat).Mul(magnitude, power(-unit))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom())
	up := false
	switch mode {
	case "rn":
		up = half > 0 || half == 0 && whole.Bit(0) == 1
	case "rp":
		up = rest.Sign() > 0 && !negative
	case "rm":
		up = rest.Sign() > 0 && negative
	}
	if up {
		whole.Add(whole, big.NewInt(1))
	}
	result := new(big.Rat).Mul(new(big.Rat).SetInt(whole), power(unit))
	v, _ := result.Float64()
	if result.Cmp(new(big.Rat).SetFloat64(f.largest)) > 0 {
		v = math.Inf(1)
		if mode == "rz" || mode == "rm" && !negative || mode == "rp" && negative {
			v = f.largest
		}
	}
	if negative {
		v = -v
	}
	return v
}

// exponentOf returns the e with 2^(e-1) <= x < 2^e.
func exponentOf(x *big.Rat) int {
	e := x.Num().BitLen() - x.Denom().BitLen()
	if x.Cmp(power(e)) >= 0 {
		e++
	}
	return e
}

func power(e int) *big.Rat {
	one := big.NewInt(1)
	if e >= 0 {
		return new(big.Rat).SetInt(new(big.Int).Lsh(one, uint(e)))
	}
	return new(big.Rat).SetFrac(one, new(big.Int).Lsh(one, uint(-e)))
}

func (f format) bits(v float64) uint64 {
	if f.kind == f32 {
		return bits32(float32(v))
	}
	return bits64(v)
}

// random draws a finite number, often with an awkward mantissa or exponent.
func (f format) random(rng *rand.Rand) float64 {
	var v float64
	if f.kind == f32 {
		u := rng.Uint32()
		switch rng.IntN(4) {
		case 0:
			u = u&^(255<<23) | uint32(120+rng.IntN(16))<<23
		case 1:
			u &= 1<<31 | 0xff<<23 | 3 | 3<<20
		}
		v = float64(math.Float32frombits(u))
	} else {
		u := rng.Uint64()
		switch rng.IntN(4) {
		case 0:
			u = u&^(2047<<52) | uint64(1015+rng.IntN(16))<<52
		case 1:
			u &= 1<<63 | 2047<<52 | 3 | 3<<50
		}
		v = math.Float64frombits(u)
	}
	if v == 0 || math.IsInf(v, 0) || v != v {
		return f.random(rng)
	}
	return v
}

func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

// squareRoot returns the root of x. If the root is irrational, it returns a number
// strictly between the root and the next number of 200 bits.
func squareRoot(x *big.Rat) *big.Rat {
	const bits = 1300
	scaled := new(big.Rat).Mul(x, power(2*bits))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	root := new(big.Int).Sqrt(whole)
	inexact := rest.Sign() != 0 || new(big.Int).Mul(root, root).Cmp(whole) != 0
	root.Lsh(root, 1)
	if inexact {
		root.Add(root, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(root), power(-bits-1))
}

func TestRoundings(t *testing.T) {
	operations := []struct {
		name     string
		operands int
		exact    func(x []*big.Rat) *big.Rat
	}{
		{"add", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Add(x[0], x[1]) }},
		{"sub", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Sub(x[0], x[1]) }},
		{"mul", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Mul(x[0], x[1]) }},
		{"fma", 3, func(x []*big.Rat) *big.Rat {
			return new(big.Rat).Add(new(big.Rat).Mul(x[0], x[1]), x[2])
		}},
		{"div", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Quo(x[0], x[1]) }},
		{"rcp", 1, func(x []*big.Rat) *big.Rat { return new(big.Rat).Inv(x[0]) }},
		{"sqrt", 1, func(x []*big.Rat) *big.Rat { return squareRoot(x[0]) }},
	}
	const cases = 320
	for _, f := range formats {
		for _, o := range operations {
			for i, mode := range []string{"rn", "rz", "rm", "rp"} {
				seed := uint64(100*i + o.operands)
				rng := rand.New(rand.NewPCG(1, seed))
				name := fmt.Sprintf("%s.%s%v", o.name, mode, f.kind)
				spec := fmt.Sprintf("%s %%d%s |", name, [...]string{"", ", %a", ", %a, %b", ", %a, %b, %c"}[o.operands])
				for range o.operands + 1 {
					spec += " " + f.kind.String()[1:]
				}
				test := op(spec)
				for len(test.cases) < cases {
					values, operands := make([]uint64, o.operands), make([]*big.Rat, o.operands)
					for j := range operands {
						v := f.random(rng)
						if o.name == "sqrt" {
							v = math.Abs(v)
						}
						if j == 2 && rng.IntN(2) == 0 {
							// Close to the product, so that most bits cancel, or near a tie.
							product, _ := new(big.Rat).Mul(operands[0], operands[1]).Float64()
							if v = -product * math.Exp2(float64(rng.IntN(60)-30)); f.kind == f32 {
								v = float64(float32(v))
							}
							if v == 0 || math.IsInf(v, 0) {
								v = 1
							}
						}
						values[j], operands[j] = f.bits(v), rat(v)
					}
					exact := o.exact(operands)
					if exact.Sign() == 0 {
						continue
					}
					test.cases = append(test.cases, in(f.bits(f.round(exact, mode)), values...))
				}
				test.test(t)
			}
		}
	}
}

// (1+2^-23)·(1-2^-23) is 1-2^-46. Scale this to just below half a unit of an odd c.
// Then the sum must stay c. In float64 it becomes a tie, which rounds away from c.
func TestFmaIsRoundedOnce(t *testing.T) {
	a, b := float32(1+0x1p-23), float32(1-0x1p-23)
	var cases []opCase
	for _, c := range []float32{1 + 0x1p-23, 1 + 3*0x1p-23, 1 - 0x1p-24, 0x1.000002p60, 0x1.000002p-90, 0x1p-149, 3 * 0x1p-149} {
		_, exponent := math.Frexp(float64(c))
		half := float32(math.Ldexp(1, max(exponent-24, -149)-1))
		if half == 0 {
			// Half a unit of the subnormal numbers is the product of two others.
			cases = append(cases, in(bits32(c), bits32(0x1.000002p-75), bits32(0x1.fffffcp-76), bits32(c)))
			continue
		}
		cases = append(cases, in(bits32(c), bits32(a), bits32(b*half), bits32(c)), in(bits32(-c), bits32(-a), bits32(b*half), bits32(-c)))
	}
	// Fill a whole warp, for which there is a loop of its own, and start another.
	for len(cases) < 40 {
		cases = append(cases, cases...)
	}
	op("fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32", cases...).test(t)
}
