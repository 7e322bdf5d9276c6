package main

import (
	"fmt"
	"strings"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// architecture names an architecture and describes its multiprocessors.
type architecture struct {
	name string
	gpu  emulator.GPU
}

var architectures = []architecture{
	{"sm_70", multiprocessor(64, 32, 96<<10, 0, 256)},
	{"sm_75", multiprocessor(32, 16, 64<<10, 0, 256)},
	{"sm_80", multiprocessor(64, 32, 164<<10, 1<<10, 128)},
	{"sm_86", multiprocessor(48, 16, 100<<10, 1<<10, 128)},
	{"sm_89", multiprocessor(48, 24, 100<<10, 1<<10, 128)},
	{"sm_90", multiprocessor(64, 32, 228<<10, 1<<10, 128)},
}

// multiprocessor returns a GPU with only the limits on the blocks that are resident at
// a time (CUDA C Programming Guide 11.8, tables 15 and 16; cuda_occupancy.h).
func multiprocessor(warps, blocks, shared, sharedReserved, sharedUnit int) emulator.GPU {
	return emulator.GPU{
		Threads: 32 * warps, Blocks: blocks, Registers: 64 << 10,
		Shared: shared, SharedReserved: sharedReserved, SharedUnit: sharedUnit,
	}
}

// occupancy returns the share of the resident warps that blocks of a kernel can make
// up.
func (a architecture) occupancy(threads, registers, shared int) float64 {
	part, _ := a.gpu.Occupancy(emulator.LaunchStats{Block: cuda.Dim3{X: threads, Y: 1, Z: 1}, Registers: registers, SharedBytes: shared})
	return part
}

const marker = "<!-- Written by go run ./cuda/kernelreport, which replaces everything below. -->\n"

// table returns registers and theoretical occupancy as Markdown.
func table(r registers) string {
	var b strings.Builder
	b.WriteString("\n| kernel | threads | shared bytes |")
	rule := "\n|---|---|---|"
	for _, a := range architectures {
		fmt.Fprintf(&b, " %s |", a.name)
		rule += "---|"
	}
	b.WriteString(rule + "\n")
	for _, k := range kernels.All() {
		fmt.Fprintf(&b, "| %s | %d | %d |", k.Name, k.Block, k.SharedBytes())
		for _, a := range architectures {
			count := r[a.name][k.Name]
			if count == 0 {
				b.WriteString(" - |") // a tensor core's, for later ones
				continue
			}
			fmt.Fprintf(&b, " %d, %.0f %% |", count, 100*a.occupancy(k.Block, count, k.SharedBytes()))
		}
		b.WriteString("\n")
	}
	return b.String()
}
