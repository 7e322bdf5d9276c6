package main

import (
	"fmt"
	"io"
	"time"
)

// stages shows which part of the work is running: a bar on a terminal, a line
// for each part elsewhere.
type stages struct {
	out   io.Writer
	meter *meter // on a terminal
	began time.Time
}

func newStages(out io.Writer) *stages { return &stages{out, newMeter(out), time.Now()} }

// begin shows that the next part begins, after done of all parts.
func (s *stages) begin(done, all int, name string) {
	count := fmt.Sprintf("%d/%d", done+1, all)
	if s.meter == nil {
		fmt.Fprintf(s.out, "%s %s\n", count, name)
		return
	}
	s.meter.show(float64(done)/float64(all), count, name, time.Since(s.began).Round(time.Second).String())
}

// close removes the bar.
func (s *stages) close() {
	if s.meter != nil {
		s.meter.clear()
	}
}
