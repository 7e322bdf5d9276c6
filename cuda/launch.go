package cuda

import (
	"fmt"
	"math"

	"gputrain/backend"
	"gputrain/kernels"
)

// kernel is a loaded kernel.
type kernel struct {
	function Function
	params   []kernels.Param
}

const maxParams = 14 // of a kernel

// load loads all modules and finds their kernels.
func (b *Backend) load() error {
	modules := map[string]Module{}
	for _, name := range kernels.Modules() {
		module, err := b.device.Load(kernels.PTX(name))
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		modules[name] = module
	}
	for _, k := range kernels.All() {
		function, err := b.device.Function(modules[k.Module], k.Name)
		if err != nil {
			return fmt.Errorf("module %s: kernel %s: %w", k.Module, k.Name, err)
		}
		b.kernels[k.Name] = kernel{function, k.Params}
	}
	return nil
}

// launch queues a kernel on behalf of op, with one argument per parameter.
func (b *Backend) launch(op, name string, l kernels.Launch, args ...uint64) {
	if b.err != nil {
		return
	}
	k := b.kernels[name]
	if len(args) != len(k.params) {
		panic(fmt.Sprintf("cuda: %s: kernel %s takes %d arguments, got %d", op, name, len(k.params), len(args)))
	}
	for i, p := range k.params {
		if p.Kind == kernels.Int32 && args[i] > math.MaxInt32 {
			b.err = fmt.Errorf("cuda: %s, kernel %s: %s is %d, it can be %d at most", op, name, p.Name, args[i], math.MaxInt32)
			return
		}
	}
	if b.planned(name, args...) {
		return
	}
	// What is passed to an interface is allocated: b's own slots are already, and
	// args can stay on the stack.
	slots := b.slots[:copy(b.slots[:], args)]
	err := b.device.Launch(k.function, Dim3(l.Grid), Dim3(l.Block), 0, b.stream, slots)
	if err == nil && b.synchronous {
		err = b.device.SyncStream(b.stream)
	}
	if err != nil {
		b.keep(op+", kernel "+name, err)
	}
}

// queued ends an operation that the driver has been given, other than a launch.
func (b *Backend) queued(op string, err error) {
	b.keep(op, err)
	if b.synchronous {
		b.wait(op)
	}
}

// each launches a kernel over n elements, if there are any.
func (b *Backend) each(op, name string, n int, args ...uint64) {
	if n > 0 {
		b.launch(op, name, kernels.Elements(int64(n)), args...)
	}
}

// address returns the argument for t; null if t is absent.
func address(t backend.Tensor) uint64 {
	if !t.Present() {
		return 0
	}
	return uint64(at(t.Buf, t.Off))
}

// addressInts returns the argument for t.
func addressInts(t backend.Ints) uint64 { return uint64(at(t.Buf, t.Off)) }

// at returns the address of an element.
func at(buf backend.Buffer, offset int) Pointer {
	return buf.(*buffer).pointer + Pointer(offset)*elementBytes
}

// size returns the argument for a number of elements.
func size(t backend.Tensor) uint64 { return uint64(t.Size()) }

// float returns the argument for a scalar.
func float(x float64) uint64 { return uint64(math.Float32bits(float32(x))) }

// flag returns the argument for a choice.
func flag(x bool) uint64 {
	if x {
		return 1
	}
	return 0
}
