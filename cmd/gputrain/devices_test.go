package main

import (
	"strings"
	"testing"

	"gputrain/cuda/cudriver"
)

func TestEmulatedDeviceTrainsEvaluatesAndPredicts(t *testing.T) {
	skipUnderRace(t)
	t.Chdir(t.TempDir())
	flags := []string{"--hidden", "4", "--epochs", "1", "--batch", "256", "--steps", "2"}
	emulated := gputrain(append([]string{"train", "--device", "emulated", "--out", "e"}, flags...)...).want(t, 0)
	if !strings.Contains(emulated.errors, "slow") {
		t.Errorf("stderr does not say that the device is slow: %q", emulated.errors)
	}
	cpu := gputrain(append([]string{"train", "--device", "cpu", "--out", "c"}, flags...)...).want(t, 0)
	if emulated.lastLine() != cpu.lastLine() {
		t.Errorf("emulated: %q, cpu: %q", emulated.lastLine(), cpu.lastLine())
	}
	if again := gputrain("eval", "--device", "emulated", "--model", "e").want(t, 0).lastLine(); again != emulated.lastLine() {
		t.Errorf("eval: %q, train: %q", again, emulated.lastLine())
	}
}

// A missing GPU is an error with the reason, never a run elsewhere.
func TestMissingGPUIsAnError(t *testing.T) {
	if gpus, err := cudriver.New().Devices(); err == nil && len(gpus) > 0 {
		t.Skip("there is a GPU")
	}
	t.Chdir(t.TempDir())
	for _, device := range []string{"cuda", "cuda:0", "cuda:7"} {
		got := gputrain(quick("--device", device, "--out", "run")...).want(t, 1)
		if !strings.HasPrefix(got.errors, "gputrain: --device "+device+": ") || strings.Count(got.errors, "\n") != 1 {
			t.Errorf("%s: %q", device, got.errors)
		}
	}
	if list := gputrain("devices").want(t, 0).out; !strings.Contains(list, "cuda      none: ") {
		t.Errorf("devices does not say why there is no GPU: %q", list)
	}
}
