package main

import (
	"errors"
	"fmt"

	"gputrain/backend"
	"gputrain/gl"
	"gputrain/gl/gldriver"
)

// openGLRows lists the OpenGL devices.
func openGLRows() [][]string {
	devices, err := gldriver.New().Devices()
	if err != nil {
		return [][]string{{"gl", "none: " + err.Error()}}
	}
	var rows [][]string
	for ordinal, d := range devices {
		rows = append(rows, []string{fmt.Sprintf("gl:%d", ordinal), describeOpenGL(d)})
	}
	return rows
}

func describeOpenGL(d gl.DeviceInfo) string {
	text := fmt.Sprintf("%s, OpenGL %s", d.Name, d.Version)
	switch {
	case d.Unusable != nil:
		return "cannot be used: " + d.Unusable.Error()
	case d.Software:
		text += "; software on the CPU: slow, for tests"
	}
	return text
}

// findOpenGL finds the device of driver with that ordinal; -1 stands for the first GPU.
// Software is what somebody gets who names its number, never somebody who asks for a
// GPU.
func findOpenGL(name string, driver gl.Driver, ordinal int) (info gl.DeviceInfo, found int, err error) {
	devices, err := driver.Devices()
	if err != nil {
		return info, 0, namedDevice(name, err)
	}
	if ordinal >= len(devices) {
		return info, 0, namedDevice(name, fmt.Errorf("there is no OpenGL device %d: this machine has %d, numbered from 0", ordinal, len(devices)))
	}
	found = max(ordinal, 0) // GPUs come before software
	if info = devices[found]; ordinal < 0 && info.Software {
		return info, 0, namedDevice(name, errors.New("there is no GPU with an OpenGL driver, only software, "+info.Name+"; to use that, say --device gl:0"))
	}
	return info, found, nil
}

// newOpenGL returns the device that findOpenGL finds.
func newOpenGL(name string, driver gl.Driver, ordinal int) (device, error) {
	info, ordinal, err := findOpenGL(name, driver, ordinal)
	if err != nil {
		return device{}, err
	}
	found := device{
		name: name,
		open: func() (backend.Backend, error) {
			b, err := gl.Open(driver, ordinal, gl.Options{Name: name})
			if err != nil {
				return nil, namedDevice(name, err)
			}
			return b, nil
		},
		facts: func() ([][2]string, error) {
			return [][2]string{
				{"Device", info.Name},
				{"Driver", "OpenGL " + info.Version},
				{"Buffers", fmt.Sprintf("up to %d bytes", info.Limits.BlockBytes)},
			}, nil
		},
	}
	if info.Software {
		found.note = "device " + name + " is software, " + info.Name + ": slow, for tests"
	}
	return found, nil
}
