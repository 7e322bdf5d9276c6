package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// numbered returns n samples, whose first feature is their number, with all arrays if they are
// full, else with X and Labels as a table has.
func numbered(n int, full bool) *Dataset {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	d := &Dataset{Steps: 1, Width: 3, Classes: []string{"a", "b"}, X: []float32{}, Labels: []int32{}}
	if full {
		d = &Dataset{Steps: 2, Width: 2, Classes: []string{"a", "b"}, TargetWidth: 2, PerStep: true, X: []float32{},
			Lengths: []int32{}, Labels: []int32{}, Targets: []float32{}, Mask: []float32{}}
	}
	d = d.room(n)
	for i := range d.X {
		d.X[i] = rng.Float32()
	}
	for i := range n {
		d.X[i*d.Steps*d.Width] = float32(i)
	}
	for i := range d.Lengths {
		d.Lengths[i] = int32(1 + rng.IntN(2))
	}
	for i := range d.Labels {
		d.Labels[i] = int32(rng.IntN(2))
	}
	for i := range d.Targets {
		d.Targets[i] = rng.Float32()
	}
	for i := range d.Mask {
		d.Mask[i] = float32(rng.IntN(2))
	}
	return d
}

// store writes sets to a file with blocks of so many bytes, and opens it.
func store(t testing.TB, blockBytes int64, sets ...*Dataset) *RowFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.rows")
	err := writeRowFile(path, map[string]string{"who": "test"}, blockBytes, func(w *RowWriter) error {
		for _, d := range sets {
			w.Begin(d, d.Len())
			for at := 0; at < d.Len(); at += 5 { // in parts that do not fit the blocks
				if err := w.Add(d.slice(at, min(at+5, d.Len()))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenRowFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRowFileGivesBackWhatWasWritten(t *testing.T) {
	for _, full := range []bool{false, true} {
		sets := []*Dataset{numbered(23, full), numbered(1, full), numbered(0, full), numbered(12, full)}
		f := store(t, 4*sets[0].sampleBytes(), sets...)
		if len(f.Sets) != len(sets) || f.Meta["who"] != "test" {
			t.Fatalf("%d sets with %v", len(f.Sets), f.Meta)
		}
		for i, want := range sets {
			got := f.Sets[i]
			if got.Len() != want.Len() || got.Digest() != want.Digest() || !slices.Equal(got.Counts(), want.Counts()) {
				t.Errorf("full %v: set %d has %d samples, %v, want %d, %v", full, i, got.Len(), got.Digest(), want.Len(), want.Digest())
			}
			if err := got.Check(); err != nil {
				t.Error(err)
			}
			for _, n := range []int{0, 1, 5, 100} {
				first, err := got.First(n)
				if want := want.slice(0, min(n, want.Len())); err != nil || !reflect.DeepEqual(first, want) {
					t.Errorf("full %v: set %d: the first %d are %v, %v, want %v", full, i, n, first, err, want)
				}
			}
		}
	}
}

func TestStoredSamplesComeInStepsOfAnotherLength(t *testing.T) {
	whole := &Dataset{Steps: 1, Width: 6, X: make([]float32, 60)}
	for i := range whole.X {
		whole.X[i] = float32(i)
	}
	stored := store(t, 100, whole).Sets[0]
	want, _ := whole.WithSteps(3)
	got, err := stored.WithSteps(3)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := NewBatches(got, 4).Batch(1), NewBatches(want, 4).Batch(1); !reflect.DeepEqual(a, b) {
		t.Errorf("%v, want %v", a, b)
	}
	if got.Digest() == stored.Digest() || got.Digest().Samples != 10 {
		t.Error("the digest does not heed the steps")
	}
	broken := *stored
	broken.Width = 5
	if broken.Check() == nil {
		t.Error("another width passes the check")
	}
}

// orders are what a set and its windows may be like.
type storedCase struct{ samples, block, window, batch int }

func storedCases() (cases []storedCase) {
	for _, samples := range []int{1, 7, 40, 41} {
		for _, block := range []int{1, 3, 8} {
			for _, window := range []int{1, 2, 5, 50} { // blocks
				for _, batch := range []int{1, 4, 9, 64} {
					cases = append(cases, storedCase{samples, block, window, batch})
				}
			}
		}
	}
	return cases
}

func (c storedCase) batches(t *testing.T, whole *Dataset) *Batches {
	b := NewBatches(store(t, int64(c.block)*whole.sampleBytes(), whole).Sets[0], c.batch)
	b.windows.bytes = int64(c.window*c.block) * whole.sampleBytes()
	b.reset()
	return b
}

// epoch returns the batches of an epoch from one on.
func epoch(t *testing.T, b *Batches, from int) (batches []Batch) {
	t.Helper()
	for i := from; i < b.Count(); i++ {
		batch := b.Batch(i)
		if err := b.Err(); err != nil {
			t.Fatal(err)
		}
		batch.X, batch.Labels, batch.chunkLengths = slices.Clone(batch.X), slices.Clone(batch.Labels), nil
		batch.Targets, batch.Mask, batch.Lengths = slices.Clone(batch.Targets), slices.Clone(batch.Mask), slices.Clone(batch.Lengths)
		batches = append(batches, batch)
	}
	return batches
}

func TestStoredSamplesComeOnceInAnEpochAndAnywhereInIt(t *testing.T) {
	for _, c := range storedCases() {
		whole := numbered(c.samples, false)
		memory, stored := NewBatches(whole, c.batch), c.batches(t, whole)
		if got, want := epoch(t, stored, 0), epoch(t, memory, 0); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: in order, %v, want %v", c, got, want)
		}
		var before []Batch
		for _, at := range []uint64{0, 1, 2, 0} {
			stored.Shuffle(7, at)
			got := epoch(t, stored, 0)
			var samples []float32
			for _, batch := range got {
				for i := range batch.Size {
					sample := batch.X[i*3 : i*3+3]
					samples = append(samples, sample[0])
					if place := int(sample[0]); !slices.Equal(sample, whole.X[3*place:3*place+3]) || batch.Labels[i] != whole.Labels[place] {
						t.Fatalf("%+v: epoch %d has %v of class %d for sample %d", c, at, sample, batch.Labels[i], place)
					}
				}
			}
			if at == 0 && before == nil {
				before = got
			} else if at == 0 && !reflect.DeepEqual(got, before) {
				t.Fatalf("%+v: epoch 0 is another one the second time", c)
			} else if at == 1 && c.samples >= 40 && reflect.DeepEqual(got, before) {
				t.Fatalf("%+v: epochs 0 and 1 are the same", c)
			}
			memory.Shuffle(7, at)
			if want := epoch(t, memory, 0); c.window*c.block >= c.samples && !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v: epoch %d is not that of samples in memory", c, at)
			}
			slices.Sort(samples)
			for i, x := range samples {
				if len(samples) != c.samples || x != float32(i) {
					t.Fatalf("%+v: epoch %d has the samples %v", c, at, samples)
				}
			}
			// Going on in the middle gives the rest.
			from := stored.Count() / 2
			fresh := c.batches(t, whole)
			fresh.Shuffle(7, at)
			if rest := epoch(t, fresh, from); !reflect.DeepEqual(rest, got[from:]) {
				t.Fatalf("%+v: epoch %d from batch %d on: %v, want %v", c, at, from, rest, got[from:])
			}
			if again := stored.Batch(from); !slices.Equal(again.X, got[from].X) {
				t.Fatalf("%+v: epoch %d: batch %d is another one the second time", c, at, from)
			}
		}
	}
}

// Samples that are far from each other in the file meet, and neighbours part.
func TestStoredSamplesAreMixed(t *testing.T) {
	c := storedCase{samples: 4000, block: 10, window: 40, batch: 50}
	b := c.batches(t, numbered(c.samples, false))
	b.Shuffle(3, 0)
	for i, batch := range epoch(t, b, 0) {
		var low, high float32 = 1e9, 0
		for j := range batch.Size {
			low, high = min(low, batch.X[3*j]), max(high, batch.X[3*j])
		}
		if high-low < 2000 {
			t.Errorf("batch %d has the samples %v to %v only", i, low, high)
		}
	}
}

func TestStoredSamplesHaveAllArrays(t *testing.T) {
	whole := numbered(41, true)
	c := storedCase{samples: 41, block: 4, window: 2, batch: 6}
	stored, memory := c.batches(t, whole), NewBatches(whole, 6)
	if got, want := epoch(t, stored, 0), epoch(t, memory, 0); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	stored.Shuffle(1, 1)
	all := epoch(t, stored, 0)
	for _, batch := range all {
		for i := range batch.Size {
			sample := whole.slice(int(batch.X[2*i]), int(batch.X[2*i])+1)
			want := NewBatches(sample, 1).Batch(0)
			for step := range 2 {
				row := step*batch.Size + i
				if batch.Lengths[i] != want.Lengths[0] || batch.Labels[row] != want.Labels[step] || batch.Mask[row] != want.Mask[step] ||
					!slices.Equal(batch.Targets[2*row:2*row+2], want.Targets[2*step:2*step+2]) {
					t.Fatalf("sample %v at step %d: %v", batch.X[2*i], step, batch)
				}
			}
		}
	}
}

func TestStoredIDs(t *testing.T) {
	whole := &Dataset{Steps: 1, Width: 2, IDs: []int32{1, 2, 3, 4, 5, 6}}
	if got, want := epoch(t, NewBatches(store(t, 8, whole).Sets[0], 2), 0), []int32{1, 2, 3, 4}; !slices.Equal(got[0].IDs, want) && got[1].Size != 1 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWhatNeedsMemoryPanicsForStoredSamples(t *testing.T) {
	d := store(t, 100, numbered(20, false)).Sets[0]
	for name, call := range map[string]func(){
		"Subset":      func() { d.Subset([]int{1}) },
		"Split":       func() { d.Split(1, 1) },
		"Standardize": func() { Standardize(d) },
		"Apply":       func() { Range(0, 1).Apply(d) },
	} {
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), "the samples are in the file") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			call()
		}()
	}
}

// Every flipped bit and every cut is found: when the file is opened, or when the samples are
// read.
func TestDamageOfARowFileIsFound(t *testing.T) {
	f := store(t, 48, numbered(9, false), numbered(4, false))
	content, err := os.ReadFile(f.name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "damaged.rows")
	read := func(content []byte) error {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := OpenRowFile(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for _, d := range f.Sets {
			for _, err := range d.Blocks() {
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := read(content); err != nil {
		t.Fatalf("whole: %v", err)
	}
	for i := range content {
		damaged := bytes.Clone(content)
		damaged[i] ^= 1 << (i % 8)
		err := read(damaged)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("byte %d of %d changed: %v", i, len(content), err)
		}
		if i >= len(rowFileMagic) && !errors.Is(err, ErrRowFile) {
			t.Errorf("byte %d changed: %v is not ErrRowFile", i, err)
		}
		if err := read(content[:i]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", i, len(content))
		}
	}
	if err := read(append(bytes.Clone(content), 0)); err == nil {
		t.Error("a byte more: no error")
	}
	if err := read([]byte("sepal,petal\n1,2\n")); err == nil || errors.Is(err, ErrRowFile) {
		t.Errorf("a CSV file: %v", err)
	}
}

// A file that is cut while it is read gives an error, not wrong samples.
func TestARowFileCutWhileItIsReadIsAnError(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be cut there")
	}
	whole := numbered(40, false)
	f := store(t, 4*whole.sampleBytes(), whole)
	b := NewBatches(f.Sets[0], 4)
	b.windows.bytes = 4 * whole.sampleBytes()
	b.Shuffle(1, 0)
	b.Batch(0)
	if err := os.Truncate(f.name, 100); err != nil {
		t.Fatal(err)
	}
	for i := range b.Count() {
		if batch := b.Batch(i); b.Err() != nil {
			if batch.Size != 0 || !strings.Contains(b.Err().Error(), f.name) {
				t.Errorf("%v, %v", batch, b.Err())
			}
			return
		}
	}
	t.Error("no error")
}

func TestRowWriterHoldsTheCallerToWhatWasBegun(t *testing.T) {
	d := numbered(4, false)
	other := numbered(4, true)
	for name, write := range map[string]func(*RowWriter) error{
		"too many":  func(w *RowWriter) error { w.Begin(d, 3); return w.Add(d) },
		"not alike": func(w *RowWriter) error { w.Begin(d, 4); return w.Add(other) },
		"too few":   func(w *RowWriter) error { w.Begin(d, 5); return w.Add(d) },
	} {
		dir := t.TempDir()
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			WriteRowFile(filepath.Join(dir, "x.rows"), nil, write)
		}()
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
}

// resealed returns a row file with another index, whose checksum is right.
func resealed(content []byte, change func(index []byte) []byte) []byte {
	length := int(binary.LittleEndian.Uint64(content[len(content)-rowFileTail+4:]))
	begin := len(content) - rowFileTail - length
	index := change(bytes.Clone(content[begin : begin+length]))
	out := append(bytes.Clone(content[:begin]), index...)
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(index, castagnoli))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(index)))
	return append(out, rowFileEnd...)
}

// An index may lie: what it says must fit the bytes that are there.
func FuzzRowFileIndex(f *testing.F) {
	content, err := os.ReadFile(store(f, 48, numbered(9, false), numbered(4, false)).name)
	if err != nil {
		f.Fatal(err)
	}
	resealed(content, func(index []byte) []byte { f.Add(index); return index })
	for _, change := range []string{`"samples":9|"samples":900`, `"samples":9|"samples":-9`, `"steps":1|"steps":0`, `"width":3|"width":1152921504606846976`,
		`"block":3|"block":9223372036854775807`, `"x"|"y"`, `"x",|`, `"labels"|"labels","mask"`, `"counts":[|"counts":[1,`, `"target_width":0|"target_width":-1`} {
		from, to, _ := strings.Cut(change, "|")
		resealed(content, func(index []byte) []byte {
			changed := bytes.Replace(index, []byte(from), []byte(to), 1)
			if bytes.Equal(changed, index) {
				f.Fatalf("%s is not in %s", from, index)
			}
			f.Add(changed)
			return changed
		})
	}
	path := filepath.Join(f.TempDir(), "x.rows")
	f.Fuzz(func(t *testing.T, index []byte) {
		if err := os.WriteFile(path, resealed(content, func([]byte) []byte { return index }), 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := OpenRowFile(path)
		if err != nil {
			return
		}
		defer file.Close()
		for _, d := range file.Sets {
			if d.Len() == 0 {
				continue
			}
			if batch := NewBatches(d, 2); batch.Batch(0).Size == 0 && batch.Err() == nil {
				t.Error("no samples, and no error")
			}
		}
	})
}
