package train

import (
	"fmt"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// feed holds a batch on the device: its inputs and its targets.
type feed struct {
	net    *model.Network
	x      backend.Tensor // absent if net takes ids
	ids    backend.Ints   // absent if it takes numbers
	labels backend.Ints
	values backend.Tensor
	mask   backend.Tensor // [rows, 1], for batches in which some targets do not count

	everyStep bool // net gives an output for every time step

	xHost                []float32 // what is uploaded to x for batches with padding; empty unless net is Ragged
	idsHost              []int32   // the same for ids
	valuesHost, maskHost []float32 // what is uploaded to values and mask for such batches
	labelsHost           []int32   // what is uploaded to labels

	lossFeed
}

// newFeed makes a feed of net for batches of up to the given size, with what loss
// needs; nil if there is none.
func newFeed(m *memory, net *model.Network, size int, loss Loss) feed {
	in := net.Input()
	in.Batch = size
	out := net.OutputShape(in)
	f := feed{
		net:        net,
		labels:     m.ints(out.Rows()),
		values:     m.tensor(out.Rows(), out.Width),
		mask:       m.tensor(out.Rows(), 1),
		everyStep:  everyStep(net),
		valuesHost: make([]float32, out.Rows()*out.Width),
		maskHost:   make([]float32, out.Rows()),
		labelsHost: make([]int32, out.Rows()),
		lossFeed:   newLossFeed(m, loss, out.Rows(), out.Width),
	}
	size, padded := in.Rows()*in.Width, 0 // values of a batch on the device, and on the host
	if net.Ragged() {
		padded = size
	}
	if net.IDs() > 0 {
		f.ids, f.idsHost = m.ints(size), make([]int32, padded)
	} else {
		f.x, f.xHost = m.tensor(in.Rows(), in.Width), make([]float32, padded)
	}
	return f
}

// everyStep reports whether net gives an output for every time step, not one for
// each sequence.
func everyStep(net *model.Network) bool {
	return net.OutputShape(model.Shape{Steps: 2, Batch: 1, Width: net.Input().Width}).Steps == 2
}

// input is what a network gets for a batch: numbers or ids. The other is absent.
type input struct {
	x     backend.Tensor
	ids   backend.Ints
	steps int
}

// forward queues the forward pass of net for in.
func (in input) forward(net *model.Network, mode model.Mode) backend.Tensor {
	if in.ids.Present() {
		return net.ForwardIDs(in.ids, in.steps, mode)
	}
	return net.Forward(in.x, in.steps, mode)
}

// inputs copies the inputs of batch to the device and tells the network how long
// the sequences are. It returns the inputs on the device.
func (f *feed) inputs(b backend.Backend, batch data.Batch) input {
	in, width := input{steps: batch.Steps}, f.net.Input().Width
	if f.ids.Present() {
		in.ids = f.ids.Slice(0, len(batch.IDs))
		b.UploadInts(in.ids, withoutPadding(f.idsHost, batch.IDs, batch, width))
	} else {
		in.x = f.x.Slice(0, batch.Steps*batch.Size)
		x := withoutPadding(f.xHost, batch.X, batch, width)
		b.Upload(in.x, x)
		if f.net.TakesColumnIDs() {
			f.net.SetColumnIDs(x)
		}
	}
	switch {
	case f.net.Ragged():
		f.net.SetLengths(batch.Steps, batch.Lengths)
	case batch.Lengths != nil:
		panic("train: the batch has lengths of its own, but the network is built for whole sequences: build it with model.Options{Ragged: true}")
	}
	return in
}

// withoutPadding returns values, the inputs of batch, with 0 in the padding, which may
// hold anything, also what would become NaN in the network. It writes to dst, which is
// empty if the network knows no padding.
func withoutPadding[T float32 | int32](dst, values []T, batch data.Batch, width int) []T {
	if batch.Lengths == nil || len(dst) == 0 {
		return values
	}
	x := dst[:copy(dst, values)]
	for row := range batch.Steps * batch.Size {
		if batch.Padding(row) {
			clear(x[row*width : (row+1)*width])
		}
	}
	return x
}

// targets copies the targets of batch to the device. Targets that batch does not
// have are absent.
func (f *feed) targets(b backend.Backend, batch data.Batch) Target {
	var target Target
	if batch.Targets != nil {
		f.uploadValues(b, batch, &target)
		target.Count = target.Rows
	}
	if batch.Labels != nil {
		labels := f.labelsHost[:copy(f.labelsHost, batch.Labels)]
		target.Labels = f.labels.Slice(0, len(batch.Labels))
		if batch.Lengths != nil && f.everyStep {
			for row := range labels {
				if batch.Padding(row) {
					labels[row] = backend.IgnoreLabel
				}
			}
		}
		b.UploadInts(target.Labels, labels)
		target.Count = 0
		for _, label := range labels {
			if label != backend.IgnoreLabel {
				target.Count++
			}
		}
	}
	f.prepare(b, batch, &target)
	return target
}

// uploadValues sets Values, Mask and Rows of target.
func (f *feed) uploadValues(b backend.Backend, batch data.Batch, target *Target) {
	width := f.values.Cols
	rows := len(batch.Targets) / width
	target.Values, target.Rows = f.values.Slice(0, rows), rows
	padded := batch.Lengths != nil && f.everyStep
	if batch.Mask == nil && !padded {
		b.Upload(target.Values, batch.Targets)
		return
	}
	if batch.Mask != nil && len(batch.Mask) != rows {
		panic(fmt.Sprintf("train: the batch has a mask of length %d for %d rows of targets", len(batch.Mask), rows))
	}
	values, mask := f.valuesHost[:rows*width], f.maskHost[:rows]
	copy(values, batch.Targets)
	target.Rows = 0
	for row := range mask {
		if batch.Mask != nil && batch.Mask[row] == 0 || padded && batch.Padding(row) {
			mask[row] = 0
			clear(values[row*width : (row+1)*width])
			continue
		}
		mask[row] = 1
		target.Rows++
	}
	target.Mask = f.mask.Slice(0, rows)
	b.Upload(target.Values, values)
	b.Upload(target.Mask, mask)
}
