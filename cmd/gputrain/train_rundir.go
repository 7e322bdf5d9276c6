package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"gputrain/internal/atomicfile"
)

// The files of a run. docs/run-folder.md describes them.
const (
	lockName        = "lock"
	configName      = "config.toml"
	checkpointsName = "checkpoints"
	metricsName     = "metrics.csv"
	linesName       = "metrics.jsonl"
	modelName       = "model.safetensors"
	bestName        = "best.safetensors"
	curvesName      = "curves.png"
	confusionName   = "confusion.png"
	predictionsName = "predictions.png" // of a regression, in place of confusionName
	forecastName    = "forecast.png"    // of series
	rocName         = "roc.png"         // of labels, in place of confusionName
	resultName      = "result.json"     // written last
	divergedName    = "diverged.json"
	aboutName       = "about.json"
	initialName     = "initial.safetensors"
)

// runFormat is the version of the files, which each of them holds.
const runFormat = 1

// runDir is the directory of a run.
type runDir string

func (d runDir) file(name string) string { return filepath.Join(string(d), name) }

// has reports whether d has a file of that name.
func (d runDir) has(name string) bool {
	_, err := os.Lstat(d.file(name))
	return err == nil
}

// createRun makes and locks the directory of a new run at path; "" means one
// under runs that is named after the time and name. It refuses a directory that
// holds a run, but not one whose process was killed before its first checkpoint.
func createRun(path, name string) (dir runDir, lock *runLock, err error) {
	if dir, lock, err = createLocked(path, name); err != nil {
		return "", nil, err
	}
	if err := inOrder(dir.checkUnused, dir.clean); err != nil {
		lock.unlock()
		return "", nil, err
	}
	return dir, lock, nil
}

// checkUnused refuses a directory with files that a new run would replace.
func (d runDir) checkUnused() error {
	checkpoints, err := d.checkpoints()
	if err != nil {
		return err
	}
	if len(checkpoints) > 0 {
		return fmt.Errorf("%s holds a run already (%s): go on with --resume, or choose another --out", d, checkpointsName)
	}
	names := []string{modelName, bestName, curvesName, confusionName, predictionsName, rocName, forecastName, resultName}
	if _, err := d.readConfig(); err != nil {
		names = append(names, configName, metricsName, linesName, divergedName, aboutName, initialName, networkName) // not from a run, so someone else's
		events, err := d.eventFiles()
		if err != nil {
			return err
		}
		for _, path := range events {
			names = append(names, filepath.Base(path))
		}
	}
	for _, name := range names {
		if d.has(name) {
			return fmt.Errorf("%s holds a run already (%s): choose another --out", d, name)
		}
	}
	return nil
}

// openRun returns and locks the directory of a run that began.
func openRun(path string) (dir runDir, lock *runLock, err error) {
	dir = runDir(path)
	if _, err := dir.readConfig(); err != nil {
		return "", nil, fmt.Errorf("%s is not a run: %w", path, err)
	}
	if lock, err = dir.lock(); err != nil {
		return "", nil, err
	}
	if err := dir.clean(); err != nil {
		lock.unlock()
		return "", nil, err
	}
	return dir, lock, nil
}

// clean removes the files that a killed process did not finish.
func (d runDir) clean() error {
	return errors.Join(atomicfile.Clean(string(d)), atomicfile.Clean(d.file(checkpointsName)))
}

// runsName is the directory of the runs that have no --out.
const runsName = "runs"

// latestRun is what a command line calls the run in runs that began last.
const latestRun = "latest"

// findRun returns the directory of the run that a command line names. A directory
// that is called latest comes first.
func findRun(name string) (string, error) {
	if _, err := os.Lstat(name); name != latestRun || err == nil {
		return name, nil
	}
	configs, err := filepath.Glob(filepath.Join(runsName, "*", configName))
	if err != nil {
		return "", err
	}
	var latest string
	var began time.Time
	for _, config := range configs {
		info, err := os.Stat(config)
		if err != nil {
			return "", err
		}
		if t := info.ModTime(); latest == "" || t.After(began) {
			latest, began = filepath.Dir(config), t
		}
	}
	if latest == "" {
		return "", fmt.Errorf("there is no latest run: %s holds none; name the directory of a run", runsName)
	}
	return latest, nil
}

// formatKey is the key of the version in config.toml. A file written by hand may
// lack it.
const formatKey = "format"

// configFile is the content of config.toml.
type configFile struct {
	Format int `toml:"format"`
	settings
}

// writeConfig writes s below comments.
func (d runDir) writeConfig(s *settings, comments []string) error {
	return atomicfile.Write(d.file(configName), func(w io.Writer) error {
		for _, comment := range comments {
			if _, err := fmt.Fprintln(w, comment); err != nil {
				return err
			}
		}
		return s.encode(w)
	})
}

// encode writes s as TOML.
func (s *settings) encode(w io.Writer) error {
	return toml.NewEncoder(w).Encode(configFile{runFormat, *s})
}

// readConfig returns the text of the config.toml that writeConfig wrote.
func (d runDir) readConfig() (string, error) {
	text, err := os.ReadFile(d.file(configName))
	if err != nil {
		return "", err
	}
	var config struct{ Format int }
	if _, err := toml.Decode(string(text), &config); err != nil || config.Format != runFormat {
		return "", fmt.Errorf("%s is not that of a run: its format is not %d", d.file(configName), runFormat)
	}
	return string(text), nil
}

// runResult is the content of result.json.
type runResult struct {
	Format       int     `json:"format"`
	Epochs       int     `json:"epochs"`
	TestAccuracy float64 `json:"test_accuracy"`
	TestLoss     float64 `json:"test_loss"`
	Correct      int     `json:"correct"`
	Count        int     `json:"count"`
}

// regressionRunResult is the content of result.json for a regression.
type regressionRunResult struct {
	Format int `json:"format"`
	Epochs int `json:"epochs"`
	regressionFigures
}

// multilabelRunResult is the content of result.json for labels.
type multilabelRunResult struct {
	Format int `json:"format"`
	Epochs int `json:"epochs"`
	multilabelFigures
}

// writeResult writes the result of a run of so many epochs.
func (d runDir) writeResult(epochs int, m *evaluation) error {
	return atomicfile.Write(d.file(resultName), func(w io.Writer) error {
		switch {
		case m.series != nil:
			return json.NewEncoder(w).Encode(seriesRunResult{runFormat, epochs, m.seriesFigures()})
		case m.regression != nil:
			return json.NewEncoder(w).Encode(regressionRunResult{runFormat, epochs, m.regressionFigures()})
		case m.multilabel != nil:
			return json.NewEncoder(w).Encode(multilabelRunResult{runFormat, epochs, m.multilabelFigures()})
		}
		return json.NewEncoder(w).Encode(runResult{runFormat, epochs, m.Accuracy, m.Loss, m.Correct, m.Count})
	})
}

// checkpointSuffix ends the names of the checkpoints, damagedSuffix those of the
// ones that cannot be read.
const (
	checkpointSuffix = ".safetensors"
	damagedSuffix    = ".damaged"
)

// checkpointFile returns the path of the checkpoint after this many steps. The
// names sort by step.
func (d runDir) checkpointFile(step int) string {
	return d.file(filepath.Join(checkpointsName, fmt.Sprintf("step-%010d%s", step, checkpointSuffix)))
}

// checkpoints returns the steps of the checkpoints, the newest first.
func (d runDir) checkpoints() ([]int, error) {
	entries, err := os.ReadDir(d.file(checkpointsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var steps []int
	for _, entry := range entries {
		digits := strings.TrimSuffix(strings.TrimPrefix(entry.Name(), "step-"), checkpointSuffix)
		step, err := strconv.Atoi(digits)
		if err == nil && entry.Name() == filepath.Base(d.checkpointFile(step)) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	slices.Reverse(steps)
	return steps, err
}
