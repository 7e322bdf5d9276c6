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
			address(a.DY), uint64(a.DH.Rows), uint64(a.DH.Cols))
	}
}

// GRUScratch implements backend.GRUSequencer.
func (d *Backend) GRUScratch(dims backend.GRUDims) int { return backend.ComposedGRUScratch(dims) }

// GRUForward implements backend.GRUSequencer: one product for the inputs of all time
// steps, then one launch for all steps, or some for each.
func (d *Backend) GRUForward(a backend.GRUArgs) {
	dims := a.Dims()
	backend.CheckGRUForward(d, a, d.GRUScratch(dims))
	if d.plannedLayer("GRUForward", a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Gates, a.Recurrent, a.Scratch) {
		return
	}
	r := recurrence{layer: layer{"GRUForward", 1, dims.Steps, dims.Batch, dims.Hidden}}
	if d.path(r.layer).err != nil {
		if d.meet != nil {
			d.meet(r)
		}
		backend.ComposedGRUForward(d, a)
		return
	}
	d.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	d.persistent(r, address(a.Gates), address(a.Recurrent), address(a.H), address(a.WHH), address(a.BIH), address(a.BHH))
}

// GRUBackward implements backend.GRUSequencer: one launch for all steps, or some for
// each. Then come the products over the whole sequence.
func (d *Backend) GRUBackward(a backend.GRUGradArgs) {
	dims := a.Dims()
	backend.CheckGRUBackward(d, a, d.GRUScratch(dims))
	if d.plannedLayer("GRUBackward", a.Batch, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Gates, a.Recurrent, a.Scratch,
		a.DY, a.DHLast, a.DV, a.DU, a.DX, a.DH0, a.DWIH, a.DWHH, a.DBIH, a.DBHH) {
		return
	}
	carry, _ := a.Scratch.Take(dims.Batch, dims.Hidden)
	if d.persistent(recurrence{layer: layer{"GRUBackward", 1, dims.Steps, dims.Batch, dims.Hidden}},
		address(a.DV), address(a.DU), address(carry), address(a.Gates), address(a.Recurrent), address(a.H), address(a.WHH),
		address(a.DY), address(a.DHLast), address(a.DH0)) {
		backend.ComposedGRUGrads(d, a)
	} else {
		backend.ComposedGRUBackward(d, a)
	}
}
