package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gputrain/train"
)

// printConfusion prints counts by actual and predicted class: as a table if it fits
// a page, else as a list of the most frequent mistakes.
func printConfusion(w io.Writer, confusion train.Confusion, classes []string) error {
	const mostClasses, mostColumns = 20, 80
	if len(classes) <= mostClasses {
		table := confusionTable(terminalWidth(w), confusion, classes)
		if widest, _, _ := strings.Cut(table, "\n"); utf8.RuneCountInString(widest) <= mostColumns {
			if err := printLine(w, "rows: actual class, columns: predicted class"); err != nil {
				return err
			}
			_, err := fmt.Fprint(w, "\n", table)
			return err
		}
	}
	return printMistakes(w, confusion, classes)
}

func confusionTable(width int, confusion train.Confusion, classes []string) string {
	header := []string{""}
	var rows [][]string
	for actual, class := range classes {
		header = append(header, shortName(class))
		row := []string{shortName(class)}
		for predicted := range classes {
			row = append(row, strconv.Itoa(confusion[train.Outcome{Actual: actual, Predicted: predicted}]))
		}
		rows = append(rows, row)
	}
	return formatTable(width, 1, header, rows)
}

func printMistakes(w io.Writer, confusion train.Confusion, classes []string) error {
	const most = 20
	mistakes := confusion.Mistakes()
	all := 0
	for _, mistake := range mistakes {
		all += confusion[mistake]
	}
	if all == 0 {
		_, err := fmt.Fprintf(w, "no mistake in %d classes\n", len(classes))
		return err
	}
	shown := mistakes[:min(len(mistakes), most)]
	var rows [][]string
	for _, mistake := range shown {
		rows = append(rows, []string{shortName(classes[mistake.Actual]), shortName(classes[mistake.Predicted]), strconv.Itoa(confusion[mistake])})
	}
	err := printLine(w, fmt.Sprintf("%s in %d classes; the most frequent %d of %s",
		plural(all, "mistake", "mistakes"), len(classes), len(shown), plural(len(mistakes), "kind", "kinds")))
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w, "\n", formatTable(terminalWidth(w), 2, []string{"actual", "predicted", "mistakes"}, rows))
	return err
}

// mostMistaken returns n classes in their order: those with most mistakes, as the
// actual class or as the predicted one.
func mostMistaken(confusion train.Confusion, classes, n int) []int {
	mistakes := make([]int, classes)
	for outcome, count := range confusion {
		if outcome.Actual != outcome.Predicted {
			mistakes[outcome.Actual] += count
			mistakes[outcome.Predicted] += count
		}
	}
	order := make([]int, classes)
	for class := range order {
		order[class] = class
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(mistakes[b], mistakes[a]) })
	order = order[:min(n, classes)]
	slices.Sort(order)
	return order
}
