package backend

// The Check functions of the GRU. See check.go.

// CheckGRUCell checks the arguments of GRUCell.
func CheckGRUCell(owner any, a GRUCellArgs) {
	c := checker{owner, "GRUCell"}
	hidden, before := operand{"H", a.H}, operand{"HPrev", a.HPrev}
	gates, recurrent := operand{"Gates", a.Gates}, operand{"Recurrent", a.Recurrent}
	c.same(hidden, before)
	c.shape(gates, a.H.Rows, 3*a.H.Cols)
	c.same(gates, recurrent)
	c.outputs([]operand{hidden, gates}, []operand{before, recurrent})
}

// CheckGRUCellGrad checks the arguments of GRUCellGrad.
func CheckGRUCellGrad(owner any, a GRUCellGradArgs) {
	c := checker{owner, "GRUCellGrad"}
	gates, recurrent := operand{"Gates", a.Gates}, operand{"Recurrent", a.Recurrent}
	before, dy, dh := operand{"HPrev", a.HPrev}, operand{"DY", a.DY}, operand{"DH", a.DH}
	dv, du := operand{"DV", a.DV}, operand{"DU", a.DU}
	c.same(dh, before, dy)
	c.shape(gates, a.DH.Rows, 3*a.DH.Cols)
	c.same(gates, recurrent, dv, du)
	c.inGRUPlaces(dv, du, gates, recurrent)
	c.outputs([]operand{dv, du}, []operand{before, dy})
	c.outputs([]operand{dh}, []operand{before, dy, gates, recurrent, dv, du})
}

// inGRUPlaces checks that DV is Gates or apart from it, and DU so with
// Recurrent.
func (c checker) inGRUPlaces(dv, du, gates, recurrent operand) {
	c.inPlace(dv, gates)
	c.inPlace(du, recurrent)
	c.apart(dv, recurrent)
	c.apart(du, gates)
}

// CheckGRUForward checks the arguments of GRUForward. scratch is the number of
// elements that the path taken needs.
func CheckGRUForward(owner any, a GRUArgs, scratch int) {
	c := checker{owner, "GRUForward"}
	c.gru(a, scratch)
	c.outputs(
		[]operand{{"Gates", a.Gates}, {"Recurrent", a.Recurrent}, {"H", a.H}, {"Scratch", a.Scratch}},
		[]operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH}})
}

// gru checks the shapes of GRUForward's operands.
func (c checker) gru(a GRUArgs, scratch int) {
	c.layer(a.rnn(), 3, scratch)
	c.shape(operand{"Gates", a.Gates}, a.X.Rows, 3*a.H.Cols)
	c.same(operand{"Gates", a.Gates}, operand{"Recurrent", a.Recurrent})
}

// CheckGRUBackward checks the arguments of GRUBackward. scratch is the number
// of elements that the path taken needs.
func CheckGRUBackward(owner any, a GRUGradArgs, scratch int) {
	c := checker{owner, "GRUBackward"}
	c.gru(a.GRUArgs, scratch)
	c.layerGrads(a.rnn(), 3)
	gates, recurrent := operand{"Gates", a.Gates}, operand{"Recurrent", a.Recurrent}
	dv, du := operand{"DV", a.DV}, operand{"DU", a.DU}
	c.same(gates, dv, du)

	c.inGRUPlaces(dv, du, gates, recurrent)
	ins := []operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH},
		{"H", a.H}, {"DY", a.DY}, {"DHLast", a.DHLast}, gates, recurrent, dv, du}
	c.outputs([]operand{dv, du}, ins[:len(ins)-4])
	c.outputs([]operand{{"DX", a.DX}, {"DH0", a.DH0}, {"DWIH", a.DWIH}, {"DWHH", a.DWHH},
		{"DBIH", a.DBIH}, {"DBHH", a.DBHH}, {"Scratch", a.Scratch}}, ins)
}
