package main

import (
	"gputrain/data"
	"gputrain/train"
)

// checkLoss says why the settings of the loss do not fit the task of d.
func (s *settings) checkLoss(d *description) error {
	switch d.task() {
	case taskMultilabel:
		return s.checkLossOfLabels()
	case taskClassify:
		switch s.Loss {
		case "auto", "cross-entropy":
			return nil
		case lossBinary:
			return usagef("--loss %s is for labels that hold or not, but %s has classes; learn labels with --task %s", s.Loss, s.Data, taskMultilabel)
		}
		return usagef("--loss %s is for numbers, but %s has classes; learn numbers with --task %s", s.Loss, s.Data, taskRegress)
	}
	switch {
	case s.Loss == "cross-entropy":
		return usagef("--loss %s is for classes, but numbers are learned; learn classes with --task %s", s.Loss, taskClassify)
	case s.Loss == lossBinary:
		return usagef("--loss %s is for labels that hold or not, but numbers are learned; learn labels with --task %s", s.Loss, taskMultilabel)
	case s.ClassWeights != "none":
		return usagef("--class-weights %s is for classes, but numbers are learned", s.ClassWeights)
	case s.LabelSmoothing > 0:
		return usagef("--label-smoothing %v is for classes, but numbers are learned", s.LabelSmoothing)
	}
	return nil
}

// trainingLoss returns the loss that training makes small. set is the training set.
func (s *settings) trainingLoss(d *description, set *data.Dataset) train.Loss {
	switch d.task() {
	case taskRegress:
		return d.loss()
	case taskMultilabel:
		return s.lossOfLabels(set)
	}
	l := train.CrossEntropy{Smoothing: s.LabelSmoothing}
	if s.ClassWeights == "balanced" {
		l.Weights = balancedWeights(count(set))
	}
	return l
}

// balancedWeights returns a weight for each class, so that all classes weigh the same
// together and the mean over the samples is 1. A class without samples has none.
func balancedWeights(counts []int) []float64 {
	samples, occurring := 0, 0
	for _, n := range counts {
		if samples += n; n > 0 {
			occurring++
		}
	}
	weights := make([]float64, len(counts))
	for class, n := range counts {
		if n > 0 {
			weights[class] = float64(samples) / float64(occurring*n)
		}
	}
	return weights
}

// loss returns the loss that measures the model: of classes the plain cross-entropy,
// whatever they weighed in training.
func (d *description) loss() train.Loss {
	switch d.task() {
	case taskClassify:
		return train.CrossEntropy{}
	case taskMultilabel:
		return train.BCEWithLogits{}
	}
	switch d.Loss {
	case "mae":
		return train.L1{}
	case "huber":
		return train.Huber{Delta: d.HuberDelta}
	}
	return train.MSE{}
}

// lossName says in a few words what the loss is.
func (d *description) lossName() string {
	switch {
	case d.task() == taskClassify:
		return "cross-entropy"
	case d.task() == taskMultilabel:
		return "binary cross-entropy"
	case d.Loss == "mae":
		return "absolute error (scaled)"
	case d.Loss == "huber":
		return "Huber loss (scaled)"
	}
	return "squared error (scaled)"
}
