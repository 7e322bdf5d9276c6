package backendtest

import (
	"slices"

	"gputrain/backend"
)

func (b fused) GRUCell(a backend.GRUCellArgs)         { b.gruCell(a, newGRUCell) }
func (b fused) GRUCellGrad(a backend.GRUCellGradArgs) { b.gruCellGrad(a, gruElementGrad) }
func (b fused) GRUScratch(d backend.GRUDims) int      { return backend.GRUScratch(b.Backend, d) }
func (b fused) GRUForward(a backend.GRUArgs)          { b.gruForward(a, b) }
func (b fused) GRUBackward(a backend.GRUGradArgs)     { b.gruBackward(a, b) }

func (b fused) gruForward(a backend.GRUArgs, cell backend.GRUCeller) {
	backend.CheckGRUForward(b.Backend, a, b.GRUScratch(a.Dims()))
	if b.Err() == nil {
		backend.GRUForward(gruLoop{b.Backend, cell}, a)
	}
}

func (b fused) gruBackward(a backend.GRUGradArgs, cell backend.GRUCeller) {
	backend.CheckGRUBackward(b.Backend, a, b.GRUScratch(a.Dims()))
	if b.Err() == nil {
		backend.GRUBackward(gruLoop{b.Backend, cell}, a)
	}
}

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
	forward  func(b fused, a backend.GRUArgs)
	backward func(b fused, a backend.GRUGradArgs)
}

func (b brokenGRU) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.cell == nil {
		b.cell = newGRUCell
	}
	if b.gradient == nil {
		b.gradient = gruElementGrad
	}
	if b.forward == nil {
		b.forward = func(f fused, a backend.GRUArgs) { f.gruForward(a, b) }
	}
	if b.backward == nil {
		b.backward = func(f fused, a backend.GRUGradArgs) { f.gruBackward(a, b) }
	}
	return b
}

func (b brokenGRU) GRUCell(a backend.GRUCellArgs)         { b.gruCell(a, b.cell) }
func (b brokenGRU) GRUCellGrad(a backend.GRUCellGradArgs) { b.gruCellGrad(a, b.gradient) }
func (b brokenGRU) GRUForward(a backend.GRUArgs)          { b.forward(b.fused, a) }
func (b brokenGRU) GRUBackward(a backend.GRUGradArgs)     { b.backward(b.fused, a) }

func gruCellControls() []control {
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

func gruForwardControls() []control {
	mistakes := map[string]func(b fused, a backend.GRUArgs){
		"BIH forgotten": func(b fused, a backend.GRUArgs) { a.BIH = backend.Tensor{}; b.GRUForward(a) },
		"BHH forgotten": func(b fused, a backend.GRUArgs) { a.BHH = backend.Tensor{}; b.GRUForward(a) },
		"first step ignores h": func(b fused, a backend.GRUArgs) {
			b.withZero(a.H.Slice(0, a.Batch), func() { b.GRUForward(a) })
		},
		"scratch taken for zero": func(b fused, a backend.GRUArgs) {
			b.GRUForward(a)
			b.addScratch(a.H.Slice(a.Batch, a.H.Rows), a.Scratch)
		},
		"recurrent weights transposed": func(b fused, a backend.GRUArgs) {
			a.WHH = b.transposedBlocks(a.WHH)
			b.GRUForward(a)
		},
		"u not kept": func(b fused, a backend.GRUArgs) {
			b.preserving(a.Recurrent, func() { b.GRUForward(a) })
		},
	}
	controls := named(mistakes, func(m func(b fused, a backend.GRUArgs)) func(backend.Backend) backend.Backend {
		return brokenGRU{forward: m}.on
	}, "GRUForward")
	return append(controls,
		control{check: "GRUForward", name: "steps beyond 256 left out", atLeast: 257,
			mistake: brokenGRU{forward: func(b fused, a backend.GRUArgs) {
				keeping(b, a.H, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 256 }, func() { b.GRUForward(a) })
			}}.on},
		control{check: "GRUForward", name: "nothing recurrent in wide layers", atLeast: 257,
			mistake: brokenGRU{forward: func(b fused, a backend.GRUArgs) {
				a.WHH = b.withoutWide(a.WHH)
				b.GRUForward(a)
			}}.on},
	)
}

func gruBackwardControls() []control {
	absent := backend.Tensor{}
	mistakes := map[string]func(b fused, a backend.GRUGradArgs){
		"DHLast ignored":  func(b fused, a backend.GRUGradArgs) { a.DHLast = absent; b.GRUBackward(a) },
		"DH0 not written": func(b fused, a backend.GRUGradArgs) { a.DH0 = absent; b.GRUBackward(a) },
		"DX not written":  func(b fused, a backend.GRUGradArgs) { a.DX = absent; b.GRUBackward(a) },
		"scratch taken for zero": func(b fused, a backend.GRUGradArgs) {
			dirty := clone(b, a.Scratch)
			b.GRUBackward(a)
			b.addScratch(a.DV, dirty)
		},
		"DV used for DU": func(b fused, a backend.GRUGradArgs) {
			b.GRUBackward(a)
			b.Copy(a.DU, a.DV)
		},
		"DH0 is 0 where the first h is": func(b fused, a backend.GRUGradArgs) {
			b.GRUBackward(a)
			if a.DH0.Present() && allZero(b, a.H.Slice(0, a.Batch)) {
				b.Fill(a.DH0, 0)
			}
		},
	}
	for name, gradient := range map[string]func(a backend.GRUGradArgs) backend.Tensor{
		"DWIH": func(a backend.GRUGradArgs) backend.Tensor { return a.DWIH },
		"DWHH": func(a backend.GRUGradArgs) backend.Tensor { return a.DWHH },
		"DBIH": func(a backend.GRUGradArgs) backend.Tensor { return a.DBIH },
		"DBHH": func(a backend.GRUGradArgs) backend.Tensor { return a.DBHH },
	} {
		mistakes[name+" overwritten"] = func(b fused, a backend.GRUGradArgs) {
			b.clear(gradient(a))
			b.GRUBackward(a)
		}
		mistakes[name+" added to, not overwritten"] = func(b fused, a backend.GRUGradArgs) {
			before := gradient(a)
			if before.Present() {
				before = clone(b, before)
			}
			b.GRUBackward(a)
			if before.Present() && a.Overwrite {
				b.Add(gradient(a), gradient(a), before)
			}
		}
		mistakes[name+" forgotten"] = func(b fused, a backend.GRUGradArgs) {
			b.preserving(gradient(a), func() { b.GRUBackward(a) })
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.GRUGradArgs)) func(backend.Backend) backend.Backend {
		return brokenGRU{backward: m}.on
	}, "GRUBackward")
	return append(controls,
		control{check: "GRUScratch", name: "smaller layers need more", mistake: func(b backend.Backend) backend.Backend {
			return gruScratchShrinks{b.(fused)}
		}},
		control{check: "GRUBackward", name: "nothing more than 256 steps back", atLeast: 257,
			mistake: brokenGRU{backward: func(b fused, a backend.GRUGradArgs) {
				b.GRUBackward(a)
				b.clearEarly(a.DV, a.Batch)
			}}.on},
	)
}

// gruScratchShrinks is scratchShrinks for the GRU.
type gruScratchShrinks struct{ fused }

func (b gruScratchShrinks) GRUScratch(d backend.GRUDims) int {
	return b.fused.GRUScratch(d) + d.Hidden%32
}
