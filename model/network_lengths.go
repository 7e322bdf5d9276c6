package model

import (
	"fmt"

	"gputrain/backend"
)

// Ragged reports whether the network was built with Options.Ragged.
func (n *Network) Ragged() bool { return n.options.Ragged }

// SetLengths sets the length of each sequence of the batch, from 0 to steps, for
// all Forwards from now on. Their inputs must have that many steps and sequences.
// The steps after the length are padding. The layers run through the padding, so
// its values must be finite numbers on which no layer overflows. nil makes all
// sequences whole again. SetLengths uploads and so must stay outside of
// backend.Replay.
//
// Otherwise the values in the padding have no influence. The outputs of RNN, LSTM
// and GRU are zero there, as in PyTorch's packed sequences, and gradients from
// there are ignored. Their Final states are the states at the lengths, and the
// reverse direction begins at the length. A sequence of length 0 has outputs of
// zero, and its Final state is its Initial state. LastStep takes the last step of
// each sequence. All other layers compute the padding like any step; the loss must
// leave it out.
//
// SetLengths panics if a length does not fit, or if the network was built without
// Options.Ragged.
func (n *Network) SetLengths(steps int, lengths []int32) {
	if !n.options.Ragged {
		panic("model: SetLengths: the network was built without Options.Ragged")
	}
	if lengths == nil {
		n.lengths.steps, n.lengths.batch = 0, 0
		return
	}
	if steps < 1 || steps > n.input.Steps || len(lengths) < 1 || len(lengths) > n.input.Batch {
		panic(fmt.Sprintf("model: SetLengths: %d steps of %d sequences, want 1 to %d of 1 to %d",
			steps, len(lengths), n.input.Steps, n.input.Batch))
	}
	for i, length := range lengths {
		if length < 0 || int(length) > steps {
			panic(fmt.Sprintf("model: SetLengths: sequence %d has length %d, want 0 to %d", i, length, steps))
		}
	}
	n.lengths.set(n.backend, steps, lengths)
}

// Lengths holds, on the device, what the layers need to know about the lengths of
// the sequences in the batch of the next Forward. The batch has Steps·Batch rows;
// row t·Batch+i is step t of sequence i. nil stands for sequences that are always
// whole. Call the methods other than Given only if Given returns true.
type Lengths struct {
	steps, batch int // 0 while all sequences are whole
	lengthTensors
	largest lengthTensors // for the largest batch
	ended   []bool        // [steps+1]: whether a sequence ends before that step

	floats []float32 // what is uploaded
	ints   []int32
}

// lengthTensors are the tensors of one size of batch.
type lengthTensors struct {
	mask     backend.Tensor // [steps·batch, 1]
	ends     backend.Tensor // [(steps+1)·batch, 1]
	reversed backend.Ints   // [steps·batch]
	end      backend.Ints   // [batch]
	last     backend.Ints   // [batch]
}

func newLengths(n *Network) (*Lengths, error) {
	in, l := n.input, &Lengths{}
	for _, t := range []struct {
		tensor *backend.Tensor
		rows   int
	}{{&l.largest.mask, in.Rows()}, {&l.largest.ends, in.Rows() + in.Batch}} {
		var err error
		if *t.tensor, err = n.alloc(t.rows, 1); err != nil {
			return nil, err
		}
	}
	for _, t := range []struct {
		ints  *backend.Ints
		count int
	}{{&l.largest.reversed, in.Rows()}, {&l.largest.end, in.Batch}, {&l.largest.last, in.Batch}} {
		var err error
		if *t.ints, err = n.allocInts(t.count); err != nil {
			return nil, err
		}
	}
	// Only the backend knows whether there is so much memory, so it is asked first.
	l.ended = make([]bool, in.Steps+1)
	l.floats, l.ints = make([]float32, in.Rows()+in.Batch), make([]int32, in.Rows())
	return l, nil
}

// Given reports whether some sequences of the batch may end early.
func (l *Lengths) Given() bool { return l != nil && l.batch > 0 }

// Steps returns the number of time steps of the batch.
func (l *Lengths) Steps() int { return l.steps }

// Batch returns the number of sequences in the batch.
func (l *Lengths) Batch() int { return l.batch }

// Mask returns a column, [Steps·Batch, 1]: 1 in the rows of the sequences, 0 in the
// padding after their ends.
func (l *Lengths) Mask() backend.Tensor { return l.mask }

// EndMask returns a column, [(Steps+1)·Batch, 1]: 1 in the first row after each
// sequence, else 0.
func (l *Lengths) EndMask() backend.Tensor { return l.ends }

// EndRows returns the first row after each sequence, [Batch].
func (l *Lengths) EndRows() backend.Ints { return l.end }

// LastRows returns the last row of each sequence, [Batch]. For an empty sequence it is
// the first row.
func (l *Lengths) LastRows() backend.Ints { return l.last }

// ReversedRows returns for each row, [Steps·Batch], the row that takes its place when
// the sequences are turned around, each within its length.
func (l *Lengths) ReversedRows() backend.Ints { return l.reversed }

// AnyEndsAt reports whether a sequence has exactly that many steps.
func (l *Lengths) AnyEndsAt(step int) bool { return l.ended[step] }

// check panics unless the lengths fit batches of shape in.
func (l *Lengths) check(in Shape) {
	if l.Given() && (in.Steps != l.steps || in.Batch != l.batch) {
		panic(fmt.Sprintf("model: Forward: x has %d steps of %d sequences, but SetLengths got lengths for %d of %d",
			in.Steps, in.Batch, l.steps, l.batch))
	}
}

// set computes the tensors for these lengths and uploads them.
func (l *Lengths) set(b backend.Backend, steps int, lengths []int32) {
	n := len(lengths)
	all := steps * n
	l.steps, l.batch = steps, n
	l.lengthTensors = lengthTensors{
		mask:     l.largest.mask.Slice(0, all),
		ends:     l.largest.ends.Slice(0, all+n),
		reversed: l.largest.reversed.Slice(0, all),
		end:      l.largest.end.Slice(0, n),
		last:     l.largest.last.Slice(0, n),
	}
	for t := range steps {
		for i, length := range lengths {
			row, turned := t*n+i, t
			l.floats[row] = 0
			if t < int(length) {
				l.floats[row], turned = 1, int(length)-1-t
			}
			l.ints[row] = int32(turned*n + i)
		}
	}
	b.Upload(l.mask, l.floats[:all])
	b.UploadInts(l.reversed, l.ints[:all])

	clear(l.floats[:all+n])
	clear(l.ended)
	for i, length := range lengths {
		row := int(length)*n + i
		l.ints[i], l.floats[row], l.ended[length] = int32(row), 1, true
	}
	b.UploadInts(l.end, l.ints[:n])
	b.Upload(l.ends, l.floats[:all+n])
	for i, length := range lengths {
		l.ints[i] = int32(max(0, int(length)-1)*n + i)
	}
	b.UploadInts(l.last, l.ints[:n])
}

// Lengths returns the lengths of the sequences that come into a layer. in is the
// shape that Build got. The lengths are nil if the sequences are always whole: in a
// network without Options.Ragged, and after a layer that called EndSequences.
// During a Forward they are the lengths of its batch.
func (b *Builder) Lengths(in Shape) *Lengths {
	n := b.network
	if in.Steps != n.input.Steps || in.Steps == 1 && n.ended {
		return nil
	}
	return n.lengths
}

// EndSequences says that the layer gives one step for each sequence, whatever its
// length. No layer after it sees padding.
func (b *Builder) EndSequences() { b.network.ended = true }
