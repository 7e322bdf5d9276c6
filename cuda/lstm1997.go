package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// LSTM1997Cell implements backend.LSTM1997.
func (d *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	backend.CheckLSTM1997Cell(d, a)
	if a.S.Size() > 0 {
		d.launch("LSTM1997Cell", "lstm1997_cell", kernels.Matrix(a.S.Rows, a.Blocks),
			address(a.Gates), address(a.S), address(a.Y), address(a.SPrev), address(a.Peep),
			uint64(a.S.Rows), uint64(a.Blocks), uint64(a.S.Cols/a.Blocks), flag(a.Forget()),
			float(a.G.Range), float(a.G.Slope), float(a.H.Range), float(a.H.Slope))
	}
}

// LSTM1997CellGrad implements backend.LSTM1997: one launch for the partials,
// one for the errors of the cells and output gates, and one for the sums over
// them.
func (d *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	const op = "LSTM1997CellGrad"
	backend.CheckLSTM1997CellGrad(d, a)
	if a.S.Rows == 0 {
		return
	}
	batch, blocks, cells := uint64(a.S.Rows), uint64(a.Blocks), uint64(a.S.Cols/a.Blocks)
	sources, columns := uint64(a.Source.Cols), uint64(a.PIn.Cols)
	ofCells := d.scratch(op, a.S.Size()+a.S.Rows*a.Blocks)
	ofGates := ofCells + size(a.S)*elementBytes
	d.launch(op, "lstm1997_partials", kernels.Matrix(a.PIn.Rows, a.PIn.Cols),
		address(a.PIn), address(a.PForget), address(a.PCell), address(a.Gates), address(a.SPrev), address(a.Source),
		batch, blocks, cells, sources, columns, float(a.G.Range), float(a.G.Slope))
	d.launch(op, "lstm1997_error", kernels.Matrix(a.S.Rows, a.Blocks),
		ofCells, ofGates, address(a.Gates), address(a.S), address(a.DY),
		batch, blocks, cells, flag(a.Forget()), float(a.H.Range), float(a.H.Slope))
	d.launch(op, "lstm1997_grad", kernels.Matrix(a.DW.Rows, a.PIn.Cols),
		address(a.DW), address(a.DPeep), address(a.PIn), address(a.PForget), address(a.PCell),
		ofCells, ofGates, address(a.S), address(a.Source),
		batch, blocks, cells, sources, columns)
}
