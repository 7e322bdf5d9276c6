// Package recorder is a CUDA driver that computes nothing and only records what it is
// asked to do. So it shows in a moment which launches a network makes, even a network
// so large that it would need a GPU. The launches are those that a GPU would get.
package recorder

import (
	"fmt"

	"gputrain/cuda"
)

// Driver is a driver with one device that has no memory and runs no kernel.
type Driver struct {
	cuda.Driver // does whatever needs no memory

	GPU   cuda.DeviceInfo // the device
	Stage string          // name of what is being queued; set by the caller

	Launches []Launch // kernels that were queued, in order, including those in graphs
	Path     int      // how many of these come one after the other: of branches of a graph, the longest counts
	Calls    int      // host calls that launched a kernel or a graph
	Graphs   int      // how many of the calls launched a graph
	Used     int64    // bytes that are allocated
}

// Launch is a kernel that was queued.
type Launch struct {
	Stage, Kernel string
	Grid, Block   cuda.Dim3
}

// Devices returns GPU.
func (d *Driver) Devices() ([]cuda.DeviceInfo, error) { return []cuda.DeviceInfo{d.GPU}, nil }

// Open opens the device.
func (d *Driver) Open(int) (cuda.Device, error) {
	inner, err := d.Driver.Open(0)
	if err != nil {
		return nil, err
	}
	return &device{
		Device: inner, driver: d, next: 1 << 20,
		sizes: map[cuda.Pointer]int64{}, filled: map[cuda.Pointer]uint32{},
		names: map[cuda.Function]string{}, captured: map[cuda.Graph]*capture{},
	}, nil
}

// Reset forgets the launches.
func (d *Driver) Reset() { d.Launches, d.Path, d.Calls, d.Graphs = nil, 0, 0, 0 }

// device is the device of a Driver.
type device struct {
	cuda.Device
	driver   *Driver
	next     cuda.Pointer
	sizes    map[cuda.Pointer]int64
	filled   map[cuda.Pointer]uint32 // what memory was filled with, the only content that is recorded
	names    map[cuda.Function]string
	capture  *capture // the current one, or nil
	captured map[cuda.Graph]*capture
}

// capture is the launches of a graph, and how many there are on the longest path to where a
// stream is, or an event.
type capture struct {
	launches []Launch
	streams  map[cuda.Stream]int
	events   map[cuda.Event]int
	path     int // of the whole graph
}

func (d *device) Info() cuda.DeviceInfo { return d.driver.GPU }

func (d *device) MemInfo() (free, total int64, err error) {
	return d.driver.GPU.Memory - d.driver.Used, d.driver.GPU.Memory, nil
}

func (d *device) Alloc(bytes int64) (cuda.Pointer, error) {
	if bytes > d.driver.GPU.Memory-d.driver.Used {
		return 0, fmt.Errorf("%d bytes: %w", bytes, cuda.ErrOutOfMemory)
	}
	p := d.next
	d.next += cuda.Pointer((bytes + 255) &^ 255)
	d.sizes[p] = bytes
	d.driver.Used += bytes
	return p, nil
}

func (d *device) Free(p cuda.Pointer) error {
	d.driver.Used -= d.sizes[p]
	delete(d.sizes, p)
	return nil
}

func (d *device) CopyToDevice(cuda.Pointer, []byte, cuda.Stream) error { return nil }

func (d *device) CopyOnDevice(cuda.Pointer, cuda.Pointer, int64, cuda.Stream) error { return nil }

func (d *device) CopyToHost(dst []byte, src cuda.Pointer, _ cuda.Stream) error {
	for i := range dst {
		dst[i] = byte(d.filled[src] >> (8 * (i % 4)))
	}
	return nil
}

func (d *device) Fill32(dst cuda.Pointer, value uint32, _ int64, _ cuda.Stream) error {
	d.filled[dst] = value
	return nil
}

func (d *device) Function(m cuda.Module, name string) (cuda.Function, error) {
	f, err := d.Device.Function(m, name)
	d.names[f] = name
	return f, err
}

func (d *device) Launch(f cuda.Function, grid, block cuda.Dim3, _ int, s cuda.Stream, _ []uint64) error {
	l := Launch{d.driver.Stage, d.names[f], grid, block}
	if c := d.capture; c != nil {
		c.launches = append(c.launches, l)
		c.streams[s]++
		return nil
	}
	d.driver.Launches = append(d.driver.Launches, l)
	d.driver.Path++
	d.driver.Calls++
	return nil
}

func (d *device) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	r, err := d.Residency(f, block, sharedBytes)
	if err != nil {
		return err
	}
	if grid.X*grid.Y*grid.Z > r.Blocks {
		return &cuda.GridTooLarge{Grid: grid, Residency: r}
	}
	return d.Launch(f, grid, block, sharedBytes, s, args)
}

// Residency is that of the driver's own device, on as many multiprocessors as GPU has.
func (d *device) Residency(f cuda.Function, block cuda.Dim3, sharedBytes int) (cuda.Residency, error) {
	r, err := d.Device.Residency(f, block, sharedBytes)
	r.Blocks = r.Blocks / d.Device.Info().Multiprocessors * d.driver.GPU.Multiprocessors
	return r, err
}

func (d *device) Record(e cuda.Event, s cuda.Stream) error {
	if c := d.capture; c != nil {
		c.events[e] = c.streams[s]
		return nil
	}
	return d.Device.Record(e, s)
}

func (d *device) StreamWait(s cuda.Stream, e cuda.Event) error {
	if c := d.capture; c != nil {
		c.streams[s] = max(c.streams[s], c.events[e])
		return nil
	}
	return d.Device.StreamWait(s, e)
}

func (d *device) BeginCapture(cuda.Stream) error {
	d.capture = &capture{streams: map[cuda.Stream]int{}, events: map[cuda.Event]int{}}
	return nil
}

func (d *device) EndCapture(s cuda.Stream) (cuda.Graph, error) {
	g := cuda.Graph(len(d.captured) + 1)
	d.capture.path = d.capture.streams[s]
	d.captured[g], d.capture = d.capture, nil
	return g, nil
}

func (d *device) LaunchGraph(g cuda.Graph, _ cuda.Stream) error {
	d.driver.Launches = append(d.driver.Launches, d.captured[g].launches...)
	d.driver.Path += d.captured[g].path
	d.driver.Calls++
	d.driver.Graphs++
	return nil
}

// DestroyGraph keeps the launches, so that each graph has a number of its own.
func (d *device) DestroyGraph(cuda.Graph) error { return nil }
