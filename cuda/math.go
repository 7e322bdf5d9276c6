package cuda

import (
	"fmt"
	"slices"

	"gputrain/kernels"
)

// Maths returns the names of the ways to compute matrix products, first "float32".
func Maths() []string { return kernels.Maths() }

// CheckMath returns why a device can't compute matrix products in that way, or nil.
func CheckMath(name string, device DeviceInfo) error {
	switch {
	case !slices.Contains(Maths(), name):
		return fmt.Errorf("no math %q: want one of %q", name, Maths())
	case name != Maths()[0] && device.Major < kernels.MathCapability:
		return fmt.Errorf("%s takes tensor cores of compute capability %d.0 or later, and %s has %d.%d", name,
			kernels.MathCapability, device.Name, device.Major, device.Minor)
	}
	return nil
}

// MathError returns by how much a product of two numbers may be off in a math, relative to
// it. Operands below 2⁻¹²⁶, the smallest normal number, are multiples of step. Both are 0
// for float32.
func MathError(name string) (product, step float64) {
	switch name {
	case "tf32x3":
		// Each operand loses at most 2⁻²³ of itself, and the product of the two small parts is
		// left out.
		return 0x1p-21, 0x1p-136
	case "tf32":
		return 0x1p-10 + 0x1p-22, 0x1p-136
	case "bf16":
		return 0x1p-7 + 0x1p-16, 0x1p-133
	}
	return 0, 0
}
