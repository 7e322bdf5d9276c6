package model

import (
	"encoding/binary"
	"math"

	"github.com/nlpodyssey/safetensors"
)

// floatType is how a file holds the values of a tensor.
type floatType struct {
	bytes  int // of a value
	decode func(b []byte) (x float32, fits bool)
}

// floatTypes are the types that are read. float32 holds all values of the two short
// ones exactly; a float64 is rounded.
var floatTypes = map[safetensors.DType]floatType{
	safetensors.F32: {4, func(b []byte) (float32, bool) {
		return math.Float32frombits(binary.LittleEndian.Uint32(b)), true
	}},
	safetensors.F64: {8, func(b []byte) (float32, bool) {
		x := math.Float64frombits(binary.LittleEndian.Uint64(b))
		return float32(x), math.IsInf(x, 0) || !math.IsInf(float64(float32(x)), 0)
	}},
	safetensors.F16: {2, func(b []byte) (float32, bool) {
		return fromHalf(binary.LittleEndian.Uint16(b)), true
	}},
	safetensors.BF16: {2, func(b []byte) (float32, bool) {
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16), true
	}},
}

// fromHalf converts IEEE 754's binary16: a sign, 5 bits of exponent, 10 of fraction.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h)>>15<<31, uint32(h)>>10&31, uint32(h)&1023
	switch exponent {
	case 0: // 0, or subnormal
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31: // infinite, or NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
