package main

import (
	"encoding/json"
	"errors"
	"fmt"
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

// lock makes this process the only one that writes to the run, until it calls
// unlock or ends. The lock belongs to the system, not to the file: what a dead
// process left is no obstacle.
func (d runDir) lock() (unlock func(), err error) {
	path := d.file(lockName)
	for {
		lock := flock.New(path, flock.SetPermissions(0o666))
		switch locked, err := lock.TryLock(); {
		case err != nil:
			return nil, fmt.Errorf("%s: no lock against other processes: %w; choose an --out on a file system that has locks", path, err)
		case !locked:
			return nil, fmt.Errorf("%s is in use by %s: wait until it ends, or choose another --out", d, readOwner(path))
		}
		// A process that ended a moment ago may have removed the file that was opened
		// here, and another made a new one.
		held, err := lock.Stat()
		if there, missing := os.Stat(path); err != nil || missing != nil || !os.SameFile(held, there) {
			lock.Close()
			continue
		}
		unlock := func() {
			removed := os.Remove(path) == nil
			lock.Close()
			if !removed { // Windows removes no open file
				os.Remove(path)
			}
		}
		if err := writeOwner(path); err != nil {
			unlock()
			return nil, err
		}
		return unlock, nil
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
