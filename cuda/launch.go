package cuda

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
	"gputrain/kernels"
)

// kernel is a loaded kernel.
type kernel struct {
	function Function
	params   []kernels.Param
	shared   int // bytes of dynamic shared memory that blocks may have
}

const maxParams = 32 // of a kernel

// kernel returns a kernel. The first one of a module loads the module: the driver
// compiles it, and most networks need few. A graph is captured only after its
// operations have been queued directly, so nothing is loaded during a capture, where
// that is not allowed.
func (d *Backend) kernel(name string) (kernel, error) {
	if k, loaded := d.kernels[name]; loaded {
		return k, nil
	}
	all := kernels.All()
	module := all[slices.IndexFunc(all, func(k kernels.Kernel) bool { return k.Name == name })].Module
	m, err := d.device.Load(kernels.PTX(module))
	if err != nil {
		return kernel{}, fmt.Errorf("module %s: %w", module, err)
	}
	for _, k := range all {
		if k.Module != module {
			continue
		}
		function, err := d.device.Function(m, k.Name)
		if err != nil {
			return kernel{}, fmt.Errorf("module %s: kernel %s: %w", module, k.Name, err)
		}
		d.kernels[k.Name] = kernel{function, k.Params, d.info.SharedPerBlock}
	}
	return d.kernels[name], nil
}

// launch queues a kernel on behalf of op, with one argument per parameter.
func (d *Backend) launch(op, name string, l kernels.Launch, args ...uint64) {
	if d.err != nil {
		return
	}
	k, err := d.kernel(name)
	if err != nil {
		d.keep(op+", kernel "+name, err)
		return
	}
	if len(args) != len(k.params) {
		panic(fmt.Sprintf("cuda: %s: kernel %s takes %d arguments, got %d", op, name, len(k.params), len(args)))
	}
	for i, p := range k.params {
		if p.Kind == kernels.Int32 && args[i] > math.MaxInt32 {
			d.err = fmt.Errorf("cuda: %s, kernel %s: %s is %d, it can be %d at most", op, name, p.Name, args[i], math.MaxInt32)
			return
		}
	}
	if d.planned(name, args...) {
		return
	}
	// Go allocates what is passed to an interface. slots is allocated already, so
	// args can stay on the stack.
	slots := d.slots[:copy(d.slots[:], args)]
	if l.Shared > k.shared {
		err = d.device.AllowShared(k.function, l.Shared)
		k.shared = l.Shared
		d.kernels[name] = k
	}
	switch {
	case err != nil:
	case l.Cooperative:
		err = d.device.LaunchCooperative(k.function, Dim3(l.Grid), Dim3(l.Block), l.Shared, d.stream, slots)
	default:
		err = d.device.Launch(k.function, Dim3(l.Grid), Dim3(l.Block), l.Shared, d.stream, slots)
	}
	if err == nil && d.synchronous {
		err = d.device.SyncStream(d.stream)
	}
	if err != nil {
		d.keep(op+", kernel "+name, err)
	}
}

// queued ends an operation that went to the driver without a launch.
func (d *Backend) queued(op string, err error) {
	d.keep(op, err)
	if d.synchronous {
		d.wait(op)
	}
}

// each launches a kernel over n elements, if there are any.
func (d *Backend) each(op, name string, n int, args ...uint64) {
	if n > 0 {
		d.launch(op, name, kernels.Elements(int64(n)), args...)
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

// float returns the argument for a scalar, as float32.
func float(x float64) uint64 { return uint64(math.Float32bits(float32(x))) }

// flag returns the argument for a choice.
func flag(x bool) uint64 {
	if x {
		return 1
	}
	return 0
}
