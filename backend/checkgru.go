package backend

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
	c.inPlace(dv, gates)
	c.inPlace(du, recurrent)
	c.apart(dv, recurrent)
	c.apart(du, gates)
	c.apart(dh, gates, recurrent)
	c.outputs([]operand{dv, du, dh}, []operand{before, dy})
}

// CheckGRUForward checks the arguments of GRUForward. scratch is the number of
// elements that the path taken needs.
func CheckGRUForward(owner any, a GRUArgs, scratch int) {
	c := checker{owner, "GRUForward"}
	var ops [9]operand
	outs, ins := c.gru(a, ops[:0], scratch)
	c.outputs(outs, ins)
}

// gru checks the shapes of a GRU layer and returns its operands, in storage,
// outputs first.
func (c checker) gru(a GRUArgs, storage []operand, scratch int) (outs, ins []operand) {
	x, h := operand{"X", a.X}, operand{"H", a.H}
	d := c.sequence(x, a.Batch, h)
	ops := append(storage,
		operand{"Gates", a.Gates}, operand{"Recurrent", a.Recurrent}, h, operand{"Scratch", a.Scratch},
		x, operand{"WIH", a.WIH}, operand{"WHH", a.WHH}, operand{"BIH", a.BIH}, operand{"BHH", a.BHH})
	c.shape(ops[0], a.X.Rows, 3*d.Hidden)
	c.same(ops[0], ops[1])
	c.scratch(ops[3], scratch)
	c.shape(ops[5], 3*d.Hidden, d.Input)
	c.shape(ops[6], 3*d.Hidden, d.Hidden)
	c.optional(ops[7], 1, 3*d.Hidden)
	c.optional(ops[8], 1, 3*d.Hidden)
	return ops[:4], ops[4:]
}

// CheckGRUBackward checks the arguments of GRUBackward. scratch is the number
// of elements that the path taken needs.
func CheckGRUBackward(owner any, a GRUGradArgs, scratch int) {
	c := checker{owner, "GRUBackward"}
	var forward [9]operand
	kept, read := c.gru(a.GRUArgs, forward[:0], scratch)
	gates, recurrent, h, work := kept[0], kept[1], kept[2], kept[3]
	dv, du := operand{"DV", a.DV}, operand{"DU", a.DU}
	c.same(gates, dv, du)
	c.inPlace(dv, gates)
	c.inPlace(du, recurrent)
	c.apart(dv, recurrent)
	c.apart(du, gates)

	d := a.Dims()
	dy, dhLast := operand{"DY", a.DY}, operand{"DHLast", a.DHLast}
	c.shape(dy, a.X.Rows, d.Hidden)
	c.optional(dhLast, d.Batch, d.Hidden)

	var storage [9]operand
	outs := c.recurrentGrads(storage[:0], a.X, a.WIH, d.Batch, d.Hidden, 3,
		operand{"DX", a.DX}, operand{"DH0", a.DH0}, operand{"DWIH", a.DWIH}, operand{"DWHH", a.DWHH})
	dbih, dbhh := operand{"DBIH", a.DBIH}, operand{"DBHH", a.DBHH}
	c.paired(dbih, operand{"BIH", a.BIH}, 1, 3*d.Hidden)
	c.paired(dbhh, operand{"BHH", a.BHH}, 1, 3*d.Hidden)
	outs = append(outs, dbih, dbhh, work)
	for _, out := range outs {
		c.apart(out, gates, recurrent)
	}
	outs = append(outs, dv, du)
	for i, out := range outs {
		c.apart(out, outs[i+1:]...)
		c.apart(out, read...)
		c.apart(out, h, dy, dhLast)
	}
}
