package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/cuda/recorder"
	"gputrain/data"
	"gputrain/internal/memorylimit"
	"gputrain/model"
)

// explanation says how a device runs a network.
type explanation struct {
	description *description
	batch       data.Batch
	device      string
	stages      []explainedStage
	layers      []string          // how the recurrent layers run on a GPU
	flops       float64           // of the matrix products of a training step
	memory      []memoryPart      // of the device
	host        []memoryPart      // of the host, beside the device
	launches    []recorder.Launch // of a step, in order
	path        int               // how many of these come one after the other
	calls       int               // of the host, for these launches
	graphs      int               // calls that start a CUDA graph
	gpu         *emulator.GPU     // whose rates are known, or nil
}

type explainedStage struct {
	name, path string
	fusable    bool // a backend may run it as one whole
	in, out    model.Shape
}

type memoryPart struct {
	name  string
	bytes int64
}

// text formats the explanation for a terminal of that width, 0 if there is none.
func (e *explanation) text(width int) string {
	var stages, launches [][]string
	for _, s := range e.stages {
		stages = append(stages, []string{s.name, shapeText(s.in), shapeText(s.out), s.path})
	}
	for _, l := range joined(e.launches) {
		launches = append(launches, []string{l.Stage, l.Kernel, dimText(l.Grid), dimText(l.Block), strconv.Itoa(l.times)})
	}
	var text strings.Builder
	text.WriteString(wrapLines(fmt.Sprintf("%s\non %s\n\n", e.description.title(e.batch.Size), e.device), width))
	text.WriteString(formatTable(width, 4, []string{"stage", "steps×batch×width", "gives", "path"}, stages))
	for i, layer := range e.layers {
		if i == 0 {
			text.WriteString("\n")
		}
		text.WriteString(wrapLines(layer+"\n", width))
	}
	text.WriteString(wrapLines(fmt.Sprintf("\nmatrix products of a training step: %s\n", operations(e.flops)), width))
	text.WriteString("\n" + memoryTable(width, "memory of the device", e.memory))
	text.WriteString("\n" + memoryTable(width, "memory beside it", e.host))
	left, limit := memorylimit.Left()
	text.WriteString(wrapLines(fmt.Sprintf("\n%s are left of %v\n", memorylimit.Size(left), limit), width))
	if len(launches) > 0 {
		alone := e.calls - e.graphs
		count := fmt.Sprintf("\none training step, once it repeats: %d kernels", len(e.launches))
		if e.graphs > 0 {
			count += fmt.Sprintf(", %d of them in %s, %d started one by one", len(e.launches)-alone, plural(e.graphs, "CUDA graph", "CUDA graphs"), alone)
		}
		text.WriteString(wrapLines(count+"\n\n", width))
		text.WriteString(formatTable(width, 2, []string{"stage", "kernel", "grid", "block", "times"}, launches))
		if e.gpu != nil {
			text.WriteString(wrapLines("\n"+e.leastTime(), width))
		}
	}
	return text.String()
}

func memoryTable(width int, title string, parts []memoryPart) string {
	var rows [][]string
	for _, part := range append(parts, memoryPart{"total", sum(parts)}) {
		rows = append(rows, []string{part.name, mebibytes(part.bytes)})
	}
	return formatTable(width, 1, []string{title, "MiB"}, rows)
}

func mebibytes(n int64) string { return decimal(float64(n) / (1 << 20)) }

// joinedLaunch is a launch and how often it occurs in its stage.
type joinedLaunch struct {
	recorder.Launch
	times int
}

// joined counts equal launches, in the order of their first occurrence.
func joined(launches []recorder.Launch) []joinedLaunch {
	var all []joinedLaunch
	for _, l := range launches {
		i := slices.IndexFunc(all, func(j joinedLaunch) bool { return j.Launch == l })
		if i < 0 {
			i = len(all)
			all = append(all, joinedLaunch{Launch: l})
		}
		all[i].times++
	}
	return all
}

func shapeText(s model.Shape) string { return fmt.Sprintf("%d×%d×%d", s.Steps, s.Batch, s.Width) }

// dimText leaves out trailing dimensions of 1.
func dimText(d cuda.Dim3) string {
	text := strconv.Itoa(d.X)
	if d.Y > 1 || d.Z > 1 {
		text += "×" + strconv.Itoa(d.Y)
	}
	if d.Z > 1 {
		text += "×" + strconv.Itoa(d.Z)
	}
	return text
}
