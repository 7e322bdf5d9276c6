package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// stages shows which part of the work is running: a bar on a terminal, a line
// for each part elsewhere.
type stages struct {
	out      io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // on a terminal, from the first part on
}

func newStages(out io.Writer) *stages { return &stages{out: out, terminal: isTerminal(out)} }

// begin shows that the next part begins, after done of all parts.
func (s *stages) begin(done, all int, name string) {
	if !s.terminal {
		fmt.Fprintf(s.out, "%d/%d %s\n", done+1, all, name)
		return
	}
	if s.bar == nil {
		s.bar = progressbar.NewOptions(all,
			progressbar.OptionSetWriter(s.out), progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true))
	}
	s.bar.Describe(name)
	s.bar.Set(done)
}

// close removes the bar.
func (s *stages) close() {
	if s.bar != nil {
		s.bar.Clear()
	}
}
