package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

func TestTablesAreAligned(t *testing.T) {
	got := formatTable(0, 1, []string{"kernel", "time\nµs", "by"}, [][]string{{"fill", "1.5", "x"}, {"µ", "10.25", ""}})
	want := strings.Join([]string{
		"         time",
		"kernel     µs  by",
		"fill      1.5   x",
		"µ       10.25",
		"",
	}, "\n")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Each table has names of several kinds, which may wrap, and figures, which may
// not.
func TestTablesFitTheTerminalAndKeepTheirFigures(t *testing.T) {
	skipUnderRace(t)
	names := []string{"fill", "softmax_cross_entropy", "a class whose name is a sentence", strings.Repeat("x", 50), "日本語の名前", "e\u0301te\u0301", ""}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(1, seed))
		left, columns := 1+random.IntN(2), 3+random.IntN(12)
		var header []string
		for i := range columns {
			header = append(header, []string{fmt.Sprintf("h%d", i), "per\nthread", "a header of many words"}[random.IntN(3)])
		}
		var rows [][]string
		var figures []string
		for r := range 1 + random.IntN(5) {
			row := []string{}
			for i := range columns {
				if i < left {
					row = append(row, names[random.IntN(len(names))])
					continue
				}
				figure := fmt.Sprintf("%d.%0*d", r, 1+random.IntN(12), i)
				row, figures = append(row, figure), append(figures, figure)
			}
			rows = append(rows, row)
		}
		for _, width := range []int{20, 40, 80} {
			table := formatTable(width, left, header, rows)
			for line := range strings.Lines(table) {
				if line = strings.TrimSuffix(line, "\n"); text.StringWidth(line) > width || strings.HasSuffix(line, " ") {
					t.Fatalf("seed %d: line %q of\n%s\nis wider than %d columns, or ends with a space", seed, line, table, width)
				}
			}
			shown := map[string]int{}
			for _, word := range strings.Fields(table) {
				shown[word]++
			}
			for _, figure := range figures {
				if shown[figure]--; shown[figure] < 0 {
					t.Fatalf("seed %d: %s is not whole in the table for %d columns:\n%s", seed, figure, width, table)
				}
			}
		}
	}
}

func TestTablesWrapTextAndSplitColumns(t *testing.T) {
	header := []string{"stage", "path", "times", "bytes"}
	rows := [][]string{{"lstm", "whole sequence, fused", "12", "123456789"}, {"日本", "none", "3", "4"}}
	for width, want := range map[int]string{
		80: `
stage  path                   times      bytes
lstm   whole sequence, fused     12  123456789
日本   none                       3          4
`, 35: `
stage  path        times      bytes
lstm   whole          12  123456789
       sequence,
       fused
日本   none            3          4
`, 22: `
stage  path
lstm   whole sequence,
       fused
日本   none

stage  times
lstm      12
日本       3

stage      bytes
lstm   123456789
日本           4
`} {
		if got := "\n" + formatTable(width, 2, header, rows); got != want {
			t.Errorf("%d columns: got %s, want %s", width, got, want)
		}
	}
}

func TestTablesShowNoControlCharacters(t *testing.T) {
	if got, want := formatTable(0, 1, nil, [][]string{{"a\x1b[1m", "2"}, {"b", "3"}}), "a\\x1b[1m  2\nb         3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSignificantDigits(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0123456: "0.01235", 1.5: "1.500", 123.456: "123.5", 9999.6: "10000", 1234567: "1234567"} {
		if got := significant(x); got != want {
			t.Errorf("%v: got %s, want %s", x, got, want)
		}
	}
}
