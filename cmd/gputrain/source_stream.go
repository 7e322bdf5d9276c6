package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"gputrain/data"
	"gputrain/internal/inputfile"
	"gputrain/internal/memorylimit"
)

// A table that streams is read once, to a file of rows in the cache: encoded, split and scaled,
// as a network takes them. The file serves until the table changes, or another reading of it is
// asked for, which has a file of its own.

// rowCache is the place of such a file.
type rowCache struct {
	path   string
	source fingerprint
}

// rowReading is what a file of rows depends on besides the content of the table. Its hash is a
// part of the name.
type rowReading struct {
	version        int
	kind, path     string // path is absolute; "" for stdin
	content        string // the hash of what came from stdin
	choice         tableChoice
	options        data.CSVOptions // with a model: how it takes the columns, and its scalings
	inputs, values data.Scaling
}

const rowReadingVersion = 1

// fingerprint says whether a file is still the one that it was.
type fingerprint struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

// rowNotes is what a file of rows says of the table, in JSON, besides its samples.
type rowNotes struct {
	Source        fingerprint     `json:"source"`
	Bytes         int64           `json:"bytes"` // that the rows would take in memory
	Scaling       data.Scaling    `json:"scaling"`
	TargetScaling data.Scaling    `json:"target_scaling"`
	Features      []string        `json:"features"`
	Encodings     []data.Encoding `json:"encodings"`
	Target        string          `json:"target"`
	Targets       []string        `json:"targets"`
	Missing       string          `json:"missing"`
	Task          string          `json:"task"`
	Notes         []string        `json:"notes"`
}

const rowNotesKey = "gputrain.table"

// streams reports whether rows that would take so many bytes in memory are read from disk, and
// why, for the user.
func (s source) streams(bytes int64) (bool, string) {
	switch s.Stream {
	case streamAlways:
		return true, "--stream always"
	case streamNever:
		return false, ""
	}
	left, limit := memorylimit.Left()
	return bytes > left/2, fmt.Sprintf("in memory they would take %s, and %s are left of %v", memorylimit.Size(bytes), memorylimit.Size(left), limit)
}

// cannotStream says which rows cannot stream, because they are decided about with all of them in
// memory; "" if these can.
func (p plan) cannotStream() string {
	if p.task == taskMultilabel {
		return "labels of which several may hold"
	}
	for _, e := range p.options.Encodings {
		if e.Embedding > 0 {
			return "categories with vectors"
		}
	}
	return ""
}

// tableBytes returns what reading the rows of a table into memory takes.
func tableBytes(i *data.Inspection, o data.CSVOptions) int64 {
	width := len(i.Columns)
	if o.Encodings != nil {
		width = len(o.Targets)
		for _, e := range o.Encodings {
			width += e.Width()
		}
	}
	const number, label = 24, 16 // as package data counts them
	return int64(i.Rows) * int64(number*width+label)
}

// cached returns the parts of a table that streams from a file made before; nil if it does not,
// or there is none. why says what became of the file.
func (s source) cached(choice tableChoice, d *description) (parts *sets, why string, err error) {
	if s.Stream == streamNever {
		return nil, "", nil
	}
	models := []*description{d}
	if d != nil {
		models = []*description{nil, d} // the file of the training may serve the model too
	}
	for _, model := range models {
		cache, err := s.rowCache(choice, model)
		if err != nil {
			if s.Stream == streamAlways {
				return nil, "", err
			}
			return nil, "", nil // nothing can have been cached
		}
		rows, err := data.OpenRowFile(cache.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, data.ErrRowFile):
			why = err.Error()
			continue
		case err != nil:
			return nil, "", fmt.Errorf("%w; move it away, or name another folder with --cache", err)
		}
		found, fits, err := s.use(rows, cache, d)
		if err != nil || !fits {
			rows.Close()
		}
		if err != nil {
			return nil, "", err
		}
		if found != nil && fits {
			return found, "", nil
		}
		if found == nil {
			why = fmt.Sprintf("%v has changed since its rows were kept", s)
		}
	}
	return nil, why, nil
}

// use returns the parts in a file of rows; nil if the table has changed since. fits says that they
// serve the model, and are to stream.
func (s source) use(rows *data.RowFile, cache rowCache, d *description) (parts *sets, fits bool, err error) {
	var notes rowNotes
	if err := json.Unmarshal([]byte(rows.Meta[rowNotesKey]), &notes); err != nil || len(rows.Sets) != 3 {
		return nil, false, nil // of another version
	}
	same, err := cache.source.matches(s, notes.Source)
	if err != nil || !same {
		return nil, false, err
	}
	if fits, _ := s.streams(notes.Bytes); !fits {
		return &sets{}, false, nil
	}
	if d != nil && !(reflect.DeepEqual(d.scaling(), notes.Scaling) && reflect.DeepEqual(d.Features, notes.Features) &&
		reflect.DeepEqual(d.Encodings, notes.Encodings) && reflect.DeepEqual(d.Classes, rows.Sets[0].Classes) &&
		reflect.DeepEqual(d.Targets, notes.Targets) && (d.Targets == nil || reflect.DeepEqual(d.targetScaling(), notes.TargetScaling))) {
		return &sets{}, false, nil
	}
	p := notes.sets(rows)
	size, err := rows.Size()
	if err != nil {
		return nil, false, err
	}
	p.notes = append(p.notes, fmt.Sprintf("%v: its rows stream from %s (%s), made before", s, shortPath(cache.path), memorylimit.Size(size)))
	return &p, true, nil
}

// sets returns the parts that rows hold.
func (n *rowNotes) sets(rows *data.RowFile) sets {
	return sets{
		train: rows.Sets[0], valid: rows.Sets[1], test: rows.Sets[2], rows: rows,
		scaling: n.Scaling, targetScaling: n.TargetScaling, features: n.Features, encodings: n.Encodings,
		target: n.Target, targets: n.Targets, missing: n.Missing, task: n.Task, notes: slices.Clone(n.Notes),
	}
}

// rowCache returns the place of the rows of a table.
func (s source) rowCache(choice tableChoice, d *description) (rowCache, error) {
	dir, err := cacheDir(s.Cache)
	if err != nil {
		return rowCache{}, err
	}
	reading := rowReading{version: rowReadingVersion, kind: s.kind, choice: choice}
	if d != nil {
		reading.options, reading.inputs, reading.values = d.csvOptions(choice.targets), d.scaling(), d.targetScaling()
	}
	var cache rowCache
	switch {
	case s.fromStdin() && s.stdin == nil:
		return rowCache{}, errNoStdin
	case s.fromStdin():
		cache.source, reading.content = s.stdin.print, s.stdin.print.SHA256
	default:
		if reading.path, err = filepath.Abs(s.path); err != nil {
			return rowCache{}, err
		}
		if cache.source, err = stat(s.path); err != nil {
			return rowCache{}, err
		}
	}
	hash := sha256.Sum256(fmt.Appendf(nil, "%#v", reading))
	cache.path = filepath.Join(dir, s.name()+"-"+hex.EncodeToString(hash[:8])+".rows")
	return cache, nil
}

// stat returns the fingerprint of a file, without the hash of its content.
func stat(path string) (fingerprint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fingerprint{}, err
	}
	return fingerprint{Size: info.Size(), Modified: info.ModTime().UTC()}, nil
}

// matches reports whether the file of s is what it was before. Its content is only read if that is
// in doubt.
func (f fingerprint) matches(s source, before fingerprint) (bool, error) {
	switch {
	case f.Size != before.Size:
		return false, nil
	case f.SHA256 != "": // of stdin
		return f.SHA256 == before.SHA256, nil
	case f.Modified.Equal(before.Modified):
		return true, nil
	}
	sum, err := hashFile(s.path)
	return sum == before.SHA256, err
}

func hashFile(path string) (string, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// buildRows reads the table to a file of rows, and returns the parts in it. why says what for.
func (s source) buildRows(p plan, choice tableChoice, d *description, why string) (parts sets, err error) {
	cache, err := s.rowCache(choice, d)
	if err != nil {
		return sets{}, err
	}
	dir := filepath.Dir(cache.path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return sets{}, fmt.Errorf("%w; name another folder for the rows of %v with --cache", err, s)
	}
	spool, err := s.spoolTable(p.options, dir)
	if err != nil {
		return sets{}, noRoom(err, s, dir)
	}
	defer func() { err = cmp.Or(err, spool.Close()) }()
	notes, err := s.prepareRows(spool, p, d)
	if err != nil {
		return sets{}, err
	}
	if notes.Source, err = s.unchanged(cache.source); err != nil {
		return sets{}, err
	}
	notes.Bytes = p.bytes
	text, err := json.Marshal(notes)
	if err != nil {
		return sets{}, err
	}
	err = spool.WriteRows(cache.path, map[string]string{rowNotesKey: string(text)}, func(t *data.Table) (*data.Dataset, error) {
		return tableSet(t, notes.Scaling, notes.TargetScaling)
	})
	if err != nil {
		return sets{}, noRoom(err, s, dir)
	}
	rows, err := data.OpenRowFile(cache.path)
	if err != nil {
		return sets{}, err
	}
	size, err := rows.Size()
	if err != nil {
		return sets{}, err
	}
	parts = notes.sets(rows)
	parts.notes = append(parts.notes, fmt.Sprintf("%v: its rows stream from %s (%s), made now: %s", s, shortPath(cache.path), memorylimit.Size(size), why))
	return parts, nil
}

// noRoom says what the rows of a table need a place for.
func noRoom(err error, s source, dir string) error {
	var place *fs.PathError
	if errors.As(err, &place) && strings.HasPrefix(place.Path, dir) {
		return fmt.Errorf("%w; the rows of %v are to be kept in %s: free space there, or name another folder with --cache", err, s, shortPath(dir))
	}
	return err
}

// shortPath returns a path for messages, without the name of the user.
func shortPath(path string) string {
	if home, err := os.UserHomeDir(); err == nil {
		if inside, err := filepath.Rel(home, path); err == nil && filepath.IsLocal(inside) {
			return filepath.Join("~", inside)
		}
	}
	return path
}

// unchanged returns the fingerprint of the table. It is an error if it is no longer what it was.
func (s source) unchanged(before fingerprint) (fingerprint, error) {
	if s.fromStdin() {
		return before, nil
	}
	sum, err := hashFile(s.path)
	if err != nil {
		return before, err
	}
	now, err := stat(s.path)
	if err != nil {
		return before, err
	}
	if now != before {
		return before, fmt.Errorf("%v has changed while it was read; try again when it is complete", s)
	}
	now.SHA256 = sum
	return now, nil
}

// prepareRows splits and scales the rows as loadTable does in memory.
func (s source) prepareRows(spool *data.TableSpool, p plan, d *description) (*rowNotes, error) {
	table := spool.Table
	sizes, err := spool.Split(splitSeed, 0.7, 0.1, 0.2)
	if err != nil {
		return nil, err
	}
	if err := s.checkParts(sizes[0], sizes[1], sizes[2]); err != nil {
		return nil, err
	}
	n := &rowNotes{Features: table.Features, Encodings: table.Encodings, Target: table.Target, Targets: table.Targets, Missing: p.missing, Task: p.task}
	if n.Scaling, n.TargetScaling, err = spool.Standardize(0); err != nil {
		return nil, err
	}
	if p.task == taskRegress {
		err = checkTargetScaling(s.String(), table.Targets, n.TargetScaling)
	} else {
		n.TargetScaling = data.Scaling{}
		err = checkClasses(s.String(), table.Target, table.Classes, spool.Len())
	}
	if err != nil {
		return nil, err
	}
	if d != nil {
		if err := d.checkFeatures(s.String(), table.Width); err != nil {
			return nil, err
		}
		n.Scaling = d.scaling()
		if p.task == taskRegress {
			n.TargetScaling = d.targetScaling()
		}
	}
	sample, err := spool.Sample()
	if err != nil {
		return nil, err
	}
	n.Notes = append(p.notes, tableNotes(sample, n.Scaling, d)...)
	return n, nil
}

func (s source) spoolTable(o data.CSVOptions, dir string) (*data.TableSpool, error) {
	if s.fromStdin() {
		r, err := s.stdin.begin()
		if err != nil {
			return nil, err
		}
		return data.SpoolCSV(r, s.String(), o, dir)
	}
	return data.SpoolTable(s.path, o, dir)
}
