package train

import (
	"gputrain/backend"
	"gputrain/data"
)

// lossFeed holds what some losses need besides labels and values.
type lossFeed struct {
	scratch []backend.Tensor // for the largest batch
	windows []backend.Tensor // of scratch, for a batch
	classes *classFeed       // nil unless the loss is CrossEntropy with Weights or Smoothing
	binary  *binaryFeed      // nil unless the loss is BCEWithLogits
}

// newLossFeed makes what loss needs. A loss that wraps another has a method Unwrap, as
// errors have.
func newLossFeed(m *memory, loss Loss, rows, cols int) lossFeed {
	var f lossFeed
	for {
		wrapper, ok := loss.(interface{ Unwrap() Loss })
		if !ok {
			break
		}
		loss = wrapper.Unwrap()
	}
	if s, ok := loss.(ScratchLoss); ok {
		f.windows = make([]backend.Tensor, s.Scratch())
		for range f.windows {
			f.scratch = append(f.scratch, m.tensor(rows, cols))
		}
	}
	switch loss := loss.(type) {
	case CrossEntropy:
		if !loss.plain() && loss.checkOptions(cols) == nil {
			f.classes = newClassFeed(m, loss, rows, cols)
		}
	case BCEWithLogits:
		if loss.checkOptions(cols) == nil {
			f.binary = newBinaryFeed(m, loss, rows, cols)
		}
	}
	return f
}

// prepare completes target, of batch, for the loss.
func (f *feed) prepare(b backend.Backend, batch data.Batch, target *Target) {
	rows := max(target.Labels.N, target.Values.Rows)
	for i, scratch := range f.scratch {
		f.windows[i] = scratch.Slice(0, rows)
	}
	target.Scratch = f.windows
	if f.classes != nil && batch.Labels != nil {
		target.classes = f.classes.upload(b, f.labelsHost[:len(batch.Labels)])
	}
	if f.binary != nil && batch.Targets != nil {
		target.binary = f.binary.upload(b, batch.Targets, f.values.Cols, func(row int) bool {
			return (batch.Mask == nil || batch.Mask[row] == 1) && !(f.everyStep && batch.Padding(row))
		})
	}
}
