package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// GRUCell computes one time step of a GRU, pointwise. See backend.GRUCellArgs.
func (b *Backend) GRUCell(a backend.GRUCellArgs) {
	backend.CheckGRUCell(b, a)
	if a.H.Size() > 0 {
		b.launch("GRUCell", "gru_cell", kernels.Matrix(a.H.Rows, a.H.Cols),
			address(a.Gates), address(a.H), address(a.Recurrent), address(a.HPrev),
			uint64(a.H.Rows), uint64(a.H.Cols))
	}
}

// GRUCellGrad computes the backward pass of GRUCell. See
// backend.GRUCellGradArgs.
func (b *Backend) GRUCellGrad(a backend.GRUCellGradArgs) {
	backend.CheckGRUCellGrad(b, a)
	if a.DH.Size() > 0 {
		b.launch("GRUCellGrad", "gru_cell_grad", kernels.Matrix(a.DH.Rows, a.DH.Cols),
			address(a.DV), address(a.DU), address(a.DH), address(a.Gates), address(a.Recurrent), address(a.HPrev),
			address(a.DY), uint64(a.DH.Rows), uint64(a.DH.Cols))
	}
}
