package backend

// The Check functions of the LSTM. See check.go.

// CheckLSTMCell checks the arguments of LSTMCell.
func CheckLSTMCell(owner any, a LSTMCellArgs) {
	c := checker{owner, "LSTMCell"}
	cell, hidden := operand{"C", a.C}, operand{"H", a.H}
	gates, before, peep := operand{"Gates", a.Gates}, operand{"CPrev", a.CPrev}, operand{"Peep", a.Peep}
	c.same(cell, hidden, before)
	c.shape(gates, a.C.Rows, 4*a.C.Cols)
	c.optional(peep, 3, a.C.Cols)
	c.outputs([]operand{cell, hidden, gates}, []operand{before, peep})
}

// CheckLSTMCellGrad checks the arguments of LSTMCellGrad.
func CheckLSTMCellGrad(owner any, a LSTMCellGradArgs) {
	c := checker{owner, "LSTMCellGrad"}
	cell, before, peep := operand{"C", a.C}, operand{"CPrev", a.CPrev}, operand{"Peep", a.Peep}
	gates, dz := operand{"Gates", a.Gates}, operand{"DZ", a.DZ}
	dy, dh, dc := operand{"DY", a.DY}, operand{"DH", a.DH}, operand{"DC", a.DC}
	c.same(cell, before, dy, dh, dc)
	c.shape(gates, a.C.Rows, 4*a.C.Cols)
	c.same(gates, dz)
	c.optional(peep, 3, a.C.Cols)
	c.inPlace(dz, gates)
	c.apart(dc, gates)
	c.outputs([]operand{dz, dc}, []operand{cell, before, peep, dy, dh})
}

// CheckLSTMPeepGrad checks the arguments of LSTMPeepGrad.
func CheckLSTMPeepGrad(owner any, dPeep, dz, cPrev, c Tensor) {
	k := checker{owner, "LSTMPeepGrad"}
	before, after, gates, peep := operand{"cPrev", cPrev}, operand{"c", c}, operand{"dz", dz}, operand{"dPeep", dPeep}
	k.same(after, before)
	k.shape(gates, c.Rows, 4*c.Cols)
	k.shape(peep, 3, c.Cols)
	k.apart(peep, before, after, gates)
}

// CheckLSTMForward checks the arguments of LSTMForward. scratch is the
// number of elements that the path taken needs.
func CheckLSTMForward(owner any, a LSTMArgs, scratch int) {
	c := checker{owner, "LSTMForward"}
	c.lstm(a, scratch)
	c.outputs(
		[]operand{{"Gates", a.Gates}, {"H", a.H}, {"C", a.C}, {"Scratch", a.Scratch}},
		[]operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH}, {"Peep", a.Peep}})
}

// lstm checks the shapes of LSTMForward's operands.
func (c checker) lstm(a LSTMArgs, scratch int) {
	c.layer(a.rnn(), 4, scratch)
	c.same(operand{"H", a.H}, operand{"C", a.C})
	c.shape(operand{"Gates", a.Gates}, a.X.Rows, 4*a.H.Cols)
	c.optional(operand{"Peep", a.Peep}, 3, a.H.Cols)
}

// CheckLSTMBackward checks the arguments of LSTMBackward. scratch is the
// number of elements that the path taken needs.
func CheckLSTMBackward(owner any, a LSTMGradArgs, scratch int) {
	c := checker{owner, "LSTMBackward"}
	c.lstm(a.LSTMArgs, scratch)
	c.layerGrads(a.rnn(), 4)
	gates, dz := operand{"Gates", a.Gates}, operand{"DZ", a.DZ}
	c.same(gates, dz)
	c.optional(operand{"DCLast", a.DCLast}, a.Batch, a.H.Cols)
	c.optional(operand{"DC0", a.DC0}, a.Batch, a.H.Cols)
	c.paired(operand{"DPeep", a.DPeep}, operand{"Peep", a.Peep}, 3, a.H.Cols)

	// DZ may be Gates, so the two stand apart from all but each other.
	c.inPlace(dz, gates)
	ins := []operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH}, {"Peep", a.Peep},
		{"H", a.H}, {"C", a.C}, {"DY", a.DY}, {"DHLast", a.DHLast}, {"DCLast", a.DCLast}, gates, dz}
	c.outputs([]operand{dz}, ins[:len(ins)-2])
	c.outputs([]operand{{"DX", a.DX}, {"DH0", a.DH0}, {"DC0", a.DC0}, {"DWIH", a.DWIH}, {"DWHH", a.DWHH},
		{"DBIH", a.DBIH}, {"DBHH", a.DBHH}, {"DPeep", a.DPeep}, {"Scratch", a.Scratch}}, ins)
}
