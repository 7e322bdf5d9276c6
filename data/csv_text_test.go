package data

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// inUTF16 encodes text, with a byte order mark if mark is set.
func inUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestReadCSVRefusesWhatIsNoUTF8Text(t *testing.T) {
	rows := strings.Repeat("1.5,2,yes\n", 10_000)
	long := "a,b,c\n" + rows
	chinese := "甲,乙,丙\n1,2,类\n3,4,别\n"
	tests := []struct{ name, text, want string }{
		{"Latin-1 class", "a,b,c\n1,2,caf\xe9\n", "x.csv:2: not UTF-8 text; save it as UTF-8, or convert it, from Latin-1 with: iconv -f LATIN1 -t UTF-8"},
		{"Latin-1 header", "a,b,qualit\xe9\n1,2,x\n", "x.csv:1: not UTF-8"},
		{"Latin-1 in the last line", long + "1,2,caf\xe9", "x.csv:10002: not UTF-8"},
		{"Latin-1 in quotes", "a,b,c\n1,2,\"x\ny\xe9\"\n", "x.csv:3: not UTF-8"},
		{"Latin-1 at the end of a quote that stays open", long + "\"\xe9\n\n\n", "x.csv:10002: not UTF-8"},
		{"a letter cut in two", long + "1,2,\xc3", "x.csv:10002: not UTF-8"},
		{"a surrogate", "a,b,c\n1,2,\xed\xa0\x80\n", "x.csv:2: not UTF-8"},
		{"UTF-16LE", inUTF16(long, binary.LittleEndian, true), "x.csv: this is UTF-16 text; convert it with: iconv -f UTF-16 -t UTF-8"},
		{"UTF-16BE", inUTF16(long, binary.BigEndian, true), "x.csv: this is UTF-16 text; "},
		{"UTF-16LE without mark", inUTF16(long, binary.LittleEndian, false), "iconv -f UTF-16LE -t UTF-8"},
		{"UTF-16BE without mark", inUTF16(long, binary.BigEndian, false), "iconv -f UTF-16BE -t UTF-8"},
		{"UTF-16LE of one line", inUTF16("1,2", binary.LittleEndian, false), "iconv -f UTF-16LE -t UTF-8"},
		{"UTF-16LE, Chinese", inUTF16(chinese, binary.LittleEndian, false), "iconv -f UTF-16LE -t UTF-8"},
		{"UTF-32LE", "\xff\xfe\x00\x001\x00\x00\x00", "x.csv: this is UTF-32 text; "},
		{"NUL", "a,b,c\n1,2,x\n1,\x002,x\n", "x.csv:3: a NUL byte; "},
		{"zeros after a crash", long + strings.Repeat("\x00", 5000), "x.csv:10002: a NUL byte; "},
		{"lone CR", "a,b,c\r1,2,x\r3,4,y\r", `x.csv:1: a carriage return without a line feed; convert the ends of the lines with: tr '\r' '\n'`},
		{"lone CR among CRLF", "a,b,c\r\n1,2,x\r\n3,4,\ry\r\n", "x.csv:3: a carriage return"},
		{"CR CR LF", "a,b,c\r\r\n1,2,x\r\r\n", "x.csv:1: a carriage return"},
		{"ZIP", "PK\x03\x04\x14\x00", "x.csv: this is a ZIP archive or a spreadsheet; "},
		{"gzip twice", string(compressed(t, compressed(t, []byte(long)))), "x.csv: this is compressed by gzip twice; "},
		{"xz", "\xfd7zXZ\x00\x00", "x.csv: this is compressed by xz; "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, content := range [][]byte{[]byte(test.text), compressed(t, []byte(test.text))} {
				_, err := ReadCSV(bytes.NewReader(content), "x.csv", CSVOptions{Target: "3"})
				if test.name == "gzip twice" && err == nil {
					continue // three times is not looked for
				}
				wantError(t, err, test.want)
			}
			_, err := ReadCSV(iotest.OneByteReader(strings.NewReader(test.text)), "x.csv", CSVOptions{Target: "3"})
			wantError(t, err, test.want)
		})
	}
}

// The control: what looks like the faults above, and is text.
func TestReadCSVTakesAllUTF8Text(t *testing.T) {
	for name, text := range map[string]string{
		"letters of 1 to 4 bytes": "a,b,ß\n1,2,é\n3,4,類\n5,6,🌹\n",
		"CRLF":                    "a,b,c\r\n1,2,x\r\n3,4,y\r\n",
		"CR at the very end":      "a,b,c\n1,2,x\n3,4,y\r",
		"a mark":                  "\ufeffa,b,c\n1,2,x\n",
		"letters across buffers":  "a,b,c\n" + strings.Repeat("1,2,éé類🌹\n", 20_000),
	} {
		table, err := ReadCSV(strings.NewReader(text), "x.csv", CSVOptions{Target: "3"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(table.Warnings) > 0 {
			t.Errorf("%s: warnings %q", name, table.Warnings)
		}
	}
	table, err := ReadCSV(strings.NewReader("a,c\n1,x\n2,caf\ufffd\n"), "x.csv", CSVOptions{Target: "c"})
	if err != nil || len(table.Warnings) != 1 || !strings.Contains(table.Warnings[0], "U+FFFD") {
		t.Errorf("U+FFFD: warnings %q, error %v", table.Warnings, err)
	}
}
