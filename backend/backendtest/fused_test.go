package backendtest

import "gputrain/backend"

// fused gives a backend without fused operations all of them: cells element by
// element, and sequences by the loop of package backend over these cells.
type fused struct{ backend.Backend }

func (b fused) ClipFactor(x, norm, factor backend.Tensor, limit float64) {
	b.Backend.(backend.ClipFactorer).ClipFactor(x, norm, factor, limit)
}

func (b fused) LSTMCell(a backend.LSTMCellArgs)         { b.lstmCell(a, newLSTMCell) }
func (b fused) LSTMCellGrad(a backend.LSTMCellGradArgs) { b.lstmCellGrad(a, lstmElementGrad) }

func (b fused) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	b.lstmPeepGrad(dPeep, dz, cPrev, c, lstmPeepProducts)
}

func (b fused) LSTMScratch(d backend.LSTMDims) int    { return backend.LSTMScratch(b.Backend, d) }
func (b fused) LSTMForward(a backend.LSTMArgs)        { b.lstmForward(a, b) }
func (b fused) LSTMBackward(a backend.LSTMGradArgs)   { b.lstmBackward(a, b) }
func (b fused) RNNCell(a backend.RNNCellArgs)         { b.rnnCell(a, nonlinearity.of) }
func (b fused) RNNCellGrad(a backend.RNNCellGradArgs) { b.rnnCellGrad(a, nonlinearity.grad) }
func (b fused) RNNScratch(d backend.RNNDims) int      { return backend.RNNScratch(b.Backend, d) }
func (b fused) RNNForward(a backend.RNNArgs)          { b.rnnForward(a, b) }
func (b fused) RNNBackward(a backend.RNNGradArgs)     { b.rnnBackward(a, b) }

func (b fused) lstmForward(a backend.LSTMArgs, cell backend.LSTMCeller) {
	backend.CheckLSTMForward(b.Backend, a, b.LSTMScratch(a.Dims()))
	if b.Err() == nil {
		backend.LSTMForward(lstmLoop{b.Backend, cell}, a)
	}
}

func (b fused) lstmBackward(a backend.LSTMGradArgs, cell backend.LSTMCeller) {
	backend.CheckLSTMBackward(b.Backend, a, b.LSTMScratch(a.Dims()))
	if b.Err() == nil {
		backend.LSTMBackward(lstmLoop{b.Backend, cell}, a)
	}
}

func (b fused) rnnForward(a backend.RNNArgs, cell backend.RNNCeller) {
	backend.CheckRNNForward(b.Backend, a, b.RNNScratch(a.Dims()))
	if b.Err() == nil {
		backend.RNNForward(rnnLoop{b.Backend, cell}, a)
	}
}

func (b fused) rnnBackward(a backend.RNNGradArgs, cell backend.RNNCeller) {
	backend.CheckRNNBackward(b.Backend, a, b.RNNScratch(a.Dims()))
	if b.Err() == nil {
		backend.RNNBackward(rnnLoop{b.Backend, cell}, a)
	}
}

// lstmElement computes one element of LSTMCell.
type lstmElement func(z [4]float64, before float64, peep [3]float64) lstmCell

func (b fused) lstmCell(a backend.LSTMCellArgs, element lstmElement) {
	backend.CheckLSTMCell(b.Backend, a)
	if b.Err() != nil {
		return
	}
	s := shape{a.C.Rows, a.C.Cols}
	gates, before, peep := read(b, a.Gates), read(b, a.CPrev), b.peepholes(a.Peep)
	c, h := make([]float32, s.size()), make([]float32, s.size())
	for k := range c {
		e := element(gatesAt[[4]float64](s, k, gates), float64(before[k]), peepholesAt(s, k, peep))
		c[k], h[k] = float32(e.c), float32(e.h)
		setGates(s, k, gates, e.gates())
	}
	b.Upload(a.Gates, gates)
	b.Upload(a.C, c)
	b.Upload(a.H, h)
}

func (b fused) peepholes(t backend.Tensor) []float32 {
	if !t.Present() {
		return nil
	}
	return read(b, t)
}

// lstmPeep computes what one element of a time step adds to the gradients of its
// peepholes.
type lstmPeep func(dz [4]float64, before, after float64) [3]float64

func lstmPeepProducts(dz [4]float64, before, after float64) [3]float64 {
	return [3]float64{dz[0] * before, dz[1] * before, dz[3] * after}
}

func (b fused) lstmPeepGrad(dPeep, dz, cPrev, c backend.Tensor, products lstmPeep) {
	backend.CheckLSTMPeepGrad(b.Backend, dPeep, dz, cPrev, c)
	if b.Err() != nil {
		return
	}
	s := shape{c.Rows, c.Cols}
	sums, gates, before, after := read(b, dPeep), read(b, dz), read(b, cPrev), read(b, c)
	for unit := range s.cols {
		for row := range 3 {
			sum := float64(sums[row*s.cols+unit])
			for k := unit; k < s.size(); k += s.cols {
				sum += products(gatesAt[[4]float64](s, k, gates), float64(before[k]), float64(after[k]))[row]
			}
			sums[row*s.cols+unit] = float32(sum)
		}
	}
	b.Upload(dPeep, sums)
}

// lstmGradient computes one element of LSTMCellGrad.
type lstmGradient func(e lstmCell, before float64, peep [3]float64, dy, dh, dc float64) (dz [4]float64, dBefore float64)

func lstmElementGrad(e lstmCell, before float64, peep [3]float64, dy, dh, dc float64) (dz [4]float64, dBefore float64) {
	return e.grad(before, peep, dy+dh, dc)
}

func (b fused) lstmCellGrad(a backend.LSTMCellGradArgs, element lstmGradient) {
	backend.CheckLSTMCellGrad(b.Backend, a)
	if b.Err() != nil {
		return
	}
	s := shape{a.C.Rows, a.C.Cols}
	gates, peep := read(b, a.Gates), b.peepholes(a.Peep)
	before, c, dy, dh, dc := read(b, a.CPrev), read(b, a.C), read(b, a.DY), read(b, a.DH), read(b, a.DC)
	for k := range c {
		e := keptLSTMCell(gatesAt[[4]float64](s, k, gates), c[k])
		dz, dBefore := element(e, float64(before[k]), peepholesAt(s, k, peep), float64(dy[k]), float64(dh[k]), float64(dc[k]))
		dc[k] = float32(dBefore)
		setGates(s, k, gates, dz)
	}
	b.Upload(a.DZ, gates)
	b.Upload(a.DC, dc)
}

func (b fused) rnnCell(a backend.RNNCellArgs, of func(f nonlinearity, z float64) float64) {
	backend.CheckRNNCell(b.Backend, a)
	if b.Err() != nil {
		return
	}
	h := read(b, a.Z)
	for k, z := range h {
		h[k] = float32(of(nonlinearity{relu: a.ReLU}, float64(z)))
	}
	b.Upload(a.H, h)
}

// grad returns the gradient of the argument, given the output and the gradient
// of the output in two parts.
func (f nonlinearity) grad(h, dy, dh float64) float64 {
	switch {
	case !f.relu:
		return (dy + dh) * (1 - h*h)
	case h > 0:
		return dy + dh
	}
	return 0
}

func (b fused) rnnCellGrad(a backend.RNNCellGradArgs, grad func(f nonlinearity, h, dy, dh float64) float64) {
	backend.CheckRNNCellGrad(b.Backend, a)
	if b.Err() != nil {
		return
	}
	h, dy, dh := read(b, a.H), read(b, a.DY), read(b, a.DH)
	for k := range h {
		h[k] = float32(grad(nonlinearity{relu: a.ReLU}, float64(h[k]), float64(dy[k]), float64(dh[k])))
	}
	b.Upload(a.DZ, h)
}

// withZero runs op while t is zero.
func (b fused) withZero(t backend.Tensor, op func()) {
	before := read(b, t)
	b.Fill(t, 0)
	op()
	b.Upload(t, before)
}

// preserving runs op and puts t back, if present.
func (b fused) preserving(t backend.Tensor, op func()) {
	if !t.Present() {
		op()
		return
	}
	before := read(b, t)
	op()
	b.Upload(t, before)
}

// clearEarly sets rows of t, of the given number for each step, to zero, but for
// those of the last 256 steps.
func (b fused) clearEarly(t backend.Tensor, batch int) {
	if early := t.Rows - 256*batch; early > 0 {
		b.Fill(t.Slice(0, early), 0)
	}
}

// adding runs op and adds to its result t, if present, what t held before.
func (b fused) adding(t backend.Tensor, op func()) {
	if !t.Present() {
		op()
		return
	}
	before := clone(b, t)
	op()
	b.Add(t, t, before)
}

// clear sets t, if present, to zero.
func (b fused) clear(t backend.Tensor) {
	if t.Present() {
		b.Fill(t, 0)
	}
}

// addScratch adds the first element of scratch to all of t.
func (b fused) addScratch(t, scratch backend.Tensor) {
	if scratch.Size() == 0 {
		return
	}
	first := read(b, scratch)[0]
	each(b, t, func(_ int, v float32) float32 { return v + first })
}

// transposedBlocks returns a copy of w in which each square block of rows is
// transposed.
func (b fused) transposedBlocks(w backend.Tensor) backend.Tensor {
	x, n := read(b, w), w.Cols
	t := clone(b, w)
	each(b, t, func(k int, _ float32) float32 {
		row, col := k/n, k%n
		return x[(row/n*n+col)*n+row%n]
	})
	return t
}
