package train

import (
	"errors"
	"fmt"
	"slices"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// carrier carries the states of a network's Stateful layers from chunk to chunk
// of a batch of sequences.
type carrier struct {
	net    *model.Network
	states map[[2]int][]model.State // by steps and batch, so that nothing is allocated twice
}

func newCarrier(net *model.Network) carrier {
	return carrier{net: net, states: map[[2]int][]model.State{}}
}

// of returns the states for passes of these sizes.
func (c *carrier) of(steps, batch int) []model.State {
	key := [2]int{steps, batch}
	states, ok := c.states[key]
	if !ok {
		states = c.net.States(steps, batch)
		c.states[key] = states
	}
	return states
}

// chunk returns what to carry to and from the chunk of batch that begins at step
// from.
func (c *carrier) chunk(batch data.Batch, size, from int) carry {
	end := min(from+size, batch.Steps)
	carry := carry{first: from == 0, states: c.of(end-from, batch.Size)}
	if end < batch.Steps {
		carry.next = c.of(min(size, batch.Steps-end), batch.Size)
	}
	return carry
}

// forward runs the network over batch, in chunks if it is longer than what the
// network was built for, from states of zero, which it leaves so, and gives judge
// the outputs of each chunk.
func (c *carrier) forward(b backend.Backend, batch data.Batch, feed *feed, judge func(y backend.Tensor, part data.Batch) error) error {
	size := c.net.Input().Steps
	for from := 0; from < batch.Steps; from += size {
		part, carry := batch.Chunk(from, min(from+size, batch.Steps)), c.chunk(batch, size, from)
		carry.begin(b)
		y := c.net.Forward(feed.inputs(b, part), part.Steps, model.Eval)
		carry.end(b)
		if err := judge(y, part); err != nil {
			return err
		}
	}
	first := c.chunk(batch, size, 0)
	first.begin(b)
	return nil
}

// carry is what goes into one chunk and out of it.
type carry struct {
	first  bool // the states start at zero
	states []model.State
	next   []model.State // of the next chunk; nil if there is none
}

// begin queues what comes before the chunk's Forward.
func (c *carry) begin(b backend.Backend) {
	if !c.first {
		return
	}
	for _, s := range c.states {
		b.Fill(s.Initial, 0)
	}
}

// end queues what comes after the chunk's last pass.
func (c *carry) end(b backend.Backend) {
	for i, s := range c.next {
		b.Copy(s.Initial, c.states[i].Final)
	}
}

// checkSteps says why the sequences of set, which fit the network, can't be
// trained on with the Chunk that is set.
func (t *Trainer) checkSteps(set *data.Dataset) error {
	chunk, most := t.options.Chunk, t.net.Input().Steps
	switch {
	case chunk == 0 && set.Steps > most:
		return fmt.Errorf("its samples have %d time steps, the network was built for at most %d: set option Chunk", set.Steps, most)
	case chunk > 0 && set.Steps > chunk && !set.PerStep:
		return fmt.Errorf("it has one target for %d time steps, but option Chunk is %d: give a target for each step", set.Steps, chunk)
	}
	return nil
}

// checkTeacher says why set does not have what the layers with TeacherForcing
// want.
func checkTeacher(net *model.Network, set *data.Dataset) error {
	if net.Taught() && (set.Targets == nil || set.Mask != nil || !set.PerStep && set.Steps > 1) {
		return errors.New("it has no target values for each time step, which a layer with TeacherForcing needs")
	}
	return nil
}

// checkChunk says why net cannot run on one chunk of sequences after the other.
func checkChunk(net *model.Network, chunk int) error {
	if most := net.Input().Steps; chunk > most {
		return fmt.Errorf("option Chunk is %d, the network was built for at most %d time steps", chunk, most)
	}
	if restarts := net.Restarts(); len(restarts) > 0 {
		return fmt.Errorf("option Chunk is %d, but stage %q is not Stateful: it would begin each chunk at zero", chunk, restarts[0])
	}
	if !runsInChunks(net) {
		return fmt.Errorf("option Chunk is %d, but the network has no Stateful layer, one that goes backward in time, or no output at every time step", chunk)
	}
	return nil
}

// runsInChunks reports whether net keeps what it knows from chunk to chunk, from
// the past only, and has an output for each time step.
func runsInChunks(net *model.Network) bool {
	states := net.States(1, 1)
	fromTheFuture := slices.ContainsFunc(states, func(s model.State) bool { return s.Reversed })
	return everyStep(net) && len(states) > 0 && len(net.Restarts()) == 0 && !fromTheFuture
}
