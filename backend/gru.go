package backend

// GRUDims are the sizes of a GRU layer over a sequence.
type GRUDims struct {
	Steps, Batch, Input, Hidden int // T, N, D, H
}

// GRUArgs are the operands of GRUForward. Outputs must not overlap any other
// operand.
//
// The GRU is the one of Cho et al. 2014 in PyTorch's layout, whose reset gate
// acts after the recurrent product. Rows t·N..(t+1)·N−1 of a [T·N, ...] tensor
// are time step t. For t = 0..T−1:
//
//	v   = x_t·WIHᵀ + BIH                           columns r, z, n of H each
//	u   = h_{t−1}·WHHᵀ + BHH
//	r   = σ(v_r + u_r)
//	z   = σ(v_z + u_z)
//	n   = tanh(v_n + r ⊙ u_n)
//	h_t = (1−z) ⊙ n + z ⊙ h_{t−1}
type GRUArgs struct {
	Batch int // N; T follows from X

	X        Tensor // [T·N, D] in
	WIH      Tensor // [3H, D] in, rows r, z, n
	WHH      Tensor // [3H, H] in
	BIH, BHH Tensor // [1, 3H] in, each optional

	H         Tensor // [(T+1)·N, H]: the first N rows h_{−1}, in; the rest h_t, out
	Gates     Tensor // [T·N, 3H] out: r, z, n after their nonlinearities
	Recurrent Tensor // [T·N, 3H] out: u

	Scratch Tensor // GRUScratch elements or more, contents unspecified
}

// Dims returns the sizes of the layer.
func (a GRUArgs) Dims() GRUDims { return GRUDims(a.rnn().Dims()) }

// rnn returns the operands that an RNN has too.
func (a GRUArgs) rnn() RNNArgs {
	return RNNArgs{Batch: a.Batch, X: a.X, WIH: a.WIH, WHH: a.WHH, BIH: a.BIH, BHH: a.BHH, H: a.H, Scratch: a.Scratch}
}

// GRUGradArgs are the operands of GRUBackward. The embedded operands are as
// GRUForward left them, all in. Gradients of parameters are added to what is
// there, unless Overwrite is set; the others are overwritten. Outputs must not overlap
// any other operand, except that DV may be Gates and DU may be Recurrent.
type GRUGradArgs struct {
	GRUArgs

	DY     Tensor // [T·N, H] in: gradient of h_0..h_{T−1} from above
	DHLast Tensor // [N, H] in, optional: gradient of the final h

	DV, DU     Tensor // [T·N, 3H] out: gradients of v and of u
	DX         Tensor // [T·N, D] out, optional
	DH0        Tensor // [N, H] out, optional: gradient of h_{−1}
	DWIH, DWHH Tensor // [3H, D], [3H, H] in and out
	DBIH, DBHH Tensor // [1, 3H] in and out, present if BIH, BHH are

	Overwrite bool // gradients of parameters are overwritten too
}

// rnn returns the operands that an RNN has too.
func (a GRUGradArgs) rnn() RNNGradArgs {
	return RNNGradArgs{RNNArgs: a.GRUArgs.rnn(), DY: a.DY, DHLast: a.DHLast, DX: a.DX, DH0: a.DH0,
		DWIH: a.DWIH, DWHH: a.DWHH, DBIH: a.DBIH, DBHH: a.DBHH, Overwrite: a.Overwrite}
}

// GRUCellArgs are the operands of one time step, after the matrix products. H
// must not overlap any other operand.
type GRUCellArgs struct {
	Gates     Tensor // [N, 3H] in: v; out: r, z, n
	Recurrent Tensor // [N, 3H] in: u
	HPrev     Tensor // [N, H] in
	H         Tensor // [N, H] out
}

// GRUCellGradArgs are the operands of the backward pass of one time step,
// before the matrix products. DV may be Gates and DU may be Recurrent; else
// outputs must not overlap any other operand.
type GRUCellGradArgs struct {
	Gates     Tensor // [N, 3H] in: r, z, n
	Recurrent Tensor // [N, 3H] in: u
	HPrev     Tensor // [N, H] in
	DY        Tensor // [N, H] in: gradient of h_t from above
	DH        Tensor // [N, H] in: gradient of h_t from step t+1, added to DY; out: the part of the gradient of h_{t−1} that does not pass through u
	DV, DU    Tensor // [N, 3H] out
}

// GRUCeller is a backend with a fused GRU cell, one time step, pointwise.
type GRUCeller interface {
	GRUCell(GRUCellArgs)
	GRUCellGrad(GRUCellGradArgs)
}

// GRUSequencer is a backend with a fused GRU layer over all time steps.
// GRUScratch is the number of scratch elements that both passes of a layer
// need; it must not shrink when a size grows.
type GRUSequencer interface {
	GRUScratch(GRUDims) int
	GRUForward(GRUArgs)
	GRUBackward(GRUGradArgs)
}
