//go:build gl && cgo && linux

package gldriver

import (
	"flag"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/gl"
)

var (
	required = flag.Bool("required", false, "fail where there is no OpenGL device")
	ordinal  = flag.Int("device", 0, "number of the device to test")
	uncapped = flag.Bool("uncapped", false, "run the conformance suite with all of its sizes")
)

// list returns the devices. Without any, the test is skipped, or fails if they are
// required.
func list(t *testing.T) []gl.DeviceInfo {
	t.Helper()
	devices, err := New().Devices()
	if err != nil && *required {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return devices
}

func openBackend() (backend.Backend, error) { return gl.Open(New(), *ordinal, gl.Options{}) }

// The suite runs on the device as it is, which in CI is llvmpipe.
func TestConformance(t *testing.T) {
	t.Logf("device: %s", list(t)[*ordinal].Name)
	var size []backendtest.Option
	switch {
	case *uncapped:
	case testing.Short():
		size = append(size, backendtest.MaxSize(9))
	default:
		size = append(size, backendtest.MaxSize(33))
	}
	// A block of the LSTM of 1997 has fewer cells than the suite's longest: with more,
	// the backend returns an error, which another test asks for.
	ofBlocks := []string{"LSTM1997Cell", "LSTM1997CellGrad"}
	others := slices.DeleteFunc(backendtest.Checks(), func(name string) bool { return slices.Contains(ofBlocks, name) })
	backendtest.Test(t, openBackend, append(slices.Clone(size), backendtest.Only(others...))...)
	backendtest.Test(t, openBackend, append(slices.Clone(size), backendtest.Only(ofBlocks...), backendtest.MaxWork(0))...)
}
