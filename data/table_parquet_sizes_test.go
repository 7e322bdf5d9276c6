package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// forged is a Parquet file of one column and one page, with its parts.
type forged struct {
	footer  *format.FileMetaData
	header  format.PageHeader
	content []byte
	within  int64 // where in the page the data begin, if not 0
}

// newForged returns a file of three texts.
func newForged(t testing.TB, codec compress.Codec, o ...parquet.WriterOption) *forged {
	t.Helper()
	type row struct {
		Text string `parquet:"text"`
	}
	var file bytes.Buffer
	w := parquet.NewGenericWriter[row](&file, append(o, parquet.Compression(codec))...)
	if _, err := w.Write([]row{{"12"}, {"34"}, {strings.Repeat("5", 300)}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opened, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	f := &forged{footer: opened.Metadata()}
	r := new(thrift.CompactProtocol).NewReaderFromBytes(file.Bytes()[f.chunk().DataPageOffset:])
	if err := thrift.NewDecoder(r).Decode(&f.header); err != nil {
		t.Fatal(err)
	}
	from := int(f.chunk().DataPageOffset) + r.BytesRead()
	f.content = file.Bytes()[from : from+int(f.header.CompressedPageSize)]
	return f
}

func (f *forged) setValues(n int32) {
	f.header.DataPageHeader.V.NumValues, f.header.DataPageHeaderV2.V.NumValues = n, n
}

func (f *forged) chunk() *format.ColumnMetaData { return &f.footer.RowGroups[0].Columns[0].MetaData }

// bytes returns the file.
func (f *forged) bytes(t testing.TB) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		text, err := thrift.Marshal(new(thrift.CompactProtocol), v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	page := append(marshal(&f.header), f.content...)
	chunk := f.chunk()
	chunk.DataPageOffset, chunk.TotalCompressedSize = int64(len(parquetMagic))+f.within, int64(len(page))
	if f.within > 0 {
		chunk.DictionaryPageOffset = int64(len(parquetMagic))
	}
	footer := marshal(f.footer)
	file := append([]byte(parquetMagic), page...)
	file = binary.LittleEndian.AppendUint32(append(file, footer...), uint32(len(footer)))
	return append(file, parquetMagic...)
}

var parquetCodecs = []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd}

func TestSizesInParquetFilesAreLookedAt(t *testing.T) {
	for _, codec := range parquetCodecs {
		for _, version := range []int{1, 2} {
			if version == 2 && codec != &parquet.Snappy && codec != &parquet.Zstd {
				continue
			}
			for _, c := range []struct {
				name   string
				change func(f *forged)
				want   string // in the error; "" for none
			}{
				{"as it was", func(*forged) {}, ""},
				{"huge when unpacked", func(f *forged) { f.header.UncompressedPageSize = 1<<31 - 1 }, "it says that it unpacks to 21474836"},
				{"small when unpacked", func(f *forged) { f.header.UncompressedPageSize -= 5 }, " a page: "},
				{"longer than the file", func(f *forged) { f.header.CompressedPageSize = 1<<31 - 1 }, "a page says that it has 2147483647 bytes of "},
				{"negative", func(f *forged) { f.header.CompressedPageSize = -1 }, "a page says that it has -1 bytes"},
				{"column behind the end", func(f *forged) { f.content = f.content[:0] }, "a page says that it has "},
				{"begin within a page", func(f *forged) { f.within = 7 }, "its data begin within a page"},
				{"huge number of values", func(f *forged) { f.setValues(1 << 27) }, "its pages have 134217728 values for 3 rows"},
			} {
				f := newForged(t, codec, parquet.DataPageVersion(version))
				c.change(f)
				text := f.bytes(t)
				name := fmt.Sprintf("%v, version %d, %s", codec, version, c.name)
				before := memoryTaken()
				_, err := OpenTable(writeTemp(t, "x.parquet", text), CSVOptions{Target: "text"})
				if taken := memoryTaken() - before; taken > 64<<20 {
					t.Errorf("%s: %d bytes were allocated", name, taken)
				}
				if c.want == "" && (err == nil || !strings.Contains(err.Error(), "one column only")) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: error %v, want %q", name, err, c.want)
				}
			}
		}
	}
}

func TestParquetInLZ4IsRefused(t *testing.T) {
	file := newForged(t, &parquet.Lz4Raw).bytes(t)
	_, err := OpenTable(writeTemp(t, "x.parquet", file), CSVOptions{Target: "text"})
	if want := "column 1: a page: it is compressed by LZ4_RAW, which cannot be read; write it with snappy, gzip or zstd"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func memoryTaken() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// packedBy returns text as codec packs it.
func packedBy(t testing.TB, codec compress.Codec, text []byte) []byte {
	t.Helper()
	content, err := codec.Encode(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestParquetPagesThatUnpackToMuch(t *testing.T) {
	zeros := make([]byte, 40<<20)
	for _, codec := range []compress.Codec{&parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		f := newForged(t, codec)
		f.content = packedBy(t, codec, zeros)
		f.header.CompressedPageSize = int32(len(f.content))
		path := writeTemp(t, "x.parquet", f.bytes(t))
		before := memoryTaken()
		_, err := OpenTable(path, CSVOptions{Target: "text"})
		if taken := memoryTaken() - before; taken > 16<<20 {
			t.Errorf("%v: %d bytes were allocated", codec, taken)
		}
		if err == nil || !strings.Contains(err.Error(), "which is not so") {
			t.Errorf("%v: error %v", codec, err)
		}
	}
}

func TestParquetFootersThatAreNot(t *testing.T) {
	file := func(footer ...byte) []byte {
		text := append([]byte(parquetMagic), footer...)
		return append(binary.LittleEndian.AppendUint32(text, uint32(len(footer))), parquetMagic...)
	}
	huge := []byte{0xff, 0xff, 0xff, 0xff, 7} // 2³¹ − 1
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"longer than the file", append([]byte(parquetMagic), append([]byte{0xff, 0xff, 0xff, 0x7f}, parquetMagic...)...), "its footer has 2147483647 bytes, more than the file"},
		{"cut short", file(0x15), "its footer: unexpected EOF"},
		{"a huge list", file(append([]byte{0x19, 0xfc}, huge...)...), "its footer: a list of 2147483647, but 0 bytes are left"},
		{"a huge text", file(append([]byte{0x18}, huge...)...), "its footer: a length of 2147483647, but 0 bytes are left"},
		{"a huge map", file(append(append([]byte{0x1b}, huge...), 0x55)...), "its footer: a list of 2147483647, but 0 bytes are left"},
		{"structures without end", file(bytes.Repeat([]byte{0x1c}, 1000)...), "its footer: it is no structure of Thrift"},
		{"a type that is none", file(0x1d), "its footer: it is no structure of Thrift"},
		{"a number without end", file(append([]byte{0x15}, bytes.Repeat([]byte{0x80}, 20)...)...), "its footer: it is no structure of Thrift"},
	} {
		_, err := OpenTable(writeTemp(t, "x.parquet", c.file), CSVOptions{Target: "y"})
		if err == nil || !strings.Contains(err.Error(), ": "+c.want+"; the file is damaged") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	// The control: a footer of its own, with all kinds of values, is gone through to its end.
	whole := []byte{0x11, 0x12, 0x13, 7, 0x14, 2, 0x16, 4, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 2, 'a', 'b', 0x19, 0x21, 1, 2, 0x1b, 1, 0x58, 3, 1, 'x', 0x1b, 0, 0x1c, 0x15, 6, 0, 0x05, 40, 8, 0}
	w := newThriftWalk(bytes.NewReader(whole), int64(len(whole)))
	if err := w.structure(0, 0); err != nil || w.left != 0 || w.items != 3 || w.integers[1] != 1 || w.integers[4] != 1 || w.integers[5] != 2 || w.integers[11*16+1] != 3 {
		t.Errorf("%v, %d bytes left, %d items, %v", err, w.left, w.items, w.integers)
	}
}
