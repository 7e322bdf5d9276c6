package emulator

import "slices"

// maxShrinking is how much effort it may take to shrink a schedule, in warp instructions.
// A launch counts as at least trialCost.
const (
	maxShrinking = 1 << 26
	trialCost    = 1 << 12
)

// A shrinking looks for few decisions under which a launch still has its fault.
type shrinking struct {
	fault *Report
	all   []decision // under which the fault was found last
	left  int64      // effort
	try   func(s *schedule) (*Report, int64)
}

// shrink returns the report of a launch with few decisions that has the same fault.
// try runs the launch again, from the same memory, and returns the effort.
// Decisions are left out, first many at once and at last each alone, as in delta
// debugging. Then smaller values are tried.
func shrink(fault *Report, try func(s *schedule) (*Report, int64)) *Report {
	noted := &schedule{launch: fault.Launch}
	try(noted)
	s := &shrinking{fault, nil, maxShrinking, try}
	if !s.found(noted.drawn) {
		return fault // there are too many decisions
	}
	for s.leaveOut() || s.lower() {
	}
	s.fault.Schedule = formatSchedule(fault.Launch, s.all)
	return s.fault
}

// found tells whether the fault is there under these decisions.
func (s *shrinking) found(all []decision) bool {
	if s.left <= 0 {
		return false
	}
	r, effort := s.try(newSchedule(s.fault.Launch, all))
	s.left -= max(effort, trialCost)
	if r == nil || r.Check != s.fault.Check {
		return false
	}
	s.fault, s.all = r, all
	return true
}

// leaveOut tells whether some decisions can be left out, and does so.
func (s *shrinking) leaveOut() bool {
	before := len(s.all)
	for size := before; size > 0; size /= 2 {
		for at := 0; at < len(s.all); {
			if !s.found(slices.Concat(s.all[:at], s.all[min(at+size, len(s.all)):])) {
				at += size
			}
		}
	}
	return len(s.all) < before
}

// lower tells whether the value of some decision can be smaller, and makes it so.
// The decisions after it may have been made for the old value. So it is also tried
// without them.
func (s *shrinking) lower() bool {
	for at, d := range s.all {
		for _, value := range []int{1, 2, d.value / 2, d.value - 1} {
			if value <= 0 || value >= d.value {
				continue
			}
			fewer := slices.Clone(s.all)
			fewer[at].value = value
			if s.found(fewer[:at+1]) || s.found(fewer) {
				return true
			}
		}
	}
	return false
}
