package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gputrain/kernels"
)

// A recurrent layer runs its time steps in one cooperative launch where the device can
// hold all of its blocks at once, otherwise in a launch or more for each. The choice
// depends on the device and on sizes only, so the numbers do too.

// layer is a pass of a recurrent layer over a sequence.
type layer struct {
	op                   string
	steps, batch, hidden int
}

// layerPath is how a layer runs. The plan holds if there is no error, which says why
// each time step is launched. Forward, step says how.
type layerPath struct {
	kernels.Persistent
	err  error
	step kernels.StepPlan
}

// passes names the kernels of an operation.
var passes = map[string]string{
	"LSTMForward": "lstm_forward", "LSTMBackward": "lstm_backward",
	"RNNForward": "rnn_forward", "RNNBackward": "rnn_backward",
	"GRUForward": "gru_forward", "GRUBackward": "gru_backward",
}

// mostPart is how many floats of workspace a backward pass may take for parts of sums:
// 256 MiB.
const mostPart = 64 << 20

// preparePersistent makes the counters of barriers. There are never more groups of
// blocks that wait for each other than multiprocessors.
func (d *Backend) preparePersistent() error {
	var err error
	if d.arrivals, err = d.allocate(d.arrivalBytes()); err != nil {
		return err
	}
	return d.device.Fill32(d.arrivals, 0, int64(d.info.Multiprocessors), d.stream)
}

func (d *Backend) arrivalBytes() int64 { return 4 * int64(d.info.Multiprocessors) }

// persistent returns the plan of one launch for all time steps of op, if there is one.
func (d *Backend) persistent(op string, steps, batch, hidden int) (kernels.Persistent, bool) {
	key := layer{op, steps, batch, hidden}
	path, known := d.layers[key]
	if !known {
		path = d.planLayer(key)
		if name, forward := strings.CutSuffix(op, "Forward"); path.err != nil && forward && batch > 0 && hidden > 0 {
			path.step = kernels.ChooseStep(strings.ToLower(name), batch, hidden, d.info.Multiprocessors)
		}
		d.layers[key] = path
	}
	return path.Persistent, path.err == nil
}

func (d *Backend) planLayer(l layer) layerPath {
	if !d.info.Cooperative {
		return layerPath{err: errors.New("the device has no cooperative launch")}
	}
	p, err := kernels.PlanPersistent(passes[l.op], l.steps, l.batch, l.hidden, d.info.Multiprocessors)
	if err != nil {
		return layerPath{err: err}
	}
	if part := p.Part(l.batch); strings.HasSuffix(l.op, "Backward") && part > mostPart {
		return layerPath{err: fmt.Errorf("parts of sums would take %d MiB of workspace, and %d is the limit; a batch of %d would fit",
			part>>18, mostPart>>18, l.batch*mostPart/part)}
	}
	k, err := d.kernel(p.Kernel)
	var held Residency
	if err == nil {
		held, err = d.device.Residency(k.function, Dim3(p.Launch.Block), 0)
	}
	if err != nil {
		d.keep(l.op+", kernel "+p.Kernel, err)
		return layerPath{err: err}
	}
	if blocks := p.Launch.Grid.X * p.Launch.Grid.Y; held.Blocks < blocks {
		err = fmt.Errorf("%s needs %d blocks at once, and the device holds %d: its multiprocessors run out of %s",
			p.Kernel, blocks, held.Blocks, held.Limit)
	}
	return layerPath{Persistent: p, err: err}
}

// Layers says how each recurrent layer has run: its time steps in one launch, or else
// why not.
func (d *Backend) Layers() []string {
	keys := make([]layer, 0, len(d.layers))
	for l := range d.layers {
		keys = append(keys, l)
	}
	slices.SortFunc(keys, func(a, b layer) int {
		return cmp.Or(cmp.Compare(a.hidden, b.hidden), cmp.Compare(a.batch, b.batch), cmp.Compare(a.steps, b.steps), -cmp.Compare(a.op, b.op))
	})
	var lines []string
	for _, l := range keys {
		path := d.layers[l]
		text := fmt.Sprintf("%s, %d steps of %d×%d: ", l.op, l.steps, l.batch, l.hidden)
		if path.err != nil {
			text += d.describeSteps(l) + ", because " + path.err.Error()
		} else {
			grid := path.Launch.Grid
			text += fmt.Sprintf("one launch of %s for all steps, in %d blocks of %d×%d", path.Kernel, grid.X*grid.Y, path.Rows, path.Units)
		}
		lines = append(lines, text)
	}
	return lines
}
