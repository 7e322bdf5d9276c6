package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gputrain/cmd/gputrain/internal/experiment"
	"gputrain/internal/atomicfile"
)

// experimentReport collects the results of experiments.
type experimentReport struct {
	dir     runDir
	lock    *runLock
	machine string
	device  string
	version string
	results []experiment.Result
}

func newExperimentReport(c *experimentRunCommand, chosen []experiment.Experiment) (*experimentReport, error) {
	version, err := versionText()
	if err != nil {
		return nil, err
	}
	dir, lock, err := createLocked(c.Out, "experiments")
	if err != nil {
		return nil, err
	}
	for _, e := range chosen {
		for _, file := range []string{e.Name + ".png", e.Name + ".json"} {
			if dir.has(file) {
				lock.unlock()
				return nil, fmt.Errorf("%s holds results already (%s): choose another --out", dir, file)
			}
		}
	}
	return &experimentReport{dir: dir, lock: lock, machine: describeCPU(), device: c.Device, version: version}, nil
}

// add adds a result and writes its files.
func (r *experimentReport) add(result experiment.Result) error {
	r.results = append(r.results, result)
	path := r.dir.file(result.Experiment.Name)
	if err := writeTrials(path+".png", result); err != nil {
		return err
	}
	return atomicfile.Write(path+".json", func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", " ")
		return encoder.Encode(r.describe(result))
	})
}

// experimentJSON is the file of an experiment.
type experimentJSON struct {
	Name      string      `json:"name"`
	Task      string      `json:"task"`
	Learner   string      `json:"learner"`
	Published string      `json:"published"`
	Criterion string      `json:"criterion"`
	Measure   string      `json:"measure"`
	Limit     float64     `json:"limit"`
	Gate      bool        `json:"gate"`
	Need      int         `json:"need"`
	Met       int         `json:"met"`
	Passed    bool        `json:"passed"`
	Seconds   float64     `json:"seconds"`
	Device    string      `json:"device"`
	Machine   string      `json:"machine"`
	Version   string      `json:"version"`
	Trials    []trialJSON `json:"trials"`
}

type trialJSON struct {
	Seed    uint64             `json:"seed"`
	Met     bool               `json:"met"`
	Trained int                `json:"sequences"`
	Value   float64            `json:"value"`
	Seconds float64            `json:"seconds"`
	Figures map[string]float64 `json:"figures,omitempty"`
	Curve   [][2]float64       `json:"curve"` // sequences, value
}

func (r *experimentReport) describe(result experiment.Result) experimentJSON {
	e := result.Experiment
	description := experimentJSON{
		Name: e.Name, Task: e.Task, Learner: e.Learner, Published: e.Published, Criterion: e.Criterion,
		Measure: e.Measure.Name, Limit: e.Measure.Limit,
		Gate: e.Need > 0, Need: result.Need(), Met: result.Met(), Passed: result.Passed(),
		Seconds: result.Elapsed.Seconds(), Device: r.device, Machine: r.machine, Version: r.version,
	}
	for _, t := range result.Trials {
		trial := trialJSON{
			Seed: t.Seed, Met: t.Met, Trained: t.Trained, Value: t.Value, Seconds: t.Elapsed.Seconds(),
			Figures: map[string]float64{}, Curve: [][2]float64{},
		}
		for _, figure := range t.Figures {
			trial.Figures[figure.Name] = figure.Value
		}
		for _, point := range t.Curve {
			trial.Curve = append(trial.Curve, [2]float64{float64(point.Trained), point.Value})
		}
		description.Trials = append(description.Trials, trial)
	}
	return description
}

// table returns the results for a terminal of that width, 0 if there is none.
func (r *experimentReport) table(width int) string {
	var rows [][]string
	for _, result := range r.results {
		e := result.Experiment
		rows = append(rows, []string{
			e.Name, e.Published, e.Measure.Name, significant(result.Value()), strconv.Itoa(int(result.Trained())),
			seedRange(result), fmt.Sprintf("%d/%d", result.Met(), len(result.Trials)), gateOutcome(result), seconds(result.Elapsed),
		})
	}
	return formatTable(width, 3, []string{"experiment", "published", "measure", "value", "sequences", "seeds", "met", "gate", "time"}, rows)
}

// seedRange returns the seeds of the trials.
func seedRange(r experiment.Result) string {
	first, last := r.Trials[0].Seed, r.Trials[len(r.Trials)-1].Seed
	if first == last {
		return strconv.FormatUint(first, 10)
	}
	return fmt.Sprintf("%d to %d", first, last)
}

// gateOutcome says whether the result passed its gate.
func gateOutcome(r experiment.Result) string {
	switch {
	case r.Experiment.Need == 0:
		return "report"
	case r.Passed():
		return "passed"
	}
	return "FAILED"
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

// verdict returns an error if a gate failed.
func (r *experimentReport) verdict() error {
	var failed []string
	gates := 0
	for _, result := range r.results {
		if result.Experiment.Need > 0 {
			gates++
		}
		if !result.Passed() {
			failed = append(failed, result.Experiment.Name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d gates failed (%s): see %s", len(failed), gates, strings.Join(failed, ", "), r.dir)
	}
	return nil
}

// writeMarkdown writes the results as a page of the documentation.
func (r *experimentReport) writeMarkdown(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, r.markdown())
		return err
	})
}

func (r *experimentReport) markdown() string {
	var text strings.Builder
	var gated, all time.Duration
	for _, result := range r.results {
		all += result.Elapsed
		if result.Experiment.Need > 0 {
			gated += result.Elapsed
		}
	}
	text.WriteString(`# The literature's experiments, repeated

Written by ` + "`make experiments`" + `; do not edit. ` + "`gputrain experiment run NAME`" + ` repeats one, ` + "`--seed S`" + ` from other seeds, ` + "`gputrain experiment list`" + ` describes them.

`)
	fmt.Fprintf(&text, "Device %s: %s. %s. Time %v, of which the gates %v.\n\n", r.device, r.machine, r.version, all.Round(time.Second), gated.Round(time.Second))
	text.WriteString(`A trial is a network trained from one seed, which decides the initial weights and the sequences. It meets the criterion or not; an experiment passes its gate if enough trials do. "sequences" counts the training sequences of the trials that met the criterion, or of all trials if none did: the mean, and the smallest and the largest number. "value" is the mean of the measure over all trials.
`)
	r.writeSection(&text, "Gates", func(e experiment.Experiment) bool { return e.Need > 0 })
	r.writeSection(&text, "Reports", func(e experiment.Experiment) bool { return e.Need == 0 })
	return text.String()
}

// writeSection writes the results of the experiments that in accepts.
func (r *experimentReport) writeSection(text *strings.Builder, title string, in func(experiment.Experiment) bool) {
	if !slices.ContainsFunc(r.results, func(result experiment.Result) bool { return in(result.Experiment) }) {
		return
	}
	fmt.Fprintf(text, "\n## %s\n\n", title)
	markdownRow(text, "experiment", "published", "criterion", "seeds", "met it", "sequences", "value", "time", "result")
	markdownRow(text, "---", "---", "---", "--:", "--:", "--:", "--:", "--:", "---")
	var details strings.Builder
	for _, result := range r.results {
		e := result.Experiment
		if !in(e) {
			continue
		}
		least, most := result.Range()
		markdownRow(text, e.Name, e.Published, e.Criterion, seedRange(result), fmt.Sprintf("%d of %d", result.Met(), len(result.Trials)),
			fmt.Sprintf("%.0f (%d to %d)", result.Trained(), least, most),
			significant(result.Value())+" "+e.Measure.Name, seconds(result.Elapsed), gateOutcome(result))
		fmt.Fprintf(&details, "\n- **%s**: %s. Learner: %s.%s%s", e.Name, e.Task, e.Learner, figures(result), sentence(e.Note))
	}
	text.WriteString(details.String() + "\n")
}

// figures returns the means of the further figures.
func figures(r experiment.Result) string {
	text := ""
	for i, figure := range r.Trials[0].Figures {
		sum := 0.0
		for _, trial := range r.Trials {
			sum += trial.Figures[i].Value
		}
		text += fmt.Sprintf(" %s: %s.", strings.ToUpper(figure.Name[:1])+figure.Name[1:], significant(sum/float64(len(r.Trials))))
	}
	return text
}

func sentence(note string) string {
	if note == "" {
		return ""
	}
	return " " + note
}
