package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
)

func TestSquash(t *testing.T) {
	for _, c := range []struct {
		name            string
		f               backend.Squash
		x, value, slope float64
	}{
		// σ(ln 3) = ¾, σ' = 3/16; g = 4σ−2, h = 2σ−1.
		{"g", backend.SquashInput(), math.Log(3), 1, 4 * 3. / 16},
		{"h", backend.SquashOutput(), math.Log(3), 0.5, 2 * 3. / 16},
		{"tanh", backend.Squash{Range: 1, Slope: 1}, math.Log(3), 0.8, 1 - 0.64},
		{"identity", backend.Squash{}, -7, -7, 1},
		{"saturated g", backend.SquashInput(), 1e4, 2, 0},
	} {
		y := c.f.Of(c.x)
		wantValues(t, c.name, []float64{y, c.f.Grad(y)}, 1e-15, []float64{c.value, c.slope})
	}
}

// There is one block of two cells. The numbers are chosen for σ(0) = ½ and
// σ(ln 3) = ¾; g and h are the identity.
func TestLSTM1997CellByHand(t *testing.T) {
	ln3 := math.Log(3)
	for _, c := range []struct {
		name                string
		before, gates, peep []float64 // gates: columns in, φ, out, cells
		after, s, y         []float64
	}{
		{name: "1997", before: []float64{2, -4}, gates: []float64{ln3, 0, 8, 4},
			after: []float64{0.75, 0.5, 8, 4}, s: []float64{2 + 0.75*8, -4 + 0.75*4}, y: []float64{4, -0.5}},
		{name: "forget gate", before: []float64{2, -4}, gates: []float64{ln3, 0, -ln3, 8, 4},
			after: []float64{0.75, 0.5, 0.25, 8, 4}, s: []float64{1 + 6, -2 + 3}, y: []float64{7. / 4, 1. / 4}},
		// z_in = ln3 + ½·2 + ¼·(−4), z_φ = 0 + 2·2 + 1·(−4), z_out = −ln3 + 1·7 − 7·1.
		{name: "peepholes", before: []float64{2, -4}, gates: []float64{ln3, 0, -ln3, 8, 4},
			peep:  []float64{0.5, 0.25, 2, 1, 1, -7},
			after: []float64{0.75, 0.5, 0.25, 8, 4}, s: []float64{1 + 6, -2 + 3}, y: []float64{7. / 4, 1. / 4}},
		{name: "peepholes without forget gate", before: []float64{2, -4}, gates: []float64{ln3, -ln3, 8, 4},
			peep:  []float64{0.5, 0.25, nan, nan, 1, 8}, // z_out = −ln3 + 1·8 + 8·(−1)
			after: []float64{0.75, 0.25, 8, 4}, s: []float64{2 + 6, -4 + 3}, y: []float64{2, -0.25}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			a := backend.LSTM1997CellArgs{Blocks: 1,
				Gates: f.tensor(1, len(c.gates), c.gates...), SPrev: f.tensor(1, 2, c.before...), S: f.tensor(1, 2), Y: f.tensor(1, 2)}
			if c.peep != nil {
				a.Peep = f.tensor(3, 2, c.peep...)
			}
			f.LSTM1997Cell(a)
			f.want("Gates", a.Gates, 1e-13, c.after...)
			f.want("S", a.S, 1e-13, c.s...)
			f.want("Y", a.Y, 1e-13, c.y...)
		})
	}
}

// There is one block of one cell; g and h are the identity.
func TestLSTM1997CellGradByHand(t *testing.T) {
	f := open(t)
	a := backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: backend.LSTM1997CellArgs{Blocks: 1,
			Gates: f.tensor(1, 4, 0.75, 0.5, 0.25, 8), SPrev: f.tensor(1, 1, 2), S: f.tensor(1, 1, 7), Y: f.tensor(1, 1, 7./4)},
		Source: f.tensor(1, 2, 1, -2), DY: f.tensor(1, 1, 3),
		PIn: f.tensor(1, 2, 1, 0), PForget: f.tensor(1, 2, 0, 2), PCell: f.tensor(1, 2, 4, 4),
		DW: f.tensor(4, 2, 1, 1, 1, 1, 1, 1, 1, 1),
	}
	f.LSTM1997CellGrad(a)
	// in' = out' = 3/16, φ' = ¼, e = 3·¼.
	f.want("PIn", a.PIn, 1e-15, 0.5*1+8*3./16, 8*3./16*-2)
	f.want("PForget", a.PForget, 1e-15, 2*0.25, 0.5*2-2*0.25*2)
	f.want("PCell", a.PCell, 1e-15, 0.5*4+0.75, 0.5*4-0.75*2)
	f.want("DW", a.DW, 1e-15,
		1+0.75*2, 1-0.75*3,
		1+0.75*0.5, 1,
		1+7*3*3./16, 1-7*3*3./16*2,
		1+0.75*2.75, 1+0.75*0.5)
}

// lstm1997Run is a sequence of memory blocks with given sources. Its value is
// Σ_t DY_t·y_t.
type lstm1997Run struct {
	fixture
	lstm1997Options
	weights, peep, dy, source, initial []float64
	frozen                             []float64 // states of an earlier run, for the peepholes; nil: its own
}

type lstm1997Options struct {
	forget, peephole bool
	g, h             backend.Squash
}

const (
	lstm1997Steps, lstm1997Batch, blocks, lstm1997Cells, sources = 4, 2, 3, 2, 4

	allCells     = blocks * lstm1997Cells
	lstm1997Seed = 5
)

func (o lstm1997Options) units() int {
	if o.forget {
		return 3*blocks + allCells
	}
	return 2*blocks + allCells
}

func newBlockRun(t *testing.T, o lstm1997Options) *lstm1997Run {
	rng := rand.New(rand.NewPCG(1, lstm1997Seed))
	r := &lstm1997Run{
		fixture: open(t), lstm1997Options: o,
		weights: normal(rng, o.units()*sources), dy: normal(rng, lstm1997Steps*lstm1997Batch*allCells),
		source: normal(rng, lstm1997Steps*lstm1997Batch*sources), initial: normal(rng, lstm1997Batch*allCells),
	}
	if o.peephole {
		r.peep = normal(rng, 3*allCells)
	}
	return r
}

// forward runs all steps. It returns the operands of each step for the gradient,
// without the partials.
func (r *lstm1997Run) forward() (steps []backend.LSTM1997CellGradArgs) {
	w := r.tensor(r.units(), sources, r.weights...)
	before := r.tensor(lstm1997Batch, allCells, r.initial...)
	for t := range lstm1997Steps {
		a := backend.LSTM1997CellGradArgs{
			LSTM1997CellArgs: backend.LSTM1997CellArgs{
				Blocks: blocks, G: r.g, H: r.h, Gates: r.tensor(lstm1997Batch, r.units()),
				SPrev: before, S: r.tensor(lstm1997Batch, allCells), Y: r.tensor(lstm1997Batch, allCells),
			},
			Source: r.tensor(lstm1997Batch, sources, r.source[t*lstm1997Batch*sources:][:lstm1997Batch*sources]...),
			DY:     r.tensor(lstm1997Batch, allCells, r.dy[t*lstm1997Batch*allCells:][:lstm1997Batch*allCells]...),
		}
		r.Gemm(a.Gates, backend.NoTrans, backend.Trans, 1, a.Source, w, 0)
		switch {
		case r.frozen != nil:
			r.addPeepholes(a.Gates, t)
		case r.peephole:
			a.Peep = r.tensor(3, allCells, r.peep...)
		}
		r.LSTM1997Cell(a.LSTM1997CellArgs)
		before = a.S
		steps = append(steps, a)
	}
	return steps
}

// addPeepholes adds the frozen states, weighted by the peepholes, to z.
func (r *lstm1997Run) addPeepholes(gates backend.Tensor, t int) {
	z := r.values(gates)
	for n := range lstm1997Batch {
		for v := range allCells {
			before, after := r.frozen[(t*lstm1997Batch+n)*allCells+v], r.frozen[((t+1)*lstm1997Batch+n)*allCells+v]
			row, block := z[n*r.units():], v/lstm1997Cells
			row[block] += r.peep[v] * before
			out := block + blocks
			if r.forget {
				row[out] += r.peep[allCells+v] * before
				out += blocks
			}
			row[out] += r.peep[2*allCells+v] * after
		}
	}
	r.UploadFloat64(gates, z)
}

func (r *lstm1997Run) value() (sum float64) {
	for _, a := range r.forward() {
		sum += dot(r.values(a.DY), r.values(a.Y))
	}
	return sum
}

// gradients returns the truncated gradients.
func (r *lstm1997Run) gradients() (dw, dPeep []float64) {
	rows, columns := lstm1997Batch*allCells, sources
	if r.peephole {
		columns += lstm1997Cells
	}
	zeros := func(rows, cols int) backend.Tensor { return r.tensor(rows, cols, make([]float64, rows*cols)...) }
	grad := zeros(r.units(), sources)
	partials := backend.LSTM1997CellGradArgs{PIn: zeros(rows, columns), PCell: zeros(rows, sources), DW: grad}
	if r.forget {
		partials.PForget = zeros(rows, columns)
	}
	if r.peephole {
		partials.DPeep = zeros(3, allCells)
	}
	for _, a := range r.forward() {
		a.PIn, a.PForget, a.PCell, a.DW, a.DPeep = partials.PIn, partials.PForget, partials.PCell, grad, partials.DPeep
		r.LSTM1997CellGrad(a)
	}
	if r.peephole {
		dPeep = r.values(partials.DPeep)
	}
	return r.values(grad), dPeep
}

// freeze keeps the states of a run for the peepholes of later runs.
func (r *lstm1997Run) freeze() {
	states := append([]float64{}, r.initial...)
	for _, a := range r.forward() {
		states = append(states, r.values(a.S)...)
	}
	if r.peephole {
		r.frozen = states
	}
}

func TestLSTM1997CellGradIsTheDerivativeWithFrozenSources(t *testing.T) {
	for _, squash := range []struct {
		name string
		g, h backend.Squash
	}{
		{"1997", backend.SquashInput(), backend.SquashOutput()},
		{"identity", backend.Squash{}, backend.Squash{}},
		{"tanh and identity", backend.Squash{Range: 1, Slope: 1}, backend.Squash{}},
	} {
		for _, o := range []lstm1997Options{{}, {forget: true}, {peephole: true}, {forget: true, peephole: true}} {
			t.Run(fmt.Sprintf("%s/forget %v, peephole %v", squash.name, o.forget, o.peephole), func(t *testing.T) {
				o.g, o.h = squash.g, squash.h
				r := newBlockRun(t, o)
				dw, dPeep := r.gradients()
				want := r.value()
				r.freeze()
				if got := r.value(); !(math.Abs(got-want) <= 1e-12*math.Abs(want)) {
					t.Fatalf("the value is %v with frozen states, %v without", got, want)
				}
				if err := gradientError(dw, numericGradient(r.value, r.weights)); err != nil {
					t.Errorf("DW, seed %d: %v", lstm1997Seed, err)
				}
				numeric := numericGradient(r.value, r.peep)
				if err := gradientError(dPeep, numeric); err != nil {
					t.Errorf("DPeep, seed %d: %v", lstm1997Seed, err)
				}
			})
		}
	}
}

// The constant error carousel: without forget gates, a partial keeps its bits while
// the input gate is shut.
func TestPartialsOfTheCarouselLast(t *testing.T) {
	f := open(t)
	one := func(v float64) backend.Tensor { return f.tensor(1, 1, v) }
	a := backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: backend.LSTM1997CellArgs{Blocks: 1, G: backend.SquashInput(), H: backend.SquashOutput(),
			Gates: f.tensor(1, 3), SPrev: one(0.3), S: one(nan), Y: one(nan)},
		Source: one(1), DY: one(0), PIn: one(0.7), PCell: one(-0.1), DW: f.tensor(3, 1, 0, 0, 0),
	}
	for range 1000 {
		f.UploadFloat64(a.Gates, []float64{-1e4, 0, 3})
		f.LSTM1997Cell(a.LSTM1997CellArgs)
		f.LSTM1997CellGrad(a)
		f.Copy(a.SPrev, a.S)
	}
	f.want("S", a.S, 0, 0.3)
	f.want("PIn", a.PIn, 0, 0.7)
	f.want("PCell", a.PCell, 0, -0.1)
}
