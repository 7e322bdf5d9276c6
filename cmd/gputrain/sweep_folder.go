package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/internal/atomicfile"
)

// The files of a sweep, beside the folders of its trials. docs/sweep.md describes them.
const (
	sweepsName      = "sweeps"     // the directory of the sweeps that have no --out
	sweepName       = "sweep.toml" // a copy of the file that describes the sweep
	sweepTableName  = "sweep.csv"
	sweepFigureName = "sweep.png"
)

// sweepDir is the directory of a sweep.
type sweepDir string

func (d sweepDir) file(name string) string { return filepath.Join(string(d), name) }

// trial returns the directory of a trial, counted from 0.
func (d sweepDir) trial(i int) runDir { return runDir(d.file(fmt.Sprintf("trial-%04d", i+1))) }

// open makes or opens the directory of the sweep that text, the file called name,
// describes, and locks it. A sweep that began goes on with the same trials; others may
// follow them, so p.trials may have another order then. notes say what the user should
// know.
func (p *sweepPlan) open(dir sweepDir, name string, text []byte) (lock *runLock, notes []string, err error) {
	if err := os.MkdirAll(string(dir), 0o777); err != nil {
		return nil, nil, err
	}
	held, err := runDir(dir).lock()
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			held.unlock()
		}
	}()
	if err := atomicfile.Clean(string(dir)); err != nil {
		return nil, nil, err
	}
	if !runDir(dir).has(sweepName) {
		entries, err := os.ReadDir(string(dir))
		if err != nil {
			return nil, nil, err
		}
		for _, entry := range entries {
			if entry.Name() != lockName {
				return nil, nil, fmt.Errorf("%s is no sweep, and has %s: choose another --out", dir, entry.Name())
			}
		}
	} else if err := p.checkChoiceOf(dir, name); err != nil {
		return nil, nil, err
	}
	begun, trained, err := p.goOn(dir, name)
	if err != nil {
		return nil, nil, err
	}
	if added := len(p.trials) - begun; begun > 0 && added > 0 {
		if p.Halving != nil && trained {
			return nil, nil, fmt.Errorf("%s has %s more than %s began with, whose trials have been compared already: choose another --out", name, plural(added, "trial", "trials"), dir)
		}
		notes = append(notes, fmt.Sprintf("%s to the %d before", plural(added, "trial is added", "trials are added"), begun))
	}
	if err := atomicfile.Write(dir.file(sweepName), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}); err != nil {
		return nil, nil, err
	}
	for i := begun; i < len(p.trials); i++ {
		if err := os.MkdirAll(string(dir.trial(i)), 0o777); err != nil {
			return nil, nil, err
		}
		if err := dir.trial(i).writeConfig(&p.trials[i], nil); err != nil {
			return nil, nil, err
		}
	}
	return held, notes, nil
}

// checkChoiceOf returns an error if the sweep in dir chooses its trials in another way.
func (p *sweepPlan) checkChoiceOf(dir sweepDir, name string) error {
	path := dir.file(sweepName)
	text, err := readConfig(path)
	if err != nil {
		return err
	}
	before, err := readChoice(path, string(text))
	if err != nil {
		return err
	}
	refuse := func(key string, now, before any) error {
		return fmt.Errorf("%s has %s %v, but %s began with %v: put that back, or choose another --out", name, key, now, dir, before)
	}
	switch now := p.choice; {
	case (now.Halving == nil) != (before.Halving == nil):
		return fmt.Errorf("only one of %s and %s has the table [%s]: put that back, or choose another --out", name, path, halvingTable)
	case now.Halving == nil: // by decides nothing
	case *now.Halving != *before.Halving:
		return refuse("["+halvingTable+"]", fmt.Sprintf("eta %d, epochs %d", now.Halving.Eta, now.Halving.Epochs),
			fmt.Sprintf("eta %d, epochs %d", before.Halving.Eta, before.Halving.Epochs))
	case now.Search.By != before.Search.By:
		return refuse("["+searchTable+"] by", now.Search.By, before.Search.By)
	}
	return nil
}

// goOn orders p.trials as in dir, and returns how many of them dir has, and whether any
// of those has been trained. It returns an error if dir has others.
func (p *sweepPlan) goOn(dir sweepDir, name string) (begun int, trained bool, err error) {
	canonical := func(s *settings) (string, error) {
		var text strings.Builder
		err := s.encode(&text)
		return text.String(), err
	}
	planned := make([]string, len(p.trials))
	for i := range p.trials {
		if planned[i], err = canonical(&p.trials[i]); err != nil {
			return 0, false, err
		}
	}
	for ; dir.trial(begun).has(configName); begun++ {
		trial := dir.trial(begun)
		path := trial.file(configName)
		text, err := readConfig(path)
		if err != nil {
			return 0, false, err
		}
		before, _, err := decodeSettings(path, string(text))
		if err != nil {
			return 0, false, err
		}
		its, err := canonical(&before)
		if err != nil {
			return 0, false, err
		}
		at := slices.Index(planned[min(begun, len(planned)):], its)
		if at < 0 {
			return 0, false, p.differs(&before, begun, trial, name)
		}
		// Those before it that are new come later.
		for at += begun; at > begun; at-- {
			p.trials[at], p.trials[at-1] = p.trials[at-1], p.trials[at]
			planned[at], planned[at-1] = planned[at-1], planned[at]
		}
		trained = trained || trial.has(metricsName)
	}
	return begun, trained, nil
}

// differs returns an error that says what the file called name has changed, so that the
// trial with the settings before is none of its trials.
func (p *sweepPlan) differs(before *settings, number int, trial runDir, name string) error {
	var constant, varied []string
	for _, c := range p.trials[min(number, len(p.trials)-1)].changes(before) {
		if slices.ContainsFunc(p.variables, func(v variable) bool { return v.key == c.key }) {
			varied = append(varied, fmt.Sprintf("%s %v", c.key, c.before))
		} else {
			constant = append(constant, c.String())
		}
	}
	if len(constant) > 0 {
		return fmt.Errorf("%s has changed since %s began: it has %s; put that back, or choose another --out", name, trial, strings.Join(constant, ", "))
	}
	if len(varied) == 0 {
		return fmt.Errorf("%s has changed since %s began: it has fewer trials; put them back, or choose another --out", name, trial)
	}
	return fmt.Errorf("%s has changed since %s began: no trial of it has %s any more; put that back, or choose another --out", name, trial, strings.Join(varied, ", "))
}
