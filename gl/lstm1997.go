package gl

import (
	"fmt"

	"gputrain/backend"
)

// LSTM1997Cell implements backend.LSTM1997.
func (d *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	const op = "LSTM1997Cell"
	backend.CheckLSTM1997Cell(d, a)
	if cells := a.S.Cols / a.Blocks; d.fits(op, cells) {
		d.each(op, "lstm1997_cell", a.S.Rows*a.Blocks, []window{of(a.Gates), of(a.S), of(a.Y), of(a.SPrev), of(a.Peep)},
			word(a.S.Rows), word(a.Blocks), word(cells), flag(a.Forget()),
			float(a.G.Range), float(a.G.Slope), float(a.H.Range), float(a.H.Slope))
	}
}

// maxCells is how many cells a block may have: a shader goes through them four times.
const maxCells = maxLoop - 1

// fits reports whether the cells of a block are few enough for the loops of the
// shaders. If they are not, that is an error of op.
func (d *Backend) fits(op string, cells int) bool {
	if cells > maxCells {
		d.keep(op, fmt.Errorf("blocks of %d cells: the shader takes %d at most", cells, maxCells))
	}
	return cells <= maxCells
}

// LSTM1997CellGrad implements backend.LSTM1997: one shader for the partials, one for
// the errors of the cells and output gates, and one for the sums over them, which for
// many sequences runs in parts, one after the other.
func (d *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	const op = "LSTM1997CellGrad"
	backend.CheckLSTM1997CellGrad(d, a)
	cells := a.S.Cols / a.Blocks
	if a.S.Rows == 0 || !d.fits(op, cells) {
		return
	}
	batch, columns := a.S.Rows, a.PIn.Cols
	shape := [...]uint32{word(batch), word(a.Blocks), word(cells)}
	error := d.scratch(op, a.S.Size()+batch*a.Blocks)
	d.each(op, "lstm1997_partials", a.PIn.Size(),
		[]window{of(a.PIn), of(a.PForget), of(a.PCell), of(a.Gates), of(a.SPrev), of(a.Source)},
		shape[0], shape[1], shape[2], word(a.Source.Cols), word(columns), float(a.G.Range), float(a.G.Slope))
	d.each(op, "lstm1997_error", batch*a.Blocks, []window{error, of(a.Gates), of(a.S), of(a.DY)},
		shape[0], shape[1], shape[2], flag(a.Forget()), float(a.H.Range), float(a.H.Slope))
	sequences := max(1, maxLoop/cells)
	for first := 0; first < batch; first += sequences {
		d.each(op, "lstm1997_grad", a.DW.Rows*columns,
			[]window{of(a.DW), of(a.DPeep), of(a.PIn), of(a.PForget), of(a.PCell), error, of(a.S), of(a.Source)},
			word(first), word(min(first+sequences, batch)), shape[0], shape[1], shape[2], word(a.Source.Cols), word(columns))
	}
}
