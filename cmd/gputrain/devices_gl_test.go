package main

import (
	"errors"
	"strings"
	"testing"

	"gputrain/gl"
	"gputrain/gl/gldriver"
)

// listed is an OpenGL driver that only lists devices.
type listed []gl.DeviceInfo

func (l listed) Devices() ([]gl.DeviceInfo, error) { return l, nil }
func (listed) Open(int) (gl.Device, error)         { return nil, errors.New("this driver opens nothing") }

// Software is used only where its number is given.
func TestSoftwareIsNoGPU(t *testing.T) {
	gpu, software := gl.DeviceInfo{Name: "a GPU"}, gl.DeviceInfo{Name: "llvmpipe", Software: true}
	old := gl.DeviceInfo{Name: "unknown device", Unusable: errors.New("too old")}
	oldSoftware := gl.DeviceInfo{Software: true, Unusable: errors.New("software too old")}
	for _, c := range []struct {
		devices listed
		ordinal int
		want    string // name of the device, or part of the error
	}{
		{listed{gpu, software}, -1, "a GPU"},
		{listed{gpu, software}, 0, "a GPU"},
		{listed{gpu, software}, 1, "llvmpipe"},
		{listed{software}, 0, "llvmpipe"},
		{listed{software, gpu}, -1, "a GPU"}, // EGL took the first for a GPU
		{listed{old, gpu, software}, -1, "a GPU"},
		{listed{old, gpu, software}, 0, "--device gl: too old"},
		{listed{old, software}, -1, "--device gl: too old"},
		{listed{oldSoftware}, -1, "--device gl: software too old"},
		{listed{software}, -1, "--device gl: there is no GPU with an OpenGL driver, only software, llvmpipe; to use that, say --device gl:0"},
		{listed{gpu}, 3, "--device gl: there is no OpenGL device 3: this machine has 1, numbered from 0"},
	} {
		info, found, err := findOpenGL("gl", c.devices, c.ordinal)
		switch {
		case err != nil:
			if err.Error() != c.want {
				t.Errorf("%v: got %v, want %q", c.devices, err, c.want)
			}
		case info.Name != c.want || c.devices[found].Name != c.want:
			t.Errorf("%v: got %s, number %d, want %s", c.devices, info.Name, found, c.want)
		}
	}
	if d, err := newOpenGL("gl:0", listed{software}, 0); err != nil || !d.slow || !strings.Contains(d.note, "slow") {
		t.Errorf("the note of software is %q, slow %t, %v", d.note, d.slow, err)
	}
	if text := describeOpenGL(software); !strings.Contains(text, "software") {
		t.Errorf("the list does not say that a device is software: %q", text)
	}
}

func TestOpenGLDeviceTrainsEvaluatesAndPredicts(t *testing.T) {
	if _, err := gldriver.New().Devices(); err != nil {
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
	flags := []string{"--hidden", "4", "--epochs", "2", "--batch", "256", "--quiet"}
	lines := map[string]string{}
	for _, device := range []string{"cpu", "gl:0"} {
		trained := gputrain(append([]string{"train", "--device", device, "--out", device}, flags...)...).want(t, 0)
		lines[device] = trained.lastLine()
		if again := gputrain("eval", "--device", device, "--model", device).want(t, 0).lastLine(); again != lines[device] {
			t.Errorf("%s: eval: %q, train: %q", device, again, lines[device])
		}
	}
	if lines["gl:0"] != lines["cpu"] {
		t.Errorf("gl:0: %q, cpu: %q", lines["gl:0"], lines["cpu"])
	}
	writeFile(t, "input.csv", strings.TrimSuffix(strings.Repeat("3,", 64), ",")+"\n")
	classes := map[string]string{}
	for device := range lines {
		table := gputrain("predict", "--device", device, "--model", "cpu", "--input", "input.csv").want(t, 0).lastLine()
		classes[device], _, _ = strings.Cut(table, ",")
	}
	if classes["gl:0"] != classes["cpu"] {
		t.Errorf("predict: gl:0 %q, cpu %q", classes["gl:0"], classes["cpu"])
	}
	explained := gputrain("explain", "--device", "gl:0", "--hidden", "4").want(t, 0).out
	for _, want := range []string{"whole sequence, fused", "workspace", "lstm_step"} {
		if !strings.Contains(explained, want) {
			t.Errorf("explain does not say %q:\n%s", want, explained)
		}
	}
	if list := gputrain("devices").want(t, 0).out; !strings.Contains(list, "\ngl:0 ") {
		t.Errorf("devices does not list gl:0: %q", list)
	}
}

// A missing device is an error with the reason, never a run elsewhere.
func TestMissingOpenGLIsAnError(t *testing.T) {
	if _, err := gldriver.New().Devices(); err == nil {
		t.Skip("there is an OpenGL device")
	}
	t.Chdir(t.TempDir())
	for _, device := range []string{"gl", "gl:0", "gl:7"} {
		got := gputrain(quick("--device", device, "--out", "run")...).want(t, 1)
		if !strings.HasPrefix(got.errors, "gputrain: --device "+device+": ") || strings.Count(got.errors, "\n") != 1 {
			t.Errorf("%s: %q", device, got.errors)
		}
	}
	wantFailure(t, exitFailure, []string{"--device gl: "}, "explain", "--device", "gl")
	wantFailure(t, exitFailure, []string{"--device gl:1: "}, "conformance", "--device", "gl:1")
	if list := gputrain("devices").want(t, 0).out; !strings.Contains(list, "gl        none: ") {
		t.Errorf("devices does not say why there is no OpenGL device: %q", list)
	}
}
