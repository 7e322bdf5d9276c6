package model

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// LSTM1997 is the original LSTM: a layer of memory blocks, trained by the truncated
// gradient. The cells of a block share its gates. LSTM is the modern form. The
// generations are
//
//	LSTM1997{Blocks: 2, Cells: 2}                                           Hochreiter, Schmidhuber 1997
//	LSTM1997{Blocks: 4, Cells: 2, ForgetGates: true, NoGateFeedback: true}  Gers, Schmidhuber, Cummins 2000
//	LSTM1997{Blocks: 1, Cells: 1, ForgetGates: true, NoGateFeedback: true,
//		Peepholes: true, LinearOutput: true}                                Gers, Schraudolph, Schmidhuber 2002
//
// The sources of all units at step t are the M activations
//
//	y_m = [x(t); in(t−1), φ(t−1), out(t−1), y(t−1); 1]
//
// of the input, the gates, the outputs of the cells, and a bias. For a cell v
// of block j, with g(x) = 4σ(x)−2 and h(x) = 2σ(x)−1,
//
//	in_j(t)  = σ(W_in_j·y_m  + Σ_{v∈j} p_in_v·s_v(t−1))      input gate
//	φ_j(t)   = σ(W_φ_j·y_m   + Σ_{v∈j} p_φ_v·s_v(t−1))       forget gate; 1 without ForgetGates
//	s_v(t)   = φ_j(t)·s_v(t−1) + in_j(t)·g(W_v·y_m)          state: the constant error carousel
//	out_j(t) = σ(W_out_j·y_m + Σ_{v∈j} p_out_v·s_v(t))       output gate
//	y_v(t)   = out_j(t)·h(s_v(t))                            output of the layer
//
// The sums over p are there only with Peepholes. The truncated gradient lets no
// error out of a block into its sources or peepholes. Inside the block, where the
// state keeps the error constant, it is exact. It is computed forward in time, in
// O(weights) per step: see backend.LSTM1997CellGradArgs. The error does not reach
// the input, so no stage with parameters may come before the layer.
//
// The parameters are weight [U, M], with rows in_j, φ_j, out_j, v, and with
// Peepholes weight_peep [3, Blocks·Cells], with rows p_in, p_φ, p_out, all drawn
// from U(±InitRange).
type LSTM1997 struct {
	Blocks int // memory blocks
	Cells  int // of each block

	ForgetGates    bool
	Peepholes      bool
	NoGateFeedback bool // the gates are not sources; only input, cells and bias are
	LinearOutput   bool // h(x) = x

	// Initial biases of the gates, one for each block. nil means that they are
	// drawn like the other weights.
	InputGateBias, ForgetGateBias, OutputGateBias []float64

	InitRange float64 // 0 means 0.1

	// Stateful lets the caller set s, y, the gates and the partial derivatives of s
	// before the first step, through Network.States; else they are zero. Backward
	// sets Final of the derivatives.
	Stateful bool
}

func (l LSTM1997) initRange() float64 { return cmp.Or(l.InitRange, 0.1) }

// allCells returns B·S.
func (l LSTM1997) allCells() int { return l.Blocks * l.Cells }

// gates returns the number of gates of all blocks.
func (l LSTM1997) gates() int {
	if l.ForgetGates {
		return 3 * l.Blocks
	}
	return 2 * l.Blocks
}

// feedback returns the number of gates that are sources.
func (l LSTM1997) feedback() int {
	if l.NoGateFeedback {
		return 0
	}
	return l.gates()
}

func (l LSTM1997) units() int           { return l.gates() + l.allCells() }
func (l LSTM1997) sources(in Shape) int { return in.Width + l.feedback() + l.allCells() + 1 }

// Output returns in with a column for each cell.
func (l LSTM1997) Output(in Shape) (Shape, error) {
	for _, size := range []struct {
		name string
		n    int
	}{{"Blocks", l.Blocks}, {"Cells", l.Cells}, {"Blocks·Cells", l.allCells()}} {
		if err := checkSize(size.name, size.n, maxSize); err != nil {
			return Shape{}, err
		}
	}
	if err := l.checkBiases(); err != nil {
		return Shape{}, err
	}
	if err := checkScale("InitRange", l.initRange()); err != nil {
		return Shape{}, err
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: l.allCells()}, nil
}

// OutputRange returns −1 and 1, or −Inf and +Inf with LinearOutput.
func (l LSTM1997) OutputRange(_, _ float64) (float64, float64) {
	if l.LinearOutput {
		return unbounded()
	}
	return -1, 1
}

// gateBias holds the initial biases of one kind of gate.
type gateBias struct {
	name   string
	values []float64
	row    int // of weight, for the gate of the first block
}

func (l LSTM1997) gateBiases() []gateBias {
	return []gateBias{
		{"InputGateBias", l.InputGateBias, 0},
		{"ForgetGateBias", l.ForgetGateBias, l.Blocks},
		{"OutputGateBias", l.OutputGateBias, l.gates() - l.Blocks},
	}
}

func (l LSTM1997) checkBiases() error {
	if l.ForgetGateBias != nil && !l.ForgetGates {
		return errors.New("ForgetGateBias is set, but ForgetGates is not")
	}
	for _, gate := range l.gateBiases() {
		if gate.values != nil && len(gate.values) != l.Blocks {
			return fmt.Errorf("%s has %d values, want one for each of %d blocks", gate.name, len(gate.values), l.Blocks)
		}
		for _, v := range gate.values {
			if notFinite(float32(v)) {
				return fmt.Errorf("%s is %v, want finite numbers that fit a float32", gate.name, gate.values)
			}
		}
	}
	return nil
}

// Path returns backend.LSTM1997Path.
func (LSTM1997) Path(b backend.Backend) string { return backend.LSTM1997Path(b) }

// Parameters describes the weights and the peepholes.
func (l LSTM1997) Parameters(in Shape) []ParameterSpec {
	draw := uniformWithin(l.initRange())
	sources := l.sources(in)
	params := []ParameterSpec{{Name: "weight", Shape: []int{l.units(), sources}, Init: func(dst []float64, rng *rand.Rand) {
		draw(dst, rng)
		for _, gate := range l.gateBiases() {
			for j, v := range gate.values {
				dst[(gate.row+j+1)*sources-1] = v
			}
		}
	}}}
	if l.Peepholes {
		params = append(params, ParameterSpec{Name: "weight_peep", Shape: []int{3, l.allCells()}, Init: func(dst []float64, rng *rand.Rand) {
			draw(dst, rng)
			if !l.ForgetGates {
				clear(dst[l.allCells() : 2*l.allCells()])
			}
		}})
	}
	return params
}

// Build allocates the sources and the activations of all steps, and the
// partial derivatives of the states.
func (l LSTM1997) Build(b *Builder, in Shape) Module {
	if b.InputGrad() {
		b.Fail(errors.New("the truncated gradient of an LSTM1997 does not reach its input: make it the first stage with parameters, in a network without InputGrad"))
	}
	steps, states, sources := in.Rows()+in.Batch, in.Batch*l.allCells(), l.sources(in)
	m := &lstm1997{
		LSTM1997: l,
		backend:  b.Backend(),
		source:   b.New(in.Rows(), sources),
		gates:    b.New(steps, l.units()),
		state:    b.New(steps, l.allCells()),
		output:   b.New(steps, l.allCells()),
	}
	a := &m.args
	a.Blocks, a.G, a.H = l.Blocks, backend.SquashInput(), backend.SquashOutput()
	if l.LinearOutput {
		a.H = backend.Squash{}
	}
	a.Weight, a.DW = b.Parameter(0)
	weightsOfGate := sources
	if l.Peepholes {
		a.Peep, a.DPeep = b.Parameter(1)
		weightsOfGate += l.Cells
	}
	m.input = newPartials(b, states, weightsOfGate, l.Stateful)
	m.cell = newPartials(b, states, sources, l.Stateful)
	if l.ForgetGates {
		m.forget = newPartials(b, states, weightsOfGate, l.Stateful)
	}
	if m.source.Present() {
		// Forward writes all columns but the last, which is the bias.
		b.Backend().Fill(m.source, 1)
	}
	return m
}
