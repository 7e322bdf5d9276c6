package main

// halving is successive halving (K. Jamieson and A. Talwalkar, Non-stochastic Best Arm
// Identification and Hyperparameter Optimization, 2016): all trials train for some
// epochs, the best of them for eta times as many, the best of those again for eta times
// as many, and so on. A trial that goes on has the schedule of all its epochs from the
// beginning.
type halving struct {
	Eta    int `toml:"eta"`    // one of so many goes on
	Epochs int `toml:"epochs"` // of all trials
}

// rungs returns after how many epochs trials of so many epochs are compared.
func (h *halving) rungs(epochs int) (rungs []int) {
	if h == nil {
		return nil
	}
	for rung := h.Epochs; rung < epochs; rung *= h.Eta {
		rungs = append(rungs, rung)
	}
	return rungs
}

// promoted returns how many of some trials go on: one, if there are few.
func (h *halving) promoted(trials int) int { return min(trials, max(1, trials/h.Eta)) }
