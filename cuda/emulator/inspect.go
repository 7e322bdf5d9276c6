package emulator

import (
	"github.com/ianlancetaylor/demangle"

	"gputrain/cuda"
)

// A Kernel says what the emulator has understood of a kernel in PTX.
type Kernel struct {
	Name          string // as the source writes it
	Symbol        string // as Function takes it
	Line          int    // in the PTX, from 1
	Target        int    // the architecture that the PTX is for: 80 for sm_80
	Parameters    []int  // their sizes in bytes
	Offsets       []int  // where they lie, if a buffer holds them all
	Shared        int    // bytes of static shared memory
	DynamicShared int    // the most bytes of dynamic shared memory that a block may have
	Local         int    // bytes of local memory per thread
	Threads       int    // the most that a block may have
	Refused       error  // why it cannot be loaded; nil if it can
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
		all = append(all, p.kernel())
	}
	return all, nil
}

// Kernel says what is known of a kernel that has been loaded.
func (d *Device) Kernel(f cuda.Function) (Kernel, error) {
	loaded, err := d.function(f)
	if err != nil {
		return Kernel{}, err
	}
	k := loaded.program.kernel()
	k.DynamicShared = max(k.DynamicShared, loaded.dynamic)
	return k, nil
}

func (p *program) kernel() Kernel {
	k := Kernel{
		Name: demangle.Filter(p.name), Symbol: p.name, Line: p.entry.line, Target: p.module.architecture,
		Shared: p.sharedSize, DynamicShared: maxShared - p.sharedSize, Local: p.localSize, Threads: maxThreads, Refused: p.refused,
	}
	for _, limit := range [][3]int{p.entry.maxThreads, p.entry.needThreads} {
		if n := limit[0] * limit[1] * limit[2]; n > 0 {
			k.Threads = min(k.Threads, n)
		}
	}
	for _, v := range p.entry.params {
		k.Parameters = append(k.Parameters, v.size)
		k.Offsets = append(k.Offsets, p.paramOffset[v])
	}
	return k
}
