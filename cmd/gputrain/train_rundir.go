package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/BurntSushi/toml"

	"gputrain/internal/atomicfile"
	"gputrain/train"
)

// The files of a run.
const (
	modelName      = "model.safetensors"
	checkpointName = "checkpoint.safetensors" // while the run is unfinished
	configName     = "config.toml"
	metricsName    = "metrics.csv"
	curvesName     = "curves.png"
	confusionName  = "confusion.png"
)

// runDir is the directory of a run.
type runDir string

func (d runDir) file(name string) string { return filepath.Join(string(d), name) }

// createRun makes the directory of a new run at path; "" means one under runs
// that is named after the time and name. It refuses one that holds a run.
func createRun(path, name string) (runDir, error) {
	dir, err := createDir(path, name, "a run",
		[]string{modelName, checkpointName, configName, metricsName, curvesName, confusionName})
	return runDir(dir), err
}

// openRun returns the directory of an unfinished run.
func openRun(path string) (runDir, error) {
	dir := runDir(path)
	_, err := os.Stat(dir.file(checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s has no %s: the run is finished, or never began", path, checkpointName)
	}
	return dir, err
}

// writeConfig writes s below comments.
func (d runDir) writeConfig(s *settings, comments []string) error {
	return atomicfile.Write(d.file(configName), func(w io.Writer) error {
		for _, comment := range comments {
			if _, err := fmt.Fprintln(w, comment); err != nil {
				return err
			}
		}
		return toml.NewEncoder(w).Encode(s)
	})
}

func (d runDir) writeMetrics(history []train.Epoch) error {
	return atomicfile.Write(d.file(metricsName), func(w io.Writer) error {
		table := csv.NewWriter(w)
		rows := [][]string{{"epoch", "lr", "train_loss", "validation_loss", "validation_accuracy", "seconds", "samples_per_second"}}
		for _, e := range history {
			row := []string{strconv.Itoa(e.Epoch)}
			for _, value := range []float64{e.LR, e.TrainLoss, e.ValidLoss, e.ValidAccuracy, e.Seconds, e.SamplesPerSecond} {
				row = append(row, number(value))
			}
			rows = append(rows, row)
		}
		return table.WriteAll(rows)
	})
}

// number formats x to six digits. NaN means unknown and becomes "".
func number(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
