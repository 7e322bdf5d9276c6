package main

import (
	"strings"
	"testing"
)

func TestTablesAreAligned(t *testing.T) {
	got := formatTable(1, []string{"kernel", "time\nµs", "by"}, [][]string{{"fill", "1.5", "x"}, {"µ", "10.25", ""}})
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

func TestSignificantDigits(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0123456: "0.01235", 1.5: "1.500", 123.456: "123.5", 9999.6: "10000", 1234567: "1234567"} {
		if got := significant(x); got != want {
			t.Errorf("%v: got %s, want %s", x, got, want)
		}
	}
}
