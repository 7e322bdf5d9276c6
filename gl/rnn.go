package gl

import "gputrain/backend"

// RNNCell implements backend.RNNCeller.
func (d *Backend) RNNCell(a backend.RNNCellArgs) {
	backend.CheckRNNCell(d, a)
	kernel := "tanh_forward"
	if a.ReLU {
		kernel = "relu"
	}
	d.each("RNNCell", kernel, a.H.Size(), []window{of(a.H), of(a.Z)}, size(a.H))
}

// RNNCellGrad implements backend.RNNCeller.
func (d *Backend) RNNCellGrad(a backend.RNNCellGradArgs) {
	backend.CheckRNNCellGrad(d, a)
	d.each("RNNCellGrad", "rnn_cell_grad", a.DZ.Size(), []window{of(a.DZ), of(a.H), of(a.DY), of(a.DH)},
		size(a.DZ), flag(a.ReLU))
}

// RNNScratch implements backend.RNNSequencer. The forward pass needs none.
func (d *Backend) RNNScratch(dims backend.RNNDims) int { return backend.ComposedRNNScratch(dims) }

// RNNForward implements backend.RNNSequencer: one product for the inputs of all time
// steps, then one shader for each step, which fuses the recurrent product with the
// cell.
func (d *Backend) RNNForward(a backend.RNNArgs) {
	dims := a.Dims()
	backend.CheckRNNForward(d, a, d.RNNScratch(dims))
	if dims.Hidden > maxLoop {
		backend.ComposedRNNForward(d, a) // whose products are cut into slices
		return
	}
	if dims.Steps == 0 || dims.Hidden == 0 {
		return
	}
	n := dims.Batch
	d.Gemm(a.H.Slice(n, a.H.Rows), backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	for t := range dims.Steps {
		d.run("RNNForward", variant{"rnn_step", 32}, ceil(n, 32)*ceil(dims.Hidden, 32), 1,
			[]window{of(a.H.Slice(t*n, (t+2)*n)), of(a.WHH), of(a.BIH), of(a.BHH)},
			word(n), word(dims.Hidden), flag(a.ReLU))
	}
}

// RNNBackward implements backend.RNNSequencer: a cell and a product for each step, then
// the products over the whole sequence.
func (d *Backend) RNNBackward(a backend.RNNGradArgs) {
	backend.CheckRNNBackward(d, a, d.RNNScratch(a.Dims()))
	backend.ComposedRNNBackward(d, a)
}
