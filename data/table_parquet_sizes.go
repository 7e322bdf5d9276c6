package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"gputrain/internal/memorylimit"
)

// The reader of Parquet files allocates what a length in the file says, and decompresses
// whatever there is. So the lengths of the footer and of each page are looked at first:
// whether the file has so much, and this process the memory.

// checkFooter returns an error unless the footer of a file is whole.
func checkFooter(r io.ReaderAt, size int64) error {
	const ends = 8 // the length of the footer and the magic word
	end := make([]byte, ends)
	if size < ends {
		return io.ErrUnexpectedEOF
	}
	if _, err := r.ReadAt(end, size-ends); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(end))
	if length > size-ends {
		return fmt.Errorf("its footer has %d bytes, more than the file", length)
	}
	footer := newThriftWalk(io.NewSectionReader(r, size-ends-length, length), length)
	if err := footer.structure(0, 0); err != nil {
		return fmt.Errorf("its footer: %w", err)
	}
	const itemBytes = 512 // of the largest structure in a list
	var taken bound
	return taken.take(footer.items, itemBytes)
}

// checkGroup returns an error unless the pages of a group of rows are what they say, and
// there is memory for one of each column at a time, and for the dictionaries.
func checkGroup(r io.ReaderAt, size int64, group *format.RowGroup) error {
	var taken bound
	for i := range group.Columns {
		chunk := &group.Columns[i].MetaData
		from := chunk.DataPageOffset
		if chunk.DictionaryPageOffset != 0 {
			from = chunk.DictionaryPageOffset
		}
		if from < 0 || chunk.TotalCompressedSize < 0 || from > size-chunk.TotalCompressedSize {
			return fmt.Errorf("column %d goes on behind the end of the file", i+1)
		}
		need, err := checkChunk(io.NewSectionReader(r, from, chunk.TotalCompressedSize), chunk, group.NumRows)
		if err == nil {
			err = taken.take(need, 1)
		}
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// checkChunk checks the pages of a column, which has a value in each row, and returns the
// bytes that reading it needs.
func checkChunk(r *io.SectionReader, chunk *format.ColumnMetaData, rows int64) (need int64, err error) {
	left, limit := memorylimit.Left()
	buffered := bufio.NewReader(r)
	var largest, dictionary, values int64
	var content []byte
	begins := chunk.DictionaryPageOffset == 0 // the data, at the begin of a page
	for remaining := r.Size(); remaining > 0; {
		begins = begins || chunk.DictionaryPageOffset+r.Size()-remaining == chunk.DataPageOffset
		header := newThriftWalk(buffered, remaining)
		if err := header.structure(0, 0); err != nil {
			return 0, fmt.Errorf("the header of a page: %w", err)
		}
		remaining = header.left
		p := pageSizes{header.integers}
		if p.compressed() < 0 || p.compressed() > remaining || p.uncompressed() < 0 || p.values() < 0 {
			return 0, fmt.Errorf("a page says that it has %d bytes of %d, and %d values", p.compressed(), remaining, p.values())
		}
		if p.bytes() > left {
			return 0, fmt.Errorf("a page says that it needs %s, and %s are left of %v", memorylimit.Size(p.bytes()), memorylimit.Size(left), limit)
		}
		content = slices.Grow(content[:0], int(p.compressed()))[:p.compressed()]
		if _, err := io.ReadFull(buffered, content); err != nil {
			return 0, err
		}
		remaining -= p.compressed()
		if err := p.decompress(content, chunk.Codec); err != nil {
			return 0, fmt.Errorf("a page: %w", err)
		}
		switch {
		case !p.isDictionary():
			values += p.values()
		case p.values() > p.uncompressed():
			return 0, fmt.Errorf("a dictionary of %d bytes says that it has %d values", p.uncompressed(), p.values())
		default:
			dictionary += p.bytes()
		}
		largest = max(largest, p.bytes())
	}
	switch {
	case !begins:
		return 0, errors.New("its data begin within a page")
	case values != rows:
		return 0, fmt.Errorf("its pages have %d values for %d rows", values, rows)
	}
	return dictionary + largest, nil
}

// pageSizes are the integers in the header of a page, format.PageHeader, by field, and
// those of a structure in it by 16 times its field besides.
type pageSizes struct{ integers map[int]int64 }

func (p pageSizes) isDictionary() bool  { return p.integers[1] == int64(format.DictionaryPage) }
func (p pageSizes) uncompressed() int64 { return p.integers[2] }
func (p pageSizes) compressed() int64   { return p.integers[3] }

// values returns the number of values, whatever kind of page it is.
func (p pageSizes) values() int64 {
	return p.integers[5*16+1] + p.integers[7*16+1] + p.integers[8*16+1]
}

// bytes returns what reading the page needs: its content, compressed and not, and of each
// value its number, place and level.
func (p pageSizes) bytes() int64 { return p.compressed() + p.uncompressed() + 16*p.values() }

// decompress returns an error unless content becomes as many bytes as the header says.
func (p pageSizes) decompress(content []byte, codec format.CompressionCodec) error {
	const levelsV2, repetitionV2, compressedV2 = 8*16 + 5, 8*16 + 6, 8*16 + 7
	levels := p.integers[levelsV2] + p.integers[repetitionV2] // which are not compressed
	if is, there := p.integers[compressedV2]; there && is == 0 {
		codec = format.Uncompressed
	}
	want := p.uncompressed() - levels
	if levels < 0 || levels > int64(len(content)) || want < 0 {
		return fmt.Errorf("it says that it has %d bytes of levels", levels)
	}
	n, err := unpackedSize(content[levels:], codec, want)
	if err == nil && n != want {
		err = fmt.Errorf("it says that it unpacks to %d bytes, which is not so", want)
	}
	return err
}

// unpackedSize returns to how many bytes content unpacks. It need not go on behind most.
func unpackedSize(content []byte, codec format.CompressionCodec, most int64) (int64, error) {
	if len(content) == 0 {
		return 0, nil
	}
	var unpacked io.Reader
	switch codec {
	case format.Uncompressed:
		return int64(len(content)), nil
	case format.Snappy:
		n, err := snappy.DecodedLen(content)
		return int64(n), err
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return 0, err
		}
		unpacked = z
	case format.Zstd:
		const window = 128 << 20 // the largest that zstd itself takes if not told otherwise
		z, err := zstd.NewReader(bytes.NewReader(content), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return 0, err
		}
		defer z.Close()
		unpacked = z
	case format.Brotli:
		unpacked = brotli.NewReader(bytes.NewReader(content))
	default: // of LZ4, parquet-go returns zeros for pages that LZ4 does not make much smaller
		return 0, fmt.Errorf("it is compressed by %v, which cannot be read; write it with snappy, gzip or zstd", codec)
	}
	return io.Copy(io.Discard, io.LimitReader(unpacked, most+1))
}

// thriftWalk goes through a structure of Thrift's compact protocol and takes no memory for
// it. The protocol is that of
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
type thriftWalk struct {
	r        *bufio.Reader
	left     int64         // bytes that the structure may have
	items    int64         // of lists, so far
	integers map[int]int64 // as in pageSizes, of the first two levels; a boolean is 1 or 0
}

func newThriftWalk(r io.Reader, size int64) *thriftWalk {
	buffered, is := r.(*bufio.Reader)
	if !is {
		buffered = bufio.NewReader(r)
	}
	return &thriftWalk{r: buffered, left: size, integers: map[int]int64{}}
}

var errThrift = errors.New("it is no structure of Thrift")

func (w *thriftWalk) byte() (byte, error) {
	if w.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	w.left--
	return w.r.ReadByte()
}

func (w *thriftWalk) uvarint() (uint64, error) {
	var x uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := w.byte()
		if err != nil {
			return 0, err
		}
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return x, nil
		}
	}
	return 0, errThrift
}

func (w *thriftWalk) varint() (int64, error) {
	x, err := w.uvarint()
	return int64(x>>1) ^ -int64(x&1), err
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(w.left) {
		return fmt.Errorf("a length of %d, but %d bytes are left", n, w.left)
	}
	w.left -= int64(n)
	_, err := io.CopyN(io.Discard, w.r, int64(n))
	return err
}

// structure goes through a structure in field parent of another one; depth is how many
// there are around it.
func (w *thriftWalk) structure(parent, depth int) error {
	const deepest = 32
	if depth > deepest {
		return errThrift
	}
	for field := int64(0); ; {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int64(head >> 4); delta > 0 {
			field += delta
		} else if field, err = w.varint(); err != nil {
			return err
		}
		key := -1
		if depth < 2 && field >= 0 && field < 16 {
			key = 16*parent + int(field)
		}
		if kind := head & 15; kind == thriftTrue || kind == thriftFalse {
			w.note(key, int64(thriftFalse-kind))
		} else if err := w.value(kind, key, depth); err != nil {
			return err
		}
	}
}

// The types of the compact protocol.
const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftInt16
	thriftInt32
	thriftInt64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

func (w *thriftWalk) note(key int, value int64) {
	if key >= 0 {
		w.integers[key] = value
	}
}

// value goes through a value. An element of a list has key −1.
func (w *thriftWalk) value(kind byte, key, depth int) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		_, err := w.byte()
		return err
	case thriftInt16, thriftInt32, thriftInt64:
		x, err := w.varint()
		w.note(key, x)
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftStruct:
		parent := key
		if key < 0 || depth > 0 {
			depth++ // out of sight
			parent = 0
		}
		return w.structure(parent, depth+1)
	case thriftList, thriftSet:
		head, err := w.byte()
		n := uint64(head >> 4)
		if err == nil && n == 15 {
			n, err = w.uvarint()
		}
		if err != nil {
			return err
		}
		return w.list(n, depth, head&15)
	case thriftMap:
		n, err := w.uvarint()
		if err != nil || n == 0 {
			return err
		}
		kinds, err := w.byte()
		if err != nil {
			return err
		}
		return w.list(n, depth, kinds>>4, kinds&15)
	}
	return errThrift
}

// list goes through n times a value of each kind.
func (w *thriftWalk) list(n uint64, depth int, kinds ...byte) error {
	if n > uint64(w.left) || n > math.MaxInt32 { // each has a byte at least
		return fmt.Errorf("a list of %d, but %d bytes are left", n, w.left)
	}
	w.items += int64(n)
	for range n {
		for _, kind := range kinds {
			if err := w.value(kind, -1, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
