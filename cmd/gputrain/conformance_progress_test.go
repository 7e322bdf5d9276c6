package main

import (
	"strings"
	"testing"
)

func TestStagesAreABarOnATerminal(t *testing.T) {
	terminal := &fakeTerminal{width: 80}
	s := newStages(terminal)
	s.begin(0, 2, "Fill")
	s.begin(1, 2, "Copy")
	for _, want := range []string{"  0%  |                    |  1/2  Fill  0s", " 50%  |██████████          |  2/2  Copy  0s"} {
		if !strings.Contains(terminal.String(), "\r"+want) {
			t.Errorf("the bar %q has no %q", terminal.String(), want)
		}
	}
	s.close()
	if left := strings.Join(terminal.screen(t), ""); left != "" {
		t.Errorf("%q is left on the terminal", left)
	}
}
