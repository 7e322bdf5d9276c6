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
	if testing.Short() {
		t.Skip("slow under the race detector, and without goroutines")
	}
	t.Chdir(t.TempDir())
	for _, n := range []int{1, 2, 60} {
		counts, classes := make([][]int, n), make([]string, n)
		for i := range counts {
			counts[i] = make([]int, n)
			counts[i][i] = i
			classes[i] = fmt.Sprint("class ", i)
		}
		if err := writeConfusion("confusion.png", counts, classes); err != nil {
			t.Fatal(err)
		}
		var history []train.Epoch
		for i := range n {
			history = append(history, train.Epoch{Epoch: i + 1, TrainLoss: 1 / float64(i+1), ValidLoss: 1, ValidAccuracy: math.Tanh(float64(i))})
		}
		if err := writeCurves("curves.png", history); err != nil {
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
