package main

import (
	"context"
	"image/png"
	"math"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/data/tasks"
	"gputrain/model"
)

func TestShowDrawsPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and without goroutines")
	}
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		line, path, want string
	}{
		{"show vanishing --lags 10", "vanishing.png", "LSTM 1997                                 1         1\n"},
		{"show lstm --out trace.png", "trace.png", "learned: the last 300 of "},
	} {
		o := gputrain(strings.Fields(c.line)...).want(t, 0)
		if !strings.Contains(o.out, c.want) || o.lastLine() != "picture in "+c.path {
			t.Errorf("%s: stdout is %q, want it to contain %q and to end with the picture", c.line, o.out, c.want)
		}
		if _, err := png.Decode(strings.NewReader(readFile(t, c.path))); err != nil {
			t.Errorf("%s: %s: %v", c.line, c.path, err)
		}
	}
}

func TestShowNamesWhatIsWrong(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	writeFile(t, "there.png", "mine")
	writeFile(t, "perceptron-xor.gif", "mine")
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"show", exitUsage, `takes one of "perceptron"`},
		{"show perceptrn", exitUsage, `unknown command perceptrn, did you mean "perceptron"?`},
		{"show perceptron --gates or", exitUsage, `did you mean "--gate"?`},
		{"show perceptron --gate xnor", exitUsage, `--gate is "xnor", not one of and, or, nand, nor, xor; did you mean "nor"?`},
		{"show perceptron --seed -1", exitUsage, "--seed is -1; it must be 0 or more"},
		{"show perceptron --out x.png", exitUsage, `--out is "x.png"; it must end in .gif`},
		{"show perceptron --out there.gif", exitFailure, "there.png exists already: choose another --out"},
		{"show perceptron --gate xor", exitFailure, "perceptron-xor.gif exists already: choose another --out"},
		{"show perceptron --gate or --out there.png/x.gif", exitFailure, "there.png/"},
		{"show perceptron --gate or --out no/x.gif", exitFailure, "write no/x.gif: "},
		{"show vanishing --lags 0", exitUsage, "--lags is 0; it must be 1 to 10000"},
		{"show vanishing --seed -1", exitUsage, "--seed is -1; it must be 0 or more"},
		{"show vanishing --out x.gif", exitUsage, `--out is "x.gif"; it must end in .png`},
		{"show vanishing --out there.png", exitFailure, "there.png exists already: choose another --out"},
		{"show vanishing --lags 1 --out no/x.png", exitFailure, "write no/x.png: "},
		{"show lstm --seed -1", exitUsage, "--seed is -1; it must be 0 or more"},
		{"show lstm --out there.png", exitFailure, "there.png exists already: choose another --out"},
		{"show lstn", exitUsage, `did you mean "lstm"?`},
	} {
		t.Run(c.line, func(t *testing.T) { wantFailure(t, c.code, []string{c.want}, strings.Fields(c.line)...) })
	}
}

func TestFlowsAreThoseOfTheText(t *testing.T) {
	b := reference.New()
	defer b.Close()
	const lags = 40
	curves, err := measureFlows(t.Context(), b, lags, 1)
	if err != nil {
		t.Fatal(err)
	}
	simple, bound, old, half, open := curves[0].flow, curves[1].flow, curves[2].flow, curves[3].flow, curves[4].flow
	for lag := 1; lag <= lags; lag++ {
		if math.Abs(old[lag]-1) > 1e-3 || !(simple[lag] < half[lag] && half[lag] < open[lag] && open[lag] < 1) || simple[lag] > bound[lag] {
			t.Errorf("lag %d: simple %v, bound %v, 1997 %v, half open %v, open %v", lag, simple[lag], bound[lag], old[lag], half[lag], open[lag])
		}
	}
	points := curves[0].logarithms()
	last := points[len(points)-1]
	if len(points) >= lags || last.Y >= leastPower || points[len(points)-2].Y < leastPower {
		t.Errorf("the curve ends at %v, want just below %d", last, leastPower)
	}
	if zero := (flowCurve{flow: []float64{1, 0}}).logarithms()[1].Y; zero != 2*leastPower {
		t.Errorf("a flow of 0 is drawn at %v, want %d", zero, 2*leastPower)
	}
}

// The traced net is a copy of the trained one that goes step by step.
func TestTraceIsThatOfTheNet(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net, err := newReberNet(b, lstm1997(), 20)
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	text := shownStrings[0]
	traced, err := traceReber(b, net, text)
	if err != nil {
		t.Fatal(err)
	}
	steps := len(text) - 1
	x, err := b.New(steps, len(tasks.ReberSymbols))
	if err != nil {
		t.Fatal(err)
	}
	inputs := make([]float32, x.Size())
	for step := range steps {
		inputs[step*x.Cols+strings.IndexByte(tasks.ReberSymbols, text[step])] = 1
	}
	b.Upload(x, inputs)
	want, err := downloadRow(b, net.Forward(x, steps, model.Evaluation))
	if err != nil {
		t.Fatal(err)
	}
	for step, prediction := range traced.prediction {
		for i, got := range prediction {
			if got != want[step*x.Cols+i] {
				t.Errorf("step %d, output %d: got %v, want %v", step, i, got, want[step*x.Cols+i])
			}
		}
		// y = out·h(s) connects the gates, states and outputs that are shown.
		for cell, y := range traced.output[step] {
			got := traced.out[step][cell/2] * math.Tanh(traced.state[step][cell]/2)
			if math.Abs(got-y) > 1e-6 {
				t.Errorf("step %d, cell %d: output %v, but gate times h(state) is %v", step, cell, y, got)
			}
		}
		if len(traced.in[step]) != 4 || len(traced.forget[step]) != 4 {
			t.Errorf("step %d: %d input gates, %d forget gates; want 4", step, len(traced.in[step]), len(traced.forget[step]))
		}
	}
}

func TestKeeperIsTheCellThatTellsTheStringsApart(t *testing.T) {
	// Cell 0 differs for a moment only, cell 1 not at all, cell 2 throughout.
	traces := [2]*trace{
		{state: [][]float64{{0, 1, 0}, {9, 1, 1}, {0, 1, 1}, {0, 1, 0}}},
		{state: [][]float64{{0, 1, 0}, {-9, 1, -1}, {0, 1, -1}, {0, 1, 0}}},
	}
	if got := keeper(traces); got != 2 {
		t.Errorf("cell %d, want 2", got)
	}
}

func TestShowLSTMStopsWithItsContext(t *testing.T) {
	b := reference.New()
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := learnReber(ctx, b, 1, 1000); err != context.Canceled {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestShowLSTMSaysWhenNothingIsLearned(t *testing.T) {
	b := reference.New()
	defer b.Close()
	learning, err := learnReber(t.Context(), b, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := learning.outcome(), "not learned within 20 strings: another --seed may do better"; got != want {
		t.Errorf("outcome %q, want %q", got, want)
	}
}
