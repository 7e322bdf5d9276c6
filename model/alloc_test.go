package model_test

import (
	"testing"

	"gputrain/model"
)

func TestPassesAllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	spec := model.Spec{
		{Name: "states", Layer: model.LSTM{Hidden: 4, Stateful: true}},
		{Name: "both", Layer: model.LSTM{Hidden: 4, Stateful: true, Bidirectional: true}},
	}
	spec = append(spec, everyLayer...)
	for name, opts := range map[string][]model.Option{"whole": nil, "ragged": {model.Ragged()}} {
		t.Run(name, func(t *testing.T) {
			net := build(t, b, spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, append(opts, model.InputGrad())...)
			net.Init(1)
			whole, partial := newTensor(t, b, 4*3, 2), newTensor(t, b, 3*2, 2)
			dy := newTensor(t, b, 3, 7)
			three, two := []int32{4, 0, 2}, []int32{3, 1}
			if n := testing.AllocsPerRun(100, func() {
				if net.Ragged() {
					net.SetLengths(4, three)
				}
				net.Forward(whole, 4, model.Train)
				net.Backward(dy)
				if net.Ragged() {
					net.SetLengths(3, two)
				}
				net.Forward(partial, 3, model.Train)
				net.Backward(dy.Slice(0, 2))
			}); n != 0 {
				t.Errorf("a forward and a backward pass allocate %v times", n)
			}
		})
	}
}
