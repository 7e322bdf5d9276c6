package main

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"gputrain/backend"
	gonum "gputrain/cpu"
	"gputrain/cuda"
	"gputrain/cuda/cudriver"
	"gputrain/cuda/emulator"
)

type devicesCommand struct{}

// Run lists the devices.
func (devicesCommand) Run(con console) error {
	lines := []string{"cpu       " + describeCPU()}
	gpus, err := cudriver.New().Devices()
	if err != nil {
		lines = append(lines, "cuda      none: "+err.Error())
	}
	for ordinal, gpu := range gpus {
		lines = append(lines, fmt.Sprintf("cuda:%-4d %s, compute capability %d.%d, %.1f GiB memory, driver %s",
			ordinal, gpu.Name, gpu.Major, gpu.Minor, float64(gpu.Memory)/(1<<30), gpu.Driver))
	}
	lines = append(lines, "emulated  executes and checks the CUDA kernels on the CPU; slow, for tests")
	_, err = fmt.Fprintln(con.out, strings.Join(lines, "\n"))
	return err
}

// deviceNames returns the valid values of --device; cuda:1 and so on are valid
// too.
func deviceNames() []string { return []string{"auto", "cpu", "cuda", "emulated"} }

var gpuName = regexp.MustCompile(`^cuda:([0-9]{1,4})$`)

func checkDevice(name string) error {
	if slices.Contains(deviceNames(), name) || gpuName.MatchString(name) {
		return nil
	}
	return &settingError{"device", fmt.Sprintf("is %q, not one of %s, cuda:N; did you mean %q?",
		name, strings.Join(deviceNames(), ", "), nearest(name, deviceNames()))}
}

// openDevice opens the device that --device names, which checkDevice has
// passed. note is what the user should know of it: what auto chose and why, or
// that the device is slow.
func openDevice(name string) (b backend.Backend, note string, err error) {
	switch name {
	case "auto":
		// A GPU must be named: the kernels have passed their tests on the
		// emulator only.
		b, err = openCPU()
		return b, "device cpu, as always unless --device names another: " + describeCPU(), err
	case "cpu":
		b, err = openCPU()
		return b, "", err
	case "emulated":
		b, err = openEmulated()
		return b, "device emulated: the CUDA kernels, executed and checked on the CPU. It is slow; it finds faults in kernels without a GPU", err
	}
	ordinal := 0
	if match := gpuName.FindStringSubmatch(name); match != nil {
		if ordinal, err = strconv.Atoi(match[1]); err != nil {
			return nil, "", err
		}
	}
	b, err = cuda.Open(cudriver.New(), ordinal, cuda.Options{})
	if err != nil {
		return nil, "", fmt.Errorf("--device %s: %w", name, err)
	}
	return b, "", nil
}

func openCPU() (backend.Backend, error) {
	// Tensors may take half of the memory: to initialise and save a network
	// takes as much again. There is no limit where the system does not say what
	// it has.
	var limit int64
	if memory, err := mem.VirtualMemory(); err == nil {
		limit = int64(memory.Total / 2)
	}
	return gonum.Open(gonum.Options{MemoryLimit: limit})
}

func openEmulated() (backend.Backend, error) {
	driver, err := emulator.New(emulator.Options{})
	if err != nil {
		return nil, err
	}
	return cuda.Open(driver, 0, cuda.Options{Name: "emulated"})
}

// describeCPU returns the model, cores and memory of the machine, as far as
// the system tells.
func describeCPU() string {
	text := runtime.GOARCH
	if info, err := cpu.Info(); err == nil && len(info) > 0 && info[0].ModelName != "" {
		text = info[0].ModelName
	}
	text += fmt.Sprintf(", %d cores, %d in use", runtime.NumCPU(), runtime.GOMAXPROCS(0))
	if memory, err := mem.VirtualMemory(); err == nil {
		text += fmt.Sprintf(", %.1f GiB memory", float64(memory.Total)/(1<<30))
	}
	return text
}
