package cuda_test

import (
	"errors"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// sharer is a device with which others can work.
type sharer struct{ cuda.Device }

func (sharer) Current(f func() error) error { return f() }

// What another library queues comes between the operations before and behind it.
func TestShareQueuesInOrder(t *testing.T) {
	var device cuda.Device
	b := newBench(t, wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device {
		device = d
		return sharer{d}
	}}, cuda.Options{})
	x, err := b.New(2, 3)
	if err != nil {
		t.Fatal(err)
	}
	const two = 0x40000000 // as float32
	b.Fill(x, 1)
	if err := b.Share(func(s cuda.Stream) error { return device.Fill32(b.Address(x.Slice(1, 2)), two, 3, s) }); err != nil {
		t.Fatal(err)
	}
	b.Scale(x, 3, x)
	got := make([]float32, 6)
	if err := b.Download(got, x); err != nil || got[2] != 3 || got[3] != 6 {
		t.Errorf("got %v (%v), want three times 1 and three times 2", got, err)
	}
	if b.Address(backend.Tensor{}) != 0 {
		t.Error("an absent tensor has an address")
	}
	queued := func(err error) func(cuda.Stream) error { return func(cuda.Stream) error { return err } }
	if err := b.Share(queued(errInjected)); err != errInjected || b.Err() != nil {
		t.Errorf("got %v, and %v sticks", err, b.Err())
	}
	func() {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "Share is called within Replay") {
				t.Errorf("within Replay: panic %q", text)
			}
		}()
		b.Replay(func() { b.Share(queued(nil)) })
	}()
	b.Close()
	if err := b.Share(queued(nil)); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	alone := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
	if err := alone.Share(queued(nil)); err == nil || !strings.Contains(err.Error(), "for this program alone") {
		t.Errorf("with a driver that cannot: %v", err)
	}
}
