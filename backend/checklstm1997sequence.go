package backend

// The Check functions of memory blocks over a sequence. See check.go.

// CheckLSTM1997Forward checks the arguments of LSTM1997Forward.
func CheckLSTM1997Forward(owner any, a LSTM1997Args) {
	c := checker{owner, "LSTM1997Forward"}
	c.lstm1997Sequence(a)
	c.outputs(
		[]operand{{"Source", a.Source}, {"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}},
		[]operand{{"X", a.X}, {"Weight", a.Weight}, {"Peep", a.Peep}})
}

// lstm1997Sequence checks the shapes of LSTM1997Forward's operands.
func (c checker) lstm1997Sequence(a LSTM1997Args) {
	c.sequence(operand{"X", a.X}, a.Batch, operand{"S", a.S})
	// All rows are those of SPrev, for the shapes of one step.
	c.lstm1997Cell(LSTM1997CellArgs{Blocks: a.Blocks, G: a.G, H: a.H, Gates: a.Gates, SPrev: a.S, Peep: a.Peep, S: a.S, Y: a.Y})
	source, gates := operand{"Source", a.Source}, a.Gates.Cols-a.S.Cols
	c.shape(source, a.X.Rows, a.Source.Cols)
	if n := a.Feedback(); n != 0 && n != gates {
		c.fail("Source is %v, want %d columns, or %d without the gates", a.Source, a.X.Cols+gates+a.S.Cols+1, a.X.Cols+a.S.Cols+1)
	}
	c.shape(operand{"Weight", a.Weight}, a.Gates.Cols, a.Source.Cols)
}

// CheckLSTM1997Backward checks the arguments of LSTM1997Backward.
func CheckLSTM1997Backward(owner any, a LSTM1997GradArgs) {
	c := checker{owner, "LSTM1997Backward"}
	c.lstm1997Sequence(a.LSTM1997Args)
	dy := operand{"DY", a.DY}
	c.shape(dy, a.X.Rows, a.S.Cols)
	c.truncatedGrads(LSTM1997CellGradArgs{
		LSTM1997CellArgs: LSTM1997CellArgs{Blocks: a.Blocks, Gates: a.Gates, Peep: a.Peep, S: a.S},
		Source:           a.Source,
		PIn:              a.PIn, PForget: a.PForget, PCell: a.PCell,
		DW: a.DW, DPeep: a.DPeep,
	}, a.Batch)
	c.outputs(
		[]operand{{"PIn", a.PIn}, {"PForget", a.PForget}, {"PCell", a.PCell}, {"DW", a.DW}, {"DPeep", a.DPeep}},
		[]operand{dy, {"X", a.X}, {"Weight", a.Weight}, {"Peep", a.Peep}, {"Source", a.Source}, {"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}})
}
