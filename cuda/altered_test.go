package cuda_test

import (
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// altered is the emulator with devices that change what they are told to do. The
// zero value of a field changes nothing.
type altered struct {
	*emulator.Driver
	multiprocessors int               // number that devices claim to have
	texts           map[string]string // PTX to load, by the PTX that is given
	shape           func(kernel string, grid, block cuda.Dim3) (cuda.Dim3, cuda.Dim3)
}

func (d *altered) Open(ordinal int) (cuda.Device, error) {
	device, err := d.Driver.Open(ordinal)
	if err != nil {
		return nil, err
	}
	return alteredDevice{device, d, map[cuda.Function]string{}}, nil
}

type alteredDevice struct {
	cuda.Device
	driver  *altered
	kernels map[cuda.Function]string
}

func (d alteredDevice) Info() cuda.DeviceInfo {
	info := d.Device.Info()
	if d.driver.multiprocessors > 0 {
		info.Multiprocessors = d.driver.multiprocessors
	}
	return info
}

func (d alteredDevice) Load(ptx string) (cuda.Module, error) {
	if other, ok := d.driver.texts[ptx]; ok {
		ptx = other
	}
	return d.Device.Load(ptx)
}

func (d alteredDevice) Function(m cuda.Module, name string) (cuda.Function, error) {
	f, err := d.Device.Function(m, name)
	d.kernels[f] = name
	return f, err
}

func (d alteredDevice) Launch(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	if d.driver.shape != nil {
		grid, block = d.driver.shape(d.kernels[f], grid, block)
	}
	return d.Device.Launch(f, grid, block, sharedBytes, s, args)
}
