package train

import (
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

// statesFor returns the states for passes of these sizes.
func (c *carrier) statesFor(steps, batch int) []model.State {
	key := [2]int{steps, batch}
	states, ok := c.states[key]
	if !ok {
		states = c.net.States(steps, batch)
		c.states[key] = states
	}
	return states
}

// chunk returns the states that go into and out of the chunk of batch that begins
// at step from.
func (c *carrier) chunk(batch data.Batch, size, from int) carry {
	end := min(from+size, batch.Steps)
	carry := carry{first: from == 0, states: c.statesFor(end-from, batch.Size)}
	if end < batch.Steps {
		carry.next = c.statesFor(min(size, batch.Steps-end), batch.Size)
	}
	return carry
}

// forward runs the network over batch, in chunks if batch is longer than the
// network was built for, and calls judge with the outputs of each chunk. The states
// are zero at the beginning, and again at the end.
func (c *carrier) forward(b backend.Backend, batch data.Batch, feed *feed, judge func(y backend.Tensor, part data.Batch) error) error {
	size := c.net.Input().Steps
	for from := 0; from < batch.Steps; from += size {
		part, carry := batch.Chunk(from, min(from+size, batch.Steps)), c.chunk(batch, size, from)
		carry.begin(b)
		y := feed.inputs(b, part).forward(c.net, model.Evaluation)
		carry.end(b)
		if err := judge(y, part); err != nil {
			return err
		}
	}
	all := carry{first: true, states: c.statesFor(1, c.net.Input().Batch)} // a smaller batch writes on the states of a larger one
	all.begin(b)
	return nil
}

// carry is the states that go into one chunk, or batch of streams, and out of it.
type carry struct {
	first   bool // the states start at zero
	states  []model.State
	next    []model.State    // of the next chunk; nil if there is none
	streams []backend.Tensor // where the states come from and go to; nil without Options.Streams
}

// begin queues what comes before the chunk's Forward.
func (c *carry) begin(b backend.Backend) {
	for i, x := range c.streams {
		b.Copy(c.states[i].Initial, x)
	}
	if !c.first {
		return
	}
	for _, s := range c.states {
		b.Fill(s.Initial, 0)
	}
}

// end queues what comes after the chunk's last pass.
func (c *carry) end(b backend.Backend) {
	for i, x := range c.streams {
		b.Copy(x, c.states[i].Final)
	}
	for i, s := range c.next {
		b.Copy(s.Initial, c.states[i].Final)
	}
}
