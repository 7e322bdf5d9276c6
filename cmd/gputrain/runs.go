package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

type runsCommand struct {
	Runs    []string `arg:"" optional:"" name:"run" help:"Runs, folders of runs or of sweeps, or latest; by default the folders runs and sweeps."`
	Where   []string `sep:"none" placeholder:"FACT=VALUE" help:"Only runs of which that is true, such as hidden=128, 'lr<0.01', state=finished or model!=mlp; several --where must all be true."`
	Sort    string   `default:"began" placeholder:"FACT" help:"Sort by a setting, or another fact such as validation_loss; by default by when they began."`
	Reverse bool     `help:"The largest first."`
	Plot    string   `placeholder:"FILE" help:"Also draw the validation curves into this PNG."`
	JSON    bool     `name:"json" help:"Print JSON objects, one per line."`
}

// Help is what "gputrain runs --help" says in more detail.
func (*runsCommand) Help() string {
	return `Prints a table: what the runs learned from, with which network, how far they are, and the figures after the epoch with the smallest validation loss, besides the settings in which they differ.

A run is running, finished, stopped (by a signal, a killed process or an error: it can go on with gputrain train --resume) or diverged.

The facts for --where and --sort are the settings, as the flags of gputrain train call them, and run, state, began, epochs_done, best_epoch, validation_loss, validation_accuracy, test_loss, test_accuracy and whatever else the run measured. Runs without the fact of --sort come last.

With --json, a run is an object {"run", "state", "began", "epochs_done", "best_epoch", "validation_loss", ..., "settings"}.`
}

// Run lists runs.
func (c *runsCommand) Run(con console) error {
	conditions, err := parseConditions(c.Where)
	if err != nil {
		return err
	}
	if err := c.checkPlot(); err != nil {
		return err
	}
	warn := func(err error) { printLine(con.err, "warning: left out: "+err.Error()) }
	names := c.Runs
	if len(names) == 0 {
		for _, name := range []string{runsName, sweepsName} {
			if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
				names = append(names, name)
			}
		}
	}
	runs, err := findRuns(names, warn)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return fmt.Errorf("there is no run in %s; gputrain train makes one", cmp.Or(some(names), runsName))
	}
	if runs, err = selectRuns(runs, conditions, c.Sort, c.Reverse); err != nil {
		return err
	}
	if c.Plot != "" {
		if err := writeComparison(c.Plot, runs); err != nil {
			return err
		}
	}
	if c.JSON {
		return printRunObjects(con.out, runs)
	}
	_, err = io.WriteString(con.out, formatRuns(terminalWidth(con.out), runs))
	return err
}

// checkPlot reports a picture that cannot be written.
func (c *runsCommand) checkPlot() error {
	if c.Plot == "" {
		return nil
	}
	if !strings.HasSuffix(c.Plot, ".png") {
		return &settingError{"plot", fmt.Sprintf("is %q; it must end in .png", c.Plot)}
	}
	return checkAbsent("plot", c.Plot)
}

// condition is what must be true of a run.
type condition struct{ fact, operator, value string }

// parseConditions reads conditions such as hidden=128.
func parseConditions(texts []string) (conditions []condition, err error) {
	for _, text := range texts {
		at := strings.IndexAny(text, "=<>!")
		if at <= 0 {
			return nil, &settingError{"where", fmt.Sprintf("is %q; it must be a fact, one of = != < <= > >=, and a value, as in hidden=128", text)}
		}
		c := condition{fact: strings.TrimSpace(text[:at])}
		for _, operator := range []string{"!=", "<=", ">=", "=", "<", ">"} {
			if value, found := strings.CutPrefix(text[at:], operator); found {
				c.operator, c.value = operator, strings.TrimSpace(value)
				break
			}
		}
		if c.operator == "" {
			return nil, &settingError{"where", fmt.Sprintf("is %q; write != for other than", text)}
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

// holds says whether the condition is true of a run that has the fact.
func (c condition) holds(fact any) bool {
	order := compareFacts(fact, c.value)
	switch c.operator {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// compareFacts compares numbers by their value, and other facts as texts.
func compareFacts(a, b any) int {
	x, y := fmt.Sprint(a), fmt.Sprint(b)
	if p, err := strconv.ParseFloat(x, 64); err == nil {
		if q, err := strconv.ParseFloat(y, 64); err == nil {
			return cmp.Compare(p, q)
		}
	}
	return strings.Compare(x, y)
}

// selectRuns returns the runs of which the conditions are true, sorted by a fact.
func selectRuns(runs []*pastRun, conditions []condition, by string, reverse bool) ([]*pastRun, error) {
	facts := map[*pastRun]map[string]any{}
	known := map[string]bool{}
	for _, r := range runs {
		facts[r] = r.facts()
		for name := range facts[r] {
			known[name] = true
		}
	}
	check := func(flag, fact string) error {
		if known[fact] {
			return nil
		}
		names := slices.Sorted(maps.Keys(known))
		return &settingError{flag, fmt.Sprintf("names the fact %q, which no run has; %s", fact, hint(fact, names, "there are "+strings.Join(names, ", ")))}
	}
	var selected []*pastRun
	for _, c := range conditions {
		if err := check("where", c.fact); err != nil {
			return nil, err
		}
	}
	for _, r := range runs {
		if !slices.ContainsFunc(conditions, func(c condition) bool {
			fact, there := facts[r][c.fact]
			return !there || !c.holds(fact)
		}) {
			selected = append(selected, r)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("none of %s is so", plural(len(runs), "run", "runs"))
	}
	if err := check("sort", by); err != nil {
		return nil, err
	}
	slices.SortStableFunc(selected, func(a, b *pastRun) int {
		x, there := facts[a][by]
		y, too := facts[b][by]
		switch {
		case there && too && reverse:
			return compareFacts(y, x)
		case there && too:
			return compareFacts(x, y)
		case there:
			return -1
		case too:
			return 1
		}
		return 0
	})
	return selected, nil
}

// differing returns the keys of the settings in which runs differ, in the order of
// the flags.
func differing(runs []*pastRun) (keys []string) {
	first := runs[0].settingValues()
	for _, key := range settingKeys() {
		if slices.ContainsFunc(runs, func(r *pastRun) bool { return !reflect.DeepEqual(r.settingValues()[key], first[key]) }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// figureNames returns the names of the figures that some runs have, of the validation
// and then of the test.
func figureNames(runs []*pastRun) (names []string) {
	for _, r := range runs {
		for name := range r.facts() {
			if (strings.HasPrefix(name, "validation_") || strings.HasPrefix(name, "test_")) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	place := func(name string) string { // the validation first, and losses
		name = strings.Replace(name, "validation_", "0", 1)
		return strings.Replace(name, "loss", " ", 1)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	return names
}

// formatRuns formats a table of runs. If it becomes several tables, their lines have
// the same numbers.
func formatRuns(width int, runs []*pastRun) string {
	const texts = 6 // columns; the others are figures
	header, rows := tableOfRuns(runs)
	return formatTable(width, texts, header, rows)
}

// tableOfRuns returns what is known of runs, and the settings in which they differ.
func tableOfRuns(runs []*pastRun) (header []string, rows [][]string) {
	header = []string{"#", "run", "state", "began", "data", "network"}
	left := []string{
		"data", "model", "hidden", "layers", "epochs", // these columns show them
		"checkpoint-every", "checkpoint-keep", "metrics-every", "tensorboard", // these change no outcome
	}
	for _, field := range keyedFields(reflect.TypeFor[networkSettings](), "toml") {
		left = append(left, keyOf(field, "toml")) // the network has them
	}
	keys := slices.DeleteFunc(differing(runs), func(key string) bool { return slices.Contains(left, key) })
	figures := figureNames(runs)
	for _, name := range slices.Concat([]string{"epochs"}, figures, keys) {
		header = append(header, strings.ReplaceAll(name, "_", "\n"))
	}
	for i, r := range runs {
		facts := r.facts()
		row := []string{strconv.Itoa(i + 1), string(r.dir), r.state, r.began.Format("2006-01-02 15:04"), fmt.Sprint(facts["data"]), r.network(),
			fmt.Sprintf("%d/%d", r.epochs, r.settings.Epochs)}
		for _, name := range figures {
			cell := ""
			if _, there := facts[name]; there {
				cell = formatFigure(facts[name])
			}
			row = append(row, cell)
		}
		for _, key := range keys {
			row = append(row, fmt.Sprint(facts[key]))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// formatFigure formats a figure of a run with four decimals; if it is very large or
// small, with four digits.
func formatFigure(fact any) string {
	figure, ok := fact.(float64)
	switch size := math.Abs(figure); {
	case !ok:
		return fmt.Sprint(fact)
	case size >= 1e6 || size < 1e-3 && size > 0:
		return strconv.FormatFloat(figure, 'g', 4, 64)
	}
	return strconv.FormatFloat(figure, 'f', 4, 64)
}

// printRunObjects prints a JSON object for each run.
func printRunObjects(w io.Writer, runs []*pastRun) error {
	encoder := json.NewEncoder(w)
	for _, r := range runs {
		object := r.facts()
		settings := r.settingValues()
		for key := range settings {
			delete(object, key)
		}
		object["settings"] = settings
		object["began"] = r.began.Format(time.RFC3339)
		for name, value := range object {
			if figure, ok := value.(float64); ok {
				object[name] = jsonNumber(figure)
			}
		}
		if err := encoder.Encode(object); err != nil {
			return err
		}
	}
	return nil
}
