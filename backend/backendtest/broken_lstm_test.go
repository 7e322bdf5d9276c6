package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
)

// A mistake in a cell must be found in the cell and in the sequences that use
// it.
var brokenFused = slices.Concat(
	lstmCellControls(), lstmCellGradControls(), lstmPeepGradControls(), lstmForwardControls(), lstmBackwardControls(),
	rnnCellControls(), rnnForwardControls(), rnnBackwardControls(), gruCellControls(), gruForwardControls(), gruBackwardControls(),
	lstm1997SequenceForwardControls(), lstm1997SequenceBackwardControls(),
)

// brokenLSTM replaces what is not nil.
type brokenLSTM struct {
	fused
	cell     lstmElement
	gradient lstmGradient
	forward  func(b fused, a backend.LSTMArgs)
	backward func(b fused, a backend.LSTMGradArgs)
}

func (b brokenLSTM) on(sound backend.Backend) backend.Backend {
	b.fused = sound.(fused)
	if b.cell == nil {
		b.cell = newLSTMCell
	}
	if b.gradient == nil {
		b.gradient = lstmElementGrad
	}
	if b.forward == nil {
		b.forward = func(f fused, a backend.LSTMArgs) { f.lstmForward(a, b) }
	}
	if b.backward == nil {
		b.backward = func(f fused, a backend.LSTMGradArgs) { f.lstmBackward(a, b) }
	}
	return b
}

func (b brokenLSTM) LSTMCell(a backend.LSTMCellArgs)         { b.lstmCell(a, b.cell) }
func (b brokenLSTM) LSTMCellGrad(a backend.LSTMCellGradArgs) { b.lstmCellGrad(a, b.gradient) }
func (b brokenLSTM) LSTMForward(a backend.LSTMArgs)          { b.forward(b.fused, a) }
func (b brokenLSTM) LSTMBackward(a backend.LSTMGradArgs)     { b.backward(b.fused, a) }

func lstmCellControls() []control {
	type (
		four  = [4]float64
		three = [3]float64
	)
	mistakes := map[string]lstmElement{
		"gates in order i, f, o, g": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(four{z[0], z[1], z[3], z[2]}, before, peep)
			e.g, e.o = e.o, e.g
			return e
		},
		"gates in order f, i, g, o": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(four{z[1], z[0], z[2], z[3]}, before, peep)
			e.i, e.f = e.f, e.i
			return e
		},
		"peepholes in order f, i, o": func(z four, before float64, peep three) lstmCell {
			return newLSTMCell(z, before, three{peep[1], peep[0], peep[2]})
		},
		"peephole of o looks at the cell before": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			e.o = sigmoid(z[3] + peep[2]*before)
			e.h = e.o * math.Tanh(e.c)
			return e
		},
		"cell before forgotten": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			e.c = e.i * e.g
			return e
		},
		"output not squashed": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			e.h = e.o * e.c
			return e
		},
		"g by sigmoid": func(z four, before float64, peep three) lstmCell {
			return newLSTMCell(four{z[0], z[1], math.Atanh(sigmoid(z[2])), z[3]}, before, peep)
		},
		"gates keep their arguments": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			e.i, e.f, e.g, e.o = z[0], z[1], z[2], z[3]
			return e
		},
		"forget gate left out where the cell before is 0": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			if before == 0 {
				e.f = 0
			}
			return e
		},
		"cell before limited": func(z four, before float64, peep three) lstmCell {
			return newLSTMCell(z, min(max(before, -10), 10), peep)
		},
		"absent peepholes of i and f are 0": func(z four, before float64, peep three) lstmCell {
			z[0] += peep[0] * before
			z[1] += peep[1] * before
			return newLSTMCell(z, before, three{2: peep[2]})
		},
		"absent peephole of o is 0": func(z four, before float64, peep three) lstmCell {
			z[3] += peep[2] * newLSTMCell(z, before, peep).c
			return newLSTMCell(z, before, three{peep[0], peep[1]})
		},
		"c and h swapped": func(z four, before float64, peep three) lstmCell {
			e := newLSTMCell(z, before, peep)
			e.c, e.h = e.h, e.c
			return e
		},
	}
	for row := range 3 {
		mistakes[fmt.Sprintf("peephole %d forgotten", row)] = func(z four, before float64, peep three) lstmCell {
			peep[row] = 0
			return newLSTMCell(z, before, peep)
		}
	}
	in := func(m lstmElement) func(backend.Backend) backend.Backend { return brokenLSTM{cell: m}.on }
	cut := func(z four, before float64, peep three) lstmCell {
		e := newLSTMCell(z, before, peep)
		for _, gate := range []*float64{&e.i, &e.f, &e.o} {
			*gate = max(*gate, sigmoid(-17))
		}
		return e
	}
	return append(named(mistakes, in, "LSTMCell", "LSTMForward"),
		control{check: "LSTMCell", name: "arguments of gates cut at −17", mistake: in(cut)})
}

// brokenPeepGrad takes other products, or forgets what was there before.
type brokenPeepGrad struct {
	fused
	products lstmPeep
	clears   bool
}

func (b brokenPeepGrad) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	if b.clears {
		b.Fill(dPeep, 0)
	}
	b.lstmPeepGrad(dPeep, dz, cPrev, c, b.products)
}

func lstmPeepGradControls() (all []control) {
	add := func(name string, products lstmPeep, clears bool) {
		all = append(all, control{check: "LSTMPeepGrad", name: name, mistake: func(sound backend.Backend) backend.Backend {
			return brokenPeepGrad{sound.(fused), products, clears}
		}})
	}
	add("peephole of o looks at the cell before", func(dz [4]float64, before, _ float64) [3]float64 {
		return lstmPeepProducts(dz, before, before)
	}, false)
	add("peepholes of i and f look at the cell after", func(dz [4]float64, _, after float64) [3]float64 {
		return lstmPeepProducts(dz, after, after)
	}, false)
	add("gradient of g for that of o", func(dz [4]float64, before, after float64) [3]float64 {
		return lstmPeepProducts([4]float64{dz[0], dz[1], dz[3], dz[2]}, before, after)
	}, false)
	add("gradients of NaN skipped", func(dz [4]float64, before, after float64) [3]float64 {
		products := lstmPeepProducts(dz, before, after)
		for row, v := range products {
			if math.IsNaN(v) {
				products[row] = 0
			}
		}
		return products
	}, false)
	add("overwrites instead of adding", lstmPeepProducts, true)
	return all
}

func lstmCellGradControls() []control {
	type (
		four  = [4]float64
		three = [3]float64
	)
	mistakes := map[string]lstmGradient{
		"gradient from above forgotten": func(e lstmCell, before float64, peep three, _, dh, dc float64) (four, float64) {
			return e.grad(before, peep, dh, dc)
		},
		"gradient from the next step forgotten": func(e lstmCell, before float64, peep three, dy, _, dc float64) (four, float64) {
			return e.grad(before, peep, dy, dc)
		},
		"gradient of the cell not propagated": func(e lstmCell, before float64, peep three, dy, dh, _ float64) (four, float64) {
			return e.grad(before, peep, dy+dh, 0)
		},
		"gradient of the cell not damped": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			dz, dBefore := e.grad(before, peep, dy+dh, dc)
			return dz, dBefore / e.f
		},
		"gradient of the cell kept": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			dz, _ := e.grad(before, peep, dy+dh, dc)
			return dz, dc
		},
		"gates in order i, f, o, g": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			dz, dBefore := e.grad(before, peep, dy+dh, dc)
			return four{dz[0], dz[1], dz[3], dz[2]}, dBefore
		},
		"cell after taken for the one before": func(e lstmCell, _ float64, peep three, dy, dh, dc float64) (four, float64) {
			return e.grad(e.c, peep, dy+dh, dc)
		},
		"no gradient of a cell before that is 0": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			dz, dBefore := e.grad(before, peep, dy+dh, dc)
			if before == 0 {
				dBefore = 0
			}
			return dz, dBefore
		},
		"no gradient where that from above is 0": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			if dy == 0 {
				return four{}, dc * e.f
			}
			return e.grad(before, peep, dy+dh, dc)
		},
		"gradient limited": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			return e.grad(before, peep, min(max(dy+dh, -50), 50), dc)
		},
		"slope of tanh of the cell forgotten": func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			t := math.Tanh(e.c)
			return e.grad(before, peep, dy+dh, dc+(dy+dh)*e.o*t*t)
		},
	}
	for row := range 3 {
		mistakes[fmt.Sprintf("peephole %d forgotten", row)] = func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
			peep[row] = 0
			return e.grad(before, peep, dy+dh, dc)
		}
	}
	zero := func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
		dz, dBefore := e.grad(before, three{0: peep[0], 2: peep[2]}, dy+dh, dc)
		return dz, dBefore + peep[1]*dz[1]
	}
	in := func(m lstmGradient) func(backend.Backend) backend.Backend { return brokenLSTM{gradient: m}.on }
	flat := func(e lstmCell, before float64, peep three, dy, dh, dc float64) (four, float64) {
		e.i, e.f, e.o = wholeIfNear(e.i), wholeIfNear(e.f), wholeIfNear(e.o)
		return e.grad(before, peep, dy+dh, dc)
	}
	return append(named(mistakes, in, "LSTMCellGrad", "LSTMBackward"),
		control{check: "LSTMCellGrad", name: "an absent peephole is 0", mistake: in(zero)},
		control{check: "LSTMCellGrad", name: "slopes of saturated gates are 0", mistake: in(flat)})
}

// wholeIfNear returns the gate y, or 0 or 1 if it is near to that.
func wholeIfNear(y float64) float64 {
	if whole := math.Round(y); math.Abs(y-whole) < 1e-6 {
		return whole
	}
	return y
}

func lstmForwardControls() []control {
	mistakes := map[string]func(b fused, a backend.LSTMArgs){
		"BIH forgotten":  func(b fused, a backend.LSTMArgs) { a.BIH = backend.Tensor{}; b.LSTMForward(a) },
		"BHH forgotten":  func(b fused, a backend.LSTMArgs) { a.BHH = backend.Tensor{}; b.LSTMForward(a) },
		"Peep forgotten": func(b fused, a backend.LSTMArgs) { a.Peep = backend.Tensor{}; b.LSTMForward(a) },
		"first step ignores h": func(b fused, a backend.LSTMArgs) {
			b.withZero(a.H.Slice(0, a.Batch), func() { b.LSTMForward(a) })
		},
		"first step ignores c": func(b fused, a backend.LSTMArgs) {
			b.withZero(a.C.Slice(0, a.Batch), func() { b.LSTMForward(a) })
		},
		"initial h overwritten": func(b fused, a backend.LSTMArgs) {
			b.LSTMForward(a)
			b.Fill(a.H.Slice(0, a.Batch), 0)
		},
		"last step left out": func(b fused, a backend.LSTMArgs) {
			last := a.H.Rows - a.Batch
			keeping(b, a.H, func(row, _ int) bool { return row >= last }, func() { b.LSTMForward(a) })
		},
		"scratch taken for zero": func(b fused, a backend.LSTMArgs) {
			b.LSTMForward(a)
			b.addScratch(a.H.Slice(a.Batch, a.H.Rows), a.Scratch)
		},
		"weights rounded to 10 bits": func(b fused, a backend.LSTMArgs) {
			a.WIH = clone(b, a.WIH)
			each(b, a.WIH, func(_ int, v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1<<13 - 1)) })
			b.LSTMForward(a)
		},
		"recurrent weights transposed": func(b fused, a backend.LSTMArgs) {
			a.WHH = b.transposedBlocks(a.WHH)
			b.LSTMForward(a)
		},
		"scratch for peepholes used without": func(b fused, a backend.LSTMArgs) {
			b.LSTMForward(a)
			d := a.Dims()
			d.Peepholes = true
			if need := b.LSTMScratch(d); need > 0 && a.Scratch.Off+need <= a.Scratch.Buf.Meta().Len {
				b.Fill(backend.Tensor{Buf: a.Scratch.Buf, Off: a.Scratch.Off + need - 1, Rows: 1, Cols: 1}, 0)
			}
		},
		"tanh overflows": func(b fused, a backend.LSTMArgs) {
			b.lstmForward(a, brokenLSTM{fused: b, cell: func(z [4]float64, before float64, peep [3]float64) lstmCell {
				e := newLSTMCell(z, before, peep)
				e.g = overflowingTanh(z[2])
				return e
			}})
		},
		"nothing recurrent where the first h is 0": func(b fused, a backend.LSTMArgs) {
			if allZero(b, a.H.Slice(0, a.Batch)) {
				a.WHH = clone(b, a.WHH)
				b.Fill(a.WHH, 0)
			}
			b.LSTMForward(a)
		},
		"nothing done where the weights are 0": func(b fused, a backend.LSTMArgs) {
			if !allZero(b, a.WIH) {
				b.LSTMForward(a)
			}
		},
		"steps beyond 32 left out": func(b fused, a backend.LSTMArgs) {
			keeping(b, a.H, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 32 }, func() { b.LSTMForward(a) })
		},
		"weights packed in place": func(b fused, a backend.LSTMArgs) {
			b.LSTMForward(a)
			b.Upload(a.WHH, read(b, b.transposedBlocks(a.WHH)))
		},
	}
	controls := named(mistakes, func(m func(b fused, a backend.LSTMArgs)) func(backend.Backend) backend.Backend {
		return brokenLSTM{forward: m}.on
	}, "LSTMForward")
	return append(controls,
		control{check: "LSTMForward", name: "steps beyond 256 left out", atLeast: 257,
			mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
				keeping(b, a.H, func(row, _ int) bool { return a.Batch > 0 && row/a.Batch > 256 }, func() { b.LSTMForward(a) })
			}}.on},
		control{check: "LSTMForward", name: "batch beyond blocks left out", atLeast: 257,
			mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
				keeping(b, a.H, func(row, _ int) bool { return row >= a.Batch && row%a.Batch >= 256 }, func() { b.LSTMForward(a) })
			}}.on},
		control{check: "LSTMForward", name: "last hidden unit of wide layers forgotten", atLeast: 257,
			mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
				if a.WHH.Cols > 128 {
					a.WHH = clone(b, a.WHH)
					each(b, a.WHH, func(k int, v float32) float32 {
						if k%a.WHH.Cols == a.WHH.Cols-1 {
							return 0
						}
						return v
					})
				}
				b.LSTMForward(a)
			}}.on},
		control{check: "LSTMForward", name: "nothing recurrent in wide layers", atLeast: 257,
			mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
				a.WHH = b.withoutWide(a.WHH)
				b.LSTMForward(a)
			}}.on},
		control{check: "LSTMScratch", name: "smaller layers need more", mistake: func(b backend.Backend) backend.Backend {
			return scratchShrinks{b.(fused)}
		}},
		control{check: "Misuse", name: "LSTMForward is unchecked", mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
			silently(func() { b.LSTMForward(a) })
		}}.on},
	)
}

// withoutWide returns the recurrent weights of a layer, or zeros if it has more
// than 256 hidden units.
func (b fused) withoutWide(whh backend.Tensor) backend.Tensor {
	if whh.Cols > 256 {
		whh = clone(b, whh)
		b.Fill(whh, 0)
	}
	return whh
}

// overflowingTanh is NaN beyond some hundreds.
func overflowingTanh(x float64) float64 {
	e := math.Exp(2 * x)
	return (e - 1) / (e + 1)
}

// scratchShrinks rounds a size down to what is left of a block.
type scratchShrinks struct{ fused }

func (b scratchShrinks) LSTMScratch(d backend.LSTMDims) int {
	return b.fused.LSTMScratch(d) + d.Hidden%32
}

func lstmBackwardControls() []control {
	absent := backend.Tensor{}
	mistakes := map[string]func(b fused, a backend.LSTMGradArgs){
		"DHLast ignored":  func(b fused, a backend.LSTMGradArgs) { a.DHLast = absent; b.LSTMBackward(a) },
		"DCLast ignored":  func(b fused, a backend.LSTMGradArgs) { a.DCLast = absent; b.LSTMBackward(a) },
		"DH0 not written": func(b fused, a backend.LSTMGradArgs) { a.DH0 = absent; b.LSTMBackward(a) },
		"DC0 not written": func(b fused, a backend.LSTMGradArgs) { a.DC0 = absent; b.LSTMBackward(a) },
		"DX not written":  func(b fused, a backend.LSTMGradArgs) { a.DX = absent; b.LSTMBackward(a) },
		"DX added to": func(b fused, a backend.LSTMGradArgs) {
			b.adding(a.DX, func() { b.LSTMBackward(a) })
		},
		"DHLast used for the sum": func(b fused, a backend.LSTMGradArgs) {
			b.LSTMBackward(a)
			if a.DHLast.Present() {
				b.Fill(a.DHLast, 0)
			}
		},
		"DZ written before Gates are read": func(b fused, a backend.LSTMGradArgs) {
			b.Fill(a.DZ, 0)
			b.LSTMBackward(a)
		},
		"scratch taken for zero": func(b fused, a backend.LSTMGradArgs) {
			dirty := clone(b, a.Scratch)
			b.LSTMBackward(a)
			b.addScratch(a.DZ, dirty)
		},
		"gradients of NaN skipped": func(b fused, a backend.LSTMGradArgs) {
			a.DY = withoutNaN(b, a.DY)
			b.LSTMBackward(a)
		},
		"DC0 is 0 where the cells before are": func(b fused, a backend.LSTMGradArgs) {
			b.LSTMBackward(a)
			if a.DC0.Present() && allZero(b, a.C.Slice(0, a.Batch)) {
				b.Fill(a.DC0, 0)
			}
		},
		"DH0 is 0 where the first h is": func(b fused, a backend.LSTMGradArgs) {
			b.LSTMBackward(a)
			if a.DH0.Present() && allZero(b, a.H.Slice(0, a.Batch)) {
				b.Fill(a.DH0, 0)
			}
		},
		"DX not written where the weights are 0": func(b fused, a backend.LSTMGradArgs) {
			if allZero(b, a.WIH) {
				a.DX = absent
			}
			b.LSTMBackward(a)
		},
		"gradients of the last step left out where DY is 0": func(b fused, a backend.LSTMGradArgs) {
			if allZero(b, a.DY) {
				a.DHLast, a.DCLast = absent, absent
			}
			b.LSTMBackward(a)
		},
		"weights of the last step alone": func(b fused, a backend.LSTMGradArgs) {
			if a.X.Rows < 2*a.Batch || a.Batch == 0 {
				b.LSTMBackward(a)
				return
			}
			before, last := clone(b, a.DWIH), a.X.Rows-a.Batch
			b.LSTMBackward(a)
			b.Copy(a.DWIH, before)
			b.Gemm(a.DWIH, backend.Trans, backend.NoTrans, 1, a.DZ.Slice(last, a.X.Rows), a.X.Slice(last, a.X.Rows), 1)
		},
	}
	wide := func(b fused, a backend.LSTMGradArgs) {
		b.LSTMBackward(a)
		if last := a.X.Rows - 1; a.Batch > 64 {
			b.Gemm(a.DWIH, backend.Trans, backend.NoTrans, -1, a.DZ.Slice(last, last+1), a.X.Slice(last, last+1), 1)
		}
	}
	for name, gradient := range map[string]func(a backend.LSTMGradArgs) backend.Tensor{
		"DWIH":  func(a backend.LSTMGradArgs) backend.Tensor { return a.DWIH },
		"DWHH":  func(a backend.LSTMGradArgs) backend.Tensor { return a.DWHH },
		"DBIH":  func(a backend.LSTMGradArgs) backend.Tensor { return a.DBIH },
		"DBHH":  func(a backend.LSTMGradArgs) backend.Tensor { return a.DBHH },
		"DPeep": func(a backend.LSTMGradArgs) backend.Tensor { return a.DPeep },
	} {
		mistakes[name+" overwritten"] = func(b fused, a backend.LSTMGradArgs) {
			b.clear(gradient(a))
			b.LSTMBackward(a)
		}
		mistakes[name+" added to, not overwritten"] = func(b fused, a backend.LSTMGradArgs) {
			before := gradient(a)
			if before.Present() {
				before = clone(b, before)
			}
			b.LSTMBackward(a)
			if before.Present() && a.Overwrite {
				b.Add(gradient(a), gradient(a), before)
			}
		}
		mistakes[name+" forgotten"] = func(b fused, a backend.LSTMGradArgs) {
			b.preserving(gradient(a), func() { b.LSTMBackward(a) })
		}
	}
	controls := named(mistakes, func(m func(b fused, a backend.LSTMGradArgs)) func(backend.Backend) backend.Backend {
		return brokenLSTM{backward: m}.on
	}, "LSTMBackward")
	return append(controls,
		control{check: "LSTMBackward", name: "last row of many forgotten in DWIH", atLeast: 257,
			mistake: brokenLSTM{backward: wide}.on},
		control{check: "LSTMBackward", name: "nothing more than 256 steps back", atLeast: 257,
			mistake: brokenLSTM{backward: func(b fused, a backend.LSTMGradArgs) {
				b.LSTMBackward(a)
				b.clearEarly(a.DZ, a.Batch)
			}}.on},
		control{check: "LSTMBackward", name: "nothing recurrent in wide layers", atLeast: 257,
			mistake: brokenLSTM{backward: func(b fused, a backend.LSTMGradArgs) {
				a.WHH = b.withoutWide(a.WHH)
				b.LSTMBackward(a)
			}}.on},
	)
}
