package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// generations are the memory blocks of the literature, and variants between them.
var generations = []struct {
	name  string
	layer model.LSTM1997
}{
	{"1997", model.LSTM1997{Blocks: 2, Cells: 2}},
	{"1997, blocks of one cell", model.LSTM1997{Blocks: 3, Cells: 1}},
	{"2000", model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, NoGateFeedback: true}},
	{"2000, with gate feedback", model.LSTM1997{Blocks: 2, Cells: 3, ForgetGates: true}},
	{"2002", model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, NoGateFeedback: true, Peepholes: true, LinearOutput: true}},
	{"2002, with gate feedback, h", model.LSTM1997{Blocks: 1, Cells: 3, ForgetGates: true, Peepholes: true}},
	{"peepholes without forget gates", model.LSTM1997{Blocks: 2, Cells: 2, Peepholes: true}},
}

// lstm1997 are the equations of LSTM1997 for one sequence, unit by unit.
type lstm1997 struct {
	model.LSTM1997
	weight, peephole []float64
}

// context is what the truncated gradient holds constant: the inputs of the units
// and the peepholes.
type context struct {
	sources [][]float64 // y_m, by step
	states  [][]float64 // s, beginning with the step before the first
}

// run returns the outputs of the cells for the inputs x, by step, and the context
// that it met. If frozen is given, units and peepholes see that context.
func (m lstm1997) run(x [][]float64, frozen *context) (outputs [][]float64, seen context) {
	cells, gates := m.Blocks*m.Cells, 2*m.Blocks
	if m.ForgetGates {
		gates = 3 * m.Blocks
	}
	s, y, gate := make([]float64, cells), make([]float64, cells), make([]float64, gates)
	seen.states = append(seen.states, slices.Clone(s))
	for t := range x {
		source := slices.Clone(x[t])
		if !m.NoGateFeedback {
			source = append(source, gate...)
		}
		source = append(append(source, y...), 1)
		seen.sources = append(seen.sources, source)
		if frozen != nil {
			source = frozen.sources[t]
		}
		net := func(unit int) float64 {
			return dot(m.weight[unit*len(source):(unit+1)*len(source)], source)
		}
		through := func(row, block int, states []float64) float64 {
			if !m.Peepholes {
				return 0
			}
			from, to := block*m.Cells, (block+1)*m.Cells
			return dot(m.peephole[row*cells:][from:to], states[from:to])
		}
		before := seen.states[t]
		if frozen != nil {
			before = frozen.states[t]
		}
		out := gates - m.Blocks // the first of its kind
		for j := range m.Blocks {
			gate[j] = logistic(net(j) + through(0, j, before))
			forget := 1.0
			if m.ForgetGates {
				forget = logistic(net(m.Blocks+j) + through(1, j, before))
				gate[m.Blocks+j] = forget
			}
			for v := j * m.Cells; v < (j+1)*m.Cells; v++ {
				s[v] = forget*s[v] + gate[j]*(4*logistic(net(gates+v))-2)
			}
		}
		seen.states = append(seen.states, slices.Clone(s))
		after := s
		if frozen != nil {
			after = frozen.states[t+1]
		}
		for j := range m.Blocks {
			gate[out+j] = logistic(net(out+j) + through(2, j, after))
			for v := j * m.Cells; v < (j+1)*m.Cells; v++ {
				squashed := 2*logistic(s[v]) - 1
				if m.LinearOutput {
					squashed = s[v]
				}
				y[v] = gate[out+j] * squashed
			}
		}
		outputs = append(outputs, slices.Clone(y))
	}
	return outputs, seen
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// blockCheck is a network of memory blocks with random parameters, inputs and
// errors of the outputs.
type blockCheck struct {
	b     *reference.Backend
	net   *model.Network
	in    model.Shape
	x, dy []float64
}

func newBlockCheck(t *testing.T, layer model.LSTM1997, in model.Shape, seed uint64) *blockCheck {
	b := reference.New()
	t.Cleanup(func() { b.Close() })
	net := build(t, b, model.Spec{{Name: "lstm", Layer: layer}}, in, model.Options{})
	rng := rand.New(rand.NewPCG(1, seed))
	randomize(net, rng)
	out := net.Output()
	return &blockCheck{b, net, in, random(rng, in.Rows()*in.Width), random(rng, out.Rows()*out.Width)}
}

// param returns the values of the parameter; nil if there is none.
func (c *blockCheck) param(t *testing.T, name string) []float64 {
	w, ok := c.net.Parameter("lstm." + name)
	if !ok {
		return nil
	}
	return download(t, c.b, w.Value)
}

// pass runs both passes over the steps from to to and returns the output.
func (c *blockCheck) pass(t *testing.T, from, to int) (y []float64) {
	n := c.in.Batch
	x, dy := newTensor(t, c.b, (to-from)*n, c.in.Width), newTensor(t, c.b, (to-from)*n, c.net.Output().Width)
	c.b.UploadFloat64(x, c.x[from*n*x.Cols:to*n*x.Cols])
	c.b.UploadFloat64(dy, c.dy[from*n*dy.Cols:to*n*dy.Cols])
	y = download(t, c.b, c.net.Forward(x, to-from, model.Training))
	c.net.Backward(dy)
	return y
}

// gradients returns what all passes have added, by the names of the parameters.
func (c *blockCheck) gradients(t *testing.T) map[string][]float64 {
	grads := make(map[string][]float64)
	for _, w := range c.net.Parameters() {
		grads[strings.TrimPrefix(w.Name, "lstm.")] = download(t, c.b, w.Grad)
	}
	return grads
}

// sequence returns the rows of sequence n of values, by step.
func (c *blockCheck) sequence(values []float64, n int) [][]float64 {
	width := len(values) / c.in.Rows()
	var rows [][]float64
	for t := range c.in.Steps {
		at := (t*c.in.Batch + n) * width
		rows = append(rows, values[at:at+width])
	}
	return rows
}

func TestLSTM1997FollowTheirEquations(t *testing.T) {
	for seed, test := range generations {
		t.Run(test.name, func(t *testing.T) {
			c := newBlockCheck(t, test.layer, model.Shape{Steps: 9, Batch: 3, Width: 4}, uint64(seed))
			m := lstm1997{test.layer, c.param(t, "weight"), c.param(t, "weight_peep")}
			y := c.pass(t, 0, c.in.Steps)
			for n := range c.in.Batch {
				want, _ := m.run(c.sequence(c.x, n), nil)
				compare(t, fmt.Sprintf("seed %d: sequence %d", seed, n), slices.Concat(c.sequence(y, n)...), slices.Concat(want...), 1e-12)
			}
		})
	}
}

func TestLSTM1997InChunksMatchTheWhole(t *testing.T) {
	in := model.Shape{Steps: 7, Batch: 3, Width: 2}
	for seed, test := range generations {
		layer := test.layer
		layer.Stateful = true
		whole := newBlockCheck(t, layer, in, uint64(seed))
		want := whole.pass(t, 0, in.Steps)
		for _, size := range []int{1, 2, 3, 6} {
			c := newBlockCheck(t, layer, in, uint64(seed))
			var got []float64
			for from := 0; from < in.Steps; from += size {
				to := min(from+size, in.Steps)
				got = append(got, c.pass(t, from, to)...)
				next := min(size, in.Steps-to)
				for i, s := range c.net.States(to-from, in.Batch) {
					c.b.Copy(c.net.States(next, in.Batch)[i].Initial, s.Final)
				}
			}
			name := fmt.Sprintf("%s: seed %d: chunks of %d steps: ", test.name, seed, size)
			compare(t, name+"outputs", got, want, 1e-12)
			for param, grad := range whole.gradients(t) {
				compare(t, name+"gradient of "+param, c.gradients(t)[param], grad, 1e-12)
			}
		}
	}
}

func TestABatchOfLSTM1997IsItsSequences(t *testing.T) {
	in := model.Shape{Steps: 8, Batch: 5, Width: 3}
	for seed, test := range generations {
		c := newBlockCheck(t, test.layer, in, uint64(seed))
		y := c.pass(t, 0, in.Steps)
		one := newBlockCheck(t, test.layer, model.Shape{Steps: in.Steps, Batch: 1, Width: in.Width}, uint64(seed))
		for n := range in.Batch {
			one.x, one.dy = slices.Concat(c.sequence(c.x, n)...), slices.Concat(c.sequence(c.dy, n)...)
			compare(t, fmt.Sprintf("%s: seed %d: sequence %d", test.name, seed, n),
				one.pass(t, 0, in.Steps), slices.Concat(c.sequence(y, n)...), 1e-12)
		}
		for param, grad := range c.gradients(t) {
			compare(t, fmt.Sprintf("%s: seed %d: gradient of %s", test.name, seed, param), one.gradients(t)[param], grad, 1e-12)
		}
	}
}

func TestLSTM1997TakeSmallerBatches(t *testing.T) {
	for seed, test := range generations {
		stage := model.Spec{{Name: "lstm", Layer: test.layer}}
		b := reference.New()
		defer b.Close()
		large := build(t, b, stage, model.Shape{Steps: 6, Batch: 5, Width: 2}, model.Options{})
		large.Init(1)
		for i, size := range []struct{ steps, batch int }{{6, 5}, {6, 2}, {3, 5}, {1, 1}, {5, 4}, {4, 0}} {
			exact := build(t, b, stage, model.Shape{Steps: size.steps, Batch: max(1, size.batch), Width: 2}, model.Options{})
			exact.Init(1)
			b.Fill(large.Grads(), 0)
			y, _ := trainPass(t, large, size.steps, size.batch, uint64(i))
			want, _ := trainPass(t, exact, size.steps, size.batch, uint64(i))
			name := fmt.Sprintf("%s: seed %d: %d steps, batch %d: ", test.name, seed, size.steps, size.batch)
			compare(t, name+"output", y, want, 0)
			compare(t, name+"gradients", download(t, b, large.Grads()), download(t, b, exact.Grads()), 0)
		}
	}
}
