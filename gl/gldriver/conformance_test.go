//go:build gl && cgo && linux

package gldriver

import (
	"flag"
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
	backendtest.Test(t, openBackend, size...)
}
