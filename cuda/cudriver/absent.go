//go:build !cuda

package cudriver

import (
	"errors"

	"gputrain/cuda"
)

// New returns a driver without devices: this build has none.
func New() cuda.Driver { return driver{} }

type driver struct{}

var errAbsent = errors.New("this program was built without CUDA; build it with make build")

func (driver) Devices() ([]cuda.DeviceInfo, error)   { return nil, errAbsent }
func (driver) Open(ordinal int) (cuda.Device, error) { return nil, errAbsent }
