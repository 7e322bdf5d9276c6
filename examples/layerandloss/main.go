// Layerandloss is a layer and a loss of one's own: a gated linear unit, and the quantile
// loss, with which a network learns a value that nine of ten targets stay below.
//
//	go run ./examples/layerandloss
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if err := run(os.Stdout, 30); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, epochs int) error {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 32}},
		{Name: "gate", Layer: gatedLinearUnit{}},
		{Name: "head", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: 1, Batch: 64, Width: 1}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	loss := quantile{0.9}
	trainer, err := train.New(net, train.Options{Loss: loss, Optimizer: train.Adam{}, LR: 0.005, Epochs: epochs, Batch: 64, Seed: 1})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), noisy(4096, 1), nil); err != nil {
		return err
	}

	test := noisy(4096, 2)
	outputs, err := train.Predict(net, test)
	if err != nil {
		return err
	}
	below := 0.0
	for i, target := range test.Targets {
		if target < outputs[i][0] {
			below++
		}
	}
	fmt.Fprintf(out, "share of the targets below the output: %.2f, want 0.9\n", below/float64(test.Len()))
	return nil
}

// noisy draws samples whose noise grows with x: y = x + |x|·N(0, 1), for x in −1..1.
func noisy(n int, seed uint64) *data.Dataset {
	rng := rand.New(rand.NewPCG(seed, 0))
	set := &data.Dataset{Steps: 1, Width: 1, TargetWidth: 1}
	for range n {
		x := 2*rng.Float64() - 1
		set.X = append(set.X, float32(x))
		set.Targets = append(set.Targets, float32(x+max(x, -x)*rng.NormFloat64()))
	}
	return set
}

// gatedLinearUnit is y = u ⊙ sigmoid(v), where x is [u, v] (Dauphin et al. 2017, eq. 1).
type gatedLinearUnit struct{}

// Output implements model.Layer.
func (gatedLinearUnit) Output(in model.Shape) (model.Shape, error) {
	if in.Width%2 != 0 {
		return in, fmt.Errorf("a gated linear unit wants an even width, and gets %d", in.Width)
	}
	in.Width /= 2
	return in, nil
}

// Parameters implements model.Layer: there are none.
func (gatedLinearUnit) Parameters(model.Shape) []model.ParameterSpec { return nil }

// Build implements model.Layer. All memory is taken here, for the largest input.
func (gatedLinearUnit) Build(b *model.Builder, in model.Shape) model.Module {
	half := func() backend.Tensor { return b.New(in.Rows(), in.Width/2) }
	return &gatedLinear{
		b: b.Backend(), u: half(), gate: half(), y: half(),
		du: half(), dgate: half(), dx: b.New(in.Rows(), in.Width),
	}
}

type gatedLinear struct {
	b             backend.Backend
	u, gate, y    backend.Tensor
	du, dgate, dx backend.Tensor
	rows          int // of the pass in progress
}

// Forward implements model.Module.
func (g *gatedLinear) Forward(x backend.Tensor, in model.Shape, _ model.Mode) backend.Tensor {
	g.rows = in.Rows()
	u, gate, y, half := g.u.Slice(0, g.rows), g.gate.Slice(0, g.rows), g.y.Slice(0, g.rows), in.Width/2
	g.b.CopyCols(u, 0, x, 0, half)
	g.b.CopyCols(gate, 0, x, half, half)
	g.b.Sigmoid(gate, gate)
	g.b.Mul(y, u, gate)
	return y
}

// Backward implements model.Module: du = dy ⊙ gate, dv = dy ⊙ u ⊙ sigmoid'(v).
func (g *gatedLinear) Backward(dy backend.Tensor) backend.Tensor {
	u, gate, du, dgate, dx := g.u.Slice(0, g.rows), g.gate.Slice(0, g.rows), g.du.Slice(0, g.rows), g.dgate.Slice(0, g.rows), g.dx.Slice(0, g.rows)
	g.b.Mul(du, dy, gate)
	g.b.Mul(dgate, dy, u)
	g.b.SigmoidGrad(dgate, gate, dgate)
	g.b.CopyCols(dx, 0, du, 0, du.Cols)
	g.b.CopyCols(dx, du.Cols, dgate, 0, du.Cols)
	return dx
}

// quantile is the mean over all elements of q·e where e = target − y is above 0, and of
// (q−1)·e elsewhere (Koenker, Bassett 1978): ½·|e| + (q−½)·e.
type quantile struct{ q float64 }

// Check implements train.Loss: it wants what the squared error wants.
func (quantile) Check(set *data.Dataset, outputs int) error { return train.MSE{}.Check(set, outputs) }

// Rows implements train.Loss: it is a loss of values.
func (quantile) Rows(target train.Target) int { return target.Rows }

// Scratch implements train.ScratchLoss.
func (quantile) Scratch() int { return 2 }

// Compute implements train.Loss.
func (l quantile) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	e, above := target.Scratch[0], target.Scratch[1]
	b.Sub(e, target.Values, target.Masked(b, e, y))
	// The slope by e: q above 0, and q−1 elsewhere.
	b.Fill(above, 1)
	b.ReLUGrad(above, e, above)
	b.Fill(grad, l.q-1)
	b.Add(grad, grad, above)
	// The rows that do not count have e = 0, but a slope.
	if target.Mask.Present() {
		b.MulCol(grad, grad, target.Mask)
	}
	b.Mul(e, e, grad)
	mean := 1 / float64(max(1, target.Rows)*y.Cols)
	b.SumRows(loss, e.Reshape(e.Size(), 1), 0)
	b.Scale(loss, mean, loss)
	b.Scale(grad, -mean, grad) // e falls as y rises
}
