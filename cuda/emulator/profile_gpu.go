package emulator

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// A GPU describes a model. The rates come from datasheets. The limits of a
// multiprocessor come from cuda_occupancy.h of the CUDA toolkit 11.8 and the CUDA C++
// Programming Guide (table "Technical Specifications per Compute Capability").
type GPU struct {
	Name            string
	Major, Minor    int // compute capability
	Multiprocessors int
	Memory          int64   // bytes
	Float32         float64 // floating-point operations per second
	TensorTF32      float64 // the same on tensor cores, dense; 0 without tensor cores for TF32
	Bandwidth       float64 // of the memory, bytes per second

	// Limits of a multiprocessor; Shared is in bytes.
	Threads, Blocks, Registers, Shared int
	// The system takes SharedReserved bytes of shared memory per block. Shared memory
	// is allocated in units of SharedUnit bytes.
	SharedReserved, SharedUnit int
}

// gpus are the models that estimates can be made for.
var gpus = []GPU{
	{ // NVIDIA H100 Tensor Core GPU datasheet, SXM5; TF32 from the architecture's white paper
		Name: "H100", Major: 9, Minor: 0, Multiprocessors: 132, Memory: 80e9,
		Float32: 67e12, TensorTF32: 494.7e12, Bandwidth: 3.35e12,
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 228 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{ // NVIDIA A100 Tensor Core GPU datasheet, 80 GB SXM
		Name: "A100", Major: 8, Minor: 0, Multiprocessors: 108, Memory: 80e9,
		Float32: 19.5e12, TensorTF32: 156e12, Bandwidth: 2.039e12,
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 164 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{ // NVIDIA Ada GPU architecture white paper, GeForce RTX 4090
		Name: "RTX 4090", Major: 8, Minor: 9, Multiprocessors: 128, Memory: 24e9,
		Float32: 82.6e12, TensorTF32: 82.6e12, Bandwidth: 1.008e12,
		Threads: 1536, Blocks: 24, Registers: 65536, Shared: 100 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{ // NVIDIA T4 Tensor Core GPU datasheet
		Name: "T4", Major: 7, Minor: 5, Multiprocessors: 40, Memory: 16e9,
		Float32: 8.1e12, Bandwidth: 320e9,
		Threads: 1024, Blocks: 16, Registers: 65536, Shared: 64 << 10, SharedUnit: 256,
	},
}

// GPUs returns the models that estimates can be made for.
func GPUs() []GPU { return slices.Clone(gpus) }

// FindGPU returns a model by name, such as RTX 4090. Case and spaces do not matter.
func FindGPU(name string) (GPU, error) {
	var names []string
	for _, g := range gpus {
		if strings.EqualFold(strings.ReplaceAll(g.Name, " ", ""), strings.ReplaceAll(name, " ", "")) {
			return g, nil
		}
		names = append(names, g.Name)
	}
	sort.Strings(names)
	return GPU{}, fmt.Errorf("cuda emulator: unknown GPU %q; known are %s", name, strings.Join(names, ", "))
}

// An Estimate says how long a launch would take at least on a GPU. It is a roofline
// of datasheet rates, not a measurement. It leaves out the time to launch. It counts
// every sector as memory traffic, as if there were no cache.
type Estimate struct {
	Seconds   float64
	Bound     string  // "arithmetic" or "memory"
	Occupancy float64 // resident threads, as a share of what the GPU can hold; 0 if unknown
	Limit     string  // what limits the occupancy: threads, blocks, registers or shared memory
}

// Estimate estimates the launches that s describes.
func (g GPU) Estimate(s LaunchStats) Estimate {
	// Every instruction takes the slot of one float32 instruction. The peak rate
	// counts two operations per slot, as an fma does.
	arithmetic := float64(s.Total().Warps) * 32 * 2 / g.Float32
	if g.TensorTF32 > 0 {
		arithmetic += float64(s.FlopMatrix) / g.TensorTF32
	}
	memory := float64(32*s.GlobalSectors) / g.Bandwidth
	e := Estimate{Seconds: math.Max(arithmetic, memory), Bound: "memory"}
	if arithmetic > memory {
		e.Bound = "arithmetic"
	}
	e.Occupancy, e.Limit = g.Occupancy(s)
	return e
}

// Occupancy returns the share of a multiprocessor's threads that a kernel can fill,
// and what limits it. It is 0 if the number of registers is unknown.
func (g GPU) Occupancy(s LaunchStats) (float64, string) {
	if s.Registers == 0 || s.warps() == 0 {
		return 0, ""
	}
	blocks, limit := g.perMultiprocessor(s)
	return float64(blocks*32*s.warps()) / float64(g.Threads), limit
}

// Resident returns the number of blocks of a launch that the GPU holds at once. Only
// so many can wait for each other. If the number of registers is unknown, they set
// no limit.
func (g GPU) Resident(s LaunchStats) int {
	blocks, _ := g.perMultiprocessor(s)
	return blocks * g.Multiprocessors
}

// perMultiprocessor returns how many blocks a multiprocessor holds, and what limits them.
func (g GPU) perMultiprocessor(s LaunchStats) (int, string) {
	warps := s.warps()
	blocks, limit := g.Threads/(32*warps), "threads"
	registers := blocks
	if s.Registers > 0 {
		// A multiprocessor has four parts with a quarter of the registers each. Warps get
		// registers in units of 256.
		registers = g.Registers / 4 / roundUp(32*s.Registers, 256) * 4 / warps
	}
	shared := g.Shared / max(roundUp(s.SharedBytes+g.SharedReserved, g.SharedUnit), 1)
	for _, other := range []struct {
		blocks int
		name   string
	}{{g.Blocks, "blocks"}, {registers, "registers"}, {shared, "shared memory"}} {
		if other.blocks < blocks {
			blocks, limit = other.blocks, other.name
		}
	}
	return blocks, limit
}

// warps returns the number of warps of a block.
func (s LaunchStats) warps() int { return (s.Block.X*s.Block.Y*s.Block.Z + 31) / 32 }

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
