package backend

// MemoryBlockSequenceArgs are the operands of MemoryBlockForward: memory
// blocks over a sequence of T steps of N sequences, rows t·N..(t+1)·N−1 of a
// [T·N, ...] tensor being time step t. The sources of a step are
//
//	y_m = [x(t); gates(t−1); y(t−1); 1]
//
// where the gates, in, φ (if there are forget gates) and out, are there or not,
// as M says. Outputs must not overlap any other operand.
type MemoryBlockSequenceArgs struct {
	Batch, Blocks int    // N, B; T and S follow from X and S
	G, H          Squash // of the input and the output of a cell

	X      Tensor // [T·N, D] in
	Weight Tensor // [U, M] in, rows in, φ, out, cells
	Peep   Tensor // [3, B·S] in, optional: see MemoryBlockArgs

	Source Tensor // [T·N, M] out: y_m; but for the last column, in: 1

	// Their first N rows are those before the first step, in; the rest is out.
	Gates Tensor // [(T+1)·N, U]: in, φ, out, g(z)
	S, Y  Tensor // [(T+1)·N, B·S]
}

// Steps returns T.
func (a MemoryBlockSequenceArgs) Steps() int {
	if a.Batch == 0 {
		return 0
	}
	return a.X.Rows / a.Batch
}

// Feedback returns the number of gates among the sources.
func (a MemoryBlockSequenceArgs) Feedback() int { return a.Source.Cols - a.X.Cols - a.S.Cols - 1 }

// MemoryBlockSequenceGradArgs are the operands of MemoryBlockBackward. The
// embedded operands are as MemoryBlockForward left them, all in. Outputs must
// not overlap any other operand.
type MemoryBlockSequenceGradArgs struct {
	MemoryBlockSequenceArgs

	DY Tensor // [T·N, B·S] in

	// As in MemoryBlockGradArgs, the partials before the first step on entry.
	PIn, PForget, PCell Tensor // [N·B·S, M or M+S] in and out
	DW                  Tensor // [U, M] in and out
	DPeep               Tensor // [3, B·S] in and out, present if Peep is
}

// MemoryBlockSequencer is a backend with memory blocks fused over all time
// steps.
type MemoryBlockSequencer interface {
	MemoryBlockForward(MemoryBlockSequenceArgs)
	MemoryBlockBackward(MemoryBlockSequenceGradArgs)
}

// step returns the operands of MemoryBlock at step t.
func (a MemoryBlockSequenceArgs) step(t int) MemoryBlockArgs {
	from, to := t*a.Batch, (t+1)*a.Batch
	return MemoryBlockArgs{
		Blocks: a.Blocks, G: a.G, H: a.H,
		Gates: a.Gates.Slice(from+a.Batch, to+a.Batch),
		SPrev: a.S.Slice(from, to),
		Peep:  a.Peep,
		S:     a.S.Slice(from+a.Batch, to+a.Batch),
		Y:     a.Y.Slice(from+a.Batch, to+a.Batch),
	}
}
