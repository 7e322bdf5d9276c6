package backend

// The Check functions of memory blocks. See check.go.

// CheckLSTM1997Cell checks the arguments of LSTM1997Cell.
func CheckLSTM1997Cell(owner any, a LSTM1997CellArgs) {
	c := checker{owner, "LSTM1997Cell"}
	c.lstm1997Cell(a)
	c.outputs(
		[]operand{{"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}},
		[]operand{{"SPrev", a.SPrev}, {"Peep", a.Peep}})
}

// lstm1997Cell checks the shapes of LSTM1997Cell's operands.
func (c checker) lstm1997Cell(a LSTM1997CellArgs) {
	c.same(operand{"S", a.S}, operand{"Y", a.Y}, operand{"SPrev", a.SPrev})
	if a.Blocks < 1 || a.S.Cols == 0 || a.S.Cols%a.Blocks != 0 {
		c.fail("S is %v, which is no whole number of cells in each of %d blocks", a.S, a.Blocks)
	}
	units := 2*a.Blocks + a.S.Cols
	if a.Forget() {
		units += a.Blocks
	}
	c.shape(operand{"Gates", a.Gates}, a.S.Rows, units)
	c.optional(operand{"Peep", a.Peep}, 3, a.S.Cols)
	c.squash("G", a.G)
	c.squash("H", a.H)
}

func (c checker) squash(name string, f Squash) {
	if f != (Squash{}) && !(f.Range > 0 && f.Slope > 0) {
		c.fail("%s has range %v and slope %v, want both above 0, or neither", name, f.Range, f.Slope)
	}
}

// CheckLSTM1997CellGrad checks the arguments of LSTM1997CellGrad.
func CheckLSTM1997CellGrad(owner any, a LSTM1997CellGradArgs) {
	c := checker{owner, "LSTM1997CellGrad"}
	c.lstm1997Cell(a.LSTM1997CellArgs)
	source, dy := operand{"Source", a.Source}, operand{"DY", a.DY}
	c.shape(source, a.S.Rows, a.Source.Cols)
	c.shape(dy, a.S.Rows, a.S.Cols)
	c.truncatedGrads(a, a.S.Rows)
	c.outputs(
		[]operand{{"PIn", a.PIn}, {"PForget", a.PForget}, {"PCell", a.PCell}, {"DW", a.DW}, {"DPeep", a.DPeep}},
		[]operand{source, dy, {"Peep", a.Peep}, {"Gates", a.Gates}, {"S", a.S}, {"Y", a.Y}, {"SPrev", a.SPrev}})
}

// truncatedGrads checks the shapes of the gradients and the partials.
func (c checker) truncatedGrads(a LSTM1997CellGradArgs, batch int) {
	c.paired(operand{"DPeep", a.DPeep}, operand{"Peep", a.Peep}, 3, a.S.Cols)
	rows, columns := batch*a.S.Cols, a.Source.Cols
	if a.Peep.Present() {
		columns += a.S.Cols / a.Blocks
	}
	c.shape(operand{"PIn", a.PIn}, rows, columns)
	c.shape(operand{"PCell", a.PCell}, rows, a.Source.Cols)
	switch {
	case a.Forget():
		c.shape(operand{"PForget", a.PForget}, rows, columns)
	case a.PForget.Present():
		c.fail("PForget is present, but there are no forget gates")
	}
	c.shape(operand{"DW", a.DW}, a.Gates.Cols, a.Source.Cols)
}

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
