package cuda_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/model"
)

// apart is a backend that pairs nothing.
type apart struct{ *cuda.Backend }

func (apart) Pair(first, second func()) { first(); second() }

// A network of two directions has the same bits whether these run at the same time or not.
func TestDirectionsTogetherAreTheDirectionsApart(t *testing.T) {
	driver := newDriver(t, emulator.Options{})
	const hidden = 5
	for _, c := range []struct {
		op, math string
		layer    model.Layer
		ragged   bool
	}{
		{"LSTM", "float32", model.LSTM{Hidden: hidden, Layers: 2, Bidirectional: true, Peepholes: true, Stateful: true}, true},
		{"LSTM", "bf16", model.LSTM{Hidden: hidden, Bidirectional: true}, false},
		{"RNN", "float32", model.RNN{Hidden: hidden, Bidirectional: true, Window: 2}, false},
		{"RNN", "float32", model.RNN{Hidden: hidden, Bidirectional: true, ReLU: true}, true},
		{"GRU", "float32", model.GRU{Hidden: hidden, Bidirectional: true}, false},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			run := func(hide bool) (results [][]float32, layers []string) {
				device := newBench(t, driver, cuda.Options{Math: c.math})
				var b backend.Backend = device.Backend
				if hide {
					b = apart{device.Backend}
				}
				results = passes(t, b, c.layer, c.ragged)
				return results, device.Layers()
			}
			got, together := run(false)
			want, _ := run(true)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("result %d: got %v together, %v apart", i, got[i], want[i])
				}
			}
			text := strings.Join(together, "\n")
			for _, pass := range []string{"Forward", "Backward"} {
				if pair := c.op + pass + " of two layers"; !strings.Contains(text, pair) || !strings.Contains(text, "for all steps of both") {
					t.Errorf("the layers do not name %s in one launch:\n%s", pair, text)
				}
			}
		})
	}
}

// narrow is a device with a single multiprocessor: its launches hold one layer, not two.
type narrow struct{ cuda.Device }

func (d narrow) Info() cuda.DeviceInfo {
	info := d.Device.Info()
	info.Multiprocessors = 1
	return info
}

// devices are what decides how two directions run.
var devices = map[string]func(cuda.Device) cuda.Device{
	"two directions in a launch": unchanged,
	"a direction in a launch":    func(d cuda.Device) cuda.Device { return narrow{d} },
	"a step in a launch":         func(d cuda.Device) cuda.Device { return stepwise{d} },
}

// Where no launch holds both directions, they are branches of the graph. The branches are done
// in any order, and the emulator finds what they would share.
func TestBranchesAreTheDirectionsApart(t *testing.T) {
	const hidden = 5
	for _, c := range []struct {
		device, math string
		layer        model.Layer
		ragged       bool
	}{
		{"a step in a launch", "float32", model.LSTM{Hidden: hidden, Layers: 2, Bidirectional: true, Peepholes: true, Stateful: true}, true},
		{"a direction in a launch", "float32", model.LSTM{Hidden: hidden, Bidirectional: true}, true},
		{"a step in a launch", "bf16", model.LSTM{Hidden: hidden, Bidirectional: true}, false},
		{"a step in a launch", "float32", model.RNN{Hidden: hidden, Bidirectional: true, Window: 2}, false},
		{"a step in a launch", "float32", model.RNN{Hidden: hidden, Layers: 2, Bidirectional: true, ReLU: true, Stateful: true}, true},
		{"a direction in a launch", "float32", model.RNN{Hidden: hidden, Bidirectional: true}, false},
		{"a step in a launch", "float32", model.GRU{Hidden: hidden, Layers: 2, Bidirectional: true}, true},
		{"a direction in a launch", "float32", model.GRU{Hidden: hidden, Bidirectional: true, Stateful: true}, false},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			run := func(seed uint64, hide bool) ([][]float32, []string) {
				driver, err := emulator.New(emulator.Options{Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				device := newBench(t, wrapping{driver, devices[c.device]}, cuda.Options{Math: c.math})
				var b backend.Backend = device.Backend
				if hide {
					b = apart{device.Backend}
				}
				return passes(t, b, c.layer, c.ragged), device.Layers()
			}
			want, _ := run(1, true)
			seeds := 2
			if c.math != "float32" {
				seeds = 1 // emulated tensor cores are slow
			}
			for seed := range uint64(seeds) {
				got, layers := run(seed, false)
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("seed %d: result %d: got %v in branches, %v apart", seed, i, got[i], want[i])
					}
				}
				text := strings.Join(layers, "\n")
				if !strings.Contains(text, "two branches of the graph, not one launch, because") {
					t.Errorf("the layers name no branches:\n%s", text)
				}
				if launch := c.device != "a step in a launch"; launch != strings.Contains(text, "one launch of") {
					t.Errorf("%s, the layers say\n%s", c.device, text)
				}
			}
		})
	}
}

// Without a graph there are no branches, and the layers say so.
func TestDirectionsWithoutAGraphAreApart(t *testing.T) {
	b := newBench(t, wrapping{newDriver(t, emulator.Options{}), devices["a direction in a launch"]}, cuda.Options{Synchronous: true})
	passes(t, b.Backend, model.GRU{Hidden: 5, Bidirectional: true}, false)
	const want = "GRUForward of two layers, 4 steps of 3×5: one layer after the other, because no graph has been captured, and no launch holds both: "
	if text := strings.Join(b.Layers(), "\n"); !strings.Contains(text, want) {
		t.Errorf("the layers lack %q:\n%s", want, text)
	}
}

// passes returns the output, its gradient and the gradients of the parameters of a layer.
func passes(t *testing.T, b backend.Backend, layer model.Layer, ragged bool) [][]float32 {
	t.Helper()
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	net, err := model.New(b, model.Spec{{Name: "layer", Layer: layer}}, in, model.Options{Ragged: ragged, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	if ragged {
		net.SetLengths(in.Steps, []int32{4, 2, 3})
	}
	m := operands.Maker{On: b, T: t, Rand: rand.New(rand.NewPCG(1, 1))}
	x, dy := m.Uniform(in.Rows(), in.Width), m.Uniform(in.Rows(), net.Output().Width)
	var y, dx backend.Tensor
	for range 2 { // directly, and in a graph
		backend.Replay(b, func() { y, dx = net.Forward(x, in.Steps, model.Training), net.Backward(dy) })
	}
	results := []backend.Tensor{y, dx}
	for _, p := range net.Parameters() {
		results = append(results, p.Grad)
	}
	var all [][]float32
	for _, r := range results {
		values := make([]float32, r.Size())
		if err := b.Download(values, r); err != nil {
			t.Fatal(err)
		}
		all = append(all, values)
	}
	return all
}
