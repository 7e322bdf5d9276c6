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
