package collectivetest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"gputrain/collective"
)

// A broken group is a sound one but for some methods.
type broken struct {
	collective.Group
	rank      func(g collective.Group) int
	localRank func(g collective.Group) int
	exchange  func(g collective.Group, dst, src []byte) error
	gather    func(g collective.Group, dst, src []byte) error
	broadcast func(g collective.Group, data []byte) error
}

func (b *broken) Rank() int {
	if b.rank != nil {
		return b.rank(b.Group)
	}
	return b.Group.Rank()
}

func (b *broken) LocalRank() int {
	if b.localRank != nil {
		return b.localRank(b.Group)
	}
	return b.Group.LocalRank()
}

func (b *broken) Exchange(dst, src []byte) error {
	if b.exchange != nil {
		return b.exchange(b.Group, dst, src)
	}
	return b.Group.Exchange(dst, src)
}

func (b *broken) Gather(dst, src []byte) error {
	if b.gather != nil {
		return b.gather(b.Group, dst, src)
	}
	return b.Group.Gather(dst, src)
}

func (b *broken) Broadcast(data []byte) error {
	if b.broadcast != nil {
		return b.broadcast(b.Group, data)
	}
	return b.Group.Broadcast(data)
}

// brokenAdder adds in addition to what a broken group does.
type brokenAdder struct {
	broken
	add func(g collective.Group, x []float32) error
}

func (b *brokenAdder) Add(x []float32) error { return b.add(b.Group, x) }

// sound is an Adder as it should be.
func sound(g collective.Group, x []float32) error {
	sum := collective.NewSum(g, len(x), false)
	copy(sum.Vector(), x)
	err := sum.Add()
	copy(x, sum.Vector())
	return err
}

// brokenGroups are what Check must reject, each on 3 ranks, and what it must say.
var brokenGroups = []struct {
	name string
	make func() *broken // for each rank
	want string
}{
	{"a rank that is too large", func() *broken { return &broken{rank: func(g collective.Group) int { return g.Rank() + 1 }} }, "in place 0 of Gather is what rank 1 of 3"},
	{"two ranks with one number", func() *broken { return &broken{rank: func(g collective.Group) int { return g.Rank() / 2 }} }, "in place 1 of Gather is what rank 0 of 3"},
	{"a negative local rank", func() *broken { return &broken{localRank: func(collective.Group) int { return -1 }} }, "0 ≤ LocalRank < Size"},
	{"one local rank for all", func() *broken { return &broken{localRank: func(collective.Group) int { return 0 }} }, "have the same LocalRank 0"},
	{"Exchange that takes any length", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			if len(dst) != len(src) {
				return errors.New("other lengths")
			}
			return g.Exchange(dst, src)
		}}
	}, "lengths: rank 0 of 3: Exchange with 3 bytes for dst and 6 for src does not panic"},
	{"Gather that takes any length", func() *broken {
		return &broken{gather: func(g collective.Group, dst, src []byte) error {
			if len(dst) != len(src)*g.Size() {
				return nil
			}
			return g.Gather(dst, src)
		}}
	}, "lengths: rank 0 of 3: Gather with 7 bytes for dst and 2 for src does not panic"},
	{"chunks of Exchange swapped", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			err := g.Exchange(dst, src)
			chunk := len(dst) / g.Size()
			first := bytes.Clone(dst[:chunk])
			copy(dst, dst[chunk:2*chunk])
			copy(dst[chunk:], first)
			return err
		}}
	}, "Exchange: rank"},
	{"Exchange that leaves the rank's own chunk", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			chunk := len(dst) / g.Size()
			own := dst[g.Rank()*chunk : (g.Rank()+1)*chunk]
			before := bytes.Clone(own)
			err := g.Exchange(dst, src)
			copy(own, before)
			return err
		}}
	}, "Exchange: rank"},
	{"the last byte dropped", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			err := g.Exchange(dst, src)
			if len(dst) > 0 {
				dst[len(dst)-1] = 0
			}
			return err
		}}
	}, "Exchange: rank"},
	{"long messages cut off", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			err := g.Exchange(dst, src)
			if len(dst) > 1<<20 {
				clear(dst[1<<20:])
			}
			return err
		}}
	}, "Exchange: rank"},
	{"a write behind dst", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			err := g.Exchange(dst, src)
			if cap(dst) > len(dst) {
				dst[:len(dst)+1][len(dst)] = 0
			}
			return err
		}}
	}, "wrote beside dst"},
	{"a src that is changed", func() *broken {
		return &broken{exchange: func(g collective.Group, dst, src []byte) error {
			err := g.Exchange(dst, src)
			if len(src) > 0 {
				src[0]++
			}
			return err
		}}
	}, "changed src"},
	{"Gather in another order", func() *broken {
		return &broken{gather: func(g collective.Group, dst, src []byte) error {
			err := g.Gather(dst, src)
			if len(src) < 100 { // or the check of the ranks finds it
				last := bytes.Clone(dst[2*len(src):])
				copy(dst[2*len(src):], dst[:len(src)])
				copy(dst, last)
			}
			return err
		}}
	}, "Gather: rank"},
	{"NaNs that become quiet", func() *broken {
		return &broken{gather: func(g collective.Group, dst, src []byte) error {
			err := g.Gather(dst, src)
			for i := 0; i+4 <= len(dst); i += 4 {
				if x := binary.LittleEndian.Uint32(dst[i:]); math.IsNaN(float64(math.Float32frombits(x))) {
					binary.LittleEndian.PutUint32(dst[i:], x|1<<22)
				}
			}
			return err
		}}
	}, "Gather: rank"},
	{"Gather that gives what came before", func() *broken {
		var before []byte
		return &broken{gather: func(g collective.Group, dst, src []byte) error {
			err := g.Gather(dst, src)
			now := bytes.Clone(dst)
			if g.Rank() == 1 && len(before) == len(dst) {
				copy(dst, before)
			}
			before = now
			return err
		}}
	}, "a mix of calls: rank 1 of 3"},
	{"Broadcast from rank 1", func() *broken {
		return &broken{broadcast: func(g collective.Group, data []byte) error {
			all := make([]byte, g.Size()*len(data))
			err := g.Gather(all, data)
			copy(data, all[len(data):])
			return err
		}}
	}, "Broadcast: rank"},
	{"Broadcast that does not reach the last rank", func() *broken {
		return &broken{broadcast: func(g collective.Group, data []byte) error {
			mine := bytes.Clone(data)
			err := g.Broadcast(data)
			if g.Rank() == g.Size()-1 {
				copy(data, mine)
			}
			return err
		}}
	}, "Broadcast: rank 2 of 3"},
	{"Gather of single bytes that loses what is not of rank 0", func() *broken {
		return &broken{gather: func(g collective.Group, dst, src []byte) error {
			err := g.Gather(dst, src)
			if len(src) == 1 && src[0] <= 1 {
				clear(dst[1:])
			}
			return err
		}}
	}, "Any and Decide: rank"},
}

var brokenAdders = []struct {
	name string
	add  func(g collective.Group, x []float32) error
	want string
}{
	{"other bytes on one rank", func(g collective.Group, x []float32) error {
		err := sound(g, x)
		if len(x) > 0 && g.Rank() == 2 {
			x[0] = math.Nextafter32(x[0], float32(math.Inf(1)))
		}
		return err
	}, "rank 2 has another sum than rank 0"},
	{"nothing added", func(collective.Group, []float32) error { return nil }, "Add: rank"},
	{"a rank left out", func(g collective.Group, x []float32) error {
		if g.Rank() == 1 {
			clear(x)
		}
		return sound(g, x)
	}, "Add: rank"},
	{"the last element left out", func(g collective.Group, x []float32) error {
		if len(x) == 0 {
			return nil
		}
		return sound(g, x[:len(x)-1])
	}, "Add: rank"},
}

func TestCheckRejectsBrokenGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and TestLocal has the same goroutines")
	}
	for _, test := range brokenGroups {
		t.Run(test.name, func(t *testing.T) {
			groups := collective.Local(3)
			for i, g := range groups {
				b := test.make()
				b.Group = g
				groups[i] = b
			}
			mustReject(t, groups, test.want)
		})
	}
}

func TestCheckRejectsBrokenAdders(t *testing.T) {
	for _, test := range brokenAdders {
		t.Run(test.name, func(t *testing.T) {
			groups := collective.Local(3)
			for i, g := range groups {
				groups[i] = &brokenAdder{broken{Group: g}, test.add}
			}
			mustReject(t, groups, test.want)
		})
	}
}

// mustReject fails if no rank finds a fault that has want in its text.
func mustReject(t *testing.T, groups []collective.Group, want string) {
	t.Helper()
	errs := check(groups)
	for _, err := range errs {
		if err != nil && strings.Contains(err.Error(), want) {
			return
		}
	}
	t.Errorf("got %v, want %q", errs, want)
}
