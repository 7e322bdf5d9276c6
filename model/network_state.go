package model

import "gputrain/backend"

// State is a recurrent state that passes from chunk to chunk. All its tensors have
// the same shape and a row for each sequence.
type State struct {
	Name string // "lstm.h_l0"

	Initial backend.Tensor // before the first step; set by the caller
	Final   backend.Tensor // after the last step; set by Forward, or by Backward for a gradient in progress (RTRL)

	// Absent if the layer's learning rule sends no error from chunk to chunk.
	InitialGrad backend.Tensor // gradient of Initial; set by Backward
	FinalGrad   backend.Tensor // gradient of Final; set by the caller, zero at first

	// Reversed marks the state of a layer that goes backward in time. Such a state
	// begins after the last step, and the next chunk does not continue it.
	Reversed bool
}

// States returns the states of the recurrent layers with Stateful set, for passes
// of the given sizes. The states of other sizes lie elsewhere in the same memory,
// so set Initial again whenever a size changes, and FinalGrad if it was ever set.
// To continue the sequences, copy each Final to its Initial between two passes.
func (n *Network) States(steps, batch int) []State {
	var states []State
	in := Shape{Steps: steps, Batch: batch, Width: n.input.Width}
	for _, s := range n.stages {
		if recurrent, ok := s.module.(stater); ok {
			for _, state := range recurrent.States(in.Steps, batch) {
				state.Name = s.Name + "." + state.Name
				states = append(states, state)
			}
		}
		in = s.output(in)
	}
	return states
}

// Restarts returns the names of the recurrent stages that are not Stateful. They
// begin each Forward at zero, even one that continues a sequence.
func (n *Network) Restarts() []string {
	var names []string
	for _, s := range n.stages {
		if recurrent, ok := s.module.(stater); ok && len(recurrent.States(1, 1)) == 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

// stater is a recurrent Module. It has no States unless its layer is Stateful.
type stater interface {
	States(steps, batch int) []State
}
