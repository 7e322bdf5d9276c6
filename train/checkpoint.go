package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gputrain/backend"
	"gputrain/model"
)

// The entries of a checkpoint, besides the network's own tensors.
const (
	metaKey    = "gputrain.train" // a checkpoint, in JSON
	namePrefix = "train/"
	sumName    = namePrefix + "loss"   // [1], Σ loss·rows since the loss was last read
	bestName   = namePrefix + "best"   // [P], with Patience or KeepBest
	slotNames  = namePrefix + "slot%d" // [P]
	stateNames = namePrefix + "state/" // with Streams, the states after the step, each under its name

	trainedName  = namePrefix + "parameters" // [P], with EMA: those that are trained, while the network's own are the average
	gradientName = namePrefix + "gradient"   // [P], with Accumulate: the sum so far, before its update
)

// Save adds to f all that a trainer needs to continue: the network's tensors, the
// optimizer's state, the place in the data, the best parameters, the history, and
// the digests of the sets of the last Fit, which must not have changed. With
// Options.EMA, the network's tensors are the average, and the parameters that are trained
// are with the state. OnStep and OnEpoch may call it. It waits for the device.
//
// Numbers that are not finite are an error that wraps model.ErrNotFinite. f is then
// unchanged. In OnStep such an error means that training has diverged, which Fit finds
// when it next reads the loss: return nil to let it find where.
func (t *Trainer) Save(f *model.File) error {
	defer t.visit("Save")()
	checkFile("Save", f)
	meta, err := json.Marshal(t.checkpoint())
	if err != nil {
		return fmt.Errorf("train: save: %w", err)
	}
	arrays := map[string]model.Array{}
	trained, result := t.parameters()
	tensors := t.tensors(trained, t.progress.pending)
	for _, name := range slices.Sorted(maps.Keys(tensors)) { // the order in which ranks gather
		array := f.Room(name, tensors[name].whole)
		if err := t.download(array.Data, tensors[name]); err != nil {
			return fmt.Errorf("train: save %s: %w", name, err)
		}
		arrays[name] = array
	}
	if err := checkArrays(arrays); err != nil {
		return fmt.Errorf("train: save: %w", err)
	}
	if err := t.net.SaveValues(f, result); err != nil {
		return err
	}
	maps.Copy(f.Tensors, arrays)
	if f.Meta == nil {
		f.Meta = map[string]string{}
	}
	f.Meta[metaKey] = string(meta)
	return nil
}

// SaveBest adds to f the parameters of the epoch that Best returns, as
// model.Network.Save does with the present ones. It returns an error if there is no
// such epoch yet. OnStep and OnEpoch may call it. It waits for the device.
func (t *Trainer) SaveBest(f *model.File) error {
	defer t.visit("SaveBest")()
	checkFile("SaveBest", f)
	if _, ok := t.bestEpoch(); !ok {
		return errors.New("train: save the best epoch: no epoch was validated yet with Patience or KeepBest")
	}
	return t.net.SaveValues(f, t.best)
}

// Load continues the run that Save wrote to f, in a trainer made with the same
// options. Fit then ends with the same bytes as a run that was never stopped (on
// the reference backend, which computes in float64, with the same figures).
//
// Load returns an error if the checkpoint contradicts itself or holds numbers that
// are not finite, if the network, the loss, the optimizer, the batch size, Chunk or
// the seed differs, or if a tensor is missing, unknown or has another size. A file
// that was read must have had its checksum (model.File.Sealed). The trainer and the
// network are then unchanged.
//
// The other options may differ. After a divergence, continue with a smaller LR or
// ClipNorm. With more epochs, training goes on longer. The result is that of a run
// with more epochs from the start if the schedule does not depend on their number
// (a Cosine with the same Total stays at its Floor) and early stopping has not put
// the best parameters in place of the last ones.
//
// The next Fit must get the sets that Save knew, and says what differs if it does
// not. To go on with other data, load the parameters alone (model.Network.Load) and
// begin a run of its own, in a new trainer.
func (t *Trainer) Load(f *model.File) error {
	t.enter("Load")
	defer t.use.Leave()
	checkFile("Load", f)
	c, err := t.readCheckpoint(f)
	if err != nil {
		return fmt.Errorf("train: load: %w", err)
	}
	tensors := t.tensors(t.average, c.Pending)
	if _, ok := f.Tensors[bestName]; !ok || !t.best.Present() {
		// The best parameters were not kept, or are no longer: Best begins here.
		c.BestLoss, c.BadEpochs = exact(math.Inf(1)), 0
		delete(tensors, bestName)
	}
	if err := checkTensors(f, tensors); err != nil {
		return fmt.Errorf("train: load: %w", err)
	}
	if err := t.net.Load(f); err != nil {
		return err
	}
	for name, tensor := range tensors {
		t.b.Upload(tensor.Tensor, f.Tensors[name].Data[tensor.from:][:tensor.Size()])
	}
	t.progress = c.progress()
	if t.ranks != nil && t.ranks.Rank() > 0 && c.Pending > 0 {
		// The gradient so far is that of rank 0.
		t.b.Fill(t.net.Grads(), 0)
		t.progress.weight = 0
	}
	t.shown = t.average.Present() && c.Step > 0
	t.sets = learned{digests: c.Sets, bound: c.Sets != nil}
	return t.b.Sync()
}

// checkFile panics if f is nil.
func checkFile(op string, f *model.File) {
	if f == nil {
		panic("train: " + op + ": the file is nil")
	}
}

// entry is a tensor that is saved, or with ranks the part of this one: its elements are
// those from from on of an array of whole.
type entry struct {
	backend.Tensor
	from, whole int
}

// download copies the array that x is a part of to dst.
func (t *Trainer) download(dst []float32, x entry) error {
	if x.whole == x.Size() {
		return t.b.Download(dst, x.Tensor)
	}
	return t.ranks.gather(t.b, dst, x.Tensor, t.options.Batch)
}

// tensors returns the state on the device that does not belong to the network, by
// its name in a file. trained are the parameters that are, with EMA, and pending is how
// many batches have been gathered for the next update.
func (t *Trainer) tensors(trained backend.Tensor, pending int) map[string]entry {
	all := func(x backend.Tensor) entry { return entry{x, 0, x.Size()} }
	tensors := map[string]entry{sumName: all(t.lossSum)}
	for i, slot := range t.slots {
		tensors[fmt.Sprintf(slotNames, i)] = all(slot)
	}
	if t.best.Present() {
		tensors[bestName] = all(t.best)
	}
	if t.average.Present() {
		tensors[trainedName] = all(trained)
	}
	if pending > 0 {
		tensors[gradientName] = all(t.net.Grads())
	}
	from, to := t.streamPart()
	for i, x := range t.streams {
		name := stateNames + t.states.statesFor(t.net.Input().Steps, to-from)[i].Name
		tensors[name] = entry{x, from * x.Cols, t.options.Batch * x.Cols}
	}
	return tensors
}

// checkTensors says which tensor of f, other than those of the network, does not
// belong to the state of a trainer that consists of tensors.
func checkTensors(f *model.File, tensors map[string]entry) error {
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		array, ok := f.Tensors[name]
		switch {
		case !ok:
			return fmt.Errorf("tensor %s is missing", name)
		case len(array.Data) != tensors[name].whole:
			return fmt.Errorf("tensor %s has %d elements, want %d", name, len(array.Data), tensors[name].whole)
		}
	}
	state := map[string]model.Array{}
	for name, array := range f.Tensors {
		if strings.HasPrefix(name, namePrefix) {
			state[name] = array
		}
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if _, ok := tensors[name]; !ok && name != bestName {
			return fmt.Errorf("tensor %q does not belong to the state of this training", name)
		}
	}
	return checkArrays(state)
}

// checkArrays returns an error that wraps model.ErrNotFinite if one of arrays has
// such a number.
func checkArrays(arrays map[string]model.Array) error {
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		if err := arrays[name].CheckFinite(); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
	}
	return nil
}
