package data

import (
	"bytes"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"testing"
)

// allow makes this process one that may use so many bytes.
func allow(t *testing.T, bytes int64) {
	t.Helper()
	t.Setenv("GOMEMLIMIT", fmt.Sprint(bytes))
	before := debug.SetMemoryLimit(bytes)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
}

// repeated is a file that says the same many times.
type repeated struct {
	text  string
	times int // −1: without end
	left  string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == "" {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times--
		r.left = r.text
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// packed compresses all of r.
func packed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return compressed(t, content)
}

func TestReadersKeepToTheMemoryThereIs(t *testing.T) {
	rows := strings.Repeat("1,2\n", 1<<12)
	table := packed(t, &repeated{text: rows, times: 1 << 8})
	images := packed(t, io.MultiReader(bytes.NewReader(idx(nil, 1<<12, 32, 32)), &repeated{text: strings.Repeat("\x00", 1<<12), times: 1 << 10}))
	labels := idx(make([]byte, 1<<12), 1<<12)
	var names strings.Builder // of classes, all different
	for i := range 1 << 18 {
		fmt.Fprintf(&names, "1,%d\n", i)
	}
	text := func(r io.Reader, units TextUnits) error {
		_, err := ReadText(r, "x", TextOptions{Units: units})
		return err
	}
	csv := func(r io.Reader, target string) error {
		_, err := ReadCSV(r, "x", CSVOptions{Target: target})
		return err
	}
	for _, c := range []struct {
		name, place string
		read        func() error
	}{
		{"a table that unpacks to a large one", "x:", func() error { return csv(bytes.NewReader(table), "") }},
		{"its labels", "x:", func() error { return csv(bytes.NewReader(table), "2") }},
		{"a pipe without end", "x:", func() error { return csv(&repeated{text: rows, times: -1}, "") }},
		{"a class per row", "x:", func() error { return csv(strings.NewReader(names.String()), "2") }},
		{"text that unpacks to a long one", "x:", func() error { return text(bytes.NewReader(table), Characters) }},
		{"bytes", "x: byte ", func() error { return text(bytes.NewReader(table), Bytes) }},
		{"a word per line", "x:", func() error { return text(strings.NewReader(names.String()), Words) }},
		{"images that unpack to many", "x: byte ", func() error {
			_, err := readIDXSet(idxFile{"x", bytes.NewReader(images)}, idxFile{"labels", bytes.NewReader(labels)}, nil)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name != "a pipe without end" {
				if err := c.read(); err != nil {
					t.Fatalf("with all the memory of the machine: %v", err)
				}
			}
			allow(t, 40<<20)
			err := c.read()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{c.place, "the values up to here need more than ", " MiB, which is what is left of 40 MiB (GOMEMLIMIT); take less of them"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestBlankLinesWithoutEndAreAnError(t *testing.T) {
	for _, line := range []string{"\n", " \n", "\r\n"} {
		_, err := ReadCSV(&repeated{text: strings.Repeat(line, 1<<10), times: -1}, "x", CSVOptions{})
		if err == nil || !strings.Contains(err.Error(), "8 MiB") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// A count that is too large for an int64 is too large for the memory.
func TestBoundCountsWithoutOverflow(t *testing.T) {
	allow(t, 1<<30)
	b := new(bound)
	for range 3 {
		if err := b.take(1<<62, 24); err == nil {
			t.Fatal("no error")
		}
	}
}
