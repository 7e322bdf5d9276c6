package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/data"
	"gputrain/kernels"
	"gputrain/model"
	"gputrain/train"
)

type profileCommand struct {
	settings `embed:"" set:"device=emulated"`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	GPU    string     `name:"gpu" default:"H100" help:"The GPU to emulate and to estimate times for: H200, H100, A100, L4, RTX4090, T4 or V100."`
	JSON   bool       `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain profile --help" says in more detail.
func (*profileCommand) Help() string {
	return `Runs one training step of the network that the flags describe on an emulated GPU, and counts what each kernel does there. Counts are exact; times are estimates from datasheet rates.`
}

// Run runs one step and prints what was counted.
func (c *profileCommand) Run(con console) error {
	if err := cmp.Or(c.check(), c.oneRank("gputrain profile")); err != nil {
		return err
	}
	if c.Device != "emulated" {
		return &settingError{"device", fmt.Sprintf("is %q, but only the emulated GPU can count: use --device emulated", c.Device)}
	}
	gpu, err := findGPU(c.GPU)
	if err != nil {
		return err
	}
	d, parts, _, err := c.load(c.InitFrom)
	if err != nil {
		return err
	}
	batch := data.NewBatches(parts.train, c.Batch).Batch(0)
	printLine(con.err, fmt.Sprintf("one step on an emulated %s, executed on the CPU: it may take a while", gpu.Name))
	launches, err := c.profile(gpu, d, parts.train, batch)
	if err != nil {
		return err
	}
	p := newProfile(gpu, launches)
	if c.JSON {
		encoder := json.NewEncoder(con.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(p)
	}
	_, err = io.WriteString(con.out, p.text(d.title(batch.Size), terminalWidth(con.out)))
	return err
}

// profile returns what the kernels of one step did.
func (c *profileCommand) profile(gpu emulator.GPU, d *description, set *data.Dataset, batch data.Batch) ([]emulator.LaunchStats, error) {
	driver, err := emulator.New(emulator.Options{
		GPU: gpu.Name, Memory: emulatedMemory(), Registers: registersOf(gpu),
	})
	if err != nil {
		return nil, err
	}
	opened := &openedDriver{Driver: driver}
	b, err := newGPU(c.Device, opened, 0).computing(c.Math).open()
	if err != nil {
		return nil, err
	}
	defer b.Close()
	net, err := model.New(b, d.spec(), d.input(c.Batch), model.Options{})
	if err != nil {
		return nil, tooLarge(err)
	}
	net.Init(uint64(c.Seed))
	trainer, err := train.New(net, c.options(d, set))
	if err != nil {
		return nil, tooLarge(err)
	}
	opened.device.ResetProfile()
	c.update(trainer, batch)
	if err := b.Sync(); err != nil {
		return nil, err
	}
	return opened.device.Profile(), nil
}

// registersOf returns what ptxas said of the kernels for the architecture of a GPU.
func registersOf(gpu emulator.GPU) map[string]int {
	return kernels.Registers()[fmt.Sprintf("sm_%d%d", gpu.Major, gpu.Minor)]
}

// openedDriver keeps the device that a backend opens.
type openedDriver struct {
	*emulator.Driver
	device *emulator.Device
}

func (d *openedDriver) Open(ordinal int) (cuda.Device, error) {
	opened, err := d.Driver.Open(ordinal)
	if err != nil {
		return nil, err
	}
	d.device = opened.(*emulator.Device)
	return opened, nil
}
