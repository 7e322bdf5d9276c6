package model_test

import (
	"fmt"
	"slices"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

func TestObserveFollowsThePasses(t *testing.T) {
	b := reference.New()
	defer b.Close()
	var got []string
	net := build(t, b, model.Spec{{Name: "one", Layer: model.Dense{Out: 2}}, {Name: "two", Layer: model.Tanh}},
		model.Shape{Steps: 1, Batch: 1, Width: 2}, model.Options{Observe: func(stage string, pass model.Pass) { got = append(got, fmt.Sprint(stage, " ", pass)) }})
	x := newTensor(t, b, 1, 2)
	net.Backward(net.Forward(x, 1, model.Training))
	want := []string{"one forward", "two forward", " forward", "two backward", "one backward", " backward"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTeachPanicsOnMisuse(t *testing.T) {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 2, Width: 2}
	free := build(t, b, model.Spec{{Name: "layer", Layer: model.Jordan{Hidden: 2, Out: 2}}}, in, model.Options{})
	taught := build(t, b, model.Spec{{Name: "layer", Layer: model.Jordan{Hidden: 2, Out: 2, TeacherForcing: true}}}, in, model.Options{})
	x, target := newTensor(t, b, 6, 2), newTensor(t, b, 6, 2)
	for name, c := range map[string]struct {
		call func()
		want string
	}{
		"nobody to teach": {func() { free.Teach(target) }, "model: Teach: no layer has TeacherForcing set"},
		"wrong width":     {func() { taught.Teach(target.Reshape(4, 3)) }, "model: Teach: target is 4x3, want 2 columns"},
		"too few rows": {func() { taught.Teach(target.Slice(0, 4)); taught.Forward(x, 3, model.Training) },
			"model: Forward: the teacher gave targets for 4 rows, want 6: call Teach before each Forward in mode Training"},
		"used up": {func() {
			taught.Teach(target)
			taught.Forward(x, 3, model.Training)
			taught.Forward(x, 3, model.Training)
		}, "model: Forward: the teacher gave targets for 0 rows, want 6: call Teach before each Forward in mode Training"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("got panic %q, want %q", got, c.want)
				}
			}()
			c.call()
		})
	}
}
