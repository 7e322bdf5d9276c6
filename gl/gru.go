package gl

import "gputrain/backend"

// GRUCell implements backend.GRUCeller.
func (d *Backend) GRUCell(a backend.GRUCellArgs) {
	backend.CheckGRUCell(d, a)
	d.each("GRUCell", "gru_cell", a.H.Size(), []window{of(a.Gates), of(a.H), of(a.Recurrent), of(a.HPrev)},
		word(a.H.Rows), word(a.H.Cols))
}

// GRUCellGrad implements backend.GRUCeller.
func (d *Backend) GRUCellGrad(a backend.GRUCellGradArgs) {
	backend.CheckGRUCellGrad(d, a)
	d.each("GRUCellGrad", "gru_cell_grad", a.DH.Size(),
		[]window{of(a.DV), of(a.DU), of(a.DH), of(a.Gates), of(a.Recurrent), of(a.HPrev), of(a.DY)},
		word(a.DH.Rows), word(a.DH.Cols))
}
