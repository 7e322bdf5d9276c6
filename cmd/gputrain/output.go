package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// timestamp begins the names that results get by default.
func timestamp(now time.Time) string { return now.Format("20060102-150405") }

// checkAbsent refuses a path that exists.
func checkAbsent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fmt.Errorf("%s exists already: choose another --out", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// createDir makes the directory for results at path; "" means one under runs
// that is named after the time and name. It refuses a directory that holds one
// of the files of what, such as "a run".
func createDir(path, name, what string, files []string) (string, error) {
	if path == "" {
		return createNamed(filepath.Join("runs", timestamp(time.Now())+"-"+name))
	}
	for _, file := range files {
		if _, err := os.Lstat(filepath.Join(path, file)); err == nil {
			return "", fmt.Errorf("%s holds %s already (%s): choose another --out", path, what, file)
		}
	}
	return path, os.MkdirAll(path, 0o777)
}

// createNamed makes the directory at path, or at path-2, path-3, ... if another
// process was faster.
func createNamed(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	for n, try := 2, path; ; n++ {
		err := os.Mkdir(try, 0o777)
		if !errors.Is(err, fs.ErrExist) {
			return try, err
		}
		try = fmt.Sprintf("%s-%d", path, n)
	}
}
