package model

import "gputrain/backend"

// Noise is a stream of random bits of its own, which Network.SetSeed renews.
type Noise struct {
	network *Network
	offset  uint64 // where the stream begins in that of the network's seed
}

// noiseLength bounds the bits of a stream.
const noiseLength = 1 << 48

// Noise returns a stream that no other part of the network uses.
func (b *Builder) Noise() Noise {
	n := Noise{network: b.network, offset: b.network.noises * noiseLength}
	b.network.noises++
	return n
}

// Drop sets dst to x after dropout: see backend.Elementwise. Its elements take the
// bits of the stream from index on, so that a layer which goes step by step has
// bits of their own for each step. The same index gives the same bits until the
// next SetSeed: the backward pass is the same call on the gradient. dst may be x.
func (n Noise) Drop(dst, x backend.Tensor, rate float64, index int) {
	n.network.backend.Dropout(dst, x, rate, n.network.seed, n.offset+uint64(index))
}
