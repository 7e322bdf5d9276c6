package model_test

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

func newCheckpointNetwork(t *testing.T, b backend.Backend) *model.Network {
	return build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
}

func TestSavedNetworkIsLoadedByteForByte(t *testing.T) {
	for _, on := range backends {
		t.Run(on.name, func(t *testing.T) {
			b := on.open(t)
			defer b.Close()
			dir := t.TempDir()
			first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
			save := func(net *model.Network, path string) {
				f := &model.File{Meta: map[string]string{"seed": "1"}}
				if err := net.Save(f); err != nil {
					t.Fatal(err)
				}
				if err := f.Write(path); err != nil {
					t.Fatal(err)
				}
			}
			net, loaded := newCheckpointNetwork(t, b), newCheckpointNetwork(t, b)
			net.Init(1)
			save(net, first)
			f, err := model.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			if err := loaded.Load(f); err != nil {
				t.Fatal(err)
			}
			save(loaded, second)
			compare(t, "all parameters, padding included", download(t, b, loaded.Values()), download(t, b, net.Values()), 0)
			want, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(second); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the second file differs, or %v", err)
			}
		})
	}
}

func TestLoadRefusesAFileOfWhichATensorWasLeftOut(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := newCheckpointNetwork(t, b)
	var saved model.File
	if err := net.Save(&saved); err != nil {
		t.Fatal(err)
	}
	saved.LeftOut = map[string]string{"norm.count": "I64"}
	if err := net.Load(&saved); err == nil || err.Error() != `model: tensor "norm.count" has type I64, which no parameter has` {
		t.Errorf("error %v", err)
	}
}

func TestLoadReportsWhatDoesNotFitAndChangesNothing(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := newCheckpointNetwork(t, b)
	net.Init(1)
	before := download(t, b, net.Values())
	other := newCheckpointNetwork(t, b)
	other.Init(2)
	var saved model.File
	if err := other.Save(&saved); err != nil {
		t.Fatal(err)
	}
	spoiled := func(at int, value float64) model.Array {
		a := saved.Tensors["head.weight"]
		a.Data = slices.Clone(a.Data)
		a.Data[at] = float32(value)
		return a
	}
	for name, test := range map[string]struct {
		change func(tensors map[string]model.Array)
		want   string // "" if it fits
	}{
		"nothing":        {func(map[string]model.Array) {}, ""},
		"training state": {func(a map[string]model.Array) { a["train/adam.m"] = model.Array{} }, ""},
		"missing":        {func(a map[string]model.Array) { delete(a, "lstm.bias_hh_l3") }, `model: tensor "lstm.bias_hh_l3" is missing, want shape [12]`},
		"foreign":        {func(a map[string]model.Array) { a["tail.bias"] = model.Array{Shape: []int{2}} }, `model: tensor "tail.bias" of shape [2] is not in the network`},
		"another shape": {func(a map[string]model.Array) {
			a["head.bias"] = model.Array{Shape: []int{2}, Data: make([]float32, 2)}
		}, `model: tensor "head.bias" has shape [2], want [7]`},
		"transposed": {func(a map[string]model.Array) {
			a["head.weight"] = model.Array{Shape: []int{3, 7}, Data: make([]float32, 21)}
		}, `model: tensor "head.weight" has shape [3 7], want [7 3]`},
		"too few values": {func(a map[string]model.Array) {
			a["head.bias"] = model.Array{Shape: []int{7}, Data: make([]float32, 6)}
		}, `model: tensor "head.bias" of shape [7] has 6 values`},
		"NaN":      {func(a map[string]model.Array) { a["head.weight"] = spoiled(20, math.NaN()) }, `model: tensor "head.weight": value 20 is NaN`},
		"infinity": {func(a map[string]model.Array) { a["head.weight"] = spoiled(0, math.Inf(-1)) }, `model: tensor "head.weight": value 0 is -Inf`},
	} {
		t.Run(name, func(t *testing.T) {
			upload(b, net.Values(), before)
			f := &model.File{Tensors: maps.Clone(saved.Tensors)}
			test.change(f.Tensors)
			err := net.Load(f)
			after := download(t, b, net.Values())
			if test.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				compare(t, "parameters", after, download(t, b, other.Values()), 0)
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, test.want)
			}
			compare(t, "parameters", after, before, 0)
		})
	}
}

// failing is a backend whose device has failed.
type failing struct{ backend.Backend }

var errDevice = errors.New("the device fell off the bus")

func (failing) Download([]float32, backend.Tensor) error { return errDevice }

func TestSaveReturnsTheErrorOfTheBackend(t *testing.T) {
	b := reference.New()
	defer b.Close()
	f := &model.File{}
	if err := newCheckpointNetwork(t, failing{b}).Save(f); !errors.Is(err, errDevice) || len(f.Tensors) != 0 {
		t.Errorf("error %v, %d tensors, want none and an error that wraps %q", err, len(f.Tensors), errDevice)
	}
}

// To append to one saved tensor changes no other.
func TestSavedTensorsAreApart(t *testing.T) {
	net := build(t, openCPU(t), model.Spec{{Name: "a", Layer: model.Dense{Out: 32}}, {Name: "b", Layer: model.Dense{Out: 32}}}, model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
	net.Init(1) // sizes of 32 leave no padding between the parameters
	f := &model.File{}
	if err := net.Save(f); err != nil {
		t.Fatal(err)
	}
	for _, array := range f.Tensors {
		_ = append(array.Data, 7)
	}
	for name, array := range f.Tensors {
		if array.Data[0] == 7 {
			t.Errorf("%s begins with what was appended to the tensor before it", name)
		}
	}
}
