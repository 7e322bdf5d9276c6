// Package tasks holds the problems on which the literature compares networks.
//
// Those with sequences implement data.Task: Parity, Reber, ContinualReber,
// LongLag, Distractors, Adding, Multiplication, TemporalOrder, SpikeDelays,
// TimedSpikes, PeriodicFunction and CopyMemory. Those without are the functions
// Gate.Table and MackeyGlass. The doc comment of each names its paper.
package tasks

import "fmt"

// atLeast panics if a size of a task is too small.
func atLeast(task, field string, value, least int) {
	if value < least {
		panic(fmt.Sprintf("tasks: %s: %s is %d, want at least %d", task, field, value, least))
	}
}
