package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// LSTMCell computes one time step of an LSTM, pointwise. See
// backend.LSTMCellArgs.
func (b *Backend) LSTMCell(a backend.LSTMCellArgs) {
	backend.CheckLSTMCell(b, a)
	if a.C.Size() > 0 {
		b.launch("LSTMCell", "lstm_cell", kernels.Matrix(a.C.Rows, a.C.Cols),
			address(a.Gates), address(a.C), address(a.H), address(a.CPrev), address(a.Peep),
			uint64(a.C.Rows), uint64(a.C.Cols))
	}
}

// LSTMCellGrad computes the backward pass of LSTMCell. See
// backend.LSTMCellGradArgs.
func (b *Backend) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	backend.CheckLSTMCellGrad(b, a)
	if a.C.Size() > 0 {
		b.launch("LSTMCellGrad", "lstm_cell_grad", kernels.Matrix(a.C.Rows, a.C.Cols),
			address(a.DZ), address(a.DC), address(a.Gates), address(a.CPrev), address(a.C), address(a.Peep),
			address(a.DY), address(a.DH), uint64(a.C.Rows), uint64(a.C.Cols))
	}
}

// LSTMPeepGrad adds the gradient of the peepholes over all time steps to dPeep.
// See backend.LSTMPeepGrader.
func (b *Backend) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	const op = "LSTMPeepGrad"
	backend.CheckLSTMPeepGrad(b, dPeep, dz, cPrev, c)
	if c.Size() == 0 {
		return
	}
	p := kernels.LSTMPeepGrad(c.Rows, c.Cols)
	part, chunks := b.scratch(op, p.Chunks*dPeep.Size()), uint64(p.Chunks)
	b.launch(op, "lstm_peep_grad", p.First, part, address(dz), address(cPrev), address(c),
		uint64(c.Rows), uint64(c.Cols), uint64(p.Chunk))
	b.launch(op, "sum_rows", p.Second, address(dPeep), part, chunks, size(dPeep), chunks, float(1))
}

// LSTMScratch returns the number of scratch elements of a layer. The forward
// pass needs none.
func (b *Backend) LSTMScratch(d backend.LSTMDims) int { return backend.ComposedLSTMScratch(d) }

// LSTMForward runs an LSTM layer over a sequence: one product for the inputs of
// all time steps, then one launch for each step, which fuses the recurrent
// product with the cell. See backend.LSTMArgs.
func (b *Backend) LSTMForward(a backend.LSTMArgs) {
	d := a.Dims()
	backend.CheckLSTMForward(b, a, b.LSTMScratch(d))
	if d.Steps == 0 || d.Hidden == 0 {
		return
	}
	if b.plannedLayer("LSTMForward", a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.Peep, a.H, a.C, a.Gates, a.Scratch) {
		return
	}
	b.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	n := d.Batch
	for t := range d.Steps {
		b.launch("LSTMForward", "lstm_step", kernels.LSTMStep(n, d.Hidden),
			address(a.Gates.Slice(t*n, (t+1)*n)), address(a.C.Slice((t+1)*n, (t+2)*n)), address(a.H.Slice((t+1)*n, (t+2)*n)),
			address(a.C.Slice(t*n, (t+1)*n)), address(a.H.Slice(t*n, (t+1)*n)),
			address(a.WHH), address(a.BIH), address(a.BHH), address(a.Peep), uint64(n), uint64(d.Hidden))
	}
}

// LSTMBackward runs the backward pass of LSTMForward: two launches for each
// step, or three, then the products over the whole sequence. See
// backend.LSTMGradArgs.
func (b *Backend) LSTMBackward(a backend.LSTMGradArgs) {
	backend.CheckLSTMBackward(b, a, b.LSTMScratch(a.Dims()))
	if b.plannedLayer("LSTMBackward", a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.Peep, a.H, a.C, a.Gates, a.Scratch,
		a.DY, a.DHLast, a.DCLast, a.DX, a.DH0, a.DC0, a.DWIH, a.DWHH, a.DBIH, a.DBHH, a.DPeep, a.DZ) {
		return
	}
	backend.ComposedLSTMBackward(b, a)
}
