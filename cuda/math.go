package cuda

import (
	"fmt"
	"slices"
	"strings"

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

// unused says whether a module is for another math than that of the backend.
func (d *Backend) unused(module string) bool {
	math, ofMath := strings.CutPrefix(module, "gemm_")
	return ofMath && math != d.math
}
