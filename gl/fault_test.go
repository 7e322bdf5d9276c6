package gl_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/gl"
	"gputrain/model"
	"gputrain/train"
)

// Whichever call of the driver fails, training ends in an error that names an
// operation, the context is closed, and the next backend works.
func TestDriverFaults(t *testing.T) {
	for _, fault := range []error{gl.ErrLost, gl.ErrOutOfMemory} {
		failures := 0
		for n := 1; ; n += 31 {
			driver := newFake()
			calls, failed := 0, ""
			driver.fail = func(method string) error {
				if calls++; calls != n || method == "Close" {
					return nil
				}
				failed = method
				return fault
			}
			err := trainSteps(t, driver)
			if driver.open != 0 {
				t.Fatalf("%v in call %d: %d contexts are open", fault, n, driver.open)
			}
			driver.fail = nil
			if again := trainSteps(t, driver); again != nil {
				t.Fatalf("after %v in call %d: %v", fault, n, again)
			}
			if calls < n {
				break
			}
			if failed == "" {
				continue // it is the context's Close, which does not fail
			}
			// Memory that is short once is found by giving back what is unused.
			if err == nil && fault == gl.ErrOutOfMemory {
				continue
			}
			if !errors.Is(err, fault) || !strings.Contains(err.Error(), "gl: ") {
				t.Fatalf("call %d, %s: got error %v, want one that wraps %v", n, failed, err, fault)
			}
			failures++
		}
		if failures < 5 {
			t.Errorf("%v: a step met %d faults, want some", fault, failures)
		}
	}
}

// trainSteps trains on a new backend.
func trainSteps(t *testing.T, driver gl.Driver) error {
	b, err := gl.Open(driver, 0, gl.Options{})
	if err != nil {
		return err
	}
	return errors.Join(trainOn(t, b), b.Close())
}

func trainOn(t *testing.T, b backend.Backend) error {
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 3}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 2, Batch: 2, Width: 4}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 2, LossEvery: 100,
	})
	if err != nil {
		return err
	}
	const steps = 3
	set := &data.Dataset{Steps: 2, Width: 4, X: make([]float32, steps*16), Labels: []int32{3, 9, 1, 2, 0, 4}}
	return trainer.Fit(t.Context(), set, nil)
}

// An error names its operation and sticks; what comes later does nothing.
func TestTheFirstErrorSticks(t *testing.T) {
	driver := newFake()
	b := newBench(t, driver)
	x := b.Uniform(2, 2)
	driver.fail = func(method string) error {
		if method == "sigmoid" {
			return errors.New("GL_INVALID_OPERATION")
		}
		return nil
	}
	b.Tanh(x, x)
	b.Sigmoid(x, x)
	b.ReLU(x, x)
	const want = "gl: Sigmoid: shader sigmoid: GL_INVALID_OPERATION"
	for _, got := range []error{b.Sync(), b.Err(), b.Download(make([]float32, 4), x)} {
		if got == nil || got.Error() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	if _, err := b.New(1, 1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("New: got %v, want %s", err, want)
	}
	b.Free(x.Buf)
	if got := fmt.Sprint(driver.kernelsRun()); got != "[tanh_forward]" {
		t.Errorf("%s ran", got)
	}
	if err := b.Close(); err == nil || err.Error() != want {
		t.Errorf("Close: got %v, want %s", err, want)
	}
}

func TestACompileErrorNamesTheShader(t *testing.T) {
	driver := newFake()
	b := newBench(t, driver)
	x := b.Uniform(2, 2)
	driver.fail = func(method string) error {
		if method == "Compile" {
			return errors.New("it does not compile: 1:12(5): error: no such thing")
		}
		return nil
	}
	b.Tanh(x, x)
	const want = "gl: Tanh: shader tanh_forward: the driver's compiler refuses kernels/activation.comp " +
		"(file 0 of activation.comp, common.glsl, nonlinear.glsl): it does not compile: 1:12(5): error: no such thing"
	if err := b.Sync(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMemoryBeyondTheLimitOfABuffer(t *testing.T) {
	driver := newFake()
	driver.limits.BlockBytes = 1 << 16
	b := newBench(t, driver)
	_, err := b.New(129, 128)
	const want = "gl: New: a tensor of 129x128: 16512 elements, and fake takes 16384 in a buffer (MAX_SHADER_STORAGE_BLOCK_SIZE is 65536 bytes): out of memory"
	if !errors.Is(err, backend.ErrOutOfMemory) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := b.New(128, 128); err != nil {
		t.Errorf("the error sticks: %v", err)
	}
	// A workspace beyond it is an error of the operation.
	b.Gemm(b.Zeros(100, 100), backend.NoTrans, backend.NoTrans, 1, b.Zeros(100, 0), b.Zeros(0, 100), 0)
	if err := b.Sync(); err != nil {
		t.Error(err)
	}
	b.Gemm(b.Zeros(16, 16), backend.Trans, backend.NoTrans, 1, b.Zeros(1024, 16), b.Zeros(1024, 16), 0)
	if err := b.Sync(); err != nil {
		t.Error(err)
	}
}

// When the driver has no memory left, what was freed is given back and the rest is
// tried again.
func TestFreedMemoryIsUsedAgain(t *testing.T) {
	driver := newFake()
	b := newBench(t, driver)
	x := b.Zeros(10, 10)
	b.Free(x.Buf)
	driver.reset()
	y := b.Zeros(5, 20) // of the same size
	if driver.allocated != 0 {
		t.Error("memory of the same size is not used again")
	}
	b.Free(y.Buf)
	full := true
	driver.fail = func(method string) error {
		switch {
		case method == "DeleteBuffer":
			full = false
		case method == "NewBuffer" && full:
			return gl.ErrOutOfMemory
		}
		return nil
	}
	b.Zeros(11, 11)
	if full {
		t.Error("freed memory is not given back")
	}
	full = true
	if _, err := b.New(12, 12); !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("got %v, want one that wraps %v", err, backend.ErrOutOfMemory)
	}
	if err := b.Sync(); err != nil {
		t.Errorf("running out of memory sticks: %v", err)
	}
}

// A driver may lose NaN; such a one cannot be opened.
func TestADeviceThatLosesNaNIsRefused(t *testing.T) {
	for _, kernel := range []string{"relu", "sigmoid", "scale"} {
		driver := newFake()
		driver.run = func(d *fakeDevice, run dispatch) {
			if run.kernel == kernel {
				clear(d.memory[run.buffers[0]])
			}
		}
		_, err := gl.Open(driver, 0, gl.Options{})
		if err == nil || !strings.Contains(err.Error(), "gl: Open: the driver's arithmetic loses NaN") {
			t.Errorf("%s: got %v, want that NaN is lost", kernel, err)
		}
		if driver.open != 0 {
			t.Errorf("%s: the context is open", kernel)
		}
	}
}

// Zink on a CPU mixes up calls; such a driver cannot be opened. One that does not, can.
func TestADeviceThatMixesCallsIsRefused(t *testing.T) {
	for _, mixes := range []bool{true, false} {
		driver := newFake()
		before := ""
		latest, compiled := map[string][]uint32{}, map[string][]uint32{}
		driver.run = func(d *fakeDevice, run dispatch) {
			args := run.args
			if mixes && run.kernel != before && slices.Equal(args, latest[run.kernel]) {
				if compiled[run.kernel] == nil {
					compiled[run.kernel] = args
				}
				args = compiled[run.kernel]
			}
			before, latest[run.kernel] = run.kernel, run.args
			if run.kernel == "sum_rows" && args[len(args)-1] == 0 { // beta
				clear(d.memory[run.buffers[0]])
			}
		}
		b, err := gl.Open(driver, 0, gl.Options{})
		switch {
		case !mixes && err != nil:
			t.Error(err)
		case !mixes:
			b.Close()
		case err == nil || !strings.Contains(err.Error(), "gl: Open: the driver runs shaders with the arguments of other calls"):
			t.Errorf("got %v, want that calls are mixed", err)
		}
		if driver.open != 0 {
			t.Error("the context is open")
		}
	}
}

func TestBadIdsAreStickyErrors(t *testing.T) {
	driver := newFake()
	driver.run = func(d *fakeDevice, run dispatch) { // as a shader would for position 3
		if run.kernel == "gather_rows" && run.args[len(run.args)-3] == 10 {
			call := run.args[len(run.args)-1]
			copy(d.memory[run.buffers[3]][4*call:], []byte{3, 0, 0, 0})
		}
	}
	for _, c := range []struct {
		name  string
		after func(b *bench, ids backend.Ints)
		want  string
	}{
		{"as they were", func(*bench, backend.Ints) {}, "gl: GatherRows: ids[3] is 12, x has 10 rows"},
		{"overwritten", func(b *bench, ids backend.Ints) { b.UploadInts(ids, make([]int32, 5)) }, "gl: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"computed", func(b *bench, ids backend.Ints) { b.ArgMaxRows(ids, b.Zeros(5, 3)) }, "gl: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"freed", func(b *bench, ids backend.Ints) { b.Free(ids.Buf) }, "gl: GatherRows: ids[3] was out of range, x has 10 rows"},
		{"many good calls after", func(b *bench, ids backend.Ints) {
			for range 1500 {
				b.GatherRows(b.Zeros(1, 3), b.Zeros(9, 3), ids.Slice(0, 1))
				if b.Err() != nil {
					return
				}
			}
		}, "gl: GatherRows: ids[3] is 12, x has 10 rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, driver)
			ids := b.Ints(1, 0, 2, 12, 13)
			b.GatherRows(b.Zeros(5, 3), b.Zeros(10, 3), ids)
			c.after(b, ids)
			if err := b.Sync(); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestTimeIsThatOfTheDevice(t *testing.T) {
	b := newBench(t, newFake())
	x := b.Zeros(2, 2)
	took, err := b.Time(func() { b.Tanh(x, x) })
	if err != nil || took.Milliseconds() != 7 {
		t.Errorf("got %v, %v, want 7ms", took, err)
	}
}
