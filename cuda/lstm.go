package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// LSTMCell implements backend.LSTMCeller.
func (d *Backend) LSTMCell(a backend.LSTMCellArgs) {
	backend.CheckLSTMCell(d, a)
	if a.C.Size() > 0 {
		d.launch("LSTMCell", "lstm_cell", kernels.Matrix(a.C.Rows, a.C.Cols),
			address(a.Gates), address(a.C), address(a.H), address(a.CPrev), address(a.Peep),
			uint64(a.C.Rows), uint64(a.C.Cols))
	}
}

// LSTMCellGrad implements backend.LSTMCeller.
func (d *Backend) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	backend.CheckLSTMCellGrad(d, a)
	if a.C.Size() > 0 {
		d.launch("LSTMCellGrad", "lstm_cell_grad", kernels.Matrix(a.C.Rows, a.C.Cols),
			address(a.DZ), address(a.DC), address(a.Gates), address(a.CPrev), address(a.C), address(a.Peep),
			address(a.DY), address(a.DH), uint64(a.C.Rows), uint64(a.C.Cols), 1)
	}
}

// LSTMPeepGrad implements backend.LSTMPeepGrader. Time steps are summed in
// chunks, which a second launch adds up.
func (d *Backend) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	const op = "LSTMPeepGrad"
	backend.CheckLSTMPeepGrad(d, dPeep, dz, cPrev, c)
	if c.Size() == 0 {
		return
	}
	p := kernels.LSTMPeepGrad(c.Rows, c.Cols)
	part, chunks := d.scratch(op, p.Chunks*dPeep.Size()), uint64(p.Chunks)
	d.launch(op, "lstm_peep_grad", p.First, part, address(dz), address(cPrev), address(c),
		uint64(c.Rows), uint64(c.Cols), uint64(p.Chunk))
	d.launch(op, "sum_rows", p.Second, address(dPeep), part, chunks, size(dPeep), chunks, float(1))
}

// LSTMScratch implements backend.LSTMSequencer. The forward pass needs none.
func (d *Backend) LSTMScratch(dims backend.LSTMDims) int { return backend.ComposedLSTMScratch(dims) }

// LSTMForward implements backend.LSTMSequencer: one product for the inputs of
// all time steps, then one launch for all steps, or one for each. It fuses the
// recurrent product with the cell.
func (d *Backend) LSTMForward(a backend.LSTMArgs) {
	dims := a.Dims()
	backend.CheckLSTMForward(d, a, d.LSTMScratch(dims))
	if dims.Steps == 0 || dims.Hidden == 0 {
		return
	}
	if d.plannedLayer("LSTMForward", variant{uint64(a.Batch)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.Peep, a.H, a.C, a.Gates, a.Scratch) {
		return
	}
	d.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	n := dims.Batch
	if d.persistent(recurrence{layer: layer{"LSTMForward", 1, dims.Steps, n, dims.Hidden}},
		address(a.Gates), address(a.C), address(a.H), address(a.WHH), address(a.BIH), address(a.BHH), address(a.Peep)) {
		return
	}
	if d.multiplies(layer{"LSTMForward", 1, dims.Steps, n, dims.Hidden}) {
		defer d.keepPacked(operand{a.WHH, backend.Trans, dims.Steps})()
		backend.ComposedLSTMSteps(d, a)
		return
	}
	p, extra := d.stepped("LSTMForward", dims.Steps, a.H.Slice(0, n), a.WHH)
	for t := range dims.Steps {
		var storage [maxParams]uint64
		args := append(storage[:0], address(a.Gates.Slice(t*n, (t+1)*n)), address(a.C.Slice((t+1)*n, (t+2)*n)), address(a.H.Slice((t+1)*n, (t+2)*n)),
			address(a.C.Slice(t*n, (t+1)*n)), address(a.H.Slice(t*n, (t+1)*n)),
			address(a.WHH), address(a.BIH), address(a.BHH), address(a.Peep))
		args = append(args, extra[t%2]...)
		d.launch("LSTMForward", p.Kernel, p.Launch, append(args, uint64(n), uint64(dims.Hidden))...)
	}
}

// LSTMBackward implements backend.LSTMSequencer: one launch for all steps, or two for each.
// Then come the products over the whole sequence.
func (d *Backend) LSTMBackward(a backend.LSTMGradArgs) {
	dims := a.Dims()
	backend.CheckLSTMBackward(d, a, d.LSTMScratch(dims))
	if d.plannedLayer("LSTMBackward", variant{uint64(a.Batch), flag(a.Overwrite)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.Peep, a.H, a.C, a.Gates, a.Scratch,
		a.DY, a.DHLast, a.DCLast, a.DX, a.DH0, a.DC0, a.DWIH, a.DWHH, a.DBIH, a.DBHH, a.DPeep, a.DZ) {
		return
	}
	dc := a.DC0
	if !dc.Present() {
		dc, _ = a.Scratch.Take(dims.Batch, dims.Hidden)
	}
	launched := d.persistent(recurrence{layer: layer{"LSTMBackward", 1, dims.Steps, dims.Batch, dims.Hidden}},
		address(a.DZ), address(dc), address(a.Gates), address(a.C), address(a.WHH), address(a.Peep),
		address(a.DY), address(a.DHLast), address(a.DCLast), address(a.DH0))
	defer d.keepPacked(operand{a.WHH, backend.NoTrans, dims.Steps}, operand{a.DZ, backend.Trans, 2})()
	switch {
	case launched:
	case dims.Steps == 0 || dims.Hidden == 0:
		backend.ComposedLSTMBackward(d, a)
		return
	default:
		d.lstmBackwardSteps(a, dc)
	}
	backend.ComposedLSTMGrads(d, a)
}

// lstmBackwardSteps computes DZ and DH0, and leaves the gradient of c in dc.
func (d *Backend) lstmBackwardSteps(a backend.LSTMGradArgs, dc backend.Tensor) {
	n, hidden := a.Batch, a.H.Cols
	d.copyOrZero(dc, a.DCLast)
	dh := last(a.DHLast)
	for t := a.Dims().Steps - 1; t >= 0; t-- {
		dz := a.DZ.Slice(t*n, (t+1)*n)
		d.launch("LSTMBackward", "lstm_cell_grad", kernels.Matrix(n, hidden), address(dz), address(dc),
			address(a.Gates.Slice(t*n, (t+1)*n)), address(a.C.Slice(t*n, (t+1)*n)), address(a.C.Slice((t+1)*n, (t+2)*n)), address(a.Peep),
			address(a.DY.Slice(t*n, (t+1)*n)), dh.part, uint64(n), uint64(hidden), dh.slices)
		if t > 0 {
			dh = d.multiply("LSTMBackward", dz, a.WHH)
		}
	}
	if a.DH0.Present() {
		d.Gemm(a.DH0, backend.NoTrans, backend.NoTrans, 1, a.DZ.Slice(0, n), a.WHH, 0)
	}
}
