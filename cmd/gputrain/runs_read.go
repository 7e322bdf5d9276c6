package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"gputrain/internal/inputfile"
)

// pastRun is what the folder of a run says of it.
type pastRun struct {
	dir      runDir
	state    string
	began    time.Time
	settings settings             // without folders of this machine
	epochs   int                  // that are done
	curves   map[string][]float64 // the columns of metrics.csv, NaN where a value is unknown
	result   map[string]any       // result.json; nil unless the run is finished
	diverged string               // why a diverged run ended
}

// The states of a run.
const (
	stateRunning  = "running"
	stateStopped  = "stopped" // by a signal, or an error: it can go on
	stateDiverged = "diverged"
	stateFinished = "finished"
)

// readRun reads the folder of a run.
func readRun(dir runDir) (r *pastRun, err error) {
	r = &pastRun{dir: dir}
	path := dir.file(configName)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s is not a run: %w", dir, err)
	}
	r.began = info.ModTime()
	text, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	if _, err := resolve(path, text); err != nil {
		return nil, err
	}
	settings, _, err := decodeSettings(path, string(text))
	if err != nil {
		return nil, err
	}
	if r.settings, err = settings.public(); err != nil {
		return nil, err
	}
	if err := readJSON(dir.file(resultName), &r.result); err != nil {
		return nil, err
	}
	var divergence divergence
	if err := readJSON(dir.file(divergedName), &divergence); err != nil {
		return nil, err
	}
	r.diverged = divergence.Error
	if r.state, err = r.findState(); err != nil {
		return nil, err
	}
	return r, r.readCurves()
}

// readJSON reads a small file of a run, which it may not have.
func readJSON(path string, into any) error {
	const most = 1 << 20
	file, err := inputfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, most)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (r *pastRun) findState() (string, error) {
	used, err := r.dir.inUse()
	switch {
	case err != nil:
		return "", err
	case used:
		return stateRunning, nil
	case r.result != nil:
		return stateFinished, nil
	case r.diverged != "":
		return stateDiverged, nil
	}
	return stateStopped, nil
}

// inUse reports whether a process has locked d.
func (d runDir) inUse() (bool, error) {
	lock := flock.New(d.file(lockName), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && !free, errors.Join(err, lock.Close())
}

// readCurves reads metrics.csv, up to a row that is being written.
func (r *pastRun) readCurves() error {
	r.curves = map[string][]float64{}
	path := r.dir.file(metricsName)
	file, err := inputfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	table := csv.NewReader(file)
	table.ReuseRecord = true
	header, err := table.Read()
	if err != nil {
		return fmt.Errorf("%s: it has no header: %w", path, err)
	}
	columns := slices.Clone(header)
	if columns[0] != "epoch" {
		return fmt.Errorf("%s: its first column is %q, want epoch", path, columns[0])
	}
	for row, err := table.Read(); err == nil; row, err = table.Read() {
		for i, text := range row {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				value = math.NaN()
			}
			r.curves[columns[i]] = append(r.curves[columns[i]], value)
		}
		r.epochs++
	}
	return nil
}

// bestEpoch returns the index of the epoch with the smallest validation loss; -1 if
// there is none.
func (r *pastRun) bestEpoch() int {
	best := -1
	for i, loss := range r.curves["validation_loss"] {
		if !math.IsNaN(loss) && (best < 0 || loss < r.curves["validation_loss"][best]) {
			best = i
		}
	}
	return best
}

// facts returns what one may ask of a run, by name: its settings, its state, the
// figures of its best epoch, and those of the test.
func (r *pastRun) facts() map[string]any {
	facts := map[string]any{"run": string(r.dir), "state": r.state, "began": r.began.Format("2006-01-02 15:04:05.000"), "epochs_done": r.epochs}
	for key, value := range r.settingValues() {
		facts[key] = value
	}
	if best := r.bestEpoch(); best >= 0 {
		facts["best_epoch"] = int(r.curves["epoch"][best])
		for name, curve := range r.curves {
			if strings.HasPrefix(name, "validation_") && !math.IsNaN(curve[best]) {
				facts[name] = curve[best]
			}
		}
	}
	for name, value := range r.result {
		if figure, ok := value.(float64); ok && strings.HasPrefix(name, "test_") {
			facts[name] = figure
		}
	}
	return facts
}

// settingValues returns the settings by their keys. Those in whose place there is a file
// of --network are "".
func (r *pastRun) settingValues() map[string]any {
	values := map[string]any{}
	object := reflect.ValueOf(r.settings)
	for _, field := range keyedFields(object.Type(), "toml") {
		values[keyOf(field, "toml")] = object.FieldByIndex(field.Index).Interface()
	}
	if r.settings.Network != "" {
		for _, key := range []string{"model", "hidden", "layers"} {
			values[key] = ""
		}
	}
	return values
}

// network describes the network in a word or two.
func (r *pastRun) network() string {
	s := &r.settings
	if s.Network != "" {
		return s.networkTitle()
	}
	return layer{Kind: s.Model, Hidden: s.Hidden, Layers: s.Layers, layerOptions: s.layerOptions}.text()
}

// findRuns reads the runs that names name: runs, folders of runs or of sweeps, or latest.
// It calls warn with what is wrong with a folder that looks like one of a run.
func findRuns(names []string, warn func(error)) ([]*pastRun, error) {
	var runs []*pastRun
	seen := map[string]bool{}
	add := func(dir string) {
		if dir = filepath.Clean(dir); seen[dir] {
			return
		}
		seen[dir] = true
		run, err := readRun(runDir(dir))
		if err != nil {
			warn(err)
			return
		}
		runs = append(runs, run)
	}
	var look func(path string, deeper int) error
	look = func(path string, deeper int) error {
		if runDir(path).has(configName) {
			add(path)
			return nil
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			below := filepath.Join(path, entry.Name())
			switch {
			case runDir(below).has(configName): // a link to a run is one too
				add(below)
			case entry.IsDir() && deeper > 0:
				if err := look(below, deeper-1); err != nil {
					warn(err)
				}
			}
		}
		return nil
	}
	for _, name := range names {
		path, err := findRun(name)
		if err != nil {
			return nil, err
		}
		const deeper = 3 // than the folder that is named
		if err := look(path, deeper-1); err != nil {
			return nil, err
		}
	}
	return runs, nil
}
