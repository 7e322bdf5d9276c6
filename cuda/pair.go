package cuda

import "iter"

// Pair implements backend.Pairer. Where both have come to a recurrent layer, of the same
// sizes, and the device can hold both of these, one launch runs all time steps of both. All
// else of the second is a branch of the graph that is captured, beside that of the first.
//
// So each of the two must be able to stop in the middle: each is a coroutine. They take
// turns from layer to layer, also while a plan is written, since scalars and lookups are
// numbered in the order of the operations.
//
// Outside of a graph there is one stream. What is queued directly is queued once or twice, and
// may allocate: with one stream, memory that is freed can be used again at once.
func (d *Backend) Pair(first, second func()) {
	if d.meet != nil { // this is a part of another pair
		first()
		second()
		return
	}
	d.planned("Pair")
	defer func() {
		d.meet = nil
		d.planned("end of Pair")
	}()
	together := false
	nextOfFirst, stopFirst := iter.Pull(d.layersOf(first, &together))
	defer stopFirst()
	nextOfSecond, stopSecond := iter.Pull(d.layersOf(second, &together))
	defer stopSecond()
	d.order(&d.branch, &d.other)
	for {
		a, inFirst := nextOfFirst()
		b, inSecond := d.beside(nextOfSecond)
		if !inFirst && !inSecond {
			break
		}
		together = inFirst && inSecond && d.replay.mode != planning && d.launchTogether(a, b)
	}
	d.order(&d.other, &d.branch)
}

// A branch is what operations have for themselves while others run beside them: a stream, and
// the memory that the operations of a stream share.
type branch struct {
	stream    Stream
	workspace workspace
	slabs     slabs
	arrivals  Pointer // counters of barriers and of tiles that blocks share, all 0 between launches
}

// beside calls next with the other branch as that of the operations.
func (d *Backend) beside(next func() (recurrence, bool)) (recurrence, bool) {
	d.turn()
	defer d.turn()
	return next()
}

// turn exchanges the two branches. Outside of a graph the stream stays.
func (d *Backend) turn() {
	d.branch, d.other = d.other, d.branch
	if d.replay.mode != capturing {
		d.stream, d.other.stream = d.other.stream, d.stream
	}
}

// order lets a branch of the graph wait for what another has to do until now.
func (d *Backend) order(before, after *branch) {
	if d.replay.mode != capturing || d.err != nil {
		return
	}
	d.keep("Pair", d.device.Record(d.turned, before.stream))
	d.keep("Pair", d.device.StreamWait(after.stream, d.turned))
}

// layersOf runs ops, and stops at each recurrent layer. When it goes on, together says
// whether that has been launched; otherwise ops does it.
func (d *Backend) layersOf(ops func(), together *bool) iter.Seq[recurrence] {
	return func(yield func(recurrence) bool) {
		var meet func(recurrence) bool
		meet = func(r recurrence) bool {
			more := yield(r)
			d.meet = meet
			return more && *together
		}
		d.meet = meet
		ops()
	}
}

// launchTogether queues one launch for two layers, if the device can hold it.
func (d *Backend) launchTogether(a, b recurrence) bool {
	if a.layer != b.layer || a.relu != b.relu {
		return false
	}
	both := a.layer
	both.count = 2
	path := d.path(both)
	if path.err == nil {
		d.order(&d.other, &d.branch)
		d.launchLayers(path, a, b)
		d.order(&d.branch, &d.other)
	} else if d.replay.mode == capturing {
		path.branches = true
		d.layers[both] = path
	}
	return path.err == nil
}
