package bench

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// small are steps of each kind that take no time.
var small = []Step{
	{"lstm", LSTM, 3, 5, 2, 4, 6},
	{"rnn", RNN, 3, 5, 1, 4, 6},
	{"relu", ReLU, 7, 5, 2, 4, 1},
}

// A step gives the bits that train.Trainer gives.
func TestAStepIsOneOfTheTrainer(t *testing.T) {
	const steps = 3
	for _, s := range small {
		l, err := s.newLearner(openCPU(t))
		if err != nil {
			t.Fatal(err)
		}
		for range steps {
			l.step()
		}
		got := values(t, l.net)

		net, err := model.New(openCPU(t), s.Spec(), s.Shape(), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(1)
		drawn := values(t, net)
		trainer, err := train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: LR, Epochs: 1, Batch: s.Batch})
		if err != nil {
			t.Fatal(err)
		}
		x, labels := s.batch()
		for range steps {
			trainer.Step(data.Batch{Size: s.Batch, Steps: s.Steps, X: x, Labels: labels})
		}
		want, moved := values(t, net), false
		for i := range want {
			moved = moved || want[i] != drawn[i]
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s: parameter %d is %v, the trainer's is %v", s.Number, i, got[i], want[i])
			}
		}
		if !moved {
			t.Errorf("%s: no parameter moved", s.Number)
		}
	}
}

func values(t *testing.T, net *model.Network) []float32 {
	t.Helper()
	x := make([]float32, net.Values().Size())
	if err := net.Backend().Download(x, net.Values()); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, s := range small {
		call, err := s.Prepare(openCPU(t))
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, call); n != 0 {
			t.Errorf("%s: %v allocations, want 0", s.Number, n)
		}
	}
}

// full has no memory after some allocations.
type full struct {
	backend.Backend
	left int
}

func (f *full) New(rows, cols int) (backend.Tensor, error) {
	if f.left--; f.left < 0 {
		return backend.Tensor{}, backend.ErrOutOfMemory
	}
	return f.Backend.New(rows, cols)
}

func TestAStepThatFindsNoMemorySaysSo(t *testing.T) {
	for left := 0; ; left++ {
		call, err := small[0].Prepare(&full{openCPU(t), left})
		if err == nil {
			call()
			if left < 5 {
				t.Errorf("%d allocations are enough", left)
			}
			return
		}
		if call != nil {
			t.Errorf("after %d allocations there is a call, and the error %v", left, err)
		}
	}
}
