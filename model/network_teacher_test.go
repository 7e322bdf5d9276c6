package model_test

import (
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// In mode Eval a layer sees its own outputs, even where a teacher has given targets:
// these are for the next Forward in mode Train.
func TestTeacherIsNotHeardInEval(t *testing.T) {
	const steps, batch, outputs = 4, 3, 2
	for name, layer := range map[string]model.Layer{
		"Jordan":         model.Jordan{Hidden: 3, Out: outputs, Decay: 0.5, TeacherForcing: true},
		"FullyRecurrent": model.FullyRecurrent{Hidden: 4, Out: outputs, TeacherForcing: true},
		"RTRL":           model.FullyRecurrent{Hidden: 4, Out: outputs, Gradient: model.RTRL, TeacherForcing: true},
	} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: steps, Batch: batch, Width: 1}, model.Options{})
		for _, w := range net.Parameters() {
			upload(b, w.Value, draws(w.Value.Size(), w.Name))
		}
		x, target := newTensor(t, b, steps*batch, 1), newTensor(t, b, steps*batch, outputs)
		upload(b, x, draws(x.Size(), "x"))
		upload(b, target, draws(target.Size(), "target"))
		run := func(mode model.Mode) []float64 { return download(t, b, net.Forward(x, steps, mode)) }

		free := run(model.Evaluation)
		net.Teach(target)
		taught := run(model.Training)
		if mismatch(taught, free, 1e-3) == "" {
			t.Fatalf("%s: the teacher changes nothing", name)
		}
		net.Teach(target)
		compare(t, name+": Eval after Teach", run(model.Evaluation), free, 0)
		compare(t, name+": Train after Teach and Eval", run(model.Training), taught, 0)
	}
}
