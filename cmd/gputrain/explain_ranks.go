package main

import (
	"fmt"
	"runtime"
	"strconv"
	"time"

	cpubackend "gputrain/cpu"
)

// linkFlags are flags of explain about what connects the ranks.
type linkFlags struct {
	Bandwidth float64       `default:"12.5" placeholder:"GB/s" help:"With --ranks: what each rank sends and receives in a second, in 10⁹ bytes; 12.5 is a link of 100 Gbit/s."`
	Latency   time.Duration `default:"50us" placeholder:"TIME" help:"With --ranks: what a sum over the ranks takes besides its bytes."`
	StepTime  time.Duration `default:"0" placeholder:"TIME" help:"With --ranks: what a step on one rank takes, as measured; if not set, what the products take at least."`
}

func (f *linkFlags) checkLink() error {
	switch {
	case !(f.Bandwidth > 0):
		return outOfRange("bandwidth", f.Bandwidth, "more than 0")
	case f.Latency < 0:
		return outOfRange("latency", f.Latency, "0 or more")
	case f.StepTime < 0:
		return outOfRange("step-time", f.StepTime, "0 or more, where 0 means unknown")
	}
	return nil
}

// scaling predicts how long a step takes that ranks share.
type scaling struct {
	ranks, batch   int
	divided, whole float64 // seconds of a step on one rank: what the ranks divide, and what each of them has
	bytes          float64 // of the gradient
	latency        float64 // seconds, of a sum
	bandwidth      float64 // bytes per second
	from           string  // where the time comes from
}

// sum returns the seconds of a sum over n ranks: α + 2·(n−1)/n·S/B.
func (s *scaling) sum(n int) float64 {
	if n == 1 {
		return 0
	}
	return s.latency + 2*float64(n-1)/float64(n)*s.bytes/s.bandwidth
}

// step returns those of a step on n ranks.
func (s *scaling) step(n int) float64 { return s.divided/float64(n) + s.whole + s.sum(n) }

// grown returns the efficiency of n ranks if the batch grows with their number.
func (s *scaling) grown(n int) float64 { return s.step(1) / (s.step(1) + s.sum(n)) }

// newScaling predicts for the ranks that the flags ask for and a batch that they share. e is
// of a step of one of them.
func newScaling(e *explanation, c *explainCommand, batch int) *scaling {
	s := &scaling{
		ranks: c.Ranks, batch: batch,
		bytes: float64(e.memory[1].bytes), latency: c.Latency.Seconds(), bandwidth: 1e9 * c.Bandwidth,
	}
	flops := e.flops * float64(batch) / float64(c.Batch) // of one rank with the whole batch
	switch {
	case c.StepTime > 0:
		s.divided, s.from = c.StepTime.Seconds(), "A step on one rank takes what --step-time says, and ranks divide all of it."
	case e.gpu != nil:
		s.divided, s.whole = flops/e.gpu.Float32, e.gaps()
		s.from = fmt.Sprintf("A step on one rank takes what its products take on the %s at the rate of float32, which ranks divide, and the gaps between its kernels, which each of them has.", e.gpu.Name)
	default:
		s.divided = flops / cpubackend.PeakFlops(runtime.GOMAXPROCS(0), 20*time.Millisecond)
		s.from = "A step on one rank takes what its products take at the peak rate of this CPU, and ranks divide all of it, each on such a machine."
	}
	return s
}

// counts returns the numbers of ranks of the table: powers of 2, and the one asked for.
func (s *scaling) counts() []int {
	var counts []int
	for n := 1; n < s.ranks; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, s.ranks)
}

// bend returns the smallest number of ranks that are less than half as fast as so many
// should be, up to far above those that are asked for; 0 if there is none.
func (s *scaling) bend() int {
	const most = 1 << 20
	for n := 2; n <= most; n++ {
		if float64(n)*s.step(n) > 2*s.step(1) {
			return n
		}
	}
	return 0
}

// text formats the prediction.
func (s *scaling) text(width int) string {
	var rows [][]string
	for _, n := range s.counts() {
		speedup := s.step(1) / s.step(n)
		rows = append(rows, []string{
			strconv.Itoa(n), strconv.Itoa(partSize(s.batch, n)), inUnits(s.step(n) - s.sum(n)), inUnits(s.sum(n)), inUnits(s.step(n)),
			decimal(speedup), fmt.Sprintf("%.0f %%", 100*speedup/float64(n)), fmt.Sprintf("%.0f %%", 100*s.grown(n)),
		})
	}
	text := wrapLines(fmt.Sprintf("\nranks that share a step (estimate, not a measurement); a sum moves the gradient, %s MiB\n\n", mebibytes(int64(s.bytes))), width)
	text += formatTable(width, 8, []string{"ranks", "samples", "compute", "sum", "step", "speedup", "efficiency", "if batch grows"}, rows)
	bend := "With this batch the ranks never fall below half of what as many should reach."
	if n := s.bend(); n > 0 {
		bend = fmt.Sprintf("It bends at %d ranks, which are less than half as fast as %[1]d should be: there the sum, and what each rank has for itself, take longer than the part that ranks divide. From there on a larger batch helps, not more ranks.", n)
	}
	return text + wrapLines("\n"+bend+"\n\n"+assumed([]string{
		s.from,
		fmt.Sprintf("A sum takes %v and 2·(N−1)/N of the bytes at %g GB/s, as --latency and --bandwidth say. Nothing is computed meanwhile. Copies between a GPU and its host are not counted.", time.Duration(s.latency*1e9), s.bandwidth/1e9),
		"“If batch grows” is the efficiency where each rank has as many samples as one has alone.",
	}), width)
}

// inUnits says a time in three digits.
func inUnits(seconds float64) string { return duration(time.Duration(seconds * float64(time.Second))) }
