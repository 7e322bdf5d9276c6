//go:build !amd64

package simd

// kernelsOf are the kernels by their level.
var kernelsOf = [...]*kernels{Generic: &genericKernels}
