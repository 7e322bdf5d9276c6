package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A text whose words repeat: after the short training, the net writes some of them.
func TestWritesWordsOfTheText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("the cat sat on the mat. ", 400)), 0o666); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(&out, path, 10, 100); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "the cat sat on the mat") {
		t.Error(&out)
	}
}
