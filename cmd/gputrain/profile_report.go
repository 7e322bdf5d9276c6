package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gputrain/cuda/emulator"
)

// profile is what the kernels of a training step did on an emulated GPU.
type profile struct {
	GPU         string          `json:"gpu"`
	Times       string          `json:"times"` // what kind of times these are
	Assumptions []string        `json:"assumptions"`
	Kernels     []kernelProfile `json:"kernels"`
	Total       kernelProfile   `json:"total"`
}

const timesAre = "estimate (roofline from datasheet rates), not a measurement"

// kernelProfile is what one kernel did in all of its launches.
type kernelProfile struct {
	Kernel   string `json:"kernel"`
	Launches int    `json:"launches"`

	Instructions       map[string]uint64 `json:"thread_instructions"` // by class
	ThreadInstructions uint64            `json:"thread_instructions_total"`
	Flop               uint64            `json:"floating_point_operations"`

	Bytes         uint64  `json:"global_bytes"` // that threads asked for
	Requests      uint64  `json:"global_requests"`
	Sectors       uint64  `json:"global_sectors"` // of 32 bytes
	Coalescing    float64 `json:"coalescing"`     // bytes asked for over bytes of sectors
	BankConflicts uint64  `json:"shared_bank_conflicts"`
	Barriers      uint64  `json:"barriers"`
	Divergent     uint64  `json:"divergent_branches"`

	Registers int     `json:"registers,omitempty"`
	Occupancy float64 `json:"occupancy,omitempty"` // of the last launch
	Limit     string  `json:"occupancy_limit,omitempty"`

	Seconds float64 `json:"estimated_seconds"`
	Bound   string  `json:"bound,omitempty"` // what limits the time
	Share   float64 `json:"share"`           // of the estimated time of the step
}

func newProfile(gpu emulator.GPU, launches []emulator.LaunchStats) profile {
	p := profile{GPU: gpu.Name, Times: timesAre, Assumptions: gpu.Assumptions()}
	// Launches of one kernel may be bound by different things, so their times are
	// estimated one by one.
	seconds := map[string]float64{}
	for _, s := range launches {
		seconds[s.Kernel] += gpu.Estimate(s).Seconds
		p.Total.Seconds += gpu.Estimate(s).Seconds
	}
	all := emulator.LaunchStats{Kernel: "total"}
	for _, s := range emulator.Aggregate(launches) {
		k := newKernelProfile(s)
		estimate := gpu.Estimate(s)
		k.Registers, k.Occupancy, k.Limit, k.Bound = s.Registers, estimate.Occupancy, estimate.Limit, estimate.Bound
		k.Seconds = seconds[s.Kernel]
		k.Share = k.Seconds / p.Total.Seconds
		p.Kernels = append(p.Kernels, k)
		s.Kernel = all.Kernel
		all = emulator.Aggregate([]emulator.LaunchStats{all, s})[0]
	}
	slices.SortStableFunc(p.Kernels, func(a, b kernelProfile) int { return cmp.Compare(b.Seconds, a.Seconds) })
	p.Assumptions = append(p.Assumptions, fmt.Sprintf("The gaps between the %d launches come on top: %s µs in a graph, %s µs in a stream (%.1f and %.1f µs each, as on a V100). The occupancy is theoretical.",
		all.Launches, decimal(1e6*emulator.GraphGap*float64(all.Launches)), decimal(1e6*emulator.StreamGap*float64(all.Launches)), 1e6*emulator.GraphGap, 1e6*emulator.StreamGap))
	total := newKernelProfile(all)
	total.Seconds, total.Share = p.Total.Seconds, 1
	p.Total = total
	return p
}

func newKernelProfile(s emulator.LaunchStats) kernelProfile {
	k := kernelProfile{
		Kernel: s.Kernel, Launches: s.Launches,
		Instructions: map[string]uint64{}, ThreadInstructions: s.Total().Threads, Flop: s.Flop(),
		Bytes: s.GlobalBytes, Requests: s.GlobalRequests, Sectors: s.GlobalSectors, Coalescing: s.Coalescing(),
		BankConflicts: s.BankConflicts, Barriers: s.Barriers, Divergent: s.Divergent,
	}
	for class, count := range s.Instructions {
		if count.Threads > 0 {
			k.Instructions[emulator.Class(class).String()] = count.Threads
		}
	}
	return k
}

// text shows the time, the work and the mix of instructions of each kernel, for a
// terminal of that width, 0 if there is none.
func (p profile) text(title string, width int) string {
	return wrapLines(fmt.Sprintf(`one training step: %s

time on a GPU: %s, %s

%s
%s
work: counted

%s
asked: by threads; moved: in sectors of 32 bytes; coalesced: asked over moved, above 100 %% if threads share.
A request is one of a warp; with 4 bytes per thread it takes at least 4 sectors.

thread instructions by class, %%

%s`, title, p.GPU, p.Times, p.timeTable(width), assumed(p.Assumptions), p.workTable(width), p.classTable(width)), width)
}

// assumed lists what estimates assume.
func assumed(assumptions []string) string {
	var text strings.Builder
	text.WriteString("What the estimates assume:\n")
	for _, assumption := range assumptions {
		text.WriteString("- " + assumption + "\n")
	}
	return text.String()
}

func (p profile) timeTable(width int) string {
	return p.table(width, []string{"launches", "estimate\nµs", "share\n%", "bound by", "registers\nper thread", "occupancy\n%", "limited by"},
		func(k kernelProfile) []string {
			registers, occupancy := "", ""
			if k.Registers > 0 {
				registers, occupancy = strconv.Itoa(k.Registers), percent(k.Occupancy)
			}
			return []string{strconv.Itoa(k.Launches), decimal(1e6 * k.Seconds), percent(k.Share), k.Bound, registers, occupancy, k.Limit}
		})
}

func (p profile) workTable(width int) string {
	const sector = 32
	return p.table(width, []string{"instructions\n10⁶ threads", "float32\nMFLOP", "asked\nMB", "moved\nMB", "sectors\nper request", "coalesced\n%",
		"bank\nconflicts", "barriers", "divergent\nbranches"},
		func(k kernelProfile) []string {
			return []string{millions(k.ThreadInstructions), millions(k.Flop), millions(k.Bytes), millions(sector * k.Sectors),
				ratio(k.Sectors, k.Requests), percent(k.Coalescing),
				strconv.FormatUint(k.BankConflicts, 10), strconv.FormatUint(k.Barriers, 10), strconv.FormatUint(k.Divergent, 10)}
		})
}

// classTable shows the classes of instructions that occur.
func (p profile) classTable(width int) string {
	var classes, header []string
	for class := range len(emulator.LaunchStats{}.Instructions) {
		if name := emulator.Class(class).String(); p.Total.Instructions[name] > 0 {
			classes = append(classes, name)
			header = append(header, strings.Replace(name, " ", "\n", 1))
		}
	}
	return p.table(width, header, func(k kernelProfile) []string {
		var row []string
		for _, class := range classes {
			row = append(row, percent(float64(k.Instructions[class])/float64(k.ThreadInstructions)))
		}
		return row
	})
}

// table has a row for each kernel and one for all together.
func (p profile) table(width int, header []string, row func(kernelProfile) []string) string {
	var rows [][]string
	for _, k := range append(slices.Clone(p.Kernels), p.Total) {
		rows = append(rows, append([]string{k.Kernel}, row(k)...))
	}
	return formatTable(width, 1, append([]string{"kernel"}, header...), rows)
}

func millions(n uint64) string { return decimal(float64(n) / 1e6) }

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) }

// ratio formats a/b. It returns "" if b is 0.
func ratio(a, b uint64) string {
	if b == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(a)/float64(b), 'f', 1, 64)
}
