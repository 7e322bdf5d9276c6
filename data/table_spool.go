package data

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"gputrain/internal/memorylimit"
)

// TableSpool is a table whose rows are in a temporary file, for a table for which there is no
// room in memory. It takes 13 bytes of memory for a row, to split them.
type TableSpool struct {
	Table *Table // what a Table says of the file, without rows

	file     *os.File
	chunk    int // rows that are written at a time
	rows     int
	renumber []int32 // the classes in the file; nil: they are numbered as in Table
	parts    []uint8 // of each row; nil before Split
	sizes    []int   // of the parts
	length   int64   // bytes of the file
}

// chunkBytes is what is held of the rows at a time.
const chunkBytes = 1 << 20

// SpoolTable reads the table at path as OpenTable does. Its rows go to a temporary file in
// dir. Close removes it. It panics if the table is Unlabelled.
func SpoolTable(path string, o CSVOptions, dir string) (spool *TableSpool, err error) {
	err = withRows(path, func(source rowSource) error {
		spool, err = spoolRows(source, path, o, dir)
		return err
	})
	return spool, err
}

// SpoolCSV is SpoolTable for what ReadCSV would read from r.
func SpoolCSV(r io.Reader, name string, o CSVOptions, dir string) (*TableSpool, error) {
	records, err := openRecords(r, name)
	if err != nil {
		return nil, err
	}
	return spoolRows(records, name, o, dir)
}

func spoolRows(source rowSource, name string, o CSVOptions, dir string) (*TableSpool, error) {
	if o.Unlabelled {
		panic("data: SpoolTable: the rows are Unlabelled")
	}
	file, err := os.CreateTemp(dir, ".rows-*.tmp")
	if err != nil {
		return nil, err
	}
	// Where the system can do it, the file has no name from here on. So it goes with the process,
	// however that ends.
	os.Remove(file.Name())
	s := &TableSpool{file: file}
	if err := s.read(source, name, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// read reads the table.
func (s *TableSpool) read(source rowSource, name string, o CSVOptions) (err error) {
	if s.Table, err = readTableTo(s, source, name, o); err != nil {
		return err
	}
	if err := s.flush(s.Table); err != nil {
		return err
	}
	s.Table.X, s.Table.Values, s.Table.Labels = nil, nil, nil
	return nil
}

// Close removes the temporary file.
func (s *TableSpool) Close() error {
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); removed != nil && !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// take moves the rows of a reader to the file when there are enough of them.
func (s *TableSpool) take(t *tableReader) error {
	if s.chunk == 0 {
		s.chunk = max(1, chunkBytes/(8*(t.width+len(t.targets))+4))
	}
	if rows := t.rows - s.rows; rows < s.chunk {
		return nil
	}
	t.table.Labels = t.labels.ids
	if err := s.flush(t.table); err != nil {
		return err
	}
	t.table.X, t.table.Values, t.table.Labels, t.labels.ids = t.table.X[:0], t.table.Values[:0], nil, t.labels.ids[:0]
	t.bound.taken = t.classes
	return nil
}

// flush writes the rows of table to the file.
func (s *TableSpool) flush(table *Table) error {
	for _, array := range [][]byte{bytesOf(table.X), bytesOf(table.Values), bytesOf(table.Labels)} {
		n, err := s.file.Write(array)
		if s.length += int64(n); err != nil {
			return fmt.Errorf("%w, after %s of the rows of %s", err, memorylimit.Size(s.length), table.Name)
		}
	}
	s.rows += table.Len()
	return nil
}

// Len returns the number of rows.
func (s *TableSpool) Len() int { return s.rows }

// all gives the rows in chunks, each valid until the next. An error ends it.
func (s *TableSpool) all() iter.Seq2[*Table, error] {
	return func(yield func(*Table, error) bool) {
		part := *s.Table
		values, labels := len(s.Table.Targets), 0
		if s.Table.Classes != nil {
			labels = 1
		}
		row := int64(8*(part.Width+values) + 4*labels)
		x, y, classes := make([]float64, s.chunk*part.Width), make([]float64, s.chunk*values), make([]int32, s.chunk*labels)
		for part.first = 0; part.first < s.rows; part.first += s.chunk {
			rows := min(s.chunk, s.rows-part.first)
			part.X, part.Values, part.Labels = x[:rows*part.Width], y[:rows*values], classes[:rows*labels]
			at, err := int64(part.first)*row, error(nil)
			for _, array := range [][]byte{bytesOf(part.X), bytesOf(part.Values), bytesOf(part.Labels)} {
				if _, failed := s.file.ReadAt(array, at); failed != nil && err == nil {
					err = fmt.Errorf("the rows of %s: %w", part.Name, failed)
				}
				at += int64(len(array))
			}
			renumberLabels(part.Labels, s.renumber)
			if labels == 0 {
				part.Labels = nil
			}
			if values == 0 {
				part.Values = nil
			}
			if !yield(&part, err) || err != nil {
				return
			}
		}
	}
}

// Split deals the rows out as Table.Split does, to the same parts, and returns the sizes of them. It
// is an error if there is no memory for that.
func (s *TableSpool) Split(seed uint64, fractions ...float64) ([]int, error) {
	const rowBytes = 13
	var taken bound
	if err := taken.take(int64(s.rows), rowBytes); err != nil {
		return nil, fmt.Errorf("%s: to split %d rows: %w", s.Table.Name, s.rows, err)
	}
	if uint64(s.rows) > 1<<32-1 {
		return nil, fmt.Errorf("%s: it has %d rows; take at most %d of them", s.Table.Name, s.rows, uint32(1<<32-1))
	}
	var labels []int32
	if s.Table.Classes != nil {
		labels = make([]int32, 0, s.rows)
		for rows, err := range s.all() {
			if err != nil {
				return nil, err
			}
			labels = append(labels, rows.Labels...)
		}
	}
	s.parts, s.sizes = assign(s.rows, labels, seed, fractions), make([]int, len(fractions))
	for _, part := range s.parts {
		s.sizes[part]++
	}
	return s.sizes, nil
}

// Part gives the rows of a part in chunks, each valid until the next. An error ends it.
func (s *TableSpool) Part(part int) iter.Seq2[*Table, error] {
	return func(yield func(*Table, error) bool) {
		index := make([]int, 0, s.chunk)
		for rows, err := range s.all() {
			if err != nil {
				yield(nil, err)
				return
			}
			index = index[:0]
			for i, p := range s.parts[rows.first : rows.first+rows.Len()] {
				if int(p) == part {
					index = append(index, i)
				}
			}
			if len(index) > 0 && !yield(rows.part(index), nil) {
				return
			}
		}
	}
}

// Standardize returns the scalings that Table.Standardize and StandardizeTargets return for
// the rows of a part.
func (s *TableSpool) Standardize(part int) (features, targets Scaling, err error) {
	x, y := newMoments(s.Table.Width), newMoments(len(s.Table.Targets))
	for rows, err := range s.Part(part) {
		if err != nil {
			return Scaling{}, Scaling{}, err
		}
		rows.addFeatures(x)
		rows.addTargets(y)
	}
	return s.Table.featureScaling(x), y.scaling(), nil
}

// Sample returns a table of some of the rows: those that Collapsed looks at, of 8 MiB at most.
func (s *TableSpool) Sample() (*Table, error) {
	const most = 8 << 20
	stride := max(collapsedStride(s.rows), (s.rows*s.Table.Width*8+most-1)/most)
	sample := *s.Table
	sample.X = make([]float64, 0, (s.rows+stride-1)/stride*sample.Width)
	for rows, err := range s.all() {
		if err != nil {
			return nil, err
		}
		for row := (stride - rows.first%stride) % stride; row < rows.Len(); row += stride {
			sample.X = append(sample.X, rows.X[row*rows.Width:(row+1)*rows.Width]...)
		}
	}
	return &sample, nil
}

// WriteRows writes a set for each part to a RowFile at path. dataset makes the samples of rows.
func (s *TableSpool) WriteRows(path string, meta map[string]string, dataset func(*Table) (*Dataset, error)) error {
	return WriteRowFile(path, meta, func(w *RowWriter) error {
		empty := *s.Table
		if empty.Targets != nil {
			empty.Values = []float64{}
		} else if empty.Classes != nil {
			empty.Labels = []int32{}
		}
		frame, err := dataset(&empty)
		if err != nil {
			return err
		}
		for part, size := range s.sizes {
			w.Begin(frame, size)
			for rows, err := range s.Part(part) {
				if err != nil {
					return err
				}
				set, err := dataset(rows)
				if err != nil {
					return err
				}
				if err := w.Add(set); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
