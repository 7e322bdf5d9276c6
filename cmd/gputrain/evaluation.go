package main

import (
	"fmt"
	"io"
	"math"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// evaluation is how well a model does on a set.
type evaluation struct {
	train.Metrics
	description *description
	auroc       *train.AUROC  // of classes; nil if there are too many
	regression  *regression   // nil but for numbers
	multilabel  *multilabel   // nil but for labels that hold or not
	series      *seriesErrors // nil for all but series
}

// measure runs net over set.
func (d *description) measure(net *model.Network, set *data.Dataset) (*evaluation, error) {
	const mostScored = 100 // classes, whose scores are all kept
	m := &evaluation{description: d}
	var metrics []train.Metric
	switch {
	case d.task() == taskRegress:
		m.regression = newRegression(d.Targets, d.targetScaling())
		metrics = append(metrics, m.regression)
	case d.task() == taskMultilabel:
		m.multilabel = newMultilabel(d.Targets)
		metrics = append(metrics, m.multilabel)
	case !d.ofText() && len(d.Classes) <= mostScored:
		m.auroc = new(train.AUROC)
		metrics = append(metrics, m.auroc)
	}
	var err error
	m.Metrics, err = train.Evaluate(net, d.loss(), set, metrics...)
	return m, err
}

// print prints all figures but the loss and the last line.
func (m *evaluation) print(w io.Writer) error {
	switch {
	case m.series != nil:
		return m.series.print(w)
	case m.regression != nil:
		return m.regression.print(w)
	case m.multilabel != nil:
		return m.multilabel.print(w)
	}
	if err := printConfusion(w, m.Confusion, m.description.Classes); err != nil {
		return err
	}
	return m.printScores(w)
}

// printLast prints the line that train and eval end with.
func (m *evaluation) printLast(w io.Writer) error {
	switch {
	case m.series != nil:
		return m.series.printLast(w)
	case m.regression != nil:
		return m.regression.printLast(w)
	case m.multilabel != nil:
		return m.multilabel.printLast(w)
	}
	if units := m.description.Units; units != "" {
		_, err := fmt.Fprintf(w, "test loss %s\n", textFigures(m.Loss, units))
		return err
	}
	_, err := fmt.Fprintf(w, "test accuracy %.4f (%d/%d)\n", m.Accuracy, m.Correct, m.Count)
	return err
}

// draw draws the outcome in the directory of a run. There is no picture of hundreds of
// characters, or thousands of words.
func (m *evaluation) draw(dir runDir) error {
	switch {
	case m.series != nil:
		return m.series.draw(dir.file(forecastName))
	case m.regression != nil:
		return m.regression.draw(dir.file(predictionsName))
	case m.multilabel != nil:
		return m.multilabel.draw(dir.file(rocName))
	case m.description.ofText():
		return nil
	}
	return writeConfusion(dir.file(confusionName), m.Confusion, m.description.Classes)
}

// result is the last object of train for classes, and for text.
type result struct {
	Event        string     `json:"event"`
	TestAccuracy jsonNumber `json:"test_accuracy"`
	TestLoss     jsonNumber `json:"test_loss"`
	Correct      int        `json:"correct"`
	Count        int        `json:"count"`
	textResult
}

func (m *evaluation) result() result {
	return result{"result", jsonNumber(m.Accuracy), jsonNumber(m.Loss), m.Correct, m.Count, newTextResult(m.Metrics, m.description.Units)}
}

// detailedResult is the object of eval.
func (m *evaluation) detailedResult() any {
	switch {
	case m.series != nil:
		return m.seriesResult()
	case m.regression != nil:
		return m.regressionResult()
	case m.multilabel != nil:
		return m.multilabelResult()
	case m.description.ofText():
		return m.result()
	}
	return m.scoredResult()
}

// auc returns the area under the ROC curve, NaN if it is not known.
func (m *evaluation) auc() float64 {
	if m.auroc == nil {
		return math.NaN()
	}
	return m.auroc.Compute()
}
