package collectivetest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
	"gputrain/collective"
)

// CheckTensors is Check for the sums of a TensorAdder, with tensors of b, the backend of this
// rank.
func CheckTensors(g collective.TensorAdder, b backend.Backend) error {
	c := &checker{group: g, name: "AddTensor"}
	if err := c.tensors(g, b); err != nil {
		return fmt.Errorf("collectivetest: AddTensor: rank %d of %d: %w", g.Rank(), g.Size(), err)
	}
	return c.found
}

func (c *checker) tensors(g collective.TensorAdder, b backend.Backend) error {
	if err := c.tensorShapes(g, b); err != nil {
		return err
	}
	for i, n := range append(c.vectorLengths(), 1<<16+1) {
		t, err := newVectors(b, collective.Padded(g, n))
		if err != nil {
			return err
		}
		for turn := range 3 {
			if err := c.addTensor(g, b, t, uint64(7000+10*i+turn), n, turn == 1); err != nil {
				return fmt.Errorf("%d elements: %w", n, err)
			}
		}
		t.free(b)
	}
	return b.Sync()
}

// tensorShapes calls with tensors that do not fit, which must not reach the other ranks.
func (c *checker) tensorShapes(g collective.TensorAdder, b backend.Backend) error {
	n := g.Size()
	t, err := b.New(1, 4*n+1)
	if err != nil {
		return err
	}
	part := func(from, to int) backend.Tensor { return t.Reshape(t.Size(), 1).Slice(from, to).Reshape(1, to-from) }
	c.panics("AddTensor with a smaller work", func() { g.AddTensor(part(0, 2*n), part(2*n, 3*n), false) })
	c.panics("AddTensor with x and work that overlap", func() { g.AddTensor(part(0, 2*n), part(2*n-1, 4*n-1), false) })
	if n > 1 {
		c.panics("AddTensor with a length that is no multiple of the ranks", func() { g.AddTensor(part(0, n+1), part(n+1, 2*n+2), false) })
	}
	b.Free(t.Buf)
	return nil
}

// vectors are x and work in the middle of other memory.
type vectors struct{ whole, x, work backend.Tensor }

// tensorGuard elements before, between and behind the tensors must stay as they are.
const tensorGuard = 5

func newVectors(b backend.Backend, n int) (vectors, error) {
	whole, err := b.New(2*n+3*tensorGuard, 1)
	if err != nil {
		return vectors{}, err
	}
	from := n + 2*tensorGuard
	return vectors{whole, whole.Slice(tensorGuard, tensorGuard+n).Reshape(1, n), whole.Slice(from, from+n).Reshape(1, n)}, nil
}

func (t vectors) free(b backend.Backend) { b.Free(t.whole.Buf) }

// addTensor makes a call with vectors of n elements, and operations that are queued before and
// behind it: what is added is twice what is uploaded.
func (c *checker) addTensor(g collective.TensorAdder, b backend.Backend, t vectors, seed uint64, n int, fast bool) error {
	all := c.vectors(seed, n)
	host := make([]float32, t.whole.Size())
	const guardValue = 7
	for i := range host {
		host[i] = guardValue
	}
	size := t.x.Size()
	x, work := host[tensorGuard:tensorGuard+size], host[size+2*tensorGuard:2*size+2*tensorGuard]
	clear(x)
	copy(x, all[g.Rank()])
	for i := range work {
		work[i] = float32(math.NaN())
	}
	b.Upload(t.whole, host)
	b.Scale(t.x, 2, t.x)
	if err := g.AddTensor(t.x, t.work, fast); err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	b.Scale(t.x, 0.5, t.x)
	if err := b.Download(host, t.whole); err != nil {
		return err
	}
	for i, got := range slices.Concat(host[:tensorGuard], host[tensorGuard+size:size+2*tensorGuard], host[2*size+2*tensorGuard:]) {
		if got != guardValue {
			c.fault("seed %d: a sum of %d elements wrote %v beside the tensors, at guard %d", seed, n, got, i)
		}
	}
	return c.compareSum(seed, x, all, fast)
}

// compareSum compares got, which is padded with zeros, with the sum of all.
func (c *checker) compareSum(seed uint64, got []float32, all [][]float32, fast bool) error {
	text := make([]byte, 0, 4*len(got))
	for j, x := range got {
		text = binary.LittleEndian.AppendUint32(text, math.Float32bits(x))
		var ordered float32
		exact, magnitude := 0.0, 0.0
		if j < len(all[0]) {
			ordered = all[0][j]
			for _, y := range all[1:] {
				ordered += y[j]
			}
			for _, y := range all {
				exact += float64(y[j])
				magnitude += math.Abs(float64(y[j]))
			}
		}
		// Each of Size−1 additions rounds what is at most the magnitude.
		limit := float64(c.group.Size()) * 0x1p-24 * magnitude
		switch {
		case !fast && math.Float32bits(x) != math.Float32bits(ordered):
			c.fault("seed %d: element %d of %d is %v, want %v, added in the order of the ranks", seed, j, len(got), x, ordered)
		case fast && !(math.Abs(float64(x)-exact) <= limit):
			c.fault("seed %d: element %d of %d, added fast, is %v, want %v ± %.2g", seed, j, len(got), x, exact, limit)
		}
	}
	err := collective.Same(c.group, collective.Fact{Name: "sum", Content: text})
	if differ, is := err.(*collective.DifferError); is {
		c.fault("seed %d: %d elements: %v", seed, len(got), differ)
		return nil
	}
	return err
}
