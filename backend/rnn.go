package backend

// RNNDims are the sizes of an RNN layer over a sequence.
type RNNDims struct {
	Steps, Batch, Input, Hidden int // T, N, D, H
}

// RNNArgs are the operands of RNNForward. Outputs must not overlap any other
// operand.
//
// The RNN is Elman's, in PyTorch's layout. Rows t·N..(t+1)·N−1 of a [T·N, ...]
// tensor are time step t. For t = 0..T−1, with f = tanh or ReLU:
//
//	h_t = f(x_t·WIHᵀ + BIH + h_{t−1}·WHHᵀ + BHH)
type RNNArgs struct {
	Batch int  // N; T follows from X
	ReLU  bool // f is ReLU instead of tanh

	X        Tensor // [T·N, D] in
	WIH      Tensor // [H, D] in
	WHH      Tensor // [H, H] in
	BIH, BHH Tensor // [1, H] in, each optional

	H Tensor // [(T+1)·N, H]: the first N rows h_{−1}, in; the rest h_t, out

	Scratch Tensor // RNNScratch elements or more, contents unspecified
}

// Dims returns the sizes of the layer.
func (a RNNArgs) Dims() RNNDims {
	d := RNNDims{Batch: a.Batch, Input: a.X.Cols, Hidden: a.H.Cols}
	if a.Batch > 0 {
		d.Steps = a.X.Rows / a.Batch
	}
	return d
}

// RNNGradArgs are the operands of RNNBackward. The embedded operands are as
// RNNForward left them, all in. Gradients of parameters are added to what is
// there, unless Overwrite is set; the others are overwritten. Outputs must not overlap
// any other operand.
type RNNGradArgs struct {
	RNNArgs

	DY     Tensor // [T·N, H] in: gradient of h_0..h_{T−1} from above
	DHLast Tensor // [N, H] in, optional: gradient of the final h

	DZ         Tensor // [T·N, H] out: gradient of the argument of f
	DX         Tensor // [T·N, D] out, optional
	DH0        Tensor // [N, H] out, optional: gradient of h_{−1}
	DWIH, DWHH Tensor // [H, D], [H, H] in and out
	DBIH, DBHH Tensor // [1, H] in and out, present if BIH, BHH are

	Overwrite bool // gradients of parameters are overwritten too
}

// RNNCellArgs are the operands of one time step, after the matrix products.
type RNNCellArgs struct {
	ReLU bool
	Z    Tensor // [N, H] in: the argument of f
	H    Tensor // [N, H] out: f(Z); may be Z
}

// RNNCellGradArgs are the operands of the backward pass of one time step,
// before the matrix products: DZ = (DY + DH) ⊙ f'.
type RNNCellGradArgs struct {
	ReLU   bool
	H      Tensor // [N, H] in: the output of the cell
	DY, DH Tensor // [N, H] in: gradient of h_t from above and from step t+1, which are added
	DZ     Tensor // [N, H] out; may be DY or DH
}

// RNNCeller is a backend with a fused RNN cell, one time step, pointwise.
type RNNCeller interface {
	RNNCell(RNNCellArgs)
	RNNCellGrad(RNNCellGradArgs)
}

// RNNSequencer is a backend with a fused RNN layer over all time steps.
// RNNScratch is the number of scratch elements that both passes of a layer
// need; it must not shrink when a size grows.
type RNNSequencer interface {
	RNNScratch(RNNDims) int
	RNNForward(RNNArgs)
	RNNBackward(RNNGradArgs)
}
