package backend

// GRUPath names the path that a GRU layer takes on b.
func GRUPath(b Backend) string {
	switch b.(type) {
	case GRUSequencer:
		return PathSequence
	case GRUCeller:
		return PathCell
	}
	return PathPlain
}

// GRUScratch returns how many scratch elements GRUForward and GRUBackward need
// on b for a layer of sizes d and any smaller one.
func GRUScratch(b Backend, d GRUDims) int {
	if s, ok := b.(GRUSequencer); ok {
		return s.GRUScratch(d)
	}
	return ComposedGRUScratch(d)
}

// ComposedGRUScratch returns how many scratch elements ComposedGRUForward and
// ComposedGRUBackward need.
func ComposedGRUScratch(d GRUDims) int { return (1 + gruCellScratch) * d.Batch * d.Hidden }

// GRUForward runs a GRU layer over a sequence. See GRUArgs.
func GRUForward(b Backend, a GRUArgs) {
	CheckGRUForward(nil, a, GRUScratch(b, a.Dims()))
	if s, ok := b.(GRUSequencer); ok {
		s.GRUForward(a)
		return
	}
	ComposedGRUForward(b, a)
}

// ComposedGRUForward is GRUForward as a loop over the time steps, of products and
// cells. It checks nothing.
func ComposedGRUForward(b Backend, a GRUArgs) {
	b.Gemm(a.Gates, NoTrans, Trans, 1, a.X, a.WIH, 0)
	d := a.Dims()
	n := d.Batch
	addBias(b, a.Gates, a.BIH, Tensor{})
	// The reset gate needs u apart from v: its bias for all steps, to which
	// each step adds its product.
	b.Fill(a.Recurrent, 0)
	addBias(b, a.Recurrent, a.BHH, Tensor{})
	for t := range d.Steps {
		before, u := a.H.Slice(t*n, (t+1)*n), a.Recurrent.Slice(t*n, (t+1)*n)
		b.Gemm(u, NoTrans, Trans, 1, before, a.WHH, 1)
		gruCell(b, GRUCellArgs{
			Gates:     a.Gates.Slice(t*n, (t+1)*n),
			Recurrent: u,
			HPrev:     before,
			H:         a.H.Slice((t+1)*n, (t+2)*n),
		}, a.Scratch)
	}
}

// GRUBackward runs the backward pass of GRUForward: full backpropagation
// through time. See GRUGradArgs.
func GRUBackward(b Backend, a GRUGradArgs) {
	CheckGRUBackward(nil, a, GRUScratch(b, a.Dims()))
	if s, ok := b.(GRUSequencer); ok {
		s.GRUBackward(a)
		return
	}
	ComposedGRUBackward(b, a)
}

// ComposedGRUBackward is GRUBackward as a loop over the time steps. It checks
// nothing.
func ComposedGRUBackward(b Backend, a GRUGradArgs) {
	d := a.Dims()
	n, steps := d.Batch, d.Steps
	dh, rest := a.Scratch.Take(n, d.Hidden)
	copyOrZero(b, dh, a.DHLast)
	for t := steps - 1; t >= 0; t-- {
		du := a.DU.Slice(t*n, (t+1)*n)
		gruCellGrad(b, GRUCellGradArgs{
			Gates:     a.Gates.Slice(t*n, (t+1)*n),
			Recurrent: a.Recurrent.Slice(t*n, (t+1)*n),
			HPrev:     a.H.Slice(t*n, (t+1)*n),
			DY:        a.DY.Slice(t*n, (t+1)*n),
			DH:        dh,
			DV:        a.DV.Slice(t*n, (t+1)*n),
			DU:        du,
		}, rest)
		b.Gemm(dh, NoTrans, NoTrans, 1, du, a.WHH, 1)
	}
	if a.DH0.Present() {
		b.Copy(a.DH0, dh)
	}
	ComposedGRUGrads(b, a)
}

// ComposedGRUGrads is the rest of GRUBackward once DV, DU and DH0 are there: the
// products over the whole sequence. It checks nothing.
func ComposedGRUGrads(b Backend, a GRUGradArgs) {
	inputGrads(b, a.DV, a.X, a.WIH, a.DX, a.DWIH, a.DBIH, beta(a.Overwrite))
	recurrentGrads(b, a.DU, a.H.Slice(0, a.DU.Rows), a.DWHH, a.DBHH, beta(a.Overwrite))
}

// gruCellScratch is the scratch of gruCell and gruCellGrad in units of N·H.
const gruCellScratch = 6

func gruCell(b Backend, a GRUCellArgs, scratch Tensor) {
	if c, ok := b.(GRUCeller); ok {
		c.GRUCell(a)
		return
	}
	rows, units := a.H.Rows, a.H.Cols
	var v [3]Tensor
	for k := range v {
		v[k], scratch = scratch.Take(rows, units)
		b.CopyCols(v[k], 0, a.Gates, k*units, units)
	}
	u, _ := scratch.Take(rows, units)
	r, z, n := v[0], v[1], v[2]
	for k, gate := range v[:2] {
		b.CopyCols(u, 0, a.Recurrent, k*units, units)
		b.Add(gate, gate, u)
		b.Sigmoid(gate, gate)
	}
	b.CopyCols(u, 0, a.Recurrent, 2*units, units)
	b.AddMul(n, r, u)
	b.Tanh(n, n)
	b.Sub(a.H, a.HPrev, n)
	b.Mul(a.H, a.H, z)
	b.Add(a.H, a.H, n)
	for k, gate := range v {
		b.CopyCols(a.Gates, k*units, gate, 0, units)
	}
}

func gruCellGrad(b Backend, a GRUCellGradArgs, scratch Tensor) {
	if c, ok := b.(GRUCeller); ok {
		c.GRUCellGrad(a)
		return
	}
	rows, units := a.DH.Rows, a.DH.Cols
	var s [gruCellScratch]Tensor
	for k := range s {
		s[k], scratch = scratch.Take(rows, units)
	}
	r, z, n, u, dh, d := s[0], s[1], s[2], s[3], s[4], s[5]
	for k, gate := range s[:3] {
		b.CopyCols(gate, 0, a.Gates, k*units, units)
	}
	b.CopyCols(u, 0, a.Recurrent, 2*units, units)
	b.Add(dh, a.DY, a.DH)
	b.Mul(a.DH, dh, z)

	b.Sub(d, a.HPrev, n)
	b.Mul(d, d, dh)
	b.SigmoidGrad(d, z, d)
	b.CopyCols(a.DV, units, d, 0, units)
	b.CopyCols(a.DU, units, d, 0, units)

	b.Sub(dh, dh, a.DH) // dh ⊙ (1−z)
	b.TanhGrad(dh, n, dh)
	b.CopyCols(a.DV, 2*units, dh, 0, units)
	b.Mul(d, dh, r)
	b.CopyCols(a.DU, 2*units, d, 0, units)

	b.Mul(d, dh, u)
	b.SigmoidGrad(d, r, d)
	b.CopyCols(a.DV, 0, d, 0, units)
	b.CopyCols(a.DU, 0, d, 0, units)
}
