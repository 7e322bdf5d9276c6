package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// GRUCell implements backend.GRUCeller.
func (d *Backend) GRUCell(a backend.GRUCellArgs) {
	backend.CheckGRUCell(d, a)
	if a.H.Size() > 0 {
		d.launch("GRUCell", "gru_cell", kernels.Matrix(a.H.Rows, a.H.Cols),
			address(a.Gates), address(a.H), address(a.Recurrent), address(a.HPrev),
			uint64(a.H.Rows), uint64(a.H.Cols))
	}
}

// GRUCellGrad implements backend.GRUCeller.
func (d *Backend) GRUCellGrad(a backend.GRUCellGradArgs) {
	backend.CheckGRUCellGrad(d, a)
	if a.DH.Size() > 0 {
		d.launch("GRUCellGrad", "gru_cell_grad", kernels.Matrix(a.DH.Rows, a.DH.Cols),
			address(a.DV), address(a.DU), address(a.DH), address(a.Gates), address(a.Recurrent), address(a.HPrev),
			address(a.DY), 0, uint64(a.DH.Rows), uint64(a.DH.Cols), 0)
	}
}

// GRUScratch implements backend.GRUSequencer.
func (d *Backend) GRUScratch(dims backend.GRUDims) int { return backend.ComposedGRUScratch(dims) }

// GRUForward implements backend.GRUSequencer: one product for the inputs of all time
// steps, then one launch for all steps, or one for each.
func (d *Backend) GRUForward(a backend.GRUArgs) {
	dims := a.Dims()
	backend.CheckGRUForward(d, a, d.GRUScratch(dims))
	if dims.Steps == 0 || dims.Hidden == 0 {
		return
	}
	if d.plannedLayer("GRUForward", variant{uint64(a.Batch)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Gates, a.Recurrent, a.Scratch) {
		return
	}
	d.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	n := dims.Batch
	if d.persistent(recurrence{layer: layer{"GRUForward", 1, dims.Steps, n, dims.Hidden}},
		address(a.Gates), address(a.Recurrent), address(a.H), address(a.WHH), address(a.BIH), address(a.BHH)) {
		return
	}
	if d.multiplies(layer{"GRUForward", 1, dims.Steps, n, dims.Hidden}) {
		defer d.keepPacked(operand{a.WHH, backend.Trans, dims.Steps})()
		backend.ComposedGRUSteps(d, a)
		return
	}
	p, extra := d.stepped("GRUForward", dims.Steps, a.H.Slice(0, n), a.WHH)
	for t := range dims.Steps {
		var storage [maxParams]uint64
		args := append(storage[:0], address(a.Gates.Slice(t*n, (t+1)*n)), address(a.Recurrent.Slice(t*n, (t+1)*n)), address(a.H.Slice((t+1)*n, (t+2)*n)),
			address(a.H.Slice(t*n, (t+1)*n)), address(a.WHH), address(a.BIH), address(a.BHH))
		args = append(args, extra[t%2]...)
		d.launch("GRUForward", p.Kernel, p.Launch, append(args, uint64(n), uint64(dims.Hidden))...)
	}
}

// GRUBackward implements backend.GRUSequencer: one launch for all steps, or two for
// each. Then come the products over the whole sequence.
func (d *Backend) GRUBackward(a backend.GRUGradArgs) {
	dims := a.Dims()
	backend.CheckGRUBackward(d, a, d.GRUScratch(dims))
	if d.plannedLayer("GRUBackward", variant{uint64(a.Batch), flag(a.Overwrite)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Gates, a.Recurrent, a.Scratch,
		a.DY, a.DHLast, a.DV, a.DU, a.DX, a.DH0, a.DWIH, a.DWHH, a.DBIH, a.DBHH) {
		return
	}
	carry, _ := a.Scratch.Take(dims.Batch, dims.Hidden)
	launched := d.persistent(recurrence{layer: layer{"GRUBackward", 1, dims.Steps, dims.Batch, dims.Hidden}},
		address(a.DV), address(a.DU), address(carry), address(a.Gates), address(a.Recurrent), address(a.H), address(a.WHH),
		address(a.DY), address(a.DHLast), address(a.DH0))
	defer d.keepPacked(operand{a.WHH, backend.NoTrans, dims.Steps})()
	switch {
	case launched:
	case dims.Steps == 0 || dims.Hidden == 0:
		backend.ComposedGRUBackward(d, a)
		return
	default:
		d.gruBackwardSteps(a, carry)
	}
	backend.ComposedGRUGrads(d, a)
}

// gruBackwardSteps computes DV, DU and DH0. carry is the part of the gradient of h that does
// not pass through u.
func (d *Backend) gruBackwardSteps(a backend.GRUGradArgs, carry backend.Tensor) {
	n, hidden := a.Batch, a.H.Cols
	d.copyOrZero(carry, a.DHLast)
	var dh product
	for t := a.Dims().Steps - 1; t >= 0; t-- {
		du := a.DU.Slice(t*n, (t+1)*n)
		d.launch("GRUBackward", "gru_cell_grad", kernels.Matrix(n, hidden), address(a.DV.Slice(t*n, (t+1)*n)), address(du), address(carry),
			address(a.Gates.Slice(t*n, (t+1)*n)), address(a.Recurrent.Slice(t*n, (t+1)*n)), address(a.H.Slice(t*n, (t+1)*n)),
			address(a.DY.Slice(t*n, (t+1)*n)), dh.part, uint64(n), uint64(hidden), dh.slices)
		if t > 0 {
			dh = d.multiply("GRUBackward", du, a.WHH)
		}
	}
	if a.DH0.Present() {
		d.Copy(a.DH0, carry)
		d.Gemm(a.DH0, backend.NoTrans, backend.NoTrans, 1, a.DU.Slice(0, n), a.WHH, 1)
	}
}
