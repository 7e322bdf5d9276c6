package data

import "fmt"

// Chunk returns the time steps from..to−1 of b. It shares the memory of b,
// except for Lengths, which the next call of Chunk overwrites. It panics if b
// has no such steps. Unless the range is all of b, it also panics if b does not
// have a label or target per time step.
func (b Batch) Chunk(from, to int) Batch {
	if from < 0 || to <= from || to > b.Steps {
		panic(fmt.Sprintf("data: Chunk: steps %d to %d of a batch of %d", from, to, b.Steps))
	}
	if to-from == b.Steps {
		return b
	}
	return Batch{
		Size: b.Size, Steps: to - from,
		X:       steps("X", b, b.X, from, to),
		IDs:     steps("IDs", b, b.IDs, from, to),
		Lengths: b.lengthsWithin(from, to),
		Labels:  steps("Labels", b, b.Labels, from, to),
		Targets: steps("Targets", b, b.Targets, from, to),
		Mask:    steps("Mask", b, b.Mask, from, to),
	}
}

// lengthsWithin returns how many of the time steps each sample has; nil means
// all.
func (b Batch) lengthsWithin(from, to int) []int32 {
	if b.Lengths == nil {
		return nil
	}
	lengths := b.chunkLengths
	if lengths == nil {
		lengths = make([]int32, len(b.Lengths))
	}
	for i, length := range b.Lengths {
		lengths[i] = min(max(length-int32(from), 0), int32(to-from))
	}
	return lengths
}

// steps returns the part of values, [Steps·Size, ...], that belongs to the time
// steps. nil gives nil.
func steps[T any](name string, b Batch, values []T, from, to int) []T {
	if values == nil {
		return nil
	}
	rows := b.Steps * b.Size
	if rows > 0 && len(values)%rows != 0 || rows == 0 && len(values) > 0 {
		panic(fmt.Sprintf("data: Chunk: %s has %d elements for %d time steps of %d samples", name, len(values), b.Steps, b.Size))
	}
	step := len(values) / b.Steps
	return values[from*step : to*step]
}
