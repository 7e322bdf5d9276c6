package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gputrain/backend"
	"gputrain/model"
)

// textWriter is a network for text that reads one unit at a time, and goes on from
// there.
type textWriter struct {
	b      backend.Backend
	net    *model.Network
	states []model.State
	id     backend.Ints // of the unit
	host   []int32      // the same
	logits []float32    // of the next one
}

// newTextWriter builds the network of a model file for one unit.
func newTextWriter(b backend.Backend, d *description, file *model.File) (*textWriter, error) {
	net, err := model.New(b, d.learnedSpec(), model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		return nil, tooLarge(err)
	}
	if err := net.Load(file); err != nil {
		return nil, err
	}
	id, err := b.NewInts(1)
	if err != nil {
		return nil, err
	}
	return &textWriter{b: b, net: net, states: net.States(1, 1), id: id, host: make([]int32, 1), logits: make([]float32, d.outputs())}, nil
}

// read takes the next units of the text, and sets logits to what may follow them.
func (w *textWriter) read(ids []int32) error {
	var y backend.Tensor
	for _, id := range ids {
		w.host[0] = id
		w.b.UploadInts(w.id, w.host)
		y = w.net.ForwardIDs(w.id, 1, model.Evaluation)
		for _, s := range w.states {
			w.b.Copy(s.Initial, s.Final)
		}
	}
	return w.b.Download(w.logits, y)
}

// sampler draws from softmax(logits/temperature).
type sampler struct {
	temperature float64
	topK        int     // 0: all
	topP        float64 // 1: all
	rng         *rand.Rand
	chances     []float64 // by id, not yet divided by their sum
	order       []int32   // the ids, the most probable first
}

func newSampler(temperature float64, topK int, topP float64, seed uint64) *sampler {
	return &sampler{temperature: temperature, topK: topK, topP: topP, rng: rand.New(rand.NewPCG(seed, 0))}
}

// next draws an id.
func (s *sampler) next(logits []float32) int32 {
	most := 0 // the first of the largest
	for id, logit := range logits {
		if logit > logits[most] {
			most = id
		}
	}
	if s.temperature == 0 {
		return int32(most)
	}
	s.chances, s.order = s.chances[:0], s.order[:0]
	sum := 0.0
	for id, logit := range logits {
		chance := math.Exp((float64(logit) - float64(logits[most])) / s.temperature)
		s.chances, s.order = append(s.chances, chance), append(s.order, int32(id))
		sum += chance
	}
	if s.topK > 0 && s.topK < len(logits) || s.topP < 1 {
		sum = s.truncate(sum)
	}
	point := s.rng.Float64() * sum
	for _, id := range s.order {
		if point -= s.chances[id]; point < 0 {
			return id
		}
	}
	return int32(most) // rounding has left a rest
}

// truncate leaves the most probable ids in order, as many as topK and topP allow, and
// returns the sum of their chances. sum is that of all.
func (s *sampler) truncate(sum float64) float64 {
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.chances[b], s.chances[a]), cmp.Compare(a, b))
	})
	if s.topK > 0 && s.topK < len(s.order) {
		s.order, sum = s.order[:s.topK], 0
		for _, id := range s.order {
			sum += s.chances[id]
		}
	}
	kept := 0.0
	for i, id := range s.order {
		if kept += s.chances[id]; kept >= s.topP*sum {
			s.order = s.order[:i+1]
			break
		}
	}
	return kept
}
