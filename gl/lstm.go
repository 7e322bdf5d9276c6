package gl

import "gputrain/backend"

// LSTMCell implements backend.LSTMCeller.
func (d *Backend) LSTMCell(a backend.LSTMCellArgs) {
	backend.CheckLSTMCell(d, a)
	d.each("LSTMCell", "lstm_cell", a.C.Size(), []window{of(a.Gates), of(a.C), of(a.H), of(a.CPrev), of(a.Peep)},
		word(a.C.Rows), word(a.C.Cols))
}

// LSTMCellGrad implements backend.LSTMCeller.
func (d *Backend) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	backend.CheckLSTMCellGrad(d, a)
	d.each("LSTMCellGrad", "lstm_cell_grad", a.C.Size(),
		[]window{of(a.DZ), of(a.DC), of(a.Gates), of(a.CPrev), of(a.C), of(a.Peep), of(a.DY), of(a.DH)},
		word(a.C.Rows), word(a.C.Cols))
}

// LSTMPeepGrad implements backend.LSTMPeepGrader. Time steps are summed in chunks,
// which a second shader adds up.
func (d *Backend) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	const op = "LSTMPeepGrad"
	backend.CheckLSTMPeepGrad(d, dPeep, dz, cPrev, c)
	if c.Size() == 0 {
		return
	}
	chunk, chunks := chunksOf(c.Rows)
	part := d.scratch(op, chunks*dPeep.Size())
	d.run(op, variant{"lstm_peep_grad", 0}, ceil(c.Cols, 32), chunks, []window{part, of(dz), of(cPrev), of(c)},
		word(c.Rows), word(c.Cols), word(chunk))
	d.sumRows(op, of(dPeep), part, chunks, dPeep.Size(), chunks, 1)
}

// LSTMScratch implements backend.LSTMSequencer. The forward pass needs none.
func (d *Backend) LSTMScratch(dims backend.LSTMDims) int { return backend.ComposedLSTMScratch(dims) }

// LSTMForward implements backend.LSTMSequencer: one product for the inputs of all time
// steps, then one shader for each step, which fuses the recurrent product with the
// cell.
func (d *Backend) LSTMForward(a backend.LSTMArgs) {
	dims := a.Dims()
	backend.CheckLSTMForward(d, a, d.LSTMScratch(dims))
	if dims.Hidden > maxLoop {
		backend.ComposedLSTMForward(d, a) // whose products are cut into slices
		return
	}
	if dims.Steps == 0 || dims.Hidden == 0 {
		return
	}
	d.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	n := dims.Batch
	for t := range dims.Steps {
		// The rows of step t in C and H are those before it; its own follow.
		d.run("LSTMForward", variant{"lstm_step", 32}, ceil(n, 32)*ceil(dims.Hidden, 8), 1,
			[]window{of(a.Gates.Slice(t*n, (t+1)*n)), of(a.C.Slice(t*n, (t+2)*n)), of(a.H.Slice(t*n, (t+2)*n)),
				of(a.WHH), of(a.BIH), of(a.BHH), of(a.Peep)},
			word(n), word(dims.Hidden))
	}
}

// LSTMBackward implements backend.LSTMSequencer: a cell and a product for each step,
// then the products over the whole sequence.
func (d *Backend) LSTMBackward(a backend.LSTMGradArgs) {
	backend.CheckLSTMBackward(d, a, d.LSTMScratch(a.Dims()))
	backend.ComposedLSTMBackward(d, a)
}
