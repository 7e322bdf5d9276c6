package main

import (
	"regexp"
	"testing"
)

// avo gives out registers that a CPU without AVX-512 lacks when the others are in
// use.
func TestAVX2FunctionsStayWithinAVX2(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b`)
	for name, want := range map[string]bool{"vector_avx2_amd64.s": false, "vector_avx512_amd64.s": true} {
		if found := beyond.Find(files[name]); (found != nil) != want {
			t.Errorf("%s uses register %q", name, found)
		}
	}
}
