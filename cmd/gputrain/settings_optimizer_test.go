package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/model"
)

func TestOptimizerSettingsThatMakeNoSense(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ flags, want string }{
		{"--decay none", `--decay is "none", not one of all, weights`},
		{"--decay weights", `--decay is "weights", but nothing decays`},
		{"--accumulate 0", "--accumulate is 0; it must be 1 to"},
		{"--ema 1", "--ema is 1; it must be 0 or more and less than 1"},
		{"--ema nan", "--ema is NaN; it must be"},
		{"--freeze lsmt.*", `--freeze is "lsmt.*", but no parameter matches "lsmt.*": did you mean "lstm.*"?`},
		{"--freeze head.bias,hd.weight", `no parameter matches "hd.weight": did you mean "head.weight"?`},
		{"--freeze x", `no parameter matches "x": there are lstm.weight_ih_l0, `},
		{"--freeze head.[*", `"head.[*" is no pattern of names`},
		{"--freeze *.weight*,*.bias*", `--freeze is "*.weight*,*.bias*", which are all parameters: nothing would be learned`},
		{"--lr-of head.*", `--lr-of is "head.*"; it must be a name and a factor above 0, such as head.*=10`},
		{"--lr-of head.*=0", "it must be a name and a factor above 0"},
		{"--lr-of head.*=inf", "it must be a name and a factor above 0"},
		{"--lr-of haed.*=2", `no parameter matches "haed.*": did you mean "head.*"?`},
	} {
		for _, command := range []string{"train", "lr-find"} {
			wantFailure(t, exitUsage, []string{c.want}, append([]string{command, "--hidden", "4"}, strings.Fields(c.flags)...)...)
		}
	}
}

// A run that uses all of it is one run however often it was stopped, and what it may not
// change is named.
func TestARunWithGroupsAccumulationAndAnAverage(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	base := []string{"train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "4", "--batch", "5", "--schedule", "constant"}
	gputrain(append(base, "--epochs", "1", "--out", "before", "--quiet")...).want(t, 0)
	writeFile(t, "settings.toml", "decay = \"weights\"\nfreeze = \"hidden0.*\"\nlr-of = [\"head.*=2\"]\naccumulate = 3\nema = 0.9\n")
	base = append(base, "--optimizer", "adamw", "--weight-decay", "0.1", "--init-from", "before", "--config", "settings.toml")
	o := gputrain(append(base, "--epochs", "4", "--out", "straight")...).want(t, 0)
	for _, want := range []string{
		"\n12 of 27 parameters are frozen\n", "\n3 batches of 5 make one update\n",
		"\nthe model is an average of the parameters, with a decay of 0.9 per update\n",
	} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("stderr has no %q:\n%s", want, o.errors)
		}
	}
	gputrain(append(base, "--epochs", "2", "--out", "stopped", "--quiet")...).want(t, 0)
	gputrain("train", "--resume", "stopped", "--epochs", "4", "--quiet").want(t, 0)
	if readFile(t, "stopped/model.safetensors") != readFile(t, "straight/model.safetensors") {
		t.Error("2 epochs and 2 more give another model than 4")
	}
	tensors := func(path string) map[string]model.Array {
		f, err := model.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return f.Tensors
	}
	before, after, checkpoint := tensors("before/model.safetensors"), tensors("straight/model.safetensors"), tensors(newestCheckpoint(t, "straight"))
	for name, array := range after {
		if frozen := strings.HasPrefix(name, "hidden0."); slices.Equal(array.Data, before[name].Data) != frozen {
			t.Errorf("%s is the same as before: %v", name, !frozen)
		}
		if !slices.Equal(array.Data, checkpoint[name].Data) {
			t.Errorf("%s in the checkpoint is not the model's", name)
		}
	}
	trained := checkpoint["train/parameters"].Data
	if slices.Equal(trained, checkpoint["train/best"].Data) {
		t.Error("the checkpoint has the average in place of the parameters that are trained")
	}
	if state := len(checkpoint["train/slot0"].Data); state >= len(trained) {
		t.Errorf("the optimizer has state for %d of %d parameters", state, len(trained))
	}

	for _, c := range []struct{ from, to, want string }{
		{"ema = 0.9", "ema = 0.8", "the run began with ema 0.9, and cannot go on with 0.8"},
		{"accumulate = 3", "accumulate = 2", "the run began with accumulate 3, and cannot go on with 2"},
		{`decay = "weights"`, `decay = "all"`, "the run began with decay weights, and cannot go on with all"},
		{`freeze = ["hidden0.*"]`, ``, "the run began with freeze hidden0.*, and cannot go on with "},
	} {
		config := readFile(t, "stopped/config.toml")
		changed := strings.Replace(config, c.from, c.to, 1)
		if changed == config {
			t.Fatalf("config.toml has no %q:\n%s", c.from, config)
		}
		writeFile(t, "stopped/config.toml", changed)
		wantFailure(t, exitFailure, []string{c.want}, "train", "--resume", "stopped", "--epochs", "5")
		writeFile(t, "stopped/config.toml", config)
	}
}

// The settings of runs that began before these flags have none of their keys.
func TestARunWithoutTheKeysOfTheOptimizerGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "flowers.csv", flowers(60))
	gputrain("train", "--data", "csv:flowers.csv", "--target", "species", "--model", "mlp", "--hidden", "4", "--epochs", "1", "--out", "run", "--quiet").want(t, 0)
	var old []string
	removed := 0
	for line := range strings.Lines(readFile(t, "run/config.toml")) {
		if key, _, _ := strings.Cut(line, " ="); slices.Contains([]string{"decay", "accumulate", "ema"}, key) {
			removed++
			continue
		}
		old = append(old, line)
	}
	if removed != 3 {
		t.Errorf("%d lines were removed of config.toml", removed)
	}
	if err := os.WriteFile(filepath.Join("run", "config.toml"), []byte(strings.Join(old, "")), 0o666); err != nil {
		t.Fatal(err)
	}
	gputrain("train", "--resume", "run", "--epochs", "2", "--quiet").want(t, 0)
}
