package train

import (
	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// feed is the place on the device for a batch: its inputs and its targets.
type feed struct {
	net    *model.Network
	x      backend.Tensor
	labels backend.Ints
	values backend.Tensor
	mask   backend.Tensor // [rows, 1]; absent unless net is Ragged

	maskHost []float32 // what is uploaded to mask
}

// newFeed makes a feed of net for batches of up to the given size.
func newFeed(m *memory, net *model.Network, size int) feed {
	in := net.Input()
	in.Batch = size
	out := net.OutputShape(in)
	f := feed{
		net:    net,
		x:      m.tensor(in.Rows(), in.Width),
		labels: m.ints(out.Rows()),
		values: m.tensor(out.Rows(), out.Width),
	}
	if net.Ragged() {
		f.mask = m.tensor(out.Rows(), 1)
		f.maskHost = make([]float32, out.Rows())
	}
	return f
}

// inputs copies the inputs of batch to the device, tells the network how long
// the sequences are, and returns a window on them.
func (f *feed) inputs(b backend.Backend, batch data.Batch) backend.Tensor {
	x := f.x.Slice(0, batch.Steps*batch.Size)
	b.Upload(x, batch.X)
	switch {
	case f.net.Ragged():
		f.net.SetLengths(batch.Steps, batch.Lengths)
	case batch.Lengths != nil:
		panic("train: the batch has lengths of its own, but the network is built for whole sequences: build it with the option model.Ragged()")
	}
	return x
}

// targets is inputs for the targets. Those that batch has not are absent.
func (f *feed) targets(b backend.Backend, batch data.Batch) Target {
	var target Target
	if batch.Targets != nil {
		rows := len(batch.Targets) / f.values.Cols
		target.Values = f.values.Slice(0, rows)
		b.Upload(target.Values, batch.Targets)
		target.Rows = rows
		if batch.Lengths != nil && rows == batch.Steps*batch.Size {
			target.Mask, target.Rows = f.maskOf(b, batch)
		}
		target.Count = target.Rows
	}
	if batch.Labels != nil {
		target.Labels = f.labels.Slice(0, len(batch.Labels))
		b.UploadInts(target.Labels, batch.Labels)
		target.Count = 0
		for _, label := range batch.Labels {
			if label != backend.IgnoreLabel {
				target.Count++
			}
		}
	}
	return target
}

// maskOf copies to the device which rows are no padding, and counts them.
func (f *feed) maskOf(b backend.Backend, batch data.Batch) (mask backend.Tensor, count int) {
	host := f.maskHost[:batch.Steps*batch.Size]
	for row := range host {
		host[row] = 0
		if !batch.Padding(row) {
			host[row] = 1
			count++
		}
	}
	mask = f.mask.Slice(0, len(host))
	b.Upload(mask, host)
	return mask, count
}
