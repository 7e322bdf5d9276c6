package backend_test

import (
	"slices"
	"testing"

	"gputrain/backend"
)

// lstm1997SequenceCalls are those of two memory blocks of two cells over three
// steps, with forget gates, peepholes and the gates among the sources.
func lstm1997SequenceCalls() []call {
	const rows, n, states, units, sources = steps * batch, batch, 4, 10, input + 6 + 4 + 1
	forward := []operand{{"X", rows, input}, {"Weight", units, sources}, {"Peep", 3, states}, {"Source", rows, sources},
		{"Gates", rows + n, units}, {"S", rows + n, states}, {"Y", rows + n, states}}
	backward := []operand{{"DY", rows, states}, {"PIn", n * states, sources + 2}, {"PForget", n * states, sources + 2},
		{"PCell", n * states, sources}, {"DW", units, sources}, {"DPeep", 3, states}}
	return []call{
		{op: "LSTM1997Forward", tensors: forward,
			optional: []string{"Peep"},
			outputs:  []string{"Source", "Gates", "S", "Y"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTM1997Forward(owner, lstm1997SequenceArgs(x).LSTM1997Args)
			}},
		{op: "LSTM1997Backward", tensors: append(forward, backward...),
			outputs: []string{"PIn", "PForget", "PCell", "DW", "DPeep"},
			check: func(owner any, x tensors, _ backend.Ints) {
				a := lstm1997SequenceArgs(x)
				if !a.Peep.Present() && !a.DPeep.Present() {
					a.PIn.Cols, a.PForget.Cols = sources, sources
				}
				backend.CheckLSTM1997Backward(owner, a)
			}},
	}
}

func lstm1997SequenceArgs(x tensors) backend.LSTM1997GradArgs {
	return backend.LSTM1997GradArgs{
		LSTM1997Args: backend.LSTM1997Args{
			Batch: batch, Blocks: 2, G: backend.SquashInput, H: backend.SquashOutput,
			X: x["X"], Weight: x["Weight"], Peep: x["Peep"], Source: x["Source"], Gates: x["Gates"], S: x["S"], Y: x["Y"],
		},
		DY: x["DY"], PIn: x["PIn"], PForget: x["PForget"], PCell: x["PCell"], DW: x["DW"], DPeep: x["DPeep"],
	}
}

func TestShapesOfLSTM1997MustFit(t *testing.T) {
	for _, m := range []struct {
		op, operand string
		rows, cols  int
		text        string
	}{
		{"LSTM1997Forward", "X", 5, 5, "X is 5x5, which is no whole number of steps of batch 2"},
		{"LSTM1997Forward", "S", 6, 4, "S is 6x4, want 8x4"},
		{"LSTM1997Forward", "Y", 6, 4, "S is 8x4, Y is 6x4"},
		{"LSTM1997Forward", "Gates", 6, 10, "Gates is 6x10, want 8x10"},
		{"LSTM1997Forward", "Gates", 8, 9, "Gates is 8x9, want 8x8"},
		{"LSTM1997Forward", "Source", 8, 16, "Source is 8x16, want 6x16"},
		{"LSTM1997Forward", "Source", 6, 15, "Source is 6x15, want 16 columns, or 10 without the gates"},
		{"LSTM1997Forward", "Weight", 10, 15, "Weight is 10x15, want 10x16"},
		{"LSTM1997Forward", "Peep", 1, 4, "Peep is 1x4, want 3x4"},
		{"LSTM1997Backward", "DY", 8, 4, "DY is 8x4, want 6x4"},
		{"LSTM1997Backward", "PIn", 8, 16, "PIn is 8x16, want 8x18"},
		{"LSTM1997Backward", "PForget", 24, 18, "PForget is 24x18, want 8x18"},
		{"LSTM1997Backward", "PCell", 8, 18, "PCell is 8x18, want 8x16"},
		{"LSTM1997Backward", "DW", 16, 10, "DW is 16x10, want 10x16"},
		{"LSTM1997Backward", "DPeep", 2, 4, "DPeep is 2x4, want 3x4"},
	} {
		t.Run(m.op+" "+m.text, func(t *testing.T) {
			c, d := findCall(t, m.op), &device{"a"}
			x, ints := c.operands(d)
			x[m.operand] = d.tensor(m.rows, m.cols)
			wantPanic(t, func() { c.check(d, x, ints) }, "backend: "+m.op+": "+m.text)
		})
	}
}

// lstm1997Sequencer is a backend with fused memory blocks, in name.
type lstm1997Sequencer struct {
	backend.Backend
	calls []string
}

func (s *lstm1997Sequencer) LSTM1997Forward(backend.LSTM1997Args) {
	s.calls = append(s.calls, "LSTM1997Forward")
}

func (s *lstm1997Sequencer) LSTM1997Backward(backend.LSTM1997GradArgs) {
	s.calls = append(s.calls, "LSTM1997Backward")
}

func TestLSTM1997TakeTheWholeSequenceWhereTheyCan(t *testing.T) {
	s := &lstm1997Sequencer{}
	x, _ := findCall(t, "LSTM1997Backward").operands(&device{"a"})
	a := lstm1997SequenceArgs(x)
	backend.LSTM1997Forward(s, a.LSTM1997Args)
	backend.LSTM1997Backward(s, a)
	if want := []string{"LSTM1997Forward", "LSTM1997Backward"}; !slices.Equal(s.calls, want) {
		t.Errorf("calls %q, want %q", s.calls, want)
	}
	for b, want := range map[backend.Backend]string{plain{}: backend.PathCell, s: backend.PathSequence} {
		if got := backend.LSTM1997Path(b); got != want {
			t.Errorf("LSTM1997Path of %T is %q, want %q", b, got, want)
		}
	}
}
