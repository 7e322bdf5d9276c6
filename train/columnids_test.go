package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// priced returns 24 samples of a number and two ids, whose targets follow from all of them.
func priced() *data.Dataset {
	rng := rand.New(rand.NewPCG(1, 8))
	d := &data.Dataset{Steps: 1, Width: 3, TargetWidth: 1}
	for range 24 {
		a, x, b := rng.IntN(4), rng.Float32(), rng.IntN(2)
		d.X = append(d.X, float32(a), x, float32(b))
		d.Targets = append(d.Targets, []float32{0, 2, -1, 0.5}[a]+x-float32(b))
	}
	return d
}

func pricer(t *testing.T, b backend.Backend) *model.Network {
	return build(t, b, model.Spec{
		{Name: "embedding", Layer: model.ColumnEmbedding{Columns: []model.EmbeddedColumn{{Column: 0, IDs: 4, Out: 2}, {Column: 2, IDs: 2, Out: 1}}}},
		{Name: "head", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: 1, Batch: 5, Width: 3}, 1)
}

func TestNetsOfColumnsOfIDsLearnTheSameOnAllBackends(t *testing.T) {
	learn := func(b backend.Backend) ([]float32, float64) {
		net := pricer(t, b)
		trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 20, Batch: 5, Seed: 1})
		fit(t, trainer, priced(), nil)
		metrics, err := train.Evaluate(net, train.MSE{}, priced())
		if err != nil {
			t.Fatal(err)
		}
		return download(t, b, net.Values()), metrics.Loss
	}
	want, loss := learn(openReference(t))
	if !(loss < 0.01) {
		t.Errorf("loss %v: the ids were not learned", loss)
	}
	for name, b := range others(t) {
		got, _ := learn(b)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-3 {
				t.Fatalf("%s: parameter %d is %v, want %v", name, i, got[i], want[i])
			}
		}
	}
}

func TestNumbersThatAreNoIDsAreNamed(t *testing.T) {
	net := pricer(t, openCPU(t))
	for _, c := range []struct {
		at   int
		id   float32
		want string
	}{
		{0, 4, "sample 0 has 4 at time step 0 in column 0, but that holds ids, 0 to 3"},
		{5, -1, "sample 1 has -1 at time step 0 in column 2, but that holds ids, 0 to 1"},
		{2, 0.5, "sample 0 has 0.5 at time step 0 in column 2, but that holds ids, 0 to 1"},
		{6, float32(math.NaN()), "sample 2 has NaN at time step 0 in column 0, but that holds ids, 0 to 3"},
	} {
		set := priced()
		set.X[c.at] = c.id
		_, err := train.Predict(net, set)
		wantError(t, err, "train: predict: "+c.want)
	}
}
