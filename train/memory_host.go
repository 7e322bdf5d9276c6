package train

import "gputrain/data"

// HostMemory is memory of the host that a training takes later than New, in bytes.
type HostMemory struct {
	Waypoint int64 // of Fit: the state to go back to after a divergence
	Snapshot int64 // of Save: all that a checkpoint holds
	Batches  int64 // of Fit: batches of both sets, with the tensors of the validation, which the CPU keeps here too
	Sum      int64 // of New, with Options.Group: the gradients of the ranks, unless the group is a TensorAdder
}

// Total returns the sum.
func (m HostMemory) Total() int64 { return m.Waypoint + m.Snapshot + m.Batches + m.Sum }

// DeviceMemory is memory of its device that a trainer has beside the network, in bytes. A
// backend may round up each tensor.
type DeviceMemory struct {
	Optimizer int64 // its state
	Average   int64 // of the parameters, with Options.EMA
	Rest      int64 // a batch, the loss, the parameters of the best epoch, and the sums of a collective.TensorAdder
}

// Total returns the sum.
func (m DeviceMemory) Total() int64 { return m.Optimizer + m.Average + m.Rest }

// Memory returns the sum of DeviceMemory.
func (t *Trainer) Memory() int64 { return t.DeviceMemory().Total() }

// DeviceMemory returns how much memory of its device the trainer has.
func (t *Trainer) DeviceMemory() DeviceMemory {
	t.enter("DeviceMemory")
	defer t.use.Leave()
	var m DeviceMemory
	for _, slot := range t.slots {
		m.Optimizer += tensorBytes(slot.Size())
	}
	m.Average = tensorBytes(t.average.Size() + t.decay.Size() + t.spare.Size())
	m.Rest = t.memory.bytes() - m.Optimizer - m.Average
	return m
}

// HostMemory returns what Fit on these sets and Save will take. valid may be nil.
func (t *Trainer) HostMemory(train, valid *data.Dataset) HostMemory {
	var m HostMemory
	for _, x := range t.changing {
		m.Waypoint += tensorBytes(x.Size())
	}
	m.Waypoint += tensorBytes(t.best.Size())
	m.Snapshot = m.Waypoint
	if t.ranks != nil {
		m.Sum = t.ranks.sum.hostBytes()
	}
	in, out := t.net.Input(), t.net.Output()
	m.Batches = batchesBytes(train, t.options.Batch, true)
	if valid != nil {
		m.Batches += batchesBytes(valid, in.Batch, false) + tensorBytes(in.Rows()*in.Width) + tensorBytes(out.Rows())*int64(5+3*out.Width)
	}
	return m
}

// batchesBytes returns what data.NewBatches takes, for batches that are shuffled or in order.
func batchesBytes(set *data.Dataset, size int, shuffled bool) int64 {
	const order = 8 // of an index
	sample := tensorBytes(set.Steps * (set.Width + 2 + set.TargetWidth))
	if set.Stored != nil {
		return set.Stored.Memory(size, shuffled) + int64(min(size, set.Len()))*sample
	}
	return int64(set.Len())*order + int64(min(size, set.Len()))*sample
}

func tensorBytes(elements int) int64 { return 4 * int64(elements) }
