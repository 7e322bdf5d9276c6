package main

import (
	"fmt"
	"image/png"
	"math"
	"strings"
	"testing"

	"gputrain/train"
)

// An image of many classes must not grow with their square.
func TestPlotsOfAnySize(t *testing.T) {
	skipUnderRace(t)
	if testing.Short() {
		t.Skip("slow under the race detector, and without goroutines")
	}
	t.Chdir(t.TempDir())
	drawFinely(t)
	for _, n := range []int{1, 2, 60, 100_000} {
		confusion, classes := train.Confusion{}, make([]string, n)
		for i := range classes {
			confusion[train.Outcome{Actual: i, Predicted: i / 2}] = i
			classes[i] = fmt.Sprint("class ", i)
		}
		classes[n-1] = strings.Repeat("\xff\n", 1<<20) // its letters are not all drawn
		if err := writeConfusion("confusion.png", confusion, classes); err != nil {
			t.Fatal(err)
		}
		var history []train.Epoch
		for i := range n {
			history = append(history, train.Epoch{Epoch: i + 1, TrainLoss: 1 / float64(i+1), ValidLoss: 1, ValidAccuracy: math.Tanh(float64(i))})
		}
		if err := writeCurves("curves.png", history, validDescription()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"confusion.png", "curves.png"} {
			size, err := png.DecodeConfig(strings.NewReader(readFile(t, name)))
			if err != nil || size.Width < 200 || size.Width > 2000 {
				t.Errorf("%s of %d: %d pixels wide, error %v", name, n, size.Width, err)
			}
		}
	}
}
