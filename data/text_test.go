package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

func readText(t *testing.T, content string, o TextOptions) *Text {
	t.Helper()
	text, err := ReadText(strings.NewReader(content), "x.txt", o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTextIsCutIntoUnits(t *testing.T) {
	const content = "\ufeffto be,\r\nor  not\n\tto b\u00e9"
	for _, c := range []struct {
		o      TextOptions
		tokens []string
		ids    []int32
	}{
		{TextOptions{}, strings.Split("\t\n ,benort\u00e9", ""), []int32{9, 7, 2, 4, 5, 3, 1, 7, 8, 2, 2, 6, 7, 9, 1, 0, 9, 7, 2, 4, 10}},
		{TextOptions{Units: Words}, []string{"\n", "to", "be,", "b\u00e9", "not", "or"}, []int32{1, 2, 0, 5, 4, 0, 1, 3}},
		{TextOptions{Units: Words, MinCount: 2}, []string{Unknown, "\n", "to"}, []int32{2, 0, 1, 0, 0, 1, 2, 0}},
	} {
		text := readText(t, content, c.o)
		if got := text.Vocabulary.Tokens(); !slices.Equal(got, c.tokens) {
			t.Errorf("%+v: vocabulary %q, want %q", c.o, got, c.tokens)
		}
		if !slices.Equal(text.IDs, c.ids) {
			t.Errorf("%+v: ids %v, want %v", c.o, text.IDs, c.ids)
		}
	}
	characters := readText(t, content, TextOptions{})
	if got, want := decoded(characters.Vocabulary, characters.IDs), "to be,\nor  not\n\tto b\u00e9"; got != want {
		t.Errorf("characters read %q, want %q", got, want)
	}
	words := readText(t, content, TextOptions{Units: Words, MinCount: 2})
	if got, want := decoded(words.Vocabulary, words.IDs), "to <unk>\n<unk> <unk>\nto <unk>"; got != want || words.Unknown != 4 {
		t.Errorf("words read %q, %d unknown, want %q and 4", got, words.Unknown, want)
	}
	raw := readText(t, "\xff\x00a\r", TextOptions{Units: Bytes})
	if want := []int32{255, 0, 'a', '\r'}; !slices.Equal(raw.IDs, want) || raw.Vocabulary.Len() != 256 {
		t.Errorf("bytes are %v, want %v", raw.IDs, want)
	}
}

func decoded(v *Vocabulary, ids []int32) string {
	var text []byte
	before := int32(-1)
	for _, id := range ids {
		text = v.AppendText(text, before, id)
		before = id
	}
	return string(text)
}

func TestTextOfAVocabulary(t *testing.T) {
	characters := readText(t, "abc\n", TextOptions{}).Vocabulary
	if text := readText(t, "cab", TextOptions{Vocabulary: characters}); !slices.Equal(text.IDs, []int32{3, 1, 2}) || text.Vocabulary != characters {
		t.Errorf("ids %v", text.IDs)
	}
	words := readText(t, "a a b", TextOptions{Units: Words, MinCount: 2}).Vocabulary
	if text := readText(t, "b a c", TextOptions{Units: Words, Vocabulary: words}); !slices.Equal(text.IDs, []int32{0, 1, 0}) || text.Unknown != 2 {
		t.Errorf("ids %v, %d unknown", text.IDs, text.Unknown)
	}
	_, err := ReadText(strings.NewReader("ab\na\u00e9b"), "x.txt", TextOptions{Vocabulary: characters})
	wantError(t, err, "x.txt:2: the character \"\u00e9\" (U+00E9) is not in the vocabulary of the model, which has 4 characters")
	_, err = ReadText(strings.NewReader("a"), "x.txt", TextOptions{Units: Words, Vocabulary: characters})
	wantError(t, err, `the vocabulary is one of the units "char", not "word"`)

	if ids, err := characters.Encode("b\r\na"); err != nil || !slices.Equal(ids, []int32{2, 0, 1}) {
		t.Errorf("Encode: %v, error %v", ids, err)
	}
	_, err = characters.Encode("a\tb")
	wantError(t, err, `the character "\t" (U+0009) is not in the vocabulary`)
	_, err = characters.Encode("a\xff")
	wantError(t, err, "the text is not UTF-8")
	known := readText(t, "a b", TextOptions{Units: Words}).Vocabulary
	_, err = known.Encode("a zounds b")
	wantError(t, err, `the word "zounds" is not in the vocabulary of the model, which has 2 words`)
	if ids, err := byteVocabulary.Encode("\xff"); err != nil || !slices.Equal(ids, []int32{255}) {
		t.Errorf("Encode of a byte: %v, error %v", ids, err)
	}
}

func TestAVocabularyIsMadeOfItsUnits(t *testing.T) {
	for _, c := range []struct {
		units  TextUnits
		tokens []string
		want   string
	}{
		{Characters, []string{"a", "\n", "\u00e9"}, ""},
		{Words, []string{Unknown, "\n", "it's"}, ""},
		{Bytes, nil, ""},
		{Characters, []string{"a", "bc"}, `token 1 of the vocabulary, "bc", is no character`},
		{Characters, []string{""}, `token 0 of the vocabulary, "", is no character`},
		{Characters, []string{"\xff"}, `token 0 of the vocabulary, "\xff", is no character`},
		{Characters, []string{"a", "b", "a"}, `the vocabulary has "a" twice`},
		{Words, []string{"a b"}, `"a b", is no word`},
		{Words, []string{""}, `"", is no word`},
		{Words, nil, "the vocabulary is empty"},
		{Bytes, []string{"a"}, "bytes have no vocabulary, but it has 1 tokens"},
		{"syllable", nil, `there are no units "syllable" of text, want char, byte or word`},
	} {
		v, err := NewVocabulary(c.units, c.tokens)
		if c.want != "" {
			wantError(t, err, c.want)
		} else if err != nil || !slices.Equal(v.Tokens(), c.tokens) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

func TestWhatIsNoTextIsNamed(t *testing.T) {
	torn := compressed(t, []byte(strings.Repeat("some text\n", 1000)))
	for _, c := range []struct {
		content, want string
		units         TextUnits
	}{
		{"", "x.txt: there is no text in it", Characters},
		{" \t ", "x.txt: there is no text in it", Words},
		{"", "x.txt: there is no text in it", Bytes},
		{"one\ntwo\ncaf\xe9\n", "x.txt:3: not UTF-8 text; save it as UTF-8, or convert it, from Latin-1 with: iconv -f LATIN1 -t UTF-8", Characters},
		{"one\ntwo\ncaf\xe9\n", "x.txt:3: not UTF-8 text", Words},
		{"one\ntw\x00o", "x.txt:2: a NUL byte", Characters},
		{"one\rtwo", "x.txt:1: a carriage return without a line feed", Characters},
		{"\xff\xfeo\x00n\x00", "x.txt: this is UTF-16 text; convert it with: iconv -f UTF-16 -t UTF-8", Characters},
		{"PK\x03\x04....", "x.txt: this is a ZIP archive", Characters},
		{"a\n" + strings.Repeat("x", maxWord+1), "x.txt:2: a word of more than 65536 bytes; this is no text with spaces", Words},
		{string(torn[:len(torn)-9]), "x.txt: the compressed data end early", Characters},
		{string(torn[:len(torn)-9]), "x.txt: the compressed data end early", Bytes},
		{string(compressed(t, torn)), "x.txt: this is compressed by gzip twice", Words},
		{"a", `there are no units "syllable" of text`, "syllable"},
	} {
		_, err := ReadText(strings.NewReader(c.content), "x.txt", TextOptions{Units: c.units})
		wantError(t, err, c.want)
	}
	_, err := ReadText(iotest.ErrReader(errors.New("disk on fire")), "x.txt", TextOptions{})
	wantError(t, err, "x.txt: disk on fire")
	if text, err := ReadText(bytes.NewReader(torn), "x.txt.gz", TextOptions{}); err != nil || len(text.IDs) != 10000 {
		t.Errorf("compressed text: error %v", err)
	}
}

func TestOpenTextReadsFilesInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	a, b, empty, absent := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "empty"), filepath.Join(dir, "absent")
	for path, content := range map[string]string{a: "one ", b: "two", empty: ""} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := OpenText([]string{b, empty, a, b}, TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := decoded(text.Vocabulary, text.IDs); got != "twoone two" {
		t.Errorf("read %q", got)
	}
	_, err = OpenText([]string{empty, empty}, TextOptions{})
	wantError(t, err, empty+", "+empty+": there is no text in it")
	for _, path := range []string{absent, dir} {
		_, err := OpenText([]string{a, path}, TextOptions{})
		wantError(t, err, path+": ")
	}
}

func FuzzReadText(f *testing.F) {
	for _, content := range []string{"to be,\r\nor  not\n", "caf\u00e9 \u4e2d\u6587 \U0001f600", "a\x00", "a\rb", "caf\xe9", "\xff\xfea\x00", "<unk> a", "\ufeff\ufeff", "a\r", "\u2028\u00a0"} {
		for _, units := range []string{"char", "byte", "word"} {
			f.Add([]byte(content), units, 2)
		}
	}
	f.Add(compressed(f, []byte("to be")), "char", 0)
	f.Fuzz(func(t *testing.T, content []byte, units string, minCount int) {
		o := TextOptions{Units: TextUnits(units), MinCount: minCount}
		text, err := ReadText(bytes.NewReader(content), "x.txt", o)
		if err != nil {
			if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, "x.txt:") && !strings.HasPrefix(text, "data: ") {
				t.Errorf("error %q", text)
			}
			return
		}
		v, err := NewVocabulary(text.Vocabulary.Units, text.Vocabulary.Tokens())
		if err != nil {
			t.Fatalf("the vocabulary %q is none: %v", text.Vocabulary.Tokens(), err)
		}
		unknown := 0
		for i, id := range text.IDs {
			if id < 0 || int(id) >= v.Len() {
				t.Fatalf("id %d is %d of %d", i, id, v.Len())
			}
			if id == v.unknown {
				unknown++
			}
		}
		if unknown != text.Unknown {
			t.Errorf("%d unknown, want %d", text.Unknown, unknown)
		}
		again, err := v.Encode(decoded(v, text.IDs))
		if err != nil || !slices.Equal(again, text.IDs) {
			t.Errorf("ids %v become %q, which becomes %v, error %v", text.IDs, decoded(v, text.IDs), again, err)
		}
		if v.Units == Words && slices.ContainsFunc(v.Tokens(), func(s string) bool { return s != "\n" && strings.ContainsFunc(s, unicode.IsSpace) }) {
			t.Errorf("a word with a space: %q", v.Tokens())
		}
	})
}
