package emulator

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/rpc"
	"slices"
	"sync"
	"time"
)

// Listen makes a hub for one communicator of ranks on this machine, and returns its address. A rank that waits for
// another longer than limit has a failure.
func Listen(limit time.Duration) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	h := &hub{limit: limit, queues: map[[2]int]*queue{}, shut: func() { l.Close() }}
	h.changed = sync.NewCond(&h.mu)
	go h.accept(l)
	return l.Addr().String(), nil
}

// hub matches the operations of the ranks of a communicator.
type hub struct {
	limit   time.Duration
	shut    func()
	mu      sync.Mutex
	changed *sync.Cond
	seats   []*Seat // by rank, nil until it has joined; none until one has
	queues  map[[2]int]*queue
	rounds  []round
	failure *Failure
}

// queue has the operations from one rank to another that have no counterpart yet.
type queue struct{ sends, receives []*pending }

// round is a collective operation.
type round []*pending // by rank, nil until it has come

// pending is an operation of a rank that waits for others.
type pending struct {
	*Op
	rank int
	done bool
}

// Seat is what a hub has for a connection.
type Seat struct {
	hub    *hub
	rank   int
	device string
	joined bool
	left   bool
	rounds int // collective operations so far
}

// Entry is the request of a rank to join.
type Entry struct {
	Ranks, Rank int
	Device      string
}

// Reply is what a rank gets.
type Reply struct {
	Data    [][]byte
	Failure *Failure
}

func (h *hub) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // shut
		}
		seat, server := &Seat{hub: h}, rpc.NewServer()
		if err := server.Register(seat); err != nil {
			panic(err)
		}
		go func() {
			server.ServeConn(c)
			h.mu.Lock()
			defer h.mu.Unlock()
			if seat.joined && !seat.left {
				h.fail(RemoteError, "rank %d has ended", seat.rank)
			}
		}()
	}
}

// fail ends the communicator, unless it has failed before.
func (h *hub) fail(code Code, format string, args ...any) {
	if h.failure == nil {
		h.failure = &Failure{code, fmt.Sprintf(format, args...)}
		h.changed.Broadcast()
		h.shut()
	}
}

// wait waits until what is needed has come. missing says what has not.
func (h *hub) wait(reply *Reply, come func() bool, missing func() string) {
	late := time.AfterFunc(h.limit, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !come() {
			h.fail(SystemError, "after %v, %s", h.limit, missing())
		}
	})
	defer late.Stop()
	for h.failure == nil && !come() {
		h.changed.Wait()
	}
	if !come() {
		reply.Failure = h.failure
	}
}

// Join is a method of net/rpc, as are those that follow.
func (s *Seat) Join(e *Entry, reply *Reply) error {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seats == nil {
		h.seats = make([]*Seat, e.Ranks)
	}
	switch {
	case e.Ranks != len(h.seats):
		h.fail(InvalidUsage, "rank %d joins a communicator of %d ranks, and others one of %d", e.Rank, e.Ranks, len(h.seats))
	case h.seats[e.Rank] != nil:
		h.fail(InvalidUsage, "there are two ranks %d", e.Rank)
	}
	for rank, other := range h.seats {
		if other != nil && h.failure == nil && other.device == e.Device {
			h.fail(InvalidUsage, "Duplicate GPU detected: rank %d and rank %d both on CUDA device %s", e.Rank, rank, e.Device)
		}
	}
	if h.failure == nil {
		h.seats[e.Rank], s.rank, s.device, s.joined = s, e.Rank, e.Device, true
		h.changed.Broadcast()
	}
	h.wait(reply, func() bool { return h.failure == nil && !slices.Contains(h.seats, nil) }, func() string {
		return fmt.Sprintf("rank %d has not joined", slices.Index(h.seats, nil))
	})
	return nil
}

func (s *Seat) Run(ops []Op, reply *Reply) error {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*pending, len(ops))
	for i := range ops {
		all[i] = &pending{Op: &ops[i], rank: s.rank}
		if h.failure == nil {
			h.put(s, all[i])
		}
	}
	h.changed.Broadcast()
	waiting := func() *pending {
		if i := slices.IndexFunc(all, func(p *pending) bool { return !p.done }); i >= 0 {
			return all[i]
		}
		return nil
	}
	if p := waiting(); p != nil {
		h.checkLeft(p)
	}
	h.wait(reply, func() bool { return waiting() == nil }, func() string {
		p := waiting()
		return fmt.Sprintf("rank %d still waits for the other side of %s", p.rank, p.name())
	})
	for _, op := range ops {
		reply.Data = append(reply.Data, op.Data)
	}
	return nil
}

func (s *Seat) Leave(struct{}, *Reply) error {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s.left = true
	for _, q := range h.queues {
		for _, p := range slices.Concat(q.sends, q.receives) {
			h.checkLeft(p)
		}
	}
	for _, r := range h.rounds {
		for _, p := range r {
			if p != nil && !p.done {
				h.checkLeft(p)
			}
		}
	}
	if !slices.ContainsFunc(h.seats, func(s *Seat) bool { return s == nil || !s.left }) {
		h.shut()
	}
	return nil
}

// checkLeft fails if an operation waits for a rank that has left.
func (h *hub) checkLeft(p *pending) {
	for rank, seat := range h.seats {
		if seat.left && !p.done && (p.collective() || p.Peer == rank) {
			h.fail(RemoteError, "rank %d has left the communicator, and rank %d waits for it in %s", rank, p.rank, p.name())
		}
	}
}

func (o *Op) collective() bool { return o.Kind != Send && o.Kind != Recv }

// put finds the counterpart of an operation, and does what is complete.
func (h *hub) put(s *Seat, p *pending) {
	if p.collective() {
		if s.rounds == len(h.rounds) {
			h.rounds = append(h.rounds, make(round, len(h.seats)))
		}
		r := h.rounds[s.rounds]
		r[s.rank] = p
		if h.together(r) {
			h.rounds[s.rounds] = nil
		}
		s.rounds++
		return
	}
	way := [2]int{p.rank, p.Peer}
	if p.Kind == Recv {
		way = [2]int{p.Peer, p.rank}
	}
	q := h.queues[way]
	if q == nil {
		q = new(queue)
		h.queues[way] = q
	}
	if p.Kind == Send {
		q.sends = append(q.sends, p)
	} else {
		q.receives = append(q.receives, p)
	}
	if len(q.sends) == 0 || len(q.receives) == 0 {
		return
	}
	send, receive := q.sends[0], q.receives[0]
	q.sends, q.receives = q.sends[1:], q.receives[1:]
	if send.Count != receive.Count || send.Type != receive.Type {
		h.fail(InvalidUsage, "rank %d calls %s, but rank %d %s", send.rank, send.name(), receive.rank, receive.name())
		return
	}
	receive.Data = send.Data
	send.Data = nil
	send.done, receive.done = true, true
}

// together does a collective operation if all ranks have come, and reports whether it did.
func (h *hub) together(r round) bool {
	first := r[slices.IndexFunc(r, func(p *pending) bool { return p != nil })]
	for _, p := range r {
		if p != nil && p.name() != first.name() {
			h.fail(InvalidUsage, "rank %d calls %s, but rank %d %s", first.rank, first.name(), p.rank, p.name())
			return false
		}
	}
	if slices.Contains(r, nil) {
		return false
	}
	var result []byte
	switch first.Kind {
	case AllGather:
		for _, p := range r {
			result = append(result, p.Data...)
		}
	case Broadcast:
		result = r[first.Peer].Data
	case AllReduce:
		// Not in the order of the ranks, as NCCL's sums have an order of their own.
		result = slices.Clone(r[len(r)-1].Data)
		for _, p := range slices.Backward(r[:len(r)-1]) {
			addTo(result, p.Data)
		}
	}
	for _, p := range r {
		p.Data, p.done = result, true
	}
	return true
}

func addTo(sum, x []byte) {
	for i := 0; i < len(sum); i += 4 {
		of := func(b []byte) float32 { return math.Float32frombits(binary.NativeEndian.Uint32(b[i:])) }
		binary.NativeEndian.PutUint32(sum[i:], math.Float32bits(of(sum)+of(x)))
	}
}
