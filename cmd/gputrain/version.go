package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
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
