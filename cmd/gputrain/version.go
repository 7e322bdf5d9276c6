package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(con console) error {
	text, err := versionText()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "gputrain %s\n", text)
	return err
}

// versionText returns the module version, the commit if the build recorded it,
// and the Go version.
func versionText() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("this build carries no version; build gputrain in module mode")
	}
	recorded := map[string]string{}
	for _, setting := range info.Settings {
		recorded[setting.Key] = setting.Value
	}
	commit := ""
	if revision := recorded["vcs.revision"]; revision != "" {
		commit = " commit " + revision
		if recorded["vcs.modified"] == "true" {
			commit += " with changes"
		}
	}
	return fmt.Sprintf("%s%s %s %s/%s", info.Main.Version, commit, info.GoVersion, runtime.GOOS, runtime.GOARCH), nil
}

// programHash returns the hash of this program's file. Two builds may have one version: with
// other tags, or other changes.
var programHash = sync.OnceValues(func() ([]byte, error) {
	file, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, program); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
})
