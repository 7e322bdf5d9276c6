package main

import (
	"fmt"
	"strings"

	"gputrain/kernels"
)

// architecture holds what limits the blocks that a multiprocessor holds at a
// time (CUDA C Programming Guide 11.8, tables 15 and 16).
type architecture struct {
	name          string
	warps, blocks int // resident
	shared        int // bytes
	perBlock      int // bytes of shared memory that the system takes of each block
	sharedUnit    int // in which shared memory is allocated
}

var architectures = []architecture{
	{"sm_70", 64, 32, 96 << 10, 0, 256},
	{"sm_75", 32, 16, 64 << 10, 0, 256},
	{"sm_80", 64, 32, 164 << 10, 1 << 10, 128},
	{"sm_86", 48, 16, 100 << 10, 1 << 10, 128},
	{"sm_89", 48, 24, 100 << 10, 1 << 10, 128},
	{"sm_90", 64, 32, 228 << 10, 1 << 10, 128},
}

const (
	warpThreads    = 32
	registersOfAll = 64 << 10 // of a multiprocessor, on all architectures
	registerUnit   = 256      // in which a warp's registers are allocated
	warpUnit       = 4        // the registers are in so many parts, each for its own warps
)

// occupancy returns which part of the resident warps blocks of a kernel can
// make up.
func (a architecture) occupancy(threads, registers, shared int) float64 {
	warps := (threads + warpThreads - 1) / warpThreads
	perWarp := roundUp(max(registers, 1)*warpThreads, registerUnit)
	byRegisters := registersOfAll / warpUnit / perWarp * warpUnit / warps
	blocks := min(a.blocks, a.warps/warps, byRegisters)
	if size := roundUp(shared+a.perBlock, a.sharedUnit); size > 0 {
		blocks = min(blocks, a.shared/size)
	}
	return float64(blocks*warps) / float64(a.warps)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

const marker = "<!-- Written by go run ./kernels/report; what stands below is replaced. -->\n"

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
		fmt.Fprintf(&b, "| %s | %d | %d |", k.Name, k.Block, k.Shared)
		for _, a := range architectures {
			count := r[a.name][k.Name]
			fmt.Fprintf(&b, " %d, %.0f %% |", count, 100*a.occupancy(k.Block, count, k.Shared))
		}
		b.WriteString("\n")
	}
	return b.String()
}
