package collective

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Link is the time that a message takes: Latency, and its bytes divided by Bandwidth.
type Link struct {
	Latency   time.Duration
	Bandwidth float64 // bytes per second; 0 means that bytes take no time
}

// transfer returns the time of a message.
func (l Link) transfer(bytes int) time.Duration {
	d := l.Latency
	if l.Bandwidth > 0 {
		d += time.Duration(float64(bytes) / l.Bandwidth * float64(time.Second))
	}
	return d
}

// Local returns the ranks of a group of n goroutines of this process, each for one of
// them. Abort, or a rank that closes while others wait for it in a call, ends the calls of
// all. It panics if n is less than 1.
func Local(n int) []Group { return Simulated(n, Link{}) }

// Simulated is Local with a link between the ranks. Each rank sends and receives one
// message at a time, so a call of which each rank sends S bytes in all to the others takes
// l.Latency + S/l.Bandwidth, besides the time of Local.
func Simulated(n int, l Link) []Group {
	if n < 1 {
		panic(fmt.Sprintf("collective: Local: %d ranks, want 1 or more", n))
	}
	s := &local{link: l, calls: make([]call, n)}
	s.all = sync.NewCond(&s.mu)
	groups := make([]Group, n)
	for rank := range groups {
		groups[rank] = &localRank{s, rank}
	}
	return groups
}

// call is what a rank asks for.
type call struct {
	name  string
	bytes int // of src
	src   []byte
}

// local is what the ranks share.
type local struct {
	link  Link
	mu    sync.Mutex
	all   *sync.Cond // that round has moved on, or err is set
	calls []call     // of the ranks
	here  int        // ranks that are waiting
	round int
	err   error
}

type localRank struct {
	*local
	rank int
}

func (g *localRank) Rank() int      { return g.rank }
func (g *localRank) Size() int      { return len(g.calls) }
func (g *localRank) LocalRank() int { return g.rank }

// errLeft is why a group ends if a rank closes while others wait for it.
var errLeft = errors.New("it has ended while others wait for it")

// meet returns when all ranks are here to begin a call, or with the reason of an Abort.
func (g *localRank) meet() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	round := g.round
	if g.here++; g.here < len(g.calls) {
		for g.round == round && g.err == nil {
			g.all.Wait()
		}
	} else if g.err = g.checkCalls(); g.err == nil {
		g.next()
	} else {
		g.all.Broadcast()
	}
	if g.round == round {
		return g.err
	}
	return nil
}

// part returns when all ranks, which are in a call, have taken what they need. An Abort does
// not shorten it, because others still read the src of this rank.
func (g *localRank) part() {
	g.mu.Lock()
	defer g.mu.Unlock()
	round := g.round
	if g.here++; g.here == len(g.calls) {
		g.next()
	}
	for g.round == round {
		g.all.Wait()
	}
}

// next lets those go on who wait for all to be here.
func (g *local) next() {
	g.here = 0
	g.round++
	g.all.Broadcast()
}

// checkCalls says which rank has made another call than rank 0.
func (g *local) checkCalls() error {
	first := g.calls[0]
	for rank, c := range g.calls {
		if c.name == first.name && c.bytes == first.bytes {
			continue
		}
		switch "Close" {
		case c.name:
			return &AbortError{rank, errLeft}
		case first.name:
			return &AbortError{0, errLeft}
		}
		return &AbortError{rank, fmt.Errorf("it calls %s with %d bytes, but rank 0 %s with %d", c.name, c.bytes, first.name, first.bytes)}
	}
	return nil
}

// together makes a call: each rank takes what it needs from the others while all are in it.
func (g *localRank) together(name string, src []byte, sent int, take func(calls []call)) error {
	g.calls[g.rank] = call{name, len(src), src}
	if err := g.meet(); err != nil {
		return err
	}
	if len(g.calls) > 1 && g.link != (Link{}) {
		time.Sleep(g.link.transfer(sent))
	}
	if take != nil {
		take(g.calls)
	}
	g.part()
	return nil
}

func (g *localRank) Exchange(dst, src []byte) error {
	CheckExchange(g, dst, src)
	chunk := len(src) / g.Size()
	return g.together("Exchange", src, len(src)-chunk, func(calls []call) {
		for r, c := range calls {
			copy(dst[r*chunk:(r+1)*chunk], c.src[g.rank*chunk:])
		}
	})
}

func (g *localRank) Gather(dst, src []byte) error {
	CheckGather(g, dst, src)
	return g.together("Gather", src, len(src)*(g.Size()-1), func(calls []call) {
		for r, c := range calls {
			copy(dst[r*len(src):], c.src)
		}
	})
}

func (g *localRank) Broadcast(data []byte) error {
	return g.together("Broadcast", data, len(data), func(calls []call) {
		if g.rank > 0 {
			copy(data, calls[0].src)
		}
	})
}

func (g *localRank) Abort(reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = &AbortError{g.rank, reason}
		g.all.Broadcast()
	}
}

func (g *localRank) Close() error { return g.together("Close", nil, 0, nil) }
