package main

import (
	"encoding/csv"
	"io"
)

// writeLabels writes a header and a row per sample: for each label whether it holds, 1 or
// 0, and its probability.
func writeLabels(w io.Writer, probabilities [][]float32, names []string) error {
	table := csv.NewWriter(w)
	var row []string
	for _, name := range names {
		row = append(row, "predicted("+name+")", "p("+name+")")
	}
	if err := table.Write(row); err != nil {
		return err
	}
	for _, p := range probabilities {
		row = row[:0]
		for _, x := range p {
			holds := "0"
			if x > 0.5 {
				holds = "1"
			}
			row = append(row, holds, probability(x))
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
