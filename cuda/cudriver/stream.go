//go:build cuda

package cudriver

import (
	"gorgonia.org/cu"

	"gputrain/cuda"
)

func (d *device) NewStream() (s cuda.Stream, err error) {
	err = d.call("cuStreamCreate", func() error {
		stream, err := cu.MakeStream(cu.NonBlocking)
		s = cuda.Stream(number(stream))
		return err
	})
	return s, err
}

func (d *device) DestroyStream(s cuda.Stream) error {
	stream := hold[cu.Stream](s)
	return d.call("cuStreamDestroy", stream.Destroy)
}

func (d *device) SyncStream(s cuda.Stream) error {
	return d.call("cuStreamSynchronize", hold[cu.Stream](s).Synchronize)
}

func (d *device) NewEvent() (e cuda.Event, err error) {
	err = d.call("cuEventCreate", func() error {
		event, err := cu.MakeEvent(cu.DefaultEvent)
		e = cuda.Event(number(event))
		return err
	})
	return e, err
}

func (d *device) DestroyEvent(e cuda.Event) error {
	event := hold[cu.Event](e)
	return d.call("cuEventDestroy", func() error { return cu.DestroyEvent(&event) })
}

func (d *device) Record(e cuda.Event, s cuda.Stream) error {
	return d.call("cuEventRecord", func() error { return hold[cu.Event](e).Record(hold[cu.Stream](s)) })
}

func (d *device) StreamWait(s cuda.Stream, e cuda.Event) error {
	return d.call("cuStreamWaitEvent", func() error { return hold[cu.Stream](s).Wait(hold[cu.Event](e), 0) })
}

func (d *device) SyncEvent(e cuda.Event) error {
	return d.call("cuEventSynchronize", hold[cu.Event](e).Synchronize)
}

// Elapsed returns the time between two events. It waits for both, because the later
// one follows the earlier one only if both are on one stream.
func (d *device) Elapsed(from, to cuda.Event) (milliseconds float64, err error) {
	for _, e := range []cuda.Event{from, to} {
		if err := d.SyncEvent(e); err != nil {
			return 0, err
		}
	}
	err = d.call("cuEventElapsedTime", func() (err error) {
		milliseconds, err = hold[cu.Event](from).Elapsed(hold[cu.Event](to))
		return err
	})
	return milliseconds, err
}
