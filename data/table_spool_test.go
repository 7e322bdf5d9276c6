package data

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// spoolCase is a table and how it is read.
type spoolCase struct {
	name    string
	text    string
	options CSVOptions
	chunk   int // rows
}

func spoolCases() []spoolCase {
	rng := rand.New(rand.NewPCG(1, 1))
	var classes, numbers strings.Builder
	classes.WriteString("a,constant,fruit,b,class\n")
	numbers.WriteString("a;b;y;z\n")
	for i := range 500 {
		b := fmt.Sprint(rng.NormFloat64())
		if i%50 == 3 {
			b = ""
		}
		fmt.Fprintf(&classes, "%v,7,%s,%s,%s\n", 1e9+rng.Float64(), []string{"apple", "pear", "plum"}[rng.IntN(3)], b, []string{"z", "m", "a"}[i*i%7%3])
		fmt.Fprintf(&numbers, "%v;%v;%v;%v\n", rng.Float64(), i, 10*rng.Float64(), strings.Replace(fmt.Sprint(rng.Float64()), ".", ",", 1))
	}
	encodings := []Encoding{{}, {}, {Categories: []string{"apple", "pear", "plum"}}, {Indicator: true}}
	return []spoolCase{
		{"classes", classes.String(), CSVOptions{Target: "class", Encodings: encodings, Missing: MissingNaN}, 7},
		{"dropped", classes.String(), CSVOptions{Target: "class", Encodings: encodings[:3], Ignore: []string{"b"}, Missing: MissingDropped}, 64},
		{"known classes", classes.String(), CSVOptions{Target: "class", Classes: []string{"m", "z", "a"}, Encodings: encodings, Missing: MissingNaN}, 1000},
		{"numbers", strings.ReplaceAll(numbers.String(), ".", ","), CSVOptions{Targets: []string{"y", "z"}}, 33},
	}
}

// spool reads the table of c to dir.
func (c spoolCase) spool(t *testing.T, dir string) *TableSpool {
	t.Helper()
	s := &TableSpool{chunk: c.chunk}
	records, err := openRecords(strings.NewReader(c.text), "x.csv")
	if err == nil {
		s.file, err = os.CreateTemp(dir, "*")
	}
	if err == nil {
		err = s.read(records, "x.csv", c.options)
	}
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return s
}

// A table that is read by way of a file gives what it gives in memory: the same parts, of the
// same samples, with the same scaling.
func TestSpooledTableIsTheTableInMemory(t *testing.T) {
	fractions := []float64{0.7, 0.1, 0.2}
	for _, c := range spoolCases() {
		dir := t.TempDir()
		table, err := ReadCSV(strings.NewReader(c.text), "x.csv", c.options)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s := c.spool(t, dir)
		bare := *table
		bare.X, bare.Labels, bare.Values = nil, nil, nil
		if !reflect.DeepEqual(*s.Table, bare) {
			t.Errorf("%s: it says %+v, want %+v", c.name, *s.Table, bare)
		}
		parts := table.Split(1, fractions...)
		sizes, err := s.Split(1, fractions...)
		if err != nil || !slices.Equal(sizes, []int{parts[0].Len(), parts[1].Len(), parts[2].Len()}) {
			t.Fatalf("%s: %v, %v", c.name, sizes, err)
		}
		features, targets, err := s.Standardize(0)
		if want := parts[0].Standardize(); err != nil || !reflect.DeepEqual(features, want) {
			t.Errorf("%s: scaling %v, %v, want %v", c.name, features, err, want)
		}
		if want := parts[0].StandardizeTargets(); !reflect.DeepEqual(targets, want) {
			t.Errorf("%s: scaling of the targets %v, want %v", c.name, targets, want)
		}
		if sample, err := s.Sample(); err != nil || !slices.Equal(sample.Collapsed(features), table.Collapsed(features)) {
			t.Errorf("%s: %v, %v, want %q", c.name, sample, err, table.Collapsed(features))
		}
		dataset := func(t *Table) (*Dataset, error) {
			if t.Values != nil {
				return t.Regression(features, targets)
			}
			return t.Dataset(features)
		}
		path := filepath.Join(dir, "x.rows")
		if err := s.WriteRows(path, nil, dataset); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("%s: %q is left", c.name, left)
		}
		f, err := OpenRowFile(path)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for i, part := range parts {
			want, err := dataset(part)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if got, err := f.Sets[i].First(want.Len() + 1); err != nil || !reflect.DeepEqual(got, want) || f.Sets[i].Digest() != want.Digest() {
				t.Errorf("%s: part %d is %v, %v, want %v", c.name, i, got, err, want)
			}
		}
		f.Close()
	}
}

// What a table in memory would refuse is refused in the same words, and nothing is left of it.
func TestSpoolRefusesWhatAReaderRefuses(t *testing.T) {
	for _, text := range []string{"", "a,class\n", "a,class\n1,x\nb,y\n", "a,class\n1,x\n2\n", "a,class\n" + strings.Repeat("1,x\n", 30) + "1,\n"} {
		dir := t.TempDir()
		o := CSVOptions{Target: "class"}
		_, want := ReadCSV(strings.NewReader(text), "x.csv", o)
		_, err := SpoolCSV(strings.NewReader(text), "x.csv", o, dir)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%q: %v is left", text, left)
		}
	}
	if _, err := SpoolTable("testdata/iris.csv", CSVOptions{Target: "5"}, filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a folder that does not exist: no error")
	}
}
