package data

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"gputrain/internal/inputfile"
)

// TextOptions says how to read text.
type TextOptions struct {
	Units TextUnits // what the text is cut into; "" means Characters

	// MinCount is how often a word must occur. Rarer ones all become Unknown. 0 and 1
	// keep every word.
	MinCount int

	// Vocabulary is that of a trained model. A unit that it lacks is an error, or
	// Unknown. nil: the units that the text has.
	Vocabulary *Vocabulary
}

// Text is a text as ids of its units, in their order. Streams makes a Dataset of it.
type Text struct {
	IDs        []int32
	Vocabulary *Vocabulary
	Unknown    int // how many of the IDs are Unknown
}

// OpenText reads the files at the paths, one after the other, as ReadText does. A pipe
// or a device is an error.
func OpenText(paths []string, o TextOptions) (*Text, error) {
	t, err := newTextBuilder(o)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		file, err := inputfile.Open(path)
		if err != nil {
			return nil, readError(path, err)
		}
		err = t.read(file, path)
		file.Close()
		if err != nil {
			return nil, err
		}
	}
	if len(t.ids) == 0 {
		return nil, fmt.Errorf("%s: there is no text in it", strings.Join(paths, ", "))
	}
	return t.finish(), nil
}

// ReadText reads text, compressed by gzip or not. Characters and words are those of
// UTF-8 text; any other text is an error that names the line. Its lines end with a line
// feed, or with a carriage return and a line feed, which count as one line feed. Words
// are what stands between spaces, and the end of a line is one of its own, "\n". Bytes
// are taken as they are.
//
// Text for which this process has no memory is an error.
func ReadText(r io.Reader, name string, o TextOptions) (*Text, error) {
	t, err := newTextBuilder(o)
	if err != nil {
		return nil, err
	}
	if err := t.read(r, name); err != nil {
		return nil, err
	}
	if len(t.ids) == 0 {
		return nil, fmt.Errorf("%s: there is no text in it", name)
	}
	return t.finish(), nil
}

const (
	textBytes = 20      // of an id: in an array that grows, and in the samples with its label
	maxWord   = 1 << 16 // bytes; a file with a longer one has no words
)

// textBuilder collects the ids of a text. Without a vocabulary they are numbered as
// they come, until finish knows all of them.
type textBuilder struct {
	units    TextUnits
	minCount int
	given    *Vocabulary // nil if the text makes its own

	ids    []int32
	tokens []string         // by id
	counts []int            // by id
	index  map[string]int32 // of tokens
	runes  map[rune]int32   // the same for characters
	word   []byte           // as far as it was read
	bound  bound
}

func newTextBuilder(o TextOptions) (*textBuilder, error) {
	t := &textBuilder{units: o.Units, minCount: o.MinCount, given: o.Vocabulary, index: map[string]int32{}, runes: map[rune]int32{}}
	if t.units == "" {
		t.units = Characters
	}
	if err := t.units.check(); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if t.given == nil {
		return t, nil
	}
	if t.given.Units != t.units {
		return nil, fmt.Errorf("data: the vocabulary is one of the units %q, not %q", t.given.Units, t.units)
	}
	t.minCount = 0
	return t, nil
}

// read adds the text of a file.
func (t *textBuilder) read(r io.Reader, name string) error {
	plain, err := decompress(r)
	if err != nil {
		return readError(name, err)
	}
	if t.units == Bytes {
		return t.readBytes(plain, name)
	}
	text, err := newTextReader(plain, name)
	if err != nil {
		return err
	}
	line := 1
	for buffered := bufio.NewReaderSize(text, 1<<16); ; {
		character, _, err := buffered.ReadRune()
		switch {
		case err == io.EOF:
			return placed(name, line, t.endWord())
		case err != nil && text.fault != nil: // it names the place
			return text.fault
		case err != nil:
			return readError(name, err)
		}
		if err := t.addCharacter(character); err != nil {
			return placed(name, line, err)
		}
		if character == '\n' {
			line++
		}
	}
}

func (t *textBuilder) readBytes(r io.Reader, name string) error {
	buffer := make([]byte, 1<<16)
	for offset := 0; ; {
		n, err := r.Read(buffer)
		if full := t.bound.take(int64(n), textBytes); full != nil {
			return fmt.Errorf("%s: byte %d: %w", name, offset, full)
		}
		for _, b := range buffer[:n] {
			t.ids = append(t.ids, int32(b))
		}
		offset += n
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return readError(name, err)
		}
	}
}

// placed adds the place to an error, if there is one.
func placed(name string, line int, err error) error {
	if err != nil {
		return fmt.Errorf("%s:%d: %w", name, line, err)
	}
	return nil
}

// addCharacter adds the next character of the text. A carriage return stands before a
// line feed, and is left out.
func (t *textBuilder) addCharacter(character rune) error {
	switch {
	case character == '\r':
		return nil
	case t.units == Characters:
		id, known := t.runes[character]
		if !known {
			var err error
			if id, err = t.number(string(character)); err != nil {
				return err
			}
			t.runes[character] = id
		}
		return t.add(id)
	case !unicode.IsSpace(character):
		if len(t.word) >= maxWord {
			return fmt.Errorf("a word of more than %d bytes; this is no text with spaces between the words: take characters", maxWord)
		}
		t.word = utf8.AppendRune(t.word, character)
		return nil
	}
	if err := t.endWord(); err != nil || character != '\n' {
		return err
	}
	t.word = append(t.word, '\n')
	return t.endWord()
}

// endWord adds the word that has come together, if there is one.
func (t *textBuilder) endWord() error {
	if len(t.word) == 0 {
		return nil
	}
	id, known := t.index[string(t.word)]
	if !known {
		word := string(t.word)
		var err error
		if id, err = t.number(word); err != nil {
			return err
		}
		t.index[word] = id
	}
	t.word = t.word[:0]
	return t.add(id)
}

// number returns the id of a token that was not there before.
func (t *textBuilder) number(token string) (int32, error) {
	if err := t.bound.take(1, classBytes+2*int64(len(token))); err != nil {
		return 0, err
	}
	if t.given != nil {
		return t.given.id(token)
	}
	t.tokens, t.counts = append(t.tokens, token), append(t.counts, 0)
	return int32(len(t.tokens) - 1), nil
}

func (t *textBuilder) add(id int32) error {
	if t.given == nil {
		t.counts[id]++
	}
	t.ids = append(t.ids, id)
	return t.bound.take(1, textBytes)
}

// finish numbers the tokens in the order of the vocabulary.
func (t *textBuilder) finish() *Text {
	text := &Text{IDs: t.ids, Vocabulary: t.given}
	switch {
	case t.units == Bytes:
		text.Vocabulary = byteVocabulary
	case t.given == nil:
		var order []int32
		text.Vocabulary, order = orderTokens(t.units, t.tokens, t.counts, t.minCount)
		for i, id := range text.IDs {
			text.IDs[i] = order[id]
		}
	}
	if text.Vocabulary.unknown < 0 {
		return text
	}
	for _, id := range text.IDs {
		if id == text.Vocabulary.unknown {
			text.Unknown++
		}
	}
	return text
}
