package nearest

import (
	"strings"
	"testing"
)

func TestWord(t *testing.T) {
	long := strings.Repeat("x", compared)
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"lstn", []string{"gru", "lstm", "rnn"}, "lstm"},
		{"ab", []string{"ac", "ad"}, "ac"},
		{"a", []string{"", "long"}, "long"},
		{"a", []string{""}, ""},
		{"a", nil, ""},
		{long + "b", []string{long + "a", long + "b"}, long + "a"},
	} {
		if got := Word(c.word, c.candidates); got != c.want {
			t.Errorf("%q among %q: got %q, want %q", c.word, c.candidates, got, c.want)
		}
	}
}
