package main

import (
	"fmt"
	"os"
	"strings"
)

// showCommand has a command for each system that is better seen than read of.
type showCommand struct {
	Perceptron showPerceptronCommand `cmd:"" help:"Draw the separating line of a perceptron while it learns a logic gate."`
	Vanishing  showVanishingCommand  `cmd:"" help:"Draw how an error vanishes on its way back in time, and in LSTM does not."`
	LSTM       showLSTMCommand       `cmd:"" name:"lstm" help:"Draw gates, states and outputs of a trained LSTM while it reads."`
}

// moviePaths returns where an animation and its last picture go: out, which is
// to end in .gif, and the same name with .png. It refuses files that are there.
func moviePaths(out string) (gif, png string, err error) {
	name, found := strings.CutSuffix(out, ".gif")
	if !found {
		return "", "", &settingError{"out", fmt.Sprintf("is %q; it must end in .gif", out)}
	}
	png = name + ".png"
	return out, png, checkAbsent(out, png)
}

// checkPicture refuses a path for a picture that does not end in .png, or is
// there.
func checkPicture(out string) error {
	if !strings.HasSuffix(out, ".png") {
		return &settingError{"out", fmt.Sprintf("is %q; it must end in .png", out)}
	}
	return checkAbsent(out)
}

// checkAbsent refuses to overwrite files.
func checkAbsent(paths ...string) error {
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s exists already: choose another --out", path)
		}
	}
	return nil
}
