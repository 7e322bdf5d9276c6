package main

import (
	"cmp"
	"fmt"
	"io"

	"gputrain/backend"
	"gputrain/bench"
	"gputrain/cuda"
	"gputrain/cuda/cudriver"
	"gputrain/cuda/emulator"
	"gputrain/cuda/recorder"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type explainCommand struct {
	settings  `embed:""`
	linkFlags `embed:""`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	GPU    string     `name:"gpu" placeholder:"GPU" help:"With --device emulated, the GPU to explain for: H100 (the default), H200, A100, L4, RTX4090, T4 or V100."`
}

// Help is what "gputrain explain --help" says in more detail.
func (*explainCommand) Help() string {
	return `Takes the network that the flags describe and says which path each layer takes on the device, how many operations a training step takes, how much memory the network needs, and, on a GPU, which kernels one training step launches, with their grids, and what the step takes at least by the datasheet, as an estimate. The list comes from the training code itself: a few steps run on a device that notes the launches and computes nothing. "step" stands for work outside of the layers: zeroing the gradients, clipping, summing the losses.

With --ranks N all this is that of one rank, with its part of the batch. Then follows how much faster N ranks are, from the time of a step and the bytes of a sum, and from how many on more of them are of little use.`
}

// Run prints what training would do.
func (c *explainCommand) Run(con console) error {
	if err := cmp.Or(c.check(), c.checkLink()); err != nil {
		return err
	}
	if c.GPU != "" && c.Device != "emulated" {
		return &settingError{"gpu", fmt.Sprintf("is %q, but it is for --device emulated, not %s", c.GPU, c.Device)}
	}
	d, parts, _, err := c.load(c.InitFrom)
	if err != nil {
		return err
	}
	all := c.Batch
	c.Batch = partSize(all, c.Ranks)
	e := &explanation{description: d, batch: data.NewBatches(parts.train, c.Batch).Batch(0)}
	switch kind, ordinal, _ := parseDevice(c.Device); kind {
	case "auto", "cpu":
		err = e.explainCPU(&c.settings, parts)
	case "gl":
		err = e.explainOpenGL(c, ordinal, parts)
	default:
		err = e.explainGPU(c, parts)
	}
	if err != nil {
		return err
	}
	width := terminalWidth(con.out)
	text := e.text(width)
	if c.Ranks > 1 {
		text += newScaling(e, c, all).text(width)
	}
	_, err = io.WriteString(con.out, text)
	return err
}

const elementBytes = 4 // of a float32 and of an int32

func (e *explanation) explainCPU(s *settings, parts sets) error {
	b, _, err := openDevice("cpu", s.Math)
	if err != nil {
		return err
	}
	defer b.Close()
	e.device = "cpu: " + describeCPU() + ", products in " + s.Math
	_, err = e.build(s, b, parts, func(string) {})
	return err
}

func (e *explanation) explainGPU(c *explainCommand, parts sets) error {
	r, err := e.recorder(c)
	if err != nil {
		return err
	}
	b, err := newGPU(c.Device, r, 0).computing(c.Math).open()
	if err != nil {
		return err
	}
	defer b.Close()
	e.device = c.Device + ": " + describeGPU(r.GPU) + fmt.Sprintf(", %d multiprocessors", r.GPU.Multiprocessors)
	if c.Math != float32Math {
		e.device += ", products in " + c.Math + " where it is faster"
	}
	own := r.Used
	trainer, err := e.build(&c.settings, b, parts, func(stage string) { r.Stage = stage })
	if err != nil {
		return err
	}
	// From some step on, repeated launches may be queued in another way.
	const untilSteady = 4
	for range untilSteady {
		r.Reset()
		c.update(trainer, e.batch)
	}
	e.memory = append(e.memory, memoryPart{"workspace", r.Used - own - sum(e.memory)})
	e.launches, e.path, e.calls, e.graphs = r.Launches, r.Path, r.Calls, r.Graphs
	if b, ok := b.(*cuda.Backend); ok {
		e.layers = b.Layers()
	}
	return b.Sync()
}

// recorder returns a driver that records for the GPU that the flags name.
func (e *explanation) recorder(c *explainCommand) (*recorder.Driver, error) {
	emulating := func(gpu emulator.GPU) (*recorder.Driver, error) {
		driver, err := emulator.New(emulator.Options{GPU: gpu.Name, Memory: gpu.Memory, Registers: registersOf(gpu)})
		return &recorder.Driver{Driver: driver}, err
	}
	if c.Device == "emulated" {
		gpu, err := findGPU(cmp.Or(c.GPU, "H100"))
		if err != nil {
			return nil, err
		}
		r, err := emulating(gpu)
		if err != nil {
			return nil, err
		}
		e.gpu = &gpu
		r.GPU, err = infoOfGPU(c.Device, r.Driver, 0)
		return r, err
	}
	_, ordinal, err := parseDevice(c.Device)
	if err != nil {
		return nil, err
	}
	info, err := infoOfGPU(c.Device, cudriver.New(), max(ordinal, 0))
	if err != nil {
		return nil, fmt.Errorf("%w; to explain for a GPU that this machine does not have, use --device emulated --gpu NAME", err)
	}
	gpu, known := similarGPU(info)
	if known {
		e.gpu = &gpu
	}
	r, err := emulating(gpu)
	if err != nil {
		return nil, err
	}
	r.GPU = info
	return r, nil
}

// build builds the network and its trainer on b, and describes both.
func (e *explanation) build(s *settings, b backend.Backend, parts sets, enter func(stage string)) (*train.Trainer, error) {
	options := s.options(e.description, parts.train)
	options.Loss = markedLoss{options.Loss, enter}
	markOptimizers(&options, enter)
	net, err := model.New(b, e.description.spec(), e.description.input(s.Batch), model.Options{Observe: observing(enter)})
	if err != nil {
		return nil, tooLarge(err)
	}
	trainer, err := train.New(net, options)
	if err != nil {
		return nil, tooLarge(err)
	}
	return trainer, e.describe(net, trainer, parts)
}

// describe notes the paths of the layers, and the memory that training takes.
func (e *explanation) describe(net *model.Network, trainer *train.Trainer, parts sets) error {
	shape := net.Input()
	for _, stage := range net.Spec() {
		out, err := stage.Layer.Output(shape)
		if err != nil {
			return err
		}
		_, fusable := stage.Layer.(interface{ Path(backend.Backend) string })
		e.stages = append(e.stages, explainedStage{stage.Name, model.Path(stage.Layer, net.Backend()), fusable, shape, out})
		shape = out
	}
	var err error
	if e.flops, err = bench.Flops(net.Spec(), net.Input()); err != nil {
		return err
	}
	params := elementBytes * int64(net.Values().Size())
	memory := trainer.DeviceMemory()
	e.memory = []memoryPart{
		{fmt.Sprintf("parameters, %d", net.Count()), params},
		{"gradients", params},
		{"optimizer", memory.Optimizer},
		{"activations and scratch", net.Memory() - 2*params},
		{"batch, loss and best parameters", memory.Rest},
	}
	if memory.Average > 0 {
		e.memory = append(e.memory, memoryPart{"average of the parameters", memory.Average})
	}
	host := trainer.HostMemory(parts.train, parts.valid)
	e.host = []memoryPart{
		{"data", dataBytes(parts)},
		{"batches", host.Batches},
		{"state to go back to after a divergence", host.Waypoint},
		{"checkpoint that is being written", host.Snapshot},
	}
	return nil
}

// dataBytes returns what the sets take.
func dataBytes(parts sets) int64 {
	values := 0
	for _, d := range []*data.Dataset{parts.train, parts.valid, parts.test} {
		values += len(d.X) + len(d.IDs) + len(d.Lengths) + len(d.Labels) + len(d.Targets) + len(d.Mask)
	}
	return elementBytes * int64(values)
}

func sum(parts []memoryPart) (bytes int64) {
	for _, part := range parts {
		bytes += part.bytes
	}
	return bytes
}
