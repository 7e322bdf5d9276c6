// Package recorder is an OpenGL driver that computes nothing and only records what it
// is asked to do. So it shows in a moment which shaders a network runs.
package recorder

import (
	"regexp"
	"strconv"
	"time"

	"gputrain/gl"
)

// Driver is a driver with one device that has no memory and runs no shader. Whoever
// reads or changes it must first wait for the backend.
type Driver struct {
	Device gl.DeviceInfo
	Stage  string // name of what is being queued

	Launches []Launch // shaders that were run, in order
	Used     int64    // bytes that are allocated
}

// Launch is a shader that was run, in a number of groups of invocations.
type Launch struct {
	Stage, Kernel string
	X, Y, Group   int
}

// Devices returns Device.
func (d *Driver) Devices() ([]gl.DeviceInfo, error) { return []gl.DeviceInfo{d.Device}, nil }

// Open opens the device.
func (d *Driver) Open(int) (gl.Device, error) {
	return &device{driver: d, sizes: map[gl.Buffer]int{}, programs: map[gl.Program]Launch{}}, nil
}

// device is the device of a Driver.
type device struct {
	driver   *Driver
	names    uint32 // given so far
	sizes    map[gl.Buffer]int
	programs map[gl.Program]Launch
}

func (d *device) Info() gl.DeviceInfo { return d.driver.Device }

func (d *device) NewBuffer(bytes int) (gl.Buffer, error) {
	d.names++
	b := gl.Buffer(d.names)
	d.sizes[b] = bytes
	d.driver.Used += int64(bytes)
	return b, nil
}

func (d *device) DeleteBuffer(b gl.Buffer) error {
	d.driver.Used -= int64(d.sizes[b])
	delete(d.sizes, b)
	return nil
}

// Download gives words whose bits are all set: NaN, which no operation has lost, and
// the mark that no integer was out of range.
func (d *device) Download(dst []byte, _ gl.Buffer, _ int) error {
	for i := range dst {
		dst[i] = 0xff
	}
	return nil
}

// What a source says about itself.
var (
	kernel  = regexp.MustCompile(`(?m)^#define KERNEL_(\w+)$`)
	group   = regexp.MustCompile(`local_size_x = (\d+)`)
	variant = regexp.MustCompile(`(?m)^const uint TILE = (\d+)u;$`)
)

func (d *device) Compile(source string) (gl.Program, error) {
	size, err := strconv.Atoi(group.FindStringSubmatch(source)[1])
	if err != nil {
		return 0, err
	}
	l := Launch{Kernel: kernel.FindStringSubmatch(source)[1], Group: size}
	if tile := variant.FindStringSubmatch(source); tile != nil && l.Kernel == "gemm" {
		l.Kernel += "_" + tile[1]
	}
	d.names++
	d.programs[gl.Program(d.names)] = l
	return gl.Program(d.names), nil
}

func (d *device) Dispatch(p gl.Program, x, y int, _ []gl.Buffer, _ []uint32) error {
	l := d.programs[p]
	l.Stage, l.X, l.Y = d.driver.Stage, x, y
	d.driver.Launches = append(d.driver.Launches, l)
	return nil
}

func (d *device) Clear(gl.Buffer) error                          { return nil }
func (d *device) Upload(gl.Buffer, int, []byte) error            { return nil }
func (d *device) Copy(gl.Buffer, int, gl.Buffer, int, int) error { return nil }
func (d *device) Barrier() error                                 { return nil }
func (d *device) Mark(int) error                                 { return nil }
func (d *device) Elapsed() (time.Duration, error)                { return 0, nil }
func (d *device) Sync() error                                    { return nil }
func (d *device) Close() error                                   { return nil }
