package backend

// What the Check functions of RNN, LSTM and GRU layers share. An LSTM or a GRU has
// the operands of an RNN, more rows of weights for each hidden unit, and operands
// of its own. See check.go.

// layer checks the shapes of a layer's operands. gates is the number of rows of
// the weights for each hidden unit, scratch the number of elements needed.
func (c checker) layer(a RNNArgs, gates, scratch int) {
	c.sequence(operand{"X", a.X}, a.Batch, operand{"H", a.H})
	rows := gates * a.H.Cols
	c.shape(operand{"WIH", a.WIH}, rows, a.X.Cols)
	c.shape(operand{"WHH", a.WHH}, rows, a.H.Cols)
	c.optional(operand{"BIH", a.BIH}, 1, rows)
	c.optional(operand{"BHH", a.BHH}, 1, rows)
	work := operand{"Scratch", a.Scratch}
	c.tensor(work)
	if work.Size() < scratch {
		c.fail("Scratch has %d elements, want %d", work.Size(), scratch)
	}
}

// sequence checks X and H against the batch size.
func (c checker) sequence(x operand, batch int, h operand) {
	c.tensor(x)
	if batch < 0 || batch == 0 && x.Rows > 0 || batch > 0 && x.Rows%batch != 0 {
		c.fail("X is %v, which is no whole number of steps of batch %d", x.Tensor, batch)
	}
	c.shape(h, x.Rows+batch, h.Cols)
}

// layerGrads checks the shapes of a layer's gradients, but for those of the
// arguments of its nonlinearities, which each layer has in its own way.
func (c checker) layerGrads(a RNNGradArgs, gates int) {
	rows, hidden := gates*a.H.Cols, a.H.Cols
	c.shape(operand{"DY", a.DY}, a.X.Rows, hidden)
	c.optional(operand{"DHLast", a.DHLast}, a.Batch, hidden)
	c.optional(operand{"DX", a.DX}, a.X.Rows, a.X.Cols)
	c.optional(operand{"DH0", a.DH0}, a.Batch, hidden)
	c.shape(operand{"DWIH", a.DWIH}, rows, a.X.Cols)
	c.shape(operand{"DWHH", a.DWHH}, rows, hidden)
	c.paired(operand{"DBIH", a.DBIH}, operand{"BIH", a.BIH}, 1, rows)
	c.paired(operand{"DBHH", a.DBHH}, operand{"BHH", a.BHH}, 1, rows)
}
