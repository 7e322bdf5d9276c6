package cuda_test

import (
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
	"gputrain/model"
)

// loadingDevice notes which modules are loaded.
type loadingDevice struct {
	cuda.Device
	modules *[]string
}

func (d loadingDevice) Load(ptx string) (cuda.Module, error) {
	for _, name := range kernels.Modules() {
		if ptx == kernels.PTX(name) {
			*d.modules = append(*d.modules, name)
		}
	}
	return d.Device.Load(ptx)
}

// Only modules with a kernel that is used are loaded, each of them once.
func TestModulesAreLoadedWhenTheyAreNeeded(t *testing.T) {
	var modules []string
	driver := wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device { return loadingDevice{d, &modules} }}
	b := newBench(t, driver, cuda.Options{})
	if len(modules) > 0 {
		t.Errorf("Open loads %v", modules)
	}
	b.Tanh(b.Zeros(2, 3), b.Zeros(2, 3))
	if want := []string{"activation"}; !slices.Equal(modules, want) {
		t.Errorf("Tanh loads %v, want %v", modules, want)
	}
	net, err := newNet(b, model.Shape{Steps: 2, Batch: 3, Width: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Free()
	x, dy := b.Zeros(6, 4), b.Zeros(3, 10)
	for range 3 { // directly, captured, from the graph
		backend.Replay(b.Backend, func() {
			net.Forward(x, 2, model.Training)
			net.Backward(dy)
		})
	}
	if err := b.Sync(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(modules)
	if want := []string{"activation", "elementwise", "gemm", "linear", "lstm_backward", "lstm_forward"}; !slices.Equal(modules, want) {
		t.Errorf("an LSTM loads %v, want %v", modules, want)
	}
}

// A module that cannot be loaded is an error of the operation that needs it.
func TestModuleThatCannotBeLoadedIsNamed(t *testing.T) {
	broken := &altered{Driver: newDriver(t, emulator.Options{}), texts: map[string]string{kernels.PTX("gru"): ".version 7.0\n.target sm_70\n.address_size 64\n"}}
	b := newBench(t, broken, cuda.Options{Synchronous: true})
	args := backend.GRUCellArgs{Gates: b.Zeros(2, 9), Recurrent: b.Zeros(2, 9), HPrev: b.Zeros(2, 3), H: b.Zeros(2, 3)}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	b.GRUCell(args)
	const want = "cuda: GRUCell, kernel gru_cell: module gru: kernel gru_cell: cuda emulator: the module has no kernel gru_cell"
	if err := b.Err(); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
