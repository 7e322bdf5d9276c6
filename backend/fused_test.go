package backend_test

import (
	"testing"

	"gputrain/backend"
)

// Backends that have the fused operations in name.
type (
	plain  struct{ backend.Backend }
	celler struct {
		backend.Backend
		backend.LSTMCeller
		backend.RNNCeller
		backend.GRUCeller
	}
	sequencer struct {
		celler
		calls []string
	}
)

func (s *sequencer) LSTMScratch(backend.LSTMDims) int  { return scratch }
func (s *sequencer) LSTMForward(backend.LSTMArgs)      { s.calls = append(s.calls, "LSTMForward") }
func (s *sequencer) LSTMBackward(backend.LSTMGradArgs) { s.calls = append(s.calls, "LSTMBackward") }
func (s *sequencer) RNNScratch(backend.RNNDims) int    { return scratch }
func (s *sequencer) RNNForward(backend.RNNArgs)        { s.calls = append(s.calls, "RNNForward") }
func (s *sequencer) RNNBackward(backend.RNNGradArgs)   { s.calls = append(s.calls, "RNNBackward") }
func (s *sequencer) GRUScratch(backend.GRUDims) int    { return scratch }
func (s *sequencer) GRUForward(backend.GRUArgs)        { s.calls = append(s.calls, "GRUForward") }
func (s *sequencer) GRUBackward(backend.GRUGradArgs)   { s.calls = append(s.calls, "GRUBackward") }

func TestPathsNameTheWidestFusion(t *testing.T) {
	for _, c := range []struct {
		b    backend.Backend
		want string
	}{
		{plain{}, backend.PathPlain},
		{celler{}, backend.PathCell},
		{&sequencer{}, backend.PathSequence},
	} {
		if got := backend.LSTMPath(c.b); got != c.want {
			t.Errorf("LSTMPath of %T is %q, want %q", c.b, got, c.want)
		}
		if got := backend.RNNPath(c.b); got != c.want {
			t.Errorf("RNNPath of %T is %q, want %q", c.b, got, c.want)
		}
		if got := backend.GRUPath(c.b); got != c.want {
			t.Errorf("GRUPath of %T is %q, want %q", c.b, got, c.want)
		}
	}
}

func TestLayersTakeTheWholeSequenceWhereTheyCan(t *testing.T) {
	d, s := &device{"a"}, &sequencer{}
	lstm, _ := findCall(t, "LSTMBackward").operands(d)
	rnn, _ := findCall(t, "RNNBackward").operands(d)
	gru, _ := findCall(t, "GRUBackward").operands(d)
	want := []string{"LSTMForward", "LSTMBackward", "RNNForward", "RNNBackward", "GRUForward", "GRUBackward"}
	backend.LSTMForward(s, lstmArgs(lstm))
	backend.LSTMBackward(s, lstmGradArgs(lstm))
	backend.RNNForward(s, rnnArgs(rnn))
	backend.RNNBackward(s, rnnGradArgs(rnn))
	backend.GRUForward(s, gruArgs(gru))
	backend.GRUBackward(s, gruGradArgs(gru))
	if len(s.calls) != len(want) {
		t.Fatalf("calls %q, want %q", s.calls, want)
	}
	for i := range want {
		if s.calls[i] != want[i] {
			t.Errorf("call %d is %s, want %s", i, s.calls[i], want[i])
		}
	}
}

func TestScratchSufficesForSmallerLayers(t *testing.T) {
	largest := backend.LSTMDims{Steps: 5, Batch: 4, Input: 3, Hidden: 6, Peepholes: true}
	limit := backend.LSTMScratch(plain{}, largest)
	for _, d := range []backend.LSTMDims{
		{Steps: 5, Batch: 4, Input: 3, Hidden: 6},
		{Steps: 4, Batch: 4, Input: 3, Hidden: 6, Peepholes: true},
		{Steps: 5, Batch: 3, Input: 3, Hidden: 6, Peepholes: true},
		{Steps: 5, Batch: 4, Input: 3, Hidden: 5, Peepholes: true},
		{},
	} {
		if n := backend.LSTMScratch(plain{}, d); n > limit {
			t.Errorf("%+v needs %d, the larger %+v needs %d", d, n, largest, limit)
		}
	}
}
