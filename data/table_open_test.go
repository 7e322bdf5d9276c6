package data

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/sbinet/npyio/npy"
)

func writeTemp(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// house is a row of a Parquet file.
type house struct {
	Area   float64  `parquet:"area"`
	Rooms  *int32   `parquet:"rooms"`
	City   string   `parquet:"city,dict"`
	Garden bool     `parquet:"garden"`
	Built  int64    `parquet:"built,timestamp(millisecond)"`
	Tax    int64    `parquet:"tax,decimal(2:18)"`
	Small  float32  `parquet:"small"`
	Count  uint32   `parquet:"count"`
	Price  *float64 `parquet:"price"`
}

func pointer[T any](x T) *T { return &x }

// houseRows returns a Parquet file, written in several row groups.
func houseRows(t testing.TB, rows int) []byte {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewGenericWriter[house](&file, parquet.MaxRowsPerRowGroup(70), parquet.Compression(&parquet.Zstd))
	for i := range rows {
		h := house{Area: float64(i) / 4, City: []string{"Oslo", "Rome"}[i%2], Garden: i%3 == 0, Built: int64(i) << 33, Tax: int64(i) - 5, Small: 0.1, Count: math.MaxUint32, Price: pointer(float64(i))}
		if i%5 != 0 {
			h.Rooms = pointer(int32(-i))
		}
		if _, err := w.Write([]house{h}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestParquetIsReadAsTheSameTableInCSV(t *testing.T) {
	const rows = 200
	var text strings.Builder
	text.WriteString("area,rooms,city,garden,built,tax,small,count,price\n")
	for i := range rows {
		rooms := fmt.Sprint(-i)
		if i%5 == 0 {
			rooms = ""
		}
		fmt.Fprintf(&text, "%v,%s,%s,%v,%d,%.2f,0.1,4294967295,%d\n", float64(i)/4, rooms, []string{"Oslo", "Rome"}[i%2], i%3 == 0, int64(i)<<33, float64(i-5)/100, i)
	}
	o := CSVOptions{
		Targets: []string{"price"}, Missing: MissingNaN,
		Encodings: []Encoding{{}, {Indicator: true}, {Categories: []string{"Oslo", "Rome"}}, {Categories: []string{"false", "true"}}, {}, {}, {}, {}},
	}
	want, err := ReadCSV(strings.NewReader(text.String()), "x.csv", o)
	if err != nil {
		t.Fatal(err)
	}
	path := writeTemp(t, "x.parquet", houseRows(t, rows))
	got, err := OpenTable(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() != rows || !sameNumbers(got.X, want.X) || !slices.Equal(got.Values, want.Values) || !slices.Equal(got.Features, want.Features) {
		t.Errorf("%d rows of %q, want %d of %q, or other numbers", got.Len(), got.Features, want.Len(), want.Features)
	}
	if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, `column "built": its times are numbers, of the unit in which the file has them`) {
		t.Errorf("notes %q", notes)
	}
	i, err := InspectTable(path, CSVOptions{Targets: []string{"price"}})
	if err != nil {
		t.Fatal(err)
	}
	tax := i.Columns[5]
	if i.Rows != rows || !i.Header || tax.Name != "tax" || tax.Min != -0.05 || tax.Max != 1.94 || i.Columns[1].Missing != 40 || i.Columns[1].FirstMissing.Line != 1 {
		t.Errorf("%+v", i)
	}
}

func TestParquetThatIsNoTable(t *testing.T) {
	write := func(rows any) []byte {
		var file bytes.Buffer
		w := parquet.NewWriter(&file, parquet.SchemaOf(rows))
		if err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	type inner struct{ A int64 }
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nested", write(&struct {
			X int64
			Y inner
		}{}), `column "Y" is nested; `},
		{"lists", write(&struct{ X []int64 }{[]int64{1}}), `column "X" is nested; `},
		{"identifiers", write(&struct {
			X [16]byte `parquet:",uuid"`
		}{}), `column "X" is of type UUID; `},
		{"no text", write(&struct {
			X int64
			Y string
		}{1, "\xff"}), `.parquet:1:2: column "Y": it is no UTF-8 text`},
		{"only the magic", []byte(parquetMagic), "the file is damaged, or not one of Parquet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenTable(writeTemp(t, "x.parquet", c.content), CSVOptions{Encodings: nil})
			wantError(t, err, c.want)
		})
	}
	whole := houseRows(t, 100)
	for cut := 4; cut < len(whole); cut += 37 {
		if _, err := OpenTable(writeTemp(t, "x.parquet", whole[:cut]), CSVOptions{}); err == nil {
			t.Errorf("cut to %d bytes of %d: no error", cut, len(whole))
		}
	}
}

// array returns an .npy file.
func array(t testing.TB, values any) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := npy.Write(&file, values); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// archive returns an .npz file. names and contents alternate.
func archive(t testing.TB, entries ...any) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for i := 0; i < len(entries); i += 2 {
		entry, err := w.Create(entries[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(entries[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// npyOf returns an .npy file as NumPy writes it: the header, padded, then the data.
func npyOf(descr, data string) []byte {
	header := descr + strings.Repeat(" ", (64-(10+len(descr)+1)%64)%64) + "\n"
	return []byte(npyMagic + "\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + data)
}

func TestArraysAreTables(t *testing.T) {
	matrix := npyOf("{'descr': '<i2', 'fortran_order': False, 'shape': (3, 2), }", "\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\xff\xff")
	byColumn := npyOf("{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2), }", "\x00\x01\x00\x03\x00\x05\x00\x02\x00\x04\xff\xff")
	for _, c := range []struct {
		name     string
		content  []byte
		o        CSVOptions
		features []string
		x        []float64
		values   []float64
		labels   []int32
	}{
		{"matrix", matrix, CSVOptions{}, nil, []float64{1, 2, 3, 4, 5, -1}, nil, nil},
		{"by column, of another machine", byColumn, CSVOptions{}, nil, []float64{1, 2, 3, 4, 5, -1}, nil, nil},
		{"classes in a column", matrix, CSVOptions{Target: "1"}, nil, []float64{2, 4, -1}, nil, []int32{0, 1, 2}},
		{"a vector", array(t, []float64{0.5, math.NaN()}), CSVOptions{Missing: MissingNaN}, nil, []float64{0.5, nan}, nil, nil},
		{"arrays", archive(t, "x.npy", matrix, "y.npy", array(t, []float32{0.1, 0.2, 0.3})), CSVOptions{Targets: []string{"y"}}, []string{"x[0]", "x[1]"}, []float64{1, 2, 3, 4, 5, -1}, []float64{0.1, 0.2, 0.3}, nil},
		{"booleans", archive(t, "b.npy", array(t, []bool{true, false}), "n.npy", array(t, []uint8{7, 255})), CSVOptions{Encodings: []Encoding{{Categories: []string{"false", "true"}}, {}}}, []string{"b", "n"}, []float64{1, 7, 0, 255}, nil, nil},
		{"names that are numbers", archive(t, "1.npy", array(t, []int64{3, 4}), "2.npy", array(t, []int64{5, 6})), CSVOptions{Target: "1"}, []string{"2"}, []float64{5, 6}, nil, []int32{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := OpenTable(writeTemp(t, "x", c.content), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(table.Features, c.features) || !sameNumbers(table.X, c.x) || !slices.Equal(table.Values, c.values) || !slices.Equal(table.Labels, c.labels) {
				t.Errorf("features %q %v, values %v, labels %v; want %q %v, %v, %v", table.Features, table.X, table.Values, table.Labels, c.features, c.x, c.values, c.labels)
			}
		})
	}
}

func TestArraysThatAreNoTable(t *testing.T) {
	vector := array(t, []float64{1, 2})
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"three dimensions", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1), }", "01234567"), "its shape is [1 1 1]; "},
		{"no dimension", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", "01234567"), "its shape is []; "},
		{"complex numbers", array(t, []complex128{1}), `its numbers are of type "<c16"; `},
		{"text", npyOf("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", "012345678901"), `its numbers are of type "<U3"; `},
		{"objects", npyOf("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "01234567"), "of type"},
		{"more than there is", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,), }", "01234567"), "it says that it has 1152921504606846976 by 1 numbers of 8 bytes, but holds 8 bytes"},
		{"a product that overflows", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967297), }", "01234567"), "but holds 8 bytes"},
		{"less than there is", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "0123456789"), "it says that it has 1 by 1 numbers of 8 bytes, but holds 10 bytes"},
		{"negative", npyOf("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }", "01234567"), "but holds 8 bytes"},
		{"a header beyond the end", append([]byte(npyMagic), "\x02\x00\xff\xff\xff\xff{'de"...), "its header needs 4294967307 bytes, and it has 16; "},
		{"cut", vector[:9], "its header needs "},
		{"infinite", array(t, []float64{math.Inf(1)}), `"+Inf" is not finite; `},
		{"arrays of other lengths", archive(t, "a.npy", vector, "b.npy", array(t, []float64{1})), `: array "b" has 1 rows, but the arrays before have 2; `},
		{"a spreadsheet", archive(t, "xl/workbook.xml", []byte("<x/>")), `it holds "xl/workbook.xml", which is no array of NumPy; if it is a spreadsheet, export it as CSV`},
		{"an empty archive", []byte("PK\x03\x04"), "is it no .npz file of NumPy?"},
		{"a damaged array in an archive", archive(t, "a.npy", vector[:50]), `: array "a": `},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenTable(writeTemp(t, "x", c.content), CSVOptions{})
			wantError(t, err, c.want)
		})
	}
}

func TestUnpackedArraysKeepToTheMemoryThereIs(t *testing.T) {
	const n = 8 << 20
	zeros := npyOf(fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }", n), strings.Repeat("\x00", 8*n))
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	entry, err := w.Create("a.npy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := writeTemp(t, "x.npz", file.Bytes())
	allow(t, 40<<20)
	_, err = OpenTable(path, CSVOptions{})
	wantError(t, err, "which is what is left of 40 MiB (GOMEMLIMIT)")
}

func TestColumnsTakeMemoryToo(t *testing.T) {
	const n = 1 << 17
	array := writeTemp(t, "x.npy", npyOf(fmt.Sprintf("{'descr': '|i1', 'fortran_order': False, 'shape': (1, %d), }", n), strings.Repeat("\x00", n)))
	csv := writeTemp(t, "x.csv", []byte(strings.Repeat("0,", n)+"0\n"))
	allow(t, 40<<20)
	for _, path := range []string{array, csv} {
		_, err := OpenTable(path, CSVOptions{})
		wantError(t, err, "which is what is left of 40 MiB (GOMEMLIMIT)")
		_, err = InspectTable(path, CSVOptions{})
		wantError(t, err, "which is what is left of 40 MiB (GOMEMLIMIT)")
	}
}

// A file is read, or is an error of one line that names it.
func fuzzTable(t *testing.T, content []byte, open func(*bytes.Reader) (rowSource, error)) {
	source, err := open(bytes.NewReader(content))
	if err == nil {
		_, err = inspectRows(source, "x", CSVOptions{})
	}
	if err != nil {
		if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "x:") {
			t.Errorf("error %q", text)
		}
		return
	}
	if source, err = open(bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := readTable(source, "x", CSVOptions{Missing: MissingNaN}); err != nil && !strings.HasPrefix(err.Error(), "x:") {
		t.Errorf("error %q", err)
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(array(f, []float64{1, 2}))
	f.Add(npyOf("{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2), }", "\x00\x01\x00\x03\x00\x05\x00\x02\x00\x04\xff\xff"))
	f.Add(npyOf("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", "\x01\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzTable(t, content, func(r *bytes.Reader) (rowSource, error) { return openNPY(r, r.Size(), "x") })
	})
}

func FuzzNPZ(f *testing.F) {
	f.Add(archive(f, "a.npy", array(f, []float64{1, 2}), "b.npy", array(f, []int8{3, 4})))
	f.Add(archive(f, "a.txt", []byte("x")))
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzTable(t, content, func(r *bytes.Reader) (rowSource, error) { return openNPZ(r, r.Size(), "x") })
	})
}

func FuzzParquet(f *testing.F) {
	f.Add(houseRows(f, 3))
	f.Add(houseRows(f, 75))
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzTable(t, content, func(r *bytes.Reader) (rowSource, error) { return openParquet(r, r.Size(), "x") })
	})
}
