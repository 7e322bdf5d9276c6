package inuse_test

import (
	"strings"
	"testing"

	"gputrain/internal/inuse"
)

func TestFlagLetsOneCallIn(t *testing.T) {
	for name, c := range map[string]struct {
		calls  func(f *inuse.Flag)
		panics bool
	}{
		"one after the other":       {func(f *inuse.Flag) { f.Enter("a"); f.Leave(); f.Enter("b") }, false},
		"two at once":               {func(f *inuse.Flag) { f.Enter("a"); f.Enter("b") }, true},
		"a visit":                   {func(f *inuse.Flag) { f.Visit("b")(); f.Enter("c") }, false},
		"two visits":                {func(f *inuse.Flag) { f.Visit("a"); f.Visit("b") }, true},
		"a visit of a busy one":     {func(f *inuse.Flag) { f.Enter("a"); f.Visit("b") }, true},
		"a visit from a callback":   {func(f *inuse.Flag) { f.Enter("a"); f.Pause(); f.Visit("b")(); f.Visit("c")(); f.Resume("a") }, false},
		"a call from a callback":    {func(f *inuse.Flag) { f.Enter("a"); f.Pause(); f.Enter("b") }, true},
		"a call after a callback":   {func(f *inuse.Flag) { f.Enter("a"); f.Pause(); f.Resume("a"); f.Visit("b") }, true},
		"a visit that does not end": {func(f *inuse.Flag) { f.Enter("a"); f.Pause(); f.Visit("b"); f.Resume("b") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				if panicked := text != ""; panicked != c.panics || panicked && !strings.HasPrefix(text, "b: it is in use") {
					t.Errorf("panic %q, want one: %v", text, c.panics)
				}
			}()
			c.calls(new(inuse.Flag))
		})
	}
}
