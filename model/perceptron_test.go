package model_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/model"
)

// allBackends are backends and the emulated GPU.
var allBackends = append(backends[:len(backends):len(backends)], struct {
	name      string
	tolerance float64
	open      func(t testing.TB) backend.Backend
}{"emulated", 1e-4, openEmulated})

func openEmulated(t testing.TB) backend.Backend {
	t.Helper()
	driver, err := emulator.New(emulator.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := cuda.Open(driver, 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPerceptronFiresAboveItsThreshold(t *testing.T) {
	const batch, width, out = 33, 5, 7
	for _, on := range allBackends {
		for _, layer := range []model.Perceptron{{Out: out}, {Out: out, Binary: true}} {
			t.Run(fmt.Sprintf("%s %v", on.name, layer.Binary), func(t *testing.T) {
				b := on.open(t)
				defer b.Close()
				net := build(t, b, model.Spec{{Name: "perceptron", Layer: layer}}, model.Shape{Steps: 1, Batch: batch, Width: width}, model.Options{})
				net.Init(1)
				weight, _ := net.Parameter("perceptron.weight")
				bias, _ := net.Parameter("perceptron.bias")
				w, c := download(t, b, weight.Value), download(t, b, bias.Value)
				inputs := random(rand.New(rand.NewPCG(1, 1)), batch*width)
				x := newTensor(t, b, batch, width)
				upload(b, x, inputs)
				got := download(t, b, net.Forward(x, 1, model.Evaluation))
				fired := 0
				for i, y := range got {
					row, unit := i/out, i%out
					s := c[unit] + dot(w[unit*width:][:width], inputs[row*width:][:width])
					want := layer.Off()
					if s > 0 {
						want = 1
						fired++
					}
					if y != want {
						t.Errorf("row %d, perceptron %d: got %v, want %v for the sum %v", row, unit, y, want, s)
					}
				}
				if fired == 0 || fired == len(got) {
					t.Errorf("%d of %d fired: the test has no effect", fired, len(got))
				}
			})
		}
	}
}

// The sum 0 is not above the threshold.
func TestPerceptronIsOffAtItsThreshold(t *testing.T) {
	for _, on := range allBackends {
		b := on.open(t)
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "perceptron", Layer: model.Perceptron{Out: 2}}}, model.Shape{Steps: 1, Batch: 1, Width: 3}, model.Options{})
		compare(t, on.name, download(t, b, net.Forward(newTensor(t, b, 1, 3), 1, model.Evaluation)), []float64{-1, -1}, 0)
	}
}

func TestPerceptronHasNoGradient(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, layer := range []model.Layer{model.Perceptron{Out: 3}, model.Threshold{}} {
		net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: 1, Batch: 1, Width: 3}, model.Options{})
		net.Forward(newTensor(t, b, 1, 3), 1, model.Training)
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "train.PerceptronRule") {
					t.Errorf("%T: panic %q, want one that names train.PerceptronRule", layer, text)
				}
			}()
			net.Backward(newTensor(t, b, 1, 3))
		}()
	}
}

func TestPerceptronNeedsASize(t *testing.T) {
	b := reference.New()
	defer b.Close()
	_, err := model.New(b, model.Spec{{Name: "p", Layer: model.Perceptron{}}}, model.Shape{Steps: 1, Batch: 1, Width: 3}, model.Options{})
	if err == nil || !strings.Contains(err.Error(), `stage "p": Out is 0`) {
		t.Errorf("error %v, want one that says that Out is 0", err)
	}
}

func TestSpecIsWhatTheNetworkWasBuiltFrom(t *testing.T) {
	b := reference.New()
	defer b.Close()
	got := build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{}).Spec()
	if fmt.Sprint(got) != fmt.Sprint(everyLayer) {
		t.Errorf("Spec is %v, want %v", got, everyLayer)
	}
}

// XOR of two perceptrons: OR but not AND.
func ExamplePerceptron() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "hidden", Layer: model.Perceptron{Out: 2, Binary: true}},
		{Name: "output", Layer: model.Perceptron{Out: 1, Binary: true}},
	}, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for name, values := range map[string][]float32{
		"hidden.weight": {1, 1, 1, 1}, "hidden.bias": {-0.5, -1.5}, // x1 OR x2, x1 AND x2
		"output.weight": {1, -1}, "output.bias": {-0.5},
	} {
		window, _ := net.Parameter(name)
		b.Upload(window.Value, values)
	}
	x, err := b.New(4, 2)
	if err != nil {
		log.Fatal(err)
	}
	b.Upload(x, []float32{0, 0, 0, 1, 1, 0, 1, 1})
	y := make([]float32, 4)
	if err := b.Download(y, net.Forward(x, 1, model.Evaluation)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(y)
	// Output: [0 1 1 0]
}
