package main

import (
	"cmp"
	"fmt"
	"io"

	"gputrain/backend"
	cpubackend "gputrain/cpu"
	"gputrain/cuda/cudriver"
	"gputrain/cuda/emulator"
	"gputrain/cuda/recorder"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type explainCommand struct {
	settings `embed:""`

	Config configFlag `placeholder:"FILE" help:"Settings in TOML, such as the config.toml of a run; flags win."`
	GPU    string     `name:"gpu" placeholder:"GPU" help:"With --device emulated, the GPU to explain for: H100 (the default), A100, RTX4090 or T4."`
}

// Help is what "gputrain explain --help" says in more detail.
func (*explainCommand) Help() string {
	return `Takes the network that the flags describe and says which path each layer takes on the device, how much memory the network needs, and, on a GPU, which kernels one training step launches, with their grids. The list comes from the training code itself: a few steps run on a device that notes the launches and computes nothing. "step" stands for work outside of the layers: zeroing the gradients, clipping, summing the losses.`
}

// Run prints what training would do.
func (c *explainCommand) Run(con console) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.GPU != "" && c.Device != "emulated" {
		return &settingError{"gpu", fmt.Sprintf("is %q, but it is for --device emulated, not %s", c.GPU, c.Device)}
	}
	d, parts, _, err := c.load(c.InitFrom)
	if err != nil {
		return err
	}
	e := &explanation{description: d, batch: data.NewBatches(parts.train, c.Batch).Batch(0)}
	switch kind, ordinal, _ := parseDevice(c.Device); kind {
	case "auto", "cpu":
		err = e.explainCPU(&c.settings, parts.train.Len())
	case "gl":
		err = e.explainOpenGL(c, ordinal, parts.train.Len())
	default:
		err = e.explainGPU(c, parts.train.Len())
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(con.out, e.text(terminalWidth(con.out)))
	return err
}

const elementBytes = 4 // of a float32 and of an int32

func (e *explanation) explainCPU(s *settings, samples int) error {
	b, _, err := openDevice("cpu", s.Math)
	if err != nil {
		return err
	}
	defer b.Close()
	e.device = "cpu: " + describeCPU() + ", products in " + s.Math
	counted := &countingCPU{Backend: b.(*cpubackend.Backend)}
	if _, err = e.build(s, counted, samples, func() int64 { return counted.bytes }, func(string) {}); err != nil {
		return err
	}
	perParameter := int64(1 + s.options(samples).Optimizer.Slots())
	e.memory = append(e.memory, memoryPart{"copy of the last finite state", perParameter * e.memory[0].bytes})
	return nil
}

func (e *explanation) explainGPU(c *explainCommand, samples int) error {
	r, err := c.recorder()
	if err != nil {
		return err
	}
	b, err := newGPU(c.Device, r, 0).open()
	if err != nil {
		return err
	}
	defer b.Close()
	e.device = c.Device + ": " + describeGPU(r.GPU) + fmt.Sprintf(", %d multiprocessors", r.GPU.Multiprocessors)
	own := r.Used
	trainer, err := e.build(&c.settings, b, samples, func() int64 { return r.Used }, func(stage string) { r.Stage = stage })
	if err != nil {
		return err
	}
	// From some step on, repeated launches may be queued in another way.
	const untilSteady = 4
	asked := r.Used - own
	for range untilSteady {
		r.Reset()
		trainer.Step(e.batch)
	}
	e.memory = append(e.memory, memoryPart{"workspace", r.Used - asked})
	e.launches, e.calls, e.graphs = r.Launches, r.Calls, r.Graphs
	return b.Sync()
}

// recorder returns a driver that records for the GPU that the flags name.
func (c *explainCommand) recorder() (*recorder.Driver, error) {
	model, err := findGPU(cmp.Or(c.GPU, "H100"))
	if err != nil {
		return nil, err
	}
	emulated, err := emulator.New(emulator.Options{GPU: model.Name, Memory: model.Memory})
	if err != nil {
		return nil, err
	}
	r := &recorder.Driver{Driver: emulated}
	if c.Device == "emulated" {
		r.GPU, err = infoOfGPU(c.Device, emulated, 0)
		return r, err
	}
	_, ordinal, err := parseDevice(c.Device)
	if err != nil {
		return nil, err
	}
	if r.GPU, err = infoOfGPU(c.Device, cudriver.New(), max(ordinal, 0)); err != nil {
		return nil, fmt.Errorf("%w; to explain for a GPU that this machine does not have, use --device emulated --gpu NAME", err)
	}
	return r, nil
}

// build builds the network and its trainer on b, and notes the memory that they
// take.
func (e *explanation) build(s *settings, b backend.Backend, samples int, used func() int64, enter func(stage string)) (*train.Trainer, error) {
	spec, shape := e.description.spec(), e.description.input(s.Batch)
	for _, stage := range spec {
		out, err := stage.Layer.Output(shape)
		if err != nil {
			return nil, err
		}
		e.stages = append(e.stages, explainedStage{stage.Name, model.Path(stage.Layer, b), shape, out})
		shape = out
	}
	options := s.options(samples)
	slots := int64(options.Optimizer.Slots())
	options.Loss = markedLoss{options.Loss, enter}
	options.Optimizer = markedOptimizer{options.Optimizer, enter}

	before := used()
	net, err := model.New(b, spec, e.description.input(s.Batch), model.Options{Observe: observing(enter)})
	if err != nil {
		return nil, tooLarge(err)
	}
	built := used()
	trainer, err := train.New(net, options)
	if err != nil {
		return nil, tooLarge(err)
	}
	params := int64(net.Values().Size()) * elementBytes
	e.memory = []memoryPart{
		{fmt.Sprintf("parameters, %d", net.Count()), params},
		{"gradients", params},
		{"optimizer", slots * params},
		{"activations and scratch", built - before - 2*params},
		{"batch and loss", used() - built - slots*params},
	}
	return trainer, nil
}

// countingCPU counts the memory that a network asks of the CPU.
type countingCPU struct {
	*cpubackend.Backend
	bytes int64
}

func (c *countingCPU) New(rows, cols int) (backend.Tensor, error) {
	t, err := c.Backend.New(rows, cols)
	c.bytes += elementBytes * int64(t.Size())
	return t, err
}

func (c *countingCPU) NewInts(n int) (backend.Ints, error) {
	t, err := c.Backend.NewInts(n)
	c.bytes += elementBytes * int64(t.N)
	return t, err
}
