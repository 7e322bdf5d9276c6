package main

import (
	"bytes"
	"errors"
	"fmt"
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

// What the commands say of data has lines of any length.
func TestNotesFitTheTerminal(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	content := strings.Repeat("a rather long name of a column", 3) + ",constant,kind of flower\n"
	for i := range 60 {
		content += fmt.Sprintf("%d,7,class number %d\n", i, i%12)
	}
	writeFile(t, "long.csv", content)
	gputrain("train", "--data", "csv:long.csv", "--target", "3", "--model", "mlp", "--hidden", "2", "--epochs", "1", "--out", "30").want(t, 0)
	for _, width := range []int{30, 40, 80} {
		for _, args := range [][]string{
			{"train", "--data", "csv:long.csv", "--target", "3", "--model", "mlp", "--hidden", "2", "--epochs", "1", "--out", fmt.Sprint("run", width)},
			{"eval", "--model", "30", "--data", "csv:long.csv"},
			{"predict", "--model", "30", "--input", "long.csv", "--top", "1"},
		} {
			out, errs := &fakeTerminal{width: width}, &fakeTerminal{width: width}
			if code := run(t.Context(), args, strings.NewReader(""), out, errs); code != 0 {
				t.Errorf("%q: exit code %d, stderr %q", args, code, errs.String())
			}
			out.screen(t)
			if shown := strings.Join(errs.screen(t), " "); !strings.Contains(strings.Join(strings.Fields(shown), " "), "left out, because it has only one value in the data to learn from") {
				t.Errorf("%q at %d columns: %q", args, width, shown)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestNoCommandLosesAnErrorOfStdout(t *testing.T) {
	skipUnderRace(t)
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

// Names of files, columns and classes come from elsewhere, and some would clear the
// screen or worse.
func TestNamesInDataNeverReachATerminalAsCommands(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	const reorders = "\u202e" // which labels may hold; they may not hold control characters
	const bad = "\x1b]0;title\a\x1b[2J\u009b31m\u202e"
	name := "in" + bad + ".csv"
	content := "x,y" + reorders + ",kind\n"
	for i := range 30 {
		content += fmt.Sprintf("%d,%d,%s\n", i, i%3, []string{"a", "b" + reorders}[i%2])
	}
	writeFile(t, name, content)
	source := "csv:" + name
	for _, args := range [][]string{
		{"train", "--data", source, "--target", "kind", "--model", "mlp", "--epochs", "2", "--out", "run" + bad},
		{"train", "--data", source, "--target", "kind", "--model", "mlp", "--epochs", "2", "--out", "run" + bad},
		{"train", "--resume", "run" + bad},
		{"eval", "--model", "run" + bad},
		{"eval", "--model", "run" + bad, "--data", "csv:no" + bad},
		{"predict", "--model", "run" + bad, "--input", name, "--target", "kind"},
		{"explain", "--data", source, "--target", "kind" + bad},
		{"train", "--model", bad},
		{"--" + bad},
		{bad},
		{"experiment", "run", bad},
		{"conformance", "--device", "cpu", "--only", bad},
	} {
		for _, width := range []int{30, 80} {
			out, errs := &fakeTerminal{width: width}, &fakeTerminal{width: width}
			run(t.Context(), args, strings.NewReader(""), out, errs)
			for _, shown := range []string{out.String(), errs.String()} {
				if strings.ContainsAny(shown, "\x1b\a\u009b\u202e") {
					t.Errorf("%q: the terminal gets %q", args, shown)
				}
			}
			if out.Len()+errs.Len() == 0 {
				t.Errorf("%q shows nothing", args)
			}
		}
	}
	// A pipe gets the bytes that the file has.
	if got := gputrain("predict", "--model", "run"+bad, "--input", name, "--target", "kind").want(t, 0).out; !strings.Contains(got, "b"+reorders) {
		t.Errorf("the pipe gets %q", got)
	}
}
