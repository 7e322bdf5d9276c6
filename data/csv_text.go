package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// textReader reads UTF-8 text. It fails at the first byte that is none, at a NUL
// byte, and at a carriage return that does not end a line together with a line
// feed. A byte order mark is left out.
type textReader struct {
	name  string
	text  io.Reader // UTF-8 only
	line  int       // of the next byte, from 1
	after byte      // the byte before
	fault error     // what is no text; nil so far
}

// newTextReader returns a reader of r, unless r begins like another kind of file.
func newTextReader(r io.Reader, name string) (*textReader, error) {
	buffered := bufio.NewReader(r)
	start, _ := buffered.Peek(buffered.Size()) // an error comes again from the next Read
	if kind, remedy := recognise(start); kind != "" {
		return nil, fmt.Errorf("%s: this is %s; %s", name, kind, remedy)
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		buffered.Discard(3)
	}
	return &textReader{name: name, text: transform.NewReader(buffered, encoding.UTF8Validator), line: 1}, nil
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.fault != nil {
		return 0, t.fault
	}
	n, err := t.text.Read(p)
	for i, b := range p[:n] {
		switch {
		case b == 0:
			return i, t.fail("a NUL byte; this is no text, or damaged: export or copy it again")
		case t.after == '\r' && b != '\n':
			return i, t.fail(`a carriage return without a line feed; convert the ends of the lines with: tr '\r' '\n'`)
		case b == '\n':
			t.line++
		}
		t.after = b
	}
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		return n, t.fail("not UTF-8 text; save it as UTF-8, or convert it, from Latin-1 with: iconv -f LATIN1 -t UTF-8")
	}
	return n, err
}

func (t *textReader) fail(what string) error {
	t.fault = fmt.Errorf("%s:%d: %s", t.name, t.line, what)
	return t.fault
}

// recognise names a file that is no UTF-8 text by how it begins, and what to do
// about it. The kind is "" if it knows nothing against the file.
func recognise(start []byte) (kind, remedy string) {
	for _, k := range []struct{ magic, kind, remedy string }{
		{"PK\x03\x04", "a ZIP archive or a spreadsheet", "unpack it, or export it as CSV"},
		{"\xd0\xcf\x11\xe0", "a spreadsheet", "export it as CSV"},
		{"\x1f\x8b", "compressed by gzip twice", "unpack it once"},
		{"\xfd7zXZ", "compressed by xz", "unpack it, or compress it by gzip"},
		{"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it, or compress it by gzip"},
		{"\xff\xfe\x00\x00", "UTF-32 text", "convert it with: iconv -f UTF-32LE -t UTF-8"},
		{"\x00\x00\xfe\xff", "UTF-32 text", "convert it with: iconv -f UTF-32BE -t UTF-8"},
		{"\xff\xfe", "UTF-16 text", "convert it with: iconv -f UTF-16 -t UTF-8"},
		{"\xfe\xff", "UTF-16 text", "convert it with: iconv -f UTF-16 -t UTF-8"},
	} {
		if bytes.HasPrefix(start, []byte(k.magic)) {
			return k.kind, k.remedy
		}
	}
	// Commas, digits and line ends of UTF-16 have a zero in one of their two
	// bytes, always the same one.
	var zeros [2]int
	for i, b := range start {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[0] == 0 && zeros[1] > 0 && 4*zeros[1] > len(start):
		return "UTF-16 text", "convert it with: iconv -f UTF-16LE -t UTF-8"
	case zeros[1] == 0 && zeros[0] > 0 && 4*zeros[0] > len(start):
		return "UTF-16 text", "convert it with: iconv -f UTF-16BE -t UTF-8"
	}
	return "", ""
}
