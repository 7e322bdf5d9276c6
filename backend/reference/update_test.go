package reference_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"gputrain/backend"
)

// optimizersJSON holds steps of PyTorch's optimizers in float64, written by
// testdata/optimizers.py.
//
//go:embed testdata/optimizers.json
var optimizersJSON []byte

type torchOptimizers struct {
	Generator    string // SHA-256 of the program that wrote it
	Start        []float64
	Grads        [][]float64
	Trajectories []trajectory
	Clips        []struct {
		X, Clipped  []float64
		Limit, Norm float64
	}
}

type trajectory struct {
	Optimizer string
	Options   struct {
		LR, Alpha, Eps, Momentum float64
		WeightDecay              float64 `json:"weight_decay"`
		Betas                    [2]float64
		Nesterov                 bool
	}
	Params [][]float64 // after each step
}

const torchTolerance = 1e-12

func readTorchOptimizers(t *testing.T) (torch torchOptimizers) {
	if err := json.Unmarshal(optimizersJSON, &torch); err != nil {
		t.Fatal(err)
	}
	return torch
}

func TestFixtureIsFresh(t *testing.T) {
	program, err := os.ReadFile("testdata/optimizers.py")
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(program)); sum != readTorchOptimizers(t).Generator {
		t.Errorf("testdata/optimizers.json is stale: run testdata/optimizers.py, whose SHA-256 is %s", sum)
	}
}

func TestOptimizersFollowPyTorch(t *testing.T) {
	torch := readTorchOptimizers(t)
	for _, c := range torch.Trajectories {
		t.Run(fmt.Sprintf("%s%+v", c.Optimizer, c.Options), func(t *testing.T) {
			f := open(t)
			n := len(torch.Start)
			param, grad := f.tensor(1, n, torch.Start...), f.tensor(1, n)
			first, second := f.tensor(1, n, make([]float64, n)...), f.tensor(1, n, make([]float64, n)...)
			for step, want := range c.Params {
				f.UploadFloat64(grad, torch.Grads[step])
				c.step(f, step+1, param, grad, first, second)
				f.want(fmt.Sprintf("param after step %d", step+1), param, torchTolerance, want...)
				f.want("grad", grad, 0, torch.Grads[step]...)
			}
		})
	}
}

// step makes step number, from 1, of the optimizer with its two states.
func (c trajectory) step(f fixture, number int, param, grad, first, second backend.Tensor) {
	o := c.Options
	switch c.Optimizer {
	case "SGD":
		f.SGD(backend.SGDArgs{
			Param: param, Grad: grad, Velocity: first,
			LR: o.LR, Momentum: o.Momentum, WeightDecay: o.WeightDecay, Nesterov: o.Nesterov,
		})
	case "RMSprop":
		f.RMSProp(backend.RMSPropArgs{
			Param: param, Grad: grad, Square: first, Velocity: second,
			LR: o.LR, Decay: o.Alpha, Epsilon: o.Eps, Momentum: o.Momentum, WeightDecay: o.WeightDecay,
		})
	case "Adam", "AdamW":
		f.Adam(backend.AdamArgs{
			Param: param, Grad: grad, Mean: first, Square: second,
			LR: o.LR, Beta1: o.Betas[0], Beta2: o.Betas[1], Epsilon: o.Eps, WeightDecay: o.WeightDecay,
			Decoupled: c.Optimizer == "AdamW", Step: number,
		})
	default:
		f.t.Fatalf("no optimizer %q", c.Optimizer)
	}
}

func TestClipNormFollowsPyTorch(t *testing.T) {
	for _, c := range readTorchOptimizers(t).Clips {
		t.Run(fmt.Sprintf("norm %.3g, limit %v", c.Norm, c.Limit), func(t *testing.T) {
			f := open(t)
			x, norm := f.tensor(1, len(c.X), c.X...), f.tensor(1, 1)
			f.ClipNorm(x, norm, c.Limit)
			f.want("norm", norm, torchTolerance, c.Norm)
			f.want("x", x, torchTolerance, c.Clipped...)
		})
	}
}

func TestOptimizersByHand(t *testing.T) {
	f := open(t)
	param, grad := f.tensor(1, 1, 2), f.tensor(1, 1, 0.5)
	zero := func() backend.Tensor { return f.tensor(1, 1, 0) }

	// 2 − 0.1·(0.5+0.25·2) = 1.9
	f.SGD(backend.SGDArgs{Param: param, Grad: grad, LR: 0.1, WeightDecay: 0.25})
	f.want("SGD", param, 1e-15, 1.9)

	// s = ¾·0.5², g = 0.5/(0.5·√¾) = 1/√¾
	f.UploadFloat64(param, []float64{2})
	f.RMSProp(backend.RMSPropArgs{Param: param, Grad: grad, Square: zero(), LR: 0.3, Decay: 0.25})
	f.want("RMSProp", param, 1e-15, 2-0.3/0.8660254037844386)

	// Step 1: m/(1−β₁) = g and √v/√(1−β₂) = |g|, so the step is −LR·sign(g).
	f.UploadFloat64(param, []float64{2})
	f.Adam(backend.AdamArgs{Param: param, Grad: grad, Mean: zero(), Square: zero(), LR: 0.1, Beta1: 0.9, Beta2: 0.999, Step: 1})
	f.want("Adam", param, 1e-15, 1.9)
}

func TestVelocityIsUntouchedWithoutMomentum(t *testing.T) {
	f := open(t)
	param, grad, velocity := f.tensor(1, 1, 1), f.tensor(1, 1, 1), f.tensor(1, 1, 7)
	f.SGD(backend.SGDArgs{Param: param, Grad: grad, Velocity: velocity, LR: 1})
	f.RMSProp(backend.RMSPropArgs{Param: param, Grad: grad, Square: f.tensor(1, 1, 0), Velocity: velocity, LR: 1, Decay: 0.5})
	f.want("Velocity", velocity, 0, 7)
}
