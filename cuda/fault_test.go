package cuda_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

var errInjected = errors.New("injected")

// Whichever call of the driver fails, training ends in an error, nothing leaks, and
// the next run on the same driver works.
func TestDriverFaults(t *testing.T) {
	for _, c := range []struct {
		name      string
		operation emulator.Operation
		err       error
		every     int // n-th call
	}{
		{"allocation", emulator.AllocOperation, errInjected, 1},
		{"launch", emulator.LaunchOperation, errInjected, 3},
		{"copy", emulator.CopyOperation, errInjected, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &tap{Driver: newDriver(t, emulator.Options{})}
			failures := 0
			for n := 1; ; n += c.every {
				d.opened = func(device *emulator.Device) { device.Fail(c.operation, n, c.err) }
				err := trainSteps(t, d)
				if d.closed != nil {
					t.Fatalf("fault %d: the device's Close returns %v", n, d.closed)
				}
				if err == nil {
					break
				}
				if !errors.Is(err, c.err) {
					t.Fatalf("fault %d: got error %v, want one that wraps %v", n, err, c.err)
				}
				failures++
			}
			if failures < 5 {
				t.Errorf("a step met %d faults, want some", failures)
			}
		})
	}
}

// trainSteps trains on a new backend until the steps are replayed.
func trainSteps(t *testing.T, driver cuda.Driver) error {
	b, err := cuda.Open(driver, 0, cuda.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := newNet(b, model.Shape{Steps: 2, Batch: 2, Width: 4})
	if err != nil {
		return err
	}
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 2, LossEvery: 100,
	})
	if err != nil {
		return err
	}
	const steps = 3
	set := &data.Dataset{Steps: 2, Width: 4, X: make([]float32, steps*16), Labels: []int32{3, 9, 1, 2, 0, 4}}
	if err := trainer.Fit(t.Context(), set, nil); err != nil {
		return err
	}
	return b.Sync()
}

func TestBadIdsAreStickyErrors(t *testing.T) {
	gather := func(b *bench, x backend.Tensor, ids backend.Ints) { b.GatherRows(b.Zeros(5, 3), x, ids) }
	for _, c := range []struct {
		name  string
		call  func(b *bench, x backend.Tensor, ids backend.Ints)
		after func(b *bench, ids backend.Ints)
		want  string
	}{
		{"GatherRows", gather, nil, "cuda: GatherRows: ids[3] is 12, x has 10 rows"},
		{"ScatterAddRows", func(b *bench, x backend.Tensor, ids backend.Ints) { b.ScatterAddRows(x, b.Zeros(5, 3), ids) }, nil,
			"cuda: ScatterAddRows: ids[3] is 12, dst has 10 rows"},
		{"SoftmaxCrossEntropy", func(b *bench, x backend.Tensor, ids backend.Ints) {
			b.SoftmaxCrossEntropy(b.Zeros(1, 1), backend.Tensor{}, x.Slice(0, 5), ids, 1)
		}, nil, "cuda: SoftmaxCrossEntropy: labels[3] is 12, logits has 3 columns"},
		{"ids overwritten", gather, func(b *bench, ids backend.Ints) { b.UploadInts(ids, make([]int32, 5)) },
			"cuda: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"ids computed", gather, func(b *bench, ids backend.Ints) { b.ArgMaxRows(ids, b.Zeros(5, 3)) },
			"cuda: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"ids freed", gather, func(b *bench, ids backend.Ints) { b.Free(ids.Buf) },
			"cuda: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"many good calls before", func(b *bench, x backend.Tensor, ids backend.Ints) {
			dst := b.Zeros(1, 3)
			for range 1500 {
				b.GatherRows(dst, x, ids.Slice(0, 1))
			}
			gather(b, x, ids)
		}, nil, "cuda: GatherRows: ids[3] is 12, x has 10 rows"},
		{"many good calls after", gather, func(b *bench, ids backend.Ints) {
			dst, x := b.Zeros(1, 3), b.Zeros(10, 3)
			for range 1500 {
				b.GatherRows(dst, x, ids.Slice(0, 1))
			}
		}, "cuda: GatherRows: ids[3] is 12, x has 10 rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
			ids := b.Ints(1, 0, 2, 12, 13)
			c.call(b, b.Uniform(10, 3), ids)
			if c.after != nil {
				c.after(b, ids)
			}
			for _, err := range []error{b.Sync(), b.Err(), b.Close()} {
				if err == nil || err.Error() != c.want {
					t.Errorf("got error %v, want %s", err, c.want)
				}
			}
		})
	}
}

// An error names the operation that failed if the backend waits after each one.
// Else it names a later one.
func TestErrorsNameTheOperation(t *testing.T) {
	for _, c := range []struct {
		synchronous bool
		want        string
	}{
		{true, "cuda: Tanh, kernel tanh_forward: "},
		{false, "cuda: Sync, or an operation before it: "},
	} {
		// The large Tanh exceeds this budget of instructions.
		driver := newDriver(t, emulator.Options{Budget: 2000})
		b := newBench(t, driver, cuda.Options{Synchronous: c.synchronous})
		small, large := b.Zeros(1, 32), b.Zeros(1000, 32)
		b.Tanh(small, small)
		b.Tanh(large, large)
		b.Add(small, small, small)
		if err := b.Sync(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("Synchronous %v: got error %v, want %s...", c.synchronous, err, c.want)
		}
	}
}

func TestOpenFails(t *testing.T) {
	driver := newDriver(t, emulator.Options{})
	const want = "cuda: Open: cuda emulator: no device 1, there are 1"
	if _, err := cuda.Open(driver, 1, cuda.Options{}); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// The error of a launch that the driver refuses names the kernel.
func TestRefusedLaunchNamesTheKernel(t *testing.T) {
	refused := errors.New("refused")
	var device *emulator.Device
	driver := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
	b := newBench(t, driver, cuda.Options{})
	x := b.Zeros(2, 3)
	device.Fail(emulator.LaunchOperation, 1, refused)
	b.Add(x, x, x)
	const want = "cuda: Add, kernel add, or an operation before it: refused"
	if err := b.Sync(); !errors.Is(err, refused) || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// hostless is a device with page-locked memory for a few allocations only.
type hostless struct {
	cuda.Device
	left *int
}

func (d hostless) AllocHost(bytes int) ([]byte, error) {
	if *d.left--; *d.left < 0 {
		return nil, cuda.ErrOutOfMemory
	}
	return d.Device.AllocHost(bytes)
}

func TestOpenWithoutPageLockedMemory(t *testing.T) {
	for left := range 3 {
		inner := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(*emulator.Device) {}}
		driver := wrapping{inner, func(d cuda.Device) cuda.Device { return hostless{d, &left} }}
		_, err := cuda.Open(driver, 0, cuda.Options{})
		const want = "cuda: Open: 1048576 bytes of page-locked memory: out of device memory"
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
		if inner.closed != nil {
			t.Errorf("the device was closed with error %v", inner.closed)
		}
	}
}

// A fault in the second epoch leaves the checkpoint of the first. Another run in
// the same process goes on from it as if nothing had happened.
func TestFaultLeavesTheCheckpoint(t *testing.T) {
	for _, c := range []struct {
		name      string
		operation emulator.Operation
	}{
		{"launch", emulator.LaunchOperation},
		{"copy", emulator.CopyOperation},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
			driver := newDriver(t, emulator.Options{})
			want := weightsAfter(t, driver, nil, filepath.Join(t.TempDir(), "whole.safetensors"))

			d := &tap{Driver: driver}
			var device *emulator.Device
			d.opened = func(opened *emulator.Device) { device = opened }
			fault := func(e train.Epoch) {
				if e.Epoch == 1 {
					device.Fail(c.operation, 2, cuda.ErrOutOfMemory)
				}
			}
			if err := fitTwoEpochs(t, d, fault, path, nil); !errors.Is(err, cuda.ErrOutOfMemory) {
				t.Fatalf("got error %v, want one that wraps %v", err, cuda.ErrOutOfMemory)
			}
			if d.closed != nil {
				t.Errorf("the device's Close returns %v", d.closed)
			}
			if got := weightsAfter(t, driver, resume(t, path), path); !slices.Equal(got, want) {
				t.Errorf("resumed training gives %v..., want %v...", got[:4], want[:4])
			}
		})
	}
}

func resume(t *testing.T, path string) *model.File {
	t.Helper()
	file, err := model.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// weightsAfter returns some weights at the end of fitTwoEpochs.
func weightsAfter(t *testing.T, driver cuda.Driver, from *model.File, path string) []float32 {
	t.Helper()
	if err := fitTwoEpochs(t, driver, func(train.Epoch) {}, path, from); err != nil {
		t.Fatal(err)
	}
	return resume(t, path).Tensors["lstm.weight_hh_l0"].Data
}

// fitTwoEpochs trains on a new backend until two epochs are done, from a checkpoint
// if there is one. It writes a checkpoint after each epoch.
func fitTwoEpochs(t *testing.T, driver cuda.Driver, after func(train.Epoch), path string, from *model.File) error {
	t.Helper()
	b, err := cuda.Open(driver, 0, cuda.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := newNet(b, model.Shape{Steps: 8, Batch: 4, Width: 8})
	if err != nil {
		return err
	}
	var trainer *train.Trainer
	trainer, err = train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 2, Batch: 4, Seed: 1,
		OnEpoch: func(e train.Epoch) error {
			defer after(e)
			var file model.File
			if err := trainer.Save(&file); err != nil {
				return err
			}
			return file.Write(path)
		},
	})
	if err != nil {
		return err
	}
	if from != nil {
		if err := trainer.Load(from); err != nil {
			return err
		}
	}
	digits := data.Digits().Subset([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	return trainer.Fit(t.Context(), digits, nil)
}
