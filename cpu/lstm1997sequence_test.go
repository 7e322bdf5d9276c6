package cpu_test

import (
	"fmt"

	"gputrain/backend"
)

// lstm1997Sequences has memory blocks over sequences. Workers share some by rows
// of the batch and others step by step; some are small.
func lstm1997Sequences() []operation {
	var all []operation
	for _, d := range []struct{ steps, batch, inputs, blocks, cells int }{
		{20, 1, 8, 2, 2}, {7, 67, 30, 9, 5}, {3, 3, 70, 130, 1},
	} {
		all = append(all, operation{fmt.Sprintf("LSTM1997/%dx%dx%dx%dx%d", d.steps, d.batch, d.inputs, d.blocks, d.cells), func(b *bench) func() {
			rows, states := d.steps*d.batch, d.blocks*d.cells
			units := 3*d.blocks + states
			sources := d.inputs + units + 1
			source := b.Zeros(rows, sources)
			b.Fill(source, 1)
			a := backend.LSTM1997GradArgs{
				LSTM1997Args: backend.LSTM1997Args{
					Batch: d.batch, Blocks: d.blocks, G: backend.SquashInput(), H: backend.SquashOutput(),
					X: b.Uniform(rows, d.inputs), Weight: b.weights(units, sources), Peep: b.Uniform(3, states), Source: source,
					Gates: b.out(rows+d.batch, units), S: b.out(rows+d.batch, states), Y: b.out(rows+d.batch, states),
				},
				DY:  b.Uniform(rows, states),
				PIn: b.out(d.batch*states, sources+d.cells), PForget: b.out(d.batch*states, sources+d.cells), PCell: b.out(d.batch*states, sources),
				DW: b.out(units, sources), DPeep: b.out(3, states),
			}
			return func() {
				backend.LSTM1997Forward(b.Backend, a.LSTM1997Args)
				backend.LSTM1997Backward(b.Backend, a)
			}
		}})
	}
	return all
}
