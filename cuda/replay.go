package cuda

import (
	"slices"

	"gputrain/backend"
)

// replay turns operations into CUDA graphs and launches these again.
//
// The host calls the operations each time, but at first they only write a plan:
// words that say which kernels would get which arguments. A layer over a
// sequence writes one line, however many time steps it has. If there is a graph
// with these words, it is launched. So nobody has to say when shapes or addresses
// have changed. Arguments that change from step to step are not among the words.
// They are in device memory, scalars, which is written before the launch.
type replay struct {
	mode   mode
	words  []uint64 // of the plan
	values []byte   // of its scalars
	used   int      // bytes of scalars in use
	graphs []*graph

	hasGrid bool // the current capture has a persistent kernel

	scalars      Pointer // of all graphs, one after the other
	scalarsBytes int
}

// graph is a plan that was met once. It is captured when it is met again.
type graph struct {
	words    []uint64
	handle   Graph // none until it is captured
	lookups  []lookup
	launched bool // since the last check of lookups
}

// mode says what a call of an operation does.
type mode int

const (
	direct    mode = iota // queues it
	planning              // writes it to the plan
	capturing             // captures it in the current graph
)

const (
	maxGraphs      = 32 // an epoch has two: for full batches and for the last one
	minScalarBytes = 4096
)

// Replay implements backend.Replayer: the operations become a CUDA graph from
// the second time that they have the same arguments.
func (d *Backend) Replay(ops func()) {
	d.outsideReplay("Replay")
	switch {
	case d.err != nil:
		return
	case d.synchronous:
		ops() // so that an error names its operation
		return
	}
	r := &d.replay
	d.writePlan(ops)
	if len(r.values) > r.scalarsBytes && d.err == nil {
		d.growScalars(len(r.values))
		d.writePlan(ops) // with other addresses
	}
	if d.err != nil {
		return
	}
	g := r.find()
	if g == nil {
		before, besides := d.workspace, d.other.workspace
		ops() // which may make a workspace larger, and so drop all graphs
		if d.workspace != before || d.other.workspace != besides {
			d.writePlan(ops) // with its new address
		}
		d.remember()
		return
	}
	if g.handle == 0 {
		d.capture(g, ops)
	}
	if len(r.values) > 0 {
		d.write("Replay", r.scalars, r.values)
	}
	if d.err != nil {
		return
	}
	d.noteLookups(g)
	d.keep("Replay", d.device.LaunchGraph(g.handle, d.stream))
}

// outsideReplay panics if op is called within Replay.
func (d *Backend) outsideReplay(op string) {
	if d.replay.mode != direct {
		panic("cuda: " + op + " is called within Replay")
	}
}

// writePlan writes the plan of ops.
func (d *Backend) writePlan(ops func()) {
	r := &d.replay
	r.words, r.values, r.used = r.words[:0], r.values[:0], 0
	d.lookups.planned = d.lookups.planned[:0]
	r.mode = planning
	defer func() { r.mode = direct }()
	ops()
}

// find returns the graph of the plan, nil if there is none.
func (r *replay) find() *graph {
	for _, g := range r.graphs {
		if slices.Equal(g.words, r.words) {
			return g
		}
	}
	return nil
}

// remember keeps the plan. A plan that is met only once is not worth a graph.
func (d *Backend) remember() {
	r := &d.replay
	if len(r.graphs) == maxGraphs {
		d.dropGraphs("Replay")
	}
	r.graphs = append(r.graphs, &graph{words: slices.Clone(r.words), lookups: slices.Clone(d.lookups.planned)})
}

// capture makes the graph of the plan.
func (d *Backend) capture(g *graph, ops func()) {
	r := &d.replay
	d.keep("Replay", d.device.BeginCapture(d.stream))
	if d.err != nil {
		return
	}
	r.used, r.hasGrid, d.lookups.call = 0, false, firstCall(slices.Index(r.graphs, g))
	r.mode = capturing
	func() {
		defer func() { r.mode = direct }()
		ops()
	}()
	handle, err := d.device.EndCapture(d.stream)
	d.keep("Replay", err)
	g.handle = handle
}

// dropGraphs waits and forgets all graphs.
func (d *Backend) dropGraphs(op string) {
	if len(d.replay.graphs) == 0 {
		return
	}
	d.wait(op)
	d.checkLookups()
	for _, g := range d.replay.graphs {
		if g.handle != 0 {
			d.keep(op, d.device.DestroyGraph(g.handle))
		}
	}
	d.replay.graphs = nil
}

// growScalars makes room for n bytes.
func (d *Backend) growScalars(n int) {
	r := &d.replay
	d.dropGraphs("Replay")
	d.recycle(r.scalars, int64(r.scalarsBytes))
	r.scalars, r.scalarsBytes = 0, 0
	size := minScalarBytes
	for size < n {
		size *= 2
	}
	p, err := d.allocate(int64(size))
	if err != nil {
		d.keep("Replay", err)
		return
	}
	r.scalars, r.scalarsBytes = p, size
}

// put stores values for a kernel and returns their address. They stay until the
// next call.
func (d *Backend) put(op string, values []byte) uint64 {
	r := &d.replay
	if r.mode == direct {
		d.write(op, d.scalars, values)
		return uint64(d.scalars)
	}
	if r.mode == planning {
		r.values = append(r.values, values...)
		r.values = append(r.values, make([]byte, scalarBytes-len(values))...)
	}
	r.used += scalarBytes
	return uint64(r.scalars) + uint64(r.used-scalarBytes)
}

// planned writes a line of the plan and returns true while planning. Else it
// returns false, and the caller queues the operation. op is the name of an
// operation or kernel. The grid of a kernel follows from its arguments.
func (d *Backend) planned(op string, words ...uint64) bool {
	r := &d.replay
	if r.mode != planning {
		return false
	}
	r.begin(op, len(words))
	r.words = append(r.words, words...)
	return true
}

// variant is what decides about an operation beside its tensors.
type variant [6]uint64

// plannedLayer is planned for a recurrent layer. Within Pair it is where the two take turns,
// if it is one that could share a launch.
func (d *Backend) plannedLayer(op string, v variant, tensors ...backend.Tensor) bool {
	r := &d.replay
	if r.mode != planning {
		return false
	}
	r.begin(op, 3*len(tensors)+len(v))
	r.words = append(r.words, v[:]...)
	for _, t := range tensors {
		r.words = append(r.words, address(t), uint64(t.Rows), uint64(t.Cols))
	}
	if _, shares := passes[op]; shares && d.meet != nil {
		d.meet(recurrence{})
	}
	return true
}

// begin begins a line with the name and the lengths of name and line. So different
// plans never have the same words.
func (r *replay) begin(op string, words int) {
	r.words = append(r.words, uint64(len(op)), uint64(words))
	for i := 0; i < len(op); i += 8 {
		var word uint64
		for k := i; k < min(i+8, len(op)); k++ {
			word = word<<8 | uint64(op[k])
		}
		r.words = append(r.words, word)
	}
}
