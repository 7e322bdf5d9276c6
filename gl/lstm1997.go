package gl

import "gputrain/backend"

// LSTM1997Cell implements backend.LSTM1997.
func (d *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	const op = "LSTM1997Cell"
	backend.CheckLSTM1997Cell(d, a)
	cells := a.S.Cols / a.Blocks
	if v, groups, ok := d.blocks(op, "lstm1997_cell", a.S.Rows*a.Blocks, cells); ok {
		d.run(op, v, groups, 1, []window{of(a.Gates), of(a.S), of(a.Y), of(a.SPrev), of(a.Peep)},
			word(a.S.Rows), word(a.Blocks), word(cells), flag(a.Forget()),
			float(a.G.Range), float(a.G.Slope), float(a.H.Range), float(a.H.Slope))
	}
}

// fewCells is how many cells of a block one invocation goes through.
const fewCells = 32

// blocks returns the variant of a shader, and its number of groups, for n blocks. A
// block of few cells gets an invocation, one of many is treated as a row.
func (d *Backend) blocks(op, kernel string, n, cells int) (v variant, groups int, ok bool) {
	if cells <= fewCells {
		return variant{kernel, 1}, ceil(n, groupSize), n > 0
	}
	return d.rows(op, kernel, n, cells)
}

// LSTM1997CellGrad implements backend.LSTM1997: one shader for the partials, one for
// the errors of the cells and output gates, and one for the sums over them, which for
// many sequences runs in parts, one after the other.
func (d *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	const op = "LSTM1997CellGrad"
	backend.CheckLSTM1997CellGrad(d, a)
	batch, cells, columns, gates := a.S.Rows, a.S.Cols/a.Blocks, a.PIn.Cols, a.DW.Rows-a.S.Cols
	ofBlocks, groups, ok := d.blocks(op, "lstm1997_error", batch*a.Blocks, cells)
	if !ok {
		return
	}
	shape := [...]uint32{word(batch), word(a.Blocks), word(cells)}
	error := d.scratch(op, a.S.Size()+batch*a.Blocks)
	d.each(op, "lstm1997_partials", a.PIn.Size(),
		[]window{of(a.PIn), of(a.PForget), of(a.PCell), of(a.Gates), of(a.SPrev), of(a.Source)},
		shape[0], shape[1], shape[2], word(a.Source.Cols), word(columns), float(a.G.Range), float(a.G.Slope))
	d.run(op, ofBlocks, groups, 1, []window{error, of(a.Gates), of(a.S), of(a.DY)},
		shape[0], shape[1], shape[2], flag(a.Forget()), float(a.H.Range), float(a.H.Slope))
	sum := func(first, last, firstUnit, units, cells int) {
		if v, groups, ok := d.blocks(op, "lstm1997_grad", units*columns, cells); ok {
			d.run(op, v, groups, 1,
				[]window{of(a.DW), of(a.DPeep), of(a.PIn), of(a.PForget), of(a.PCell), error, of(a.S), of(a.Source)},
				word(first), word(last), word(firstUnit), word(units), shape[0], shape[1], shape[2], word(a.Source.Cols), word(columns))
		}
	}
	sequences := max(1, maxLoop/ceil(cells, ofBlocks.number))
	for first := 0; first < batch; first += sequences {
		last := min(first+sequences, batch)
		if cells <= fewCells {
			sum(first, last, 0, a.DW.Rows, cells)
			continue
		}
		sum(first, last, 0, gates, cells)
		sum(first, last, gates, a.S.Cols, 1) // a cell is a sum over sequences alone
	}
}
