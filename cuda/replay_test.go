package cuda_test

import (
	"fmt"
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

// calls counts what the driver queues.
type calls struct{ launches, graphs, copies int }

type callsDevice struct {
	cuda.Device
	calls *calls
}

func (d callsDevice) Launch(f cuda.Function, grid, block cuda.Dim3, shared int, s cuda.Stream, args []uint64) error {
	d.calls.launches++
	return d.Device.Launch(f, grid, block, shared, s, args)
}

func (d callsDevice) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, shared int, s cuda.Stream, args []uint64) error {
	d.calls.launches++
	return d.Device.LaunchCooperative(f, grid, block, shared, s, args)
}

func (d callsDevice) LaunchGraph(g cuda.Graph, s cuda.Stream) error {
	d.calls.graphs++
	return d.Device.LaunchGraph(g, s)
}

func (d callsDevice) CopyToDevice(dst cuda.Pointer, src []byte, s cuda.Stream) error {
	d.calls.copies++
	return d.Device.CopyToDevice(dst, src, s)
}

func counting(t *testing.T, counted *calls, wrap func(cuda.Device) cuda.Device) cuda.Driver {
	return wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device { return callsDevice{wrap(d), counted} }}
}

func unchanged(d cuda.Device) cuda.Device { return d }

// newTrainer returns a trainer of a small LSTM and a batch for it.
func newTrainer(t *testing.T, b backend.Backend, steps, batch int) (*train.Trainer, data.Batch) {
	t.Helper()
	net, err := newNet(b, model.Shape{Steps: steps, Batch: batch, Width: 4})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: batch,
	})
	if err != nil {
		t.Fatal(err)
	}
	return trainer, data.Batch{Size: batch, Steps: steps, X: make([]float32, steps*batch*4), Labels: make([]int32, batch)}
}

// A time step costs the host nothing once there is a graph.
func TestStepsBecomeOneLaunch(t *testing.T) {
	for _, steps := range []int{2, 40} {
		counted := &calls{}
		b := newBench(t, counting(t, counted, func(d cuda.Device) cuda.Device { return stepwise{d} }), cuda.Options{})
		trainer, batch := newTrainer(t, b.Backend, steps, 2)
		for k, want := range []calls{
			{launches: -1, copies: 4},            // the first time: inputs, labels, scalars of the loss and of Adam
			{launches: -1, graphs: 1, copies: 3}, // captured; the scalars are one copy
			{launches: 1, graphs: 1, copies: 3},  // replayed, and the loss is added up
			{launches: 1, graphs: 1, copies: 3},
		} {
			*counted = calls{}
			trainer.Step(batch)
			if want.launches < 0 {
				if counted.launches < 2*steps {
					t.Errorf("%d time steps, step %d: %d launches, want more than %d", steps, k, counted.launches, 2*steps)
				}
				counted.launches = -1
			}
			if *counted != want {
				t.Errorf("%d time steps, step %d: got %+v, want %+v", steps, k, *counted, want)
			}
		}
		if err := b.Sync(); err != nil {
			t.Error(err)
		}
	}
}

// A step of memory blocks is one launch forward, and none backward.
func TestMemoryBlocksTakeALaunchForEachStep(t *testing.T) {
	const batch = 3
	for _, layer := range []model.LSTM1997{
		{Blocks: 2, Cells: 2},
		{Blocks: 3, Cells: 1, ForgetGates: true, Peepholes: true, NoGateFeedback: true},
	} {
		count := func(steps int) (forward, backward int) {
			counted := &calls{}
			b := newBench(t, counting(t, counted, unchanged), cuda.Options{})
			net, err := model.New(b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: steps, Batch: batch, Width: 4}, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			x := b.Zeros(steps*batch, 4)
			*counted = calls{}
			y := net.Forward(x, steps, model.Training)
			forward = counted.launches
			net.BackwardAnew(b.Zeros(y.Rows, y.Cols))
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			return forward, counted.launches - forward
		}
		// Besides the steps, initial states and partials are set, and the first sources are
		// copied. The gradients of two parameters are sums over chunks.
		forward, backward := count(2)
		longForward, longBackward := count(12)
		if forward > 2+3+3 || longForward != forward+10 {
			t.Errorf("%+v: %d and %d launches forward for 2 and 12 steps, want up to %d, and 10 more", layer, forward, longForward, 2+3+3)
		}
		if most := 1 + 3 + 2 + 4; backward > most || longBackward != backward {
			t.Errorf("%+v: %d and %d launches backward for 2 and 12 steps, want up to %d", layer, backward, longBackward, most)
		}
	}
}

// Where the device can, a layer takes as many launches for many time steps as for few.
func TestPersistentLayersTakeFewLaunches(t *testing.T) {
	for _, c := range sequences {
		var launches []int
		for _, rows := range []int{2 * sequenceBatch, 12 * sequenceBatch} {
			counted := &calls{}
			b := newBench(t, counting(t, counted, unchanged), cuda.Options{})
			dst, x, y := b.Zeros(c.dst[0]-c.y[0]+rows, c.dst[1]), b.Zeros(c.x[0], c.x[1]), b.Zeros(rows, c.y[1])
			c.call(b, dst, x, y)
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			launches = append(launches, counted.launches)
		}
		// Forward there are the product of the inputs and the steps. Backward adds the
		// steps and two products, which may take a second pass.
		most := 2
		if strings.HasSuffix(c.name, "backward") {
			most = 2 + 1 + 2*2
		}
		if launches[0] > most || launches[1] > most {
			t.Errorf("%s: %v launches for 2 and 12 time steps, want up to %d", c.name, launches, most)
		}
	}
}

func TestSynchronousHasNoGraphs(t *testing.T) {
	counted := &calls{}
	b := newBench(t, counting(t, counted, unchanged), cuda.Options{Synchronous: true})
	trainer, batch := newTrainer(t, b.Backend, 2, 2)
	for range 4 {
		trainer.Step(batch)
	}
	if counted.graphs != 0 {
		t.Errorf("got %d launches of graphs, want 0", counted.graphs)
	}
}

// There are more shapes than graphs are kept, and then one shape again.
func TestManyShapesAreReplayed(t *testing.T) {
	b := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
	x := b.Zeros(1, 100)
	for range 3 {
		for n := 1; n <= 50; n++ {
			window, _ := x.Take(1, n)
			for range 2 {
				backend.Replay(b.Backend, func() { b.Scale(window, 1, window) })
			}
		}
	}
	got := make([]float32, 100)
	b.Fill(x, 1)
	for range 5 {
		backend.Replay(b.Backend, func() { b.AddScaled(x, 1, x) })
	}
	if err := b.Download(got, x); err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]float32{32}, 100); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Calls that allocate or wait cannot be replayed.
func TestMisuseWithinReplay(t *testing.T) {
	b := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
	x, ids := b.Zeros(1, 2), b.Ints(1, 2)
	for name, call := range map[string]func(){
		"New":          func() { b.New(1, 1) },
		"Free":         func() { b.Free(x.Buf) },
		"Upload":       func() { b.Upload(x, make([]float32, 2)) },
		"UploadInts":   func() { b.UploadInts(ids, make([]int32, 2)) },
		"Download":     func() { b.Download(make([]float32, 2), x) },
		"DownloadInts": func() { b.DownloadInts(make([]int32, 2), ids) },
		"Sync":         func() { b.Sync() },
		"Time":         func() { b.Time(func() {}) },
		"Replay":       func() { b.Replay(func() {}) },
	} {
		func() {
			defer func() {
				if want := "cuda: " + name + " is called within Replay"; fmt.Sprint(recover()) != want {
					t.Errorf("%s: want panic %q", name, want)
				}
			}()
			b.Replay(call)
		}()
	}
	b.Fill(x, 1)
	if err := b.Sync(); err != nil {
		t.Errorf("after the panics: %v", err)
	}
}

// The emulator's seed decides how far streams run ahead of each other.
func TestUploadsArriveInTime(t *testing.T) {
	// uploaded reports whether the sum of several uploads is right.
	uploaded := func(driver cuda.Driver) bool {
		b := newBench(t, driver, cuda.Options{})
		const n = 20_000 // more than an upload on the stream of operations has
		x, sum := b.Zeros(1, n), b.Zeros(1, n)
		src, got := make([]float32, n), make([]float32, n)
		for round := range 6 {
			for k := range src {
				src[k] = float32(round)
			}
			b.Upload(x, src)
			b.Add(sum, sum, x)
		}
		err := b.Download(got, sum)
		return err == nil && slices.Equal(got, slices.Repeat([]float32{15}, n))
	}
	wrong := 0
	for seed := range uint64(6) {
		driver, err := emulator.New(emulator.Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if !uploaded(driver) {
			t.Errorf("seed %d: the sum of uploads is wrong", seed)
		}
		if !uploaded(wrapping{driver, func(d cuda.Device) cuda.Device { return impatient{d} }}) {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("no seed shows streams that do not wait for each other")
	}
}

// impatient is a device whose streams do not wait for each other.
type impatient struct{ cuda.Device }

func (impatient) StreamWait(cuda.Stream, cuda.Event) error { return nil }

func TestTimeIsThatOfTheDevice(t *testing.T) {
	b := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
	x, y := b.Zeros(64, 64), b.Zeros(64, 64)
	product := func() { b.Gemm(y, backend.NoTrans, backend.NoTrans, 1, x, x, 0) }
	once, err := b.Time(product)
	if err != nil {
		t.Fatal(err)
	}
	thrice, err := b.Time(func() { product(); product(); product() })
	if err != nil {
		t.Fatal(err)
	}
	if off := (thrice - 3*once).Abs(); once <= 0 || off > 3 { // rounded to nanoseconds
		t.Errorf("a product takes %v, three take %v", once, thrice)
	}
}

// Two devices train at the same time, each for itself.
func TestSeveralDevices(t *testing.T) {
	driver := newDriver(t, emulator.Options{Devices: 2})
	infos, err := driver.Devices()
	if err != nil || len(infos) != 2 {
		t.Fatalf("got %d devices, error %v, want 2", len(infos), err)
	}
	results := make(chan []float32, 2)
	for ordinal := range 2 {
		b, err := cuda.Open(driver, ordinal, cuda.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if want := fmt.Sprintf("cuda:%d", ordinal); b.Name() != want {
			t.Errorf("got name %s, want %s", b.Name(), want)
		}
		trainer, batch := newTrainer(t, b, 3, 2)
		go func() {
			for range 5 {
				trainer.Step(batch)
			}
			var file model.File
			if err := trainer.Save(&file); err != nil {
				t.Error(err)
			}
			results <- file.Tensors["lstm.weight_hh_l0"].Data
		}()
	}
	first, second := <-results, <-results
	if len(first) == 0 || !slices.Equal(first, second) {
		t.Errorf("two devices give %v and %v", first, second)
	}
	if _, err := cuda.Open(driver, 2, cuda.Options{}); err == nil || !strings.Contains(err.Error(), "no device 2, there are 2") {
		t.Errorf("a third device: got error %v", err)
	}
}
