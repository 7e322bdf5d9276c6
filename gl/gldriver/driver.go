//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	opengl "github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/gl"
	"gputrain/gl/gldriver/egl"
)

// New returns the driver of the machine's OpenGL devices. It is loaded at its first
// use.
func New() gl.Driver { return driver{} }

type driver struct{}

// The shaders need compute shaders and storage blocks. Software of many machines offers
// no more than this.
const major, minor = 4, 3

// Devices lists the devices, GPUs before software. A device whose driver is too old is
// in the list, with the reason.
func (driver) Devices() ([]gl.DeviceInfo, error) {
	devices, err := egl.Devices()
	if err != nil {
		return nil, err
	}
	infos := make([]gl.DeviceInfo, len(devices))
	for i, d := range devices {
		infos[i] = describe(d)
	}
	return infos, nil
}

// describe opens a device on a thread of its own to ask it.
func describe(d egl.Device) gl.DeviceInfo {
	info := make(chan gl.DeviceInfo)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		device, err := open(d)
		if err != nil {
			info <- gl.DeviceInfo{Name: "unknown device", Software: d.Software, Unusable: err}
			return
		}
		found := device.info
		found.Unusable = device.Close()
		info <- found
	}()
	return <-info
}

// Open creates a context on the device with this ordinal.
func (driver) Open(ordinal int) (gl.Device, error) {
	devices, err := egl.Devices()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= len(devices) {
		return nil, fmt.Errorf("there is no OpenGL device %d: this machine has %d, numbered from 0", ordinal, len(devices))
	}
	d, err := open(devices[ordinal])
	if err != nil {
		return nil, fmt.Errorf("OpenGL device %d: %w", ordinal, err)
	}
	return d, nil
}

// initialize finds the functions of OpenGL, which are the same for all devices. A
// context must be current.
var initialize = sync.OnceValue(func() error { return opengl.InitWithProcAddrFunc(egl.Address) })

func open(d egl.Device) (*device, error) {
	context, err := d.NewContext(major, minor)
	if err != nil {
		return nil, err
	}
	if err := initialize(); err != nil {
		return nil, closing(context, err)
	}
	opened := &device{context: context}
	if err := opened.ask(d.Software); err != nil {
		return nil, closing(context, err)
	}
	opengl.GenQueries(int32(len(opened.stamps)), &opened.stamps[0])
	if err := result("glGenQueries"); err != nil {
		return nil, closing(context, err)
	}
	return opened, nil
}

// closing destroys a context that err has made useless, and returns err.
func closing(context egl.Context, err error) error {
	context.Destroy()
	return err
}

// ask fills in what the context says about itself.
func (d *device) ask(software bool) error {
	var have [2]int32
	opengl.GetIntegerv(opengl.MAJOR_VERSION, &have[0])
	opengl.GetIntegerv(opengl.MINOR_VERSION, &have[1])
	d.info = gl.DeviceInfo{
		Name:    opengl.GoStr(opengl.GetString(opengl.RENDERER)),
		Version: opengl.GoStr(opengl.GetString(opengl.VERSION)),
	}
	// Mesa's software also serves a graphics card that only shows pictures.
	d.info.Software = software || strings.Contains(d.info.Name, "llvmpipe") || strings.Contains(d.info.Name, "softpipe")
	if inlines(d.info.Name, d.info.Software) {
		return fmt.Errorf("%s runs shaders with the arguments of other calls, so results would be wrong: set ZINK_INLINE_UNIFORMS=0", d.info.Name)
	}
	if have[0] < major || have[0] == major && have[1] < minor {
		return fmt.Errorf("%s offers OpenGL %s, but %d.%d is needed: install a newer driver", d.info.Name, d.info.Version, major, minor)
	}
	var bytes int64
	var bindings int32
	opengl.GetInteger64v(opengl.MAX_SHADER_STORAGE_BLOCK_SIZE, &bytes)
	opengl.GetIntegerv(opengl.MAX_COMPUTE_SHADER_STORAGE_BLOCKS, &bindings)
	d.info.Limits = gl.Limits{BlockBytes: int(bytes), Bindings: int(bindings)}
	d.notifies = have[0] > 4 || have[1] >= 5 || hasExtension("GL_KHR_robustness")
	return result("glGetInteger64v")
}

// inlines reports whether a driver is Mesa's zink and makes a variant of a shader for each
// value of the arguments that it branches on, as it does on CPUs. It may run the wrong
// one (docs/gl.md). The self-test of package gl can miss that, since there are no variants
// of a shader that comes from Mesa's cache on disk.
func inlines(name string, software bool) bool {
	if !strings.HasPrefix(name, "zink") {
		return false
	}
	switch strings.ToLower(os.Getenv("ZINK_INLINE_UNIFORMS")) { // the words that Mesa knows
	case "0", "n", "no", "f", "false":
		return false
	case "1", "y", "yes", "t", "true":
		return true
	}
	return software
}

func hasExtension(name string) bool {
	var count int32
	opengl.GetIntegerv(opengl.NUM_EXTENSIONS, &count)
	for i := range uint32(count) {
		if opengl.GoStr(opengl.GetStringi(opengl.EXTENSIONS, i)) == name {
			return true
		}
	}
	return false
}
