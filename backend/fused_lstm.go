package backend

// LSTMPath names the path that an LSTM layer takes on b.
func LSTMPath(b Backend) string {
	switch b.(type) {
	case LSTMSequencer:
		return PathSequence
	case LSTMCeller:
		return PathCell
	}
	return PathPlain
}

// LSTMScratch returns how many scratch elements LSTMForward and LSTMBackward
// need on b for a layer of sizes d and any smaller one.
func LSTMScratch(b Backend, d LSTMDims) int {
	if s, ok := b.(LSTMSequencer); ok {
		return s.LSTMScratch(d)
	}
	return ComposedLSTMScratch(d)
}

// ComposedLSTMScratch returns how many scratch elements ComposedLSTMForward and
// ComposedLSTMBackward need.
func ComposedLSTMScratch(d LSTMDims) int {
	step := d.Batch * d.Hidden
	n := (2 + lstmCellScratch) * step
	if d.Peepholes {
		n += d.Steps * step
	}
	return n
}

// LSTMForward runs an LSTM layer over a sequence. See LSTMArgs.
func LSTMForward(b Backend, a LSTMArgs) {
	CheckLSTMForward(nil, a, LSTMScratch(b, a.Dims()))
	if s, ok := b.(LSTMSequencer); ok {
		s.LSTMForward(a)
		return
	}
	ComposedLSTMForward(b, a)
}

// ComposedLSTMForward is LSTMForward as a loop over the time steps, of products and
// cells. It checks nothing.
func ComposedLSTMForward(b Backend, a LSTMArgs) {
	// The input's part of all steps is one product; each step adds its own
	// recurrent part to it.
	b.Gemm(a.Gates, NoTrans, Trans, 1, a.X, a.WIH, 0)
	n := a.Batch
	addBias(b, a.Gates, a.BIH, a.BHH)
	for t := range a.Dims().Steps {
		z := a.Gates.Slice(t*n, (t+1)*n)
		b.Gemm(z, NoTrans, Trans, 1, a.H.Slice(t*n, (t+1)*n), a.WHH, 1)
		lstmCell(b, LSTMCellArgs{
			Gates: z,
			CPrev: a.C.Slice(t*n, (t+1)*n),
			Peep:  a.Peep,
			C:     a.C.Slice((t+1)*n, (t+2)*n),
			H:     a.H.Slice((t+1)*n, (t+2)*n),
		}, a.Scratch)
	}
}

// LSTMBackward runs the backward pass of LSTMForward: full backpropagation
// through time. See LSTMGradArgs.
func LSTMBackward(b Backend, a LSTMGradArgs) {
	CheckLSTMBackward(nil, a, LSTMScratch(b, a.Dims()))
	if s, ok := b.(LSTMSequencer); ok {
		s.LSTMBackward(a)
		return
	}
	ComposedLSTMBackward(b, a)
}

// ComposedLSTMBackward is LSTMBackward as a loop over the time steps. It checks
// nothing.
func ComposedLSTMBackward(b Backend, a LSTMGradArgs) {
	d := a.Dims()
	n, h, steps := d.Batch, d.Hidden, d.Steps
	dh, rest := a.Scratch.Take(n, h)
	dc, rest := rest.Take(n, h)
	copyOrZero(b, dh, a.DHLast)
	copyOrZero(b, dc, a.DCLast)
	for t := steps - 1; t >= 0; t-- {
		dz := a.DZ.Slice(t*n, (t+1)*n)
		lstmCellGrad(b, LSTMCellGradArgs{
			Gates: a.Gates.Slice(t*n, (t+1)*n),
			CPrev: a.C.Slice(t*n, (t+1)*n),
			C:     a.C.Slice((t+1)*n, (t+2)*n),
			Peep:  a.Peep,
			DY:    a.DY.Slice(t*n, (t+1)*n),
			DH:    dh,
			DC:    dc,
			DZ:    dz,
		}, rest)
		b.Gemm(dh, NoTrans, NoTrans, 1, dz, a.WHH, 0)
	}
	if a.DH0.Present() {
		b.Copy(a.DH0, dh)
	}
	if a.DC0.Present() {
		b.Copy(a.DC0, dc)
	}
	ComposedLSTMGrads(b, a)
}

// ComposedLSTMGrads is the rest of LSTMBackward once DZ, DH0 and DC0 are there: the
// products over the whole sequence. It checks nothing.
func ComposedLSTMGrads(b Backend, a LSTMGradArgs) {
	n, steps := a.Batch, a.Dims().Steps
	inputGrads(b, a.DZ, a.X, a.WIH, a.DX, a.DWIH, a.DBIH, beta(a.Overwrite))
	recurrentGrads(b, a.DZ, a.H.Slice(0, steps*n), a.DWHH, a.DBHH, beta(a.Overwrite))
	if a.Peep.Present() {
		if a.Overwrite {
			b.Fill(a.DPeep, 0)
		}
		lstmPeepGrad(b, a.DPeep, a.DZ, a.C.Slice(0, steps*n), a.C.Slice(n, (steps+1)*n), a.Scratch)
	}
}

func lstmPeepGrad(b Backend, dPeep, dz, cPrev, c, scratch Tensor) {
	if p, ok := b.(LSTMPeepGrader); ok {
		p.LSTMPeepGrad(dPeep, dz, cPrev, c)
		return
	}
	product, _ := scratch.Take(c.Rows, c.Cols)
	for row, source := range [...]struct {
		gate int
		c    Tensor
	}{{0, cPrev}, {1, cPrev}, {3, c}} {
		b.CopyCols(product, 0, dz, source.gate*c.Cols, c.Cols)
		b.Mul(product, product, source.c)
		b.SumRows(dPeep.Slice(row, row+1), product, 1)
	}
}

// lstmCellScratch is the scratch of lstmCell and lstmCellGrad in units of N·H.
const lstmCellScratch = 8

func lstmCell(b Backend, a LSTMCellArgs, scratch Tensor) {
	if c, ok := b.(LSTMCeller); ok {
		c.LSTMCell(a)
		return
	}
	n, h := a.C.Rows, a.C.Cols
	var gate [4]Tensor
	for k := range gate {
		gate[k], scratch = scratch.Take(n, h)
		b.CopyCols(gate[k], 0, a.Gates, k*h, h)
	}
	product, _ := scratch.Take(n, h)
	i, f, g, o := gate[0], gate[1], gate[2], gate[3]
	peep := func(z Tensor, row int, c Tensor) {
		if a.Peep.Present() {
			b.MulRow(product, c, a.Peep.Slice(row, row+1))
			b.Add(z, z, product)
		}
	}
	peep(i, 0, a.CPrev)
	peep(f, 1, a.CPrev)
	b.Sigmoid(i, i)
	b.Sigmoid(f, f)
	b.Tanh(g, g)
	b.Mul(a.C, f, a.CPrev)
	b.AddMul(a.C, i, g)
	peep(o, 2, a.C)
	b.Sigmoid(o, o)
	b.Tanh(a.H, a.C)
	b.Mul(a.H, a.H, o)
	for k := range gate {
		b.CopyCols(a.Gates, k*h, gate[k], 0, h)
	}
}

func lstmCellGrad(b Backend, a LSTMCellGradArgs, scratch Tensor) {
	if c, ok := b.(LSTMCeller); ok {
		c.LSTMCellGrad(a)
		return
	}
	n, h := a.C.Rows, a.C.Cols
	var s [lstmCellScratch]Tensor
	for k := range s {
		s[k], scratch = scratch.Take(n, h)
	}
	i, f, g, o, dh, squashed, d, viaPeep := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for k, gate := range s[:4] {
		b.CopyCols(gate, 0, a.Gates, k*h, h)
	}
	b.Add(dh, a.DY, a.DH)
	b.Tanh(squashed, a.C)

	b.Mul(d, dh, squashed)
	b.SigmoidGrad(d, o, d)
	b.CopyCols(a.DZ, 3*h, d, 0, h)
	if a.Peep.Present() {
		b.MulRow(d, d, a.Peep.Slice(2, 3))
		b.Add(a.DC, a.DC, d)
	}
	b.Mul(d, dh, o)
	b.TanhGrad(d, squashed, d)
	b.Add(a.DC, a.DC, d)

	b.Mul(d, a.DC, g)
	b.SigmoidGrad(d, i, d)
	b.CopyCols(a.DZ, 0, d, 0, h)
	if a.Peep.Present() {
		b.MulRow(viaPeep, d, a.Peep.Slice(0, 1))
	}
	b.Mul(d, a.DC, a.CPrev)
	b.SigmoidGrad(d, f, d)
	b.CopyCols(a.DZ, h, d, 0, h)
	if a.Peep.Present() {
		b.MulRow(d, d, a.Peep.Slice(1, 2))
		b.Add(viaPeep, viaPeep, d)
	}
	b.Mul(d, a.DC, i)
	b.TanhGrad(d, g, d)
	b.CopyCols(a.DZ, 2*h, d, 0, h)

	b.Mul(a.DC, a.DC, f)
	if a.Peep.Present() {
		b.Add(a.DC, a.DC, viaPeep)
	}
}
