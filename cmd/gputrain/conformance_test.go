package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"gputrain/backend"
	"gputrain/backend/backendtest"
)

func TestConformanceWritesAReport(t *testing.T) {
	t.Chdir(t.TempDir())
	o := gputrain("conformance", "--device", "cpu", "--max-size", "1", "--out", "report.md").want(t, 0)
	if !strings.Contains(o.out, " 0 failed") || o.lastLine() != "report in report.md" {
		t.Errorf("stdout is %q", o.out)
	}
	if !strings.Contains(o.errors, "1/") || !strings.Contains(o.errors, " Fill/1\n") {
		t.Errorf("stderr %q does not show what was done", o.errors)
	}
	report := readFile(t, "report.md")
	for _, want := range []string{
		"# gputrain conformance of cpu: passed\n", "| CPU | ", "| gputrain | ", "| Date | ", "| Largest dimension | 1 |",
		"\n| Gemm | ", "\n| UseAfterClose | ", "\n| Fill/1 | ", " µs/op |",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %q:\n%s", want, report)
		}
	}
	wantFailure(t, exitFailure, []string{"report.md exists already", "--out"},
		"conformance", "--device", "cpu", "--max-size", "1", "--out", "report.md")
}

func TestConformanceReportsGetNamesOfTheirOwn(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	gputrain("conformance", "--device", "cpu", "--max-size", "1", "--only", "Fill").want(t, 0)
	if found, err := filepath.Glob("conformance-2*-cpu.md"); err != nil || len(found) != 1 {
		t.Errorf("reports %q, error %v", found, err)
	}
}

// untanh computes a wrong Tanh.
type untanh struct{ backend.Backend }

func (b untanh) Tanh(y, x backend.Tensor) { b.Backend.Sigmoid(y, x) }

func TestConformanceOfABrokenDeviceFailsAndIsReported(t *testing.T) {
	t.Chdir(t.TempDir())
	broken := device{name: "cpu", open: func() (backend.Backend, error) {
		b, err := openCPU()
		return untanh{b}, err
	}}
	var out, progress bytes.Buffer
	command := conformanceCommand{Out: "report.md", MaxSize: new(1), Only: []string{"Sigmoid", "Tanh"}, Seed: 1}
	err := command.inspect(console{out: &out, err: &progress}, broken)
	if err == nil || !strings.Contains(err.Error(), " checks failed (Tanh") || !strings.HasSuffix(err.Error(), "see report.md") || out.Len() > 0 {
		t.Errorf("error %v, stdout %q", err, out.String())
	}
	report := readFile(t, "report.md")
	for _, want := range []string{"conformance of cpu: FAILED", "\n| Tanh | ", "**FAILED**", "\nTanh/", "| Seed | 1 |"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %q:\n%s", want, report)
		}
	}
}

// The commands in the report of a failure lead to the same failures.
func TestFailuresOfConformanceCanBeRepeated(t *testing.T) {
	t.Chdir(t.TempDir())
	broken := device{name: "cpu", open: func() (backend.Backend, error) {
		b, err := openCPU()
		return untanh{b}, err
	}}
	failures := func(out string, args ...string) (text, commands string) {
		var command conformanceCommand
		parser := kong.Must(&command)
		if _, err := parser.Parse(append(args, "--out", out)); err != nil {
			t.Fatal(err)
		}
		if err := command.inspect(console{out: io.Discard, err: io.Discard}, broken); err == nil {
			t.Fatal("the broken device passes")
		}
		report := readFile(t, out)
		_, text, _ = strings.Cut(report, "\n## Failures\n")
		text, commands, found := strings.Cut(text, "These commands repeat them:\n\n```\n")
		if !found {
			t.Fatalf("no commands in\n%s", report)
		}
		return text, strings.TrimSuffix(commands, "\n```\n")
	}
	all, commands := failures("all.md", "--device", "cpu", "--seed", "3", "--only", "Tanh", "--max-size", "9")
	for i, line := range strings.Split(commands, "\n") {
		if strings.Contains(line, "'") {
			continue // is for a shell
		}
		one, same := failures(fmt.Sprintf("%d.md", i), strings.Fields(line)[2:]...)
		for failure := range strings.Lines(one) {
			if strings.HasPrefix(failure, "Tanh/") && !strings.Contains(all, failure) {
				t.Errorf("%s: another failure %s", line, failure)
			}
		}
		if same != line {
			t.Errorf("the report of %q says %q", line, same)
		}
	}
	wantFailure(t, exitUsage, []string{`--only is "tanh", not one of New, `, `did you mean "Tanh"?`}, "conformance", "--device", "cpu", "--only", "tanh")
	wantFailure(t, exitUsage, []string{"--seed is -1"}, "conformance", "--device", "cpu", "--seed", "-1")
}

// This report is left when a check crashes the machine.
func TestReportTellsWhatWasRunning(t *testing.T) {
	t.Chdir(t.TempDir())
	opened, left := 0, ""
	d := device{name: "cpu", open: func() (backend.Backend, error) {
		if opened++; opened == 3 { // for the command, New and Upload
			left = readFile(t, "report.md")
		}
		return openCPU()
	}}
	command := conformanceCommand{Out: "report.md", MaxSize: new(1), Only: []string{"New", "Upload"}, Seed: 1}
	if err := command.inspect(console{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, d); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"conformance of cpu: not finished", " was running, after ", "\n| New | "} {
		if !strings.Contains(left, want) {
			t.Errorf("the report of an unfinished run has no %q:\n%s", want, left)
		}
	}
}

func TestReportOfAGPUTellsWhatItIsAndWhatCouldNotBeMeasured(t *testing.T) {
	t.Chdir(t.TempDir())
	d, err := findDevice("emulated")
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReport(d, "report.md")
	if err != nil {
		t.Fatal(err)
	}
	r.measured = []measured{
		{"Gemm/8x8x8", []backendtest.Figure{{Value: 1234.5678, Unit: "GFLOP/s"}}, nil},
		{"LSTM/T9", nil, errors.New("out of memory")},
	}
	text := r.text()
	for _, want := range []string{
		"| GPU | emulated H100 |", "| Compute capability | 9.0 |", "| GPU memory | 2.0 GiB |", "| Driver | CUDA 11.8 |",
		"**estimates**", "| Gemm/8x8x8 | 1235 |", "| LSTM/T9 |  |", "\nLSTM/T9: out of memory\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
}

func TestConformanceThatCannotBeDone(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "file", "")
	for _, c := range []struct {
		out  string
		want []string
	}{
		{"no/report.md", []string{"write no/report.md: ", "no such file"}},
		{"file/report.md", []string{"file/report.md: ", "not a directory"}},
	} {
		wantFailure(t, exitFailure, c.want, "conformance", "--device", "cpu", "--out", c.out)
	}
	if err := os.Mkdir("directory", 0o777); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, exitFailure, []string{"directory exists already"}, "conformance", "--device", "cpu", "--out", "directory")
}
