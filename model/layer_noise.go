package model

import "gputrain/backend"

// Noise is a stream of random bits. Network.SetSeed renews it.
type Noise struct {
	network *Network
	offset  uint64 // where this stream begins in the stream of the network's seed
}

// noiseLength is the room for one stream.
const noiseLength = 1 << 48

// Noise returns a stream that no other part of the network uses.
func (b *Builder) Noise() Noise {
	n := Noise{network: b.network, offset: b.network.noises * noiseLength}
	b.network.noises++
	return n
}

// Drop sets dst to x after dropout: see backend.Elementwise. The elements take the
// bits of the stream from index on, so a layer that goes step by step can take
// other bits at each step. The same index gives the same bits until the next
// SetSeed, so the backward pass is the same call on the gradient. dst may be x.
func (n Noise) Drop(dst, x backend.Tensor, rate float64, index int) {
	n.network.backend.Dropout(dst, x, rate, n.network.seed, n.offset+uint64(index))
}
