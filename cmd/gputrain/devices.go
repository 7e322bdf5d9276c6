package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"gputrain/backend"
	cpubackend "gputrain/cpu"
	"gputrain/cuda"
	"gputrain/cuda/cudriver"
	"gputrain/cuda/emulator"
	"gputrain/gl/gldriver"
)

type devicesCommand struct{}

// Run lists the devices.
func (devicesCommand) Run(con console) error {
	rows := [][]string{{"cpu", describeCPU()}}
	gpus, err := cudriver.New().Devices()
	if err != nil {
		rows = append(rows, []string{"cuda", "none: " + err.Error()})
	}
	for ordinal, gpu := range gpus {
		rows = append(rows, []string{fmt.Sprintf("cuda:%d", ordinal), fmt.Sprintf("%s, driver %s", describeGPU(gpu), gpu.Driver)})
	}
	rows = append(rows, openGLRows()...)
	rows = append(rows, []string{"emulated", "executes and checks the CUDA kernels on the CPU; slow, for tests"})
	_, err = io.WriteString(con.out, formatTable(terminalWidth(con.out), 2, nil, rows))
	return err
}

// deviceNames returns the valid values of --device; cuda:1, gl:1 and so on are valid
// too.
func deviceNames() []string { return []string{"auto", "cpu", "cuda", "gl", "emulated"} }

var gpuName = regexp.MustCompile(`^(cuda|gl):([0-9]{1,4})$`)

func checkDevice(name string) error {
	if slices.Contains(deviceNames(), name) || gpuName.MatchString(name) {
		return nil
	}
	return notOneOf("device", name, append(deviceNames(), "cuda:N", "gl:N"))
}

// float32Math is what all devices compute in, unless --math says something else.
const float32Math = "float32"

// mathNames returns the valid values of --math.
func mathNames() []string {
	names := cpubackend.Maths()
	for _, name := range cuda.Maths() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// checkMath checks --math for the device that --device names.
func checkMath(math, device string) error {
	if err := checkOneOf("math", math, mathNames()); err != nil {
		return err
	}
	has := cuda.Maths()
	switch kind, _, _ := parseDevice(device); {
	case onCPU(kind):
		has = cpubackend.Maths()
	case kind == "gl":
		has = []string{float32Math}
	}
	if !slices.Contains(has, math) {
		return &settingError{"math", fmt.Sprintf("is %q: the device %s computes in %s", math, device, strings.Join(has, ", "))}
	}
	return nil
}

// mathError returns by how much a product of two numbers may be off on a device, relative
// to it, and of what its smallest operands are multiples.
func mathError(math, device string) (product, step float64) {
	if kind, _, _ := parseDevice(device); onCPU(kind) {
		return cpubackend.MathError(math), 0
	}
	return cuda.MathError(math)
}

// device is what --device names.
type device struct {
	name  string // as --device says it
	open  func() (backend.Backend, error)
	math  func(math string, always bool) (backend.Backend, error) // opens it for another math than float32; nil if it has none
	facts func() ([][2]string, error)                             // describe it, for a report; nil for the CPU
	note  string                                                  // what the user should know: what auto chose, or that the device is slow
	slow  bool                                                    // it stands in for a GPU, in tests
}

// findDevice finds the device that --device names. The name has passed
// checkDevice. Only opening the device tells whether it is there.
func findDevice(name string) (device, error) {
	switch name {
	case "auto":
		// auto never means a GPU: the kernels have passed their tests on the
		// emulator only.
		return device{name: name, open: openCPU, math: openMath, note: "device cpu, the default: " + describeCPU()}, nil
	case "cpu":
		return device{name: name, open: openCPU, math: openMath}, nil
	case "emulated":
		driver, err := emulator.New(emulator.Options{Memory: emulatedMemory()})
		d := newGPU(name, driver, 0)
		d.slow = true
		d.note = "device emulated executes and checks the CUDA kernels on the CPU; slow, for tests"
		return d, err
	}
	kind, ordinal, err := parseDevice(name)
	switch {
	case err != nil:
		return device{}, err
	case kind == "gl":
		return newOpenGL(name, gldriver.New(), ordinal)
	}
	return newGPU(name, cudriver.New(), max(ordinal, 0)), nil
}

// computing returns d with the products that --math names. It has passed checkMath.
func (d device) computing(math string) device {
	if math != float32Math {
		d.open = func() (backend.Backend, error) { return d.math(math, false) }
	}
	return d
}

// always is computing, even for products that are faster in float32.
func (d device) always(math string) device {
	if math != float32Math {
		d.open = func() (backend.Backend, error) { return d.math(math, true) }
	}
	return d
}

// parseDevice splits the name of a GPU into its kind, cuda or gl, and its number, which
// is -1 if the name has none.
func parseDevice(name string) (kind string, ordinal int, err error) {
	match := gpuName.FindStringSubmatch(name)
	if match == nil {
		return name, -1, nil
	}
	ordinal, err = strconv.Atoi(match[2])
	return match[1], ordinal, err
}

// newGPU returns the NVIDIA GPU of driver with that ordinal.
func newGPU(name string, driver cuda.Driver, ordinal int) device {
	open := func(math string, always bool) (backend.Backend, error) {
		b, err := cuda.Open(driver, ordinal, cuda.Options{Name: name, Math: math, Always: always})
		if err != nil {
			return nil, namedDevice(name, cmp.Or(errors.Unwrap(err), err)) // the flag says more than "cuda: Open"
		}
		return b, nil
	}
	return device{
		name: name,
		open: func() (backend.Backend, error) { return open(float32Math, false) },
		math: func(math string, always bool) (backend.Backend, error) {
			gpu, err := infoOfGPU(name, driver, ordinal)
			if err != nil {
				return nil, err
			}
			if err := cuda.CheckMath(math, gpu); err != nil {
				return nil, namedDevice(name, fmt.Errorf("--math %w; float32 is for every GPU", err))
			}
			return open(math, always)
		},
		facts: func() ([][2]string, error) {
			gpu, err := infoOfGPU(name, driver, ordinal)
			return [][2]string{
				{"GPU", gpu.Name},
				{"Compute capability", fmt.Sprintf("%d.%d", gpu.Major, gpu.Minor)},
				{"Multiprocessors", strconv.Itoa(gpu.Multiprocessors)},
				{"GPU memory", fmt.Sprintf("%.1f GiB", float64(gpu.Memory)/(1<<30))},
				{"Driver", "CUDA " + gpu.Driver},
			}, err
		},
	}
}

// infoOfGPU describes the NVIDIA GPU of driver with that ordinal.
func infoOfGPU(name string, driver cuda.Driver, ordinal int) (cuda.DeviceInfo, error) {
	gpus, err := driver.Devices()
	switch {
	case err != nil:
		return cuda.DeviceInfo{}, namedDevice(name, err)
	case ordinal >= len(gpus):
		return cuda.DeviceInfo{}, namedDevice(name, fmt.Errorf("there is no GPU %d: this machine has %d, numbered from 0", ordinal, len(gpus)))
	}
	return gpus[ordinal], nil
}

// namedDevice adds to err what --device says.
func namedDevice(name string, err error) error { return fmt.Errorf("--device %s: %w", name, err) }

// openDevice finds the device that --device names and opens it for --math. It also
// returns the note of the device.
func openDevice(name, math string) (b backend.Backend, note string, err error) {
	d, err := findDevice(name)
	if err != nil {
		return nil, "", err
	}
	b, err = d.computing(math).open()
	return b, d.note, err
}

func openCPU() (backend.Backend, error) { return cpubackend.Open(cpubackend.Options{}) }

// openMath opens the CPU for a math, which it takes for all products.
func openMath(math string, _ bool) (backend.Backend, error) {
	if err := cpubackend.CheckMath(math); err != nil {
		return nil, fmt.Errorf("--math %w; float32 is for every machine", err)
	}
	return cpubackend.Open(cpubackend.Options{Math: math})
}

func describeGPU(gpu cuda.DeviceInfo) string {
	return fmt.Sprintf("%s, compute capability %d.%d, %.1f GiB memory", gpu.Name, gpu.Major, gpu.Minor, float64(gpu.Memory)/(1<<30))
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

// findGPU returns the model that --gpu names.
func findGPU(name string) (emulator.GPU, error) {
	gpu, err := emulator.FindGPU(name)
	if err == nil {
		return gpu, nil
	}
	var names []string
	for _, known := range emulator.GPUs() {
		names = append(names, known.Name)
	}
	return gpu, notOneOf("gpu", name, names)
}
