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
// hold all of its blocks at once, otherwise in a launch or more for each. Two layers that
// do not depend on each other share a launch where both fit. The choice depends on the
// device and on sizes only, so the numbers do too.

// layer is a pass of one recurrent layer over a sequence, or of two.
type layer struct {
	op                   string
	count                int // of layers: 1 or 2
	steps, batch, hidden int
}

// layerPath is how a layer runs. The plan holds if there is no error, which says why
// each time step is launched, or why two layers share no launch. Forward, step says how
// each is launched, unless it is a product on tensor cores and a cell.
type layerPath struct {
	kernels.Persistent
	err      error
	step     kernels.StepPlan
	product  kernels.GemmPlan // its kernel is "" if steps are not such products
	branches bool             // the two have been branches of a graph
}

// recurrence is a pass of a layer with what its kernel works on.
type recurrence struct {
	layer
	relu     bool // of an RNN
	operands [10]uint64
	used     int
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

// preparePersistent makes the counters of barriers, and of tiles that blocks share.
func (d *Backend) preparePersistent() error {
	for _, b := range []*branch{&d.branch, &d.other} {
		var err error
		if b.arrivals, err = d.allocate(d.arrivalBytes()); err != nil {
			return err
		}
		if err := d.device.Fill32(b.arrivals, 0, d.arrivalBytes()/4, d.stream); err != nil {
			return err
		}
	}
	return nil
}

func (d *Backend) arrivalBytes() int64 { return 4 * int64(kernels.Counters(d.info.Multiprocessors)) }

// persistent queues one launch for all time steps of r, if the device can hold it. r has
// one layer.
func (d *Backend) persistent(r recurrence, operands ...uint64) bool {
	r.used = copy(r.operands[:], operands)
	if d.meet != nil && d.meet(r) {
		return true
	}
	path := d.path(r.layer)
	if path.err != nil {
		return false
	}
	d.launchLayers(path, r)
	return true
}

// launchLayers queues the launch of one layer, or of two.
func (d *Backend) launchLayers(p layerPath, layers ...recurrence) {
	var storage [maxParams]uint64
	args, r := storage[:0], layers[0]
	for i := range 2 {
		args = append(args, layers[i%len(layers)].operands[:r.used]...)
	}
	if r.backward() {
		args = append(args, d.scratch(r.op, p.Part(r.batch)))
	}
	args = append(args, uint64(d.arrivals), uint64(r.steps), uint64(r.batch), uint64(r.hidden), uint64(p.Rows))
	if strings.HasPrefix(r.op, "RNN") {
		args = append(args, flag(r.relu))
	}
	d.oneGrid(func() { d.launch(r.op, p.Kernel, p.Launch, args...) })
}

// oneGrid queues a grid whose blocks wait for each other. In a graph it comes after the one
// before, of whatever branch: of two that the device does not hold, each could hold a part of
// it, and wait for the rest.
func (d *Backend) oneGrid(launch func()) {
	inGraph := d.replay.mode == capturing
	if inGraph && d.replay.hasGrid && d.err == nil {
		d.keep("Replay", d.device.StreamWait(d.stream, d.gridPassed))
	}
	launch()
	if inGraph && d.err == nil {
		d.keep("Replay", d.device.Record(d.gridPassed, d.stream))
		d.replay.hasGrid = true
	}
}

func (l layer) backward() bool { return strings.HasSuffix(l.op, "Backward") }

// path returns how a layer runs, which is planned once.
func (d *Backend) path(l layer) layerPath {
	path, known := d.layers[l]
	if !known {
		path = d.planLayer(l)
		if name, forward := strings.CutSuffix(l.op, "Forward"); path.err != nil && forward && l.count == 1 && l.batch > 0 && l.hidden > 0 {
			path.step, path.product = d.planStep(strings.ToLower(name), l)
		}
		d.layers[l] = path
	}
	return path
}

func (d *Backend) planLayer(l layer) layerPath {
	if !d.info.Cooperative {
		return layerPath{err: errors.New("the device has no cooperative launch")}
	}
	pass := kernels.PersistentPass(passes[l.op], d.math)
	p, err := kernels.PlanPersistent(pass, l.count, l.steps, l.batch, l.hidden, d.info.Multiprocessors)
	if err != nil {
		return layerPath{err: err}
	}
	if part := p.Part(l.batch); l.backward() && part > mostPart {
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
	if blocks := blocksOf(p); held.Blocks < blocks {
		err = fmt.Errorf("%s needs %d blocks at once, and the device holds %d: its multiprocessors run out of %s",
			p.Kernel, blocks, held.Blocks, held.Limit)
	}
	return layerPath{Persistent: p, err: err}
}

func blocksOf(p kernels.Persistent) int { return p.Launch.Grid.X * p.Launch.Grid.Y * p.Launch.Grid.Z }

// Layers says how each recurrent layer has run: its time steps in one launch, with those
// of another layer or without, or else why not.
func (d *Backend) Layers() []string {
	var keys []layer
	for l, path := range d.layers {
		alone := l
		alone.count = 1
		if l.count == 1 || path.err == nil || path.branches || d.layers[alone].err == nil {
			keys = append(keys, l) // of two that do not fit, none of which fits alone, it is enough to say so
		}
	}
	slices.SortFunc(keys, func(a, b layer) int {
		return cmp.Or(cmp.Compare(a.hidden, b.hidden), cmp.Compare(a.batch, b.batch), cmp.Compare(a.steps, b.steps),
			-cmp.Compare(a.op, b.op), -cmp.Compare(a.count, b.count))
	})
	var lines []string
	for _, l := range keys {
		lines = append(lines, d.describeLayer(l)+d.mathOf(l))
	}
	return lines
}

func (d *Backend) describeLayer(l layer) string {
	p, of, all := d.layers[l], "", ""
	if l.count == 2 {
		of, all = " of two layers", " of both"
	}
	text := fmt.Sprintf("%s%s, %d steps of %d×%d: ", l.op, of, l.steps, l.batch, l.hidden)
	switch {
	case p.branches:
		return text + "two branches of the graph, not one launch, because " + p.err.Error()
	case p.err != nil && l.count == 2:
		return text + "one layer after the other, because no graph has been captured, and no launch holds both: " + p.err.Error()
	case p.err != nil:
		return text + d.describeSteps(l) + ", because " + p.err.Error()
	}
	return text + fmt.Sprintf("one launch of %s for all steps%s, in %d blocks of %d×%d", p.Kernel, all, blocksOf(p.Persistent), p.Rows, p.Units)
}

// mathOf says so if the recurrent products of a layer are not in the backend's math.
func (d *Backend) mathOf(l layer) string {
	pass := passes[l.op]
	switch {
	case d.math == Maths()[0] || l.count == 2 && d.layers[l].err != nil:
		return ""
	case d.layers[l].err == nil && kernels.PersistentPass(pass, d.math) != pass:
		return ""
	case d.layers[l].err != nil && (l.backward() || d.layers[l].step.PackH.Kernel != "" || d.layers[l].product.Kernel != ""):
		return "" // products of their own
	case d.layers[l].err != nil:
		return "; its recurrent products are float32, which is estimated to be faster here"
	}
	return "; its recurrent products are float32, because there is no such kernel in " + d.math
}
