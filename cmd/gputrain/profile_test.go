package main

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
)

// small are flags of a network that the emulated GPU trains in a moment.
func small(command string, args ...string) []string {
	return append([]string{command, "--model", "rnn", "--layers", "2", "--hidden", "8", "--batch", "16", "--steps", "4", "--device", "emulated"}, args...)
}

func TestProfileTellsTimesWorkAndInstructions(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain(small("profile", "--gpu", "rtx4090")...).want(t, 0)
	for _, want := range []string{
		"batches of 16 samples, 4 steps of 16 features", "RTX 4090, estimate (roofline from datasheet rates), not a measurement",
		"rnn_forward_256", "adam", "conflicts", "coalesced", "registers", "occupancy", "total", "float32",
	} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	if !strings.Contains(o.errors, "may take a while") {
		t.Errorf("stderr %q", o.errors)
	}
}

func profileOf(t *testing.T, args ...string) profile {
	t.Helper()
	var p profile
	if err := json.Unmarshal([]byte(gputrain(append(args, "--json")...).want(t, 0).out), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProfileAddsUp(t *testing.T) {
	p := profileOf(t, small("profile")...)
	if p.GPU != "H100" || !strings.Contains(p.Times, "not a measurement") {
		t.Errorf("times of %q are %q", p.GPU, p.Times)
	}
	var sum kernelProfile
	for _, k := range p.Kernels {
		sum.Launches += k.Launches
		sum.Flop += k.Flop
		sum.Bytes += k.Bytes
		sum.Sectors += k.Sectors
		sum.Barriers += k.Barriers
		sum.Seconds += k.Seconds
		sum.Share += k.Share
		instructions := uint64(0)
		for _, n := range k.Instructions {
			instructions += n
		}
		if instructions != k.ThreadInstructions {
			t.Errorf("%s: classes have %d instructions, all %d", k.Kernel, instructions, k.ThreadInstructions)
		}
		sum.ThreadInstructions += instructions
		if k.Registers == 0 || k.Occupancy <= 0 || k.Occupancy > 1 || k.Limit == "" || k.Bound == "" || k.Seconds <= 0 {
			t.Errorf("%s: %+v", k.Kernel, k)
		}
	}
	total := p.Total
	if sum.Launches != total.Launches || sum.Flop != total.Flop || sum.Bytes != total.Bytes || sum.Sectors != total.Sectors ||
		sum.Barriers != total.Barriers || sum.ThreadInstructions != total.ThreadInstructions {
		t.Errorf("the kernels sum up to %+v, the total is %+v", sum, total)
	}
	if math.Abs(sum.Seconds/total.Seconds-1) > 1e-9 || math.Abs(sum.Share-1) > 1e-9 {
		t.Errorf("estimated seconds sum up to %v of %v, shares to %v", sum.Seconds, total.Seconds, sum.Share)
	}
}

// explainedLaunches returns how often each kernel is launched, as explain says.
func explainedLaunches(t *testing.T, text string) map[string]int {
	t.Helper()
	_, table, found := strings.Cut(text, "times\n")
	if !found {
		t.Fatalf("no launches in\n%s", text)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	launches := map[string]int{}
	for line := range strings.Lines(table) {
		cells := strings.Fields(line)
		times, err := strconv.Atoi(cells[len(cells)-1])
		if err != nil {
			t.Fatal(err)
		}
		launches[cells[len(cells)-4]] += times
	}
	return launches
}

// The device that computes nothing gets the launches that the emulated GPU
// executes.
func TestExplainListsTheKernelsThatRun(t *testing.T) {
	explained := explainedLaunches(t, gputrain(small("explain")...).want(t, 0).out)
	p := profileOf(t, small("profile")...)
	for _, k := range p.Kernels {
		if explained[k.Kernel] != k.Launches {
			t.Errorf("%s: %d launches explained, %d profiled", k.Kernel, explained[k.Kernel], k.Launches)
		}
	}
	if len(explained) != len(p.Kernels) {
		t.Errorf("%d kernels explained, %d profiled", len(explained), len(p.Kernels))
	}
}
