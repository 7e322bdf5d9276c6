package data

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"os"
	"slices"

	"gputrain/internal/inputfile"
)

// RowFile is a file of datasets for which there is no room in memory. Their samples lie in
// blocks, which are read when they are needed, and checked each time.
//
// The format, all numbers little-endian: 16 bytes, "gputrain rows 1\n"; the blocks of the first
// dataset, the second and so on; an index, in JSON; its CRC-32C and its length, 4 and 8 bytes;
// "gputrain end 1\n\n". A block has the arrays of its samples as Dataset has them, those of X, IDs,
// Lengths, Labels, Targets and Mask that the datasets have, 4 bytes for a value, and then the
// CRC-32C of them. All blocks of a dataset have the same number of samples, but for the last.
type RowFile struct {
	Sets []*Dataset        // Stored in the file
	Meta map[string]string // what the writer says of them

	name string
	file *os.File
}

const (
	rowFileBegin = "gputrain rows 1\n"
	rowFileEnd   = "gputrain end 1\n\n"
	rowFileTail  = 4 + 8 + len(rowFileEnd) // bytes after the index
)

// ErrRowFile is what the errors of OpenRowFile are, as errors.Is tells, if the file begins as
// a RowFile does, but is damaged or of another version.
var ErrRowFile = errors.New("damaged row file")

// rowIndex is what a RowFile says of itself.
type rowIndex struct {
	Steps       int               `json:"steps"`
	Width       int               `json:"width"`
	TargetWidth int               `json:"target_width"`
	PerStep     bool              `json:"per_step"`
	Arrays      []string          `json:"arrays"` // of arrayNames
	Classes     []string          `json:"classes"`
	Block       int               `json:"block"` // samples
	Sets        []rowSet          `json:"sets"`
	Meta        map[string]string `json:"meta"`
}

// rowSet is what the index says of a dataset.
type rowSet struct {
	Digest Digest `json:"digest"`
	Counts []int  `json:"counts"` // of the samples of each class
}

// Stored is where the samples of a Dataset are.
type Stored struct {
	file    *RowFile
	frame   *Dataset // like the dataset, with arrays of no samples
	samples int
	block   int   // samples of each block but the last
	begin   int64 // where the first block is
	digest  Digest
	counts  []int
}

// OpenRowFile opens the file of rows at path. The datasets read from it until it is closed.
// It is an error that wraps ErrRowFile if the file is cut short, or its index does not fit it.
func OpenRowFile(path string) (*RowFile, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, err
	}
	f := &RowFile{name: path, file: file}
	if err := f.open(); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

// Close closes the file. Its datasets cannot be read any more.
func (f *RowFile) Close() error { return f.file.Close() }

// Size returns the bytes of the file.
func (f *RowFile) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// damaged returns an error that wraps ErrRowFile.
func (f *RowFile) damaged(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %w; remove it, and it is made anew", f.name, ErrRowFile, fmt.Errorf(format, args...))
}

func (f *RowFile) open() error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	begin := make([]byte, len(rowFileBegin))
	if n, err := f.file.ReadAt(begin, 0); err != nil && err != io.EOF {
		return err
	} else if n < len(begin) || !hasPrefix(string(begin), rowFileMagic) {
		return fmt.Errorf("%s: it is no file of rows that gputrain wrote", f.name)
	}
	if string(begin) != rowFileBegin {
		return f.damaged("it is of another version: %s", quote(string(begin)))
	}
	tail := make([]byte, rowFileTail)
	if size < int64(len(begin)+len(tail)) {
		return f.damaged("it is cut short at %d bytes", size)
	}
	if _, err := f.file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	if string(tail[12:]) != rowFileEnd {
		return f.damaged("it is cut short, or its end is overwritten")
	}
	length := binary.LittleEndian.Uint64(tail[4:])
	body := size - int64(len(begin)+len(tail))
	if length > uint64(body) {
		return f.damaged("the index is said to have %d bytes, of %d in the file", length, size)
	}
	var taken bound
	const parsed = 8 // bytes for a byte of JSON
	if err := taken.take(int64(length), parsed); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	text := make([]byte, length)
	if _, err := f.file.ReadAt(text, size-int64(len(tail))-int64(length)); err != nil {
		return err
	}
	if crc32.Checksum(text, castagnoli) != binary.LittleEndian.Uint32(tail) {
		return f.damaged("its index has another checksum")
	}
	var index rowIndex
	if err := json.Unmarshal(text, &index); err != nil {
		return f.damaged("its index: %w", err)
	}
	if err := f.setIndex(&index, body-int64(length)); err != nil {
		return f.damaged("%w", err)
	}
	return nil
}

const rowFileMagic = "gputrain rows "

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// arrayNames are the arrays of a dataset, in the order of a block.
var arrayNames = []string{"x", "ids", "lengths", "labels", "targets", "mask"}

// setIndex sets the datasets that index describes, whose blocks take so many bytes in all.
func (f *RowFile) setIndex(index *rowIndex, bytes int64) error {
	frame, err := index.frame()
	if err != nil {
		return err
	}
	f.Meta = index.Meta
	begin, left := int64(len(rowFileBegin)), bytes
	for i, set := range index.Sets {
		s := &Stored{
			file: f, frame: frame, samples: set.Digest.Samples, block: index.Block, begin: begin,
			digest: set.Digest, counts: set.Counts,
		}
		if s.samples < 0 || int64(s.samples) > left/frame.sampleBytes() {
			return fmt.Errorf("set %d is said to have %d samples, which is not what %d bytes hold", i+1, s.samples, left)
		}
		if len(s.counts) != len(index.Classes) {
			return fmt.Errorf("set %d counts the samples of %d classes, but there are %d", i+1, len(s.counts), len(index.Classes))
		}
		size := int64(s.samples)*frame.sampleBytes() + int64(s.blocks())*checksumBytes
		begin, left = begin+size, left-size
		f.Sets = append(f.Sets, s.dataset())
	}
	if left != 0 {
		return fmt.Errorf("it has %d bytes of samples, but its index has room for %d", bytes, bytes-left)
	}
	return nil
}

const checksumBytes = 4

// frame returns a dataset like those of the file, of no samples.
func (index *rowIndex) frame() (*Dataset, error) {
	d := &Dataset{Steps: index.Steps, Width: index.Width, TargetWidth: index.TargetWidth, PerStep: index.PerStep, Classes: index.Classes}
	const most = 1 << 30 // values of a sample
	if d.Steps < 1 || d.Width < 1 || d.TargetWidth < 0 || d.Steps > most/d.Width || d.TargetWidth > most/d.Steps || index.Block < 1 {
		return nil, fmt.Errorf("samples of %d steps of %d features and %d targets, in blocks of %d", d.Steps, d.Width, d.TargetWidth, index.Block)
	}
	for _, name := range index.Arrays {
		switch name {
		case "x":
			d.X = []float32{}
		case "ids":
			d.IDs = []int32{}
		case "lengths":
			d.Lengths = []int32{}
		case "labels":
			d.Labels = []int32{}
		case "targets":
			d.Targets = []float32{}
		case "mask":
			d.Mask = []float32{}
		default:
			return nil, fmt.Errorf("an array %s, which is not known", quote(name))
		}
	}
	if d.X == nil && d.IDs == nil {
		return nil, errors.New("samples without features")
	}
	if int64(index.Block) > math.MaxInt64/2/d.sampleBytes() {
		return nil, fmt.Errorf("blocks of %d samples", index.Block)
	}
	return d, d.Check()
}

// arrays returns the names of the arrays that d has.
func (d *Dataset) arrays() (names []string) {
	for i, has := range []bool{d.X != nil, d.IDs != nil, d.Lengths != nil, d.Labels != nil, d.Targets != nil, d.Mask != nil} {
		if has {
			names = append(names, arrayNames[i])
		}
	}
	return names
}

// sampleBytes returns the bytes of a sample of d.
func (d *Dataset) sampleBytes() int64 {
	features, outputs := int64(d.Steps)*int64(d.Width), int64(d.outputs())
	sum := int64(0)
	for i, values := range []int64{features, features, 1, outputs, outputs * int64(d.TargetWidth), outputs} {
		if slices.Contains(d.arrays(), arrayNames[i]) {
			sum += 4 * values
		}
	}
	return sum
}

// room returns a dataset like d, of so many samples that are all 0.
func (d *Dataset) room(samples int) *Dataset {
	r := *d
	r.X = roomLike(d.X, samples*d.Steps*d.Width)
	r.IDs = roomLike(d.IDs, samples*d.Steps*d.Width)
	r.Lengths = roomLike(d.Lengths, samples)
	r.Labels = roomLike(d.Labels, samples*d.outputs())
	r.Targets = roomLike(d.Targets, samples*d.outputs()*d.TargetWidth)
	r.Mask = roomLike(d.Mask, samples*d.outputs())
	return &r
}

func roomLike[T any](array []T, values int) []T {
	if array == nil {
		return nil
	}
	return make([]T, values)
}

// slice returns the samples from..to−1 of d, which share its memory.
func (d *Dataset) slice(from, to int) *Dataset {
	s := *d
	s.X = sliceRows(d.X, from, to, d.Steps*d.Width)
	s.IDs = sliceRows(d.IDs, from, to, d.Steps*d.Width)
	s.Lengths = sliceRows(d.Lengths, from, to, 1)
	s.Labels = sliceRows(d.Labels, from, to, d.outputs())
	s.Targets = sliceRows(d.Targets, from, to, d.outputs()*d.TargetWidth)
	s.Mask = sliceRows(d.Mask, from, to, d.outputs())
	return &s
}

func sliceRows[T any](array []T, from, to, width int) []T {
	if array == nil {
		return nil
	}
	return array[from*width : to*width]
}

// bytes returns the memory of the arrays of d, in the order of a block.
func (d *Dataset) bytes() [][]byte {
	return [][]byte{bytesOf(d.X), bytesOf(d.IDs), bytesOf(d.Lengths), bytesOf(d.Labels), bytesOf(d.Targets), bytesOf(d.Mask)}
}

// dataset returns the dataset of the samples.
func (s *Stored) dataset() *Dataset {
	return &Dataset{
		Steps: s.frame.Steps, Width: s.frame.Width, TargetWidth: s.frame.TargetWidth,
		PerStep: s.frame.PerStep, Classes: s.frame.Classes, Stored: s,
	}
}

// like returns frame with the steps of d, the dataset of s.
func (s *Stored) like(d *Dataset) *Dataset {
	frame := *s.frame
	frame.Steps, frame.Width = d.Steps, d.Width
	return &frame
}

// fits returns an error unless d can be the dataset of s.
func (s *Stored) fits(d *Dataset) error {
	switch {
	case len(d.arrays()) > 0:
		return errors.New("it has samples in memory, besides those that are stored")
	case d.Steps*d.Width != s.frame.Steps*s.frame.Width || d.TargetWidth != s.frame.TargetWidth || d.PerStep != s.frame.PerStep,
		d.Steps != s.frame.Steps && (d.PerStep || s.frame.Lengths != nil):
		return fmt.Errorf("samples are %d steps of %d features, but those in the file %d of %d", d.Steps, d.Width, s.frame.Steps, s.frame.Width)
	}
	return nil
}

// digestAs returns the digest of d, the dataset of s.
func (s *Stored) digestAs(d *Dataset) Digest {
	if d.Steps == s.frame.Steps {
		return s.digest
	}
	// The inputs are the same numbers in the same order, in steps of another length.
	h, digest := newHasher(), s.digest
	h.integers(d.Steps, d.Width)
	h.text(digest.Inputs)
	digest.Inputs = h.sum()
	return digest
}

// blocks returns the number of blocks.
func (s *Stored) blocks() int {
	blocks := s.samples / s.block
	if s.samples%s.block > 0 {
		blocks++
	}
	return blocks
}

// blockLen returns the samples of a block.
func (s *Stored) blockLen(block int) int { return min(s.block, s.samples-block*s.block) }

// read reads a block into dst, which is room for its samples.
func (s *Stored) read(block int, dst *Dataset) error {
	at := s.begin + int64(block)*(int64(s.block)*s.frame.sampleBytes()+checksumBytes)
	sum := uint32(0)
	for _, array := range dst.bytes() {
		if err := s.file.readFull(array, at); err != nil {
			return err
		}
		sum = crc32.Update(sum, castagnoli, array)
		toNative(array)
		at += int64(len(array))
	}
	var checksum [checksumBytes]byte
	if err := s.file.readFull(checksum[:], at); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(checksum[:]) != sum {
		return s.file.damaged("the block that ends at byte %d has another checksum", at)
	}
	return nil
}

func (f *RowFile) readFull(p []byte, at int64) error {
	switch _, err := f.file.ReadAt(p, at); {
	case err == io.EOF:
		return f.damaged("it is cut short: there is no byte %d", at+int64(len(p)))
	case err != nil:
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// Blocks gives the samples of d as datasets in memory, in their order: d itself, or the blocks
// of Stored samples, each valid until the next. An error ends it.
func (d *Dataset) Blocks() iter.Seq2[*Dataset, error] {
	d.check("Blocks")
	return func(yield func(*Dataset, error) bool) {
		if d.Stored == nil {
			yield(d, nil)
			return
		}
		s, room := d.Stored, d.Stored.like(d).room(min(d.Stored.block, d.Stored.samples))
		for block := range s.blocks() {
			part := room.slice(0, s.blockLen(block))
			err := s.read(block, part)
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// First returns the first n samples of d in memory, or all if there are not as many.
func (d *Dataset) First(n int) (*Dataset, error) {
	d.check("First")
	n = min(n, d.Len())
	if d.Stored == nil {
		return d.slice(0, n), nil
	}
	first := d.Stored.like(d).room(n)
	at := 0
	for block, err := range d.Blocks() {
		if err != nil {
			return nil, err
		}
		to := min(n, at+block.Len())
		first.slice(at, to).copyFrom(block)
		if at = to; at == n {
			break
		}
	}
	return first, nil
}

// copyFrom copies the first samples of src to d, which has the same arrays.
func (d *Dataset) copyFrom(src *Dataset) {
	copy(d.X, src.X)
	copy(d.IDs, src.IDs)
	copy(d.Lengths, src.Lengths)
	copy(d.Labels, src.Labels)
	copy(d.Targets, src.Targets)
	copy(d.Mask, src.Mask)
}

// Counts returns how many labels of d each class has.
func (d *Dataset) Counts() []int {
	if d.Stored != nil {
		return slices.Clone(d.Stored.counts)
	}
	counts := make([]int, len(d.Classes))
	for _, label := range d.Labels {
		if label >= 0 {
			counts[label]++
		}
	}
	return counts
}
