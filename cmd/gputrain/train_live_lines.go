package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"gputrain/internal/atomicfile"
)

// linesLog appends a JSON object for each record to metrics.jsonl.
type linesLog struct{ file *os.File }

// maxLine bounds the bytes of a line; ours have about 200.
const maxLine = 1 << 16

// openLines opens the file of a run at path that has come so far. Later lines are
// dropped.
func openLines(path string, reached place) (*linesLog, error) {
	var kept bytes.Buffer
	file, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	defer file.Close()
	if err == nil {
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, maxLine)
		for lines.Scan() && keptLine(lines.Bytes(), &reached) {
			kept.Write(append(lines.Bytes(), '\n'))
		}
	}
	if err := atomicfile.Write(path, func(w io.Writer) error {
		_, err := kept.WriteTo(w)
		return err
	}); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return &linesLog{log}, err
}

// keptLine says whether a line belongs to the run so far. One that cannot be read
// was being written when the process died.
func keptLine(line []byte, reached *place) bool {
	var head struct {
		Event  string `json:"event"`
		Step   int    `json:"step"`
		Format int    `json:"format"`
	}
	return json.Unmarshal(line, &head) == nil && head.Format == runFormat && reached.has(head.Event, head.Step)
}

// append writes a line. Whoever reads along sees whole ones.
func (l *linesLog) append(r record) error {
	line := fmt.Appendf(nil, `{"event":%q,"time":%q,"epoch":%d,"step":%d`, r.event, r.time.UTC().Format(time.RFC3339Nano), r.epoch, r.step)
	for _, f := range r.figures {
		number, err := jsonNumber(f.value).MarshalJSON()
		if err != nil {
			return err
		}
		line = fmt.Appendf(line, `,%q:%s`, f.name, number)
	}
	line = fmt.Appendf(line, `,"format":%d}`+"\n", runFormat)
	_, err := l.file.Write(line)
	return err
}

func (l *linesLog) sync() error  { return l.file.Sync() }
func (l *linesLog) close() error { return l.file.Close() }
