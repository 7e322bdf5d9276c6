package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gputrain/train"
)

// report feeds r a run whose epochs have 2 steps of 10 samples.
func report(t *testing.T, r reporter, epochs int) {
	t.Helper()
	samples := 0
	for epoch := 1; epoch <= epochs; epoch++ {
		for step := 2*epoch - 1; step <= 2*epoch; step++ {
			samples += 10
			r.step(train.Progress{Epoch: epoch, Epochs: epochs, Step: step, Steps: 2 * epochs, Samples: samples, Loss: 0.5})
		}
		if err := r.epoch(train.Epoch{Epoch: epoch, TrainLoss: 0.5, ValidLoss: 0.25, ValidAccuracy: 0.75, SamplesPerSecond: 1234}); err != nil {
			t.Fatal(err)
		}
	}
	r.close()
}

func TestTerminalKeepsTheEpochsAboveTheBar(t *testing.T) {
	for width, want := range map[int][]string{
		80: {
			"  0%  |                    |  epoch 1/3  loss 0.5000",
			"epoch   1/3  loss 0.5000  validation loss 0.2500  accuracy 0.7500",
			"epoch   2/3  loss 0.5000  validation loss 0.2500  accuracy 0.7500",
		},
		40: {
			"epoch   1/3  loss 0.5000",
			"    validation loss 0.2500",
			"    accuracy 0.7500",
			" 67%  epoch 3/3  loss 0.5000  0s left",
		},
	} {
		terminal, out := &fakeTerminal{width: width}, &bytes.Buffer{}
		l := &lines{lastLine: lastLine{out: out}, err: terminal, epochs: 3, meter: newMeter(terminal)}
		for epoch := 1; epoch <= 3; epoch++ {
			l.step(train.Progress{Epoch: epoch, Epochs: 3, Step: 100*epoch - 99, Steps: 300, Samples: 1000 * epoch, Loss: 0.5})
			l.epoch(train.Epoch{Epoch: epoch, TrainLoss: 0.5, ValidLoss: 0.25, ValidAccuracy: 0.75, SamplesPerSecond: 1234})
		}
		lines, sent := terminal.screen(t), terminal.String()
		for _, line := range want {
			if !slices.Contains(lines, line) && !strings.Contains(sent, "\r"+line) {
				t.Errorf("%d columns: no line %q in %q", width, line, sent)
			}
		}
		if last := lines[len(lines)-1]; last != "" {
			t.Errorf("%d columns: the bar is left in %q", width, last)
		}
		if !strings.HasPrefix(lines[0], "epoch   1/3") {
			t.Errorf("%d columns: the first line that is left is %q", width, lines[0])
		}
		if out.Len() > 0 {
			t.Errorf("stdout is %q, want nothing", out.String())
		}
	}
}

func TestTerminalAndPipeKeepTheSameEpochs(t *testing.T) {
	for _, epochs := range []int{1, 30, 31, 1000} {
		terminal, pipe, none := &fakeTerminal{width: 120}, &bytes.Buffer{}, &bytes.Buffer{}
		report(t, &lines{lastLine: lastLine{out: none}, err: terminal, epochs: epochs, meter: newMeter(terminal)}, epochs)
		report(t, &lines{lastLine: lastLine{out: none}, err: pipe, epochs: epochs}, epochs)
		onTerminal := terminal.screen(t)
		for i, line := range strings.Split(strings.TrimSuffix(pipe.String(), "\n"), "\n") {
			if want, _, _ := strings.Cut(line, "  1234 samples/s"); onTerminal[i] != want {
				t.Errorf("%d epochs: line %d on the terminal is %q, in the pipe %q", epochs, i, onTerminal[i], line)
			}
		}
	}
}

func TestLinesAreFewAndEndWithTheLastEpoch(t *testing.T) {
	for _, c := range []struct{ epochs, lines int }{{1, 1}, {30, 30}, {31, 16}, {1000, 30}} {
		var log, out bytes.Buffer
		report(t, &lines{lastLine: lastLine{out: &out}, err: &log, epochs: c.epochs}, c.epochs)
		text := log.String()
		if n := strings.Count(text, "\n"); n != c.lines {
			t.Errorf("%d epochs: %d lines, want %d", c.epochs, n, c.lines)
		}
		for _, want := range []string{"0s left", "1234 samples/s", "accuracy 0.7500"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d epochs: %q has no %q", c.epochs, text, want)
			}
		}
	}
}

// A run that was killed between the last step of an epoch and its end goes on with
// the end.
func TestAnEpochMayEndBeforeAnyStep(t *testing.T) {
	for _, width := range []int{0, 80} {
		terminal, out := &fakeTerminal{width: width}, &bytes.Buffer{}
		l := &lines{lastLine: lastLine{out: out}, err: terminal, epochs: 2, meter: newMeter(terminal)}
		if err := l.epoch(train.Epoch{Epoch: 2, TrainLoss: 0.5}); err != nil {
			t.Fatal(err)
		}
		l.close()
		if !strings.Contains(terminal.String(), "epoch   2/2  loss 0.5000") || strings.Contains(terminal.String(), "NaN left") {
			t.Errorf("%d columns: got %q", width, terminal.String())
		}
	}
}
