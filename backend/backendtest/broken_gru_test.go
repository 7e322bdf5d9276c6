package backendtest

import (
	"slices"

	"gputrain/backend"
)

func (b fused) GRUCell(a backend.GRUCellArgs)         { b.gruCell(a, newGRUCell) }
func (b fused) GRUCellGrad(a backend.GRUCellGradArgs) { b.gruCellGrad(a, gruElementGrad) }

// gruElement computes one element of GRUCell, gruGradient one of GRUCellGrad.
type (
	gruElement  func(v, u [3]float64, before float64) gruCell
	gruGradient func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64)
)

func gruElementGrad(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
	return e.grad(u, before, dy+dh)
}

func (b fused) gruCell(a backend.GRUCellArgs, element gruElement) {
	backend.CheckGRUCell(b.Backend, a)
	if b.Err() != nil {
		return
	}
	s := shape{a.H.Rows, a.H.Cols}
	gates, u, before := read(b, a.Gates), read(b, a.Recurrent), read(b, a.HPrev)
	h := make([]float32, s.size())
	for k := range h {
		e := element(gatesAt[[3]float64](s, k, gates), gatesAt[[3]float64](s, k, u), float64(before[k]))
		h[k] = float32(e.h)
		setGates(s, k, gates, e.gates())
	}
	b.Upload(a.Gates, gates)
	b.Upload(a.H, h)
}

func (b fused) gruCellGrad(a backend.GRUCellGradArgs, element gruGradient) {
	backend.CheckGRUCellGrad(b.Backend, a)
	if b.Err() != nil {
		return
	}
	s := shape{a.DH.Rows, a.DH.Cols}
	dv, du, before := read(b, a.Gates), read(b, a.Recurrent), read(b, a.HPrev)
	dy, dh := read(b, a.DY), read(b, a.DH)
	for k := range dh {
		e, u := keptGRUCell(gatesAt[[3]float64](s, k, dv)), gatesAt[[3]float64](s, k, du)
		v, w, dBefore := element(e, u, float64(before[k]), float64(dy[k]), float64(dh[k]))
		setGates(s, k, dv, v)
		setGates(s, k, du, w)
		dh[k] = float32(dBefore)
	}
	b.Upload(a.DV, dv)
	b.Upload(a.DU, du)
	b.Upload(a.DH, dh)
}

// brokenGRU replaces what is not nil.
type brokenGRU struct {
	fused
	cell     gruElement
	gradient gruGradient
}

func (b brokenGRU) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.cell == nil {
		b.cell = newGRUCell
	}
	if b.gradient == nil {
		b.gradient = gruElementGrad
	}
	return b
}

func (b brokenGRU) GRUCell(a backend.GRUCellArgs)         { b.gruCell(a, b.cell) }
func (b brokenGRU) GRUCellGrad(a backend.GRUCellGradArgs) { b.gruCellGrad(a, b.gradient) }

func gruControls() []control {
	cells := map[string]gruElement{
		"r and z swapped": func(v, u [3]float64, before float64) gruCell {
			v[0], v[1], u[0], u[1] = v[1], v[0], u[1], u[0]
			return newGRUCell(v, u, before)
		},
		"z weighs the candidate": func(v, u [3]float64, before float64) gruCell {
			e := newGRUCell(v, u, before)
			e.h = e.z*e.n + (1-e.z)*before
			return e
		},
		"reset before the product": func(v, u [3]float64, before float64) gruCell {
			v[2], u[2] = v[2]+u[2], 0
			return newGRUCell(v, u, before)
		},
		"reset of all of n": func(v, u [3]float64, before float64) gruCell {
			r := sigmoid(v[0] + u[0])
			v[2] *= r
			return newGRUCell(v, u, before)
		},
		"u forgotten": func(v, u [3]float64, before float64) gruCell {
			u[0], u[1] = 0, 0
			return newGRUCell(v, u, before)
		},
		"state before forgotten": func(v, u [3]float64, _ float64) gruCell { return newGRUCell(v, u, 0) },
		"update gate left out where the state before is 0": func(v, u [3]float64, before float64) gruCell {
			e := newGRUCell(v, u, before)
			if before == 0 {
				e.z, e.h = 0, e.n
			}
			return e
		},
		"state before limited": func(v, u [3]float64, before float64) gruCell {
			return newGRUCell(v, u, min(max(before, -3), 3))
		},
		"n written before tanh": func(v, u [3]float64, before float64) gruCell {
			e := newGRUCell(v, u, before)
			e.n = v[2] + e.r*u[2]
			return e
		},
	}
	gradients := map[string]gruGradient{
		"gradient from above forgotten": func(e gruCell, u [3]float64, before, _, dh float64) (dv, du [3]float64, dBefore float64) {
			return e.grad(u, before, dh)
		},
		"gradient from the next step forgotten": func(e gruCell, u [3]float64, before, dy, _ float64) (dv, du [3]float64, dBefore float64) {
			return e.grad(u, before, dy)
		},
		"dn not reset on its way to u": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			dv, _, dBefore = e.grad(u, before, dy+dh)
			return dv, dv, dBefore
		},
		"dn reset on its way to v": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			_, du, dBefore = e.grad(u, before, dy+dh)
			return du, du, dBefore
		},
		"dr without u": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			u[2] = 1
			return e.grad(u, before, dy+dh)
		},
		"dz without the state before": func(e gruCell, u [3]float64, _, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			return e.grad(u, 0, dy+dh)
		},
		"nothing passes by a state before that is 0": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			dv, du, dBefore = e.grad(u, before, dy+dh)
			if before == 0 {
				dBefore = 0
			}
			return dv, du, dBefore
		},
		"no gradient where that from above is 0": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			if dy == 0 {
				return dv, du, dh * e.z
			}
			return e.grad(u, before, dy+dh)
		},
		"gradient limited": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			return e.grad(u, before, min(max(dy+dh, -50), 50))
		},
		"nothing passes by": func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
			dv, du, _ = e.grad(u, before, dy+dh)
			return dv, du, 0
		},
	}
	cut := func(v, u [3]float64, before float64) gruCell {
		for gate := range 2 {
			v[gate], u[gate] = min(max(v[gate]+u[gate], -17), 17), 0
		}
		return newGRUCell(v, u, before)
	}
	flat := func(e gruCell, u [3]float64, before, dy, dh float64) (dv, du [3]float64, dBefore float64) {
		e.r, e.z = wholeIfNear(e.r), wholeIfNear(e.z)
		return e.grad(u, before, dy+dh)
	}
	return slices.Concat(
		[]control{
			{check: "GRUCell", name: "arguments of gates cut at 17", mistake: brokenGRU{cell: cut}.on},
			{check: "GRUCellGrad", name: "slopes of saturated gates are 0", mistake: brokenGRU{gradient: flat}.on},
		},
		named(cells, func(m gruElement) func(backend.Backend) backend.Backend { return brokenGRU{cell: m}.on },
			"GRUCell", "GRUForward"),
		named(gradients, func(m gruGradient) func(backend.Backend) backend.Backend { return brokenGRU{gradient: m}.on },
			"GRUCellGrad", "GRUBackward"),
	)
}
