package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"gputrain/data"
)

// writePredictions writes a header and a row per sample: its most probable class,
// and the probability of each class. If top is not 0, it writes that many classes
// instead, each with its probability, the most probable first.
func writePredictions(w io.Writer, probabilities [][]float32, classes []string, top int) error {
	table := csv.NewWriter(w)
	if err := table.Write(predictionHeader(classes, top)); err != nil {
		return err
	}
	var row []string
	for _, p := range probabilities {
		row = row[:0]
		if top == 0 {
			row = append(row, classes[mostProbable(p, 1)[0]])
			for _, x := range p {
				row = append(row, probability(x))
			}
		} else {
			for _, class := range mostProbable(p, top) {
				row = append(row, classes[class], probability(p[class]))
			}
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// writeNumbers writes a header and a row per sample: the numbers that the model gives
// for the targets, in their units.
func writeNumbers(w io.Writer, outputs [][]float32, targets []string, scaling data.Scaling) error {
	table := csv.NewWriter(w)
	header := []string{"predicted"}
	if len(targets) > 1 {
		header = nil
		for _, target := range targets {
			header = append(header, "predicted("+target+")")
		}
	}
	if err := table.Write(header); err != nil {
		return err
	}
	row := make([]string, len(targets))
	for _, y := range outputs {
		for target := range targets {
			row[target] = strconv.FormatFloat(scaling.Restore(target, float64(y[target])), 'g', 8, 64)
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

func predictionHeader(classes []string, top int) []string {
	header := []string{"predicted"}
	if top == 0 {
		for _, class := range classes {
			header = append(header, "p("+class+")")
		}
		return header
	}
	header = append(header, "p")
	for rank := 2; rank <= min(top, len(classes)); rank++ {
		header = append(header, fmt.Sprint("predicted", rank), fmt.Sprint("p", rank))
	}
	return header
}

func probability(p float32) string { return strconv.FormatFloat(float64(p), 'g', 6, 32) }

// mostProbable returns the top classes of the highest probability, the first of
// equals first. It returns all if there are fewer.
func mostProbable(p []float32, top int) []int {
	top = min(top, len(p))
	best := make([]int, 0, top+1)
	for class, x := range p {
		if len(best) == top && cmp.Compare(x, p[best[top-1]]) <= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, x, func(other int, x float32) int {
			if cmp.Compare(p[other], x) >= 0 {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, class)
		best = best[:min(len(best), top)]
	}
	return best
}
