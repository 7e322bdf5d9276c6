package main

import (
	"gputrain/data"
	"gputrain/train"
)

// lossBinary is the value of settings.Loss for train.BCEWithLogits.
const lossBinary = "bce"

// taskAsked returns the task that the settings ask for: a binary cross-entropy is for
// labels, also for a single one.
func (s *settings) taskAsked() string {
	if s.Task == "auto" && s.Loss == lossBinary {
		return taskMultilabel
	}
	return s.Task
}

// checkLossOfLabels says why the settings of the loss do not fit labels.
func (s *settings) checkLossOfLabels() error {
	switch {
	case s.Loss != "auto" && s.Loss != lossBinary:
		return usagef("--loss %s is not for labels that hold or not; leave it out, or say %s", s.Loss, lossBinary)
	case s.LabelSmoothing > 0:
		return usagef("--label-smoothing %v is for classes, but labels are learned, each by itself", s.LabelSmoothing)
	}
	return nil
}

// lossOfLabels returns the loss that makes a network learn the labels of set. With
// balanced weights the rows where a label holds weigh as much as the others together.
func (s *settings) lossOfLabels(set *data.Dataset) train.Loss {
	if s.ClassWeights != "balanced" {
		return train.BCEWithLogits{}
	}
	var weights []float64
	for _, n := range holding(set.Targets, set.TargetWidth) {
		weights = append(weights, float64(set.Len()-n)/float64(n)) // checkLabels has seen to it that n is above 0
	}
	return train.BCEWithLogits{PosWeight: weights}
}
