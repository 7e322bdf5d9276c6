package main

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"

	"gputrain/internal/atomicfile"
)

// about is the content of about.json: what a run was made with, for those who read
// about it later.
type about struct {
	Format      int         `json:"format"`
	Environment [][2]string `json:"environment"` // of the process that began or went on last
	Data        []string    `json:"data"`        // what was understood of them
}

// writeAbout writes about.json. given is --data as the user gave it: what was said of
// the data may begin with their path, of which only the name is kept.
func (d runDir) writeAbout(s *settings, given string, said []string) error {
	version, err := versionText()
	if err != nil {
		return err
	}
	a := about{runFormat, [][2]string{{"gputrain", version}, {"machine", describeCPU()}, {"device", s.Device}}, nil}
	from, err := parseSource(given)
	if err != nil {
		return err
	}
	for _, line := range said {
		for _, path := range from.paths() {
			if path != "" {
				line = strings.ReplaceAll(line, path, filepath.Base(path))
			}
		}
		if line != "" {
			a.Data = append(a.Data, line)
		}
	}
	return atomicfile.Write(d.file(aboutName), func(w io.Writer) error { return json.NewEncoder(w).Encode(a) })
}
