package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// fakeTerminal is a terminal of some width that keeps what it is sent.
type fakeTerminal struct {
	bytes.Buffer
	width int
}

func (t *fakeTerminal) columns() int { return t.width }

// screen returns the lines that the terminal shows: a return goes back to the
// beginning of the line, and what follows covers what was there. It stops the test
// if a line is wider than the terminal, for which that does not hold.
func (f *fakeTerminal) screen(t *testing.T) []string {
	t.Helper()
	lines := []string{""}
	for part := range strings.SplitAfterSeq(f.String(), "\n") {
		shown := []rune{}
		for segment := range strings.SplitSeq(strings.TrimSuffix(part, "\n"), "\r") {
			if width := text.StringWidth(segment); width > f.width {
				t.Fatalf("%q is %d columns wide on a terminal of %d", segment, width, f.width)
			}
			var cells []rune
			for _, r := range segment {
				cells = append(append(cells, r), make([]rune, text.RuneWidth(r)-1)...) // one column or two
			}
			shown = append(cells, shown[min(len(cells), len(shown)):]...)
		}
		lines = append(lines, strings.TrimRight(strings.ReplaceAll(string(shown), "\x00", ""), " "))
	}
	return lines[1:]
}

func TestTerminalGetsNothingToObey(t *testing.T) {
	const sent = "größe\x1b[2J\t日\n\xff\u202e end"
	for _, chunk := range []int{1, 2, 3, len(sent)} {
		terminal, pipe := &fakeTerminal{width: 80}, &bytes.Buffer{}
		toTerminal, toPipe := newStream(terminal), newStream(pipe)
		for i := 0; i < len(sent); i += chunk {
			part := []byte(sent[i:min(i+chunk, len(sent))])
			toTerminal.Write(part)
			toPipe.Write(part)
		}
		if got, want := terminal.String(), `größe\x1b[2J\t日`+"\n"+`\xff\u202e end`; got != want {
			t.Errorf("in parts of %d bytes the terminal gets %q, want %q", chunk, got, want)
		}
		if got := pipe.String(); got != sent {
			t.Errorf("in parts of %d bytes the pipe gets %q, want %q", chunk, got, sent)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestNoCommandLosesAnErrorOfStdout(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--out", "run")...).want(t, 0)
	writeFile(t, "in.csv", strings.Repeat(strings.Repeat("1,", 63)+"1\n", 3))
	for _, line := range []string{
		"help", "help train", "--version", "devices", "explain", "profile --hidden 2 --batch 2 --json",
		"eval --model run", "predict --model run --input in.csv", "train --epochs 1 --hidden 2 --out quiet --quiet", "train --epochs 1 --hidden 2 --out json --json",
		"experiment list", "experiment run xor-perceptron --out results", "show vanishing --lags 10 --out flow.png",
	} {
		var errs bytes.Buffer
		code := run(t.Context(), strings.Fields(line), strings.NewReader(""), full{}, &errs)
		if last := strings.TrimSuffix(errs.String(), "\n"); code != exitFailure || !strings.Contains(last[strings.LastIndex(last, "\n")+1:], "gputrain: no space left") {
			t.Errorf("%s: exit code %d, stderr %q", line, code, errs.String())
		}
	}
}
