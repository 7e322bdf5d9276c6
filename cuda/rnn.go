package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// RNNCell implements backend.RNNCeller.
func (d *Backend) RNNCell(a backend.RNNCellArgs) {
	backend.CheckRNNCell(d, a)
	kernel := "tanh_forward"
	if a.ReLU {
		kernel = "relu"
	}
	d.each("RNNCell", kernel, a.H.Size(), address(a.H), address(a.Z), size(a.H))
}

// RNNCellGrad implements backend.RNNCeller.
func (d *Backend) RNNCellGrad(a backend.RNNCellGradArgs) {
	backend.CheckRNNCellGrad(d, a)
	d.each("RNNCellGrad", "rnn_cell_grad", a.DZ.Size(), address(a.DZ), address(a.H), address(a.DY), address(a.DH),
		size(a.DZ), 1, flag(a.ReLU))
}

// RNNScratch implements backend.RNNSequencer. The forward pass needs none.
func (d *Backend) RNNScratch(dims backend.RNNDims) int { return backend.ComposedRNNScratch(dims) }

// RNNForward implements backend.RNNSequencer: one product for the inputs of all
// time steps, then one launch for all steps, or one for each. It fuses the recurrent
// product with the cell.
func (d *Backend) RNNForward(a backend.RNNArgs) {
	dims := a.Dims()
	backend.CheckRNNForward(d, a, d.RNNScratch(dims))
	if dims.Steps == 0 || dims.Hidden == 0 {
		return
	}
	if d.plannedLayer("RNNForward", variant{uint64(a.Batch), flag(a.ReLU)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Scratch) {
		return
	}
	n := dims.Batch
	d.Gemm(a.H.Slice(n, a.H.Rows), backend.NoTrans, backend.Trans, 1, a.X, a.WIH, 0)
	if d.persistent(recurrence{layer: layer{"RNNForward", 1, dims.Steps, n, dims.Hidden}, relu: a.ReLU},
		address(a.H), address(a.WHH), address(a.BIH), address(a.BHH)) {
		return
	}
	if d.multiplies(layer{"RNNForward", 1, dims.Steps, n, dims.Hidden}) {
		defer d.keepPacked(operand{a.WHH, backend.Trans, dims.Steps})()
		backend.ComposedRNNSteps(d, a)
		return
	}
	p, extra := d.stepped("RNNForward", dims.Steps, a.H.Slice(0, n), a.WHH)
	for t := range dims.Steps {
		var storage [maxParams]uint64
		args := append(storage[:0], address(a.H.Slice((t+1)*n, (t+2)*n)), address(a.H.Slice(t*n, (t+1)*n)),
			address(a.WHH), address(a.BIH), address(a.BHH))
		args = append(args, extra[t%2]...)
		d.launch("RNNForward", p.Kernel, p.Launch, append(args, uint64(n), uint64(dims.Hidden), flag(a.ReLU))...)
	}
}

// RNNBackward implements backend.RNNSequencer: one launch for all steps, or two for
// each. Then come the products over the whole sequence.
func (d *Backend) RNNBackward(a backend.RNNGradArgs) {
	dims := a.Dims()
	backend.CheckRNNBackward(d, a, d.RNNScratch(dims))
	if d.plannedLayer("RNNBackward", variant{uint64(a.Batch), flag(a.ReLU), flag(a.Overwrite)}, a.X, a.WIH, a.WHH, a.BIH, a.BHH, a.H, a.Scratch,
		a.DY, a.DHLast, a.DX, a.DH0, a.DWIH, a.DWHH, a.DBIH, a.DBHH, a.DZ) {
		return
	}
	launched := d.persistent(recurrence{layer: layer{"RNNBackward", 1, dims.Steps, dims.Batch, dims.Hidden}, relu: a.ReLU},
		address(a.DZ), address(a.H), address(a.WHH), address(a.DY), address(a.DHLast), address(a.DH0))
	defer d.keepPacked(operand{a.WHH, backend.NoTrans, dims.Steps}, operand{a.DZ, backend.Trans, 2})()
	switch {
	case launched:
	case dims.Steps == 0 || dims.Hidden == 0:
		backend.ComposedRNNBackward(d, a)
		return
	default:
		d.rnnBackwardSteps(a)
	}
	backend.ComposedRNNGrads(d, a)
}

// rnnBackwardSteps computes DZ and DH0.
func (d *Backend) rnnBackwardSteps(a backend.RNNGradArgs) {
	n, dh := a.Batch, last(a.DHLast)
	for t := a.Dims().Steps - 1; t >= 0; t-- {
		dz := a.DZ.Slice(t*n, (t+1)*n)
		d.launch("RNNBackward", "rnn_cell_grad", kernels.Elements(int64(dz.Size())), address(dz),
			address(a.H.Slice((t+1)*n, (t+2)*n)), address(a.DY.Slice(t*n, (t+1)*n)), dh.part, size(dz), dh.slices, flag(a.ReLU))
		if t > 0 {
			dh = d.multiply("RNNBackward", dz, a.WHH)
		}
	}
	if a.DH0.Present() {
		d.Gemm(a.DH0, backend.NoTrans, backend.NoTrans, 1, a.DZ.Slice(0, n), a.WHH, 0)
	}
}
