package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"gputrain/internal/atomicfile"
)

// divergence is the content of diverged.json, which a run has whose training
// diverged, until it is resumed.
type divergence struct {
	Format int    `json:"format"`
	Epoch  int    `json:"epoch"` // in which it ended
	Error  string `json:"error"`
}

func (d runDir) writeDivergence(epoch int, diverged error) error {
	return atomicfile.Write(d.file(divergedName), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(divergence{runFormat, epoch, diverged.Error()})
	})
}

func (d runDir) removeDivergence() error {
	if err := os.Remove(d.file(divergedName)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
