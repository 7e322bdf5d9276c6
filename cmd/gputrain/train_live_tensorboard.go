package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gputrain/train/tensorboard"
)

// eventsLog appends records to an event file of TensorBoard.
type eventsLog struct {
	file   *os.File
	writer *tensorboard.Writer
}

// The name of an event file is this with the time at which it was begun, in seconds
// since 1970. TensorBoard reads the files of a folder in the order of their names.
const eventsName = "events.out.tfevents.%010d.gputrain"

// openEvents begins an event file for a run that has come so far. It cuts later events
// off those of the processes before. TensorBoard may be reading along: no file goes.
func openEvents(dir runDir, reached place) (*eventsLog, error) {
	paths, err := dir.eventFiles()
	if err != nil {
		return nil, err
	}
	first, now := reached.steps+1, time.Now()
	began := now.Unix()
	for _, path := range paths {
		if err := cutEvents(path, &reached); err != nil {
			return nil, err
		}
		var before int64
		if _, err := fmt.Sscanf(filepath.Base(path), eventsName, &before); err == nil {
			began = max(began, before+1) // whatever the clock says
		}
	}
	file, err := os.OpenFile(dir.file(fmt.Sprintf(eventsName, began)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	writer, err := tensorboard.NewWriter(file, now, int64(first))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &eventsLog{file, writer}, nil
}

// eventFiles returns the paths of the run's event files, one of each process that
// wrote any, the oldest first.
func (d runDir) eventFiles() (paths []string, err error) {
	entries, err := os.ReadDir(string(d))
	for _, entry := range entries {
		if ours, _ := filepath.Match("events.out.tfevents.*.gputrain", entry.Name()); ours {
			paths = append(paths, d.file(entry.Name()))
		}
	}
	return paths, err
}

// cutEvents cuts off what does not belong to a run that has come so far, and what
// cannot be read: it was being written when the process died.
func cutEvents(path string, reached *place) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	end := int64(0)
	for reader := tensorboard.NewReader(file); ; end = reader.End() {
		event, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, tensorboard.ErrDamaged) {
			break
		}
		if err != nil {
			return err
		}
		if len(event.Scalars) == 0 {
			continue
		}
		group, _, _ := strings.Cut(event.Scalars[0].Tag, "/")
		if !reached.has(group, int(event.Step)) {
			break
		}
	}
	return file.Truncate(end)
}

// append writes an event. Its tags begin with step/ or epoch/.
func (l *eventsLog) append(r record) error {
	event := tensorboard.Event{Time: r.time, Step: int64(r.step)}
	for _, f := range r.figures {
		if !math.IsNaN(f.value) {
			event.Scalars = append(event.Scalars, tensorboard.Scalar{Tag: r.event + "/" + f.name, Value: f.value})
		}
	}
	return l.writer.Write(event)
}

func (l *eventsLog) sync() error  { return l.file.Sync() }
func (l *eventsLog) close() error { return l.file.Close() }
