package main

import (
	"fmt"

	"gputrain/cuda"
)

// recorder is a driver with one device that computes nothing and has no memory:
// it notes what it is asked for. So the launches of a network that would take a
// GPU are known in a moment, and they are those that a GPU is really given.
type recorder struct {
	cuda.Driver // of which a device does what needs no memory
	gpu         cuda.DeviceInfo

	stage    string // what is being queued
	launches []launch
	calls    int // of the host, that launch a kernel or a graph
	graphs   int // of these
	used     int64
}

// launch is a kernel that was queued.
type launch struct {
	stage, kernel string
	grid, block   cuda.Dim3
}

func (r *recorder) Devices() ([]cuda.DeviceInfo, error) { return []cuda.DeviceInfo{r.gpu}, nil }

func (r *recorder) Open(int) (cuda.Device, error) {
	inner, err := r.Driver.Open(0)
	if err != nil {
		return nil, err
	}
	return &recordingDevice{
		Device: inner, recorder: r, next: 1 << 20,
		sizes: map[cuda.Pointer]int64{}, filled: map[cuda.Pointer]uint32{},
		names: map[cuda.Function]string{}, captured: map[cuda.Graph][]launch{},
	}, nil
}

// reset forgets the launches.
func (r *recorder) reset() { r.launches, r.calls, r.graphs = nil, 0, 0 }

// recordingDevice is the device of a recorder.
type recordingDevice struct {
	cuda.Device
	*recorder
	next     cuda.Pointer
	sizes    map[cuda.Pointer]int64
	filled   map[cuda.Pointer]uint32 // what memory was filled with, the only content that is known
	names    map[cuda.Function]string
	capture  *[]launch // under way
	captured map[cuda.Graph][]launch
}

func (d *recordingDevice) Info() cuda.DeviceInfo { return d.gpu }

func (d *recordingDevice) MemInfo() (free, total int64, err error) {
	return d.gpu.Memory - d.used, d.gpu.Memory, nil
}

func (d *recordingDevice) Alloc(bytes int64) (cuda.Pointer, error) {
	if bytes > d.gpu.Memory-d.used {
		return 0, fmt.Errorf("%d bytes: %w", bytes, cuda.ErrOutOfMemory)
	}
	p := d.next
	d.next += cuda.Pointer((bytes + 255) &^ 255)
	d.sizes[p] = bytes
	d.used += bytes
	return p, nil
}

func (d *recordingDevice) Free(p cuda.Pointer) error {
	d.used -= d.sizes[p]
	delete(d.sizes, p)
	return nil
}

func (d *recordingDevice) CopyToDevice(cuda.Pointer, []byte, cuda.Stream) error { return nil }

func (d *recordingDevice) CopyOnDevice(cuda.Pointer, cuda.Pointer, int64, cuda.Stream) error {
	return nil
}

func (d *recordingDevice) CopyToHost(dst []byte, src cuda.Pointer, _ cuda.Stream) error {
	for i := range dst {
		dst[i] = byte(d.filled[src] >> (8 * (i % 4)))
	}
	return nil
}

func (d *recordingDevice) Fill32(dst cuda.Pointer, value uint32, _ int64, _ cuda.Stream) error {
	d.filled[dst] = value
	return nil
}

func (d *recordingDevice) Function(m cuda.Module, name string) (cuda.Function, error) {
	f, err := d.Device.Function(m, name)
	d.names[f] = name
	return f, err
}

func (d *recordingDevice) Launch(f cuda.Function, grid, block cuda.Dim3, _ int, _ cuda.Stream, _ []uint64) error {
	l := launch{d.stage, d.names[f], grid, block}
	if d.capture != nil {
		*d.capture = append(*d.capture, l)
		return nil
	}
	d.launches = append(d.launches, l)
	d.calls++
	return nil
}

func (d *recordingDevice) BeginCapture(cuda.Stream) error {
	d.capture = new([]launch)
	return nil
}

func (d *recordingDevice) EndCapture(cuda.Stream) (cuda.Graph, error) {
	g := cuda.Graph(len(d.captured) + 1)
	d.captured[g], d.capture = *d.capture, nil
	return g, nil
}

func (d *recordingDevice) LaunchGraph(g cuda.Graph, _ cuda.Stream) error {
	d.launches = append(d.launches, d.captured[g]...)
	d.calls++
	d.graphs++
	return nil
}

// DestroyGraph keeps the launches, so that each graph has a number of its own.
func (d *recordingDevice) DestroyGraph(cuda.Graph) error { return nil }
