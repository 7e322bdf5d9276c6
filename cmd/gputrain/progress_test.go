package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

func TestMeterDropsWhatHasNoRoom(t *testing.T) {
	for _, c := range []struct {
		width int
		done  float64
		want  string
	}{
		{80, 0, "  0%  |                    |  epoch 3/30  loss 0.5000  12s left  1234 samples/s"},
		{200, 1, "100%  |████████████████████|  epoch 3/30  loss 0.5000  12s left  1234 samples/s"},
		{70, 0.999, " 99%  |█████████ |  epoch 3/30  loss 0.5000  12s left  1234 samples/s"},
		{60, 0.5, " 50%  epoch 3/30  loss 0.5000  12s left  1234 samples/s"},
		{40, 0.5, " 50%  epoch 3/30  loss 0.5000  12s left"},
		{39, 0.5, " 50%  epoch 3/30  loss 0.5000"},
		{15, 0.5, " 50%  epoch 3…"},
		{4, 0.5, " 50%"},
	} {
		terminal := &fakeTerminal{width: c.width}
		newMeter(terminal).show(c.done, "epoch 3/30", "loss 0.5000", "12s left", "1234 samples/s")
		if got := strings.TrimPrefix(terminal.String(), "\r"); got != c.want {
			t.Errorf("%d columns: got %q, want %q", c.width, got, c.want)
		}
	}
}

// Lines of any length, one after the other, leave no trace of each other.
func TestMeterNeverWrapsAndErasesItself(t *testing.T) {
	for width := 1; width <= 100; width++ {
		terminal := &fakeTerminal{width: width}
		m := newMeter(newStream(terminal))
		for i, name := range []string{"a", strings.Repeat("long ", 30), "", "日本語の名前", "bell\a\x1b[2J"} {
			m.show(float64(i)/4, name, fmt.Sprint(i), "some more text")
			m.show(float64(i)/4, "", name)
		}
		if strings.ContainsAny(terminal.String(), "\a\x1b") {
			t.Errorf("the terminal gets %q", terminal.String())
		}
		for line := range strings.SplitSeq(terminal.String(), "\r") {
			if got := text.StringWidth(line); got > max(width-1, len("100%")) {
				t.Errorf("%d columns: %q takes %d", width, line, got)
			}
		}
		if m.clear(); width > len("100%") {
			if left := strings.Join(terminal.screen(t), ""); left != "" {
				t.Errorf("%d columns: %q is left", width, left)
			}
		}
	}
}

func TestPaceOfAResumedRunCountsWhatItDidItself(t *testing.T) {
	p := pace{time.Now().Add(-10 * time.Second), 0.5}
	if left := p.left(0.75); left != 10*time.Second {
		t.Errorf("half of the rest took 10 s, and %v are left", left)
	}
	if left := p.left(0.5); left != 0 {
		t.Errorf("nothing is done, and %v are left", left)
	}
}

// A terminal that is closed has no width any more.
func TestMeterOutlivesItsTerminal(t *testing.T) {
	terminal := &fakeTerminal{width: 80}
	m := newMeter(terminal)
	m.show(0.1, "epoch 1/2", "loss 0.5")
	terminal.width = 0
	m.show(0.2, "epoch 1/2", "loss 0.5")
	m.clear()
	m.show(0.3)
	m.clear()
}
