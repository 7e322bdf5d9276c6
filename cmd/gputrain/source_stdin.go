package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// stdinPath is the path of a source that is read from stdin.
const stdinPath = "-"

// stdinTable is a table that came from stdin. It is read more than once, so it is kept in a
// temporary file meanwhile.
type stdinTable struct {
	file  *os.File
	print fingerprint
}

func (s source) fromStdin() bool { return s.path == stdinPath }

// keepStdin reads stdin to its end.
func keepStdin(stdin io.Reader, cache string) (*stdinTable, error) {
	if stdin == nil {
		return nil, errNoStdin
	}
	const again = "pipe the table into this command; a run that is resumed needs the same table again"
	if file, ok := stdin.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return nil, usagef("--data csv:- reads stdin, which is a terminal or a device: %s", again)
		}
	}
	dir, err := cacheDir(cache)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("%w; name another folder for what comes from stdin with --cache", err)
	}
	file, err := os.CreateTemp(dir, ".stdin-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("%w; name another folder for what comes from stdin with --cache", err)
	}
	os.Remove(file.Name()) // where the system can, so that it goes with the process
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), stdin)
	t := &stdinTable{file, fingerprint{Size: n, SHA256: hex.EncodeToString(hash.Sum(nil))}}
	switch {
	case err != nil:
		t.close()
		return nil, fmt.Errorf("stdin, after %d bytes: %w; it is kept in %s while it is read: name another folder with --cache", n, err, shortPath(dir))
	case n == 0:
		t.close()
		return nil, errors.New("stdin is empty: " + again)
	}
	return t, nil
}

// errNoStdin is the error of commands that read no data from stdin.
var errNoStdin = errors.New("the data are on stdin, which only gputrain train reads: save them in a file, and name it with --data csv:FILE")

// begin returns the table from its beginning on.
func (t *stdinTable) begin() (io.Reader, error) {
	if t == nil {
		return nil, errNoStdin
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return t.file, err
}

func (t *stdinTable) close() {
	t.file.Close()
	os.Remove(t.file.Name())
}
