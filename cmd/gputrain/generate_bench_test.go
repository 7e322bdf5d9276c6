package main

import (
	"testing"

	"gputrain/model"
)

// The network of docs/text.md, one character after the other.
func BenchmarkGenerate(b *testing.B) {
	d := &description{Model: "lstm", Steps: 100, Width: 1, Hidden: 256, Layers: 2, Units: "byte", Embedding: 64}
	device, _, err := openDevice("cpu", "float32")
	if err != nil {
		b.Fatal(err)
	}
	defer device.Close()
	net, err := model.New(device, d.spec(), model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		b.Fatal(err)
	}
	net.Init(1)
	file := &model.File{}
	if err := net.Save(file); err != nil {
		b.Fatal(err)
	}
	writer, err := newTextWriter(device, d, file)
	if err != nil {
		b.Fatal(err)
	}
	draw := newSampler(0.8, 0, 1, 1)
	id := int32(0)
	for b.Loop() {
		if err := writer.read([]int32{id}); err != nil {
			b.Fatal(err)
		}
		id = draw.next(writer.logits)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "characters/s")
}
