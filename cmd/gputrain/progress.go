package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// meter shows on a terminal how far some work is: one line that is drawn again
// and again, and that never wraps, because nobody could erase it then.
type meter struct {
	out   io.Writer
	bar   int // columns of the bar, which never grows: it shall not jump about
	shown int // columns of the line that is there
	drawn time.Time
}

// newMeter returns nil unless out is a terminal.
func newMeter(out io.Writer) *meter {
	if !isTerminal(out) {
		return nil
	}
	// The stream would escape the returns.
	if s, ok := out.(*stream); ok {
		out = s.to
	}
	const longestBar = 20
	return &meter{out: out, bar: longestBar}
}

// due says whether the line is old enough to be drawn again.
func (m *meter) due() bool { return time.Since(m.drawn) >= 100*time.Millisecond }

// show draws the line: how much is done, from 0 to 1, and texts, the most
// important first. A bar stands between them if there is room for all; texts that
// find none are left out.
func (m *meter) show(done float64, texts ...string) {
	const gap, shortestBar = 2, 5
	room := terminalWidth(m.out) - 1 // in the last column some terminals wrap
	percent := fmt.Sprintf("%3d%%", int(100*done))
	room -= len(percent)
	line := ""
	for _, part := range texts {
		if part = printable(part); line == "" {
			part = text.Snip(part, max(room-gap, 0), "…")
		}
		if gap+text.StringWidth(part) > room {
			room = 0 // the bar is the first to go
			break
		}
		if part != "" {
			line += "  " + part
			room -= gap + text.StringWidth(part)
		}
	}
	if m.bar = min(m.bar, room-gap-len("||")); m.bar >= shortestBar {
		full := int(done * float64(m.bar))
		line = "  |" + strings.Repeat("█", full) + strings.Repeat(" ", m.bar-full) + "|" + line
	}
	line = percent + line
	width := text.StringWidth(line)
	fmt.Fprint(m.out, "\r", line, strings.Repeat(" ", max(m.shown-width, 0)))
	m.shown, m.drawn = width, time.Now()
}

// clear removes the line. What is printed next takes its place; the next show
// draws it below that.
func (m *meter) clear() {
	fmt.Fprint(m.out, "\r", strings.Repeat(" ", max(min(m.shown, terminalWidth(m.out)-1), 0)), "\r")
	m.shown, m.drawn = 0, time.Time{}
}

// pace estimates how long the rest of some work takes.
type pace struct {
	began time.Time
	from  float64 // the part that was done then
}

func newPace(done float64) pace { return pace{time.Now(), done} }

// left returns the time for the part that is not done, and 0 while that is
// unknown.
func (p pace) left(done float64) time.Duration {
	if !(done > p.from) { // nor is NaN
		return 0
	}
	left := time.Since(p.began).Seconds() / (done - p.from) * (1 - done)
	return time.Duration(left * float64(time.Second)).Round(time.Second)
}
