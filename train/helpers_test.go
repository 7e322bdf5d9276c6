package train_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cpu"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func openCPU(t testing.TB) backend.Backend {
	t.Helper()
	// With a limit, Open need not collect the garbage to see how much memory is left.
	b, err := cpu.Open(cpu.Options{Workers: 2, MemoryLimit: 4 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// emulatorDriver is shared by all tests: it keeps the kernels that it has compiled.
var emulatorDriver = sync.OnceValues(func() (*emulator.Driver, error) {
	return emulator.New(emulator.Options{Seed: 1})
})

func openEmulator(t testing.TB) backend.Backend {
	t.Helper()
	driver, err := emulatorDriver()
	if err != nil {
		t.Fatal(err)
	}
	b, err := cuda.Open(driver, 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// others returns the backends that are compared with the reference. The emulated
// GPU is very slow under the race detector, so short tests leave it out.
func others(t testing.TB) map[string]backend.Backend {
	t.Helper()
	backends := map[string]backend.Backend{"cpu": openCPU(t)}
	if !testing.Short() {
		backends["emulated"] = openEmulator(t)
	}
	return backends
}

func openReference(testing.TB) backend.Backend { return reference.New() }

// build returns a network with the initial parameters of the seed.
func build(t testing.TB, b backend.Backend, spec model.Spec, in model.Shape, seed uint64) *model.Network {
	t.Helper()
	net, err := model.New(b, spec, in, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(seed)
	return net
}

func newTrainer(t testing.TB, net *model.Network, o train.Options) *train.Trainer {
	t.Helper()
	trainer, err := train.New(net, o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func fit(t testing.TB, trainer *train.Trainer, set, valid *data.Dataset) {
	t.Helper()
	if err := trainer.Fit(t.Context(), set, valid); err != nil {
		t.Fatal(err)
	}
}

func download(t testing.TB, b backend.Backend, x backend.Tensor) []float32 {
	t.Helper()
	values := make([]float32, x.Size())
	if err := b.Download(values, x); err != nil {
		t.Fatal(err)
	}
	return values
}

// saved returns the bytes of the file that save fills.
func saved(t testing.TB, save func(*model.File) error) []byte {
	t.Helper()
	f := newFile()
	if err := save(f); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "saved.safetensors")
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func newFile() *model.File {
	return &model.File{Meta: map[string]string{}, Tensors: map[string]model.Array{}}
}

// linear is a layer of one output, y = w·x + b.
func linear(outputs int) model.Spec {
	return model.Spec{{Name: "head", Layer: model.Dense{Out: outputs}}}
}

// classifier is an LSTM whose last step is classified.
func classifier(hidden, classes int) model.Spec {
	return model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: hidden}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: classes}},
	}
}

// sequences returns samples of random one-hot steps, labelled with the class of the
// first step. A classifier must remember it to the last step.
func sequences(n, steps, classes int, stream uint64) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, stream))
	d := &data.Dataset{
		Steps: steps, Width: classes,
		X: make([]float32, n*steps*classes), Labels: make([]int32, n),
		Classes: make([]string, classes),
	}
	for i := range n {
		for step := range steps {
			class := rng.IntN(classes)
			d.X[(i*steps+step)*classes+class] = 1
			if step == 0 {
				d.Labels[i] = int32(class)
			}
		}
	}
	return d
}

// line returns n points of y = 3·x0 − 2·x1 + 0.5.
func line(n int, stream uint64) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, stream))
	d := &data.Dataset{Steps: 1, Width: 2, X: make([]float32, 2*n), Targets: make([]float32, n), TargetWidth: 1}
	for i := range n {
		x0, x1 := rng.NormFloat64(), rng.NormFloat64()
		d.X[2*i], d.X[2*i+1] = float32(x0), float32(x1)
		d.Targets[i] = float32(3*x0 - 2*x1 + 0.5)
	}
	return d
}
