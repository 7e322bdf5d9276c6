package model

import (
	"cmp"
	"slices"

	"gputrain/backend"
)

// The first gradient of an update overwrites what is there. So it need neither be zero
// before, nor be read. A module that can do that has an overwriter. The gradients of the
// others are filled with zeros, and so is the padding.

// overwriter tells a module whether its gradients overwrite what is there.
type overwriter struct {
	anew  *int // of the network
	seen  int  // the last one for which the module had gradients
	grads []backend.Tensor
}

// overwriter returns that of a module for gradients of its Parameters. Absent ones are
// left out.
func (b *Builder) overwriter(grads ...backend.Tensor) *overwriter {
	grads = slices.DeleteFunc(grads, func(grad backend.Tensor) bool { return !grad.Present() })
	o := &overwriter{anew: &b.network.anew, grads: grads}
	b.network.overwriters = append(b.network.overwriters, o)
	return o
}

// next reports whether the next gradients overwrite what is there: the first ones of
// each Network.BackwardAnew. The module calls it once for all of them.
func (o *overwriter) next() bool {
	first := o.seen != *o.anew
	o.seen = *o.anew
	return first
}

// beta is next as the factor of what is there.
func (o *overwriter) beta() float64 {
	if o.next() {
		return 0
	}
	return 1
}

// finish ends a BackwardAnew. If the module had no gradients, they are zero.
func (o *overwriter) finish(b backend.Backend) {
	if o.next() {
		for _, grad := range o.grads {
			b.Fill(grad, 0)
		}
	}
}

// settleOverwriters finds the stretches of Grads that nothing overwrites. Parameters that
// were taken twice are among them: others may add to their gradients before.
func (n *Network) settleOverwriters() {
	var shared, grads []backend.Tensor
	for _, p := range n.parameters {
		if p.taken > 1 {
			shared = append(shared, p.Grad)
		}
	}
	n.overwriters = slices.DeleteFunc(n.overwriters, func(o *overwriter) bool {
		if slices.ContainsFunc(o.grads, func(grad backend.Tensor) bool { return slices.Contains(shared, grad) }) {
			o.anew = new(int) // which stays 0
			return true
		}
		grads = append(grads, o.grads...)
		return false
	})
	slices.SortFunc(grads, func(a, b backend.Tensor) int { return cmp.Compare(a.Off, b.Off) })
	flat, from := n.grads.Reshape(n.grads.Size(), 1), 0
	until := func(to int) {
		if from < to {
			n.notOverwritten = append(n.notOverwritten, flat.Slice(from, to).Reshape(1, to-from))
		}
	}
	for _, grad := range grads {
		first := grad.Off - n.grads.Off
		until(first)
		from = first + grad.Size()
	}
	until(n.grads.Size())
}
