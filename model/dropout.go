package model

import (
	"fmt"

	"gputrain/backend"
)

// Dropout sets each element of its input to zero with probability Rate and
// divides the others by 1−Rate, in training (Srivastava et al. 2014):
//
//	y = x ⊙ keep / (1−Rate)
//
// In evaluation y = x. Which elements are kept follows from Network.SetSeed. It
// has no parameters.
type Dropout struct {
	Rate float64
}

// Output returns in.
func (d Dropout) Output(in Shape) (Shape, error) { return in, checkRate("Rate", d.Rate) }

// checkRate returns an error unless 0 ≤ rate < 1.
func checkRate(name string, rate float64) error {
	if !(rate >= 0 && rate < 1) {
		return fmt.Errorf("%s is %v, want at least 0 and below 1", name, rate)
	}
	return nil
}

// Parameters returns nil.
func (Dropout) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (d Dropout) Build(b *Builder, in Shape) Module {
	m := newDropout(b, in, d.Rate)
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

// newDropout returns a dropout without a tensor for the gradient of its input.
func newDropout(b *Builder, in Shape, rate float64) *dropout {
	return &dropout{backend: b.Backend(), rate: rate, noise: b.newNoise(), y: b.New(in.Rows(), in.Width)}
}

type dropout struct {
	backend backend.Backend
	rate    float64
	noise   noise
	y, dx   backend.Tensor // at their largest
}

func (m *dropout) Forward(x backend.Tensor, _ Shape, mode Mode) backend.Tensor {
	if mode == Eval {
		return x
	}
	y := m.y.Slice(0, x.Rows)
	m.noise.drop(m.backend, y, x, m.rate, 0)
	return y
}

func (m *dropout) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dx := m.dx.Slice(0, dy.Rows)
	m.noise.drop(m.backend, dx, dy, m.rate, 0)
	return dx
}

// noise is a stream of random bits of its own, which the network's seed renews.
type noise struct {
	network *Network
	offset  uint64 // where the stream begins in that of the network's seed
}

// noiseLength bounds the bits of a stream.
const noiseLength = 1 << 48

// newNoise returns a stream that no other part of the network uses.
func (b *Builder) newNoise() noise {
	n := noise{network: b.network, offset: b.network.noises * noiseLength}
	b.network.noises++
	return n
}

// drop sets dst to x after dropout. The bits are those from index on. dst may
// be x.
func (n noise) drop(b backend.Backend, dst, x backend.Tensor, rate float64, index int) {
	b.Dropout(dst, x, rate, n.network.seed, n.offset+uint64(index))
}
