package train

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
)

// readFixture returns the cases in testdata/name.json, which testdata/name.py writes.
func readFixture[T any](t *testing.T, name string) []T {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Generator string
		Cases     []T
	}
	if err := json.Unmarshal(text, &fixture); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("testdata/" + name + ".py")
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(program)); sum != fixture.Generator {
		t.Errorf("testdata/%s.json is stale: run testdata/%[1]s.py, whose SHA-256 is %s", name, sum)
	}
	return fixture.Cases
}

// pytorchOptimizer are options of an optimizer in testdata/updates.py.
type pytorchOptimizer struct {
	LR, Momentum float64
	WeightDecay  *float64 `json:"weight_decay"`
}

// pytorchUpdates is a case of testdata/updates.py.
type pytorchUpdates struct {
	Name, Optimizer string
	Options         pytorchOptimizer
	Groups          []struct {
		Names   []string
		Factor  float64
		Options pytorchOptimizer
		Frozen  bool
	}
	Clip, EMA       float64
	Accumulate      int
	Initial         map[string][]float64
	X, Y            [][]float32
	Steps, Averages []map[string][]float64
}

// optimizer returns that of c, with another weight decay if it is not nil.
func (c pytorchUpdates) optimizer(decay *float64) Optimizer {
	weightDecay := 0.0
	for _, d := range []*float64{c.Options.WeightDecay, decay} {
		if d != nil {
			weightDecay = *d
		}
	}
	switch c.Optimizer {
	case "SGD":
		return SGD{Momentum: c.Options.Momentum, WeightDecay: weightDecay}
	case "Adam":
		return Adam{WeightDecay: weightDecay}
	case "AdamW":
		return AdamW{WeightDecay: weightDecay}
	}
	panic("unknown optimizer " + c.Optimizer)
}

func (c pytorchUpdates) options() Options {
	o := Options{
		Loss: MSE{}, Optimizer: c.optimizer(nil), LR: c.Options.LR, ClipNorm: c.Clip, Epochs: 1, Batch: 5,
		Accumulate: c.Accumulate, EMA: c.EMA,
	}
	for _, g := range c.Groups {
		o.Groups = append(o.Groups, Group{Parameters: g.Names, LRFactor: g.Factor, Optimizer: c.optimizer(g.Options.WeightDecay), Frozen: g.Frozen})
	}
	return o
}

func TestUpdatesAreThoseOfPyTorch(t *testing.T) {
	const inputs, outputs, tolerance = 3, 2, 1e-12
	b := reference.New()
	defer b.Close()
	spec := model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 4}}, {Name: "tanh", Layer: model.Tanh}, {Name: "head", Layer: model.Dense{Out: outputs}},
	}
	for _, c := range readFixture[pytorchUpdates](t, "updates") {
		net, err := model.New(b, spec, model.Shape{Steps: 1, Batch: 5, Width: inputs}, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range net.Parameters() {
			b.UploadFloat64(p.Value, c.Initial[p.Name])
		}
		trainer, err := New(net, c.options())
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		compare := func(what string, flat backend.Tensor, want map[string][]float64) {
			for _, p := range net.Parameters() {
				got := make([]float64, p.Value.Size())
				if err := b.DownloadFloat64(got, stretch(flat, p.Value.Off, p.Value.Off+p.Value.Size())); err != nil {
					t.Fatal(err)
				}
				for i, want := range want[p.Name] {
					if off := math.Abs(got[i] - want); !(off <= tolerance) {
						t.Errorf("%s: after update %d, element %d of the %s of %s is %v, want %v, off by %.2g",
							c.Name, trainer.Steps(), i, what, p.Name, got[i], want, off)
					}
				}
			}
		}
		for i := range c.X {
			trainer.Step(data.Batch{Size: len(c.X[i]) / inputs, Steps: 1, X: c.X[i], Targets: c.Y[i]})
			if (i+1)%c.Accumulate > 0 {
				continue
			}
			step := trainer.Steps() - 1
			compare("values", net.Values(), c.Steps[step])
			if c.EMA > 0 {
				trainer.Average()
				compare("average", net.Values(), c.Averages[step])
			}
		}
		if trainer.Steps() != len(c.Steps) {
			t.Errorf("%s: %d updates, want %d", c.Name, trainer.Steps(), len(c.Steps))
		}
	}
}
