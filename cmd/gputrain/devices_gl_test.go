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
	for _, c := range []struct {
		devices listed
		ordinal int
		want    string // name of the device, or part of the error
	}{
		{listed{gpu, software}, -1, "a GPU"},
		{listed{gpu, software}, 0, "a GPU"},
		{listed{gpu, software}, 1, "llvmpipe"},
		{listed{software}, 0, "llvmpipe"},
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
	if d, err := newOpenGL("gl:0", listed{software}, 0); err != nil || !strings.Contains(d.note, "slow") {
		t.Errorf("the note of software is %q, %v", d.note, err)
	}
	if text := describeOpenGL(software); !strings.Contains(text, "software") {
		t.Errorf("the list does not say that a device is software: %q", text)
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
