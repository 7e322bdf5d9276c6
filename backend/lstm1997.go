package backend

import "math"

// Squash is f(x) = Range·tanh(Slope·x), which is the logistic function of
// slope 2·Slope, scaled to (−Range, Range). The zero value is f(x) = x.
type Squash struct{ Range, Slope float64 }

// SquashInput returns g(x) = 4σ(x) − 2 of the paper of 1997.
func SquashInput() Squash { return Squash{Range: 2, Slope: 0.5} }

// SquashOutput returns h(x) = 2σ(x) − 1 of the paper of 1997.
func SquashOutput() Squash { return Squash{Range: 1, Slope: 0.5} }

// Of returns f(x).
func (f Squash) Of(x float64) float64 {
	if f == (Squash{}) {
		return x
	}
	return f.Range * math.Tanh(f.Slope*x)
}

// Grad returns f'(x), given y = f(x).
func (f Squash) Grad(y float64) float64 {
	if f == (Squash{}) {
		return 1
	}
	return f.Slope * (f.Range - y*y/f.Range)
}

// LSTM1997CellArgs are the operands of LSTM1997Cell, one time step of N
// sequences. Outputs must not overlap any other operand.
//
// Memory blocks are the hidden layer of the LSTM of 1997 (Hochreiter,
// Schmidhuber) and of its successors with forget gates (Gers, Schmidhuber,
// Cummins 2000) and peepholes (Gers, Schraudolph, Schmidhuber 2002): B blocks
// of S cells. The cells v of a block j share its gates. There are M source units,
// whose activations y_m are the columns of Source, and U = 2B + B·S units with
// weights (3B + B·S with forget gates), in the order of the columns of Gates. One
// time step is
//
//	z     = W·y_m
//	in_j  = σ(z_in_j + Σ_{v∈j} p_in_v·s_v(t−1))
//	φ_j   = σ(z_φ_j + Σ_{v∈j} p_φ_v·s_v(t−1))       1 without forget gates
//	s_v   = φ_j·s_v(t−1) + in_j·g(z_v)
//	out_j = σ(z_out_j + Σ_{v∈j} p_out_v·s_v)
//	y_v   = out_j·h(s_v)
//
// The product z = W·y_m is a Gemm, before LSTM1997Cell.
type LSTM1997CellArgs struct {
	Blocks int    // B; the number of cells of a block follows from the columns of S
	G, H   Squash // of the input and the output of a cell

	Gates Tensor // [N, U] in: z; out: in, φ (if there are forget gates), out, g(z)
	SPrev Tensor // [N, B·S] in: s(t−1)
	Peep  Tensor // [3, B·S] in, optional: rows p_in, p_φ, p_out; p_φ is not read without forget gates
	S, Y  Tensor // [N, B·S] out
}

// Forget reports whether the blocks have forget gates.
func (a LSTM1997CellArgs) Forget() bool { return a.Gates.Cols == 3*a.Blocks+a.S.Cols }

// LSTM1997CellGradArgs are the operands of LSTM1997CellGrad, for one time step
// of N sequences. The embedded operands are as LSTM1997Cell left them, all in.
// The truncated gradient is computed forward in time, as in appendix A.1 of the
// paper of 1997. The paper's errors are target minus output. Here e and DW are
// gradients of the loss, so they have the other sign, and there is no learning
// rate. in' = in·(1−in), and so on, are derivatives. DY holds the gradients of the
// outputs of the cells at this step.
//
//	dS_in[v,m] = φ_j·dS_in[v,m] + g(z_v)·in'_j·y_m
//	dS_φ[v,m]  = φ_j·dS_φ[v,m]  + s_v(t−1)·φ'_j·y_m
//	dS_c[v,m]  = φ_j·dS_c[v,m]  + in_j·g'(z_v)·y_m
//	e_v        = DY_v·out_j·h'(s_v)
//	DW[in_j,m]  += Σ_{v∈j} e_v·dS_in[v,m]
//	DW[φ_j,m]   += Σ_{v∈j} e_v·dS_φ[v,m]
//	DW[v,m]     += e_v·dS_c[v,m]
//	DW[out_j,m] += out'_j·(Σ_{v∈j} h(s_v)·DY_v)·y_m
//
// DW is summed over the sequences in order. Cells whose DY is 0 may be left out
// of the sums, whatever else they hold. No error flows out of a block into its
// sources, at this step or an earlier one: that is the truncation. Peepholes are
// weights too. Their source is s(t−1) of the block, or s(t) for the output gate;
// their partials stand in PIn and PForget behind those of the M sources.
//
// Outputs must not overlap any other operand.
type LSTM1997CellGradArgs struct {
	LSTM1997CellArgs

	Source Tensor // [N, M] in: y_m
	DY     Tensor // [N, B·S] in

	// Partials ∂s_v/∂W[u,m] by the weights of the input gate, the forget gate and
	// the cell: of s(t−1) on entry, of s(t) afterwards. Rows n·B·S + v. With
	// peepholes PIn and PForget have S more columns, one for each cell of the
	// block. PForget is present if there are forget gates.
	PIn, PForget, PCell Tensor // [N·B·S, M or M+S] in and out

	DW    Tensor // [U, M] in and out
	DPeep Tensor // [3, B·S] in and out, present if Peep is; row 1 is left alone without forget gates
}

// LSTM1997 holds the operations for memory blocks, the LSTM of 1997.
type LSTM1997 interface {
	// LSTM1997Cell computes one time step, after the product with the weights.
	LSTM1997Cell(LSTM1997CellArgs)

	// LSTM1997CellGrad adds one time step to the truncated gradient.
	LSTM1997CellGrad(LSTM1997CellGradArgs)
}

// LSTM1997Args are the operands of LSTM1997Forward: memory blocks over T steps of
// N sequences. Rows t·N..(t+1)·N−1 of a [T·N, ...] tensor are time step t. The
// sources of a step are
//
//	y_m = [x(t); gates(t−1); y(t−1); 1]
//
// The gates are in, φ (if there are forget gates) and out. M tells whether they are
// among the sources. Outputs must not overlap any other operand.
type LSTM1997Args struct {
	Batch, Blocks int    // N, B; T and S follow from X and S
	G, H          Squash // of the input and the output of a cell

	X      Tensor // [T·N, D] in
	Weight Tensor // [U, M] in, rows in, φ, out, cells
	Peep   Tensor // [3, B·S] in, optional: see LSTM1997CellArgs

	Source Tensor // [T·N, M] out: y_m, except for the last column, which is in: all 1

	// The first N rows are in, from before the first step; the rest is out.
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

// Forget reports whether the blocks have forget gates.
func (a LSTM1997Args) Forget() bool { return a.Gates.Cols == 3*a.Blocks+a.S.Cols }

// Feedback returns the number of gates among the sources.
func (a LSTM1997Args) Feedback() int { return a.Source.Cols - a.X.Cols - a.S.Cols - 1 }

// LSTM1997GradArgs are the operands of LSTM1997Backward. The embedded operands
// are as LSTM1997Forward left them, all in. Outputs must not overlap any other
// operand.
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
