package train

import (
	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// memory collects allocations, to free them together. The first error sticks;
// what is asked for after it is absent.
type memory struct {
	b       backend.Backend
	buffers []backend.Buffer
	err     error
}

func (m *memory) tensor(rows, cols int) backend.Tensor {
	if m.err != nil {
		return backend.Tensor{}
	}
	t, err := m.b.New(rows, cols)
	if err != nil {
		m.err = err
		return backend.Tensor{}
	}
	m.buffers = append(m.buffers, t.Buf)
	return t
}

func (m *memory) ints(n int) backend.Ints {
	if m.err != nil {
		return backend.Ints{}
	}
	t, err := m.b.NewInts(n)
	if err != nil {
		m.err = err
		return backend.Ints{}
	}
	m.buffers = append(m.buffers, t.Buf)
	return t
}

func (m *memory) free() {
	for _, buf := range m.buffers {
		m.b.Free(buf)
	}
	m.buffers = nil
}

// feed is the place on the device for a batch: its inputs and its targets.
type feed struct {
	x      backend.Tensor
	labels backend.Ints
	values backend.Tensor
}

// newFeed makes a feed for batches up to the shapes of a network's input and
// output.
func newFeed(m *memory, in, out model.Shape) feed {
	return feed{
		x:      m.tensor(in.Rows(), in.Width),
		labels: m.ints(out.Rows()),
		values: m.tensor(out.Rows(), out.Width),
	}
}

// inputs copies the inputs of batch to the device and returns a window on them.
func (f *feed) inputs(b backend.Backend, batch data.Batch) backend.Tensor {
	x := f.x.Slice(0, batch.Steps*batch.Size)
	b.Upload(x, batch.X)
	return x
}

// targets is inputs for the targets. Those that batch has not are absent.
func (f *feed) targets(b backend.Backend, batch data.Batch) Target {
	var target Target
	if batch.Targets != nil {
		target.Count = len(batch.Targets) / f.values.Cols
		target.Values = f.values.Slice(0, target.Count)
		b.Upload(target.Values, batch.Targets)
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
