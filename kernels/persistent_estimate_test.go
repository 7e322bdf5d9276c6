package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/internal/written"
	"gputrain/kernels"
)

// The estimates of docs/kernels.md follow from the recorded loops.
func TestEstimatedTimesOfPersistentLayers(t *testing.T) {
	var table strings.Builder
	table.WriteString("\n| layer | math | H100 | A100 |\n|---|---|---|---|\n")
	for _, size := range []struct{ hidden, batch int }{{512, 64}, {768, 16}, {1024, 64}} {
		for _, math := range kernels.Maths() {
			fmt.Fprintf(&table, "| H%d N%d | %s | %s | %s |\n", size.hidden, size.batch, math,
				estimate(math, size.batch, size.hidden, h100, h100Clocks),
				estimate(math, size.batch, size.hidden, a100, a100Clocks))
		}
	}
	written.Table(t, "../docs/kernels.md", "go test ./kernels -run TestEstimatedTimes -update", table.String(), *update)
}

// Layers by steps have the estimates by which their kernels are chosen. docs/kernels.md holds
// them.
func TestEstimatedTimesOfSteps(t *testing.T) {
	const steps = 25
	var table strings.Builder
	table.WriteString("\n| layer | math | H100 | A100 |\n|---|---|---|---|\n")
	for _, c := range []struct {
		layer         string
		hidden, batch int
	}{{"lstm", 2048, 64}, {"lstm", 2048, 128}, {"gru", 2048, 128}, {"rnn", 2048, 128}} {
		for _, math := range kernels.Maths() {
			maths := slices.Compact([]string{"float32", math})
			times := func(d kernels.Device, perMicrosecond float64) string {
				forward, backward := kernels.StepClocks(maths, c.layer, steps, c.batch, c.hidden, d)
				return fmt.Sprintf("%.0f / %.0f", forward/perMicrosecond, backward/perMicrosecond)
			}
			fmt.Fprintf(&table, "| %s H%d N%d | %s | %s | %s |\n", strings.ToUpper(c.layer), c.hidden, c.batch, math,
				times(h100, h100Clocks), times(a100, a100Clocks))
		}
	}
	written.Table(t, "../docs/kernels.md", "go test ./kernels -run TestEstimatedTimesOfSteps -update", table.String(), *update)
}

// Clocks per µs of an H100 and of an A100.
const h100Clocks, a100Clocks = 1830, 1410

// estimate returns the times of a step of an LSTM, forward and backward, on a device with so
// many clocks per µs.
func estimate(math string, batch, hidden int, on kernels.Device, perMicrosecond float64) string {
	const (
		fixed = 2500 + 1800 // clocks of a step: loads, cells and stores, and a barrier
		warps = 2           // of a scheduler, of which a multiprocessor has 4
	)
	// How many rows one iteration of a loop is for. On tensor cores they are 8.
	together := map[string]int{"lstm_forward_512": 2, "lstm_forward_1024": 4, "lstm_backward_512": 2, "lstm_backward_1024": 1}
	var times []string
	for _, pass := range []string{"lstm_forward", "lstm_backward"} {
		p, err := kernels.PlanPersistent(kernels.PersistentPass(pass, math), 1, 2, batch, hidden, on.Multiprocessors)
		if err != nil {
			return "by steps"
		}
		// A scheduler has a quarter of the lanes. An mma has 2048 multiply-adds of bfloat16, or
		// half as many of TF32.
		loop, rows, each := kernels.Loops()[p.Kernel], together[p.Kernel], 4*32/float64(on.Lanes)
		if rows == 0 {
			rows, each = 8, 4*2048/float64(on.Tensor)
		}
		clocks := max(float64(loop.Instructions), each*float64(loop.Multiplications))*warps*float64(p.Rows)/float64(rows) + fixed
		times = append(times, fmt.Sprintf("%.1f", clocks/perMicrosecond))
	}
	return strings.Join(times, " / ")
}

// All persistent layers on tensor cores are recorded, with all of their products: a warp has
// one for 16 columns, 8 rows and 8 or 16 numbers of k, and three of them in tf32x3.
func TestPersistentLoopsHaveAllProducts(t *testing.T) {
	const warps = 8
	for _, layer := range []string{"lstm", "rnn", "gru"} {
		slots := map[string]int{"lstm": 4, "rnn": 1, "gru": 4}[layer]
		for _, pass := range []string{layer + "_forward", layer + "_backward"} {
			for _, math := range tensorMaths() {
				k := map[string]int{"tf32x3": 8, "tf32": 8, "bf16": 16}[math]
				for _, most := range []int{256, 512, 1024} {
					p, err := kernels.PlanPersistent(pass+"_"+math, 1, 2, 1, most, most)
					if err != nil {
						t.Fatal(err)
					}
					want := p.Units * slots * most / (16 * k * warps)
					if math == "tf32x3" {
						want *= 3
					}
					if l := kernels.Loops()[p.Kernel]; l.Multiplications != want || l.Instructions <= want {
						t.Errorf("the loop of %s is recorded with %d products among %d instructions, want %d", p.Kernel, l.Multiplications, l.Instructions, want)
					}
				}
			}
		}
	}
}
