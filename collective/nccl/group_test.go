//go:build cuda && mpi && linux

package nccl

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/collective/collectivetest"
	"gputrain/cuda"
	"gputrain/cuda/cudriver"
)

var required = flag.Bool("required", false, "fail where there are not enough GPUs, or no NCCL: see make test-nccl")

// onRanks calls test for n ranks that have joined, and closes their backends.
func onRanks(t *testing.T, n int, limit time.Duration, test func(r *group) error) []error {
	t.Helper()
	devices, err := cudriver.New().Devices()
	if _, missing := load(); err != nil || missing != nil || len(devices) < n {
		if *required {
			t.Fatalf("%d GPUs, want %d: %v, %v", len(devices), n, err, missing)
		}
		t.Skip("needs GPUs and NCCL, or those that are emulated: see make test-nccl")
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	for i, g := range collective.Local(n) {
		all.Go(func() {
			b, err := cuda.Open(cudriver.New(), i, cuda.Options{})
			if err != nil {
				t.Error(err)
				g.Abort(err)
				return
			}
			defer b.Close()
			joined, err := Join(g, b, limit)
			if err != nil {
				t.Error(err)
				g.Abort(err)
				return
			}
			if errs[i] = test(joined.(*group)); errs[i] != nil {
				joined.Abort(errs[i])
			}
		})
	}
	all.Wait()
	return errs
}

func TestConformance(t *testing.T) {
	for n := 2; n <= 3; n++ {
		for _, err := range onRanks(t, n, time.Minute, func(r *group) error {
			if err := collectivetest.CheckTensors(r, r.backend); err != nil {
				return err
			}
			return r.Close()
		}) {
			if err != nil {
				t.Errorf("%d ranks: %v", n, err)
			}
		}
	}
}

// A sum that is not in the order of the ranks has other bytes: those of a fast one do, of which
// the emulator adds from behind.
func TestAnotherOrderHasOtherBytes(t *testing.T) {
	sums := make([][2]float32, 3)
	for _, err := range onRanks(t, 3, time.Minute, func(r *group) error {
		defer r.Close()
		for i, fast := range []bool{false, true} {
			x, err := tensor(r, []float32{1, 0x1p-24, 0x1p-24}[r.Rank()])
			if err != nil {
				return err
			}
			if err := r.AddTensor(x.Slice(0, 1), x.Slice(1, 2), fast); err != nil {
				return err
			}
			got := make([]float32, 6)
			if err := r.backend.Download(got, x); err != nil {
				return err
			}
			sums[r.Rank()][i] = got[0]
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for rank, got := range sums {
		if want := [2]float32{1, 1 + 0x1p-23}; got != want {
			t.Errorf("rank %d: in the order of the ranks and from behind %v, want %v", rank, got, want)
		}
	}
}

// tensor returns x and work of three elements, which are value.
func tensor(r *group, value float32) (backend.Tensor, error) {
	x, err := r.backend.New(2, 3)
	if err == nil {
		r.backend.Fill(x, float64(value))
	}
	return x, err
}

// What NCCL does not forgive is an error that says what is wrong, on the rank or on all of them.
func TestMisuse(t *testing.T) {
	const elements = 4
	queue := func(r *group, f func(at func(offset int) uintptr, s cuda.Stream) error) error {
		x, err := r.backend.New(4, elements)
		if err != nil {
			return err
		}
		base := r.address(x)
		return r.backend.Share(func(s cuda.Stream) error {
			return f(func(offset int) uintptr { return base + uintptr(4*offset) }, s)
		})
	}
	reduce := func(r *group, count int) error {
		return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
			return r.call(&r.allReduce, at(0), at(0), uintptr(count), ncclFloat32, ncclSum, r.comm, uintptr(s))
		})
	}
	gather := func(r *group, count int) error {
		return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
			return r.call(&r.allGather, at(0), at(elements), uintptr(count), ncclFloat32, r.comm, uintptr(s))
		})
	}
	for _, test := range []struct {
		name string
		want string
		call func(r *group) error
	}{
		{"another count", "calls ncclAllReduce of 3 elements of type 7 with operation 0, but rank", func(r *group) error { return reduce(r, 3+r.Rank()%2) }},
		{"another order of calls", "ncclAllGather of 4 elements of type 7", func(r *group) error {
			if r.Rank() == 0 {
				return errors.Join(reduce(r, 4), gather(r, 4))
			}
			return errors.Join(gather(r, 4), reduce(r, 4))
		}},
		{"a send of another length", "rank 0 calls ncclSend of 2 elements of type 7 to rank 1, but rank 1 ncclRecv of 3 elements", func(r *group) error {
			return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
				if r.Rank() == 0 {
					return r.call(&r.send, at(0), 2, ncclFloat32, 1, r.comm, uintptr(s))
				}
				return r.call(&r.receive, at(0), 3, ncclFloat32, 0, r.comm, uintptr(s))
			})
		}},
		{"nobody sends", "rank 1 still waits for the other side of ncclRecv of 4 elements of type 7 from rank 0", func(r *group) error {
			if r.Rank() == 0 {
				return nil
			}
			return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
				return r.call(&r.receive, at(0), 4, ncclFloat32, 0, r.comm, uintptr(s))
			})
		}},
		{"memory of the host", "ncclAllReduce: invalid argument: ncclAllReduce: 0x", func(r *group) error {
			host := make([]float32, elements)
			return r.backend.Share(func(s cuda.Stream) error {
				at := uintptr(unsafe.Pointer(&host[0]))
				return r.call(&r.allReduce, at, at, elements, ncclFloat32, ncclSum, r.comm, uintptr(s))
			})
		}},
		{"more than is allocated", "end behind their allocation of 64 bytes", func(r *group) error { return reduce(r, 17) }},
		{"a rank that is none", "ncclSend: rank 2 of 2", func(r *group) error {
			return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
				return r.call(&r.send, at(0), 1, ncclFloat32, 2, r.comm, uintptr(s))
			})
		}},
		{"a type that is none", "data type 99", func(r *group) error {
			return queue(r, func(at func(int) uintptr, s cuda.Stream) error {
				return r.call(&r.send, at(0), 1, 99, 1-uintptr(r.Rank()), r.comm, uintptr(s))
			})
		}},
		{"a group that ends twice", "ncclGroupEnd without an ncclGroupStart", func(r *group) error {
			return r.backend.Share(func(cuda.Stream) error {
				return errors.Join(r.call(&r.groupStart), r.call(&r.groupEnd), r.call(&r.groupEnd))
			})
		}},
		{"a communicator that is freed", "the communicator does not exist, or has been freed", func(r *group) error {
			return errors.Join(r.Leave(), r.library.call(&r.destroy, r.comm))
		}},
		{"a rank that has left", "rank 1 has left the communicator, and rank 0 waits for it in ncclAllReduce", func(r *group) error {
			if r.Rank() == 1 {
				return r.Leave()
			}
			return reduce(r, 4)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs := onRanks(t, 2, time.Minute, func(r *group) error {
				r.watch(true) // as in AddTensor
				defer r.watch(false)
				if err := test.call(r); err != nil {
					return err
				}
				return errors.Join(r.backend.Sync(), r.sound())
			})
			if !slices.ContainsFunc(errs, func(err error) bool { return err != nil && strings.Contains(err.Error(), test.want) }) {
				t.Errorf("got %q, want %q", errs, test.want)
			}
		})
	}
}

// Two ranks cannot have the same GPU or number.
func TestRanksThatAreTwice(t *testing.T) {
	for _, test := range []struct {
		name   string
		ranks  [2]int
		device int // of the second
		want   string
	}{
		{"number", [2]int{0, 0}, 1, "there are two ranks 0"},
		{"GPU", [2]int{0, 1}, 0, "Duplicate GPU detected: rank"},
		{"none", [2]int{0, 1}, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			onRanks(t, 2, time.Minute, func(r *group) error { return r.Close() }) // that there are GPUs
			first, err := load()
			if err != nil {
				t.Fatal(err)
			}
			if err := first.call(&first.getUniqueID, uintptr(unsafe.Pointer(&first.id))); err != nil {
				t.Fatal(err)
			}
			errs := make([]error, 2)
			var all sync.WaitGroup
			for i, number := range test.ranks {
				all.Go(func() {
					l, err := load()
					if err != nil {
						t.Error(err)
						return
					}
					l.id = first.id
					b, err := cuda.Open(cudriver.New(), i*test.device, cuda.Options{})
					if err != nil {
						t.Error(err)
						return
					}
					defer b.Close()
					errs[i] = b.Share(func(cuda.Stream) error { return l.join(2, number) })
				})
			}
			all.Wait()
			for _, err := range errs {
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			}
		})
	}
}

// A rank that hangs is found by the others, whose streams then go on; so is one that aborts.
func TestARankThatDoesNotCome(t *testing.T) {
	for _, test := range []struct {
		name, want string
		limit      time.Duration
		call       func(r *group, done <-chan struct{})
	}{
		{"hangs", "it has waited 300ms for the others, one of which hangs", 300 * time.Millisecond, func(_ *group, done <-chan struct{}) { <-done }},
		{"aborts", "a fault", time.Minute, func(r *group, _ <-chan struct{}) { r.Abort(errors.New("a fault")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			began, done := time.Now(), make(chan struct{})
			errs := onRanks(t, 2, test.limit, func(r *group) error {
				if r.Rank() == 1 {
					test.call(r, done)
					return nil
				}
				defer close(done)
				x, err := tensor(r, 1)
				if err != nil {
					return err
				}
				err = r.AddTensor(x.Slice(0, 1).Reshape(3, 1).Slice(0, 2), x.Slice(1, 2).Reshape(3, 1).Slice(0, 2), false)
				again := r.AddTensor(x.Slice(0, 1).Reshape(3, 1).Slice(0, 2), x.Slice(1, 2).Reshape(3, 1).Slice(0, 2), true)
				if err == nil || again == nil || again.Error() != err.Error() {
					return fmt.Errorf("a sum ends with %v, the next with %v", err, again)
				}
				return r.Group.Broadcast(nil) // which knows why
			})
			if took := time.Since(began); errs[0] == nil || !strings.Contains(errs[0].Error(), test.want) || took > 20*time.Second {
				t.Errorf("after %v: %v, want %q", took, errs[0], test.want)
			}
		})
	}
}
