package emulator

import (
	"fmt"
	"math/rand/v2"

	"gputrain/cuda"
)

// A graph is work that can be repeated.
type graph struct {
	nodes    []*node // in the order of the calls, which is one that the waits allow
	branches int
}

// A node is a task of a graph. It comes after the first known[i] nodes of each branch i.
type node struct {
	task
	number, branch int
	index          int // in its branch, from 1
	known          []int
	parallel       bool // there is a node that nothing orders before or after it
}

// follows tells whether a node comes after another.
func (n *node) follows(other *node) bool {
	return other.branch < len(n.known) && n.known[other.branch] >= other.index
}

// findParallel finds the nodes that others run beside.
func (g *graph) findParallel(branches int) {
	if g.branches = branches; branches == 1 {
		return
	}
	for i, n := range g.nodes {
		for _, other := range g.nodes[:i] {
			if n.branch != other.branch && !n.follows(other) {
				n.parallel, other.parallel = true, true
			}
		}
	}
}

// order returns the nodes in an order that the waits allow, drawn at random.
func (g *graph) order(random *rand.Rand) []*node {
	next := make([][]*node, g.branches) // that are left, by branch
	for _, n := range g.nodes {
		next[n.branch] = append(next[n.branch], n)
	}
	done := make([]int, g.branches)
	waits := func(n *node) bool {
		for branch, index := range n.known {
			if done[branch] < index {
				return true
			}
		}
		return false
	}
	var all, ready []*node
	for len(all) < len(g.nodes) {
		ready = ready[:0]
		for _, left := range next {
			if len(left) > 0 && !waits(left[0]) {
				ready = append(ready, left[0])
			}
		}
		n := ready[0]
		if len(ready) > 1 {
			n = ready[random.IntN(len(ready))]
		}
		next[n.branch] = next[n.branch][1:]
		done[n.branch]++
		all = append(all, n)
	}
	return all
}

// A graphLaunch is a graph that is running.
type graphLaunch struct {
	graph   *graph
	off     bool     // races are not looked for
	visits  []*visit // by the number of the node
	left    int      // nodes that are not done
	trails  []trail  // by branch
	suspect *suspect
}

// A visit is a node that is done in a launch of its graph.
type visit struct {
	*node
	launch              *graphLaunch
	program             *program // of a kernel
	gap, seconds, share float64  // see queue.pass
}

// A suspect is a node that has read memory without a value. If a node that may run before
// it writes there, the two race.
type suspect struct {
	node  *node
	fault *Report
}

// LaunchGraph queues the work of a graph.
func (d *Device) LaunchGraph(g cuda.Graph, s cuda.Stream) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if err := d.notCaptured("LaunchGraph", s); err != nil {
		return err
	}
	found := d.graphs[g]
	if found == nil {
		return fmt.Errorf("cuda emulator: graph %d %w", g, ErrHandle)
	}
	if err := d.injected(LaunchOperation); err != nil {
		return err
	}
	l := &graphLaunch{
		graph: found, off: d.driver.off[GlobalRace], visits: make([]*visit, len(found.nodes)),
		left: len(found.nodes), trails: make([]trail, found.branches),
	}
	for _, n := range found.order(d.random) {
		if err := d.enqueue(s, task{name: n.name, do: func(q *queue) *Report { return l.do(n, q) }}); err != nil {
			return err
		}
	}
	return nil
}

// do does a node. With the last one the clock of the stream goes on.
func (l *graphLaunch) do(n *node, q *queue) *Report {
	v := &visit{node: n, launch: l}
	l.visits[n.number] = v
	l.left--
	if l.suspect == nil || !n.follows(l.suspect.node) {
		fault := n.task.do(&queue{visit: v})
		switch {
		case fault == nil:
		case n.parallel && l.suspect == nil && (fault.Check == Uninitialised || fault.Check == UninitialisedCopy):
			l.suspect = &suspect{n, fault}
		case l.suspect == nil || fault.Check == GlobalRace:
			return fault
		}
	}
	if l.left > 0 {
		return nil
	}
	q.clock += l.seconds()
	if l.suspect != nil {
		return l.suspect.fault
	}
	return nil
}

// seconds estimates the time of the graph. A node begins when all nodes before it have
// ended and as much of the GPU is free as it takes.
func (l *graphLaunch) seconds() (last float64) {
	type interval struct{ from, to, share float64 }
	var busy []interval
	ends := make([][]float64, l.graph.branches)
	for _, v := range l.visits {
		from := v.gap
		for branch, n := range v.known {
			if n > 0 {
				from = max(from, ends[branch][n-1]+v.gap)
			}
		}
		for {
			next, used := 0.0, v.share
			for _, b := range busy {
				if b.from < from+v.seconds && from < b.to {
					used += b.share
					if next == 0 || b.to < next {
						next = b.to
					}
				}
			}
			if used <= 1 || next == 0 {
				break
			}
			from = next
		}
		end := from + v.seconds
		if v.parallel {
			busy = append(busy, interval{from, end, v.share})
		}
		ends[v.branch] = append(ends[v.branch], end)
		last = max(last, end)
	}
	return last
}

// DestroyGraph destroys a graph.
func (d *Device) DestroyGraph(g cuda.Graph) error {
	if err := d.usable(); err != nil {
		return err
	}
	if d.graphs[g] == nil {
		return fmt.Errorf("cuda emulator: graph %d %w", g, ErrHandle)
	}
	delete(d.graphs, g)
	return nil
}
