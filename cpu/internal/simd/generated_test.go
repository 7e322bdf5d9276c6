package simd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	if err := checkGenerated(os.DirFS(".")); err != nil {
		t.Errorf("%v\nrun go generate ./cpu/internal/simd and commit", err)
	}
}

func TestGeneratedFilesAreFreshFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(fstest.MapFS)
		want  string
	}{
		{"a changed generator", func(f fstest.MapFS) { f["gen/gemm.go"].Data[0]++ }, "gen/gemm.go is not"},
		{"changed assembly", func(f fstest.MapFS) { f["gemm_arm64.s"].Data[100]++ }, "gemm_arm64.s is not"},
		{"changed declarations", func(f fstest.MapFS) { f["amx_stubs_amd64.go"].Data[100]++ }, "amx_stubs_amd64.go is not"},
		{"a new part of the generator", func(f fstest.MapFS) { f["gen/other.go"] = f["gen/amx.go"] }, "gen/other.go is not"},
		{"a lost file", func(f fstest.MapFS) { delete(f, "amx_amd64.s") }, "amx_amd64.s is listed, but"},
		{"no list", func(f fstest.MapFS) { delete(f, "gen/SHA256SUMS") }, "open gen/SHA256SUMS: file does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sums, err := checksums(os.DirFS("."))
			if err != nil {
				t.Fatal(err)
			}
			files := fstest.MapFS{}
			for _, name := range append(slices.Collect(maps.Keys(sums)), "gen/SHA256SUMS") {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files[name] = &fstest.MapFile{Data: data}
			}
			if err := checkGenerated(files); err != nil {
				t.Fatalf("before it is spoilt: %v", err)
			}
			c.spoil(files)
			if err := checkGenerated(files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// checkGenerated compares the generator, and the files that it wrote, with its list of
// checksums.
func checkGenerated(files fs.FS) error {
	sums, err := checksums(files)
	if err != nil {
		return err
	}
	sources, err := fs.Glob(files, "gen/*.go")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range sources {
		if sums[name] == "" {
			errs = append(errs, fmt.Errorf("%s is not listed in gen/SHA256SUMS", name))
		}
	}
	for name, want := range sums {
		data, err := fs.ReadFile(files, name)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s is listed, but %w", name, err))
		case fmt.Sprintf("%x", sha256.Sum256(data)) != want:
			errs = append(errs, fmt.Errorf("%s is not what it was when the generator ran", name))
		}
	}
	return errors.Join(errs...)
}

// checksums returns the list by the names of the files.
func checksums(files fs.FS) (map[string]string, error) {
	list, err := fs.ReadFile(files, "gen/SHA256SUMS")
	sums := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	return sums, err
}

// avo gives out registers that a CPU without AVX-512 lacks when the others are in
// use.
func TestAVX2FunctionsStayWithinAVX2(t *testing.T) {
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b`)
	for name, want := range map[string]bool{"vector_avx2_amd64.s": false, "vector_avx512_amd64.s": true} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := beyond.Find(text); (found != nil) != want {
			t.Errorf("%s uses register %q", name, found)
		}
	}
}
