package main

import (
	"fmt"
	"strings"

	"gputrain/backend"
)

// showCommand groups the commands that draw how a network learns and computes.
type showCommand struct {
	Perceptron showPerceptronCommand `cmd:"" help:"Draw the separating line of a perceptron while it learns a logic gate."`
	Vanishing  showVanishingCommand  `cmd:"" help:"Draw how an error vanishes on its way back in time, and how LSTM keeps it."`
	LSTM       showLSTMCommand       `cmd:"" name:"lstm" help:"Draw gates, states and outputs of a trained LSTM while it reads."`
}

// openShow opens the CPU for a picture that depends on seed. The picture goes to
// out, which must end in suffix. openShow refuses to overwrite out and others.
func openShow(seed int64, suffix, out string, others ...string) (backend.Backend, error) {
	if seed < 0 {
		return nil, outOfRange("seed", seed, "0 or more")
	}
	if !strings.HasSuffix(out, suffix) {
		return nil, &settingError{"out", fmt.Sprintf("is %q; it must end in %s", out, suffix)}
	}
	for _, path := range append([]string{out}, others...) {
		if err := checkAbsent("out", path); err != nil {
			return nil, err
		}
	}
	return openCPU()
}
