package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// A part is a file of a report.
type part struct{ name, text string }

// order is that of the parts in the document. Others follow.
var order = []string{"summary.txt", "smi.txt", "devices.txt", "products.csv", "explain.txt", "bench.txt", "profile.txt", "conformance.md", "conformance-tf32x3.md", "conformance-tf32.md", "conformance-bf16.md"}

// unpack reads the parts of a report.
func unpack(report string) ([]part, error) {
	f, err := os.Open(report)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s is no report of make gpu-report: %w", report, err)
	}
	var parts []part
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", report, err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", report, header.Name, err)
		}
		if header.Typeflag == tar.TypeReg && len(text) > 0 {
			parts = append(parts, part{path.Base(header.Name), string(text)})
		}
	}
	place := func(p part) int {
		if i := slices.Index(order, p.name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return place(a) - place(b) })
	if len(parts) == 0 || parts[0].name != order[0] {
		return nil, fmt.Errorf("%s is no report of make gpu-report: it has no %s", report, order[0])
	}
	return parts, nil
}

// document returns a report as Markdown: tables as tables, Markdown below its heading,
// all else as it is.
func document(parts []part) string {
	var b strings.Builder
	b.WriteString("# Results from a GPU\n\n<!-- Written by go run ./cuda/gpureport -document, from a report of make gpu-report. -->\n")
	if summary := parts[0].text; strings.Contains(summary, "device emulated") {
		b.WriteString("\nThe device is emulated. No time here is a measurement.\n")
	}
	for _, p := range parts {
		fmt.Fprintf(&b, "\n## %s\n\n", p.name)
		switch path.Ext(p.name) {
		case ".csv":
			b.WriteString(table(p.text))
		case ".md":
			b.WriteString(below(p.text))
		default:
			fmt.Fprintf(&b, "```\n%s\n```\n", strings.TrimRight(p.text, "\n"))
		}
	}
	return b.String()
}

// table returns comma-separated values as a table. A last line that was cut off is left out.
func table(text string) string {
	r := csv.NewReader(strings.NewReader(text))
	var b strings.Builder
	for line := 0; ; line++ {
		cells, err := r.Read()
		if err != nil {
			return b.String()
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if line == 0 {
			b.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
		}
	}
}

// below puts the headings of a text below one of the second level.
func below(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if strings.HasPrefix(line, "#") && !code {
			line = "##" + line
		}
		b.WriteString(line)
	}
	return b.String()
}
