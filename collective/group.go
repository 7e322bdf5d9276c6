// Package collective lets several ranks, each with a device of its own, train one network
// together. A rank is a process that a launcher such as mpirun started (package
// collective/mpi), or a goroutine of this process (Local).
//
// All ranks make the same calls in the same order. What they do together is made of three
// calls that only move bytes. So a sum is that of the same additions in the same order,
// with the same bytes as result, whatever moves them: see Sum.
package collective

import "fmt"

// Group is what a rank knows of the ranks that work together. It is for one goroutine at a
// time, but for Abort. Buffers that are read and written in a call must not overlap. Those
// of wrong lengths are a panic: see CheckExchange and CheckGather.
//
// An error of Exchange, Gather or Broadcast means that the group is lost: some rank has
// ended, or the connection to it. The rank then ends too. It is an *AbortError where the
// reason is known.
type Group interface {
	// Rank is the number of this rank, from 0 to Size−1.
	Rank() int
	Size() int

	// LocalRank is the number of this rank among those of its machine, from 0: that of
	// the device which it takes.
	LocalRank() int

	// Exchange cuts src and dst into Size chunks of the same length. Chunk r of src goes
	// to rank r, and chunk r of dst comes from there.
	Exchange(dst, src []byte) error

	// Gather puts the src of all ranks, which have the same length, one after the other
	// in the order of the ranks into dst, on every rank.
	Gather(dst, src []byte) error

	// Broadcast replaces data by that of rank 0.
	Broadcast(data []byte) error

	// Abort ends the group: calls that others wait in, and all that come, fail. It may be
	// called from any goroutine, at any time. With processes, it ends this one and asks
	// the launcher to end the others.
	Abort(reason error)

	// Close ends the work of this rank, in order: it waits until all ranks close.
	Close() error
}

// AbortError says which rank ended a group, and why.
type AbortError struct {
	Rank   int
	Reason error
}

func (e *AbortError) Error() string { return fmt.Sprintf("rank %d: %v", e.Rank, e.Reason) }

// Unwrap returns the reason.
func (e *AbortError) Unwrap() error { return e.Reason }

// CheckExchange panics if the buffers are not those of an Exchange. Each Group begins with it.
func CheckExchange(g Group, dst, src []byte) {
	if len(dst) != len(src) || len(src)%g.Size() != 0 {
		panic(fmt.Sprintf("collective: Exchange: dst has %d bytes and src %d, want the same multiple of %d, the ranks", len(dst), len(src), g.Size()))
	}
}

// CheckGather panics if the buffers are not those of a Gather. Each Group begins with it.
func CheckGather(g Group, dst, src []byte) {
	if len(dst) != len(src)*g.Size() {
		panic(fmt.Sprintf("collective: Gather: dst has %d bytes, want %d, those of src for each of %d ranks", len(dst), len(src)*g.Size(), g.Size()))
	}
}
