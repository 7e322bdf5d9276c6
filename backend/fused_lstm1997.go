package backend

// LSTM1997Path names the path that memory blocks take on b.
func LSTM1997Path(b Backend) string {
	if _, ok := b.(LSTM1997Sequencer); ok {
		return PathSequence
	}
	return PathCell
}

// LSTM1997Forward runs memory blocks over a sequence. See
// LSTM1997Args.
func LSTM1997Forward(b Backend, a LSTM1997Args) {
	CheckLSTM1997Forward(nil, a)
	if s, ok := b.(LSTM1997Sequencer); ok {
		s.LSTM1997Forward(a)
		return
	}
	ComposedLSTM1997Forward(b, a)
}

// ComposedLSTM1997Forward is LSTM1997Forward as a loop over the time steps. It checks
// nothing.
func ComposedLSTM1997Forward(b Backend, a LSTM1997Args) {
	n, inputs, gates := a.Batch, a.X.Cols, a.Feedback()
	b.CopyCols(a.Source, 0, a.X, 0, inputs)
	for t := range a.Steps() {
		before, now := t*n, (t+1)*n
		source, step := a.Source.Slice(before, now), a.step(t)
		b.CopyCols(source, inputs, a.Gates.Slice(before, now), 0, gates)
		b.CopyCols(source, inputs+gates, a.Y.Slice(before, now), 0, a.Y.Cols)
		b.Gemm(step.Gates, NoTrans, Trans, 1, source, a.Weight, 0)
		b.LSTM1997Cell(step)
	}
}

// LSTM1997Backward adds the truncated gradient of LSTM1997Forward. It
// goes forward in time, as the partials do, and meets the error of each step
// there. See LSTM1997GradArgs.
func LSTM1997Backward(b Backend, a LSTM1997GradArgs) {
	CheckLSTM1997Backward(nil, a)
	if s, ok := b.(LSTM1997Sequencer); ok {
		s.LSTM1997Backward(a)
		return
	}
	ComposedLSTM1997Backward(b, a)
}

// ComposedLSTM1997Backward is LSTM1997Backward as a loop over the time steps. It checks
// nothing.
func ComposedLSTM1997Backward(b Backend, a LSTM1997GradArgs) {
	for t := range a.Steps() {
		from, to := t*a.Batch, (t+1)*a.Batch
		b.LSTM1997CellGrad(LSTM1997CellGradArgs{
			LSTM1997CellArgs: a.step(t),
			Source:           a.Source.Slice(from, to),
			DY:               a.DY.Slice(from, to),
			PIn:              a.PIn, PForget: a.PForget, PCell: a.PCell,
			DW: a.DW, DPeep: a.DPeep,
		})
	}
}
