package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPTXIsFresh(t *testing.T) {
	if err := checkManifest(os.DirFS(".")); err != nil {
		t.Errorf("%v\nrun go generate ./kernels, with nvcc 11.8, and commit", err)
	}
}

func TestPTXIsFreshFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(fstest.MapFS)
		want  string
	}{
		{"a changed source", func(f fstest.MapFS) { f["lstm.cu"].Data = append(f["lstm.cu"].Data, ' ') }, "lstm.cu is not what the PTX was made from"},
		{"a changed header", func(f fstest.MapFS) { f["common.cuh"].Data[0]++ }, "common.cuh is not what the PTX was made from"},
		{"changed PTX", func(f fstest.MapFS) { f["ptx/rnn.ptx"].Data[100]++ }, "ptx/rnn.ptx is not what the compiler wrote"},
		{"a new source", func(f fstest.MapFS) { f["other.cu"] = f["rnn.cu"] }, "other.cu is not in the manifest"},
		{"lost PTX", func(f fstest.MapFS) { delete(f, "ptx/rnn.ptx") }, "ptx/rnn.ptx is in the manifest, but there is no such file"},
		{"no manifest", func(f fstest.MapFS) { delete(f, "ptx/manifest.json") }, "open ptx/manifest.json: file does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{}
			names, err := listed(os.DirFS("."))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range append(names, "ptx/manifest.json") {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files[name] = &fstest.MapFile{Data: data}
			}
			if err := checkManifest(files); err != nil {
				t.Fatalf("before it is spoilt: %v", err)
			}
			c.spoil(files)
			if err := checkManifest(files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// checkManifest compares sources and PTX with the sums in ptx/manifest.json.
func checkManifest(files fs.FS) error {
	text, err := fs.ReadFile(files, "ptx/manifest.json")
	if err != nil {
		return err
	}
	var manifest struct{ SHA256 map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return err
	}
	names, err := listed(files)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		want, ok := manifest.SHA256[name]
		delete(manifest.SHA256, name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is not in the manifest", name))
		case hex.EncodeToString(sum[:]) != want && strings.HasSuffix(name, ".ptx"):
			errs = append(errs, fmt.Errorf("%s is not what the compiler wrote", name))
		case hex.EncodeToString(sum[:]) != want:
			errs = append(errs, fmt.Errorf("%s is not what the PTX was made from", name))
		}
	}
	for name := range manifest.SHA256 {
		errs = append(errs, fmt.Errorf("%s is in the manifest, but there is no such file", name))
	}
	return errors.Join(errs...)
}

// listed returns the files that a manifest lists.
func listed(files fs.FS) ([]string, error) {
	var names []string
	for _, pattern := range []string{"*.cu", "*.cuh", "ptx/*.ptx"} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}
