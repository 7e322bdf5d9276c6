//go:build linux

// Package egl makes OpenGL contexts without a window. It finds libEGL.so.1 when it is
// first used, so nothing is linked.
package egl

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The constants of EGL and its extensions that are used here.
const (
	success         = 0x3000
	badParameter    = 0x300C
	none            = 0x3038
	extensions      = 0x3055
	openGLAPI       = 0x30A2
	platformDevice  = 0x313F
	contextMajor    = 0x3098
	contextMinor    = 0x30FB
	contextProfile  = 0x30FD
	coreProfile     = 0x0001
	resetStrategy   = 0x31BD
	loseOnReset     = 0x31BF
	anyConfig       = 0
	maxDevices      = 64
	softwareDevice  = "EGL_MESA_device_software"
	robustness      = "EGL_EXT_create_context_robustness"
	devicePlatform  = "EGL_EXT_platform_device"
	deviceListing   = "EGL_EXT_device_enumeration"
	devicesAndQuery = "EGL_EXT_device_base"
)

var (
	getProcAddress     func(name string) uintptr
	getError           func() int32
	queryString        func(display uintptr, name int32) string
	initialize         func(display uintptr, major, minor *int32) uint32
	bindAPI            func(api uint32) uint32
	createContext      func(display, config, share uintptr, attributes *int32) uintptr
	destroyContext     func(display, context uintptr) uint32
	makeCurrent        func(display, draw, read, context uintptr) uint32
	releaseThread      func() uint32
	getPlatformDisplay func(platform uint32, native uintptr, attributes *int32) uintptr
	queryDevices       func(most int32, devices *uintptr, count *int32) uint32
	queryDeviceString  func(device uintptr, name int32) string
)

// load finds the library and its functions, once.
var load = sync.OnceValue(func() error {
	// Why dlopen has failed is known to its thread only.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	library, err := purego.Dlopen("libEGL.so.1", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("there is no EGL library (%w): install libegl1, or the graphics driver of the GPU", err)
	}
	for name, f := range map[string]any{
		"eglGetProcAddress": &getProcAddress, "eglGetError": &getError, "eglQueryString": &queryString,
		"eglInitialize": &initialize, "eglBindAPI": &bindAPI, "eglCreateContext": &createContext,
		"eglDestroyContext": &destroyContext, "eglMakeCurrent": &makeCurrent, "eglReleaseThread": &releaseThread,
	} {
		address, err := purego.Dlsym(library, name)
		if err != nil {
			return fmt.Errorf("libEGL.so.1 has no %s: %w", name, err)
		}
		purego.RegisterFunc(f, address)
	}
	have := queryString(0, extensions)
	listing := strings.Contains(have, deviceListing) || strings.Contains(have, devicesAndQuery)
	if !strings.Contains(have, devicePlatform) || !listing {
		return errNoDriver // those behind the library tell what it can do
	}
	for name, f := range map[string]any{
		"eglGetPlatformDisplayEXT": &getPlatformDisplay, "eglQueryDevicesEXT": &queryDevices, "eglQueryDeviceStringEXT": &queryDeviceString,
	} {
		address := getProcAddress(name)
		if address == 0 {
			return fmt.Errorf("libEGL.so.1 has no %s: install a newer one", name)
		}
		purego.RegisterFunc(f, address)
	}
	return nil
})

var errNoDriver = errors.New("there is no OpenGL driver behind libEGL.so.1 that lists its devices (" + devicePlatform +
	"): install the graphics driver of the GPU, or libegl-mesa0 and libgl1-mesa-dri for Mesa's")

// Device is a GPU, or software that takes its place.
type Device struct {
	Software bool
	handle   uintptr
}

// Devices lists the devices, GPUs before software. There is at least one, or an error
// that says why not.
func Devices() ([]Device, error) {
	if err := load(); err != nil {
		return nil, err
	}
	var handles [maxDevices]uintptr
	var count int32
	if queryDevices(maxDevices, &handles[0], &count) == 0 {
		if err := failed("eglQueryDevicesEXT"); err.code != badParameter {
			return nil, err
		}
		count = 0 // there is no driver behind the library
	}
	if count == 0 {
		return nil, errNoDriver
	}
	var devices []Device
	for _, handle := range handles[:count] {
		devices = append(devices, Device{strings.Contains(queryDeviceString(handle, extensions), softwareDevice), handle})
	}
	slices.SortStableFunc(devices, func(a, b Device) int {
		switch {
		case a.Software == b.Software:
			return 0
		case b.Software:
			return -1
		}
		return 1
	})
	return devices, nil
}

// Context is a context of OpenGL.
type Context struct{ display, handle uintptr }

// NewContext makes a context of OpenGL major.minor, core profile, and makes it current
// on the calling thread.
func (d Device) NewContext(major, minor int) (Context, error) {
	// A display is initialized once and stays, since other contexts may be on it.
	display := getPlatformDisplay(platformDevice, d.handle, nil)
	if display == 0 {
		return Context{}, failed("eglGetPlatformDisplayEXT")
	}
	if initialize(display, nil, nil) == 0 {
		return Context{}, fmt.Errorf("its driver does not start (%w): is it installed whole? Mesa's needs libgl1-mesa-dri", failed("eglInitialize"))
	}
	if bindAPI(openGLAPI) == 0 {
		return Context{}, fmt.Errorf("the driver offers no OpenGL: %w", failed("eglBindAPI"))
	}
	attributes := []int32{contextMajor, int32(major), contextMinor, int32(minor), contextProfile, coreProfile}
	if strings.Contains(queryString(display, extensions), robustness) {
		attributes = append(attributes, resetStrategy, loseOnReset)
	}
	attributes = append(attributes, none)
	c := Context{display, createContext(display, anyConfig, 0, &attributes[0])}
	if c.handle == 0 {
		return c, fmt.Errorf("the driver offers no OpenGL %d.%d (%w): install a newer driver", major, minor, failed("eglCreateContext"))
	}
	if makeCurrent(display, 0, 0, c.handle) == 0 {
		err := failed("eglMakeCurrent")
		destroyContext(display, c.handle)
		return c, err
	}
	return c, nil
}

// Destroy destroys the context, which is current on the calling thread.
func (c Context) Destroy() error {
	var err error
	if makeCurrent(c.display, 0, 0, 0) == 0 {
		err = failed("eglMakeCurrent")
	}
	if destroyContext(c.display, c.handle) == 0 {
		err = errors.Join(err, failed("eglDestroyContext"))
	}
	releaseThread()
	return err
}

// Address returns the address of a function of OpenGL.
func Address(name string) unsafe.Pointer {
	address := getProcAddress(name)
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// status is an error of EGL.
type status struct {
	call string
	code int32
}

func failed(call string) status { return status{call, getError()} }

func (s status) Error() string {
	if s.code == success {
		return s.call + " failed"
	}
	return fmt.Sprintf("%s failed with EGL error %#x", s.call, s.code)
}
