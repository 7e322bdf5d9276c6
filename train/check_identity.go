package train

import (
	"errors"
	"fmt"

	"gputrain/data"
)

// learned is what a trainer knows of the sets that its network learned from.
type learned struct {
	train, valid *data.Dataset // of the last Fit in this process; nil before
	digests      *digests      // of these, or of a checkpoint; nil until needed
	bound        bool          // the next Fit must have sets of these digests
}

// digest returns the digests, nil if there was no Fit. Computing them takes about
// as long as reading the sets once, so it is done when they are needed: to save,
// and when Fit stops in the middle of an epoch.
func (l *learned) digest() *digests {
	if l.digests == nil && l.train != nil {
		l.digests = &digests{Training: l.train.Digest()}
		if l.valid != nil {
			d := l.valid.Digest()
			l.digests.Validation = &d
		}
	}
	return l.digests
}

// errOtherSet says what can be done about another set.
var errOtherSet = errors.New("continue with the same set, or load the parameters alone (model.Network.Load) and begin a run of its own")

// checkTraining says how set differs from the one that the network learned from.
func (l *learned) checkTraining(set *data.Dataset) error {
	if !l.bound {
		return nil
	}
	if differs := set.Digest().Differs(l.digests.Training); differs != "" {
		return fmt.Errorf("it is not the one that this run began with: it has %s; %w", differs, errOtherSet)
	}
	return nil
}

// checkValidation says how set, nil if there is none, differs from the one before.
func (l *learned) checkValidation(set *data.Dataset) error {
	if !l.bound {
		return nil
	}
	switch before := l.digests.Validation; {
	case set == nil && before != nil:
		return fmt.Errorf("there is none, but this run began with one; %w", errOtherSet)
	case set != nil && before == nil:
		return fmt.Errorf("this run began without one; %w", errOtherSet)
	case set != nil:
		if differs := set.Digest().Differs(*before); differs != "" {
			return fmt.Errorf("it is not the one that this run began with: it has %s; %w", differs, errOtherSet)
		}
	}
	return nil
}
