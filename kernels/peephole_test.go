package kernels_test

import (
	"fmt"
	"testing"

	"gputrain/kernels"
)

// Whole numbers sum exactly, so the result must equal the formula. The sizes straddle
// the chunks and the blocks of 32 units by 8 rows.
func TestLSTMPeepGrad(t *testing.T) {
	for i, s := range [][2]int{{1, 1}, {7, 33}, {29, 31}, {256, 32}, {257, 5}, {600, 40}} {
		rows, hidden := s[0], s[1]
		t.Run(fmt.Sprintf("%d rows, hidden %d", rows, hidden), func(t *testing.T) {
			d := open(t, "lstm", "linear")
			r := random(uint64(i))
			dz, before, after, peep := whole(r, rows*4*hidden), whole(r, rows*hidden), whole(r, rows*hidden), whole(r, 3*hidden)
			dst := put(d, peep)
			p := kernels.LSTMPeepGrad(rows, hidden)
			part := room[float32](d, p.Chunks*3*hidden)
			d.run("lstm_peep_grad", p.First, part, put(d, dz), put(d, before), put(d, after), rows, hidden, p.Chunk)
			d.run("sum_rows", p.Second, dst, part, p.Chunks, 3*hidden, p.Chunks, 1.0)
			got := get[float32](d, dst, 3*hidden)
			for row, gate := range []int{0, 1, 3} {
				state := before
				if gate == 3 {
					state = after
				}
				for unit := range hidden {
					want := peep[row*hidden+unit]
					for t := range rows {
						want += dz[(4*t+gate)*hidden+unit] * state[t*hidden+unit]
					}
					if got := got[row*hidden+unit]; got != want {
						t.Fatalf("seed 1,%d: dpeep[%d,%d] = %v, want %v", i, row, unit, got, want)
					}
				}
			}
		})
	}
}
