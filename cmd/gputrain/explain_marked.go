package main

import (
	"gputrain/backend"
	"gputrain/model"
	"gputrain/train"
)

// The marked types do what the types that they embed do. They also call enter
// with the name of the stage that begins, and with outside when it ends.

// outside is the stage of all work outside of layers, loss and optimizer.
const outside = "step"

type markedLayer struct {
	model.Layer
	name  string
	enter func(stage string)
}

func (l markedLayer) Build(b *model.Builder, in model.Shape) model.Module {
	return markedModule{l.Layer.Build(b, in), l}
}

type markedModule struct {
	model.Module
	layer markedLayer
}

func (m markedModule) Forward(x backend.Tensor, in model.Shape, mode model.Mode) backend.Tensor {
	m.layer.enter(m.layer.name + " forward")
	defer m.layer.enter(outside)
	return m.Module.Forward(x, in, mode)
}

func (m markedModule) Backward(dy backend.Tensor) backend.Tensor {
	m.layer.enter(m.layer.name + " backward")
	defer m.layer.enter(outside)
	return m.Module.Backward(dy)
}

type markedLoss struct {
	train.Loss
	enter func(stage string)
}

func (l markedLoss) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	l.enter("loss")
	defer l.enter(outside)
	l.Loss.Compute(b, loss, grad, y, target)
}

// Unwrap says what the loss is, which decides what it is given.
func (l markedLoss) Unwrap() train.Loss { return l.Loss }

type markedOptimizer struct {
	train.Optimizer
	enter func(stage string)
}

func (o markedOptimizer) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.enter("update")
	defer o.enter(outside)
	o.Optimizer.Update(b, params, grads, slots, lr, step)
}
