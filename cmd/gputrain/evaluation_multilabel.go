package main

import (
	"fmt"
	"io"
	"strconv"

	"gputrain/backend"
	"gputrain/train"
)

// multilabel is a train.Metric of a model whose outputs are labels that hold or not.
// A label is predicted where its probability is above ½.
type multilabel struct {
	names  []string
	labels []labelOutcomes
	auroc  train.AUROC
	rows   int
	exact  int // rows all of whose labels are right
}

// labelOutcomes is the rows of a label.
type labelOutcomes struct {
	confusion train.Confusion // of 0 and 1
	logits    []float32
	holds     []bool
}

func newMultilabel(names []string) *multilabel {
	m := &multilabel{names: names}
	m.Reset()
	return m
}

// Reset implements train.Metric.
func (m *multilabel) Reset() {
	*m = multilabel{names: m.names, labels: make([]labelOutcomes, len(m.names))}
	for j := range m.labels {
		m.labels[j].confusion = train.Confusion{}
	}
}

// Update implements train.Metric.
func (m *multilabel) Update(y []float32, _ int, target []float32) {
	m.rows++
	right := 0
	for j := range m.labels {
		l, outcome := &m.labels[j], train.Outcome{}
		holds := target[j] > 0.5
		if holds {
			outcome.Actual = 1
		}
		if y[j] > 0 {
			outcome.Predicted = 1
		}
		if outcome.Actual == outcome.Predicted {
			right++
		}
		l.confusion[outcome]++
		l.logits, l.holds = append(l.logits, y[j]), append(l.holds, holds)
	}
	if right == len(m.labels) {
		m.exact++
	}
	m.auroc.Update(y, backend.IgnoreLabel, target)
}

// Compute implements train.Metric: it is the mean of the F1 of the labels.
func (m *multilabel) Compute() float64 { return m.macro().F1 }

// score returns the scores of a label: how well the rows where it holds are told from the
// others.
func (m *multilabel) score(j int) train.Score { return m.labels[j].confusion.Scores()[1] }

// macro returns the mean of the scores of the labels.
func (m *multilabel) macro() train.Score {
	var mean train.Score
	n := float64(len(m.labels))
	for j := range m.labels {
		s := m.score(j)
		mean.Precision += s.Precision / n
		mean.Recall += s.Recall / n
		mean.F1 += s.F1 / n
		mean.Rows += s.Rows
	}
	return mean
}

// all returns the outcomes of all labels together.
func (m *multilabel) all() train.Confusion {
	all := train.Confusion{}
	for _, l := range m.labels {
		for outcome, n := range l.confusion {
			all[outcome] += n
		}
	}
	return all
}

// exactMatch returns the share of the rows all of whose labels are right.
func (m *multilabel) exactMatch() float64 { return float64(m.exact) / float64(m.rows) }

// hammingLoss returns the share of the labels that are wrong.
func (m *multilabel) hammingLoss() float64 {
	return 1 - float64(m.all().Correct())/float64(m.rows*len(m.labels))
}

// print prints the scores of the labels, of as many as fit some pages, and their means.
func (m *multilabel) print(w io.Writer) error {
	const most = 100 // labels
	var rows [][]string
	add := func(name string, s train.Score, area string) {
		rows = append(rows, []string{name, fixed(s.Precision), fixed(s.Recall), fixed(s.F1), area, strconv.Itoa(s.Rows)})
	}
	areas := m.auroc.Classes()
	if len(m.names) <= most {
		for j, name := range m.names {
			add(shortName(name), m.score(j), fixed(areas[j]))
		}
	}
	if len(m.names) > 1 {
		add("macro mean", m.macro(), fixed(m.auroc.Compute()))
		add("micro mean", m.all().Scores()[1], "")
	}
	_, err := fmt.Fprint(w, formatTable(terminalWidth(w), 1, []string{"label", "precision", "recall", "F1", "AUROC", "samples"}, rows),
		fmt.Sprintf("\nHamming loss %.4f, the share of the labels that are wrong\n", m.hammingLoss()))
	return err
}

// printLast prints the line that train and eval end with.
func (m *multilabel) printLast(w io.Writer) error {
	_, err := fmt.Fprintf(w, "test F1 %.4f (%s), exact match %.4f (%s)\n",
		m.Compute(), plural(len(m.names), "label", "labels"), m.exactMatch(), plural(m.rows, "sample", "samples"))
	return err
}

// multilabelFigures is what files and objects say of labels.
type multilabelFigures struct {
	TestLoss       jsonNumber     `json:"test_loss"`
	Count          int            `json:"count"`
	TestPrecision  jsonNumber     `json:"test_precision"`
	TestRecall     jsonNumber     `json:"test_recall"`
	TestF1         jsonNumber     `json:"test_f1"`
	TestMicroF1    jsonNumber     `json:"test_micro_f1"`
	TestAUROC      jsonNumber     `json:"test_auroc"`
	TestExactMatch jsonNumber     `json:"test_exact_match"`
	TestHamming    jsonNumber     `json:"test_hamming_loss"`
	Labels         []labelFigures `json:"labels"`
}

type labelFigures struct {
	Name      string     `json:"name"`
	Precision jsonNumber `json:"precision"`
	Recall    jsonNumber `json:"recall"`
	F1        jsonNumber `json:"f1"`
	AUROC     jsonNumber `json:"auroc"`
	Count     int        `json:"count"` // of the samples for which it holds
}

func (m *evaluation) multilabelFigures() multilabelFigures {
	l := m.multilabel
	macro := l.macro()
	f := multilabelFigures{
		TestLoss: jsonNumber(m.Loss), Count: m.Count,
		TestPrecision: jsonNumber(macro.Precision), TestRecall: jsonNumber(macro.Recall), TestF1: jsonNumber(macro.F1),
		TestMicroF1: jsonNumber(l.all().Scores()[1].F1), TestAUROC: jsonNumber(l.auroc.Compute()),
		TestExactMatch: jsonNumber(l.exactMatch()), TestHamming: jsonNumber(l.hammingLoss()),
	}
	areas := l.auroc.Classes()
	for j, name := range l.names {
		s := l.score(j)
		f.Labels = append(f.Labels, labelFigures{name, jsonNumber(s.Precision), jsonNumber(s.Recall), jsonNumber(s.F1), jsonNumber(areas[j]), s.Rows})
	}
	return f
}

// multilabelResult is the last object of train and eval for labels.
type multilabelResult struct {
	Event string `json:"event"`
	multilabelFigures
}

func (m *evaluation) multilabelResult() multilabelResult {
	return multilabelResult{"result", m.multilabelFigures()}
}

// factsOfLabels returns what result.json says of labels for people; none if there are no
// labels.
func factsOfLabels(labels any) (facts [][2]string) {
	list, _ := labels.([]any)
	for _, label := range list {
		if l, ok := label.(map[string]any); ok {
			facts = append(facts, [2]string{fmt.Sprint(l["name"]),
				fmt.Sprintf("F1 %s, precision %s, recall %s, AUROC %s on the test set", formatFigure(l["f1"]), formatFigure(l["precision"]), formatFigure(l["recall"]), formatFigure(l["auroc"]))})
		}
	}
	return facts
}
