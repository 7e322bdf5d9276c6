package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestReadCSVTakesTheFeaturesOfAModel(t *testing.T) {
	reordered := "the columns are found by name: their order is not that of the model"
	tests := []struct {
		name, text, target string
		features           []string
		x                  []float64
		notes              []string
	}{
		{"same order", "a,b\n1,2\n", "", []string{"a", "b"}, []float64{1, 2}, nil},
		{"other order", "b,a\n2,1\n", "", []string{"a", "b"}, []float64{1, 2}, []string{reordered}},
		{"target between", "b,y,a\n2,r,1\n", "y", []string{"a", "b"}, []float64{1, 2}, []string{reordered}},
		{"target there, and not asked for", "a,b,y\n1,2,r\n", "", []string{"a", "b"}, []float64{1, 2}, []string{`not used: "y"`}},
		{"extra columns of anything", "id,a,,b,note\nx,1,,2,\ny,3,z,4,NaN\n", "", []string{"a", "b"}, []float64{1, 2, 3, 4}, []string{`not used: "id", "", "note"`}},
		{"extra columns of one name", "a,x,x,b\n1,8,9,2\n", "", []string{"a", "b"}, []float64{1, 2}, []string{`not used: "x", "x"`}},
		{"many extra columns", "a,b,1,2,3,4,5,6,7\n1,2,,,,,,,\n", "", []string{"a", "b"}, []float64{1, 2}, []string{`not used: "1", "2", "3", "4", "5" and 2 more`}},
		{"spaces, quotes and a mark", "\ufeff\" b \", a \r\n2,1\r\n", "", []string{"a", "b"}, []float64{1, 2}, []string{reordered}},
		{"the same letters composed otherwise", "e\u0301,b\n1,2\n", "", []string{"\u00e9", "b"}, []float64{1, 2}, nil},
		{"names that are numbers", "2,1\n20,10\n", "", []string{"1", "2"}, []float64{10, 20}, []string{reordered}},
		{"names that are numbers, and a target", "2,1,0\n20,10,5\n", "0", []string{"1", "2"}, []float64{10, 20}, []string{reordered}},
		{"an empty name", "a,\n1,2\n", "", []string{"", "a"}, []float64{2, 1}, []string{reordered}},
		{"no header", "1,2\n3,4\n", "", []string{"a", "b"}, []float64{1, 2, 3, 4}, []string{`no header: the columns are taken by position for "a", "b"`}},
		{"no header, target", "1,r,2\n3,s,4\n", "2", []string{"a", "b"}, []float64{1, 2, 3, 4}, []string{`no header: the columns are taken by position for "a", "b"`}},
		{"one line and no header, target", "1,2,r\n", "3", []string{"a", "b"}, []float64{1, 2}, []string{`no header: the columns are taken by position for "a", "b"`}},
		{"header, model without names", "b,a\n1,2\n", "", nil, []float64{1, 2}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target, Features: test.features})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(table.X, test.x) || !slices.Equal(table.Notes, test.notes) || len(table.Warnings) > 0 {
				t.Errorf("X = %v, notes %q, warnings %q; want %v, %q", table.X, table.Notes, table.Warnings, test.x, test.notes)
			}
		})
	}
}

// For predictions, the target may be absent, or hold anything.
func TestReadCSVLeavesTheTargetOut(t *testing.T) {
	for _, test := range []struct {
		text, target string
		features     []string
	}{
		{"a,y,b\n1,,2\n3,x\x1b,4\n", "y", []string{"a", "b"}},
		{"1,,2\n3,NaN,4\n", "2", []string{"a", "b"}},
		{"1,?,2\n3,,4\n", "2", nil},
	} {
		table, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target, Features: test.features, Unlabelled: true})
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if !slices.Equal(table.X, []float64{1, 2, 3, 4}) || table.Labels != nil || table.Classes != nil {
			t.Errorf("%q: X = %v, labels %v of %q", test.text, table.X, table.Labels, table.Classes)
		}
	}
}

func TestReadCSVNamesTheFeaturesThatItLacks(t *testing.T) {
	tests := []struct {
		name, text, target string
		features           []string
		want               string
	}{
		{"one", "a,c\n1,2\n", "", []string{"a", "b"}, `x.csv:1: no column "b"; the model takes them by these names`},
		{"another case", "Length,width\n1,2\n", "", []string{"length", "width"}, `no column "length", the nearest is "Length"; `},
		{"an invisible letter", "length\u200b,width\n1,2\n", "", []string{"length", "width"}, `no column "length", the nearest is "length\u200b"; `},
		{"several", "lenght,x\n1,2\n", "", []string{"length", "width"}, `no columns "length", "width", the nearest to "length" is "lenght"; `},
		{"many", "x\n1\n", "", strings.Split("a b c d e f g", " "), `no columns "a", "b", "c", "d", "e" and 2 more; `},
		{"the target", "a,b\n1,2\n", "b", []string{"a", "b"}, `x.csv:1: column "b" cannot be the target: `},
		{"two of one name", "a,b,a\n1,2,3\n", "", []string{"a", "b"}, `x.csv:1: columns 1 and 3 are both called "a", and the model takes one; `},
		{"two of one name, to learn from", "a,b,a,y\n1,2,3,r\n", "y", nil, `x.csv:1: columns 1 and 3 are both called "a"; rename one`},
		{"two of one name but for spaces", "a, a,y\n1,2,r\n", "y", nil, `x.csv:1: columns 1 and 2 are both called "a"; `},
		{"data that look like a header", "1,2,r\n3,4,s\n", "", []string{"a", "b"}, `x.csv:1: no header that names "a", "b", but "r" is no number; if it is the class, give the number of its column as the target`},
		{"no header and too few", "1\n3\n", "", []string{"a", "b"}, `x.csv:1: no header, and the number of columns is 1 where the model takes 2: "a", "b"`},
		{"no header and one too many", "1,2,3\n", "", []string{"a", "b"}, `x.csv:1: no header, and the number of columns is 3 where the model takes 2: "a", "b"; if one column is the class, name it as the target`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target, Features: test.features})
			wantError(t, err, test.want)
		})
	}
}

func TestReadCSVWarnsOfDoubtfulHeaders(t *testing.T) {
	for _, test := range []struct{ name, text, target, want string }{
		{"a missing value in the first line of data", "5.1,?,setosa\n4.9,3,setosa\n", "3", `the first line is read as a header, with "5.1" among its names`},
		{"an index without a name", ",a,y\n0,1,r\n", "y", "column 1 has no name; remove it if it only numbers the rows"},
		{"columns numbered from 0", "0,1,2\n5,6,7\n", "3", "no header: the first line is 0,1,2... and counts as data"},
		{"columns numbered from 1", "1,2,3\n5,6,7\n", "3", "no header: the first line is 1,2,3... and counts as data"},
	} {
		table, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if len(table.Warnings) != 1 || !strings.HasPrefix(table.Warnings[0], test.want) {
			t.Errorf("%s: warnings %q, want %q", test.name, table.Warnings, test.want)
		}
	}
}

// Whatever the order of the columns in the file, and whatever else is there, the
// model gets what it learned from.
func TestReadCSVGivesTheSameTableInAnyOrderOfColumns(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(1, seed))
		features, others := 1+rng.IntN(6), rng.IntN(4)
		var names []string
		for i := range features + others {
			names = append(names, []string{"x%d", "%d", "größe %d", "a, \"%d\""}[rng.IntN(4)])
			names[i] = fmt.Sprintf(names[i], 10*seed+uint64(i))
		}
		names = append(names, "class")
		rows := make([][]string, 3)
		for r := range rows {
			for range features + others {
				rows[r] = append(rows[r], fmt.Sprint(rng.NormFloat64()))
			}
			rows[r] = append(rows[r], []string{"r", "s"}[rng.IntN(2)])
		}
		write := func(order []int) string {
			var text strings.Builder
			for _, fields := range append([][]string{names}, rows...) {
				for i, column := range order {
					if i > 0 {
						text.WriteByte(',')
					}
					text.WriteString(`"` + strings.ReplaceAll(fields[column], `"`, `""`) + `"`)
				}
				text.WriteByte('\n')
			}
			return text.String()
		}
		learned := make([]int, features)
		for i := range learned {
			learned[i] = i
		}
		want, err := ReadCSV(strings.NewReader(write(append(learned, len(names)-1))), "x.csv", CSVOptions{Target: "class"})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		text := write(rng.Perm(len(names)))
		got, err := ReadCSV(strings.NewReader(text), "x.csv", CSVOptions{Target: want.Target, Features: want.Features, Classes: want.Classes})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if !slices.Equal(got.X, want.X) || !slices.Equal(got.Labels, want.Labels) || !slices.Equal(got.Features, want.Features) {
			t.Errorf("seed %d: %+v, want %+v\n%s", seed, got, want, text)
		}
	}
}
