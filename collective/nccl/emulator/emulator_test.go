package emulator

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// float32s have these bytes on all machines that Go knows.
var (
	one = []byte{0, 0, 128, 63}
	two = []byte{0, 0, 0, 64}
)

// on runs ranks of a communicator, and returns what each gets and fails with.
func on(t *testing.T, ranks int, limit time.Duration, run func(rank int, m *Member) ([][]byte, error)) ([][][]byte, []error) {
	t.Helper()
	address, err := Listen(limit)
	if err != nil {
		t.Fatal(err)
	}
	got, errs := make([][][]byte, ranks), make([]error, ranks)
	var all sync.WaitGroup
	for rank := range ranks {
		all.Go(func() {
			m, err := Join(address, ranks, rank, fmt.Sprint(rank))
			if err != nil {
				errs[rank] = err
				return
			}
			got[rank], errs[rank] = run(rank, m)
			if errs[rank] == nil {
				errs[rank] = m.Leave()
			}
		})
	}
	all.Wait()
	return got, errs
}

func reduce(x []byte) Op { return Op{Kind: AllReduce, Count: 1, Type: Float32, Width: 4, Data: x} }

func TestOperations(t *testing.T) {
	for _, test := range []struct {
		name string
		ops  func(rank int) []Op
		want func(rank int) []string
	}{
		{"AllGather", func(rank int) []Op {
			return []Op{{Kind: AllGather, Count: 1, Width: 1, Data: []byte{byte('a' + rank)}}}
		},
			func(int) []string { return []string{"abc"} }},
		{"Broadcast", func(rank int) []Op {
			return []Op{{Kind: Broadcast, Count: 1, Width: 1, Peer: 1, Data: []byte{byte('a' + rank)}}}
		}, func(int) []string { return []string{"b"} }},
		{"AllReduce", func(rank int) []Op {
			if rank == 2 {
				return []Op{reduce([]byte{0, 0, 0, 0})}
			}
			return []Op{reduce(one)}
		}, func(int) []string { return []string{string(two)} }},
		{"a ring, and to itself", func(rank int) []Op {
			return []Op{
				{Kind: Recv, Count: 1, Peer: (rank + 2) % 3}, {Kind: Send, Count: 1, Peer: (rank + 1) % 3, Data: []byte{byte('a' + rank)}},
				{Kind: Send, Count: 1, Peer: rank, Data: []byte{'x'}}, {Kind: Recv, Count: 1, Peer: rank},
			}
		}, func(rank int) []string { return []string{string(byte('a' + (rank+2)%3)), "", "", "x"} }},
	} {
		got, errs := on(t, 3, time.Minute, func(rank int, m *Member) ([][]byte, error) { return m.Run(test.ops(rank)) })
		for rank := range got {
			var texts []string
			for _, data := range got[rank] {
				texts = append(texts, string(data))
			}
			if want := test.want(rank); errs[rank] != nil || !slices.Equal(texts, want) {
				t.Errorf("%s: rank %d gets %q, want %q (%v)", test.name, rank, texts, want, errs[rank])
			}
		}
	}
}

// What does not fit together fails on all ranks that wait, in words.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		want string
		run  func(rank int, m *Member) ([][]byte, error)
	}{
		{"counts", "ncclAllReduce of 2 elements", func(rank int, m *Member) ([][]byte, error) {
			op := reduce(bytes.Repeat(one, 1+rank))
			op.Count += rank
			return m.Run([]Op{op})
		}},
		{"never", "after 50ms, rank 0 still waits for the other side of ncclAllReduce of 1 elements", func(rank int, m *Member) ([][]byte, error) {
			if rank == 1 {
				time.Sleep(200 * time.Millisecond)
			}
			return m.Run([]Op{reduce(one)})
		}},
		{"left", "rank 1 has left the communicator, and rank 0 waits for it in ncclAllReduce", func(rank int, m *Member) ([][]byte, error) {
			if rank == 1 {
				return nil, nil
			}
			return m.Run([]Op{reduce(one)})
		}},
		{"ended", "rank 1 has ended", func(rank int, m *Member) ([][]byte, error) {
			if rank == 1 {
				m.Abort()
			}
			return m.Run([]Op{reduce(one)})
		}},
	} {
		limit := time.Minute
		if test.name == "never" {
			limit = 50 * time.Millisecond
		}
		if _, errs := on(t, 2, limit, test.run); errs[0] == nil || !strings.Contains(errs[0].Error(), test.want) {
			t.Errorf("%s: got %q, want %q", test.name, errs, test.want)
		}
	}
}
