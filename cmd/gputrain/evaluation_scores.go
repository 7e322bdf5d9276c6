package main

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"gputrain/train"
)

// printScores prints precision, recall and F1 of the classes, of as many as fit a page,
// and their means.
func (m *evaluation) printScores(w io.Writer) error {
	const mostClasses = 20
	var rows [][]string
	add := func(name string, s train.Score, area float64) {
		row := []string{name, fixed(s.Precision), fixed(s.Recall), fixed(s.F1)}
		if m.auroc != nil {
			row = append(row, fixed(area))
		}
		rows = append(rows, append(row, strconv.Itoa(s.Rows)))
	}
	scores := m.Confusion.Scores()
	if classes := m.description.Classes; len(classes) <= mostClasses {
		var areas []float64
		if m.auroc != nil {
			areas = m.auroc.Classes()
		}
		for class, name := range classes {
			area := math.NaN()
			if areas != nil {
				area = areas[class]
			}
			add(shortName(name), scores[class], area)
		}
	}
	add("macro mean", m.Confusion.Macro(), m.auc())
	add("weighted mean", m.Confusion.Weighted(), math.NaN())
	header := []string{"", "precision", "recall", "F1"}
	if m.auroc != nil {
		header = append(header, "AUROC")
	}
	_, err := fmt.Fprint(w, "\n", formatTable(terminalWidth(w), 1, append(header, "samples"), rows))
	return err
}

// fixed formats a share with four digits; one that is unknown is a dash.
func fixed(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.4f", x)
}

// scoredResult is the object of eval for classes.
type scoredResult struct {
	result
	TestPrecision jsonNumber    `json:"test_precision"`
	TestRecall    jsonNumber    `json:"test_recall"`
	TestF1        jsonNumber    `json:"test_f1"`
	TestAUROC     jsonNumber    `json:"test_auroc"`
	Classes       []scoredClass `json:"classes"`
}

type scoredClass struct {
	Name      string     `json:"name"`
	Precision jsonNumber `json:"precision"`
	Recall    jsonNumber `json:"recall"`
	F1        jsonNumber `json:"f1"`
	AUROC     jsonNumber `json:"auroc"`
	Count     int        `json:"count"`
}

func (m *evaluation) scoredResult() scoredResult {
	macro := m.Confusion.Macro()
	r := scoredResult{
		result: m.result(), TestPrecision: jsonNumber(macro.Precision), TestRecall: jsonNumber(macro.Recall),
		TestF1: jsonNumber(macro.F1), TestAUROC: jsonNumber(m.auc()),
	}
	scores := m.Confusion.Scores()
	for class, name := range m.description.Classes {
		area := math.NaN()
		if m.auroc != nil {
			area = m.auroc.Classes()[class]
		}
		s := scores[class]
		r.Classes = append(r.Classes, scoredClass{name, jsonNumber(s.Precision), jsonNumber(s.Recall), jsonNumber(s.F1), jsonNumber(area), s.Rows})
	}
	return r
}
