package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestStagesAreABarOnATerminal(t *testing.T) {
	var screen bytes.Buffer
	s := &stages{out: &screen, terminal: true}
	s.begin(0, 2, "Fill")
	s.begin(1, 2, "Copy")
	s.close()
	for _, want := range []string{"Fill", "Copy", "1/2", "50%"} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("the bar %q has no %q", screen.String(), want)
		}
	}
}
