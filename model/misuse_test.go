package model_test

import (
	"fmt"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/model"
)

func wantPanic(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	call()
}

func TestMisuseOfANetworkIsNamed(t *testing.T) {
	in := model.Shape{Steps: 1, Batch: 2, Width: 3}
	spec := model.Spec{{Name: "head", Layer: model.Dense{Out: 1}}}
	b := openCPU(t)
	x := newTensor(t, b, 2, 3)
	dy := newTensor(t, b, 2, 1)
	wantPanic(t, "model: New: the backend is nil", func() { model.New(nil, spec, in, model.Options{}) })
	net := build(t, b, spec, in, model.Options{})
	wantPanic(t, "model: Save: the file is nil", func() { net.Save(nil) })
	wantPanic(t, "model: Load: the file is nil", func() { net.Load(nil) })
	var none *model.Network
	for op, call := range map[string]func(n *model.Network){
		"Init":     func(n *model.Network) { n.Init(1) },
		"Forward":  func(n *model.Network) { n.Forward(x, 1, model.Training) },
		"Backward": func(n *model.Network) { n.Backward(dy) },
		"Save":     func(n *model.Network) { n.Save(&model.File{}) },
		"Load":     func(n *model.Network) { n.Load(&model.File{}) },
	} {
		wantPanic(t, "model: "+op+": the network is nil", func() { call(none) })
		freed := build(t, b, spec, in, model.Options{})
		freed.Free()
		wantPanic(t, "model: "+op+": the network is freed, or its backend closed", func() { call(freed) })
		freed.Free()

		other := openCPU(t)
		closed := build(t, other, spec, in, model.Options{})
		other.Close()
		wantPanic(t, "model: "+op+": the network is freed, or its backend closed", func() { call(closed) })
		closed.Free()
	}
	wantPanic(t, "model: Free: the network is nil", none.Free)
	net.Forward(x, 1, model.Training) // no call has left it in use
	net.Backward(dy)
}

func TestAPassWithinAPassPanics(t *testing.T) {
	in := model.Shape{Steps: 1, Batch: 2, Width: 3}
	b := openCPU(t)
	x, dy := newTensor(t, b, 2, 3), newTensor(t, b, 2, 1)
	var net *model.Network
	inner := func() {}
	net = build(t, b, model.Spec{{Name: "head", Layer: model.Dense{Out: 1}}}, in, model.Options{Observe: func(string, model.Pass) { inner() }})
	const inUse = "it is in use by another call, in another goroutine or around this callback"
	inner = func() { net.Forward(x, 1, model.Training) }
	wantPanic(t, "model: Forward: "+inUse, func() { net.Forward(x, 1, model.Training) })
	inner = func() {}
	net.Forward(x, 1, model.Training)
	inner = func() { net.Save(&model.File{}) }
	wantPanic(t, "model: Save: "+inUse, func() { net.Backward(dy) })
}

func TestNamesThatNoFileCanHaveAreErrors(t *testing.T) {
	in := model.Shape{Steps: 1, Batch: 2, Width: 3}
	for name, want := range map[string]string{
		"":             "stage 1 has no name",
		"__metadata__": `a tensor is called "__metadata__"`,
		"a\x1b[2Jb":    `the name "a\x1b[2Jb" of a tensor has a control character`,
		"gr\xfcn":      `the name "gr\xfcn" of a tensor is not UTF-8`,
		"grün":         "",
	} {
		_, err := model.New(openCPU(t), model.Spec{{Name: name, Layer: model.Dense{Out: 1}}}, in, model.Options{})
		wantText(t, name, err, want)
	}
	for name, want := range map[string]string{
		"":       `stage "s": a parameter has no name`,
		"a\nb":   `stage "s": the name "s.a\nb" of a tensor has a control character`,
		"b\xfc":  "is not UTF-8",
		"weight": "",
	} {
		_, err := model.New(openCPU(t), model.Spec{{Name: "s", Layer: named{name}}}, in, model.Options{})
		wantText(t, name, err, want)
	}
}

func wantText(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%q: error %v, want %q", name, err, want)
	}
}

// named is a layer with one parameter, which does nothing.
type named struct{ name string }

func (named) Output(in model.Shape) (model.Shape, error) { return in, nil }

func (n named) Parameters(model.Shape) []model.ParameterSpec {
	return []model.ParameterSpec{{Name: n.name, Shape: []int{1}}}
}

func (n named) Build(*model.Builder, model.Shape) model.Module { return n }

func (named) Forward(x backend.Tensor, _ model.Shape, _ model.Mode) backend.Tensor { return x }

func (named) Backward(dy backend.Tensor) backend.Tensor { return dy }
