package backend_test

import (
	"slices"
	"testing"

	"gputrain/backend"
)

// blockSequenceCalls are those of two memory blocks of two cells over three
// steps, with forget gates, peepholes and the gates among the sources.
func blockSequenceCalls() []call {
	const rows, n, states, units, sources = steps * batch, batch, 4, 10, input + 6 + 4 + 1
	forward := []operand{{"X", rows, input}, {"Weight", units, sources}, {"Peep", 3, states}, {"Source", rows, sources},
		{"Gates", rows + n, units}, {"S", rows + n, states}, {"Y", rows + n, states}}
	backward := []operand{{"DY", rows, states}, {"PIn", n * states, sources + 2}, {"PForget", n * states, sources + 2},
		{"PCell", n * states, sources}, {"DW", units, sources}, {"DPeep", 3, states}}
	return []call{
		{op: "MemoryBlockForward", tensors: forward,
			optional: []string{"Peep"},
			outputs:  []string{"Source", "Gates", "S", "Y"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckMemoryBlockForward(owner, blockSequenceArgs(x).MemoryBlockSequenceArgs)
			}},
		{op: "MemoryBlockBackward", tensors: append(forward, backward...),
			outputs: []string{"PIn", "PForget", "PCell", "DW", "DPeep"},
			check: func(owner any, x tensors, _ backend.Ints) {
				a := blockSequenceArgs(x)
				if !a.Peep.Present() && !a.DPeep.Present() {
					a.PIn.Cols, a.PForget.Cols = sources, sources
				}
				backend.CheckMemoryBlockBackward(owner, a)
			}},
	}
}

func blockSequenceArgs(x tensors) backend.MemoryBlockSequenceGradArgs {
	return backend.MemoryBlockSequenceGradArgs{
		MemoryBlockSequenceArgs: backend.MemoryBlockSequenceArgs{
			Batch: batch, Blocks: 2, G: backend.SquashInput, H: backend.SquashOutput,
			X: x["X"], Weight: x["Weight"], Peep: x["Peep"], Source: x["Source"], Gates: x["Gates"], S: x["S"], Y: x["Y"],
		},
		DY: x["DY"], PIn: x["PIn"], PForget: x["PForget"], PCell: x["PCell"], DW: x["DW"], DPeep: x["DPeep"],
	}
}

func TestShapesOfMemoryBlockSequencesMustFit(t *testing.T) {
	for _, m := range []struct {
		op, operand string
		rows, cols  int
		text        string
	}{
		{"MemoryBlockForward", "X", 5, 5, "X is 5x5, which is no whole number of steps of batch 2"},
		{"MemoryBlockForward", "S", 6, 4, "S is 6x4, want 8x4"},
		{"MemoryBlockForward", "Y", 6, 4, "S is 8x4, Y is 6x4"},
		{"MemoryBlockForward", "Gates", 6, 10, "Gates is 6x10, want 8x10"},
		{"MemoryBlockForward", "Gates", 8, 9, "Gates is 8x9, want 8x8"},
		{"MemoryBlockForward", "Source", 8, 16, "Source is 8x16, want 6x16"},
		{"MemoryBlockForward", "Source", 6, 15, "Source is 6x15, want 16 columns, or 10 without the gates"},
		{"MemoryBlockForward", "Weight", 10, 15, "Weight is 10x15, want 10x16"},
		{"MemoryBlockForward", "Peep", 1, 4, "Peep is 1x4, want 3x4"},
		{"MemoryBlockBackward", "DY", 8, 4, "DY is 8x4, want 6x4"},
		{"MemoryBlockBackward", "PIn", 8, 16, "PIn is 8x16, want 8x18"},
		{"MemoryBlockBackward", "PForget", 24, 18, "PForget is 24x18, want 8x18"},
		{"MemoryBlockBackward", "PCell", 8, 18, "PCell is 8x18, want 8x16"},
		{"MemoryBlockBackward", "DW", 16, 10, "DW is 16x10, want 10x16"},
		{"MemoryBlockBackward", "DPeep", 2, 4, "DPeep is 2x4, want 3x4"},
	} {
		t.Run(m.op+" "+m.text, func(t *testing.T) {
			c, d := findCall(t, m.op), &device{"a"}
			x, ints := c.operands(d)
			x[m.operand] = d.tensor(m.rows, m.cols)
			wantPanic(t, func() { c.check(d, x, ints) }, "backend: "+m.op+": "+m.text)
		})
	}
}

// blockSequencer is a backend with fused memory blocks, in name.
type blockSequencer struct {
	backend.Backend
	calls []string
}

func (s *blockSequencer) MemoryBlockForward(backend.MemoryBlockSequenceArgs) {
	s.calls = append(s.calls, "MemoryBlockForward")
}

func (s *blockSequencer) MemoryBlockBackward(backend.MemoryBlockSequenceGradArgs) {
	s.calls = append(s.calls, "MemoryBlockBackward")
}

func TestMemoryBlocksTakeTheWholeSequenceWhereTheyCan(t *testing.T) {
	s := &blockSequencer{}
	x, _ := findCall(t, "MemoryBlockBackward").operands(&device{"a"})
	a := blockSequenceArgs(x)
	backend.MemoryBlockForward(s, a.MemoryBlockSequenceArgs)
	backend.MemoryBlockBackward(s, a)
	if want := []string{"MemoryBlockForward", "MemoryBlockBackward"}; !slices.Equal(s.calls, want) {
		t.Errorf("calls %q, want %q", s.calls, want)
	}
	for b, want := range map[backend.Backend]string{plain{}: backend.PathCell, s: backend.PathSequence} {
		if got := backend.MemoryBlockPath(b); got != want {
			t.Errorf("MemoryBlockPath of %T is %q, want %q", b, got, want)
		}
	}
}
