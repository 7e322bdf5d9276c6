package inputfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOpenOpensRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if text, err := io.ReadAll(file); string(text) != "text" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	var wrong *fs.PathError
	for path, want := range map[string]error{filepath.Join(dir, "absent"): fs.ErrNotExist, dir: errDirectory, os.DevNull: ErrIrregular} {
		if _, err := Open(path); !errors.Is(err, want) || !errors.As(err, &wrong) || wrong.Path != path {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}
