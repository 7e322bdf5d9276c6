package data

import (
	"slices"
	"strings"
	"testing"
)

// A label that reads like NaN is a word among words. Among numbers it is a number
// that is missing.
func TestLabelsThatReadLikeNaN(t *testing.T) {
	for _, c := range []struct {
		name, text string
		known      []string
		classes    []string
		want       string // the error; "" is none
	}{
		{"among words", "a,k\n1,yes\n2,nan\n3,NaN\n", nil, []string{"NaN", "nan", "yes"}, ""},
		{"infinite among words", "a,k\n1,Infinity\n2,zero\n3,1\n", nil, []string{"1", "Infinity", "zero"}, ""},
		{"among numbers", "a,k\n1,0\n2,1\n3,NaN\n4,nan\n", nil, nil, `x.csv:4:2: column "k": "NaN" is no class among numbers; `},
		{"infinite among numbers", "a,k\n1,-inf\n2,1\n", nil, nil, `x.csv:2:2: column "k": "-inf" is no class among numbers; `},
		{"too large for a number", "a,k\n1,1e999\n2,1\n", nil, nil, `x.csv:2:2: column "k": "1e999" is no class among numbers; `},
		{"known", "a,k\n1,nan\n2,yes\n", []string{"nan", "yes"}, []string{"nan", "yes"}, ""},
		{"not known", "a,k\n1,nan\n", []string{"0", "1"}, nil, `x.csv:2:2: column "k": label "nan" is not among the 2 known classes; `},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := ReadCSV(strings.NewReader(c.text), "x.csv", CSVOptions{Target: "k", Classes: c.known})
			if c.want != "" {
				wantError(t, err, c.want)
				return
			}
			if err != nil || !slices.Equal(table.Classes, c.classes) {
				t.Errorf("classes %q, want %q; error %v", table.Classes, c.classes, err)
			}
		})
	}
}
