package model

import (
	"fmt"

	"gputrain/backend"
)

// Ragged reports whether the network was built with Options.Ragged.
func (n *Network) Ragged() bool { return n.options.Ragged }

// SetLengths says how many of the steps each sequence of the batch has, 0 to
// steps, for all Forwards from now on; they must be of that many steps and
// sequences. The steps behind the length are padding: the layers run through it,
// so its values must be finite numbers on which none overflows. nil says that all
// sequences are whole again. It uploads, and so is no part of backend.Replay.
//
// What the padding holds then has no influence. The outputs of RNN, LSTM and
// GRU are zero there, as those of PyTorch's packed sequences are, their Final
// states are those at the lengths, and gradients that come from there are
// ignored; the reverse direction begins at the length. LastStep takes the last
// step of each. A sequence of length 0 has outputs of zero, and its Initial
// state is its Final one. All other layers compute the padding like any step,
// for the loss to leave it out.
//
// SetLengths panics where a length does not fit, and unless the network was
// built with Options.Ragged.
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

// lengths is what the layers need to know of the lengths, on the device, for
// batches of steps·batch rows. nil stands for sequences that always are whole.
type lengths struct {
	steps, batch int // 0 while all sequences are whole
	rows
	most  rows   // at their largest
	ended []bool // [steps+1]: whether a sequence ends before that step

	floats []float32 // what is uploaded
	ints   []int32
}

// rows are the parts of batches of sequences that end early.
type rows struct {
	mask    backend.Tensor // [steps·batch, 1]: 1, and 0 in the padding
	ends    backend.Tensor // [(steps+1)·batch, 1]: 1 in the first row behind each sequence
	reverse backend.Ints   // [steps·batch]: the row that takes the place when sequences are turned around
	end     backend.Ints   // [batch]: the first row behind each sequence
	last    backend.Ints   // [batch]: the last row of each sequence; the first if it is empty
}

func newLengths(n *Network) (*lengths, error) {
	in, l := n.input, &lengths{}
	for _, t := range []struct {
		tensor *backend.Tensor
		rows   int
	}{{&l.most.mask, in.Rows()}, {&l.most.ends, in.Rows() + in.Batch}} {
		var err error
		if *t.tensor, err = n.alloc(t.rows, 1); err != nil {
			return nil, err
		}
	}
	for _, t := range []struct {
		ints  *backend.Ints
		count int
	}{{&l.most.reverse, in.Rows()}, {&l.most.end, in.Batch}, {&l.most.last, in.Batch}} {
		var err error
		if *t.ints, err = n.allocInts(t.count); err != nil {
			return nil, err
		}
	}
	// Last, for it is the backend that knows how much memory there is.
	l.ended = make([]bool, in.Steps+1)
	l.floats, l.ints = make([]float32, in.Rows()+in.Batch), make([]int32, in.Rows())
	return l, nil
}

// given reports whether some sequences may end early.
func (l *lengths) given() bool { return l != nil && l.batch > 0 }

// check panics unless the lengths are those of batches of shape in.
func (l *lengths) check(in Shape) {
	if l.given() && (in.Steps != l.steps || in.Batch != l.batch) {
		panic(fmt.Sprintf("model: Forward: x has %d steps of %d sequences, SetLengths got lengths for %d of %d",
			in.Steps, in.Batch, l.steps, l.batch))
	}
}

// set uploads what follows from the lengths.
func (l *lengths) set(b backend.Backend, steps int, of []int32) {
	n := len(of)
	all := steps * n
	l.steps, l.batch = steps, n
	l.rows = rows{
		mask:    l.most.mask.Slice(0, all),
		ends:    l.most.ends.Slice(0, all+n),
		reverse: l.most.reverse.Slice(0, all),
		end:     l.most.end.Slice(0, n),
		last:    l.most.last.Slice(0, n),
	}
	for t := range steps {
		for i, length := range of {
			row, turned := t*n+i, t
			l.floats[row] = 0
			if t < int(length) {
				l.floats[row], turned = 1, int(length)-1-t
			}
			l.ints[row] = int32(turned*n + i)
		}
	}
	b.Upload(l.mask, l.floats[:all])
	b.UploadInts(l.reverse, l.ints[:all])

	clear(l.floats[:all+n])
	clear(l.ended)
	for i, length := range of {
		row := int(length)*n + i
		l.ints[i], l.floats[row], l.ended[length] = int32(row), 1, true
	}
	b.UploadInts(l.end, l.ints[:n])
	b.Upload(l.ends, l.floats[:all+n])
	for i, length := range of {
		l.ints[i] = int32(max(0, int(length)-1)*n + i)
	}
	b.UploadInts(l.last, l.ints[:n])
}

// lengths returns the lengths of the sequences that come into a stage as in; nil
// if they always are whole, as the single steps are that LastStep gives.
func (b *Builder) lengths(in Shape) *lengths {
	n := b.network
	if in.Steps != n.input.Steps || in.Steps == 1 && n.lastStep {
		return nil
	}
	return n.lengths
}

// Mask returns a function that tells a layer of one's own in each pass where the
// padding is: a column, [Steps·Batch, 1], of 1 in the rows of the sequences and 0
// behind their ends. It is absent while all sequences are whole (see
// Network.SetLengths), and behind LastStep. in is the shape that Build got.
func (b *Builder) Mask(in Shape) func() backend.Tensor {
	lengths := b.lengths(in)
	return func() backend.Tensor {
		if !lengths.given() {
			return backend.Tensor{}
		}
		return lengths.mask
	}
}
