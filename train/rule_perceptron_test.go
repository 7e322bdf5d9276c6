package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// perceptron is a net of one perceptron with two inputs.
func perceptron(t testing.TB, b backend.Backend, binary bool, seed uint64) *model.Network {
	t.Helper()
	spec := model.Spec{{Name: "perceptron", Layer: model.Perceptron{Out: 1, Binary: binary}}}
	return build(t, b, spec, model.Shape{Steps: 1, Batch: 4, Width: 2}, seed)
}

// right returns the number of samples for which net gives the target.
func right(t testing.TB, net *model.Network, set *data.Dataset) int {
	t.Helper()
	outputs, err := train.Predict(net, set)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for i, y := range outputs {
		if y[0] == set.Targets[i] {
			count++
		}
	}
	return count
}

func TestPerceptronLearnsWhatALineSeparates(t *testing.T) {
	const seeds, epochs = 20, 100
	for _, on := range []struct {
		name string
		open func(testing.TB) backend.Backend
	}{{"reference", openReference}, {"cpu", openCPU}} {
		for _, gate := range []tasks.Gate{tasks.AND, tasks.OR, tasks.NAND, tasks.NOR} {
			for _, binary := range []bool{false, true} {
				t.Run(fmt.Sprint(on.name, " ", gate, " ", binary), func(t *testing.T) {
					set, b, most := gate.Table(off(binary)), on.open(t), 0
					for seed := range uint64(seeds) {
						net := perceptron(t, b, binary, seed)
						result, err := train.PerceptronRule{LR: 0.1, Epochs: epochs}.Fit(t.Context(), net, set)
						if err != nil {
							t.Fatal(err)
						}
						if got := right(t, net, set); !result.Converged || got != 4 {
							t.Errorf("seed %d: %d of 4 right, mistakes %v; want all right within %d epochs", seed, got, result.Mistakes, epochs)
						}
						if n := len(result.Mistakes); result.Mistakes[n-1] != 0 || slices.Contains(result.Mistakes[:n-1], 0) {
							t.Errorf("seed %d: mistakes %v; want 0 in the last epoch and in no other", seed, result.Mistakes)
						}
						most = max(most, len(result.Mistakes))
					}
					t.Logf("at most %d epochs", most)
				})
			}
		}
	}
}

func off(binary bool) float32 {
	if binary {
		return 0
	}
	return -1
}

func TestPerceptronNeverLearnsXOR(t *testing.T) {
	const seeds, epochs = 5, 1000
	set, b := tasks.XOR.Table(-1), openReference(t)
	for seed := range uint64(seeds) {
		net, best := perceptron(t, b, false, seed), 0
		rule := train.PerceptronRule{LR: 0.1, Epochs: epochs, OnSample: func(epoch, sample int) error {
			if sample == 3 {
				best = max(best, right(t, net, set))
			}
			return nil
		}}
		result, err := rule.Fit(t.Context(), net, set)
		if err != nil {
			t.Fatal(err)
		}
		if result.Converged || len(result.Mistakes) != epochs || slices.Min(result.Mistakes) < 1 || slices.Max(result.Mistakes) > 4 || best > 3 {
			t.Errorf("seed %d: converged is %v after %d epochs, %d to %d mistakes, at best %d of 4 right; want no end, 1 to 4 mistakes in each epoch, at most 3 right",
				seed, result.Converged, len(result.Mistakes), slices.Min(result.Mistakes), slices.Max(result.Mistakes), best)
		}
	}
}

// Three epochs of AND by hand, from zero, with LR 1: the weights and the bias after
// each sample.
func TestPerceptronRuleFollowsItsFormula(t *testing.T) {
	const lr = 1
	for _, on := range []func(testing.TB) backend.Backend{openReference, openCPU, openEmulator} {
		b := on(t)
		net := perceptron(t, b, true, 1)
		b.Fill(net.Values(), 0)
		weight, _ := net.Parameter("perceptron.weight")
		bias, _ := net.Parameter("perceptron.bias")
		var got [][3]float32
		rule := train.PerceptronRule{LR: lr, Epochs: 3, OnSample: func(epoch, sample int) error {
			w := download(t, b, weight.Value)
			got = append(got, [3]float32{w[0], w[1], download(t, b, bias.Value)[0]})
			return nil
		}}
		result, err := rule.Fit(t.Context(), net, tasks.AND.Table(0))
		if err != nil {
			t.Fatal(err)
		}
		want := [][3]float32{
			{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, // 11 was off
			{1, 1, 0}, {1, 0, -1}, {1, 0, -1}, {2, 1, 0}, // 00 and 01 were on, 11 off
			{2, 1, 0}, {2, 0, -1}, {1, 0, -2}, {2, 1, -1}, // 01 and 10 were on, 11 off
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: weights and bias are\n%v, want\n%v", b.Name(), got, want)
		}
		if mistakes := []int{1, 3, 3}; !slices.Equal(result.Mistakes, mistakes) || result.Converged {
			t.Errorf("%s: mistakes %v, converged %v; want %v, and not converged", b.Name(), result.Mistakes, result.Converged, mistakes)
		}
	}
}

// If a unit vector separates the samples with a margin, training from zero weights
// makes at most (longest sample / margin)² mistakes (Novikoff 1962).
func TestPerceptronMakesNoMoreMistakesThanNovikoffsBound(t *testing.T) {
	const width, samples, margin = 6, 50, 0.1
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(1, seed))
		var teacher [width + 1]float64 // weights and bias
		norm := 0.0
		for i := range teacher {
			teacher[i] = rng.NormFloat64()
			norm += teacher[i] * teacher[i]
		}
		set := &data.Dataset{Steps: 1, Width: width, TargetWidth: 1}
		longest := 0.0
		for set.Len() < samples {
			x, s, square := make([]float32, width), teacher[width]/math.Sqrt(norm), 1.0
			for i := range x {
				x[i] = float32(rng.NormFloat64())
				s += float64(x[i]) * teacher[i] / math.Sqrt(norm)
				square += float64(x[i]) * float64(x[i])
			}
			if math.Abs(s) < margin {
				continue
			}
			set.X = append(set.X, x...)
			set.Targets = append(set.Targets, float32(math.Copysign(1, s)))
			longest = max(longest, square)
		}
		b := openReference(t)
		net := build(t, b, model.Spec{{Name: "p", Layer: model.Perceptron{Out: 1}}}, model.Shape{Steps: 1, Batch: 1, Width: width}, 1)
		b.Fill(net.Values(), 0)
		bound := int(longest / (margin * margin))
		result, err := train.PerceptronRule{LR: 0.3, Epochs: bound + 1}.Fit(t.Context(), net, set)
		if err != nil {
			t.Fatal(err)
		}
		mistakes := 0
		for _, n := range result.Mistakes {
			mistakes += n
		}
		if !result.Converged || mistakes > bound || mistakes == 0 {
			t.Errorf("seed %d: converged is %v after %d mistakes; want convergence, some mistakes, at most %d", seed, result.Converged, mistakes, bound)
		}
	}
}

// Each of several perceptrons learns its own gate.
func TestPerceptronsOfALayerLearnApart(t *testing.T) {
	b := openReference(t)
	gates := []tasks.Gate{tasks.AND, tasks.OR, tasks.NOR}
	set := &data.Dataset{Steps: 1, Width: 2, X: tasks.AND.Table(-1).X, Targets: make([]float32, 4*len(gates)), TargetWidth: len(gates)}
	for unit, gate := range gates {
		for i, d := range gate.Table(-1).Targets {
			set.Targets[i*len(gates)+unit] = d
		}
	}
	net := build(t, b, model.Spec{{Name: "p", Layer: model.Perceptron{Out: len(gates)}}}, model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	result, err := train.PerceptronRule{LR: 0.1, Epochs: 100}.Fit(t.Context(), net, set)
	if err != nil || !result.Converged {
		t.Fatalf("got %+v, error %v; want convergence", result, err)
	}
	outputs, err := train.Predict(net, set)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(outputs...); !slices.Equal(got, set.Targets) {
		t.Errorf("outputs %v, want %v", got, set.Targets)
	}
}

func TestRulesNameWhatMakesNoSense(t *testing.T) {
	b, and := openReference(t), tasks.AND.Table(-1)
	in := model.Shape{Steps: 3, Batch: 2, Width: 2}
	one := func(layer model.Layer) *model.Network {
		return build(t, b, model.Spec{{Name: "layer", Layer: layer}}, in, 1)
	}
	unit, dense := one(model.Perceptron{Out: 1}), one(model.Dense{Out: 1})
	two := build(t, b, model.Spec{{Name: "a", Layer: model.Dense{Out: 1}}, {Name: "b", Layer: model.Perceptron{Out: 1}}}, in, 1)
	changed := func(change func(*data.Dataset)) *data.Dataset {
		set := tasks.AND.Table(-1)
		change(set)
		return set
	}
	perceptron := func(r train.PerceptronRule, net *model.Network, set *data.Dataset) error {
		_, err := r.Fit(t.Context(), net, set)
		return err
	}
	delta := func(r train.DeltaRule, net *model.Network, set *data.Dataset) error {
		_, err := r.Fit(t.Context(), net, set)
		return err
	}
	good := train.PerceptronRule{LR: 1, Epochs: 1}
	goodDelta := train.DeltaRule{LR: 1e-3, Epochs: 1}
	for _, c := range []struct {
		err  error
		want string
	}{
		{perceptron(good, unit, and), ""},
		{perceptron(good, dense, and), "train: perceptron rule: the layer is a model.Dense, want a model.Perceptron"},
		{perceptron(good, two, and), "the network has 2 layers, want one model.Perceptron"},
		{perceptron(train.PerceptronRule{Epochs: 1}, unit, and), "LR is 0"},
		{perceptron(train.PerceptronRule{LR: math.NaN(), Epochs: 1}, unit, and), "LR is NaN"},
		{perceptron(train.PerceptronRule{LR: 1}, unit, and), "Epochs is 0, want at least 1"},
		{perceptron(good, unit, tasks.AND.Table(0)), "target 0 of sample 0 is 0, want 1 or -1"},
		{perceptron(good, one(model.Perceptron{Out: 1, Binary: true}), and), "target 0 of sample 0 is -1, want 1 or 0"},
		{perceptron(good, one(model.Perceptron{Out: 2}), and), "its targets have 1 values, but the network has 2 outputs"},
		{perceptron(good, unit, changed(func(d *data.Dataset) { d.Targets = nil })), "it has no target values"},
		{perceptron(good, unit, changed(func(d *data.Dataset) { d.X[5] = float32(math.NaN()) })), "feature 1 of sample 2 is NaN"},
		{perceptron(good, unit, &data.Dataset{Steps: 1, Width: 2}), "it is empty"},
		{perceptron(good, unit, sequences(3, 3, 2, 1)), "the samples have 3 time steps, want 1"},
		{delta(goodDelta, dense, and), ""},
		{delta(goodDelta, one(model.Dense{Out: 1, NoBias: true}), and), ""},
		{delta(goodDelta, unit, and), "train: delta rule: the layer is a model.Perceptron, want a model.Dense"},
		{delta(train.DeltaRule{LR: 1, Epochs: 1, Tolerance: -1}, dense, and), "Tolerance is -1"},
		{delta(train.DeltaRule{LR: math.Inf(1), Epochs: 1}, dense, and), "LR is +Inf"},
		{delta(train.DeltaRule{LR: 1, Epochs: 1, Batch: true}, dense, and), "presents all 4 samples at once, but the network was built for at most 2"},
		{delta(goodDelta, dense, changed(func(d *data.Dataset) { d.Targets[3] = float32(math.Inf(1)) })), "a target of sample 3 is +Inf"},
	} {
		wantError(t, c.err, c.want)
	}
}

func TestTrainerRefusesWhatHasNoGradient(t *testing.T) {
	b := openReference(t)
	for _, layer := range []model.Layer{model.Perceptron{Out: 1}, model.Threshold{}} {
		net := build(t, b, model.Spec{{Name: "dense", Layer: model.Dense{Out: 1}}, {Name: "unit", Layer: layer}}, model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
		_, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1})
		wantError(t, err, fmt.Sprintf(`stage "unit" is a %T, which has no gradient`, layer))
	}
	net := build(t, b, model.Spec{{Name: "sigmoid", Layer: model.Sigmoid}}, model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
	_, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1})
	wantError(t, err, "the network has no parameters")
}

func TestRulesStopWhenTheyAreTold(t *testing.T) {
	b, cause := openReference(t), errors.New("the user had enough")
	net := perceptron(t, b, false, 1)
	rule := train.PerceptronRule{LR: 0.1, Epochs: 10, OnSample: func(epoch, sample int) error {
		if epoch == 2 && sample == 1 {
			return cause
		}
		return nil
	}}
	result, err := rule.Fit(t.Context(), net, tasks.XOR.Table(-1))
	if !errors.Is(err, cause) || len(result.Mistakes) != 2 {
		t.Errorf("OnSample: got %v and %d epochs, want %v and 2", err, len(result.Mistakes), cause)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	rule.OnSample = func(epoch, sample int) error {
		if epoch == 2 {
			cancel(cause)
		}
		return nil
	}
	result, err = rule.Fit(ctx, net, tasks.XOR.Table(-1))
	if !errors.Is(err, cause) || len(result.Mistakes) != 3 {
		t.Errorf("cancelled: got %v and %d epochs, want %v and 3", err, len(result.Mistakes), cause)
	}
	_, err = train.DeltaRule{LR: 0.1, Epochs: 10}.Fit(ctx, build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1), tasks.XOR.Table(-1))
	if !errors.Is(err, cause) {
		t.Errorf("delta rule, cancelled: got %v, want %v", err, cause)
	}
}

// More epochs allocate no more than the list of their mistakes.
func TestPerceptronRuleAllocatesNothingPerSample(t *testing.T) {
	net, set := perceptron(t, openCPU(t), false, 1), tasks.XOR.Table(-1)
	allocs := func(epochs int) float64 {
		return testing.AllocsPerRun(3, func() {
			if _, err := (train.PerceptronRule{LR: 0.1, Epochs: epochs}).Fit(context.Background(), net, set); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(10), allocs(500); many > few+20 {
		t.Errorf("10 epochs allocate %v times, 500 epochs %v times", few, many)
	}
}

func TestRulesWithoutMemoryLeaveNothingBehind(t *testing.T) {
	b := &shortOfMemory{Backend: openReference(t), left: math.MaxInt}
	net, dense := perceptron(t, b, false, 1), build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	ofNetworks := b.held
	for name, fit := range map[string]func() error{
		"perceptron rule": func() error {
			_, err := train.PerceptronRule{LR: 0.1, Epochs: 1}.Fit(t.Context(), net, tasks.AND.Table(-1))
			return err
		},
		"delta rule": func() error {
			_, err := train.DeltaRule{LR: 0.1, Epochs: 1}.Fit(t.Context(), dense, tasks.AND.Table(-1))
			return err
		},
	} {
		for room := 0; ; room++ {
			b.left = room
			err := fit()
			if b.held != ofNetworks {
				t.Fatalf("%s with room for %d allocations: %d are held after it, want %d", name, room, b.held, ofNetworks)
			}
			if err == nil {
				if room == 0 {
					t.Errorf("%s allocates nothing: the test has no effect", name)
				}
				break
			}
			if !errors.Is(err, backend.ErrOutOfMemory) {
				t.Fatalf("%s with room for %d allocations: error %q, want one that wraps ErrOutOfMemory", name, room, err)
			}
		}
	}
}
