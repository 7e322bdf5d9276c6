package backend

// The Check functions of the RNN. See check.go.

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

// CheckRNNForward checks the arguments of RNNForward. scratch is the number of
// elements that the path taken needs.
func CheckRNNForward(owner any, a RNNArgs, scratch int) {
	c := checker{owner, "RNNForward"}
	c.layer(a, 1, scratch)
	c.outputs(
		[]operand{{"H", a.H}, {"Scratch", a.Scratch}},
		[]operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH}})
}

// CheckRNNBackward checks the arguments of RNNBackward. scratch is the number
// of elements that the path taken needs.
func CheckRNNBackward(owner any, a RNNGradArgs, scratch int) {
	c := checker{owner, "RNNBackward"}
	c.layer(a.RNNArgs, 1, scratch)
	c.layerGrads(a, 1)
	c.same(operand{"DY", a.DY}, operand{"DZ", a.DZ})
	c.outputs(
		[]operand{{"DZ", a.DZ}, {"DX", a.DX}, {"DH0", a.DH0}, {"DWIH", a.DWIH}, {"DWHH", a.DWHH},
			{"DBIH", a.DBIH}, {"DBHH", a.DBHH}, {"Scratch", a.Scratch}},
		[]operand{{"X", a.X}, {"WIH", a.WIH}, {"WHH", a.WHH}, {"BIH", a.BIH}, {"BHH", a.BHH},
			{"H", a.H}, {"DY", a.DY}, {"DHLast", a.DHLast}})
}
