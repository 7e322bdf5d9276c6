//go:build !(gl && cgo && linux)

package gldriver

import (
	"errors"

	"gputrain/gl"
)

// New returns a driver without devices. This build was made without OpenGL.
func New() gl.Driver { return driver{} }

type driver struct{}

var errAbsent = errors.New("this program was built without OpenGL; to use it, build on Linux with make build")

func (driver) Devices() ([]gl.DeviceInfo, error)   { return nil, errAbsent }
func (driver) Open(ordinal int) (gl.Device, error) { return nil, errAbsent }
