//go:build !cuda

package cudriver

import (
	"errors"

	"gputrain/cuda"
)

// New returns a driver without devices. This build was made without CUDA.
func New() cuda.Driver { return driver{} }

type driver struct{}

var errAbsent = errors.New("this program was built without CUDA; to use a GPU, build it with make build")

func (driver) Devices() ([]cuda.DeviceInfo, error)   { return nil, errAbsent }
func (driver) Open(ordinal int) (cuda.Device, error) { return nil, errAbsent }
