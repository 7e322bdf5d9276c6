package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func compressed(t testing.TB, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestReadCSVReads(t *testing.T) {
	tests := []struct {
		name, text, target string
		known              []string
		width              int
		x                  []float64
		labels             []int32
		classes            []string
	}{
		{"no target", "1,2\n3,4\n", "", nil, 2, []float64{1, 2, 3, 4}, nil, nil},
		{"no target, header", "a,b\n3,4\n", "", nil, 2, []float64{3, 4}, nil, nil},
		{"target by name", "a,c,b\n1,x,2\n3,y,4\n", "c", nil, 2, []float64{1, 2, 3, 4}, []int32{0, 1}, []string{"x", "y"}},
		{"target by number", "a,c,b\n1,y,2\n3,x,4\n", "2", nil, 2, []float64{1, 2, 3, 4}, []int32{1, 0}, []string{"x", "y"}},
		{"name before number", "a,1\n5,6\n", "1", nil, 1, []float64{5}, []int32{0}, []string{"6"}},
		{"text labels without header", "1,2,x\n3,4,y\n", "3", nil, 2, []float64{1, 2, 3, 4}, []int32{0, 1}, []string{"x", "y"}},
		{"only the target's title is text", "0,1,class\n3,4,7\n", "3", nil, 2, []float64{3, 4}, []int32{0}, []string{"7"}},
		{"target named, features titled by numbers", "0,1,class\n3,4,x\n", "class", nil, 2, []float64{3, 4}, []int32{0}, []string{"x"}},
		{"a value that is the target's number", "7,3,x\n8,4,y\n", "3", nil, 2, []float64{7, 3, 8, 4}, []int32{0, 1}, []string{"x", "y"}},
		{"all numbers, no names among them", "3,1\n4,2\n", "1", nil, 1, []float64{1, 2}, []int32{0, 1}, []string{"3", "4"}},
		{"numbers sort as numbers", "1,10\n1,9\n1,-2\n1,1e1\n", "2", nil, 1, []float64{1, 1, 1, 1}, []int32{2, 1, 0, 3}, []string{"-2", "9", "10", "1e1"}},
		{"mixed labels sort as text", "1,10\n1,9\n1,b\n", "2", nil, 1, []float64{1, 1, 1}, []int32{0, 1, 2}, []string{"10", "9", "b"}},
		{"known classes keep their order", "1,x\n1,z\n", "2", []string{"z", "y", "x"}, 1, []float64{1, 1}, []int32{2, 0}, []string{"z", "y", "x"}},
		{"the same letters composed otherwise", "1,Zu\u0308rich\n2,Z\u00fcrich\n", "2", nil, 1, []float64{1, 2}, []int32{0, 0}, []string{"Z\u00fcrich"}},
		{"byte order mark", "\ufeffa,b\n1,2\n", "a", nil, 1, []float64{2}, []int32{0}, []string{"1"}},
		{"byte order mark, no header", "\ufeff1,2\n3,4\n", "", nil, 2, []float64{1, 2, 3, 4}, nil, nil},
		{"CRLF", "a,b\r\n1,2\r\n3,4\r\n", "", nil, 2, []float64{1, 2, 3, 4}, nil, nil},
		{"no newline at the end", "1,2\n3,4", "", nil, 2, []float64{1, 2, 3, 4}, nil, nil},
		{"blank lines", "\n \na,b\n\n1,2\n\n  \n\r\n", "", nil, 2, []float64{1, 2}, nil, nil},
		{"quotes", "\"a, or \"\"b\"\"\",\"c\nd\"\n\"1\",\"x, y\"\n2, \"z\"\n", "c\nd", nil, 1, []float64{1, 2}, []int32{0, 1}, []string{"x, y", "z"}},
		{"spaces", " a , b \n 1 , 2 \n", "b", nil, 1, []float64{1}, []int32{0}, []string{"2"}},
		{"forms of numbers", "+1,-.5,1e-3,7.,-0,0e9,1E+2\n", "", nil, 7, []float64{1, -0.5, 1e-3, 7, 0, 0, 100}, nil, nil},
		{"index column without a title", ",a\n0,1\n", "a", nil, 1, []float64{0}, []int32{0}, []string{"1"}},
		{"one column", "1\n2\n", "", nil, 1, []float64{1, 2}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, content := range [][]byte{[]byte(test.text), compressed(t, []byte(test.text))} {
				r := iotest.OneByteReader(bytes.NewReader(content))
				d, err := ReadCSV(r, "x.csv", CSVOptions{Target: test.target, Classes: test.known})
				if err != nil {
					t.Fatal(err)
				}
				if d.Width != test.width || !slices.Equal(d.X, test.x) {
					t.Errorf("%d features, X = %v; want %d, %v", d.Width, d.X, test.width, test.x)
				}
				if !slices.Equal(d.Labels, test.labels) || !slices.Equal(d.Classes, test.classes) {
					t.Errorf("labels %v of %q, want %v of %q", d.Labels, d.Classes, test.labels, test.classes)
				}
			}
		})
	}
}

func TestReadCSVNamesThePlaceOfAFault(t *testing.T) {
	tests := []struct {
		name, text, target string
		want               string
	}{
		{"empty", "", "", "x.csv: the file is empty; "},
		{"blank", "\n  \n\r\n", "", "x.csv: the file is empty; "},
		{"only a byte order mark", "\ufeff", "", "x.csv: the file is empty; "},
		{"header only", "a,b\n", "b", "x.csv: the file has a header and no data; "},
		{"text", "a,b\n1,2\n3,oops\n", "", `x.csv:3:2: column "b": "oops" is not a number; `},
		{"text without header", "1,2\n\n3,oops\n", "", `x.csv:3:2: "oops" is not a number; `},
		{"text after a field of two lines", "1,\"2\n\",3\n4,5,z\n", "", `x.csv:3:3: "z" is not a number; `},
		{"column without a title", "a,\n1,z\n", "", `x.csv:2:2: "z" is not a number; `},
		{"percent sign in the header", "%d,b\nz,1\n", "", `x.csv:2:1: column "%d": "z" is not a number; `},
		{"newline in the text", "1,2\n3,\"a\nb\"\n", "", `x.csv:2:2: "a\nb" is not a number; `},
		{"long text", "1\n" + strings.Repeat("é", 1000) + "\n", "", `ééé…" is not a number; `},
		{"NaN", "a,b\nNaN,2\n", "", `x.csv:2:1: column "a": "NaN" is not finite; `},
		{"NaN in the first line", "1,nan\n", "", `x.csv:1:2: "nan" is not finite; `},
		{"Inf", "1,2\n3,-Inf\n", "", `x.csv:2:2: "-Inf" is not finite; `},
		{"control character in a label", "1,b\n1,a\x1b[31m\n", "2", `x.csv:2:2: label "a\x1b[31m" has a control character; `},
		{"hexadecimal number", "1,2\n3,0x1p-2\n", "", `x.csv:2:2: "0x1p-2" is not a number; only the target and categories may be text`},
		{"number of a program", "a,b\n1_000,2\n", "", `x.csv:2:1: column "a": "1_000" is not a number; `},
		{"percent", "a,b\n5 %,2\n", "", `"5 %" is not a number; write the number alone, `},
		{"currency", "a,b\n$5.00,2\n", "", `"$5.00" is not a number; write the number alone, `},
		{"thousands", "a,b\n\"1,000\",2\n", "", `"1,000" is not a number; write it without the mark of thousands, or with a decimal point`},
		{"date", "a,b\n2024-01-31,2\n", "", `"2024-01-31" is not a number; only the target and categories may be text`},
		{"beyond float64, below", "a,b\n-12e-400,2\n", "", `x.csv:2:1: column "a": "-12e-400" is too small for float64; `},
		{"beyond float64, above", "a,b\n1e400,2\n", "", `"1e400" is beyond float32; `},
		{"empty column at the end", "a,b,\n1,2,\n", "", "x.csv:2:3: no value; the column has no name either: remove it"},
		{"comma at the end of a line", "a,b\n1,2,\n", "", "x.csv:2:3: the number of fields is 3, but 2 in the first line; remove what separates fields from the end of the line"},
		{"target named as a year", "2019,2020\n1,2\n", "2020", "x.csv:1: no target column 2020; a first line of numbers counts as data: "},
		{"name in a file without header", "1,2,x\n3,4,y\n", "class", `x.csv:1: the first line names no column "class"; `},
		{"beyond float32", "1,2\n3,1e39\n", "", `x.csv:2:2: "1e39" is beyond float32; `},
		{"no value", "1,2\n3,\n", "", "x.csv:2:2: no value; "},
		{"no value in the first line", "1,,3\n4,5,6\n", "", "x.csv:1:2: no value; "},
		{"no label in the first line", "1,\n4,5\n", "2", "x.csv:1:2: no value; "},
		{"blank value", "a\n1\n  \n", "", `x.csv:3:1: column "a": no value; `},
		{"no label", "1,2\n3, \n", "2", "x.csv:2:2: no value; "},
		{"short line", "a,b,c\n1,2,3\n4,5\n", "", "x.csv:3:3: the number of fields is 2, but 3 in the first line; "},
		{"long line", "1,2\n3,4,5\n", "", "x.csv:2:3: the number of fields is 3, but 2 in the first line; "},
		{"short second line", "a,b\n1\n", "", "x.csv:2:2: the number of fields is 1, but 2 in the first line; "},
		{"no such column", "length,width,species\n1,2,x\n", "specis", `x.csv:1: the first line names no column "specis", the nearest is "species"; give one of its names or a number from 1 to 3`},
		{"no column of this number", "a,b\n1,2\n", "3", "x.csv:1: no target column 3; give a number from 1 to 2"},
		{"column 0", "a,b\n1,2\n", "0", "x.csv:1: no target column 0; give a number from 1 to 2"},
		{"name without header", "1,2\n3,4\n", "class", `x.csv:1: no header names the target column "class"; give its number, 1 to 2`},
		{"name that two have", "a,b,a\n1,2,3\n", "a", `x.csv:1: columns 1 and 3 are both called "a"; `},
		{"nothing but the target", "a\n1\n", "a", "x.csv:1: one column only; "},
		{"bars", "a|b\n1|2\n", "b", "x.csv:1: one column only; want the target and features, separated by commas"},
		{"open quote", "1,2\n\"3,4\n5,6\n", "", `x.csv:2: extraneous or missing " in quoted-field; `},
		{"stray quote", "1,2\n3,4\"5\n", "", `x.csv:2: bare " in non-quoted-field; `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(test.text), "x.csv", CSVOptions{Target: test.target})
			wantError(t, err, test.want)
		})
	}
}

func TestReadCSVRefusesUnknownClasses(t *testing.T) {
	for classes, want := range map[string]string{
		"cat dog": `x.csv:3:2: column "animal": label "dig" is not among the 2 known classes, the nearest is "dog"; `,
		"cat":     `label "dig" is not among the 1 known classes; `,
		"":        `x.csv:2:2: column "animal": label "cat" is not among the 0 known classes; `,
	} {
		o := CSVOptions{Target: "animal", Classes: strings.Fields(classes)}
		_, err := ReadCSV(strings.NewReader("a,animal\n1,cat\n2,dig\n"), "x.csv", o)
		wantError(t, err, want)
	}
}

// endless is a file that has no end of line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '1'
	}
	return len(p), nil
}

func TestReadCSVStopsAtAnEndlessLine(t *testing.T) {
	_, err := ReadCSV(endless{}, "x.csv", CSVOptions{})
	wantError(t, err, "x.csv:1: a line or quoted field of more than 8 MiB; ")
	wide := strings.Repeat("1,", maxRecord/16) + "1\n"
	d, err := ReadCSV(strings.NewReader(wide), "x.csv", CSVOptions{})
	if err != nil || d.Width != maxRecord/16+1 {
		t.Errorf("a line of 1 MiB: %v", err)
	}
}

func TestReadCSVTellsWhatTheReaderMet(t *testing.T) {
	torn := compressed(t, []byte(strings.Repeat("1,2\n", 1000)))
	_, err := ReadCSV(bytes.NewReader(torn[:len(torn)-9]), "x.csv.gz", CSVOptions{})
	wantError(t, err, "x.csv.gz: the compressed data end early; ")
	_, err = ReadCSV(bytes.NewReader(torn[:5]), "x.csv.gz", CSVOptions{})
	wantError(t, err, "x.csv.gz: the compressed data end early; ")
	damaged := bytes.Clone(torn)
	damaged[len(damaged)-8]++ // the checksum
	_, err = ReadCSV(bytes.NewReader(damaged), "x.csv.gz", CSVOptions{})
	wantError(t, err, "x.csv.gz: the compressed data are damaged; copy the file again: gzip: invalid checksum")
	_, err = ReadCSV(iotest.ErrReader(errors.New("disk on fire")), "x.csv", CSVOptions{})
	wantError(t, err, "x.csv: disk on fire")
}

func TestOpenCSVReadsIris(t *testing.T) {
	path := filepath.Join("testdata", "iris.csv")
	for _, target := range []string{"virginica", "5"} {
		d, err := OpenCSV(path, CSVOptions{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != 150 || d.Width != 4 || !slices.Equal(d.Classes, []string{"0", "1", "2"}) {
			t.Errorf("target %s: %d samples of %d features, classes %q", target, d.Len(), d.Width, d.Classes)
		}
		if !slices.Equal(d.X[:4], []float64{5.1, 3.5, 1.4, 0.2}) || d.Labels[0] != 0 || d.Labels[149] != 2 {
			t.Errorf("target %s: first %v, labels %d to %d", target, d.X[:4], d.Labels[0], d.Labels[149])
		}
	}
	_, err := OpenCSV(path, CSVOptions{Target: "virginia"})
	wantError(t, err, path+":1: ", `the nearest is "virginica"`)
}

func TestOpenCSVNamesTheFileOnce(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "absent.csv"), t.TempDir()} {
		_, err := OpenCSV(path, CSVOptions{})
		wantError(t, err, path+": ")
		if strings.Count(err.Error(), path) != 1 {
			t.Errorf("error %q", err)
		}
	}
	_, err := OpenCSV(filepath.Join(t.TempDir(), "absent.csv"), CSVOptions{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v does not wrap fs.ErrNotExist", err)
	}
}

func FuzzReadCSV(f *testing.F) {
	iris, err := os.ReadFile(filepath.Join("testdata", "iris.csv"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(iris[:200], "virginica", "")
	f.Add(iris[:200], "5", "0")
	f.Add(compressed(f, iris[:100]), "5", "")
	f.Add([]byte("\ufeffa,b\r\n1,\"x\ny\"\r\n\r\n2,z\r\n"), "b", "")
	f.Add([]byte("1,2,x\n3,4,y\n"), "3", "x y")
	f.Add([]byte("1,2\n3\n"), "", "")
	f.Add([]byte("a,b\nNaN,1e99\n"), "", "")
	f.Add([]byte("\"1,2\n"), "", "")
	f.Add([]byte("a;b;c\n1,5;-,25;x\n"), "c", "")
	f.Add([]byte("1,5;2,5;x\n"), "3", "")
	f.Add([]byte("a\tb\r\n1\t2\r\n"), "a", "")
	f.Add([]byte("0,1,2\n9007199254740993,1,2\n"), "3", "")
	f.Add([]byte("a,b\n1,caf\xe9\n"), "b", "")
	f.Add([]byte("\xff\xfe1\x00,\x00"), "1", "")
	f.Add([]byte("a,b\r1,2\r"), "b", "")
	f.Fuzz(func(t *testing.T, content []byte, target, known string) {
		o := CSVOptions{Target: target}
		if known != "" {
			o.Classes = strings.Fields(known)
		}
		d, err := ReadCSV(bytes.NewReader(content), "x.csv", o)
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "x.csv:") {
				t.Errorf("error %q", text)
			}
			return
		}
		set, err := d.Dataset(Range(0, 1))
		if err != nil {
			t.Fatal(err)
		}
		checkDataset(t, set)
		if d.Features != nil && len(d.Features) != d.Width {
			t.Errorf("%d names of %d features", len(d.Features), d.Width)
		}
		if (target != "") != (d.Labels != nil) {
			t.Errorf("target %q, labels %v", target, d.Labels)
		}
	})
}

// checkDataset checks what holds for every dataset that is read from a file.
func checkDataset(t *testing.T, d *Dataset) {
	t.Helper()
	if d.Len() < 1 || len(d.X) != d.Len()*d.Steps*d.Width {
		t.Errorf("%d samples of %dx%d in %d values", d.Len(), d.Steps, d.Width, len(d.X))
	}
	if d.Labels != nil && len(d.Labels) != d.Len() {
		t.Errorf("%d samples with %d labels", d.Len(), len(d.Labels))
	}
	for i, label := range d.Labels {
		if label < 0 || int(label) >= len(d.Classes) {
			t.Errorf("label %d is %d, there are %d classes", i, label, len(d.Classes))
		}
	}
	for i, x := range d.X {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			t.Errorf("X[%d] = %v", i, x)
		}
	}
}
