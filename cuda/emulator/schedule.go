package emulator

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A GPU leaves open in which order blocks, warps and lanes run. Here these are
// decisions, each a number. Options.Seed draws them. 0 always means the calm way: go
// on with the block and the warp that ran last, until they must wait.

// A schedule gives the decisions of a launch, or notes those that are drawn.
type schedule struct {
	launch int
	fixed  map[turn]decision // the decisions that are not 0; nil if they are drawn
	drawn  []decision        // those that were drawn and are not 0
}

// A turn says which decision is meant: of which block, and the how many-th of it.
type turn struct {
	block  int // number in the grid; noBlock for a decision of the launch
	number int
}

const noBlock = -1

// A decision is a value at a turn. The kind is for the reader.
type decision struct {
	turn
	kind  string
	value int
}

// The kinds of decisions.
const (
	decideOrder = "order" // the step between the numbers of blocks that start one after the other
	decideBlock = "block" // how many blocks to go on by
	decideWarp  = "warp"  // how many warps to go on by
	decideStop  = "stop"  // after how many instructions the warp stops
	decidePath  = "path"  // which path of a branch goes first
	decideLane  = "lane"  // which lane of an atomic instruction goes first
)

// maxDecisions is the number of decisions that are noted of a launch.
const maxDecisions = 1 << 20

// decide returns the decision at a turn. drawn is what the seed says.
func (s *schedule) decide(at turn, kind string, drawn int) int {
	if s.fixed != nil {
		return s.fixed[at].value
	}
	if drawn != 0 && len(s.drawn) < maxDecisions {
		s.drawn = append(s.drawn, decision{at, kind, drawn})
	}
	return drawn
}

// decide makes a decision of the block.
func (b *block) decide(kind string, drawn int) int {
	s := b.launch.schedule
	if s == nil {
		return drawn
	}
	b.decisions++
	return s.decide(turn{b.number, b.decisions}, kind, drawn)
}

// choose decides for one of n ways.
func (b *block) choose(kind string, n int) int {
	if n == 1 {
		return 0
	}
	return b.decide(kind, b.random.IntN(n)) % n
}

// decide makes a decision of the launch.
func (l *launch) decide(kind string, drawn int) int {
	if l.schedule == nil {
		return drawn
	}
	l.decisions++
	return l.schedule.decide(turn{noBlock, l.decisions}, kind, drawn)
}

// newSchedule returns the schedule of a launch with these decisions.
func newSchedule(launch int, all []decision) *schedule {
	s := &schedule{launch: launch, fixed: map[turn]decision{}}
	for _, d := range all {
		s.fixed[d.turn] = d
	}
	return s
}

// formatSchedule writes decisions for Options.Schedule.
func formatSchedule(launch int, all []decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "launch %d", launch)
	for i, d := range all {
		fmt.Fprintf(&b, "%c ", ":,"[min(i, 1)])
		if d.block != noBlock {
			fmt.Fprintf(&b, "%d.", d.block)
		}
		fmt.Fprintf(&b, "%d %s %d", d.number, d.kind, d.value)
	}
	return b.String()
}

// parseSchedule reads what formatSchedule has written.
func parseSchedule(text string) (*schedule, error) {
	head, list, _ := strings.Cut(text, ":")
	launch := 0
	if _, err := fmt.Sscanf(head, "launch %d", &launch); err != nil || launch < 1 {
		return nil, fmt.Errorf("cuda emulator: Options.Schedule is %q, which does not begin with a launch, such as launch 1: 3.7 warp 2", text)
	}
	var all []decision
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		d := decision{turn: turn{block: noBlock}}
		_, err := fmt.Sscanf(part, "%d.%d %s %d", &d.block, &d.number, &d.kind, &d.value)
		if err != nil {
			d.block = noBlock
			_, err = fmt.Sscanf(part, "%d %s %d", &d.number, &d.kind, &d.value)
		}
		if err != nil || d.value < 0 {
			return nil, fmt.Errorf("cuda emulator: Options.Schedule: %q is not a decision, such as 3.7 warp 2", part)
		}
		all = append(all, d)
	}
	return newSchedule(launch, all), nil
}

// drawStop draws after how many instructions a warp stops, or 0 to go on until it
// must wait.
func drawStop(random *rand.Rand) int {
	switch r := random.Uint32(); r & 3 {
	case 0:
		return 1 + int(r>>2)%8
	case 1:
		return 1 + int(r>>2)%128
	}
	return 0
}
