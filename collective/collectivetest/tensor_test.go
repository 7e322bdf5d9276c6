package collectivetest_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/collective"
	"gputrain/collective/collectivetest"
)

// hostAdder is a sound TensorAdder, which adds on the host, but for what change does with the
// vectors of all ranks before they are added.
type hostAdder struct {
	collective.Group
	b      backend.Backend
	change func(rank int, x []float32) []float32 // nil: nothing
	order  []int                                 // nil: that of the ranks
	after  func(rank int, b backend.Backend, x backend.Tensor)
	skip   func(x backend.Tensor) bool // nil: checks the arguments
}

func (a *hostAdder) AddTensor(x, work backend.Tensor, fast bool) error {
	if a.skip == nil || !a.skip(x) {
		collective.CheckAddTensor(a.Group, x, work)
	}
	n := x.Size()
	mine, all := make([]float32, n), make([]float32, n*a.Size())
	if err := a.b.Download(mine, x); err != nil {
		return err
	}
	if a.change != nil {
		mine = a.change(a.Rank(), mine)
	}
	if err := a.Gather(collective.Bytes(all), collective.Bytes(mine)); err != nil {
		return err
	}
	for place := range a.Size() {
		rank := place
		if a.order != nil {
			rank = a.order[place]
		}
		for i, value := range all[rank*n : (rank+1)*n] {
			if place == 0 {
				mine[i] = value
			} else {
				mine[i] += value
			}
		}
	}
	a.b.Upload(x, mine)
	if a.after != nil {
		a.after(a.Rank(), a.b, x)
	}
	return nil
}

// checkTensors runs CheckTensors on n ranks.
func checkTensors(t *testing.T, n int, change func(a *hostAdder)) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for rank, g := range collective.Local(n) {
		a := &hostAdder{Group: g, b: reference.New()}
		if change != nil {
			change(a)
		}
		all.Go(func() {
			if errs[rank] = collectivetest.CheckTensors(a, a.b); errs[rank] != nil && !strings.HasPrefix(errs[rank].Error(), "collectivetest") {
				g.Abort(errs[rank])
			}
		})
	}
	all.Wait()
	return errs
}

func TestSumsOfTensors(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4} {
		for _, err := range checkTensors(t, n, nil) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCheckTensorsRejectsBrokenAdders(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(a *hostAdder)
		want   string
	}{
		{"another order", func(a *hostAdder) { a.order = []int{0, 2, 1} }, "added in the order of the ranks"},
		{"the ranks turned around", func(a *hostAdder) { a.order = []int{2, 1, 0} }, "added in the order of the ranks"},
		{"a chunk lost", func(a *hostAdder) {
			a.change = func(rank int, x []float32) []float32 {
				if rank == 1 {
					clear(x[len(x)/3 : 2*len(x)/3])
				}
				return x
			}
		}, "added in the order of the ranks"},
		{"the last element left out", func(a *hostAdder) {
			a.change = func(rank int, x []float32) []float32 {
				if len(x) > 0 && rank > 0 {
					x[len(x)-1] = 0
				}
				return x
			}
		}, "added in the order of the ranks"},
		{"nothing added", func(a *hostAdder) {
			a.change = func(rank int, x []float32) []float32 {
				if rank > 0 {
					clear(x)
				}
				return x
			}
		}, "added in the order of the ranks"},
		{"another sum on one rank", func(a *hostAdder) {
			a.after = func(rank int, b backend.Backend, x backend.Tensor) {
				if rank == 2 && x.Size() > 0 {
					b.Scale(x, 1+0x1p-22, x)
				}
			}
		}, "rank 2 has another sum than rank 0"},
		{"a write behind the tensor", func(a *hostAdder) {
			a.after = func(_ int, b backend.Backend, x backend.Tensor) {
				b.Fill(backend.Tensor{Buf: x.Buf, Off: x.Off + x.Size(), Rows: 1, Cols: 1}, 0)
			}
		}, "beside the tensors"},
		{"a length that is taken though it is wrong", func(a *hostAdder) {
			a.skip = func(x backend.Tensor) bool { return x.Size()%3 != 0 }
		}, "a length that is no multiple of the ranks does not panic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs := checkTensors(t, 3, test.change)
			if !slices.ContainsFunc(errs, func(err error) bool { return err != nil && strings.Contains(err.Error(), test.want) }) {
				t.Errorf("got %v, want %q", errs, test.want)
			}
		})
	}
}
