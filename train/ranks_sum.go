package train

import (
	"cmp"
	"time"

	"gputrain/backend"
	"gputrain/collective"
)

// newSummer returns what adds gradients with a tail, n elements in all.
func newSummer(g collective.Group, m *memory, n int, fast bool) summer {
	if adder, ok := g.(collective.TensorAdder); ok {
		size := collective.Padded(g, n)
		return &deviceSummer{adder, m.tensor(1, size), m.tensor(1, size), fast}
	}
	return &hostSummer{collective.NewSum(g, n, fast)}
}

// hostSummer takes the gradient to the host and back.
type hostSummer struct{ sum *collective.Sum }

func (s *hostSummer) hostBytes() int64 { return 2 * tensorBytes(len(s.sum.Vector())) }

func (s *hostSummer) add(b backend.Backend, grads, loss backend.Tensor, tail []float32) (time.Duration, error) {
	gradient, end := s.sum.Vector()[:grads.Size()], s.sum.Vector()[grads.Size():]
	copy(end, tail)
	if err := cmp.Or(b.Download(gradient, grads), b.Download(end[tailLoss:tailLoss+1], loss)); err != nil {
		return 0, err
	}
	began := time.Now()
	err := s.sum.Add()
	took := time.Since(began)
	if err == nil {
		b.Upload(grads, gradient)
		copy(tail, end)
	}
	return took, err
}

// deviceSummer adds where the gradient is. vector holds the gradient, the tail and zeros.
type deviceSummer struct {
	adder        collective.TensorAdder
	vector, work backend.Tensor // [1,n]
	fast         bool
}

func (s *deviceSummer) hostBytes() int64 { return 0 }

func (s *deviceSummer) add(b backend.Backend, grads, loss backend.Tensor, tail []float32) (time.Duration, error) {
	n := grads.Size()
	gradient, end := stretch(s.vector, 0, n).Reshape(grads.Rows, grads.Cols), stretch(s.vector, n, n+tailSize)
	b.Copy(gradient, grads)
	b.Upload(end, tail)
	b.Copy(stretch(end, tailLoss, tailLoss+1), loss)
	if err := b.Sync(); err != nil { // so that the time of the sum is that
		return 0, err
	}
	began := time.Now()
	err := s.adder.AddTensor(s.vector, s.work, s.fast)
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	b.Copy(grads, gradient)
	return took, b.Download(tail, end)
}
