package cuda_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/cuda/recorder"
	"gputrain/data"
	"gputrain/internal/written"
	"gputrain/model"
	"gputrain/train"
)

var update = flag.Bool("update", false, "write the table of launches to docs/kernels.md")

// A launching is a layer on a device that runs it in a certain way.
type launching struct {
	layer      model.Layer
	directions int
	device     string // see devices
}

func (c launching) kind() string {
	if _, blocks := c.layer.(model.LSTM1997); blocks {
		return "LSTM 1997"
	}
	_, name, _ := strings.Cut(fmt.Sprintf("%T", c.layer), ".")
	return name
}

// counts are the launches of a layer's passes, those of a training step of a network with it,
// and how many of the last come one after the other.
type counts struct{ forward, backward, step, path int }

// counted counts for sequences of so many time steps. Directly, the emulator counts what it
// has executed. The path through the graph is that of the recorder, which must record as many.
func (c launching) counted(t *testing.T, steps int) counts {
	t.Helper()
	in := model.Shape{Steps: steps, Batch: 3, Width: 4}
	var device *emulator.Device
	emulated := &tap{Driver: newDriver(t, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
	launched := func(work func()) (n int) {
		device.ResetProfile()
		work()
		for _, s := range device.Profile() {
			n += s.Launches
		}
		return n
	}
	var info cuda.DeviceInfo
	b := newBench(t, wrapping{emulated, func(d cuda.Device) cuda.Device {
		d = devices[c.device](d)
		info = d.Info()
		return d
	}}, cuda.Options{})
	net, err := model.New(b.Backend, model.Spec{{Name: "layer", Layer: c.layer}}, in, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, dy := b.Zeros(in.Rows(), in.Width), b.Zeros(in.Rows(), net.Output().Width)
	n := counts{
		forward:  launched(func() { net.Forward(x, steps, model.Training) }),
		backward: launched(func() { net.BackwardAnew(dy) }),
	}
	trainer := func(b backend.Backend) (*train.Trainer, data.Batch) {
		net, err := model.New(b, model.Spec{
			{Name: "layer", Layer: c.layer},
			{Name: "last", Layer: model.LastStep{Bidirectional: c.directions == 2}},
			{Name: "head", Layer: model.Dense{Out: 2}},
		}, in, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := train.New(net, train.Options{
			Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: in.Batch,
		})
		if err != nil {
			t.Fatal(err)
		}
		return trainer, data.Batch{Size: in.Batch, Steps: steps, X: make([]float32, in.Rows()*in.Width), Labels: make([]int32, in.Batch)}
	}
	const untilSteady = 3
	stepping, batch := trainer(b.Backend)
	for range untilSteady {
		n.step = launched(func() { stepping.Step(batch) })
	}
	if err := b.Sync(); err != nil {
		t.Fatal(err)
	}
	r := &recorder.Driver{Driver: newDriver(t, emulator.Options{}), GPU: info}
	recording, err := cuda.Open(r, 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer recording.Close()
	stepping, batch = trainer(recording)
	for range untilSteady {
		r.Reset()
		stepping.Step(batch)
	}
	if n.path = r.Path; len(r.Launches) != n.step {
		t.Errorf("%+v, %d time steps: %d launches are recorded, %d executed", c, steps, len(r.Launches), n.step)
	}
	return n
}

// The emulator counts the launches of a training step. docs/kernels.md holds the counts, so
// that a change shows.
func TestLaunchesOfATrainingStep(t *testing.T) {
	var table strings.Builder
	table.WriteString("\n| layer | directions | one launch has | forward | backward | training step | one after the other |\n|---|---|---|---|---|---|---|\n")
	all := map[string]counts{}
	for _, c := range []launching{
		{model.LSTM{Hidden: 5}, 1, "a direction in a launch"},
		{model.LSTM{Hidden: 5, Bidirectional: true}, 2, "two directions in a launch"},
		{model.LSTM{Hidden: 5, Bidirectional: true}, 2, "a direction in a launch"},
		{model.LSTM{Hidden: 5}, 1, "a step in a launch"},
		{model.LSTM{Hidden: 5, Bidirectional: true}, 2, "a step in a launch"},
		{model.GRU{Hidden: 5}, 1, "a direction in a launch"},
		{model.GRU{Hidden: 5, Bidirectional: true}, 2, "two directions in a launch"},
		{model.GRU{Hidden: 5, Bidirectional: true}, 2, "a direction in a launch"},
		{model.GRU{Hidden: 5}, 1, "a step in a launch"},
		{model.GRU{Hidden: 5, Bidirectional: true}, 2, "a step in a launch"},
		{model.RNN{Hidden: 5}, 1, "a direction in a launch"},
		{model.RNN{Hidden: 5, Bidirectional: true}, 2, "two directions in a launch"},
		{model.RNN{Hidden: 5, Bidirectional: true}, 2, "a direction in a launch"},
		{model.RNN{Hidden: 5}, 1, "a step in a launch"},
		{model.RNN{Hidden: 5, Bidirectional: true}, 2, "a step in a launch"},
		{model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true}, 1, "a step in a launch"},
	} {
		few, many := c.counted(t, 2), c.counted(t, 4)
		has := strings.TrimSuffix(c.device, " in a launch")
		fmt.Fprintf(&table, "| %s | %d | %s | %s | %s | %s | %s |\n", c.kind(), c.directions, has,
			perStep(few.forward, many.forward), perStep(few.backward, many.backward), perStep(few.step, many.step), perStep(few.path, many.path))
		all[fmt.Sprint(c.kind(), c.directions, has)] = many
		if c.directions == 1 && many.path != many.step || c.directions == 2 && many.path >= many.step {
			t.Errorf("%+v: %d of %d launches come one after the other", c, many.path, many.step)
		}
	}
	for key, gru := range all {
		if rest, is := strings.CutPrefix(key, "GRU"); is && gru.step > all["LSTM"+rest].step {
			t.Errorf("%s: a training step takes %d launches, that of an LSTM %d", key, gru.step, all["LSTM"+rest].step)
		}
	}
	written.Table(t, "../docs/kernels.md", "go test ./cuda -run TestLaunchesOfATrainingStep -update", table.String(), *update)
}

// perStep writes launches for T time steps, of which there are so many for 2 and for 4.
func perStep(two, four int) string {
	each := (four - two) / 2
	rest := two - 2*each
	switch each {
	case 0:
		return fmt.Sprint(rest)
	case 1:
		return fmt.Sprintf("T + %d", rest)
	}
	return fmt.Sprintf("%d·T + %d", each, rest)
}
