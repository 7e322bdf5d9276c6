package main

import (
	"errors"
	"fmt"
)

// labelDescription is what a model says of labels that hold or not.
type labelDescription struct {
	// Task is taskMultilabel if Targets are labels, each an output. Absent: it follows
	// from Targets and Classes.
	Task string `json:"task,omitempty"`
}

// checkLabels reports labels that cannot be.
func (d *description) checkLabels() error {
	switch {
	case d.Task != taskMultilabel:
		return fmt.Errorf("task is %q, which this version does not know", d.Task)
	case d.Targets == nil || d.Target != "" || d.Classes != nil:
		return errors.New("labels that hold or not, but no targets, or classes besides")
	case len(d.TargetShift)+len(d.TargetFactor) > 0 || d.Loss != "" || d.HuberDelta != 0:
		return errors.New("a scaling or a loss of numbers, but the targets hold or not")
	}
	if name, again := repeated(d.Targets); again {
		return fmt.Errorf("two targets are called %q", name)
	}
	return nil
}
