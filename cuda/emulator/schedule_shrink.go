package emulator

import "slices"

// maxTrials is how often a launch is repeated to shrink its schedule.
const maxTrials = 2000

// A shrinking looks for few decisions under which a launch still has its fault.
type shrinking struct {
	fault *Report
	all   []decision // under which the fault was found last
	left  int        // trials
	try   func(s *schedule) *Report
}

// shrink returns the report of a launch with few decisions that has the same fault.
// try runs the launch again, from the same memory. Decisions are left out, first many
// at once and at last each alone, as in delta debugging. Then smaller values are tried.
func shrink(fault *Report, try func(s *schedule) *Report) *Report {
	noted := &schedule{launch: fault.Launch}
	r := try(noted)
	if r == nil || r.Check != fault.Check {
		return fault // too long to be noted, or a race that another thread has found first
	}
	s := &shrinking{r, noted.drawn, maxTrials, try}
	for s.leaveOut() || s.lower() {
	}
	s.fault.Schedule = formatSchedule(fault.Launch, s.all)
	return s.fault
}

// found tells whether the fault is there under these decisions.
func (s *shrinking) found(all []decision) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	r := s.try(newSchedule(s.fault.Launch, all))
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
