package backend

// RNNPath names the path that an RNN layer takes on b.
func RNNPath(b Backend) string {
	switch b.(type) {
	case RNNSequencer:
		return PathSequence
	case RNNCeller:
		return PathCell
	}
	return PathPlain
}

// RNNScratch returns how many scratch elements RNNForward and RNNBackward need
// on b for a layer of sizes d and any smaller one.
func RNNScratch(b Backend, d RNNDims) int {
	if s, ok := b.(RNNSequencer); ok {
		return s.RNNScratch(d)
	}
	return ComposedRNNScratch(d)
}

// ComposedRNNScratch returns how many scratch elements ComposedRNNForward and
// ComposedRNNBackward need.
func ComposedRNNScratch(d RNNDims) int {
	return d.Batch * d.Hidden
}

// RNNForward runs an RNN layer over a sequence. See RNNArgs.
func RNNForward(b Backend, a RNNArgs) {
	CheckRNNForward(nil, a, RNNScratch(b, a.Dims()))
	if s, ok := b.(RNNSequencer); ok {
		s.RNNForward(a)
		return
	}
	ComposedRNNForward(b, a)
}

// ComposedRNNForward is RNNForward as a loop over the time steps, of products and
// cells. It checks nothing.
func ComposedRNNForward(b Backend, a RNNArgs) {
	b.Gemm(a.H.Slice(a.Batch, a.H.Rows), NoTrans, Trans, 1, a.X, a.WIH, 0)
	n := a.Batch
	addBias(b, a.H.Slice(n, a.H.Rows), a.BIH, a.BHH)
	for t := range a.Dims().Steps {
		h := a.H.Slice((t+1)*n, (t+2)*n)
		b.Gemm(h, NoTrans, Trans, 1, a.H.Slice(t*n, (t+1)*n), a.WHH, 1)
		rnnCell(b, RNNCellArgs{ReLU: a.ReLU, Z: h, H: h})
	}
}

// RNNBackward runs the backward pass of RNNForward: full backpropagation
// through time. See RNNGradArgs.
func RNNBackward(b Backend, a RNNGradArgs) {
	CheckRNNBackward(nil, a, RNNScratch(b, a.Dims()))
	if s, ok := b.(RNNSequencer); ok {
		s.RNNBackward(a)
		return
	}
	ComposedRNNBackward(b, a)
}

// ComposedRNNBackward is RNNBackward as a loop over the time steps. It checks
// nothing.
func ComposedRNNBackward(b Backend, a RNNGradArgs) {
	d := a.Dims()
	n, steps := d.Batch, d.Steps
	dh, _ := a.Scratch.Take(n, d.Hidden)
	copyOrZero(b, dh, a.DHLast)
	for t := steps - 1; t >= 0; t-- {
		dz := a.DZ.Slice(t*n, (t+1)*n)
		rnnCellGrad(b, RNNCellGradArgs{
			ReLU: a.ReLU,
			H:    a.H.Slice((t+1)*n, (t+2)*n),
			DY:   a.DY.Slice(t*n, (t+1)*n),
			DH:   dh,
			DZ:   dz,
		})
		b.Gemm(dh, NoTrans, NoTrans, 1, dz, a.WHH, 0)
	}
	if a.DH0.Present() {
		b.Copy(a.DH0, dh)
	}
	ComposedRNNGrads(b, a)
}

// ComposedRNNGrads is the rest of RNNBackward once DZ and DH0 are there: the products
// over the whole sequence. It checks nothing.
func ComposedRNNGrads(b Backend, a RNNGradArgs) {
	inputGrads(b, a.DZ, a.X, a.WIH, a.DX, a.DWIH, a.DBIH, beta(a.Overwrite))
	recurrentGrads(b, a.DZ, a.H.Slice(0, a.DZ.Rows), a.DWHH, a.DBHH, beta(a.Overwrite))
}

func rnnCell(b Backend, a RNNCellArgs) {
	if c, ok := b.(RNNCeller); ok {
		c.RNNCell(a)
		return
	}
	if a.ReLU {
		b.ReLU(a.H, a.Z)
	} else {
		b.Tanh(a.H, a.Z)
	}
}

func rnnCellGrad(b Backend, a RNNCellGradArgs) {
	if c, ok := b.(RNNCeller); ok {
		c.RNNCellGrad(a)
		return
	}
	b.Add(a.DZ, a.DY, a.DH)
	if a.ReLU {
		b.ReLUGrad(a.DZ, a.H, a.DZ)
	} else {
		b.TanhGrad(a.DZ, a.H, a.DZ)
	}
}
