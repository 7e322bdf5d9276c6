package reference

import "gputrain/backend"

// LSTM1997Cell implements backend.LSTM1997.
func (r *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	backend.CheckLSTM1997Cell(r, a)
	if r.err != nil {
		return
	}
	cells := a.S.Cols / a.Blocks
	for n := range a.S.Rows {
		u, before, s, y := newUnits(a, n), row(a.SPrev, n), row(a.S, n), row(a.Y, n)
		for j := range a.Blocks {
			first, end := j*cells, (j+1)*cells
			in, forget := sigmoid(u.in[j]+peephole(a, 0, before, first, end)), 1.0
			if u.forget != nil {
				forget = sigmoid(u.forget[j] + peephole(a, 1, before, first, end))
				u.forget[j] = forget
			}
			for v := first; v < end; v++ {
				u.cell[v] = a.G.Of(u.cell[v])
				s[v] = forget*before[v] + in*u.cell[v]
			}
			out := sigmoid(u.out[j] + peephole(a, 2, s, first, end))
			for v := first; v < end; v++ {
				y[v] = out * a.H.Of(s[v])
			}
			u.in[j], u.out[j] = in, out
		}
	}
}

// peephole returns Σ p_v·s_v over the cells first..end−1 of a block, or 0 without
// peepholes. Gates 0, 1, 2 are in, φ, out.
func peephole(a backend.LSTM1997CellArgs, gate int, s []float64, first, end int) (sum float64) {
	if a.Peep.Present() {
		for v := first; v < end; v++ {
			sum += row(a.Peep, gate)[v] * s[v]
		}
	}
	return sum
}

// units are the activations of the units with weights, for one sequence.
type units struct{ in, forget, out, cell []float64 } // forget: nil without forget gates

func newUnits(a backend.LSTM1997CellArgs, n int) units {
	gates, b := row(a.Gates, n), a.Blocks
	u := units{in: gates[:b]}
	gates = gates[b:]
	if a.Forget() {
		u.forget, gates = gates[:b], gates[b:]
	}
	u.out, u.cell = gates[:b], gates[b:]
	return u
}

// LSTM1997CellGrad implements backend.LSTM1997.
func (r *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	backend.CheckLSTM1997CellGrad(r, a)
	if r.err != nil {
		return
	}
	cells := a.S.Cols / a.Blocks
	for n := range a.S.Rows {
		u := newUnits(a.LSTM1997CellArgs, n)
		before, s, dy := row(a.SPrev, n), row(a.S, n), row(a.DY, n)
		outRow := len(u.in) + len(u.forget)
		cellRow := outRow + len(u.out)
		for j := range a.Blocks {
			in, out, forget := u.in[j], u.out[j], 1.0
			if u.forget != nil {
				forget = u.forget[j]
			}
			dOut := 0.0 // gradient of z_out
			for v := j * cells; v < (j+1)*cells; v++ {
				g, h := u.cell[v], a.H.Of(s[v])
				dOut += out * (1 - out) * h * dy[v]
				e := dy[v] * out * a.H.Grad(h)
				gate := func(partials backend.Tensor, unit, peep int, ds float64) {
					sources := row(a.Source, n)
					p := row(partials, n*a.S.Cols+v)
					advance(p[:len(sources)], row(a.DW, unit), sources, forget, ds, e)
					if a.Peep.Present() {
						advance(p[len(sources):], row(a.DPeep, peep)[j*cells:], before[j*cells:], forget, ds, e)
					}
				}
				gate(a.PIn, j, 0, g*in*(1-in))
				if u.forget != nil {
					gate(a.PForget, a.Blocks+j, 1, before[v]*forget*(1-forget))
				}
				advance(row(a.PCell, n*a.S.Cols+v), row(a.DW, cellRow+v), row(a.Source, n), forget, in*a.G.Grad(g), e)
			}
			for m, y := range row(a.Source, n) {
				row(a.DW, outRow+j)[m] += dOut * y
			}
			if a.Peep.Present() {
				for v := j * cells; v < (j+1)*cells; v++ {
					row(a.DPeep, 2)[v] += dOut * s[v]
				}
			}
		}
	}
}

// advance takes the partials p of a cell one step on, p[m] = forget·p[m] +
// ds·y[m], and adds e·p[m] to the gradient dw[m]. y are the sources.
func advance(p, dw, y []float64, forget, ds, e float64) {
	for m := range p {
		p[m] = forget*p[m] + ds*y[m]
		dw[m] += e * p[m]
	}
}
