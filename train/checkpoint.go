package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"gputrain/backend"
	"gputrain/model"
)

// The entries of a checkpoint, besides the network's own tensors.
const (
	metaKey   = "gputrain.train" // a checkpoint, in JSON
	sumName   = "train/loss"     // [1], Σ loss·rows of the epoch
	bestName  = "train/best"     // [P], with Patience or KeepBest
	slotNames = "train/slot%d"   // [P]
)

// checkpoint is the metadata of a file.
type checkpoint struct {
	// A run continues only under these settings.
	Optimizer string `json:"optimizer"`
	Batch     int    `json:"batch"`
	Seed      uint64 `json:"seed"`

	Step      int          `json:"step"`
	Epoch     int          `json:"epoch"`
	NextBatch int          `json:"next_batch"`
	SetSize   int          `json:"set_size"`
	Rows      int          `json:"rows"`
	LastLoss  exact        `json:"last_loss"`
	BestLoss  exact        `json:"best_loss"`
	BadEpochs int          `json:"bad_epochs"`
	History   []savedEpoch `json:"history"`
}

// savedEpoch is an Epoch without its wall time.
type savedEpoch struct {
	LR            exact `json:"lr"`
	TrainLoss     exact `json:"train_loss"`
	ValidLoss     exact `json:"valid_loss"`
	ValidAccuracy exact `json:"valid_accuracy"`
}

// exact is a float64 that keeps every bit in JSON, NaN and Inf included.
type exact float64

func (x exact) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(x), 'g', -1, 64), nil
}

func (x *exact) UnmarshalText(text []byte) error {
	value, err := strconv.ParseFloat(string(text), 64)
	*x = exact(value)
	return err
}

// Save adds to f all that a trainer needs to continue: the network's tensors, the
// optimizer's state, the place in the data, the best parameters, the history. It
// waits for the device.
func (t *Trainer) Save(f *model.File) error {
	meta, err := json.Marshal(t.checkpoint())
	if err != nil {
		return fmt.Errorf("train: save: %w", err)
	}
	arrays := map[string]model.Array{}
	for name, tensor := range t.tensors() {
		array := model.Array{Shape: []int{tensor.Size()}, Data: make([]float32, tensor.Size())}
		if err := t.b.Download(array.Data, tensor); err != nil {
			return fmt.Errorf("train: save %s: %w", name, err)
		}
		arrays[name] = array
	}
	if err := t.net.Save(f); err != nil {
		return err
	}
	for name, array := range arrays {
		f.Tensors[name] = array
	}
	if f.Meta == nil {
		f.Meta = map[string]string{}
	}
	f.Meta[metaKey] = string(meta)
	return nil
}

// SaveBest adds to f the parameters of the epoch that Best returns, as
// model.Network.Save does with the present ones. It returns an error if there is no
// such epoch yet. It waits for the device.
func (t *Trainer) SaveBest(f *model.File) error {
	if _, ok := t.Best(); !ok {
		return errors.New("train: save the best epoch: no epoch was validated yet with Patience or KeepBest")
	}
	return t.net.SaveValues(f, t.best)
}

// Load continues the run that Save wrote to f, in a trainer made with the same
// options. Fit then ends with the same bytes as a run that was never stopped (on
// the reference backend, which computes in float64, with the same figures). Load
// returns an error if the optimizer, the batch size or the seed differs, or if a
// tensor is missing or has another size. The trainer and the network are then
// unchanged.
//
// The other options may differ. After a divergence, continue with a smaller LR or
// ClipNorm. With more epochs, training goes on longer. The result is that of a run
// with more epochs from the start if the schedule does not depend on their number
// (a Cosine with the same Total stays at its Floor) and early stopping has not put
// the best parameters in place of the last ones.
func (t *Trainer) Load(f *model.File) error {
	c, err := t.readCheckpoint(f)
	if err != nil {
		return fmt.Errorf("train: load: %w", err)
	}
	tensors := t.tensors()
	if _, ok := f.Tensors[bestName]; !ok || !t.best.Present() {
		// The best parameters were not kept, or are no longer: Best begins here.
		c.BestLoss, c.BadEpochs = exact(math.Inf(1)), 0
		delete(tensors, bestName)
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		tensor := tensors[name]
		array, ok := f.Tensors[name]
		switch {
		case !ok:
			return fmt.Errorf("train: load: tensor %s is missing", name)
		case len(array.Data) != tensor.Size():
			return fmt.Errorf("train: load: tensor %s has %d elements, want %d", name, len(array.Data), tensor.Size())
		}
	}
	if err := t.net.Load(f); err != nil {
		return err
	}
	for name, tensor := range tensors {
		t.b.Upload(tensor, f.Tensors[name].Data)
	}
	t.progress = c.progress()
	return t.b.Sync()
}

// tensors returns the state on the device that does not belong to the network, by
// its name in a file.
func (t *Trainer) tensors() map[string]backend.Tensor {
	tensors := map[string]backend.Tensor{sumName: t.lossSum}
	for i, slot := range t.slots {
		tensors[fmt.Sprintf(slotNames, i)] = slot
	}
	if t.best.Present() {
		tensors[bestName] = t.best
	}
	return tensors
}

func (t *Trainer) checkpoint() checkpoint {
	o, s := &t.options, &t.progress
	c := checkpoint{
		Optimizer: describe(o.Optimizer), Batch: o.Batch, Seed: o.Seed,
		Step: s.step, Epoch: s.epoch, NextBatch: s.batch, SetSize: s.setSize, Rows: s.rows,
		LastLoss: exact(s.lastLoss), BestLoss: exact(s.bestLoss), BadEpochs: s.badEpochs,
	}
	for _, e := range s.history {
		c.History = append(c.History, savedEpoch{
			LR: exact(e.LR), TrainLoss: exact(e.TrainLoss),
			ValidLoss: exact(e.ValidLoss), ValidAccuracy: exact(e.ValidAccuracy),
		})
	}
	return c
}

// readCheckpoint reads f's metadata and compares them with t's options.
func (t *Trainer) readCheckpoint(f *model.File) (checkpoint, error) {
	var c checkpoint
	text, ok := f.Meta[metaKey]
	if !ok {
		return c, fmt.Errorf("the file is a model without the state of its training (no metadata %q)", metaKey)
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("metadata %q: %w", metaKey, err)
	}
	o := &t.options
	optimizer := describe(o.Optimizer)
	switch {
	case c.Optimizer != optimizer:
		return c, fmt.Errorf("the checkpoint's optimizer is %s, the trainer's is %s", c.Optimizer, optimizer)
	case c.Batch != o.Batch:
		return c, fmt.Errorf("the checkpoint's batch is %d, the trainer's is %d", c.Batch, o.Batch)
	case c.Seed != o.Seed:
		return c, fmt.Errorf("the checkpoint's seed is %d, the trainer's is %d", c.Seed, o.Seed)
	case min(c.Step, c.Epoch, c.NextBatch, c.Rows, c.BadEpochs) < 0 || len(c.History) != c.Epoch:
		return c, fmt.Errorf("metadata %q is damaged: %s", metaKey, text)
	}
	return c, nil
}

func (c checkpoint) progress() progress {
	s := progress{
		step: c.Step, epoch: c.Epoch, batch: c.NextBatch, setSize: c.SetSize, rows: c.Rows,
		lastLoss: float64(c.LastLoss), bestLoss: float64(c.BestLoss), badEpochs: c.BadEpochs,
	}
	for i, e := range c.History {
		s.history = append(s.history, Epoch{
			Epoch: i + 1, LR: float64(e.LR), TrainLoss: float64(e.TrainLoss),
			ValidLoss: float64(e.ValidLoss), ValidAccuracy: float64(e.ValidAccuracy),
			Seconds: math.NaN(), SamplesPerSecond: math.NaN(),
		})
	}
	return s
}

// describe names an optimizer with its settings: "train.SGD{Momentum:0.9 ...}".
func describe(o Optimizer) string { return fmt.Sprintf("%T%+v", o, o) }

// ErrNotFinite is wrapped by the error of a Save.
var ErrNotFinite = errors.New("not finite")
