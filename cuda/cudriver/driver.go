//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"errors"
	"fmt"

	"gorgonia.org/cu"

	"gputrain/cuda"
	"gputrain/cuda/abi"
)

// New returns the driver of the machine's NVIDIA GPUs. The driver is loaded at its
// first use.
func New() cuda.Driver { return driver{} }

type driver struct{}

// leastVersion is the CUDA version of the first driver that reads PTX 7.8, which CUDA
// 11.8 writes: 1000·major + 10·minor.
const leastVersion = 11080

// Devices lists the GPUs. The error says whether there is no driver or no GPU, or
// whether the driver is too old for the kernels.
func (driver) Devices() ([]cuda.DeviceInfo, error) {
	count, err := devices()
	if err != nil {
		return nil, err
	}
	infos := make([]cuda.DeviceInfo, count)
	for i := range infos {
		if infos[i], err = info(i); err != nil {
			return nil, fmt.Errorf("GPU %d: %w", i, err)
		}
	}
	return infos, nil
}

// Open takes part in the primary context of the GPU with this ordinal, which the CUDA
// runtime uses too, and with it libraries such as NCCL.
func (driver) Open(ordinal int) (cuda.Device, error) {
	count, err := devices()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= count {
		return nil, fmt.Errorf("there is no GPU %d: this machine has %d, numbered from 0", ordinal, count)
	}
	info, err := info(ordinal)
	if err != nil {
		return nil, fmt.Errorf("GPU %d: %w", ordinal, err)
	}
	context, err := cu.Device(ordinal).RetainPrimaryCtx()
	if err != nil {
		return nil, fmt.Errorf("GPU %d: %w", ordinal, failed("cuDevicePrimaryCtxRetain", err))
	}
	return &device{ordinal: cu.Device(ordinal), info: info, context: context, live: map[cuda.Pointer]bool{}}, nil
}

// devices returns how many GPUs there are, at least one.
func devices() (int, error) {
	if err := abi.Load(); err != nil {
		return 0, err
	}
	if version := cu.Version(); version < leastVersion {
		return 0, fmt.Errorf("the NVIDIA driver supports CUDA %s, but the kernels need %s: install driver 520 or later",
			versionText(version), versionText(leastVersion))
	}
	count, err := cu.NumDevices()
	if err != nil {
		return 0, failed("cuDeviceGetCount", err)
	}
	if count == 0 {
		return 0, errors.New("the NVIDIA driver sees no GPU")
	}
	return count, nil
}

func info(ordinal int) (cuda.DeviceInfo, error) {
	d, err := cu.GetDevice(ordinal)
	if err != nil {
		return cuda.DeviceInfo{}, failed("cuDeviceGet", err)
	}
	name, err := d.Name()
	if err != nil {
		return cuda.DeviceInfo{}, failed("cuDeviceGetName", err)
	}
	memory, err := d.TotalMem()
	if err != nil {
		return cuda.DeviceInfo{}, failed("cuDeviceTotalMem", err)
	}
	attributes, err := d.Attributes(cu.ComputeCapabilityMajor, cu.ComputeCapabilityMinor,
		cu.MultiprocessorCount, cu.MaxSharedMemoryPerBlock,
		C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH)
	if err != nil {
		return cuda.DeviceInfo{}, failed("cuDeviceGetAttribute", err)
	}
	return cuda.DeviceInfo{
		Name:            name,
		Major:           attributes[0],
		Minor:           attributes[1],
		Memory:          memory,
		Multiprocessors: attributes[2],
		SharedPerBlock:  attributes[3],
		SharedAllowed:   attributes[4],
		Cooperative:     attributes[5] != 0,
		Driver:          versionText(cu.Version()),
	}, nil
}

func versionText(version int) string {
	return fmt.Sprintf("%d.%d", version/1000, version%1000/10)
}
