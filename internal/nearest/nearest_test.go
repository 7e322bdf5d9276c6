package nearest

import (
	"fmt"
	"strings"
	"testing"
)

func TestWord(t *testing.T) {
	long := strings.Repeat("ä", longest-1)
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"lstn", []string{"gru", "lstm", "rnn"}, "lstm"},
		{"csv", []string{"digits", "cvs"}, "cvs"}, // a swap is one edit
		{"LSTM", []string{"gru", "lstm"}, "lstm"},
		{"ab", []string{"ac", "ad"}, "ac"}, // the first of equals
		{"--hidden-units", []string{"--help", "--hidden"}, "--hidden"},
		{"spec", []string{"width", "species"}, "species"},
		{"epochen", []string{"epochs"}, "epochs"},
		{"grün", []string{"grau", "grün "}, "grün "},
		{"größe", []string{"grösse"}, "grösse"}, // letters, not bytes

		{"tulip", []string{"iris", "lily", "rose"}, ""},
		{"measure", []string{"train", "eval", "predict"}, ""},
		{"network", []string{"data", "model", "lr"}, ""},
		{"ab", []string{"xy"}, ""},
		{"a", []string{"b"}, ""},
		{"a", []string{"", "long"}, ""},
		{"", []string{"", "a"}, ""},
		{"a", nil, ""},
		{long + "b", []string{long + "c"}, long + "c"},
		{long + "bb", []string{long + "b"}, ""},
		{long + "b", []string{long + "bb"}, ""},
	} {
		if got := Word(c.word, c.candidates); got != c.want {
			t.Errorf("%q among %q: got %q, want %q", c.word, c.candidates, got, c.want)
		}
	}
}

// A word of a megabyte, and a hundred thousand candidates, cost next to nothing:
// were all letters compared, this would take hours.
func TestWordOfAnySizeAmongManyCandidates(t *testing.T) {
	huge := strings.Repeat("x", 1<<20)
	candidates := []string{huge + "y"}
	for i := range 100_000 {
		candidates = append(candidates, fmt.Sprint("class ", i))
	}
	if got := Word(huge, candidates); got != "" {
		t.Errorf("a word of a megabyte is near %.20q", got)
	}
	if got := Word("class 99999x", candidates); got != "class 99999" {
		t.Errorf("got %q", got)
	}
}
