package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gputrain/backend/backendtest"
	"gputrain/cuda/emulator"
	"gputrain/internal/atomicfile"
)

// conformanceReport is the conformance of a device, as a file in Markdown.
type conformanceReport struct {
	path       string
	device     string
	facts      [][2]string // of device, machine and program
	math       string
	maxSize    int      // 0 means any
	only       []string // checks and cases; nil means all
	seed       uint64
	benchmarks bool

	running  string // what runs now; "" at the end
	results  []backendtest.Result
	measured []measured
}

// measured is the outcome of a measurement.
type measured struct {
	name    string
	figures []backendtest.Figure
	err     error
}

// newReport returns the report on d, to be written to out; "" means a name made
// of the time and the device. It refuses to overwrite a file.
func newReport(d device, out string) (*conformanceReport, error) {
	now := time.Now()
	if out == "" {
		out = fmt.Sprintf("conformance-%s-%s.md", timestamp(now), strings.ReplaceAll(d.name, ":", ""))
	}
	if err := checkAbsent("out", out); err != nil {
		return nil, err
	}
	r := &conformanceReport{path: out, device: d.name}
	version, err := versionText()
	if err != nil {
		return nil, err
	}
	if d.facts != nil {
		if r.facts, err = d.facts(); err != nil {
			return nil, err
		}
	}
	r.facts = append(r.facts, [][2]string{
		{"CPU", describeCPU()},
		{"gputrain", version},
		{"Date", now.UTC().Format(time.RFC3339)},
	}...)
	return r, nil
}

// failed returns the names of the checks that failed.
func (r *conformanceReport) failed() []string {
	var names []string
	for _, result := range r.results {
		if len(result.Failures) > 0 {
			names = append(names, result.Name)
		}
	}
	return names
}

// summary sums up the checks in a line.
func (r *conformanceReport) summary() string {
	skipped, cases := 0, 0
	var worst backendtest.Result
	for _, result := range r.results {
		cases += result.Cases
		if result.Skipped != "" {
			skipped++
		}
		if result.Worst > worst.Worst {
			worst = result
		}
	}
	failed := len(r.failed())
	text := fmt.Sprintf("%d checks with %d cases: %d passed, %d skipped, %d failed",
		len(r.results), cases, len(r.results)-skipped-failed, skipped, failed)
	if worst.Name != "" {
		text += fmt.Sprintf("; largest error %.2g of its tolerance, in %s", worst.Worst, worst.Name)
	}
	return text
}

func (r *conformanceReport) write() error {
	return atomicfile.Write(r.path, func(w io.Writer) error {
		_, err := io.WriteString(w, r.text())
		return err
	})
}

func (r *conformanceReport) text() string {
	var text strings.Builder
	outcome := "passed"
	switch {
	case r.running != "":
		outcome = "not finished"
	case len(r.failed()) > 0:
		outcome = "FAILED"
	}
	fmt.Fprintf(&text, "# gputrain conformance of %s: %s\n\n", r.device, outcome)
	if r.running != "" {
		fmt.Fprintf(&text, "This run did not finish, or is still going on: %s.\n\n", r.running)
	}
	facts := slices.Clone(r.facts)
	if r.maxSize > 0 {
		facts = append(facts, [2]string{"Largest dimension", strconv.Itoa(r.maxSize)})
	}
	if r.math != float32Math {
		product, _ := mathError(r.math, r.device)
		facts = append(facts, [2]string{"Math", fmt.Sprintf("%s, products of two numbers may be off by %.2g", r.math, product)})
	}
	facts = append(facts, [2]string{"Seed", strconv.FormatUint(r.seed, 10)})
	if r.only != nil {
		facts = append(facts, [2]string{"Only", strings.Join(r.only, "; ")})
	}
	markdownRow(&text, "", "")
	markdownRow(&text, "---", "---")
	for _, fact := range facts {
		markdownRow(&text, fact[0], fact[1])
	}
	fmt.Fprintf(&text, "\n## Checks\n\n%s.\n\n", r.summary())
	r.writeResults(&text)
	r.writeMeasured(&text)
	return text.String()
}

func (r *conformanceReport) writeResults(text *strings.Builder) {
	markdownRow(text, "check", "cases", "largest error / tolerance", "result")
	markdownRow(text, "---", "--:", "--:", "---")
	var failures, again []string
	for _, result := range r.results {
		outcome := "passed"
		switch {
		case len(result.Failures) > 0:
			outcome = "**FAILED**"
			failures = append(failures, result.Failures...)
			for _, name := range result.Failed {
				again = append(again, r.repeat(name))
			}
		case result.Skipped != "":
			outcome = "skipped: " + result.Skipped
		}
		markdownRow(text, result.Name, strconv.Itoa(result.Cases), strconv.FormatFloat(result.Worst, 'g', 2, 64), outcome)
	}
	if len(failures) > 0 {
		fmt.Fprintf(text, "\n## Failures\n\nEach check stops after its first few failures.\n\n```\n%s\n```\n\nThese commands repeat them:\n\n```\n%s\n```\n",
			strings.Join(failures, "\n"), strings.Join(again, "\n"))
	}
}

// repeat returns the command that runs a case again.
func (r *conformanceReport) repeat(name string) string {
	words := []string{"gputrain", "conformance", "--device", r.device, "--seed", strconv.FormatUint(r.seed, 10), "--only", name}
	if r.math != float32Math {
		words = append(words, "--math", r.math)
	}
	if r.maxSize > 0 {
		words = append(words, "--max-size", strconv.Itoa(r.maxSize))
	}
	return commandLine(words...)
}

func (r *conformanceReport) writeMeasured(text *strings.Builder) {
	if len(r.measured) == 0 {
		return
	}
	text.WriteString("\n## Measurements\n\n")
	if r.device == "emulated" {
		text.WriteString("These are **estimates** (roofline from datasheet rates), not measurements. They assume:\n\n")
		for _, assumption := range emulator.DefaultGPU().Assumptions() {
			text.WriteString("- " + assumption + "\n")
		}
		text.WriteString("\n")
	}
	var units, failures []string
	for _, m := range r.measured {
		if m.err != nil {
			failures = append(failures, fmt.Sprintf("%s: %v", m.name, m.err))
		}
		for _, f := range m.figures {
			if !slices.Contains(units, f.Unit) {
				units = append(units, f.Unit)
			}
		}
	}
	markdownRow(text, append([]string{"measurement"}, units...)...)
	markdownRow(text, append([]string{"---"}, slices.Repeat([]string{"--:"}, len(units))...)...)
	for _, m := range r.measured {
		row := append([]string{m.name}, make([]string, len(units))...)
		for _, f := range m.figures {
			row[1+slices.Index(units, f.Unit)] = significant(f.Value)
		}
		markdownRow(text, row...)
	}
	if len(failures) > 0 {
		fmt.Fprintf(text, "\nThese measurements failed:\n\n```\n%s\n```\n", strings.Join(failures, "\n"))
	}
}
