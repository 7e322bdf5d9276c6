package train

import (
	"cmp"
	"fmt"

	"gputrain/backend"
)

// Optimizer turns a gradient into a step of the parameters.
type Optimizer interface {
	// Slots returns how many tensors of the parameters' shape it remembers
	// from step to step. They start at zero.
	Slots() int

	// Update changes params by one step against grads. All tensors have one
	// shape; step counts from 1. It must not allocate or wait.
	Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int)

	// Check returns an error that names a setting that makes no sense.
	Check() error
}

// FactorOptimizer is an Optimizer that can multiply the gradient by a factor as it reads
// it, so that clipping need not go over the gradient before. Those of this package are.
type FactorOptimizer interface {
	Optimizer

	// UpdateFactor is Update with factor·grads. factor is [1,1], or absent for 1.
	UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, step int)
}

// SGD is gradient descent, by the formula of backend.SGDArgs.
type SGD struct {
	Momentum, WeightDecay float64
	Nesterov              bool
}

// Slots implements Optimizer.
func (o SGD) Slots() int {
	if o.Momentum == 0 {
		return 0
	}
	return 1
}

// Update implements Optimizer.
func (o SGD) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.UpdateFactor(b, params, grads, backend.Tensor{}, slots, lr, step)
}

// UpdateFactor implements FactorOptimizer.
func (o SGD) UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, _ int) {
	a := backend.SGDArgs{Param: params, Grad: grads, Factor: factor, LR: lr,
		Momentum: o.Momentum, WeightDecay: o.WeightDecay, Nesterov: o.Nesterov}
	if o.Momentum != 0 {
		a.Velocity = slots[0]
	}
	b.SGD(a)
}

// Check implements Optimizer.
func (o SGD) Check() error {
	if o.Nesterov && o.Momentum == 0 {
		return fmt.Errorf("optimizer SGD: Nesterov needs a Momentum")
	}
	return cmp.Or(wantBelowOne("optimizer SGD: Momentum", o.Momentum), wantNotNegative("optimizer SGD: WeightDecay", o.WeightDecay))
}

// RMSProp divides the gradient by a running root mean square of it, by the
// formula of backend.RMSPropArgs.
type RMSProp struct {
	Decay                 float64 // of the mean square; 0 means 0.99
	Epsilon               float64 // 0 means 1e-8
	Momentum, WeightDecay float64
}

// Slots implements Optimizer.
func (o RMSProp) Slots() int {
	if o.Momentum == 0 {
		return 1
	}
	return 2
}

// Update implements Optimizer.
func (o RMSProp) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.UpdateFactor(b, params, grads, backend.Tensor{}, slots, lr, step)
}

// UpdateFactor implements FactorOptimizer.
func (o RMSProp) UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, _ int) {
	a := backend.RMSPropArgs{Param: params, Grad: grads, Factor: factor, Square: slots[0], LR: lr,
		Decay: cmp.Or(o.Decay, 0.99), Epsilon: cmp.Or(o.Epsilon, 1e-8),
		Momentum: o.Momentum, WeightDecay: o.WeightDecay}
	if o.Momentum != 0 {
		a.Velocity = slots[1]
	}
	b.RMSProp(a)
}

// Check implements Optimizer.
func (o RMSProp) Check() error {
	return cmp.Or(
		wantBelowOne("optimizer RMSProp: Decay", o.Decay),
		wantNotNegative("optimizer RMSProp: Epsilon", o.Epsilon),
		wantBelowOne("optimizer RMSProp: Momentum", o.Momentum),
		wantNotNegative("optimizer RMSProp: WeightDecay", o.WeightDecay))
}

// Adam scales the gradient's running mean by its running mean square, by the
// formula of backend.AdamArgs. WeightDecay is added to the gradient.
type Adam struct {
	Beta1       float64 // decay of the mean; 0 means 0.9
	Beta2       float64 // decay of the mean square; 0 means 0.999
	Epsilon     float64 // 0 means 1e-8
	WeightDecay float64
}

// Slots implements Optimizer.
func (Adam) Slots() int { return 2 }

// Update implements Optimizer.
func (o Adam) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.UpdateFactor(b, params, grads, backend.Tensor{}, slots, lr, step)
}

// UpdateFactor implements FactorOptimizer.
func (o Adam) UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	b.Adam(o.args(params, grads, factor, slots, lr, step))
}

// Check implements Optimizer.
func (o Adam) Check() error { return o.check("optimizer Adam") }

// AdamW is Adam whose weight decay acts on the parameters directly, not through the
// gradient (AdamArgs.Decoupled).
type AdamW Adam

// Slots implements Optimizer.
func (AdamW) Slots() int { return 2 }

// Update implements Optimizer.
func (o AdamW) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.UpdateFactor(b, params, grads, backend.Tensor{}, slots, lr, step)
}

// UpdateFactor implements FactorOptimizer.
func (o AdamW) UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	a := Adam(o).args(params, grads, factor, slots, lr, step)
	a.Decoupled = true
	b.Adam(a)
}

// Check implements Optimizer.
func (o AdamW) Check() error { return Adam(o).check("optimizer AdamW") }

func (o Adam) args(params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, step int) backend.AdamArgs {
	return backend.AdamArgs{Param: params, Grad: grads, Factor: factor, Mean: slots[0], Square: slots[1], LR: lr,
		Beta1: cmp.Or(o.Beta1, 0.9), Beta2: cmp.Or(o.Beta2, 0.999), Epsilon: cmp.Or(o.Epsilon, 1e-8),
		WeightDecay: o.WeightDecay, Step: step}
}

func (o Adam) check(name string) error {
	return cmp.Or(
		wantBelowOne(name+": Beta1", o.Beta1),
		wantBelowOne(name+": Beta2", o.Beta2),
		wantNotNegative(name+": Epsilon", o.Epsilon),
		wantNotNegative(name+": WeightDecay", o.WeightDecay))
}
