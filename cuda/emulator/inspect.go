package emulator

import "github.com/ianlancetaylor/demangle"

// A Kernel says what the emulator has understood of a kernel in PTX.
type Kernel struct {
	Name       string // as the source writes it
	Symbol     string // as Function takes it
	Line       int    // in the PTX, from 1
	Parameters []int  // their sizes in bytes
	Shared     int    // bytes of static shared memory
	Local      int    // bytes of local memory per thread
	Refused    error  // why it cannot be loaded; nil if it can
}

// Inspect says which kernels PTX has, in their order, and which of them a device of this
// model would refuse, and why. Its error is one of the whole text.
func Inspect(ptx string, gpu GPU) ([]Kernel, error) {
	driver, err := New(Options{GPU: gpu.Name})
	if err != nil {
		return nil, err
	}
	opened, err := driver.Open(0)
	if err != nil {
		return nil, err
	}
	device, scratch := opened.(*Device), newModule()
	programs, err := device.compile(ptx, scratch)
	device.release(scratch)
	if err != nil {
		return nil, describe(ptx, err)
	}
	var all []Kernel
	for _, p := range programs {
		k := Kernel{
			Name: demangle.Filter(p.name), Symbol: p.name, Line: p.entry.line,
			Shared: p.sharedSize, Local: p.localSize, Refused: p.refused,
		}
		for _, v := range p.entry.params {
			k.Parameters = append(k.Parameters, v.size)
		}
		all = append(all, k)
	}
	return all, nil
}
