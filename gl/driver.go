package gl

import (
	"errors"
	"time"
)

// Driver is an OpenGL driver: the machine's own, or one made for tests.
type Driver interface {
	// Devices lists the devices, GPUs before software. Without any, the error says
	// why.
	Devices() ([]DeviceInfo, error)

	// Open creates a context on the device with this ordinal. The context belongs
	// to the calling thread: all methods of the Device must be called there.
	Open(ordinal int) (Device, error)
}

// DeviceInfo describes a device.
type DeviceInfo struct {
	Name     string // of the renderer
	Version  string // of OpenGL and the driver
	Software bool   // it is a program that runs on the CPU
	Limits   Limits
	Unusable error // why it cannot be opened; nil if it can
}

// Limits are what a driver allows.
type Limits struct {
	BlockBytes int // MAX_SHADER_STORAGE_BLOCK_SIZE
	Bindings   int // MAX_COMPUTE_SHADER_STORAGE_BLOCKS
}

// Handles of a Device. Zero is no handle.
type (
	Buffer  uint32
	Program uint32
)

// Device is a context on one device. Offsets and sizes are in bytes. What is queued
// runs in order, but a dispatch sees what an earlier dispatch has written only if a
// Barrier is between them. Methods return the driver's error, which wraps ErrLost if
// the context is gone.
type Device interface {
	Info() DeviceInfo

	// NewBuffer returns memory with unspecified contents, or an error that wraps
	// ErrOutOfMemory. DeleteBuffer waits for nothing: what is queued may still use
	// the buffer.
	NewBuffer(bytes int) (Buffer, error)
	DeleteBuffer(Buffer) error

	Clear(Buffer) error // to zeros
	Upload(dst Buffer, offset int, src []byte) error
	Copy(dst Buffer, dstOffset int, src Buffer, srcOffset, bytes int) error
	Download(dst []byte, src Buffer, offset int) error // waits

	// Compile makes a program of a compute shader. The error carries the compiler's
	// log.
	Compile(source string) (Program, error)

	// Dispatch queues so many groups in x and y. Buffer i is bound to binding i, and
	// args is the value of the uniform array at location 0. Both may be reused when
	// it returns.
	Dispatch(p Program, x, y int, buffers []Buffer, args []uint32) error

	// Barrier makes what all earlier dispatches have written visible to all that
	// follows.
	Barrier() error

	// Mark takes the time, for Elapsed, once all that is queued has run: stamp 0 or
	// 1. Elapsed waits and returns the time between them.
	Mark(stamp int) error
	Elapsed() (time.Duration, error)

	// Sync waits for all that is queued. It reports a context that is lost.
	Sync() error

	// Close destroys the context and all that is left in it.
	Close() error
}

var (
	// ErrOutOfMemory is wrapped by the error of NewBuffer when memory is short.
	ErrOutOfMemory = errors.New("out of device memory")

	// ErrLost is wrapped by the error of a context that is gone.
	ErrLost = errors.New("the context is lost: the GPU or its driver was reset")
)
