package collective

import (
	"fmt"

	"gputrain/backend"
)

// TensorAdder is a Group that can add tensors where they are, in the memory of devices. Its
// ranks have a backend each.
type TensorAdder interface {
	Group

	// AddTensor sets x to Σ x over the ranks: in their order, with the bytes of a Sum, or
	// with fast in any order, but with the same bytes on all ranks. The operations that are
	// queued come before it. When it returns, the sum is there. work has the size of x, a
	// multiple of Size; its content is lost. They must not overlap. Others are a panic: see
	// CheckAddTensor. AddTensor must not be called within Replay.
	AddTensor(x, work backend.Tensor, fast bool) error
}

// CheckAddTensor panics if the tensors are not those of an AddTensor. Each TensorAdder begins
// with it.
func CheckAddTensor(g Group, x, work backend.Tensor) {
	switch {
	case x.Size() != work.Size() || x.Size()%g.Size() != 0:
		panic(fmt.Sprintf("collective: AddTensor: x has %d elements and work %d, want the same multiple of %d, the ranks", x.Size(), work.Size(), g.Size()))
	case x.Buf == work.Buf && x.Off < work.Off+work.Size() && work.Off < x.Off+x.Size():
		panic("collective: AddTensor: x and work overlap")
	}
}

// Padded returns the smallest multiple of the ranks of g that is at least n.
func Padded(g Group, n int) int { return (n + g.Size() - 1) / g.Size() * g.Size() }
