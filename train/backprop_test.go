package train_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// twoFourOne is the net for XOR: two inputs, four hidden units, one output.
var twoFourOne = model.Spec{
	{Name: "hidden", Layer: model.Dense{Out: 4}}, {Name: "1", Layer: model.Sigmoid},
	{Name: "output", Layer: model.Dense{Out: 1}}, {Name: "2", Layer: model.Sigmoid},
}

// solved reports whether every output of net is within 0.3 of its target.
func solved(t testing.TB, net *model.Network, set *data.Dataset) bool {
	t.Helper()
	outputs, err := train.Predict(net, set)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range outputs {
		if !(math.Abs(float64(y[0]-set.Targets[i])) < 0.3) {
			return false
		}
	}
	return true
}

func TestBackpropagationLearnsXOR(t *testing.T) {
	const seeds, want, epochs, tolerance = 20, 18, 1000, 0.01
	set, learned, most := tasks.XOR.Table(0), 0, 0
	for seed := range uint64(seeds) {
		net := build(t, openCPU(t), twoFourOne, model.Shape{Steps: 1, Batch: 4, Width: 2}, seed)
		if solved(t, net, set) {
			t.Errorf("seed %d: solved before training", seed)
		}
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 4, Epochs: epochs, Batch: 4, Tolerance: tolerance, LossEvery: epochs})
		fit(t, trainer, set, nil)
		history := trainer.History()
		if history[len(history)-1].TrainLoss <= tolerance && solved(t, net, set) {
			learned++
			most = max(most, len(history))
		} else {
			t.Logf("seed %d: not within %d epochs", seed, epochs)
		}
	}
	t.Logf("%d of %d seeds, in at most %d epochs", learned, seeds, most)
	if learned < want {
		t.Errorf("%d of %d seeds learn XOR, want %d", learned, seeds, want)
	}
}

// tutorialStep returns the weights and biases of a net of sigmoid layers after a
// step of error backpropagation for one sample, as in the tutorial:
//
//	ϑ_o = (d_o−y_o)·f'(s_o)    ϑ_h = f'(s_h)·Σ_o W[o,h]·ϑ_o
//	W[u,v] += η·ϑ_u·y_v        b_u += η·ϑ_u
//
// parameters holds W and b of each layer in turn; sizes are the sizes of the input
// and of the layers.
func tutorialStep(parameters []float64, sizes []int, x, d []float64, lr float64) []float64 {
	var weights, biases [][]float64
	after := append([]float64(nil), parameters...)
	rest := after
	for i := range len(sizes) - 1 {
		n := sizes[i] * sizes[i+1]
		weights, biases = append(weights, rest[:n]), append(biases, rest[n:n+sizes[i+1]])
		rest = rest[n+sizes[i+1]:]
	}
	y := [][]float64{x}
	for i, w := range weights {
		from := y[i]
		to := make([]float64, sizes[i+1])
		for u := range to {
			s := biases[i][u]
			for v := range from {
				s += w[u*len(from)+v] * from[v]
			}
			to[u] = 1 / (1 + math.Exp(-s))
		}
		y = append(y, to)
	}
	last := len(weights)
	theta := make([]float64, sizes[last])
	for o := range theta {
		theta[o] = (d[o] - y[last][o]) * y[last][o] * (1 - y[last][o])
	}
	for i := last - 1; i >= 0; i-- {
		below := make([]float64, sizes[i])
		for u, error := range theta {
			for v := range below {
				w := &weights[i][u*len(below)+v]
				below[v] += *w * error * y[i][v] * (1 - y[i][v])
				*w += lr * error * y[i][v]
			}
			biases[i][u] += lr * error
		}
		theta = below
	}
	return after
}

func TestBackpropagationFollowsTheTutorialAtAnyDepth(t *testing.T) {
	const lr, steps, tolerance = 0.5, 3, 1e-12
	for _, sizes := range [][]int{{3, 2}, {2, 4, 1}, {3, 5, 4, 2}, {1, 2, 3, 4, 3, 2}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			var spec model.Spec
			for i, size := range sizes[1:] {
				spec = append(spec,
					model.Stage{Name: fmt.Sprint("dense", i), Layer: model.Dense{Out: size}},
					model.Stage{Name: fmt.Sprint("sigmoid", i), Layer: model.Sigmoid})
			}
			width, outputs := sizes[0], sizes[len(sizes)-1]
			net := build(t, openReference(t), spec, model.Shape{Steps: 1, Batch: 1, Width: width}, 1)
			// E = ½Σe² is MSE·outputs/2.
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{}, LR: lr * float64(outputs) / 2, Epochs: 1, Batch: 1})
			rng := rand.New(rand.NewPCG(1, uint64(len(sizes))))
			batch := data.Batch{Size: 1, Steps: 1, X: make([]float32, width), Targets: make([]float32, outputs)}
			want := parameters(t, net)
			for range steps {
				wide := func(values []float32) []float64 {
					result := make([]float64, len(values))
					for i := range values {
						values[i] = rng.Float32()
						result[i] = float64(values[i])
					}
					return result
				}
				want = tutorialStep(want, sizes, wide(batch.X), wide(batch.Targets), lr)
				trainer.Step(batch)
			}
			for i, got := range parameters(t, net) {
				wantClose(t, fmt.Sprintf("parameter %d", i), got, want[i], tolerance)
			}
		})
	}
}

// Sloped and scaled sigmoids learn too, and alike on all backends.
func TestScaledSigmoidsLearnAlikeOnAllBackends(t *testing.T) {
	const epochs, tolerance = 30, 1e-4
	spec := model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 4}}, {Name: "g", Layer: model.Squash(backend.SquashInput())},
		{Name: "linear", Layer: model.Dense{Out: 3}}, {Name: "identity", Layer: model.Identity},
		{Name: "output", Layer: model.Dense{Out: 1}}, {Name: "logistic", Layer: model.Logistic{Slope: 2}},
	}
	losses := func(b backend.Backend) (losses []float64) {
		net := build(t, b, spec, model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: epochs, Batch: 4})
		fit(t, trainer, tasks.XOR.Table(0), nil)
		for _, e := range trainer.History() {
			losses = append(losses, e.TrainLoss)
		}
		return losses
	}
	want := losses(openReference(t))
	if first, last := want[0], want[epochs-1]; last > 0.5*first {
		t.Fatalf("the loss goes from %v to %v: nothing is learned", first, last)
	}
	for _, open := range []func(testing.TB) backend.Backend{openCPU, openEmulator} {
		b := open(t)
		for i, loss := range losses(b) {
			wantClose(t, fmt.Sprintf("%s: loss of epoch %d", b.Name(), i+1), loss, want[i], tolerance)
		}
	}
}

func TestToleranceEndsFit(t *testing.T) {
	const tolerance = 0.1
	_, trainer, set, _ := tugOfWar(t, train.Options{Epochs: 100, Tolerance: tolerance})
	fit(t, trainer, set, nil)
	history := trainer.History()
	n := len(history)
	if n < 2 || n == 100 || history[n-1].TrainLoss > tolerance || history[n-2].TrainLoss <= tolerance {
		t.Fatalf("the end came after %d epochs with loss %v", n, history[n-1].TrainLoss)
	}
	before := saved(t, trainer.Save)
	fit(t, trainer, set, nil)
	if !bytes.Equal(saved(t, trainer.Save), before) {
		t.Error("another Fit changed the trainer")
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := train.New(build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 1, Width: 1}, 1),
			train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1, Tolerance: bad})
		wantError(t, err, fmt.Sprintf("option Tolerance is %v", bad))
	}
}

// A gate has both labels and targets. The loss is that of the targets, and one
// output cannot tell two classes apart by which output is the largest.
func TestEvaluateOfTargetsWithLabels(t *testing.T) {
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	net.Backend().Fill(net.Values(), 0)
	metrics, err := train.Evaluate(net, train.MSE{}, tasks.XOR.Table(0))
	if err != nil || metrics.Loss != 0.5 || !math.IsNaN(metrics.Accuracy) || metrics.Confusion != nil {
		t.Errorf("got %+v, error %v; want loss 0.5 and no accuracy", metrics, err)
	}
}
