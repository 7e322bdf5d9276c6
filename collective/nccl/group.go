//go:build cuda && mpi && linux

package nccl

import (
	"cmp"
	"errors"
	"math"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/cuda"
)

// group is a collective.Group with a communicator of NCCL.
type group struct {
	collective.Group
	*library
	backend *cuda.Backend
	limit   time.Duration
	stall   *time.Timer // aborts the group
	poll    *time.Timer // calls look

	mu      sync.Mutex // of what follows
	adding  bool       // in AddTensor
	calling bool       // NCCL
	lost    error      // why there is no communicator any more
}

// pollEvery is how often a rank that waits asks whether another has ended.
const pollEvery = 20 * time.Millisecond

var errLeft = errors.New("nccl: the group is closed")

// Join lets the ranks of g add on their GPUs. All ranks call it together, each with its
// backend, and no two with the same GPU. It fails with an *AbsentError if there is no NCCL on
// some rank. limit is how long a sum may wait for the other ranks: the group is then aborted, as
// by collective.Watched.
func Join(g collective.Group, b *cuda.Backend, limit time.Duration) (Group, error) {
	l, err := load()
	if err := agree(g, err, !errors.Is(err, errMissing)); err != nil {
		return nil, err
	}
	c := &group{Group: g, library: l, backend: b, limit: limit}
	c.poll = time.AfterFunc(math.MaxInt64, c.look)
	c.stall = time.AfterFunc(limit, func() { c.Abort(collective.Stalled(limit)) })
	defer c.stall.Stop()
	if g.Rank() == 0 {
		if err := l.call(&l.getUniqueID, uintptr(unsafe.Pointer(&l.id))); err != nil {
			return nil, err
		}
	}
	if err := g.Broadcast(unsafe.Slice((*byte)(unsafe.Pointer(&l.id)), uniqueIDBytes)); err != nil {
		return nil, err
	}
	if err := b.Share(func(cuda.Stream) error { return l.join(g.Size(), g.Rank()) }); err != nil {
		return nil, err
	}
	return c, nil
}

// AddTensor implements collective.TensorAdder. In the order of the ranks it exchanges chunks,
// adds them with the backend's kernel, and gathers the sums.
func (g *group) AddTensor(x, work backend.Tensor, fast bool) error {
	collective.CheckAddTensor(g, x, work)
	if x.Size() == 0 {
		return nil
	}
	g.stall.Reset(g.limit)
	defer g.stall.Stop()
	g.watch(true)
	defer g.watch(false)
	queue := g.ordered
	if fast {
		queue = g.reduce
	}
	err := queue(x, work)
	if err == nil {
		err = g.backend.Sync()
	}
	return cmp.Or(g.sound(), err)
}

// reduce queues a sum in an order of NCCL's own.
func (g *group) reduce(x, _ backend.Tensor) error {
	return g.backend.Share(func(s cuda.Stream) error {
		at := g.address(x)
		return g.call(&g.allReduce, at, at, uintptr(x.Size()), ncclFloat32, ncclSum, g.comm, uintptr(s))
	})
}

// ordered queues a sum in the order of the ranks.
func (g *group) ordered(x, work backend.Tensor) error {
	ranks := g.Size()
	chunk := x.Size() / ranks
	parts := work.Reshape(ranks, chunk)
	if err := g.backend.Share(func(s cuda.Stream) error {
		return g.exchange(parts, x.Reshape(ranks, chunk), s)
	}); err != nil {
		return err
	}
	total := parts.Slice(0, 1)
	for rank := 1; rank < ranks; rank++ {
		g.backend.Add(total, total, parts.Slice(rank, rank+1))
	}
	return g.backend.Share(func(s cuda.Stream) error {
		return g.call(&g.allGather, g.address(total), g.address(x), uintptr(chunk), ncclFloat32, g.comm, uintptr(s))
	})
}

// exchange sends row r of src to rank r, and gets row r of dst from there.
func (g *group) exchange(dst, src backend.Tensor, s cuda.Stream) error {
	if err := g.call(&g.groupStart); err != nil {
		return err
	}
	var err error
	for rank := range src.Rows {
		to, from := g.address(src.Slice(rank, rank+1)), g.address(dst.Slice(rank, rank+1))
		err = cmp.Or(err,
			g.call(&g.send, to, uintptr(src.Cols), ncclFloat32, uintptr(rank), g.comm, uintptr(s)),
			g.call(&g.receive, from, uintptr(dst.Cols), ncclFloat32, uintptr(rank), g.comm, uintptr(s)))
	}
	return cmp.Or(err, g.call(&g.groupEnd))
}

func (g *group) address(t backend.Tensor) uintptr { return uintptr(g.backend.Address(t)) }

// call calls NCCL, unless the communicator is lost.
func (g *group) call(f *function, arguments ...uintptr) error {
	g.mu.Lock()
	lost := g.lost
	g.calling = lost == nil
	g.mu.Unlock()
	if lost != nil {
		return lost
	}
	err := g.library.call(f, arguments...)
	g.mu.Lock()
	g.calling = false
	g.mu.Unlock()
	return err
}

// sound returns why the communicator is lost, nil if it is not.
func (g *group) sound() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.check()
	return g.lost
}

// watch begins or ends the time in which look asks for errors.
func (g *group) watch(begins bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adding = begins
	if begins {
		g.poll.Reset(pollEvery)
	} else {
		g.poll.Stop()
	}
}

// look ends the communicator if another rank has ended, as the stream would wait for ever. It
// waits for the end of a call, which must not lose its communicator.
func (g *group) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.adding && (g.calling || g.check()) {
		g.poll.Reset(pollEvery)
	}
}

// check reports whether the communicator is sound, and ends it if it is not.
func (g *group) check() bool {
	if g.lost == nil {
		failed, _, _ := purego.SyscallN(g.getAsyncError.address, g.comm, uintptr(unsafe.Pointer(&g.code)))
		if err := cmp.Or(g.result(g.getAsyncError.name, int32(failed)), g.result("a sum of the ranks", g.code)); err != nil {
			g.end(err)
		}
	}
	return g.lost == nil
}

// end ends the communicator, and what its streams and calls wait for.
func (g *group) end(reason error) {
	if g.lost == nil && g.comm != 0 { // not 0 as in Join
		purego.SyscallN(g.abort.address, g.comm)
	}
	g.lost = cmp.Or(g.lost, reason)
}

// Abort implements collective.Group. The group of Join comes first: where it ends the process,
// the other ranks must learn why before they miss this one.
func (g *group) Abort(reason error) {
	g.Group.Abort(reason)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(reason)
}

// Leave implements Group.
func (g *group) Leave() error {
	if err := g.sound(); err != nil {
		return err
	}
	g.stall.Reset(g.limit)
	defer g.stall.Stop()
	err := g.backend.Share(func(cuda.Stream) error { return g.call(&g.destroy, g.comm) })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = cmp.Or(g.lost, errLeft)
	return err
}

// Close implements collective.Group.
func (g *group) Close() error {
	if err := g.Leave(); err != nil && !errors.Is(err, errLeft) {
		return err
	}
	return g.Group.Close()
}
