package cuda

import "errors"

// Driver is a CUDA driver: the real one, through cu, or the emulator.
type Driver interface {
	// Devices lists the devices. Without any, the error says why.
	Devices() ([]DeviceInfo, error)

	// Open creates a context on the device with this ordinal. It must be used by
	// one goroutine at a time.
	Open(ordinal int) (Device, error)
}

// DeviceInfo describes a device.
type DeviceInfo struct {
	Name            string
	Major, Minor    int   // compute capability
	Memory          int64 // bytes
	Multiprocessors int
	SharedPerBlock  int    // bytes, static and dynamic, without AllowShared
	SharedAllowed   int    // bytes, static and dynamic, that AllowShared can allow
	Cooperative     bool   // whether it has LaunchCooperative
	Driver          string // version of the driver, "11.8"
}

// Handles of a Device. The zero value is no handle, except that the zero Stream is
// the default stream.
type (
	Pointer  uint64 // an address in device memory
	Stream   uintptr
	Event    uintptr
	Module   uintptr
	Function uintptr
	Graph    uintptr // instantiated, ready to launch
)

// Dim3 is the extent of a grid or block.
type Dim3 struct{ X, Y, Z int }

// Device is a context on one device. All methods return the driver's error. A
// later call may report the fault of an earlier launch. After a fault the context
// is lost, as on a GPU.
type Device interface {
	Info() DeviceInfo

	// Alloc returns memory aligned to 256 bytes, contents unspecified, or an
	// error that wraps ErrOutOfMemory.
	Alloc(bytes int64) (Pointer, error)
	Free(Pointer) error
	MemInfo() (free, total int64, err error)

	// AllocHost returns page-locked host memory. The garbage collector does not
	// manage it.
	AllocHost(bytes int) ([]byte, error)
	FreeHost([]byte) error

	// Copies are queued on the stream. Host memory must be page-locked and stay
	// untouched until the stream has passed the copy.
	CopyToDevice(dst Pointer, src []byte, s Stream) error
	CopyToHost(dst []byte, src Pointer, s Stream) error
	CopyOnDevice(dst, src Pointer, bytes int64, s Stream) error
	Fill32(dst Pointer, value uint32, words int64, s Stream) error

	// Load compiles PTX. The error carries the compiler's log.
	Load(ptx string) (Module, error)
	Unload(Module) error
	Function(m Module, name string) (Function, error)

	// Launch queues a kernel. Each argument has a slot of 8 bytes, with its value
	// in the low bytes. args may be reused when Launch returns.
	Launch(f Function, grid, block Dim3, sharedBytes int, s Stream, args []uint64) error

	// LaunchCooperative is Launch for a grid whose blocks wait for each other: all of
	// them run at once. A grid too large for that is refused with a *GridTooLarge. A
	// graph may hold such a launch: in CUDA 11.8 its nodes have an attribute for it,
	// CU_LAUNCH_ATTRIBUTE_COOPERATIVE.
	LaunchCooperative(f Function, grid, block Dim3, sharedBytes int, s Stream, args []uint64) error

	// Residency says how many blocks of a kernel the device holds at once, if nothing
	// else runs. The blocks have sharedBytes of dynamic shared memory each.
	Residency(f Function, block Dim3, sharedBytes int) (Residency, error)

	// AllowShared lets blocks of f have up to so many bytes of dynamic shared memory,
	// where Info().SharedPerBlock is not enough. The driver then gives shared memory the
	// part of the first cache that a launch needs.
	AllowShared(f Function, bytes int) error

	NewStream() (Stream, error)
	DestroyStream(Stream) error
	SyncStream(Stream) error
	NewEvent() (Event, error)
	DestroyEvent(Event) error
	Record(Event, Stream) error
	StreamWait(Stream, Event) error
	SyncEvent(Event) error
	Elapsed(from, to Event) (milliseconds float64, err error) // waits for both

	// Work queued between BeginCapture and EndCapture does not run. It becomes a
	// graph. Another stream that waits for an event of the captured one takes part, as a
	// branch of the graph; before the end, the captured stream must wait for it.
	BeginCapture(Stream) error
	EndCapture(Stream) (Graph, error)
	LaunchGraph(Graph, Stream) error
	DestroyGraph(Graph) error

	// Close waits for all work, destroys the context and frees what is left.
	Close() error
}

// ErrOutOfMemory is wrapped by the error of Alloc when device memory is short.
var ErrOutOfMemory = errors.New("out of device memory")
