package train

import "gputrain/data"

// HostMemory is memory of the host that a training takes later than New, in bytes.
type HostMemory struct {
	Waypoint int64 // of Fit: the state to go back to after a divergence
	Snapshot int64 // of Save: all that a checkpoint holds
	Batches  int64 // of Fit: batches of both sets, with the tensors of the validation, which the CPU keeps here too
}

// Total returns the sum.
func (m HostMemory) Total() int64 { return m.Waypoint + m.Snapshot + m.Batches }

// Memory returns how many bytes of its device the trainer has, beside the network: the
// optimizer's state, a batch and the loss. A backend may round up each tensor.
func (t *Trainer) Memory() int64 {
	t.enter("Memory")
	defer t.use.Leave()
	return t.memory.bytes()
}

// HostMemory returns what Fit on these sets and Save will take. valid may be nil.
func (t *Trainer) HostMemory(train, valid *data.Dataset) HostMemory {
	var m HostMemory
	for _, x := range t.changing {
		m.Waypoint += tensorBytes(x.Size())
	}
	m.Waypoint += tensorBytes(t.best.Size())
	m.Snapshot = m.Waypoint
	in, out := t.net.Input(), t.net.Output()
	m.Batches = batchesBytes(train, t.options.Batch)
	if valid != nil {
		m.Batches += batchesBytes(valid, in.Batch) + tensorBytes(in.Rows()*in.Width) + tensorBytes(out.Rows())*int64(5+3*out.Width)
	}
	return m
}

// batchesBytes returns what data.NewBatches takes.
func batchesBytes(set *data.Dataset, size int) int64 {
	const order = 8 // of an index
	sample := tensorBytes(set.Steps * (set.Width + 2 + set.TargetWidth))
	return int64(set.Len())*order + int64(min(size, set.Len()))*sample
}

func tensorBytes(elements int) int64 { return 4 * int64(elements) }
