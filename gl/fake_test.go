package gl_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"gputrain/gl"
	"gputrain/internal/operands"
)

// fake is a driver with one device that has memory but runs no shader. It records what
// it is asked to do and finds what a real device would not forgive.
type fake struct {
	limits gl.Limits
	fail   func(method string) error // of each call; nil fails nothing
	run    func(*fakeDevice, dispatch)

	sync.Mutex
	dispatches []dispatch
	faults     []string
	open       int // contexts
	allocated  int // how often memory was asked for
}

// dispatch is a shader that was run.
type dispatch struct {
	kernel  string
	x, y    int
	buffers []gl.Buffer
	args    []uint32
}

var guaranteed = gl.Limits{BlockBytes: 1 << 27, Bindings: 8}

func newFake() *fake { return &fake{limits: guaranteed} }

func (f *fake) Devices() ([]gl.DeviceInfo, error) {
	return []gl.DeviceInfo{{Name: "fake", Limits: f.limits}}, nil
}

func (f *fake) Open(ordinal int) (gl.Device, error) {
	d := &fakeDevice{driver: f, memory: map[gl.Buffer][]byte{}, kernels: map[gl.Program]string{}}
	if err := d.call("Open"); err != nil {
		return nil, err
	}
	f.open++
	return d, nil
}

// reset forgets what was recorded.
func (f *fake) reset() {
	f.Lock()
	defer f.Unlock()
	f.dispatches, f.faults, f.allocated = nil, nil, 0
}

// kernelsRun returns the names of the shaders that were run.
func (f *fake) kernelsRun() []string {
	f.Lock()
	defer f.Unlock()
	var names []string
	for _, d := range f.dispatches {
		names = append(names, d.kernel)
	}
	return names
}

type fakeDevice struct {
	driver  *fake
	memory  map[gl.Buffer][]byte
	kernels map[gl.Program]string
	names   uint32 // given so far
	dirty   string // the shader since whose run there was no barrier
	marked  [2]bool
}

// call notes the call of a method that a shader's writes must not reach late.
func (d *fakeDevice) call(method string) error {
	d.driver.Lock()
	defer d.driver.Unlock()
	if d.dirty != "" && method != "Barrier" && method != "Close" && method != "DeleteBuffer" && method != "Compile" && method != "NewBuffer" {
		d.fault("%s without a barrier after %s", method, d.dirty)
	}
	if d.driver.fail != nil {
		return d.driver.fail(method)
	}
	return nil
}

func (d *fakeDevice) fault(format string, args ...any) {
	d.driver.faults = append(d.driver.faults, fmt.Sprintf(format, args...))
}

// at returns bytes of a buffer.
func (d *fakeDevice) at(b gl.Buffer, offset, bytes int) []byte {
	memory, exists := d.memory[b]
	if !exists || offset < 0 || offset+bytes > len(memory) {
		d.fault("bytes %d to %d of buffer %d, which has %d", offset, offset+bytes, b, len(memory))
		return make([]byte, bytes)
	}
	return memory[offset:][:bytes]
}

func (d *fakeDevice) Info() gl.DeviceInfo {
	return gl.DeviceInfo{Name: "fake", Limits: d.driver.limits}
}

func (d *fakeDevice) NewBuffer(bytes int) (gl.Buffer, error) {
	d.driver.allocated++
	if err := d.call("NewBuffer"); err != nil {
		return 0, err
	}
	if bytes > d.driver.limits.BlockBytes {
		d.fault("a buffer of %d bytes", bytes)
	}
	d.names++
	b := gl.Buffer(d.names)
	d.memory[b] = slices.Repeat([]byte{0xa5}, bytes)
	return b, nil
}

func (d *fakeDevice) DeleteBuffer(b gl.Buffer) error {
	d.at(b, 0, 0)
	delete(d.memory, b)
	return d.call("DeleteBuffer")
}

func (d *fakeDevice) Clear(b gl.Buffer) error {
	clear(d.memory[b])
	return d.call("Clear")
}

func (d *fakeDevice) Upload(dst gl.Buffer, offset int, src []byte) error {
	copy(d.at(dst, offset, len(src)), src)
	return d.call("Upload")
}

func (d *fakeDevice) Copy(dst gl.Buffer, dstOffset int, src gl.Buffer, srcOffset, bytes int) error {
	copy(d.at(dst, dstOffset, bytes), d.at(src, srcOffset, bytes))
	return d.call("Copy")
}

func (d *fakeDevice) Download(dst []byte, src gl.Buffer, offset int) error {
	copy(dst, d.at(src, offset, len(dst)))
	return d.call("Download")
}

var kernelOf = regexp.MustCompile(`#define KERNEL_(\w+)`)

func (d *fakeDevice) Compile(source string) (gl.Program, error) {
	if err := d.call("Compile"); err != nil {
		return 0, err
	}
	d.names++
	d.kernels[gl.Program(d.names)] = kernelOf.FindStringSubmatch(source)[1]
	return gl.Program(d.names), nil
}

func (d *fakeDevice) Dispatch(p gl.Program, x, y int, buffers []gl.Buffer, args []uint32) error {
	kernel := d.kernels[p]
	if err := d.call(kernel); err != nil {
		return err
	}
	if x < 1 || y < 1 || x > 65535 || y > 65535 {
		d.fault("%s: %d times %d groups", kernel, x, y)
	}
	if len(buffers) > d.driver.limits.Bindings {
		d.fault("%s: %d operands", kernel, len(buffers))
	}
	for i, b := range buffers {
		if d.memory[b] == nil {
			d.fault("%s: operand %d is buffer %d, which does not exist", kernel, i, b)
		}
	}
	run := dispatch{kernel, x, y, slices.Clone(buffers), slices.Clone(args)}
	d.driver.Lock()
	d.driver.dispatches = append(d.driver.dispatches, run)
	d.driver.Unlock()
	d.dirty = kernel
	if d.driver.run != nil {
		d.driver.run(d, run)
	}
	return nil
}

func (d *fakeDevice) Barrier() error {
	d.dirty = ""
	return d.call("Barrier")
}

func (d *fakeDevice) Mark(stamp int) error {
	d.marked[stamp] = true
	return d.call("Mark")
}

func (d *fakeDevice) Elapsed() (time.Duration, error) {
	if d.marked != [2]bool{true, true} {
		d.fault("Elapsed without two stamps")
	}
	return 7 * time.Millisecond, d.call("Elapsed")
}

func (d *fakeDevice) Sync() error { return d.call("Sync") }

func (d *fakeDevice) Close() error {
	d.driver.Lock()
	d.driver.open--
	d.driver.Unlock()
	return d.call("Close")
}

// bench holds a backend on a fake driver and makes operands.
type bench struct {
	*gl.Backend
	operands.Maker
	driver *fake
}

func newBench(t testing.TB, driver *fake) *bench {
	t.Helper()
	b := newBenchOn(t, driver)
	b.driver = driver
	t.Cleanup(func() {
		b.Close()
		for _, fault := range driver.faults {
			t.Error(fault)
		}
		if driver.open != 0 {
			t.Errorf("%d contexts are open", driver.open)
		}
	})
	driver.reset()
	return b
}

func newBenchOn(t testing.TB, driver gl.Driver) *bench {
	t.Helper()
	b, err := gl.Open(driver, 0, gl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return &bench{Backend: b, Maker: operands.Maker{On: b, T: t, Rand: rand.New(rand.NewPCG(1, 1))}}
}
