package model_test

import (
	"slices"
	"testing"

	"gputrain/model"
)

func TestPassesAllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	recurrent := model.Spec{
		{Name: "states", Layer: model.LSTM{Hidden: 4, Stateful: true}},
		{Name: "both", Layer: model.LSTM{Hidden: 4, Stateful: true, Bidirectional: true}},
	}
	every := append(slices.Clone(recurrent), everyLayer...)
	both := append(slices.Clone(recurrent), model.Stage{Name: "last of both", Layer: model.LastStep{Bidirectional: true}})
	for name, test := range map[string]struct {
		spec   model.Spec
		ragged bool
	}{
		"whole":                     {every, false},
		"ragged":                    {every, true},
		"last step of both":         {both, false},
		"last step of both, ragged": {both, true},
	} {
		t.Run(name, func(t *testing.T) {
			net := build(t, b, test.spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{Ragged: test.ragged, InputGrad: true})
			net.Init(1)
			whole, partial := newTensor(t, b, 4*3, 2), newTensor(t, b, 3*2, 2)
			dy := newTensor(t, b, 3, net.Output().Width)
			three, two := []int32{4, 0, 2}, []int32{3, 1}
			if n := testing.AllocsPerRun(100, func() {
				if net.Ragged() {
					net.SetLengths(4, three)
				}
				net.Forward(whole, 4, model.Training)
				net.Backward(dy)
				if net.Ragged() {
					net.SetLengths(3, two)
				}
				net.Forward(partial, 3, model.Training)
				net.Backward(dy.Slice(0, 2))
			}); n != 0 {
				t.Errorf("a forward and a backward pass allocate %v times", n)
			}
		})
	}
}
