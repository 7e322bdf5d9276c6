package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A GPU describes a model. The rates come from its datasheet. The limits of a
// multiprocessor come from cuda_occupancy.h of the CUDA toolkit 11.8 and the CUDA C++
// Programming Guide (table "Technical Specifications per Compute Capability").
type GPU struct {
	Name            string
	Product         string // what drivers call it, if not by its name
	Datasheet       string
	Major, Minor    int // compute capability
	Multiprocessors int
	Memory          int64            // bytes
	Float32         float64          // floating-point operations per second
	Tensor          [tensors]float64 // the same on tensor cores, dense, with float32 sums; 0 where there are none
	Bandwidth       float64          // of the memory, bytes per second

	// The second cache: its bytes, how many it reads per second, and where that figure,
	// which no datasheet has, comes from.
	L2          int64
	L2Bandwidth float64
	L2Source    string

	// Limits of a multiprocessor; Shared is in bytes.
	Threads, Blocks, Registers, Shared int
	// The system takes SharedReserved bytes of shared memory per block. Shared memory
	// is allocated in units of SharedUnit bytes.
	SharedReserved, SharedUnit int
}

// Between two kernels that depend on each other a GPU does nothing for a while: in a
// stream, and in a graph. The figures are of a V100, from NVIDIA's "Getting Started with
// CUDA Graphs" (2019): kernels of 2.9 µs come every 3.8 µs in a stream and every 3.4 µs
// in a graph.
const (
	StreamGap = 0.9e-6
	GraphGap  = 0.5e-6
)

// gpus are the models that estimates can be made for.
var gpus = []GPU{
	{
		Name: "H200", Datasheet: "NVIDIA H200 Tensor Core GPU, SXM", Major: 9, Multiprocessors: 132, Memory: 141e9,
		Float32: 67e12, Tensor: [tensors]float64{TensorFP16: 989.5e12, TensorBF16: 989.5e12, TensorTF32: 494.5e12, TensorFP64: 67e12, TensorInt8: 1979e12},
		Bandwidth: 4.8e12, L2: 50 << 20, L2Bandwidth: 5120 * 1.83e9, L2Source: "as many bytes per clock as an A100",
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 228 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{
		Name: "H100", Datasheet: "NVIDIA H100 Tensor Core GPU, SXM5", Major: 9, Multiprocessors: 132, Memory: 80e9,
		Float32: 67e12, Tensor: [tensors]float64{TensorFP16: 989.5e12, TensorBF16: 989.5e12, TensorTF32: 494.5e12, TensorFP64: 67e12, TensorInt8: 1979e12},
		Bandwidth: 3.35e12, L2: 50 << 20, L2Bandwidth: 5120 * 1.83e9, L2Source: "as many bytes per clock as an A100",
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 228 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{
		Name: "A100", Datasheet: "NVIDIA A100 Tensor Core GPU, 80 GB SXM", Major: 8, Multiprocessors: 108, Memory: 80e9,
		Float32: 19.5e12, Tensor: [tensors]float64{TensorFP16: 312e12, TensorBF16: 312e12, TensorTF32: 156e12, TensorFP64: 19.5e12, TensorInt8: 624e12},
		Bandwidth: 2.039e12, L2: 40 << 20, L2Bandwidth: 5120 * 1.41e9, L2Source: "NVIDIA A100 white paper, 5,120 bytes per clock",
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 164 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{
		Name: "L4", Datasheet: "NVIDIA L4 Tensor Core GPU", Major: 8, Minor: 9, Multiprocessors: 58, Memory: 24e9,
		Float32: 30.3e12, Tensor: [tensors]float64{TensorFP16: 121e12, TensorBF16: 121e12, TensorTF32: 60e12, TensorInt8: 242.5e12},
		Bandwidth: 300e9, L2: 48 << 20, L2Bandwidth: 2.5e12, L2Source: "half of an RTX 4090, as it has half of its memory channels",
		Threads: 1536, Blocks: 24, Registers: 65536, Shared: 100 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{
		Name: "RTX 4090", Product: "GeForce RTX 4090", Datasheet: "NVIDIA Ada GPU architecture, GeForce RTX 4090", Major: 8, Minor: 9, Multiprocessors: 128, Memory: 24e9,
		Float32: 82.6e12, Tensor: [tensors]float64{TensorFP16: 165.2e12, TensorBF16: 165.2e12, TensorTF32: 82.6e12, TensorInt8: 660.6e12},
		Bandwidth: 1.008e12, L2: 72 << 20, L2Bandwidth: 5e12, L2Source: "about what microbenchmarks measure",
		Threads: 1536, Blocks: 24, Registers: 65536, Shared: 100 << 10, SharedReserved: 1 << 10, SharedUnit: 128,
	},
	{
		Name: "T4", Datasheet: "NVIDIA T4 Tensor Core GPU", Major: 7, Minor: 5, Multiprocessors: 40, Memory: 16e9,
		Float32: 8.1e12, Tensor: [tensors]float64{TensorFP16: 65e12, TensorInt8: 130e12},
		Bandwidth: 320e9, L2: 4 << 20, L2Bandwidth: 1.27e12, L2Source: "Jia et al., Dissecting the NVidia Turing T4 GPU, 2019",
		Threads: 1024, Blocks: 16, Registers: 65536, Shared: 64 << 10, SharedUnit: 256,
	},
	{
		Name: "V100", Datasheet: "NVIDIA V100 Tensor Core GPU, SXM2", Major: 7, Multiprocessors: 80, Memory: 32e9,
		Float32: 15.7e12, Tensor: [tensors]float64{TensorFP16: 125e12},
		Bandwidth: 900e9, L2: 6 << 20, L2Bandwidth: 2048 * 1.53e9, L2Source: "NVIDIA A100 white paper, 2,048 bytes per clock",
		Threads: 2048, Blocks: 32, Registers: 65536, Shared: 96 << 10, SharedUnit: 256,
	},
}

// GPUs returns the models that estimates can be made for.
func GPUs() []GPU { return slices.Clone(gpus) }

// DefaultGPU returns the model of devices for which Options.GPU names none, the H100.
func DefaultGPU() GPU {
	g, err := FindGPU("H100")
	if err != nil {
		panic(err) // the table has it
	}
	return g
}

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

// An Estimate says how long launches would take at least on a GPU. It is a roofline, not
// a measurement; Assumptions says what it rests on.
type Estimate struct {
	Seconds   float64
	Bound     string  // "arithmetic", "L2" or "memory"
	Occupancy float64 // resident threads, as a share of what the GPU can hold; 0 if unknown
	Limit     string  // what limits the occupancy: threads, blocks, registers or shared memory
}

// Rates says, in a sentence, what g does in a second, and which datasheet says so.
func (g GPU) Rates() string {
	tensor := "it has no tensor cores that count here"
	var rates []string
	for t, rate := range g.Tensor {
		if rate > 0 {
			rates = append(rates, fmt.Sprintf("%v %.4g", Tensor(t), rate/1e12))
		}
	}
	if len(rates) > 0 {
		tensor = "tensor cores, dense: " + strings.Join(rates, ", ")
	}
	return fmt.Sprintf("Rates are those of the datasheet, %s: %.4g TFLOP/s in float32; %s; memory %.4g GB/s.", g.Datasheet, g.Float32/1e12, tensor, g.Bandwidth/1e9)
}

// Assumptions says what the estimates for g rest on, a sentence each.
func (g GPU) Assumptions() []string {
	return []string{
		g.Rates(),
		"An instruction of any other kind takes the time of one in float32, and so does a product of a type that tensor cores have no rate for here.",
		fmt.Sprintf("The second cache reads %.3g TB/s (%s). What a launch touches again comes from it if all that the launch touches fits into its %d MiB, else from memory.",
			g.L2Bandwidth/1e12, g.L2Source, g.L2>>20),
		"Each launch fills the GPU, and arithmetic and traffic overlap perfectly.",
		"Times of launches are added. Only on the clock that events read do kernels in branches of a graph overlap: where the GPU holds the blocks of both at once, each as fast as alone.",
	}
}

// Estimate estimates the launches that s describes, without the gaps between them.
func (g GPU) Estimate(s LaunchStats) Estimate {
	// Every instruction takes the slot of one float32 instruction. The peak rate
	// counts two operations per slot, as an fma does.
	arithmetic := float64(s.Total().Warps) * 32 * 2 / g.Float32
	for t, flop := range s.FlopMatrix {
		if rate := cmp.Or(g.Tensor[t], g.Float32); flop > 0 {
			arithmetic += float64(flop) / rate
		}
	}
	const sector = 32
	cache := float64(sector*s.GlobalSectors) / g.L2Bandwidth
	memory := float64(sector*s.GlobalSectors) / g.Bandwidth
	if sector*s.GlobalFootprint <= uint64(g.L2)*uint64(max(1, s.Launches)) {
		memory = float64(sector*s.GlobalFootprint) / g.Bandwidth
	}
	e := Estimate{Seconds: memory, Bound: "memory"}
	if cache > e.Seconds {
		e.Seconds, e.Bound = cache, "L2"
	}
	if arithmetic > e.Seconds {
		e.Seconds, e.Bound = arithmetic, "arithmetic"
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

// perMultiprocessor returns how many blocks a multiprocessor holds, and what limits them.
// If the number of registers is unknown, they set no limit.
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
