package experiment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/train"
)

var (
	delays = streams{train: tasks.SpikeDelays{Period: 3, MaxDelay: 2, Spikes: 9}, interval: 5, linear: true}
	spikes = streams{train: tasks.TimedSpikes{Period: 3, MaxDelay: 2, Spikes: 9}, interval: 1}
)

// tolerant returns a follower that takes every answer for right, and a stream.
func tolerant(t *testing.T, o streams) (*follower, *data.Sequence) {
	t.Helper()
	f, err := newFollower(Env{Seed: 1, Backend: reference.New()}, o)
	if err != nil {
		t.Fatal(err)
	}
	f.tolerance = math.Inf(1)
	return f, &data.Draw(o.train, rand.New(rand.NewPCG(1, 1)), 1)[0]
}

func TestFollowingAStreamIsRunningOverIt(t *testing.T) {
	for name, o := range map[string]streams{"delays": delays, "spikes": spikes} {
		f, s := tolerant(t, o)
		var got []float32
		right, whole, err := f.follow(s, func(part data.Batch) backend.Tensor {
			y := f.answer(part)
			if err := f.b.Download(f.y[:y.Rows], y); err != nil {
				t.Fatal(err)
			}
			got = append(got, f.y[:y.Rows]...)
			return y
		})
		asked := 0
		for _, mask := range s.Mask {
			asked += int(mask)
		}
		if err != nil || !whole || right != asked {
			t.Errorf("%s: %d of %d answers right, all: %v, error %v", name, right, asked, whole, err)
		}
		want, err := train.Predict(f.net, data.Pack(o.train.Format(), []data.Sequence{*s}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want[0]) {
			t.Errorf("%s: from answer to answer the outputs are %v, over the whole stream %v", name, got, want[0])
		}
	}
}

func TestLearningFromAStreamIsLearningInChunks(t *testing.T) {
	f, s := tolerant(t, spikes)
	before := make([]float32, f.net.Values().Size())
	got, want := slices.Clone(before), slices.Clone(before)
	download := func(dst []float32, f *follower) {
		if err := f.b.Download(dst, f.net.Values()); err != nil {
			t.Fatal(err)
		}
	}
	download(before, f)
	if _, _, err := f.follow(s, f.learn); err != nil {
		t.Fatal(err)
	}
	download(got, f)

	other, _ := tolerant(t, spikes)
	trainer, err := train.New(other.net, train.Options{
		Loss: squaredError{}, Optimizer: train.SGD{Momentum: 0.999}, LR: 1e-5, Epochs: 1, Batch: 1, Chunk: 1})
	if err != nil {
		t.Fatal(err)
	}
	trainer.Step(data.NewBatches(data.Pack(spikes.train.Format(), []data.Sequence{*s}), 1).Batch(0))
	download(want, other)
	if !slices.Equal(got, want) || slices.Equal(got, before) {
		t.Errorf("parameters are %v, with Chunk 1 %v, before %v", got, want, before)
	}
}

func TestTheFirstWrongAnswerEndsAStream(t *testing.T) {
	f, s := tolerant(t, spikes)
	f.tolerance = 0.8 // the outputs are about 0.5
	s.Targets[4] = 2
	passes := 0
	right, whole, err := f.follow(s, func(part data.Batch) backend.Tensor {
		passes++
		return f.answer(part)
	})
	if right != 4 || passes != 5 || whole || err != nil {
		t.Errorf("%d right in %d passes, all: %v, error %v; want 4 in 5", right, passes, whole, err)
	}
}
