//go:build cuda && emulatorabi

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gputrain/cuda/emulator"
)

// settings are what the environment of the process asks for.
type settings struct {
	options emulator.Options
	profile bool
}

// off is the checks of what many correct programs do: they leave memory to the end of the
// process, write equal values twice, and copy whole buffers of which they filled a part.
const off = string(emulator.Leak + "," + emulator.EqualWrites + "," + emulator.UninitialisedCopy)

// settingsOf reads the variables of an environment.
func settingsOf(lookup func(name string) (string, bool)) (settings, error) {
	const prefix = "GPUTRAIN_EMULATOR_"
	get := func(name, unset string) string {
		if value, ok := lookup(prefix + name); ok {
			return value
		}
		return unset
	}
	wrong := func(name string, err error) (settings, error) {
		return settings{}, fmt.Errorf("libcuda: %s%s: %w", prefix, name, err)
	}
	o := emulator.Options{GPU: get("GPU", emulator.DefaultGPU().Name), Schedule: get("SCHEDULE", "")}
	if _, err := emulator.FindGPU(o.GPU); err != nil {
		return wrong("GPU", err)
	}
	var err error
	if o.Seed, err = strconv.ParseUint(get("SEED", "1"), 10, 64); err != nil {
		return wrong("SEED", err)
	}
	if o.Shrink, err = strconv.ParseBool(get("SHRINK", "false")); err != nil {
		return wrong("SHRINK", err)
	}
	if o.Devices, err = strconv.Atoi(get("DEVICES", "1")); err != nil || o.Devices < 1 {
		return wrong("DEVICES", fmt.Errorf("%q is no number of devices from 1 on", get("DEVICES", "1")))
	}
	profile, err := strconv.ParseBool(get("PROFILE", "false"))
	if err != nil {
		return wrong("PROFILE", err)
	}
	o.Off = []emulator.Check{emulator.PageableMemory} // the driver copies any memory
	for name := range strings.SplitSeq(get("OFF", off), ",") {
		check := emulator.Check(strings.TrimSpace(name))
		if check == "" {
			continue
		}
		if !slices.Contains(emulator.Checks(), check) {
			return wrong("OFF", fmt.Errorf("there is no check %q; there are %q", check, emulator.Checks()))
		}
		o.Off = append(o.Off, check)
	}
	return settings{o, profile}, nil
}
