package data

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// sameNumbers compares numbers, and takes NaN for equal to itself.
func sameNumbers(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

var nan = math.NaN()

func TestColumnsAreEncoded(t *testing.T) {
	colors := Encoding{Categories: []string{"blue", "green", "red"}}
	yes := Encoding{Categories: []string{"no", "yes"}}
	for _, c := range []struct {
		name, text string
		o          CSVOptions
		width      int
		x, values  []float64
		note       string
	}{
		{"categories", "c,n\nred,1\nblue,2\n", CSVOptions{Encodings: []Encoding{colors, {}}}, 4, []float64{0, 0, 1, 1, 1, 0, 0, 2}, nil, ""},
		{"two", "c,n\nyes,1\nno,2\n", CSVOptions{Encodings: []Encoding{yes, {}}}, 2, []float64{1, 1, 0, 2}, nil, ""},
		{"codes", "c,n\n7,1\n9,2\n8,3\n", CSVOptions{Encodings: []Encoding{{Categories: []string{"7", "8", "9"}}, {}}}, 4, []float64{1, 0, 0, 1, 0, 0, 1, 2, 0, 1, 0, 3}, nil, ""},
		{"in the order of the model", "n,c\n1,yes\n", CSVOptions{Features: []string{"c", "n"}, Encodings: []Encoding{yes, {}}}, 2, []float64{1, 1}, nil, ""},
		{"missing numbers", "a,b\n1,\nNA,2\n", CSVOptions{Missing: MissingNaN}, 2, []float64{1, nan, nan, 2}, nil, `missing values count as the mean: column "a" (1), column "b" (1)`},
		{"missing categories", "c,d\n?,no\nred,\n", CSVOptions{Missing: MissingNaN, Encodings: []Encoding{colors, yes}}, 4, []float64{nan, nan, nan, 0, 0, 0, 1, nan}, nil, `column "c" (1), column "d" (1)`},
		{"indicators", "a,c\n1,none\n,yes\n", CSVOptions{Missing: MissingNaN, Encodings: []Encoding{{Indicator: true}, {Categories: yes.Categories, Indicator: true}}}, 4,
			[]float64{1, 0, nan, 1, nan, 1, 1, 0}, nil, "mean"},
		{"a category called none", "c,n\nnone,1\nsome,2\n", CSVOptions{Missing: MissingNaN, Encodings: []Encoding{{Categories: []string{"none", "some"}}, {}}}, 2, []float64{0, 1, 1, 2}, nil, ""},
		{"dropped", "a,b,y\n1,2,3\n,4,5\n6,7,\n8,9,10\n", CSVOptions{Targets: []string{"y"}, Missing: MissingDropped}, 2, []float64{1, 2, 8, 9}, []float64{3, 10}, `2 rows are left out, because values are missing: column "a" (1), the target (1)`},
		{"not dropped for a target that is left out", "a,b,y\n1,2,\n", CSVOptions{Targets: []string{"y"}, Unlabelled: true, Missing: MissingDropped}, 2, []float64{1, 2}, nil, ""},
		{"targets", "a,y,z\n1,2,3\n4,5,6\n", CSVOptions{Targets: []string{"z", "y"}}, 1, []float64{1, 4}, []float64{3, 2, 6, 5}, ""},
		{"targets by number", "1,2,3\n4,5,6\n", CSVOptions{Targets: []string{"3", "1"}}, 1, []float64{2, 5}, []float64{3, 1, 6, 4}, ""},
		{"targets with decimal commas", "a;y\n1;2,5\n4;5\n", CSVOptions{Targets: []string{"y"}}, 1, []float64{1, 4}, []float64{2.5, 5}, ""},
		{"columns left out", "id,a,y\nx1,2,3\nx2,4,5\n", CSVOptions{Targets: []string{"y"}, Ignore: []string{"id"}}, 1, []float64{2, 4}, []float64{3, 5}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := ReadCSV(strings.NewReader(c.text), "x.csv", c.o)
			if err != nil {
				t.Fatal(err)
			}
			if table.Width != c.width || !sameNumbers(table.X, c.x) || !sameNumbers(table.Values, c.values) {
				t.Errorf("%d features %v, values %v; want %d %v, %v", table.Width, table.X, table.Values, c.width, c.x, c.values)
			}
			if notes := strings.Join(table.Notes, "; "); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, "missing") {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

func TestColumnsThatCannotBeEncoded(t *testing.T) {
	yes := Encoding{Categories: []string{"no", "yes"}}
	for _, c := range []struct {
		name, text string
		o          CSVOptions
		want       string
	}{
		{"unknown category", "c,n\nyas,1\n", CSVOptions{Encodings: []Encoding{yes, {}}}, `x.csv:2:1: column "c": "yas" is not among the 2 categories that are known, the nearest is "yes"; `},
		{"no category", "c,n\n,1\n", CSVOptions{Encodings: []Encoding{yes, {}}}, `x.csv:2:1: column "c": no value; `},
		{"missing number", "a,b\n1,NA\n", CSVOptions{}, `x.csv:2:2: column "b": "NA" is not a number; `},
		{"every row dropped", "a,b\n1,\n", CSVOptions{Missing: MissingDropped}, "x.csv: every row lacks a value, so none is left; "},
		{"another number of columns", "1,2\n", CSVOptions{Encodings: []Encoding{yes}}, "x.csv: 2 columns for features, but 1 are known"},
		{"a target without value", "a,y\n1,\n", CSVOptions{Targets: []string{"y"}, Missing: MissingNaN}, `x.csv:2:2: column "y": no value; `},
		{"a target twice", "a,y\n1,2\n", CSVOptions{Targets: []string{"y", "2"}}, "x.csv:1: column 2 is the target twice"},
		{"a target that is not there", "a,y,z\n1,2,3\n", CSVOptions{Targets: []string{"y", "zz"}}, `x.csv:1: the first line names no column "zz", the nearest is "z"; `},
		{"the target left out", "a,y\n1,2\n", CSVOptions{Targets: []string{"y"}, Ignore: []string{"y"}}, `x.csv:1: column "y" cannot be left out: it is the target`},
		{"a column left out that is not there", "a,y\n1,2\n", CSVOptions{Targets: []string{"y"}, Ignore: []string{"b"}}, `x.csv:1: no column "b" to leave out`},
		{"all columns left out", "a,y\n1,2\n", CSVOptions{Targets: []string{"y"}, Ignore: []string{"a"}}, "x.csv:1: no column is left for a feature"},
		{"a column left out without header", "1,2\n", CSVOptions{Ignore: []string{"a"}}, `x.csv:1: no header names the column "a" to leave out; `},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(c.text), "x.csv", c.o)
			wantError(t, err, c.want)
		})
	}
}

// Missing values become the mean, which is 0; categories keep their size.
func TestEncodedTablesAreScaled(t *testing.T) {
	table := &Table{
		Name: "x.csv", Features: []string{"n", "c", "d"}, Width: 6, Targets: []string{"y"},
		Encodings: []Encoding{{Indicator: true}, {Categories: []string{"a", "b", "c"}}, {Categories: []string{"no", "yes"}}},
		X: []float64{
			1, 0, 1, 0, 0, 1,
			nan, 1, 0, 1, 0, 0,
			3, 0, nan, nan, nan, 0,
			2, 0, 0, 1, 0, nan,
		},
		Values: []float64{10, 20, 30, 40},
	}
	s := table.Standardize()
	third, root := 1./3, math.Sqrt(1.5)
	for j, want := range []float64{root, 1, 1, 1, 0, 1} {
		if math.Abs(s.Factor[j]-want) > 1e-12 {
			t.Errorf("factor %d is %v, want %v", j, s.Factor[j], want)
		}
	}
	set, err := table.Regression(s, table.StandardizeTargets())
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{
		-root, -0.25, 1 - third, -2 * third, 0, 1 - third,
		0, 0.75, -third, third, 0, -third,
		root, -0.25, 0, 0, 0, -third,
		0, -0.25, -third, third, 0, 0,
	}
	for i := range want {
		if math.Abs(float64(set.X[i])-want[i]) > 1e-6 {
			t.Errorf("X[%d] = %v, want %v", i, set.X[i], want[i])
		}
	}
	for i, want := range []float64{-1.5, -0.5, 0.5, 1.5} {
		if got := float64(set.Targets[i]) * math.Sqrt(1.25); math.Abs(got-want) > 1e-6 {
			t.Errorf("target %d is %v, want %v", i, got, want)
		}
		if back := table.StandardizeTargets().Restore(0, float64(set.Targets[i])); math.Abs(back-table.Values[i]) > 1e-5 {
			t.Errorf("target %d comes back as %v", i, back)
		}
	}
	for j, want := range []string{`column "n"`, `column "n", whether it is missing`, `column "c", category "a"`, `column "c", category "b"`, `column "c", category "c"`, `column "d"`} {
		if got := table.column(j); got != want {
			t.Errorf("feature %d is %s, want %s", j, got, want)
		}
	}
	parts := table.Split(1, 0.5, 0.5)
	for i, part := range parts {
		if part.Len() != 2 || len(part.Values) != 2 || (part.Values[0]-10)/10 != float64(slices.IndexFunc([]int{0, 1, 2, 3}, func(row int) bool {
			return sameNumbers(table.X[6*row:6*row+6], part.X[:6])
		})) {
			t.Errorf("part %d has rows of others: %v %v", i, part.X, part.Values)
		}
	}
}

func TestInspection(t *testing.T) {
	i, err := InspectCSVFrom(strings.NewReader("id;n;c;flag;y\nx1;1,5;red;yes;3\nx2;;blue;no;4\nx3;NA;red;yes;5\nx4;-2;7;no;6\n"), "x.csv", CSVOptions{Targets: []string{"y"}})
	if err != nil {
		t.Fatal(err)
	}
	if i.Rows != 4 || !i.Header || !slices.Equal(i.Targets, []int{4}) || len(i.Notes) != 2 {
		t.Errorf("%+v", i)
	}
	n := i.Columns[1]
	if n.Name != "n" || n.Missing != 2 || n.Numbers != 2 || n.Texts != 0 || n.Min != -2 || n.Max != 1.5 || n.Mean != -0.25 || n.Whole || n.FirstMissing != (Place{3, ""}) {
		t.Errorf("numbers: %+v", n)
	}
	c := i.Columns[2]
	if c.Texts != 3 || c.Numbers != 1 || c.FirstText != (Place{2, "red"}) || c.Counts["red"] != 2 || !slices.Equal(c.Values(), []string{"7", "blue", "red"}) {
		t.Errorf("mixed: %+v", c)
	}
	if flag := i.Columns[3]; flag.Numbers != 0 || !slices.Equal(flag.Values(), []string{"no", "yes"}) || !math.IsNaN(flag.Mean) {
		t.Errorf("flags: %+v", flag)
	}
	if y := i.Columns[4]; !y.Whole || !slices.Equal(y.Values(), []string{"3", "4", "5", "6"}) {
		t.Errorf("target: %+v", y)
	}

	var many strings.Builder
	for k := range MostCounted + 1 {
		many.WriteString(strings.Repeat("1", 1+k%3) + "." + strings.Repeat("2", k) + ",1\n")
	}
	if i, err = InspectCSVFrom(strings.NewReader(many.String()), "x.csv", CSVOptions{}); err != nil {
		t.Fatal(err)
	}
	if c := i.Columns[0]; c.Counts != nil || c.Values() != nil || c.Numbers != MostCounted+1 || i.Header {
		t.Errorf("more values than are counted: %d of %d rows", len(c.Counts), i.Rows)
	}
}

// What can be inspected can be read, or the error says where it cannot.
func FuzzInspectCSV(f *testing.F) {
	f.Add([]byte("a,b,y\n1,red,2\n,blue,NA\n3,?,4\n"), "y")
	f.Add([]byte("a;b\n1,5;x\n2;y\n"), "2")
	f.Add([]byte("1,2\n3,4\n"), "1")
	f.Add([]byte("a,a\n1,2\n"), "")
	f.Add([]byte("c,y\n\"none\",1\n\"\",2\n"), "y")
	f.Fuzz(func(t *testing.T, content []byte, target string) {
		o := CSVOptions{}
		if target != "" {
			o.Targets = []string{target}
		}
		i, err := InspectCSVFrom(bytes.NewReader(content), "x.csv", o)
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "x.csv:") {
				t.Errorf("error %q", text)
			}
			return
		}
		o.Missing = MissingNaN
		for column, c := range i.Columns {
			if c.Missing+c.Numbers+c.Texts != i.Rows {
				t.Errorf("column %d: %d + %d + %d values in %d rows", column, c.Missing, c.Numbers, c.Texts, i.Rows)
			}
			if slices.Contains(i.Targets, column) {
				continue
			}
			var e Encoding
			if c.Numbers == 0 && c.Texts > 0 {
				e.Categories = c.Values()
			}
			e.Indicator = c.Missing > 0
			o.Encodings = append(o.Encodings, e)
		}
		table, err := ReadCSV(bytes.NewReader(content), "x.csv", o)
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "x.csv:") {
				t.Errorf("error %q", text)
			}
			return
		}
		set, err := table.Dataset(Range(0, 1))
		if err != nil {
			t.Fatal(err)
		}
		checkDataset(t, set)
		if table.Len() != i.Rows || len(table.Values) != i.Rows*len(o.Targets) {
			t.Errorf("%d rows with %d values, inspected %d", table.Len(), len(table.Values), i.Rows)
		}
	})
}
