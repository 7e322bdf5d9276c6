package backend

// MemoryBlockPath names the path that memory blocks take on b.
func MemoryBlockPath(b Backend) string {
	if _, ok := b.(MemoryBlockSequencer); ok {
		return PathSequence
	}
	return PathCell
}

// MemoryBlockForward runs memory blocks over a sequence. See
// MemoryBlockSequenceArgs.
func MemoryBlockForward(b Backend, a MemoryBlockSequenceArgs) {
	CheckMemoryBlockForward(nil, a)
	if s, ok := b.(MemoryBlockSequencer); ok {
		s.MemoryBlockForward(a)
		return
	}
	n, inputs, gates := a.Batch, a.X.Cols, a.Feedback()
	b.CopyCols(a.Source, 0, a.X, 0, inputs)
	for t := range a.Steps() {
		before, now := t*n, (t+1)*n
		source, step := a.Source.Slice(before, now), a.step(t)
		b.CopyCols(source, inputs, a.Gates.Slice(before, now), 0, gates)
		b.CopyCols(source, inputs+gates, a.Y.Slice(before, now), 0, a.Y.Cols)
		b.Gemm(step.Gates, NoTrans, Trans, 1, source, a.Weight, 0)
		b.MemoryBlock(step)
	}
}

// MemoryBlockBackward adds the truncated gradient of MemoryBlockForward. It
// goes forward in time, as the partials do, and meets the error of each step
// there. See MemoryBlockSequenceGradArgs.
func MemoryBlockBackward(b Backend, a MemoryBlockSequenceGradArgs) {
	CheckMemoryBlockBackward(nil, a)
	if s, ok := b.(MemoryBlockSequencer); ok {
		s.MemoryBlockBackward(a)
		return
	}
	for t := range a.Steps() {
		from, to := t*a.Batch, (t+1)*a.Batch
		b.MemoryBlockGrad(MemoryBlockGradArgs{
			MemoryBlockArgs: a.step(t),
			Source:          a.Source.Slice(from, to),
			DY:              a.DY.Slice(from, to),
			PIn:             a.PIn, PForget: a.PForget, PCell: a.PCell,
			DW: a.DW, DPeep: a.DPeep,
		})
	}
}
