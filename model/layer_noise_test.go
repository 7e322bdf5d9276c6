package model_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// bits is a part of the random bits of a seed, and what it was drawn for.
type bits struct {
	seed, from, to uint64
	rate           float64
}

// drawing is a backend that notes the random bits of each Dropout.
type drawing struct {
	backend.Backend
	drawn []bits
}

func (b *drawing) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.drawn = append(b.drawn, bits{seed, offset, offset + uint64(dst.Size()), rate})
	b.Backend.Dropout(dst, x, rate, seed, offset)
}

// far is more elements than a tensor has on any device.
const far = 1 << 40

// sorted returns the bits by where they begin.
func sorted(drawn []bits) []bits {
	return slices.SortedFunc(slices.Values(drawn), func(a, b bits) int {
		return cmp.Or(cmp.Compare(a.seed, b.seed), cmp.Compare(a.from, b.from))
	})
}

// overlap says which of the bits are drawn twice, or would be if the tensors were
// as large as they can be: bits of two streams have to be far from each other. Those
// of one stream, of the time steps of a layer, are next to each other. "" if all is well.
func overlap(drawn []bits) string {
	drawn = sorted(drawn)
	for i := range len(drawn) - 1 {
		a, b := drawn[i], drawn[i+1]
		if a.seed == b.seed && b.from != a.to && (b.from < a.to || b.from-a.to < far) {
			return fmt.Sprintf("bits %d to %d of seed %d are for one use, and %d to %d for another", a.from, a.to, a.seed, b.from, b.to)
		}
	}
	return ""
}

// Each dropout and zoneout, of each layer, direction and time step, has random bits
// of its own, and a backward pass those of its forward pass.
func TestNoStreamsOfNoiseOverlap(t *testing.T) {
	const steps, batch, width = 5, 3, 4
	zoneout := model.LSTM{Hidden: 6, Layers: 2, Bidirectional: true, Dropout: 0.4, ZoneoutHidden: 0.1, ZoneoutCell: 0.2}
	spec := model.Spec{
		{Name: "a", Layer: model.Dropout{Rate: 0.3}},
		{Name: "dense", Layer: model.Dense{Out: 7}},
		{Name: "b", Layer: model.Dropout{Rate: 0.3}},
		{Name: "gru", Layer: model.GRU{Hidden: 6, Layers: 3, Dropout: 0.5}},
		{Name: "zoneout", Layer: zoneout},
		{Name: "cell", Layer: model.LSTM{Hidden: 2, ZoneoutCell: 0.2}},
		{Name: "c", Layer: model.Dropout{Rate: 0.3}},
	}
	const noises = 3 + 2 + 1 + 2*2*2*steps + steps // dropout of stages and layers, zoneout of h and c, of c
	b := &drawing{Backend: reference.New()}
	defer b.Close()
	net := build(t, b, spec, model.Shape{Steps: steps, Batch: batch, Width: width}, model.Options{InputGrad: true})
	net.Init(1)
	x := newTensor(t, b, steps*batch, width)
	b.Fill(x, 1)
	for _, seed := range []uint64{1, 1 << 63} {
		b.drawn = nil
		net.SetSeed(seed)
		dy := net.Forward(x, steps, model.Training)
		forward := slices.Clone(b.drawn)
		if len(forward) != noises {
			t.Fatalf("seed %d: a forward pass draws %d times, want %d", seed, len(forward), noises)
		}
		if text := overlap(forward); text != "" {
			t.Errorf("seed %d: %s", seed, text)
		}
		for _, drawn := range forward {
			if drawn.seed != seed {
				t.Errorf("seed %d: drawn with seed %d", seed, drawn.seed)
			}
		}
		b.drawn = nil
		net.Backward(dy)
		if want, got := sorted(forward), sorted(b.drawn); !slices.Equal(got, want) {
			t.Errorf("seed %d: the backward pass draws\n%v, the forward pass\n%v", seed, got, want)
		}
		b.drawn = nil
		net.Forward(x, steps, model.Evaluation)
		if len(b.drawn) != 0 {
			t.Errorf("seed %d: evaluation draws %d times", seed, len(b.drawn))
		}
	}
}
