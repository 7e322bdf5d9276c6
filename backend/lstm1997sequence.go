package backend

// LSTM1997Args are the operands of LSTM1997Forward: memory
// blocks over a sequence of T steps of N sequences, rows t·N..(t+1)·N−1 of a
// [T·N, ...] tensor being time step t. The sources of a step are
//
//	y_m = [x(t); gates(t−1); y(t−1); 1]
//
// where the gates, in, φ (if there are forget gates) and out, are there or not,
// as M says. Outputs must not overlap any other operand.
type LSTM1997Args struct {
	Batch, Blocks int    // N, B; T and S follow from X and S
	G, H          Squash // of the input and the output of a cell

	X      Tensor // [T·N, D] in
	Weight Tensor // [U, M] in, rows in, φ, out, cells
	Peep   Tensor // [3, B·S] in, optional: see LSTM1997CellArgs

	Source Tensor // [T·N, M] out: y_m; but for the last column, in: 1

	// Their first N rows are those before the first step, in; the rest is out.
	Gates Tensor // [(T+1)·N, U]: in, φ, out, g(z)
	S, Y  Tensor // [(T+1)·N, B·S]
}

// Steps returns T.
func (a LSTM1997Args) Steps() int {
	if a.Batch == 0 {
		return 0
	}
	return a.X.Rows / a.Batch
}

// Feedback returns the number of gates among the sources.
func (a LSTM1997Args) Feedback() int { return a.Source.Cols - a.X.Cols - a.S.Cols - 1 }

// LSTM1997GradArgs are the operands of LSTM1997Backward. The
// embedded operands are as LSTM1997Forward left them, all in. Outputs must
// not overlap any other operand.
type LSTM1997GradArgs struct {
	LSTM1997Args

	DY Tensor // [T·N, B·S] in

	// As in LSTM1997CellGradArgs, the partials before the first step on entry.
	PIn, PForget, PCell Tensor // [N·B·S, M or M+S] in and out
	DW                  Tensor // [U, M] in and out
	DPeep               Tensor // [3, B·S] in and out, present if Peep is
}

// LSTM1997Sequencer is a backend with memory blocks fused over all time
// steps.
type LSTM1997Sequencer interface {
	LSTM1997Forward(LSTM1997Args)
	LSTM1997Backward(LSTM1997GradArgs)
}

// step returns the operands of LSTM1997Cell at step t.
func (a LSTM1997Args) step(t int) LSTM1997CellArgs {
	from, to := t*a.Batch, (t+1)*a.Batch
	return LSTM1997CellArgs{
		Blocks: a.Blocks, G: a.G, H: a.H,
		Gates: a.Gates.Slice(from+a.Batch, to+a.Batch),
		SPrev: a.S.Slice(from, to),
		Peep:  a.Peep,
		S:     a.S.Slice(from+a.Batch, to+a.Batch),
		Y:     a.Y.Slice(from+a.Batch, to+a.Batch),
	}
}
