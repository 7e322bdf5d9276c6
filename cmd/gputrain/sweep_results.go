package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gputrain/internal/atomicfile"
)

// trialResult is what came of a trial so far.
type trialResult struct {
	number int // from 1
	*pastRun
	state   string
	failure string
	best    int     // index of its best epoch; -1 if it has none
	figure  float64 // of that epoch
}

// The states of a trial, besides those of a run.
const (
	stateFailed  = "failed"
	stateWaiting = "waiting"
)

// result reads what came of a trial in its first epochs.
func (s *sweep) result(i, epochs int) (*trialResult, error) {
	run, err := readRun(s.dir.trial(i))
	if err != nil {
		return nil, err
	}
	r := &trialResult{number: i + 1, pastRun: run, state: run.state, failure: s.failures[i], best: -1, figure: math.NaN()}
	switch {
	case run.diverged != "":
		r.failure = run.diverged
	case r.failure != "":
		r.state = stateFailed
	case run.epochs == 0 && run.result == nil:
		r.state = stateWaiting
	}
	for at, figure := range run.curves[s.Search.By] {
		if run.curves["epoch"][at] <= float64(epochs) && !math.IsNaN(figure) && (r.best < 0 || s.better(figure, r.figure)) {
			r.best, r.figure = at, figure
		}
	}
	return r, nil
}

// better says whether a figure of the validation is better than another.
func (s *sweep) better(a, b float64) bool {
	if strings.HasSuffix(s.Search.By, "loss") {
		return a < b
	}
	return a > b
}

// ok says whether the trial can be compared with others.
func (r *trialResult) ok() bool { return r.failure == "" && r.best >= 0 }

// results reads what came of trials in their first epochs, the best first. Those that
// failed come last, and of equal ones those with the smallest numbers first.
func (s *sweep) results(trials []int, epochs int) ([]*trialResult, error) {
	var results []*trialResult
	for _, i := range trials {
		r, err := s.result(i, epochs)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b *trialResult) int {
		switch {
		case a.ok() && !b.ok() || a.ok() && b.ok() && s.better(a.figure, b.figure):
			return -1
		case b.ok() && !a.ok() || a.ok() && b.ok() && s.better(b.figure, a.figure):
			return 1
		}
		return cmp.Compare(a.number, b.number)
	})
	return results, nil
}

// values returns the values of the variables of a trial.
func (s *sweep) values(r *trialResult) []string {
	settings := r.settingValues()
	var values []string
	for _, v := range s.variables {
		values = append(values, fmt.Sprint(settings[v.key]))
	}
	return values
}

// describeTrial lists the values of the variables: "lr 0.1, hidden 64".
func (s *sweep) describeTrial(r *trialResult) string {
	values := s.values(r)
	for i, v := range s.variables {
		values[i] = v.key + " " + shortName(values[i])
	}
	return strings.Join(values, ", ")
}

// figures returns the columns of metrics.csv that some results have figures of.
func (s *sweep) figures(results []*trialResult) []string {
	return slices.DeleteFunc(slices.Clone(metricsColumns), func(name string) bool {
		return !strings.HasPrefix(name, "validation_") || !slices.ContainsFunc(results, func(r *trialResult) bool {
			return r.best >= 0 && !math.IsNaN(r.curves[name][r.best])
		})
	})
}

// table formats results, and says which is the best and how it did on the test set.
func (s *sweep) table(width int, results []*trialResult) string {
	header := []string{"trial", "state"}
	for _, v := range s.variables {
		header = append(header, v.key)
	}
	header = append(header, "epochs")
	figures := s.figures(results)
	for _, name := range figures {
		header = append(header, strings.ReplaceAll(name, "_", "\n"))
	}
	var rows [][]string
	var after strings.Builder
	after.WriteString("\n")
	for _, r := range results {
		row := []string{strconv.Itoa(r.number), r.state}
		for _, value := range s.values(r) {
			row = append(row, shortName(value))
		}
		row = append(row, fmt.Sprintf("%d/%d", r.epochs, r.settings.Epochs))
		for _, name := range figures {
			cell := ""
			if r.best >= 0 && !math.IsNaN(r.curves[name][r.best]) {
				cell = formatFigure(r.curves[name][r.best])
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
		if r.failure != "" {
			fmt.Fprintf(&after, "trial %d %s: %s\n", r.number, r.state, r.failure)
		}
	}
	if best := bestOf(results); best != nil {
		fmt.Fprintf(&after, "the best is trial %d, in %s: %s\n", best.number, best.dir, s.describeTrial(best))
		var test []string
		for _, name := range figureNames([]*pastRun{best.pastRun}) {
			if figure, ok := strings.CutPrefix(name, "test_"); ok {
				test = append(test, figure+" "+formatFigure(best.result[name]))
			}
		}
		fmt.Fprintf(&after, "on the test set, which had no part in the choice: %s\n", strings.Join(test, ", "))
	}
	return formatTable(width, 2, header, rows) + wrapLines(printableLines(after.String()), width)
}

// bestOf returns the best of results that is finished; nil if none is.
func bestOf(results []*trialResult) *trialResult {
	for _, r := range results {
		if r.ok() && r.state == stateFinished {
			return r
		}
	}
	return nil
}

// print prints results.
func (s *sweep) print(results []*trialResult) error {
	if !s.JSON {
		_, err := io.WriteString(s.con.out, s.table(terminalWidth(s.con.out), results))
		return err
	}
	encoder := json.NewEncoder(s.con.out)
	for rank, r := range results {
		if err := encoder.Encode(s.object(rank, r)); err != nil {
			return err
		}
	}
	best := bestOf(results)
	if best == nil {
		return nil
	}
	object := map[string]any{"event": "result", "trial": best.number, "run": string(best.dir)}
	for name, value := range best.result {
		if strings.HasPrefix(name, "test_") {
			object[name] = value
		}
	}
	return encoder.Encode(object)
}

// object returns a result for programs.
func (s *sweep) object(rank int, r *trialResult) map[string]any {
	settings, values := r.settingValues(), map[string]any{}
	for _, v := range s.variables {
		values[v.key] = settings[v.key]
	}
	object := map[string]any{"event": "trial", "rank": rank + 1, "trial": r.number, "run": string(r.dir), "state": r.state, "epochs": r.epochs, "settings": values}
	if r.failure != "" {
		object["failure"] = r.failure
	}
	if r.best >= 0 {
		object["best_epoch"] = int(r.curves["epoch"][r.best])
		for _, name := range s.figures([]*trialResult{r}) {
			object[name] = jsonNumber(r.curves[name][r.best])
		}
	}
	return object
}

// write writes results as CSV.
func (s *sweep) write(results []*trialResult) error {
	return atomicfile.Write(s.dir.file(sweepTableName), func(w io.Writer) error {
		table := csv.NewWriter(w)
		figures := s.figures(results)
		header := append([]string{"rank", "trial", "state", "epochs", "best_epoch"}, figures...)
		for _, v := range s.variables {
			header = append(header, v.key)
		}
		rows := [][]string{append(header, "failure", "format")}
		for rank, r := range results {
			row := []string{strconv.Itoa(rank + 1), strconv.Itoa(r.number), r.state, strconv.Itoa(r.epochs)}
			if r.best < 0 {
				row = append(row, make([]string, 1+len(figures))...)
			} else {
				row = append(row, strconv.Itoa(int(r.curves["epoch"][r.best])))
				for _, name := range figures {
					row = append(row, string(appendNumber(nil, r.curves[name][r.best])))
				}
			}
			row = append(row, s.values(r)...)
			rows = append(rows, append(row, r.failure, strconv.Itoa(runFormat)))
		}
		return errors.Join(table.WriteAll(rows), table.Error())
	})
}
