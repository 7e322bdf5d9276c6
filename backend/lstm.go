package backend

// LSTMDims are the sizes of an LSTM layer over a sequence.
type LSTMDims struct {
	Steps, Batch, Input, Hidden int // T, N, D, H
	Peepholes                   bool
}

// LSTMArgs are the operands of LSTMForward. Outputs must not overlap any other
// operand.
//
// The LSTM here is the modern one, in PyTorch's layout (Hochreiter,
// Schmidhuber 1997; Gers et al. 2000), with the optional peepholes of Gers et
// al. 2002. Rows t·N..(t+1)·N−1 of a [T·N, ...] tensor are time step t. For
// t = 0..T−1:
//
//	z   = x_t·WIHᵀ + BIH + h_{t−1}·WHHᵀ + BHH      columns i, f, g, o of H each
//	i   = σ(z_i + p_i ⊙ c_{t−1})
//	f   = σ(z_f + p_f ⊙ c_{t−1})
//	g   = tanh(z_g)
//	c_t = f ⊙ c_{t−1} + i ⊙ g
//	o   = σ(z_o + p_o ⊙ c_t)
//	h_t = o ⊙ tanh(c_t)
type LSTMArgs struct {
	Batch int // N; T follows from X

	X        Tensor // [T·N, D] in
	WIH      Tensor // [4H, D] in, rows i, f, g, o
	WHH      Tensor // [4H, H] in
	BIH, BHH Tensor // [1, 4H] in, each optional
	Peep     Tensor // [3, H] in, optional: rows p_i, p_f, p_o

	H     Tensor // [(T+1)·N, H]: the first N rows h_{−1}, in; the rest h_t, out
	C     Tensor // [(T+1)·N, H]: the first N rows c_{−1}, in; the rest c_t, out
	Gates Tensor // [T·N, 4H] out: i, f, g, o after their nonlinearities

	Scratch Tensor // LSTMScratch elements or more, contents unspecified
}

// Dims returns the sizes of the layer.
func (a LSTMArgs) Dims() LSTMDims {
	d := a.rnn().Dims()
	return LSTMDims{Steps: d.Steps, Batch: d.Batch, Input: d.Input, Hidden: d.Hidden, Peepholes: a.Peep.Present()}
}

// rnn returns the operands that an RNN has too.
func (a LSTMArgs) rnn() RNNArgs {
	return RNNArgs{Batch: a.Batch, X: a.X, WIH: a.WIH, WHH: a.WHH, BIH: a.BIH, BHH: a.BHH, H: a.H, Scratch: a.Scratch}
}

// LSTMGradArgs are the operands of LSTMBackward. The embedded operands are as
// LSTMForward left them, all in. Gradients of parameters are added to what is
// there, unless Overwrite is set; the others are overwritten. Outputs must not overlap
// any other operand, except that DZ may be Gates.
type LSTMGradArgs struct {
	LSTMArgs

	DY             Tensor // [T·N, H] in: gradient of h_0..h_{T−1} from above
	DHLast, DCLast Tensor // [N, H] in, each optional: gradient of the final h, c

	DZ         Tensor // [T·N, 4H] out: gradient of the pre-activations z
	DX         Tensor // [T·N, D] out, optional
	DH0, DC0   Tensor // [N, H] out, each optional: gradient of h_{−1}, c_{−1}
	DWIH, DWHH Tensor // [4H, D], [4H, H] in and out
	DBIH, DBHH Tensor // [1, 4H] in and out, present if BIH, BHH are
	DPeep      Tensor // [3, H] in and out, present if Peep is

	Overwrite bool // gradients of parameters are overwritten too
}

// rnn returns the operands that an RNN has too.
func (a LSTMGradArgs) rnn() RNNGradArgs {
	return RNNGradArgs{RNNArgs: a.LSTMArgs.rnn(), DY: a.DY, DHLast: a.DHLast, DX: a.DX, DH0: a.DH0,
		DWIH: a.DWIH, DWHH: a.DWHH, DBIH: a.DBIH, DBHH: a.DBHH, Overwrite: a.Overwrite}
}

// LSTMCellArgs are the operands of one time step, after the matrix products.
// C and H must not overlap any other operand.
type LSTMCellArgs struct {
	Gates Tensor // [N, 4H] in: z; out: i, f, g, o
	CPrev Tensor // [N, H] in
	Peep  Tensor // [3, H] in, optional
	C, H  Tensor // [N, H] out
}

// LSTMCellGradArgs are the operands of the backward pass of one time step,
// before the matrix products. DZ may be Gates; else outputs must not overlap
// any other operand.
type LSTMCellGradArgs struct {
	Gates    Tensor // [N, 4H] in: i, f, g, o
	CPrev, C Tensor // [N, H] in
	Peep     Tensor // [3, H] in, optional
	DY, DH   Tensor // [N, H] in: gradient of h_t from above and from step t+1, which are added
	DC       Tensor // [N, H] in: gradient of c_t from step t+1; out: of c_{t−1}
	DZ       Tensor // [N, 4H] out
}

// LSTMCeller is a backend with a fused LSTM cell, one time step, pointwise.
type LSTMCeller interface {
	LSTMCell(LSTMCellArgs)
	LSTMCellGrad(LSTMCellGradArgs)
}

// LSTMPeepGrader is a backend with a fused gradient of the peepholes over all
// time steps: dPeep, [3, H], += the sums over the rows of dz_i ⊙ c_{t−1}, of
// dz_f ⊙ c_{t−1} and of dz_o ⊙ c_t. dz is [T·N, 4H], cPrev and c are [T·N, H].
// dPeep must not overlap any other operand.
type LSTMPeepGrader interface {
	LSTMPeepGrad(dPeep, dz, cPrev, c Tensor)
}

// LSTMSequencer is a backend with a fused LSTM layer over all time steps.
// LSTMScratch is the number of scratch elements that both passes of a layer
// need; it must not shrink when a size grows.
type LSTMSequencer interface {
	LSTMScratch(LSTMDims) int
	LSTMForward(LSTMArgs)
	LSTMBackward(LSTMGradArgs)
}
