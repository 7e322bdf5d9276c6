package kernels

// Device is what plans of products and time steps depend on.
type Device struct {
	Multiprocessors int
	Lanes           int // of a multiprocessor, see Lanes
	Shared          int // bytes of shared memory that a block may have
}

// Lanes returns how many multiply-adds of float32 a multiprocessor of a compute capability
// makes per clock: CUDA C++ Programming Guide, "Throughput of Native Arithmetic
// Instructions".
func Lanes(major, minor int) int {
	if major < 8 || major == 8 && minor == 0 {
		return 64
	}
	return 128
}
