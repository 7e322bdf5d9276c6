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

// checkAbsent refuses a path that exists. flag is where the user named it.
func checkAbsent(flag, path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fmt.Errorf("%s exists already: choose another --%s", path, flag)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// createLocked makes and locks the directory at path, which may exist; "" means one
// under runs that is named after the time and name.
func createLocked(path, name string) (dir runDir, lock *runLock, err error) {
	if path == "" {
		path, err = createNamed(filepath.Join(runsName, timestamp(time.Now())+"-"+name))
	} else {
		err = os.MkdirAll(path, 0o777)
	}
	if err != nil {
		return "", nil, err
	}
	dir = runDir(path)
	lock, err = dir.lock()
	return dir, lock, err
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
