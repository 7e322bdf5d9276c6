// Package emulatortest runs CUDA kernels in Go tests, without a GPU: PTX that nvcc --ptx
// has made of any .cu file is executed by the emulator, which checks every access. See
// docs/emulator.md.
package emulatortest

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// Kernels are those of a PTX text, on a device of their own.
type Kernels struct {
	testing.TB
	*emulator.Device
	Module cuda.Module
}

// Load loads PTX on an emulated device. The test fails if that is impossible.
func Load(t testing.TB, ptx string, o emulator.Options) *Kernels {
	t.Helper()
	driver, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	device, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kernels{TB: t, Device: device.(*emulator.Device)}
	if k.Module, err = k.Device.Load(ptx); err != nil {
		t.Fatal(err)
	}
	return k
}

// must stops the test after an error of the driver.
func must[T any](k *Kernels) func(value T, err error) T {
	return func(value T, err error) T {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
		return value
	}
}

func (k *Kernels) check(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// Buffer returns memory of the device. What it holds counts as not initialised: a kernel
// that reads it before something is written there has a fault.
func (k *Kernels) Buffer(bytes int) cuda.Pointer {
	k.Helper()
	return must[cuda.Pointer](k)(k.Alloc(int64(bytes)))
}

// Upload returns memory of the device that holds the values: numbers, or structs of
// numbers, laid out without gaps.
func Upload[T any](k *Kernels, values []T) cuda.Pointer {
	k.Helper()
	size := binary.Size(values)
	if size < 0 {
		k.Fatalf("emulatortest: values of type %T have no fixed size", values)
	}
	p := k.Buffer(max(size, 1))
	host := must[[]byte](k)(k.AllocHost(max(size, 1)))
	defer k.FreeHost(host)
	must[int](k)(binary.Encode(host, binary.LittleEndian, values))
	k.check(k.CopyToDevice(p, host[:size], 0))
	return p
}

// Download returns n values that memory of the device holds.
func Download[T any](k *Kernels, p cuda.Pointer, n int) []T {
	k.Helper()
	values := make([]T, n)
	size := binary.Size(values)
	if size < 0 {
		k.Fatalf("emulatortest: values of type %T have no fixed size", values)
	}
	host := must[[]byte](k)(k.AllocHost(max(size, 1)))
	defer k.FreeHost(host)
	k.check(k.CopyToHost(host[:size], p, 0))
	must[int](k)(binary.Decode(host[:size], binary.LittleEndian, values))
	return values
}

// Launch runs a kernel, waits for it and returns its fault, an *emulator.Report, or nil.
// An argument is a cuda.Pointer, a number of a fixed size, a struct of numbers laid out
// without gaps, or an int, which stands for an int of C, of 32 bits. Kernels of C++ have
// mangled names unless they are extern "C"; gputrain ptx check shows them.
func (k *Kernels) Launch(kernel string, grid, block cuda.Dim3, sharedBytes int, args ...any) error {
	k.Helper()
	return k.launch(k.LaunchBytes, kernel, grid, block, sharedBytes, args)
}

// Cooperate is Launch for a grid whose blocks wait for each other (grid.sync()). The test
// fails if the GPU does not hold all of them at once.
func (k *Kernels) Cooperate(kernel string, grid, block cuda.Dim3, sharedBytes int, args ...any) error {
	k.Helper()
	return k.launch(k.LaunchCooperativeBytes, kernel, grid, block, sharedBytes, args)
}

func (k *Kernels) launch(launch func(cuda.Function, cuda.Dim3, cuda.Dim3, int, cuda.Stream, [][]byte) error,
	kernel string, grid, block cuda.Dim3, sharedBytes int, args []any) error {
	k.Helper()
	f := must[cuda.Function](k)(k.Function(k.Module, kernel))
	values := make([][]byte, len(args))
	for i, arg := range args {
		value, err := bytesOf(arg)
		if err != nil {
			k.Fatalf("emulatortest: argument %d of %s: %v", i, kernel, err)
		}
		values[i] = value
	}
	k.check(launch(f, grid, block, sharedBytes, 0, values))
	return k.SyncStream(0)
}

func bytesOf(arg any) ([]byte, error) {
	if n, ok := arg.(int); ok {
		if int(int32(n)) != n {
			return nil, fmt.Errorf("%d does not fit an int of C; convert it to int64", n)
		}
		arg = int32(n)
	}
	if size := binary.Size(arg); size < 0 || reflect.TypeOf(arg).Kind() == reflect.Slice {
		return nil, fmt.Errorf("a %T is no number and no struct of numbers", arg)
	}
	return binary.Append(nil, binary.LittleEndian, arg)
}

// Dim returns the size of a grid or of a block: 1 in the dimensions that are left out.
func Dim(sizes ...int) cuda.Dim3 {
	all := [3]int{1, 1, 1}
	copy(all[:], sizes)
	return cuda.Dim3{X: all[0], Y: all[1], Z: all[2]}
}
