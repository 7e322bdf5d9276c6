package main

import (
	"gputrain/cuda"
	cudarecorder "gputrain/cuda/recorder"
	"gputrain/gl"
	"gputrain/gl/gldriver"
	"gputrain/gl/recorder"
)

// explainOpenGL explains for an OpenGL device. The shaders run in the background, so
// whoever reads what they are recorded as waits first.
func (e *explanation) explainOpenGL(c *explainCommand, ordinal int, parts sets) error {
	info, _, err := findOpenGL(c.Device, gldriver.New(), ordinal)
	if err != nil {
		return err
	}
	r := &recorder.Driver{Device: info}
	b, err := gl.Open(r, 0, gl.Options{Name: c.Device})
	if err != nil {
		return namedDevice(c.Device, err)
	}
	defer b.Close()
	e.device = c.Device + ": " + describeOpenGL(info)
	used := func() int64 {
		b.Sync()
		return r.Used
	}
	enter := func(stage string) {
		b.Sync()
		r.Stage = stage
	}
	own := used()
	trainer, err := e.build(&c.settings, b, parts, enter)
	if err != nil {
		return err
	}
	c.update(trainer, e.batch) // whose workspace stays
	enter(outside)
	r.Launches = nil
	c.update(trainer, e.batch)
	e.memory = append(e.memory, memoryPart{"workspace", used() - own - sum(e.memory)})
	for _, l := range r.Launches {
		e.launches = append(e.launches, cudarecorder.Launch{
			Stage: l.Stage, Kernel: l.Kernel, Grid: cuda.Dim3{X: l.X, Y: l.Y, Z: 1}, Block: cuda.Dim3{X: l.Group, Y: 1, Z: 1},
		})
	}
	e.path, e.calls = len(e.launches), len(e.launches)
	return b.Sync()
}
