package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCommittedAssemblyIsFresh(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./cpu/internal/simd", name)
		}
	}
}

// avo gives out registers that a CPU without AVX-512 lacks when the others are in
// use.
func TestAVX2StaysWithinItsRegisters(t *testing.T) {
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b`)
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if !strings.HasSuffix(name, ".s") {
			continue
		}
		for _, function := range strings.Split(string(text), "\nTEXT ·")[1:] {
			title, _, _ := strings.Cut(function, "(")
			isAVX2, isAVX512 := strings.HasSuffix(title, "AVX2"), strings.HasSuffix(title, "AVX512")
			if found := beyond.FindString(function); isAVX2 && found != "" || isAVX512 && found == "" {
				t.Errorf("%s: %s uses register %q", name, title, found)
			}
		}
	}
}
