package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCategoriesBecomeIDs(t *testing.T) {
	cities := []string{"Graz", "Oslo", "Rome"}
	embedded := Encoding{Categories: cities, Embedding: 4}
	for _, c := range []struct {
		name, text string
		o          CSVOptions
		width      int
		x          []float64
		note, err  string
	}{
		{"ids", "a,city\n1,Rome\n2, Graz \n", CSVOptions{Encodings: []Encoding{{}, embedded}}, 2, []float64{1, 3, 2, 1}, "", ""},
		{"unknown", "a,city\n1,Rom\n2,Oslo\n", CSVOptions{Encodings: []Encoding{{}, embedded}}, 2, []float64{1, 0, 2, 2}, `missing and unknown categories share a vector: column "city" (1)`, ""},
		{"missing", "a,city\n1,\n2,Rom\n3,NA\n", CSVOptions{Missing: MissingNaN, Encodings: []Encoding{{}, embedded}}, 2, []float64{1, 0, 2, 0, 3, 0}, `share a vector: column "city" (3)`, ""},
		{"indicator", "a,city\n1,?\n2,Graz\n", CSVOptions{Missing: MissingNaN, Encodings: []Encoding{{}, {Categories: cities, Embedding: 1, Indicator: true}}}, 3, []float64{1, 0, 1, 2, 1, 0}, `column "city" (1)`, ""},
		{"dropped", "a,city\n1,\n2,Rom\n", CSVOptions{Missing: MissingDropped, Encodings: []Encoding{{}, embedded}}, 2, []float64{2, 0}, `share a vector: column "city" (1)`, ""},
		{"two", "a,b\n1,x\n2,y\n", CSVOptions{Encodings: []Encoding{{}, {Categories: []string{"x", "y"}, Embedding: 1}}}, 2, []float64{1, 1, 2, 2}, "", ""},
		{"empty", "a,city\n1,\n", CSVOptions{Encodings: []Encoding{{}, embedded}}, 0, nil, "", `x.csv:2:2: column "city": no value; `},
	} {
		table, err := ReadCSV(strings.NewReader(c.text), "x.csv", c.o)
		if c.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || table.Width != c.width || !slices.Equal(table.X, c.x) {
			t.Errorf("%s: %v, %+v; want %v", c.name, err, table, c.x)
			continue
		}
		if notes := strings.Join(table.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: notes %q, want %q", c.name, notes, c.note)
		}
		if s := table.Standardize(); s.Shift[1] != 0 || s.Factor[1] != 1 {
			t.Errorf("%s: ids are scaled by %v", c.name, s)
		}
	}
}

func TestRareCategoriesAreUnknown(t *testing.T) {
	text := "a,city,b\n"
	for i, city := range []string{"Rome", "Graz", "Oslo", "Rome", "Bern", "Oslo", "Rome", "Graz", "Bern"} {
		text += fmt.Sprintf("%d,%s,0\n", i, city)
	}
	cities := []string{"Bern", "Graz", "Oslo", "Rome"}
	table, err := ReadCSV(strings.NewReader(text), "x.csv", CSVOptions{Encodings: []Encoding{{}, {Categories: cities, Embedding: 2}, {}}})
	if err != nil {
		t.Fatal(err)
	}
	train, rest := table.part([]int{0, 1, 2, 3, 4, 5}), table.part([]int{6, 7, 8})
	if left := train.LeaveOutRare(2, rest); !slices.Equal(left, []int{0, 2, 0}) {
		t.Errorf("%v were left out, want Bern and Graz, which the training set has once", left)
	}
	if want := []string{"Oslo", "Rome"}; !slices.Equal(train.Encodings[1].Categories, want) || !slices.Equal(rest.Encodings[1].Categories, want) || !slices.Equal(table.Encodings[1].Categories, cities) {
		t.Errorf("categories %v and %v, want %v; those of the whole table are %v", train.Encodings[1], rest.Encodings[1], want, table.Encodings[1])
	}
	ids := func(t *Table) (ids []float64) {
		for i := 1; i < len(t.X); i += 3 {
			ids = append(ids, t.X[i])
		}
		return ids
	}
	if got, others := ids(train), ids(rest); !slices.Equal(got, []float64{2, 0, 1, 2, 0, 1}) || !slices.Equal(others, []float64{2, 0, 0}) {
		t.Errorf("ids %v and %v", got, others)
	}
}

func TestNamedColumnsAreCountedFurther(t *testing.T) {
	var text strings.Builder
	text.WriteString("user,item,y\n")
	for i := range MostCounted + 1 {
		fmt.Fprintf(&text, "u%d,i%d,1\n", i, i)
	}
	i, err := InspectCSVFrom(strings.NewReader(text.String()), "x.csv", CSVOptions{Target: "y", Counted: []string{" user"}})
	if err != nil || len(i.Columns[0].Counts) != MostCounted+1 || i.Columns[1].Counts != nil {
		t.Errorf("%v, %d users and %d items are counted", err, len(i.Columns[0].Counts), len(i.Columns[1].Counts))
	}
}
