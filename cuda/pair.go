package cuda

import "iter"

// Pair implements backend.Pairer. Where both have come to a recurrent layer, of the same
// sizes, and the device can hold both of these, one launch runs all time steps of both.
//
// So each of the two must be able to stop in the middle: each is a coroutine. They take
// turns from layer to layer, also while a plan is written, since scalars and lookups are
// numbered in the order of the operations.
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
	for {
		a, inFirst := nextOfFirst()
		b, inSecond := nextOfSecond()
		if !inFirst && !inSecond {
			return
		}
		together = inFirst && inSecond && d.replay.mode != planning && d.launchTogether(a, b)
	}
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
		d.launchLayers(path, a, b)
	}
	return path.err == nil
}
