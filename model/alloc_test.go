package model_test

import (
	"testing"

	"gputrain/model"
)

func TestPassesAllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	spec := append(model.Spec{{Name: "states", Layer: model.LSTM{Hidden: 4, Stateful: true}}}, everyLayer...)
	net := build(t, b, spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.InputGrad())
	net.Init(1)
	whole, partial := newTensor(t, b, 4*3, 2), newTensor(t, b, 3*2, 2)
	dy := newTensor(t, b, 3, 7)
	if n := testing.AllocsPerRun(100, func() {
		net.Forward(whole, 4, model.Train)
		net.Backward(dy)
		net.Forward(partial, 3, model.Train)
		net.Backward(dy.Slice(0, 2))
	}); n != 0 {
		t.Errorf("a forward and a backward pass allocate %v times", n)
	}
}
