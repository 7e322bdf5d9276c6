package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	for name := range files {
		outputs, err := generate(name)
		if err != nil {
			t.Fatal(err)
		}
		for ending, want := range outputs {
			got, err := os.ReadFile("../" + name + ending)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s%s is not what the generator writes (%v): run go generate ./cpu/internal/simd", name, ending, err)
			}
		}
	}
}

// avo gives out registers that a CPU without AVX-512 lacks when the others are in
// use.
func TestAVX2FilesStayWithinAVX2(t *testing.T) {
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b`)
	for name := range files {
		outputs, err := generate(name)
		if err != nil {
			t.Fatal(err)
		}
		found := beyond.FindString(string(outputs[".s"]))
		if avx2 := strings.Contains(name, "avx2"); avx2 == (found != "") {
			t.Errorf("%s uses register %q", name, found)
		}
	}
}
