package main

import (
	"fmt"
	"runtime"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"gputrain/backend"
	gonum "gputrain/cpu"
)

type devicesCommand struct{}

// Run lists the devices.
func (devicesCommand) Run(con console) error {
	_, err := fmt.Fprintf(con.out, "cpu  %s\nGPU backends are not in this version.\n", describeCPU())
	return err
}

// openDevice opens the device that --device names. note says what auto chose
// and why; it is empty for a device named outright.
func openDevice(name string) (b backend.Backend, note string, err error) {
	if name == "auto" {
		note = "device cpu, the only kind in this version: " + describeCPU()
	}
	// Tensors may take half of the memory: to initialise and save a network
	// takes as much again. There is no limit where the system does not say what
	// it has.
	var limit int64
	if memory, err := mem.VirtualMemory(); err == nil {
		limit = int64(memory.Total / 2)
	}
	b, err = gonum.Open(gonum.Options{MemoryLimit: limit})
	return b, note, err
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
