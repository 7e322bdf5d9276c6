package backend

// The Check functions of the fused layers and cells. See check.go.

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

// CheckRNNCell checks the arguments of RNNCell.
func CheckRNNCell(owner any, a RNNCellArgs) {
	c := checker{owner, "RNNCell"}
	h, z := operand{"H", a.H}, operand{"Z", a.Z}
	c.same(h, z)
	c.inPlace(h, z)
}

// CheckRNNCellGrad checks the arguments of RNNCellGrad.
func CheckRNNCellGrad(owner any, a RNNCellGradArgs) {
	c := checker{owner, "RNNCellGrad"}
	dz, h, dy, dh := operand{"DZ", a.DZ}, operand{"H", a.H}, operand{"DY", a.DY}, operand{"DH", a.DH}
	c.same(dz, h, dy, dh)
	c.apart(dz, h)
	c.inPlace(dz, dy, dh)
}

// CheckLSTMForward checks the arguments of LSTMForward. scratch is the
// number of elements that the path taken needs.
func CheckLSTMForward(owner any, a LSTMArgs, scratch int) {
	c := checker{owner, "LSTMForward"}
	var ops [10]operand
	outs, ins := c.lstm(a, ops[:0], scratch)
	c.outputs(outs, ins)
}

// lstm checks the shapes of an LSTM layer and returns its operands, in
// storage, outputs first.
func (c checker) lstm(a LSTMArgs, storage []operand, scratch int) (outs, ins []operand) {
	x := operand{"X", a.X}
	d := c.sequence(x, a.Batch, operand{"H", a.H})
	ops := append(storage,
		operand{"Gates", a.Gates}, operand{"H", a.H}, operand{"C", a.C}, operand{"Scratch", a.Scratch},
		x, operand{"WIH", a.WIH}, operand{"WHH", a.WHH}, operand{"BIH", a.BIH}, operand{"BHH", a.BHH}, operand{"Peep", a.Peep})
	c.shape(ops[0], a.X.Rows, 4*d.Hidden)
	c.same(ops[1], ops[2])
	c.scratch(ops[3], scratch)
	c.shape(ops[5], 4*d.Hidden, d.Input)
	c.shape(ops[6], 4*d.Hidden, d.Hidden)
	c.optional(ops[7], 1, 4*d.Hidden)
	c.optional(ops[8], 1, 4*d.Hidden)
	c.optional(ops[9], 3, d.Hidden)
	return ops[:4], ops[4:]
}

// sequence checks X and H against the batch size.
func (c checker) sequence(x operand, batch int, h operand) RNNDims {
	c.tensor(x)
	if batch < 0 || batch == 0 && x.Rows > 0 || batch > 0 && x.Rows%batch != 0 {
		c.fail("X is %v, which is no whole number of steps of batch %d", x.Tensor, batch)
	}
	c.shape(h, x.Rows+batch, h.Cols)
	d := RNNDims{Batch: batch, Input: x.Cols, Hidden: h.Cols}
	if batch > 0 {
		d.Steps = x.Rows / batch
	}
	return d
}

func (c checker) scratch(x operand, need int) {
	c.tensor(x)
	if x.Size() < need {
		c.fail("Scratch has %d elements, want %d", x.Size(), need)
	}
}

// CheckLSTMBackward checks the arguments of LSTMBackward. scratch is the
// number of elements that the path taken needs.
func CheckLSTMBackward(owner any, a LSTMGradArgs, scratch int) {
	c := checker{owner, "LSTMBackward"}
	var forward [10]operand
	kept, read := c.lstm(a.LSTMArgs, forward[:0], scratch)
	gates, dz := operand{"Gates", a.Gates}, operand{"DZ", a.DZ}
	c.same(gates, dz)
	c.inPlace(dz, gates)

	d := a.Dims()
	dy, dhLast, dcLast := operand{"DY", a.DY}, operand{"DHLast", a.DHLast}, operand{"DCLast", a.DCLast}
	c.shape(dy, a.X.Rows, d.Hidden)
	c.optional(dhLast, d.Batch, d.Hidden)
	c.optional(dcLast, d.Batch, d.Hidden)

	var storage [12]operand
	outs := c.recurrentGrads(storage[:0], a.X, a.WIH, d.Batch, d.Hidden, 4,
		operand{"DX", a.DX}, operand{"DH0", a.DH0}, operand{"DWIH", a.DWIH}, operand{"DWHH", a.DWHH})
	dbih, dbhh := operand{"DBIH", a.DBIH}, operand{"DBHH", a.DBHH}
	dpeep, dc0 := operand{"DPeep", a.DPeep}, operand{"DC0", a.DC0}
	c.paired(dbih, operand{"BIH", a.BIH}, 1, 4*d.Hidden)
	c.paired(dbhh, operand{"BHH", a.BHH}, 1, 4*d.Hidden)
	c.paired(dpeep, operand{"Peep", a.Peep}, 3, d.Hidden)
	c.optional(dc0, d.Batch, d.Hidden)
	outs = append(outs, dbih, dbhh, dpeep, dc0, dz)

	// DZ may be Gates, the first of kept, so Gates counts as an input of the
	// others only; scratch, the last of kept, is an output.
	for i, out := range outs {
		c.apart(out, outs[i+1:]...)
		c.apart(out, kept[1:]...)
		c.apart(out, read...)
		c.apart(out, dy, dhLast, dcLast)
		if i < len(outs)-1 {
			c.apart(out, gates)
		}
	}
	c.apart(kept[3], dy, dhLast, dcLast)
	c.apart(kept[3], kept[:3]...)
	c.apart(kept[3], read...)
}

// recurrentGrads checks the gradients that RNN and LSTM share; gates is the
// number of rows of the weights per hidden unit.
func (c checker) recurrentGrads(storage []operand, x, wih Tensor, batch, hidden, gates int, dx, dh0, dwih, dwhh operand) []operand {
	c.optional(dx, x.Rows, x.Cols)
	c.optional(dh0, batch, hidden)
	c.shape(dwih, wih.Rows, wih.Cols)
	c.shape(dwhh, gates*hidden, hidden)
	return append(storage, dx, dh0, dwih, dwhh)
}

// CheckRNNForward checks the arguments of RNNForward. scratch is the number of
// elements that the path taken needs.
func CheckRNNForward(owner any, a RNNArgs, scratch int) {
	c := checker{owner, "RNNForward"}
	var ops [7]operand
	outs, ins := c.rnn(a, ops[:0], scratch)
	c.outputs(outs, ins)
}

// rnn checks the shapes of an RNN layer and returns its operands, in storage,
// outputs first.
func (c checker) rnn(a RNNArgs, storage []operand, scratch int) (outs, ins []operand) {
	x, h := operand{"X", a.X}, operand{"H", a.H}
	d := c.sequence(x, a.Batch, h)
	ops := append(storage, h, operand{"Scratch", a.Scratch},
		x, operand{"WIH", a.WIH}, operand{"WHH", a.WHH}, operand{"BIH", a.BIH}, operand{"BHH", a.BHH})
	c.scratch(ops[1], scratch)
	c.shape(ops[3], d.Hidden, d.Input)
	c.shape(ops[4], d.Hidden, d.Hidden)
	c.optional(ops[5], 1, d.Hidden)
	c.optional(ops[6], 1, d.Hidden)
	return ops[:2], ops[2:]
}

// CheckRNNBackward checks the arguments of RNNBackward. scratch is the number
// of elements that the path taken needs.
func CheckRNNBackward(owner any, a RNNGradArgs, scratch int) {
	c := checker{owner, "RNNBackward"}
	var forward [7]operand
	kept, read := c.rnn(a.RNNArgs, forward[:0], scratch)
	d := a.Dims()
	dz, dy, dhLast := operand{"DZ", a.DZ}, operand{"DY", a.DY}, operand{"DHLast", a.DHLast}
	c.shape(dz, a.X.Rows, d.Hidden)
	c.same(dz, dy)
	c.optional(dhLast, d.Batch, d.Hidden)

	var storage [9]operand
	outs := c.recurrentGrads(storage[:0], a.X, a.WIH, d.Batch, d.Hidden, 1,
		operand{"DX", a.DX}, operand{"DH0", a.DH0}, operand{"DWIH", a.DWIH}, operand{"DWHH", a.DWHH})
	dbih, dbhh := operand{"DBIH", a.DBIH}, operand{"DBHH", a.DBHH}
	c.paired(dbih, operand{"BIH", a.BIH}, 1, d.Hidden)
	c.paired(dbhh, operand{"BHH", a.BHH}, 1, d.Hidden)
	outs = append(outs, dbih, dbhh, dz, kept[1])
	for i, out := range outs {
		c.apart(out, outs[i+1:]...)
		c.apart(out, read...)
		c.apart(out, kept[0], dy, dhLast)
	}
}
