package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyFile copies a file.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	writeFile(t, to, readFile(t, from))
}

func TestACheckpointOfAnotherRunIsNotTakenForItsOwn(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	args := quick("--model", "mlp", "--epochs", "3", "--out")
	gputrain(append(args, "run")...).want(t, 0)
	for _, c := range []struct {
		flag, value, want string
	}{
		{"--seed", "2", "the run began with seed 2, and cannot go on with 1"},
		{"--optimizer", "adamw", "the run began with optimizer adamw, and cannot go on with adam"},
		{"--init-from", "run", "the run began with init-from run, and cannot go on with "},
	} {
		other := "other" + c.flag
		gputrain(append(args, other, c.flag, c.value)...).want(t, 0)
		checkpoint := runDir("run").checkpointFile(61) // it would be the newest
		copyFile(t, newestCheckpoint(t, runDir(other)), checkpoint)
		wantFailure(t, exitFailure, []string{checkpoint, c.want}, "train", "--resume", "run", "--epochs", "4")
		os.Remove(checkpoint)
	}
	// What a resumed run may change may differ, but not without a word. It makes no
	// difference who changed it.
	gputrain(append(args, "fast", "--lr", "0.5")...).want(t, 0)
	copyFile(t, newestCheckpoint(t, "fast"), newestCheckpoint(t, "run"))
	o := gputrain("train", "--resume", "run", "--epochs", "4").want(t, 0)
	if want := "resumed in epoch 4 with epochs 4 (before 3), lr 0.02 (before 0.5)"; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q has no %q", o.errors, want)
	}
	config := readFile(t, "run/config.toml")
	writeFile(t, "run/config.toml", strings.Replace(config, "clip = 1.0", "clip = 3.0", 1))
	o = gputrain("train", "--resume", "run", "--epochs", "5").want(t, 0)
	if want := "resumed in epoch 5 with epochs 5 (before 4), clip 3 (before 1)"; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q has no %q", o.errors, want)
	}
}

// A checkpoint of a later name would be the newest for ever.
func TestARenamedCheckpointIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--model", "mlp", "--out", "run")...).want(t, 0)
	checkpoint := newestCheckpoint(t, "run")
	renamed := runDir("run").checkpointFile(9999)
	if err := os.Rename(checkpoint, renamed); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, exitFailure, []string{renamed, "it is the checkpoint after step 40, which is called " + filepath.Base(checkpoint)},
		"train", "--resume", "run", "--epochs", "4")
}

// writePictures writes samples of 2x2 pixels, as MNIST has them.
func writePictures(t *testing.T, prefix string, samples int) {
	t.Helper()
	var pixels, classes []byte
	for i := range samples {
		pixels = append(pixels, byte(i), byte(200*(i%2)), byte(7*i), 9)
		classes = append(classes, byte(i%2))
	}
	writeFile(t, prefix+"-images-idx3-ubyte", idxImages(uint32(samples), pixels...))
	writeFile(t, prefix+"-labels-idx1-ubyte", idxLabels(uint32(samples), classes...))
}

// The test set of its own is part of what a run is: its figure is that of the run.
func TestAChangedTestSetIsRefused(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("pictures", 0o777); err != nil {
		t.Fatal(err)
	}
	writePictures(t, "pictures/train", 60)
	writePictures(t, "pictures/t10k", 20)
	gputrain(quick("--model", "mlp", "--data", "idx:pictures", "--out", "run")...).want(t, 0)
	gputrain("train", "--resume", "run", "--epochs", "3").want(t, 0)
	damage(t, "pictures/t10k-images-idx3-ubyte")
	wantFailure(t, exitFailure, []string{"pictures has changed since the run began: its test set has other inputs"}, "train", "--resume", "run", "--epochs", "4")
	writePictures(t, "pictures/t10k", 22)
	wantFailure(t, exitFailure, []string{"its test set has 22 samples instead of 20"}, "train", "--resume", "run", "--epochs", "4")
}

// A run does not need the model any more that it began from.
func TestTheInitialModelMayGo(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	args := quick("--model", "mlp", "--epochs", "3", "--out")
	gputrain(append(args, "first")...).want(t, 0)
	gputrain(append(args, "whole", "--init-from", "first")...).want(t, 0)
	gputrain(append(args, "run", "--init-from", "first")...).want(t, 0)
	// As if the process had died before its first checkpoint.
	if err := os.RemoveAll("run/checkpoints"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{modelName, bestName, resultName, curvesName, confusionName} {
		os.Remove(runDir("run").file(name))
	}
	os.RemoveAll("first")
	gputrain("train", "--resume", "run").want(t, 0)
	if readFile(t, "run/model.safetensors") != readFile(t, "whole/model.safetensors") {
		t.Error("it ended with another model than a run that was never stopped")
	}
	gputrain("train", "--resume", "run", "--epochs", "4").want(t, 0)
}

// Whoever can read it may go on with it.
func TestACheckpointOfALaterVersionIsNotSetAside(t *testing.T) {
	t.Chdir(t.TempDir())
	gputrain(quick("--model", "mlp", "--checkpoint-every", "1epochs", "--out", "run")...).want(t, 0)
	checkpoint := newestCheckpoint(t, "run")
	later := strings.Replace(readFile(t, checkpoint), `"gputrain.format":"1"`, `"gputrain.format":"2"`, 1)
	const key = `"gputrain.sha256":"`
	at := strings.Index(later, key) + len(key)
	later = later[:at] + strings.Repeat("0", 64) + later[at+64:]
	writeFile(t, checkpoint, later[:at]+fmt.Sprintf("%x", sha256.Sum256([]byte(later)))+later[at+64:])
	wantFailure(t, exitFailure, []string{checkpoint, `written by another version: its format is "2"`}, "train", "--resume", "run", "--epochs", "4")
}
