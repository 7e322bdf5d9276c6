package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gputrain/internal/atomicfile"
	"gputrain/train"
)

// metricsLog appends a row for each epoch to metrics.csv. It writes at most once
// in a second, so that an epoch may take a millisecond.
type metricsLog struct {
	file    *os.File
	buffer  *bufio.Writer
	row     []byte
	written time.Time
}

// The columns of metrics.csv. Seconds, samples_per_second and sum_seconds are empty where a
// process died before it wrote them.
var metricsColumns = []string{"epoch", "lr", "train_loss", "validation_loss", "validation_accuracy", "seconds", "samples_per_second", "sum_seconds", "format"}

// openMetrics opens the metrics of a run that has the given history. Rows of
// epochs that the run has to repeat are dropped.
func openMetrics(path string, history []train.Epoch) (*metricsLog, error) {
	rows, err := keptRows(path, history)
	if err != nil {
		return nil, err
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		table := csv.NewWriter(w)
		return errors.Join(table.Write(metricsColumns), table.WriteAll(rows))
	})
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return &metricsLog{file: file, buffer: bufio.NewWriter(file), written: time.Now()}, nil
}

// keptRows returns a row for each epoch of history: the one of the file at path
// if that belongs to the epoch, for the sake of its wall time.
func keptRows(path string, history []train.Epoch) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	defer file.Close()
	table := csv.NewReader(file)
	table.Read() // the header
	var rows [][]string
	for _, epoch := range history {
		row := strings.Split(strings.TrimSuffix(string(appendRow(nil, epoch)), "\n"), ",")
		// A row that cannot be read was being written when the process died.
		if old, err := table.Read(); err == nil && sameEpoch(old, row) {
			row = old
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// sameEpoch compares two rows in all columns but those of the wall time.
func sameEpoch(a, b []string) bool {
	timed := slices.Index(metricsColumns, "seconds")
	return len(a) == len(b) && slices.Equal(a[:timed], b[:timed]) && a[len(a)-1] == b[len(b)-1]
}

// appendRow appends the row of an epoch, whose fields need no quotes.
func appendRow(row []byte, e train.Epoch) []byte {
	row = append(strconv.AppendInt(row, int64(e.Epoch), 10), ',')
	for _, value := range [...]float64{e.LR, e.TrainLoss, e.ValidLoss, e.ValidAccuracy, e.Seconds, e.SamplesPerSecond, e.SumSeconds} {
		row = append(appendNumber(row, value), ',')
	}
	return append(strconv.AppendInt(row, runFormat, 10), '\n')
}

// append adds a row.
func (m *metricsLog) append(e train.Epoch) error {
	m.row = appendRow(m.row[:0], e)
	if _, err := m.buffer.Write(m.row); err != nil {
		return err
	}
	if time.Since(m.written) < time.Second {
		return nil
	}
	return m.flush()
}

// flush writes the rows that are still in memory.
func (m *metricsLog) flush() error {
	m.written = time.Now()
	return m.buffer.Flush()
}

func (m *metricsLog) close() error { return errors.Join(m.flush(), m.file.Close()) }

// appendNumber appends x with six digits. NaN means unknown and becomes "".
func appendNumber(text []byte, x float64) []byte {
	if math.IsNaN(x) {
		return text
	}
	return strconv.AppendFloat(text, x, 'g', 6, 64)
}
