package kernels

import "strings"

// Device is what plans of products and time steps depend on. Rates are those of a
// multiprocessor, per clock.
type Device struct {
	Multiprocessors int
	Lanes           int // multiply-adds of float32, see Lanes
	Tensor          int // multiply-adds of bfloat16 by mma; of TF32 half as many
	Cache           int // bytes from the second cache
	Shared          int // bytes of shared memory that a block may have
}

// NewDevice returns the device with this name, as its driver has it, and compute capability.
func NewDevice(name string, major, minor, multiprocessors, shared int) Device {
	tensor := float64(TensorPeak(name, major, minor))
	if major > 8 {
		tensor *= mmaShare
	}
	return Device{multiprocessors, Lanes(major, minor), int(tensor), cacheBytes(major, minor), shared}
}

// mmaShare is how much of the peak of an H100 mma reaches, on average. wgmma reaches nearly
// all of it: Luo et al., "Benchmarking and Dissecting the Nvidia Hopper GPU Architecture",
// 2024. What came after is taken for an H100.
const mmaShare = 0.629

// Lanes returns how many multiply-adds of float32 a multiprocessor of a compute capability
// makes per clock: CUDA C++ Programming Guide, "Throughput of Native Arithmetic
// Instructions".
func Lanes(major, minor int) int {
	if major < 8 || major == 8 && minor == 0 {
		return 64
	}
	return 128
}

// TensorPeak returns how many multiply-adds of bfloat16, with sums in float32, the tensor
// cores of a multiprocessor make per clock by the datasheets, or 0 if they have none. A
// GeForce makes half as many as others of its compute capability.
func TensorPeak(name string, major, minor int) int {
	switch {
	case major < MathCapability:
		return 0
	case major > 8:
		return 2048
	case minor == 0:
		return 1024
	case strings.Contains(name, "GeForce"):
		return 256
	}
	return 512
}

// cacheBytes returns how many bytes a multiprocessor reads from the second cache per clock,
// when all do. An A100's white paper has 5,120 for 108 of them, which is more than kernels
// get. Those of 8.6 and 8.9 are taken for an RTX 4090, of which microbenchmarks get about
// 16.
func cacheBytes(major, minor int) int {
	if major == 8 && minor > 0 {
		return 16
	}
	return 32
}

// alike is how many products of bfloat16 take as long as one of a math on tensor cores: TF32
// has half the rate, and tf32x3 has three products of it.
var alike = map[string]float64{"bf16": 1, "tf32": 2, "tf32x3": 6}

// limit returns how many multiply-adds a multiprocessor makes per clock at most with a tile.
func (d Device) limit(t GemmTile) float64 {
	products, tensor := alike[t.math()]
	if !tensor {
		return float64(d.Lanes)
	}
	perByte := float64(t.Rows*t.Columns*t.Depth) / float64((t.Rows+t.Columns)*slabBytes)
	return min(float64(d.Tensor)/products, float64(d.Cache)*perByte)
}
