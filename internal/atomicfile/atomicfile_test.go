package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// wantDir checks that dir holds exactly the named files with the given content.
func wantDir(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if content, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || string(content) != want[e.Name()] {
			t.Errorf("%s holds %q, %v, want %q", e.Name(), content, err, want[e.Name()])
		}
	}
	if len(names) != len(want) {
		t.Errorf("the directory holds %q, want %d files", names, len(want))
	}
}

func TestWriteCreatesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	for _, content := range []string{"first", "the second one", ""} {
		if err := Write(path, text(content)); err != nil {
			t.Fatal(err)
		}
		wantDir(t, dir, map[string]string{"model": content})
	}
}

func TestWriteGivesThePermissionsOfCreate(t *testing.T) {
	dir := t.TempDir()
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := Write(filepath.Join(dir, "atomic"), text("x")); err != nil {
		t.Fatal(err)
	}
	want, err := plain.Stat()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(filepath.Join(dir, "atomic"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("mode %v, os.Create gives %v", got.Mode(), want.Mode())
	}
}

func TestWriteLeavesNothingOnError(t *testing.T) {
	failure := errors.New("disk on fire")
	failing := func(w io.Writer) error {
		io.WriteString(w, "half of it")
		return failure
	}
	for name, existing := range map[string]map[string]string{
		"no file before": {},
		"a file before":  {"model": "old"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range existing {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := Write(filepath.Join(dir, "model"), failing)
			if !errors.Is(err, failure) || !strings.Contains(err.Error(), "model") {
				t.Errorf("error %v, want one that wraps %q and names the file", err, failure)
			}
			wantDir(t, dir, existing)
		})
	}
}

func TestWriteLeavesNothingOnPanic(t *testing.T) {
	dir := t.TempDir()
	defer func() {
		if recover() == nil {
			t.Error("the panic of write was swallowed")
		}
		wantDir(t, dir, nil)
	}()
	Write(filepath.Join(dir, "model"), func(io.Writer) error { panic("write") })
}

func TestWriteRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"a directory":            dir,
		"in a missing directory": filepath.Join(dir, "missing", "model"),
		"the null device":        os.DevNull,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "the null device" && runtime.GOOS == "windows" {
				t.Skip("its name is no path")
			}
			err := Write(path, func(io.Writer) error {
				t.Error("write was called")
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that names %s", err, path)
			}
		})
	}
	wantDir(t, dir, nil)
}

func TestWriteToUnwritableDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if probe, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		probe.Close()
		t.Skip("this user may write to any directory")
	}
	if err := Write(filepath.Join(dir, "model"), text("x")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v, want %v", err, os.ErrPermission)
	}
	wantDir(t, dir, nil)
}

func TestWriteKeepsSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	wantDir(t, dir, map[string]string{"target": "new", "link": "new"})
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
}

// A process that is killed within Write leaves its temporary file, which Clean
// removes and nothing else.
func TestCleanRemovesWhatAKilledWriteLeft(t *testing.T) {
	dir := t.TempDir()
	file, err := createTemp(filepath.Join(dir, "model"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	kept := map[string]string{}
	for _, name := range []string{"model", ".model.tmp", ".model.0123456g.tmp", "model.01234567.tmp", ".hidden"} {
		kept[name] = name
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	wantDir(t, dir, kept)
	if err := Clean(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("a directory that does not exist: %v", err)
	}
}
