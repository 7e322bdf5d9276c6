package emulator

// These instructions exist for integers and for floating-point numbers. The
// instructions that only integers have are in op_integer.go, op_carry.go and
// op_dotproduct.go.

var arithmeticDecoders = map[string]decoding{
	"add": byFamily(addInteger, addFloat, addHalf),
	"sub": byFamily(subInteger, subFloat, subHalf),
	"mul": byFamily(mulInteger, mulFloat, mulHalf),
	"mad": byFamily(madInteger, fmaFloat, nil),
	"fma": byFamily(nil, fmaFloat, fmaHalf),
	"div": byFamily(divInteger, divFloat, nil),
	"abs": byFamily(absInteger, absFloat, absHalf),
	"neg": byFamily(negInteger, negFloat, negHalf),
	"min": byFamily(minMaxInteger(false), minMaxFloat(false), minMaxHalf(false)),
	"max": byFamily(minMaxInteger(true), minMaxFloat(true), minMaxHalf(true)),
}

// byFamily chooses the decoding by the first type of the instruction.
func byFamily(integer, float, half decoding) decoding {
	return func(d *decoder) runner {
		k := none
		for _, m := range d.mods {
			if k = kinds[m]; k != none {
				break
			}
		}
		chosen := integer
		switch k {
		case f16, bf16, f16x2, bf16x2:
			chosen = half
		case f32, f64:
			chosen = float
		}
		if chosen == nil {
			d.fail("type %v does not fit the instruction", k)
		}
		return chosen(d)
	}
}
