package bench

import (
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// noting is a backend that notes the products that it is asked for.
type noting struct {
	backend.Backend
	flops float64
}

func (n *noting) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	k := a.Cols
	if transA {
		k = a.Rows
	}
	n.flops += 2 * float64(dst.Rows*dst.Cols*k)
	n.Backend.Gemm(dst, transA, transB, alpha, a, b, beta)
}

// A step of the trainer multiplies as often as Flops says.
func TestFlopsAreThoseOfATrainingStep(t *testing.T) {
	in := model.Shape{Steps: 6, Batch: 3, Width: 4}
	for name, layers := range map[string][]model.Layer{
		"dense":                 {model.Dense{Out: 7}, model.ReLU, model.Dense{Out: 5}},
		"rnn, window":           {model.RNN{Hidden: 5, Window: 2}, model.LastStep{}},
		"gru, two layers":       {model.GRU{Hidden: 5, Layers: 2}, model.LastStep{}},
		"lstm, both directions": {model.LSTM{Hidden: 5, Bidirectional: true}, model.LastStep{Bidirectional: true}},
		"lstm, projection":      {model.LSTM{Hidden: 5, Projection: 3, LayerNorm: true}, model.Dropout{Rate: 0.5}},
		"text":                  {model.Embedding{IDs: 9, Out: 6}, model.LSTM{Hidden: 5, Stateful: true}},
		"elman":                 {model.Elman{Hidden: 5}, model.LastStep{}},
		"fully recurrent, RTRL": {model.FullyRecurrent{Hidden: 5, Out: 2, Gradient: model.RTRL}, model.LastStep{}},
		"memory blocks":         {model.LSTM1997{Blocks: 2, Cells: 2}, model.LastStep{}},
	} {
		t.Run(name, func(t *testing.T) {
			var spec model.Spec
			for i, layer := range append(layers, model.Dense{Out: Classes}) {
				spec = append(spec, model.Stage{Name: string(rune('a' + i)), Layer: layer})
			}
			b := &noting{Backend: openCPU(t)}
			shape := in
			if name == "text" {
				shape.Width = 1
			}
			net, err := model.New(b, spec, shape, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			net.Init(1)
			trainer, err := train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: LR, Epochs: 1, Batch: shape.Batch})
			if err != nil {
				t.Fatal(err)
			}
			batch := data.Batch{Size: shape.Batch, Steps: shape.Steps, Labels: make([]int32, net.Output().Rows())}
			if net.IDs() > 0 {
				batch.IDs = make([]int32, shape.Rows())
			} else {
				batch.X = slices.Repeat([]float32{0.5}, shape.Rows()*shape.Width)
			}
			trainer.Step(batch)
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			if got, err := Flops(spec, shape); err != nil || got != b.flops || got == 0 {
				t.Errorf("%.0f operations, %v; a training step has %.0f", got, err, b.flops)
			}
		})
	}
}

func TestFlopsOfANetworkThatCannotBe(t *testing.T) {
	spec := model.Spec{{Name: "head", Layer: model.Dense{}}}
	if got, err := Flops(spec, model.Shape{Steps: 1, Batch: 1, Width: 1}); err == nil {
		t.Errorf("%.0f operations of a network without outputs", got)
	}
}

// Sizes that no machine holds cost nothing to count.
func TestFlopsTakeNoMemory(t *testing.T) {
	const wide = 1 << 20
	spec := model.Spec{{Name: "head", Layer: model.Dense{Out: wide}}}
	if got, err := Flops(spec, model.Shape{Steps: 1, Batch: wide, Width: wide}); err != nil || got != 2*2*wide*wide*wide {
		t.Errorf("%g operations, %v", got, err)
	}
}
