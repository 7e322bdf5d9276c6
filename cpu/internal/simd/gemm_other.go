//go:build !amd64 && !arm64

package simd

// kernelsOf are the kernels by their level.
var kernelsOf = [...]*kernels{Generic: &genericKernels}
