// Package collectivetest checks that a collective.Group does what its contract says.
package collectivetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"

	"gputrain/collective"
)

// Check returns the first thing that it finds wrong with a group, on this rank. All ranks
// call it together, each with its Group, and make the same calls whatever they find, so
// that none waits for another. It ends early, with the error, if a call fails: the group is
// lost then. It does not close the group.
//
// Groups of any size can be checked; beyond 8 ranks, the messages are shorter.
func Check(g collective.Group) error {
	c := &checker{group: g}
	for _, check := range []struct {
		name string
		run  func(*checker) error
	}{
		{"ranks", (*checker).ranks},
		{"lengths", (*checker).lengths},
		{"Exchange", (*checker).exchange},
		{"Gather", (*checker).gather},
		{"Broadcast", (*checker).broadcast},
		{"a mix of calls", (*checker).mix},
		{"Sum", (*checker).sum},
		{"Add", (*checker).add},
		{"Any and Decide", (*checker).agree},
		{"Same", (*checker).same},
	} {
		c.name = check.name
		if err := check.run(c); err != nil {
			return fmt.Errorf("collectivetest: %s: rank %d of %d: %w", check.name, g.Rank(), g.Size(), err)
		}
	}
	return c.found
}

// checker is the check of a group on one rank.
type checker struct {
	group collective.Group
	name  string // of the check that runs
	found error  // the first fault
}

// fault notes a fault.
func (c *checker) fault(format string, args ...any) {
	if c.found == nil {
		c.found = fmt.Errorf("collectivetest: %s: rank %d of %d: %s", c.name, c.group.Rank(), c.group.Size(), fmt.Sprintf(format, args...))
	}
}

func (c *checker) ranks() error {
	g := c.group
	if g.Size() < 1 {
		return errors.New("want a Size of 1 or more")
	}
	// A machine is known by its name here. Ranks in containers of one machine may have
	// several, so nothing follows from other names.
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	const width = 3*4 + 256
	mine := make([]byte, width)
	for i, n := range []int{g.Rank(), g.Size(), g.LocalRank()} {
		binary.LittleEndian.PutUint32(mine[4*i:], uint32(n))
	}
	copy(mine[12:], name)
	all := make([]byte, g.Size()*width)
	if err := g.Gather(all, mine); err != nil {
		return err
	}
	places := map[string]int{}
	for r := range g.Size() {
		its := all[r*width : (r+1)*width]
		number := func(i int) int { return int(int32(binary.LittleEndian.Uint32(its[4*i:]))) }
		if number(0) != r || number(1) != g.Size() { // all see it, and end here
			return fmt.Errorf("in place %d of Gather is what rank %d of %d has sent", r, number(0), number(1))
		}
		if local := number(2); local < 0 || local >= g.Size() {
			c.fault("rank %d has LocalRank %d, want 0 ≤ LocalRank < Size", r, local)
		}
		place := string(its[8:])
		if other, taken := places[place]; taken {
			c.fault("ranks %d and %d, both of one machine, have the same LocalRank %d", other, r, number(2))
		}
		places[place] = r
	}
	return nil
}

// lengths calls with buffers that do not fit, which must not reach the other ranks.
func (c *checker) lengths() error {
	g := c.group
	for _, wrong := range []struct {
		call     string
		dst, src int
		run      func(dst, src []byte) error
	}{
		{"Exchange", g.Size(), 2 * g.Size(), g.Exchange},
		{"Exchange", 2 * g.Size(), g.Size(), g.Exchange},
		{"Gather", 2*g.Size() + 1, 2, g.Gather},
		{"Gather", g.Size(), 2, g.Gather},
	} {
		c.panics(fmt.Sprintf("%s with %d bytes for dst and %d for src", wrong.call, wrong.dst, wrong.src), func() {
			wrong.run(make([]byte, wrong.dst), make([]byte, wrong.src))
		})
	}
	return nil
}

func (c *checker) panics(what string, call func()) {
	defer func() {
		if recover() == nil {
			c.fault("%s does not panic", what)
		}
	}()
	call()
}

// sizes returns lengths of the chunk of a rank: about the limits where libraries go over
// from one way of sending to another, and drawn ones.
func (c *checker) sizes(rng *rand.Rand) []int {
	sizes := []int{0, 1, 3, 8, 63, 1000, 4095, 4097, 1<<16 + 1}
	for range 4 {
		sizes = append(sizes, rng.IntN(1<<uint(rng.IntN(15)+1)))
	}
	if n := c.group.Size(); n > 8 {
		return append(sizes[:6], 1<<18/n+1)
	}
	return append(sizes, 1<<20+5)
}

// source returns the random numbers of a case for a rank, or for one message of it; −1 is
// for what all draw alike. All ranks know all of them, and so what each should receive.
func source(seed uint64, stream int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(stream+1)))
}

// draw returns n bytes.
func draw(rng *rand.Rand, n int) []byte {
	x := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(x[i:], rng.Uint64())
	}
	return x[:n:n]
}

// buffers are used for one call after the other, as a training does it: a group that reads
// or writes them later is noticed.
type buffers struct{ dst, src []byte }

const guard = 16 // bytes before and behind dst that a call must not write

// call makes a call with copies of src, and compares dst with want and src with what it was.
func (c *checker) call(b *buffers, seed uint64, name string, src, want []byte, call func(dst, src []byte) error) error {
	n := len(want)
	b.dst = slices.Grow(b.dst[:0], n+2*guard)[:n+2*guard]
	b.src = append(b.src[:0], src...)
	for i := range b.dst {
		b.dst[i] = 0xa5
	}
	if err := call(b.dst[guard:guard+n], b.src); err != nil {
		return fmt.Errorf("seed %d: %s of %d bytes: %w", seed, name, len(src), err)
	}
	got, before, behind := b.dst[guard:guard+n], b.dst[:guard], b.dst[guard+n:]
	if !bytes.Equal(got, want) {
		at := 0
		for got[at] == want[at] {
			at++
		}
		c.fault("seed %d: %s of %d bytes: byte %d of dst is %#02x, want %#02x", seed, name, len(src), at, got[at], want[at])
	}
	if untouched := bytes.Repeat([]byte{0xa5}, guard); !bytes.Equal(before, untouched) || !bytes.Equal(behind, untouched) {
		c.fault("seed %d: %s of %d bytes wrote beside dst, which has %d", seed, name, len(src), n)
	}
	if !bytes.Equal(b.src, src) {
		c.fault("seed %d: %s of %d bytes changed src", seed, name, len(src))
	}
	// Others may still wait. What they get is that of before.
	for i := range b.src {
		b.src[i] = 0x5a
	}
	return nil
}

// exchangeOf is an Exchange of drawn bytes with chunks of the given size.
func (c *checker) exchangeOf(b *buffers, seed uint64, size int) error {
	g := c.group
	var want, src []byte
	for r := range g.Size() {
		src = append(src, draw(source(seed, g.Rank()*g.Size()+r), size)...)
		want = append(want, draw(source(seed, r*g.Size()+g.Rank()), size)...)
	}
	return c.call(b, seed, "Exchange", src, want, g.Exchange)
}

func (c *checker) gatherOf(b *buffers, seed uint64, size int) error {
	g := c.group
	var want []byte
	for r := range g.Size() {
		want = append(want, draw(source(seed, r), size)...)
	}
	return c.call(b, seed, "Gather", want[g.Rank()*size:(g.Rank()+1)*size], want, g.Gather)
}

func (c *checker) broadcastOf(b *buffers, seed uint64, size int) error {
	g := c.group
	mine := draw(source(seed, g.Rank()), size)
	return c.call(b, seed, "Broadcast", mine, draw(source(seed, 0), size), func(dst, src []byte) error {
		copy(dst, src)
		return g.Broadcast(dst)
	})
}

func (c *checker) exchange() error { return c.allSizes(1000, c.exchangeOf) }

func (c *checker) gather() error { return c.allSizes(2000, c.gatherOf) }

func (c *checker) broadcast() error { return c.allSizes(3000, c.broadcastOf) }

func (c *checker) allSizes(seed uint64, call func(b *buffers, seed uint64, size int) error) error {
	for i, size := range c.sizes(source(seed, -1)) {
		if err := call(new(buffers), seed+uint64(i), size); err != nil {
			return err
		}
	}
	return nil
}

// mix makes calls of all kinds in the same buffers, without a pause: a rank that is late
// must still get what belongs to the call.
func (c *checker) mix() error {
	var b buffers
	for seed := uint64(4000); seed < 4060; seed++ {
		rng := source(seed, -1)
		call := []func(*buffers, uint64, int) error{c.exchangeOf, c.gatherOf, c.broadcastOf}[rng.IntN(3)]
		if err := call(&b, seed, rng.IntN(1<<uint(rng.IntN(10)+1))); err != nil {
			return err
		}
	}
	return nil
}

// vectors returns the vectors of all ranks: floats of many sizes, so that each order of
// additions has another sum.
func (c *checker) vectors(seed uint64, n int) [][]float32 {
	all := make([][]float32, c.group.Size())
	for r := range all {
		rng := source(seed, r)
		for range n {
			sign, mantissa, exponent := rng.Uint32()&(1<<31), rng.Uint32()>>9, 127-12+rng.Uint32N(24)
			all[r] = append(all[r], math.Float32frombits(sign|exponent<<23|mantissa))
		}
	}
	return all
}

// vectorLengths returns numbers of elements: such that chunks are padded, and empty ones.
func (c *checker) vectorLengths() []int {
	n := c.group.Size()
	return []int{0, 1, n - 1, n, n + 1, 7*n + 3, 1000}
}

func (c *checker) sum() error {
	for i, n := range c.vectorLengths() {
		sum := collective.NewSum(c.group, n, false)
		for seed := uint64(5000 + 10*i); seed < uint64(5002+10*i); seed++ {
			all := c.vectors(seed, n)
			copy(sum.Vector(), all[c.group.Rank()])
			if err := sum.Add(); err != nil {
				return fmt.Errorf("seed %d: %d elements: %w", seed, n, err)
			}
			for j, got := range sum.Vector() {
				want := all[0][j]
				for _, x := range all[1:] {
					want += x[j]
				}
				if math.Float32bits(got) != math.Float32bits(want) {
					c.fault("seed %d: element %d of %d is %v, want %v, added in the order of the ranks", seed, j, n, got, want)
				}
			}
		}
	}
	return nil
}

// add checks an Adder: all ranks have the same bytes, near the sum in float64.
func (c *checker) add() error {
	g, is := c.group.(collective.Adder)
	if !is {
		return nil
	}
	for i, n := range append(c.vectorLengths(), 1<<16+1) {
		seed := uint64(6000 + i)
		all := c.vectors(seed, n)
		x := slices.Clone(all[g.Rank()])
		if err := g.Add(x); err != nil {
			return fmt.Errorf("seed %d: %d elements: %w", seed, n, err)
		}
		text := make([]byte, 0, 4*n)
		for j, got := range x {
			text = binary.LittleEndian.AppendUint32(text, math.Float32bits(got))
			want, magnitude := 0.0, 0.0
			for _, y := range all {
				want += float64(y[j])
				magnitude += math.Abs(float64(y[j]))
			}
			// Each of Size−1 additions rounds what is at most the magnitude.
			if limit := float64(g.Size()) * 0x1p-24 * magnitude; !(math.Abs(float64(got)-want) <= limit) {
				c.fault("seed %d: element %d of %d is %v, want %v ± %.2g", seed, j, n, got, want, limit)
			}
		}
		if err := collective.Same(g, collective.Fact{Name: "sum", Content: text}); err != nil {
			c.fault("seed %d: %d elements: %v", seed, n, err)
		}
	}
	return nil
}

func (c *checker) agree() error {
	g := c.group
	for first := -1; first < g.Size(); first++ {
		yes := first >= 0 && (g.Rank() == first || g.Rank() > first && g.Rank()%2 == 0)
		got, err := collective.Any(g, yes)
		if err != nil {
			return err
		}
		if got != first {
			c.fault("Any is %d, want %d, the first rank that says yes", got, first)
		}
	}
	for _, want := range []bool{true, false} {
		got, err := collective.Decide(g, (g.Rank() == 0) == want)
		if err != nil {
			return err
		}
		if got != want {
			c.fault("Decide is %v, want %v, as rank 0 says", got, want)
		}
	}
	return nil
}

func (c *checker) same() error {
	g := c.group
	for odd := -1; odd < g.Size(); odd++ { // the rank that has another seed
		content := []byte("1")
		if g.Rank() == odd {
			content = []byte("2")
		}
		err := collective.Same(g, collective.Fact{Name: "batch", Content: []byte("32")}, collective.Fact{Name: "seed", Content: content})
		var differ *collective.DifferError
		if err != nil && !errors.As(err, &differ) {
			return err
		}
		var want, got []int
		for r := range g.Size() {
			if r > 0 && (r == odd || odd == 0) {
				want = append(want, r)
			}
		}
		if differ != nil {
			got = differ.Ranks
		}
		if !slices.Equal(got, want) {
			c.fault("rank %d has another seed: Same says it of %v, want %v", odd, got, want)
		}
	}
	return nil
}
