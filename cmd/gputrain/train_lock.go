package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockOwner is what the file lock says about the process that holds it.
type lockOwner struct {
	Format  int       `json:"format"`
	Process int       `json:"process"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
}

// ownerOffset is where the owner stands in the file. Windows denies others the
// first byte while it is locked.
const ownerOffset = 1

// runLock is the lock on a run's directory. It belongs to the system, not to the
// file: what a dead process left is no obstacle.
type runLock struct {
	path string
	*flock.Flock
}

// lock makes this process the only one that writes to the run, until it calls
// unlock or ends.
func (d runDir) lock() (*runLock, error) {
	path := d.file(lockName)
	for {
		l := &runLock{path, flock.New(path, flock.SetPermissions(0o666))}
		locked, err := l.TryLock()
		var system *fs.PathError
		switch {
		case errors.As(err, &system): // the file cannot be there
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%s: no lock against other processes: %w; choose an --out on a file system that has locks", path, err)
		case !locked:
			return nil, fmt.Errorf("%s is in use by %s: wait until it ends, or choose another --out", d, readOwner(path))
		}
		// A process that ended a moment ago may have removed the file that was opened
		// here, and another made a new one.
		if !l.inPlace() {
			l.Close()
			continue
		}
		if err := writeOwner(path); err != nil {
			l.unlock()
			return nil, err
		}
		return l, nil
	}
}

// inPlace reports whether the file that is locked is the one that others find.
func (l *runLock) inPlace() bool {
	held, err := l.Stat()
	there, missing := os.Stat(l.path)
	return err == nil && missing == nil && os.SameFile(held, there)
}

// check returns an error if another process may have locked the run meanwhile.
func (l *runLock) check() error {
	if l.inPlace() {
		return nil
	}
	return fmt.Errorf("%s is gone: somebody has removed it, or moved the directory, so that another process may write there; stopped", l.path)
}

func (l *runLock) unlock() {
	if !l.inPlace() {
		l.Close()
		return
	}
	removed := os.Remove(l.path) == nil
	l.Close()
	if !removed { // Windows removes no open file
		os.Remove(l.path)
	}
}

func writeOwner(path string) error {
	host, _ := os.Hostname() // for people to read only
	text, err := json.Marshal(lockOwner{runFormat, os.Getpid(), host, time.Now().Round(time.Second)})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(append(text, '\n'), ownerOffset)
	return errors.Join(err, file.Close())
}

// readOwner names the process that holds the lock at path, as far as is known.
func readOwner(path string) string {
	const unknown = "another process"
	file, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer file.Close()
	text := make([]byte, 1000)
	n, _ := file.ReadAt(text, ownerOffset)
	var owner lockOwner
	if json.Unmarshal(text[:n], &owner) != nil || owner.Process == 0 {
		return unknown // which has just taken it
	}
	return fmt.Sprintf("process %d on %s since %s", owner.Process, owner.Host, owner.Since.Format(time.DateTime))
}
