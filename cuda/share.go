package cuda

import (
	"fmt"

	"gputrain/backend"
)

// Sharer is a Device with which other libraries of the process can work too, such as NCCL.
// Its Stream and Pointer are then those of the CUDA driver.
type Sharer interface {
	Device

	// Current calls f while the context of the device is the current one of the thread.
	Current(f func() error) error
}

// Share calls queue, which lets another library queue work on the stream of operations: behind
// those that are queued, and before those that follow. The context is current meanwhile, and
// the goroutine stays on its thread. It returns the sticky error, or that of queue, which does
// not stick. A driver whose devices are no Sharer has an error. Share must not be called within
// Replay.
func (d *Backend) Share(queue func(s Stream) error) error {
	d.outsideReplay("Share")
	switch {
	case d.closed:
		return backend.ErrClosed
	case d.err != nil:
		return d.err
	}
	device, can := d.device.(Sharer)
	if !can {
		return fmt.Errorf("cuda: Share: the driver of %s is for this program alone", d.name)
	}
	return device.Current(func() error { return queue(d.stream) })
}

// Address returns where t is on the device, for Share; 0 if it is absent.
func (d *Backend) Address(t backend.Tensor) Pointer { return Pointer(address(t)) }
