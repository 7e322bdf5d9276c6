package backendtest

import (
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
)

func TestProgressTellsResultsAndTheNextCheck(t *testing.T) {
	open := func() (backend.Backend, error) { return reference.New(), nil }
	var next []string
	Check(open, MaxSize(1), Only("Fill", "Tanh"), Progress(func(done []Result, all int, name string) {
		if len(done) != len(next) || all != 2 || len(done) > 0 && done[0].Name != "Fill" {
			t.Errorf("before %s: results %v of %d checks", name, done, all)
		}
		next = append(next, name)
	}))
	if len(next) != 2 || next[0] != "Fill" || next[1] != "Tanh" {
		t.Errorf("got checks %q", next)
	}
}
