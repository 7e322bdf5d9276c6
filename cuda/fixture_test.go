package cuda_test

import (
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/model"
)

func newDriver(t testing.TB, o emulator.Options) *emulator.Driver {
	t.Helper()
	o.Seed = 1
	driver, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// bench holds a backend and makes operands.
type bench struct {
	*cuda.Backend
	operands.Maker
}

func newBench(t testing.TB, driver cuda.Driver, o cuda.Options) *bench {
	t.Helper()
	b, err := cuda.Open(driver, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return &bench{b, operands.Maker{On: b, T: t, Rand: rand.New(rand.NewPCG(1, 1))}}
}

// wrapping is a driver that wraps its devices.
type wrapping struct {
	cuda.Driver
	wrap func(cuda.Device) cuda.Device
}

func (d wrapping) Open(ordinal int) (cuda.Device, error) {
	device, err := d.Driver.Open(ordinal)
	if err != nil {
		return nil, err
	}
	return d.wrap(device), nil
}

// stepwise is a device without cooperative launches. So each time step of a layer is a
// launch or more.
type stepwise struct{ cuda.Device }

func (d stepwise) Info() cuda.DeviceInfo {
	info := d.Device.Info()
	info.Cooperative = false
	return info
}

// newLSTM returns the operands of an LSTM layer, all 0.
func newLSTM(b *bench, steps, batch, width, hidden int) backend.LSTMGradArgs {
	sequence, states := steps*batch, (steps+1)*batch
	a := backend.LSTMArgs{
		Batch: batch, X: b.Zeros(sequence, width), WIH: b.Zeros(4*hidden, width), WHH: b.Zeros(4*hidden, hidden),
		BIH: b.Zeros(1, 4*hidden), BHH: b.Zeros(1, 4*hidden), Peep: b.Zeros(3, hidden),
		H: b.Zeros(states, hidden), C: b.Zeros(states, hidden), Gates: b.Zeros(sequence, 4*hidden),
	}
	a.Scratch = b.Zeros(1, b.LSTMScratch(a.Dims()))
	return backend.LSTMGradArgs{
		LSTMArgs: a, DY: b.Zeros(sequence, hidden), DZ: b.Zeros(sequence, 4*hidden), DX: b.Zeros(sequence, width),
		DWIH: b.Zeros(4*hidden, width), DWHH: b.Zeros(4*hidden, hidden),
		DBIH: b.Zeros(1, 4*hidden), DBHH: b.Zeros(1, 4*hidden), DPeep: b.Zeros(3, hidden),
	}
}

// newNet returns a small LSTM with its parameters.
func newNet(b backend.Backend, in model.Shape) (*model.Network, error) {
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 3}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, in, model.Options{})
	if err != nil {
		return nil, err
	}
	net.Init(1)
	return net, nil
}

// tap is a driver that hands its device to opened, and keeps the result of the
// device's Close.
type tap struct {
	*emulator.Driver
	opened func(*emulator.Device)
	closed error
}

func (d *tap) Open(ordinal int) (cuda.Device, error) {
	device, err := d.Driver.Open(ordinal)
	if err != nil {
		return nil, err
	}
	d.opened(device.(*emulator.Device))
	return tapped{device, d}, nil
}

type tapped struct {
	cuda.Device
	tap *tap
}

func (d tapped) Close() error {
	d.tap.closed = d.Device.Close()
	return d.tap.closed
}
