package data

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextUnits says what a text is cut into.
type TextUnits string

const (
	Characters TextUnits = "char" // of Unicode
	Bytes      TextUnits = "byte"
	Words      TextUnits = "word"
)

func (u TextUnits) check() error {
	switch u {
	case Characters, Bytes, Words:
		return nil
	}
	return fmt.Errorf("there are no units %q of text, want char, byte or word", string(u))
}

// Name returns the word for one of u: "character".
func (u TextUnits) Name() string {
	if u == Characters {
		return "character"
	}
	return string(u)
}

// Unknown is the token that stands for every word that is not in the vocabulary.
const Unknown = "<unk>"

// Vocabulary is the units that a network knows, by their ids, 0 to Len−1.
type Vocabulary struct {
	Units   TextUnits
	tokens  []string // nil for bytes
	index   map[string]int32
	unknown int32 // −1 without Unknown
}

var byteVocabulary = &Vocabulary{Units: Bytes, unknown: -1}

// NewVocabulary returns the vocabulary of these tokens, each once: single characters, or
// words without spaces, and the "\n" between lines. Bytes have none: their ids are their
// values.
func NewVocabulary(units TextUnits, tokens []string) (*Vocabulary, error) {
	if err := units.check(); err != nil {
		return nil, err
	}
	if units == Bytes {
		if len(tokens) > 0 {
			return nil, fmt.Errorf("bytes have no vocabulary, but it has %d tokens", len(tokens))
		}
		return byteVocabulary, nil
	}
	if len(tokens) == 0 {
		return nil, errors.New("the vocabulary is empty")
	}
	v := &Vocabulary{Units: units, tokens: tokens, index: make(map[string]int32, len(tokens)), unknown: -1}
	for id, token := range tokens {
		if !utf8.ValidString(token) || !fitsUnit(units, token) {
			return nil, fmt.Errorf("token %d of the vocabulary, %q, is no %s", id, token, units.Name())
		}
		if _, again := v.index[token]; again {
			return nil, fmt.Errorf("the vocabulary has %q twice", token)
		}
		v.index[token] = int32(id)
		if units == Words && token == Unknown {
			v.unknown = int32(id)
		}
	}
	return v, nil
}

func fitsUnit(units TextUnits, token string) bool {
	if units == Characters {
		return utf8.RuneCountInString(token) == 1
	}
	return token == "\n" || token != "" && !strings.ContainsFunc(token, unicode.IsSpace)
}

// orderTokens returns the vocabulary of tokens that occurred counts times, and the id
// of each token in it. Characters are in the order of Unicode, words in that of their
// counts, the most frequent first. If some words are rarer than minCount, Unknown is
// the first of all.
func orderTokens(units TextUnits, tokens []string, counts []int, minCount int) (*Vocabulary, []int32) {
	kept := make([]int, 0, len(tokens))
	for i, token := range tokens {
		if units == Characters || counts[i] >= minCount && token != Unknown {
			kept = append(kept, i)
		}
	}
	slices.SortFunc(kept, func(a, b int) int {
		if units == Words && counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return cmp.Compare(tokens[a], tokens[b])
	})
	v := &Vocabulary{Units: units, index: make(map[string]int32, len(tokens)), unknown: -1}
	if len(kept) < len(tokens) {
		v.unknown = 0
		v.tokens = append(v.tokens, Unknown)
	}
	order := make([]int32, len(tokens)) // 0, Unknown, for what is not kept
	for _, i := range kept {
		order[i] = int32(len(v.tokens))
		v.tokens = append(v.tokens, tokens[i])
	}
	for id, token := range v.tokens {
		v.index[token] = int32(id)
	}
	return v, order
}

// Len returns the number of ids.
func (v *Vocabulary) Len() int {
	if v.Units == Bytes {
		return 256
	}
	return len(v.tokens)
}

// Tokens returns the tokens by id, nil for bytes. It is the vocabulary's own.
func (v *Vocabulary) Tokens() []string { return v.tokens }

// id returns the id of a token, or that of Unknown.
func (v *Vocabulary) id(token string) (int32, error) {
	if id, ok := v.index[token]; ok {
		return id, nil
	}
	if v.unknown >= 0 {
		return v.unknown, nil
	}
	what := fmt.Sprintf("%q", token)
	if character, _ := utf8.DecodeRuneInString(token); v.Units == Characters {
		what = fmt.Sprintf("%q (U+%04X)", token, character)
	}
	return 0, fmt.Errorf("the %s %s is not in the vocabulary of the model, which has %d %ss", v.Units.Name(), what, v.Len(), v.Units.Name())
}

// Encode returns the ids of text, as ReadText does. A unit that v lacks, if it has no
// Unknown, is an error that names the unit.
func (v *Vocabulary) Encode(text string) ([]int32, error) {
	t, err := newTextBuilder(TextOptions{Units: v.Units, Vocabulary: v})
	if err != nil {
		return nil, err
	}
	if v.Units == Bytes {
		err := t.readBytes(strings.NewReader(text), "text")
		return t.ids, err
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("the text is not UTF-8")
	}
	for _, character := range text {
		if err := t.addCharacter(character); err != nil {
			return nil, err
		}
	}
	err = t.endWord()
	return t.ids, err
}

// AppendText appends the text of id to dst. Words are separated by spaces, but not at
// the ends of lines; before is the id before, −1 if there is none.
func (v *Vocabulary) AppendText(dst []byte, before, id int32) []byte {
	switch {
	case v.Units == Bytes:
		return append(dst, byte(id))
	case v.Units == Words && before >= 0 && v.tokens[before] != "\n" && v.tokens[id] != "\n":
		dst = append(dst, ' ')
	}
	return append(dst, v.tokens[id]...)
}
