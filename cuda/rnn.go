package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// RNNCell computes one time step of an RNN, pointwise. See backend.RNNCellArgs.
func (b *Backend) RNNCell(a backend.RNNCellArgs) {
	backend.CheckRNNCell(b, a)
	kernel := "tanh_forward"
	if a.ReLU {
		kernel = "relu"
	}
	b.each("RNNCell", kernel, a.H.Size(), address(a.H), address(a.Z), size(a.H))
}

// RNNCellGrad computes the backward pass of RNNCell. See
// backend.RNNCellGradArgs.
func (b *Backend) RNNCellGrad(a backend.RNNCellGradArgs) {
	backend.CheckRNNCellGrad(b, a)
	b.each("RNNCellGrad", "rnn_cell_grad", a.DZ.Size(), address(a.DZ), address(a.H), address(a.DY), address(a.DH),
		size(a.DZ), flag(a.ReLU))
}

// RNNScratch returns the number of scratch elements of a layer. The forward
// pass needs none.
func (b *Backend) RNNScratch(d backend.RNNDims) int { return backend.ComposedRNNScratch(d) }

// RNNForward runs an RNN layer over a sequence: one product for the inputs of
// all time steps, then one launch for each step, which fuses the recurrent
// product with the cell. See backend.RNNArgs.
func (b *Backend) RNNForward(a backend.RNNArgs) {
	d := a.Dims()
	backend.CheckRNNForward(b, a, b.RNNScratch(d))
	if d.Steps == 0 || d.Hidden == 0 {
		return
	}
	op := "RNNForward"
	if a.ReLU {
		op = "RNNForward with ReLU"
	}
	if b.plannedLayer(op, a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Scratch) {
		return
	}
	n := d.Batch
	b.Gemm(a.H.Slice(n, a.H.Rows), backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	for t := range d.Steps {
		b.launch("RNNForward", "rnn_step", kernels.RNNStep(n, d.Hidden),
			address(a.H.Slice((t+1)*n, (t+2)*n)), address(a.H.Slice(t*n, (t+1)*n)),
			address(a.WHH), address(a.BIH), address(a.BHH), uint64(n), uint64(d.Hidden), flag(a.ReLU))
	}
}

// RNNBackward runs the backward pass of RNNForward: two launches for each step,
// or three, then the products over the whole sequence. See backend.RNNGradArgs.
func (b *Backend) RNNBackward(a backend.RNNGradArgs) {
	backend.CheckRNNBackward(b, a, b.RNNScratch(a.Dims()))
	op := "RNNBackward"
	if a.ReLU {
		op = "RNNBackward with ReLU"
	}
	if b.plannedLayer(op, a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Scratch,
		a.DY, a.DHLast, a.DX, a.DH0, a.DWIH, a.DWHH, a.DBIH, a.DBHH, a.DZ) {
		return
	}
	backend.ComposedRNNBackward(b, a)
}
