package emulator

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"gputrain/cuda"
)

// Options configure a driver. The zero value is one H100 with 2 GiB and all
// checks on.
type Options struct {
	Devices int    // number of devices; 0 means 1
	GPU     string // model of the devices, for which times are estimated; "" means H100
	Memory  int64  // bytes of each device; 0 means 2 GiB
	Workers int    // goroutines that run blocks; 0 means GOMAXPROCS

	// Seed chooses the order in which streams, warps and blocks run. The same seed
	// gives the same run, with one exception: if two blocks race and there are
	// several workers, either block may be the one that is reported.
	Seed uint64

	// Perturb, if not 0, is a seed that moves the results of approximate
	// instructions at random within their documented error.
	Perturb uint64

	// Budget limits the instructions that the warps of a launch may execute. A
	// launch that exceeds it is reported as endless. 0 means 2^32.
	Budget int64

	// Shrink makes a fault's report end with a schedule: the few decisions that the
	// fault needs. They are found by repeating the launch. Each launch takes longer,
	// because memory is saved before it.
	Shrink bool

	// Schedule is the schedule of such a report. It replays the fault, with the same
	// Seed. The launch that it names makes these decisions, and others as calmly as can be.
	Schedule string

	Output io.Writer // of printf in kernels, as each launch ends; nil means stdout

	// Off has the checks that are switched off. Without EqualWrites, one goroutine runs
	// all blocks of a launch.
	Off []Check

	Registers map[string]int // registers per thread by kernel, from ptxas -v
}

// A Driver is a CUDA driver with emulated devices.
type Driver struct {
	options  Options
	gpu      GPU
	off      map[Check]bool
	schedule *schedule // Options.Schedule, or nil

	ended  sync.Pool    // of *block, that have ended
	opened atomic.Int64 // how many devices have been
}

var _ cuda.Driver = (*Driver)(nil)

// New returns a driver. It fails if the GPU is not known, or the schedule cannot be read.
func New(o Options) (*Driver, error) {
	d := &Driver{off: map[Check]bool{}, ended: sync.Pool{New: func() any { return new(block) }}}
	for _, check := range o.Off {
		d.off[check] = true
	}
	if o.GPU == "" {
		o.GPU = DefaultGPU().Name
	}
	if o.Devices == 0 {
		o.Devices = 1
	}
	if o.Memory == 0 {
		o.Memory = 2 << 30
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Budget == 0 {
		o.Budget = 1 << 32
	}
	if o.Output == nil {
		o.Output = os.Stdout
	}
	gpu, err := FindGPU(o.GPU)
	if err != nil {
		return nil, err
	}
	if o.Schedule != "" {
		if d.schedule, err = parseSchedule(o.Schedule); err != nil {
			return nil, err
		}
	}
	d.options, d.gpu = o, gpu
	return d, nil
}

// Devices lists the devices.
func (d *Driver) Devices() ([]cuda.DeviceInfo, error) {
	all := make([]cuda.DeviceInfo, d.options.Devices)
	for i := range all {
		all[i] = d.info()
	}
	return all, nil
}

func (d *Driver) info() cuda.DeviceInfo {
	return cuda.DeviceInfo{
		Name: "emulated " + cmp.Or(d.gpu.Product, d.gpu.Name), Major: d.gpu.Major, Minor: d.gpu.Minor, Memory: d.options.Memory,
		Multiprocessors: d.gpu.Multiprocessors, SharedPerBlock: maxShared, SharedAllowed: d.gpu.Shared - d.gpu.SharedReserved,
		Cooperative: true, Driver: "11.8",
	}
}

// Open creates a context. Its type is *Device. Devices that are open at the same time
// have no address in common.
func (d *Driver) Open(ordinal int) (cuda.Device, error) {
	if ordinal < 0 || ordinal >= d.options.Devices {
		return nil, fmt.Errorf("cuda emulator: no device %d, there are %d", ordinal, d.options.Devices)
	}
	return &Device{
		driver: d, memory: newDeviceMemory(d.options.Memory, d.opened.Add(1)-1), host: map[*byte]int{},
		modules: map[cuda.Module]*module{}, functions: map[cuda.Function]*loaded{},
		streams: map[cuda.Stream]*queue{0: {}}, order: []cuda.Stream{0}, random: rand.New(rand.NewPCG(d.options.Seed, 0)),
		events: map[cuda.Event]*event{}, graphs: map[cuda.Graph]*graph{},
		profile: map[shape]*LaunchStats{},
	}, nil
}
