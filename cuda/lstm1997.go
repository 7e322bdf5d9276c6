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

// LSTM1997CellGrad implements backend.LSTM1997: the backward pass of one step.
func (d *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	backend.CheckLSTM1997CellGrad(d, a)
	d.lstm1997Grad("LSTM1997CellGrad", 1, a)
}

// LSTM1997Forward implements backend.LSTM1997Sequencer: up to three launches for the
// sources that are known before, and one for each time step.
func (d *Backend) LSTM1997Forward(a backend.LSTM1997Args) {
	const op = "LSTM1997Forward"
	backend.CheckLSTM1997Forward(d, a)
	if d.plannedLayer(op, variant1997(a), a.X, a.Weight, a.Peep, a.Source, a.Gates, a.S, a.Y) {
		return
	}
	n, inputs, feedback, steps := a.Batch, a.X.Cols, a.Feedback(), a.Steps()
	if steps == 0 {
		return
	}
	first := a.Source.Slice(0, n)
	d.CopyCols(a.Source, 0, a.X, 0, inputs)
	d.CopyCols(first, inputs, a.Gates.Slice(0, n), 0, feedback)
	d.CopyCols(first, inputs+feedback, a.Y.Slice(0, n), 0, a.Y.Cols)
	for t := range steps {
		before, now, after := t*n, (t+1)*n, (t+2)*n
		next := uint64(0)
		if t+1 < steps {
			next = address(a.Source.Slice(now, after))
		}
		d.launch(op, "lstm1997_step", kernels.LSTM1997Step(n, a.Blocks),
			address(a.Gates.Slice(now, after)), address(a.S.Slice(now, after)), address(a.Y.Slice(now, after)), next,
			address(a.Source.Slice(before, now)), address(a.Weight), address(a.S.Slice(before, now)), address(a.Peep),
			uint64(n), uint64(a.Blocks), uint64(a.S.Cols/a.Blocks), uint64(a.Source.Cols), flag(a.Forget()), flag(feedback > 0),
			float(a.G.Range), float(a.G.Slope), float(a.H.Range), float(a.H.Slope))
	}
}

// LSTM1997Backward implements backend.LSTM1997Sequencer. The number of launches does not
// depend on the number of steps.
func (d *Backend) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	const op = "LSTM1997Backward"
	backend.CheckLSTM1997Backward(d, a)
	if d.plannedLayer(op, variant1997(a.LSTM1997Args), a.X, a.Weight, a.Peep, a.Source, a.Gates, a.S, a.Y,
		a.DY, a.PIn, a.PForget, a.PCell, a.DW, a.DPeep) {
		return
	}
	n, rows := a.Batch, a.X.Rows
	d.lstm1997Grad(op, a.Steps(), backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: backend.LSTM1997CellArgs{Blocks: a.Blocks, G: a.G, H: a.H, Peep: a.Peep,
			Gates: a.Gates.Slice(n, rows+n), SPrev: a.S.Slice(0, rows), S: a.S.Slice(n, rows+n)},
		Source: a.Source, DY: a.DY, PIn: a.PIn, PForget: a.PForget, PCell: a.PCell, DW: a.DW, DPeep: a.DPeep,
	})
}

// lstm1997Grad runs the backward pass over steps, whose rows the operands have: a launch
// for the errors of all cells and output gates, one for everything else, and one or more to
// add up chunks of sequences.
func (d *Backend) lstm1997Grad(op string, steps int, a backend.LSTM1997CellGradArgs) {
	rows, batch := a.S.Rows, 0
	if steps > 0 {
		batch = rows / steps
	}
	if rows == 0 {
		return
	}
	blocks, cells, forget := uint64(a.Blocks), uint64(a.S.Cols/a.Blocks), flag(a.Forget())
	l, chunk, chunks := kernels.LSTM1997Grad(batch, a.Blocks, a.PIn.Cols)
	parts := 0
	if chunks > 1 {
		parts = chunks * (a.DW.Size() + a.DPeep.Size())
	}
	ofCells := d.scratch(op, a.S.Size()+rows*a.Blocks+parts)
	ofGates := ofCells + size(a.S)*elementBytes
	d.launch(op, "lstm1997_error", kernels.Matrix(rows, a.Blocks),
		ofCells, ofGates, address(a.Gates), address(a.S), address(a.DY),
		uint64(rows), blocks, cells, forget, float(a.H.Range), float(a.H.Slope))
	dw, dPeep, beta := address(a.DW), address(a.DPeep), 1.0
	if chunks > 1 {
		dw, beta = ofGates+uint64(rows*a.Blocks)*elementBytes, 0
		dPeep = dw + uint64(chunks)*size(a.DW)*elementBytes
	}
	d.launch(op, "lstm1997_grad", l,
		dw, dPeep, address(a.PIn), address(a.PForget), address(a.PCell), address(a.Gates), address(a.SPrev), address(a.S),
		ofCells, ofGates, address(a.Source),
		uint64(steps), uint64(batch), blocks, cells, uint64(a.Source.Cols), uint64(a.PIn.Cols), uint64(chunk),
		float(a.G.Range), float(a.G.Slope), float(beta))
	if chunks > 1 {
		d.addChunks(op, a.DW, dw, chunks)
		for gate := range a.DPeep.Rows {
			if gate == 1 && !a.Forget() {
				continue
			}
			d.addChunks(op, a.DPeep.Slice(gate, gate+1), dPeep+uint64(gate*chunks*a.DPeep.Cols)*elementBytes, chunks)
		}
	}
}

// addChunks adds the sum of the rows of part, [chunks, size of dst], to dst. chunks is 256
// at most.
func (d *Backend) addChunks(op string, dst backend.Tensor, part uint64, chunks int) {
	if dst.Size() == 0 {
		return
	}
	d.launch(op, "sum_rows", kernels.SumRows(chunks, dst.Size()).First,
		address(dst), part, uint64(chunks), size(dst), uint64(chunks), float(1))
}

// variant1997 is what the operands of memory blocks do not say.
func variant1997(a backend.LSTM1997Args) variant {
	return variant{uint64(a.Batch), uint64(a.Blocks), float(a.G.Range), float(a.G.Slope), float(a.H.Range), float(a.H.Slope)}
}
