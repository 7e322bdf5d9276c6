package model_test

import (
	"testing"

	"gputrain/model"
)

// BenchmarkRecurrent is a forward and a backward pass of one layer.
func BenchmarkRecurrent(b *testing.B) {
	in := model.Shape{Steps: 32, Batch: 32, Width: 128}
	for _, bench := range []struct {
		name  string
		layer model.Layer
	}{
		{"LSTM", model.LSTM{Hidden: 128}},
		{"LSTM,bidirectional", model.LSTM{Hidden: 128, Bidirectional: true}},
		{"LSTM,projection", model.LSTM{Hidden: 128, Projection: 64}},
		{"LSTM,zoneout", model.LSTM{Hidden: 128, ZoneoutHidden: 0.1, ZoneoutCell: 0.1}},
		{"LSTM,layernorm", model.LSTM{Hidden: 128, LayerNorm: true}},
		{"LSTM,layernorm,zoneout", model.LSTM{Hidden: 128, LayerNorm: true, ZoneoutHidden: 0.1, ZoneoutCell: 0.1}},
		{"GRU", model.GRU{Hidden: 128}},
		{"RNN", model.RNN{Hidden: 128}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			device := openCPU(b)
			defer device.Close()
			net := build(b, device, model.Spec{{Name: "layer", Layer: bench.layer}}, in, model.Options{InputGrad: true})
			net.Init(1)
			x, dy := newTensor(b, device, in.Rows(), in.Width), newTensor(b, device, in.Rows(), net.Output().Width)
			upload(device, x, draws(x.Size(), "x"))
			upload(device, dy, draws(dy.Size(), "dy"))
			b.ReportAllocs()
			for b.Loop() {
				net.Forward(x, in.Steps, model.Training)
				net.Backward(dy)
			}
		})
	}
}
