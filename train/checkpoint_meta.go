package train

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gputrain/data"
	"gputrain/model"
)

// checkpointVersion is that of checkpoint. Version 1 had no number.
const checkpointVersion = 3

// checkpoint is the metadata of a file.
type checkpoint struct {
	Version int `json:"version"`

	// A run continues only under these settings, on these sets.
	Network   []string `json:"network"` // the stages
	Loss      string   `json:"loss"`
	Optimizer string   `json:"optimizer"`
	Batch     int      `json:"batch"`
	Chunk     int      `json:"chunk"`
	Streams   bool     `json:"streams,omitempty"`
	Seed      uint64   `json:"seed"`

	Groups     []string `json:"groups,omitempty"`
	Accumulate int      `json:"accumulate,omitempty"` // if above 1
	EMA        float64  `json:"ema,omitempty"`

	Sets *digests `json:"sets,omitempty"` // nil before the first Fit

	Step      int     `json:"step"`
	Epoch     int     `json:"epoch"`
	EpochStep int     `json:"epoch_step"`
	NextBatch int     `json:"next_batch"`
	Pending   int     `json:"pending,omitempty"`        // batches that have no part in the step yet
	Weight    exact   `json:"pending_weight,omitempty"` // of their rows
	LossSum   exact   `json:"loss_sum"`
	Rows      int     `json:"rows"`
	LastLoss  exact   `json:"last_loss"`
	BestLoss  exact   `json:"best_loss"`
	BadEpochs int     `json:"bad_epochs"`
	History   history `json:"history"`
}

// digests identify the sets of a Fit.
type digests struct {
	Training   data.Digest  `json:"training"`
	Validation *data.Digest `json:"validation,omitempty"` // nil without one
}

// history becomes the bytes of its numbers, little-endian, in base64: it may have
// many epochs, and is saved again and again.
type history []savedEpoch

// savedEpoch is an Epoch without its wall time.
type savedEpoch struct{ LR, TrainLoss, TrainRows, ValidLoss, ValidAccuracy float64 }

func (h history) MarshalText() ([]byte, error) {
	content := make([]byte, 0, binary.Size([]savedEpoch(h)))
	for _, e := range h {
		for _, value := range []float64{e.LR, e.TrainLoss, e.TrainRows, e.ValidLoss, e.ValidAccuracy} {
			content = binary.LittleEndian.AppendUint64(content, math.Float64bits(value))
		}
	}
	return base64.StdEncoding.AppendEncode(nil, content), nil
}

func (h *history) UnmarshalText(text []byte) error {
	content, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	*h = make(history, len(content)/binary.Size(savedEpoch{}))
	if len(content) != binary.Size([]savedEpoch(*h)) {
		return fmt.Errorf("history: %d bytes are no whole number of epochs", len(content))
	}
	_, err = binary.Decode(content, binary.LittleEndian, []savedEpoch(*h))
	return err
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

// notFinite reports whether x is NaN or infinite.
func (x exact) notFinite() bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

func (t *Trainer) checkpoint() checkpoint {
	o, s := &t.options, &t.progress
	c := checkpoint{
		Version: checkpointVersion,
		Network: describeStages(t.net), Loss: describe(o.Loss), Optimizer: describe(o.Optimizer),
		Batch: o.Batch, Chunk: o.Chunk, Streams: o.Streams, Seed: o.Seed, Sets: t.sets.digest(),
		Step: s.step, Epoch: s.epoch, EpochStep: s.epochStep, NextBatch: s.batch, LossSum: exact(s.lossSum), Rows: s.rows,
		LastLoss: exact(s.lastLoss), BestLoss: exact(s.bestLoss), BadEpochs: s.badEpochs,
	}
	c.Groups, c.EMA, c.Pending, c.Weight = describeGroups(o.Groups), o.EMA, s.pending, exact(s.weight)
	if o.Accumulate > 1 {
		c.Accumulate = o.Accumulate
	}
	for _, e := range s.history {
		c.History = append(c.History, savedEpoch{
			LR: e.LR, TrainLoss: e.TrainLoss, TrainRows: float64(e.TrainRows), ValidLoss: e.ValidLoss, ValidAccuracy: e.ValidAccuracy,
		})
	}
	return c
}

// readCheckpoint reads f's metadata and checks them.
func (t *Trainer) readCheckpoint(f *model.File) (checkpoint, error) {
	var c checkpoint
	text, ok := f.Meta[metaKey]
	switch {
	case !ok:
		return c, fmt.Errorf("the file is a model without the state of its training (no metadata %q)", metaKey)
	case !f.Sealed():
		return c, fmt.Errorf("the file has no checksum, which every checkpoint has: it is damaged, or was written by another version or program")
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("metadata %q: %w", metaKey, err)
	}
	if c.Version != checkpointVersion {
		return c, fmt.Errorf("the checkpoint was written by another version: its format is %d, this version reads %d", c.Version, checkpointVersion)
	}
	// The decoder takes unknown keys, the last of two equal ones, and any case. So what
	// it understood must be all that is there.
	if again, err := json.Marshal(c); err != nil || string(again) != text {
		return c, fmt.Errorf("metadata %q is damaged: a key is unknown, missing, or there twice", metaKey)
	}
	if err := t.checkSettings(&c); err != nil {
		return c, err
	}
	_, hasBest := f.Tensors[bestName]
	if err := c.check(hasBest); err != nil {
		return c, fmt.Errorf("metadata %q is damaged: %w", metaKey, err)
	}
	return c, nil
}

// checkSettings says which setting of the checkpoint differs from the trainer's.
func (t *Trainer) checkSettings(c *checkpoint) error {
	o := &t.options
	if stages := describeStages(t.net); !slices.Equal(c.Network, stages) {
		return fmt.Errorf("the checkpoint's network is %s, the trainer's is %s", strings.Join(c.Network, ", "), strings.Join(stages, ", "))
	}
	loss, optimizer, groups := describe(o.Loss), describe(o.Optimizer), describeGroups(o.Groups)
	switch {
	case c.Loss != loss:
		return fmt.Errorf("the checkpoint's loss is %s, the trainer's is %s", c.Loss, loss)
	case c.Optimizer != optimizer:
		return fmt.Errorf("the checkpoint's optimizer is %s, the trainer's is %s", c.Optimizer, optimizer)
	case c.Batch != o.Batch:
		return fmt.Errorf("the checkpoint's batch is %d, the trainer's is %d", c.Batch, o.Batch)
	case c.Chunk != o.Chunk:
		return fmt.Errorf("the checkpoint's Chunk is %d, the trainer's is %d", c.Chunk, o.Chunk)
	case c.Streams != o.Streams:
		return fmt.Errorf("the checkpoint's Streams is %v, the trainer's is %v", c.Streams, o.Streams)
	case !slices.Equal(c.Groups, groups):
		return fmt.Errorf("the checkpoint's Groups are %q, the trainer's are %q", c.Groups, groups)
	case max(1, c.Accumulate) != o.Accumulate:
		return fmt.Errorf("the checkpoint's Accumulate is %d, the trainer's is %d", max(1, c.Accumulate), o.Accumulate)
	case c.EMA != o.EMA:
		return fmt.Errorf("the checkpoint's EMA is %v, the trainer's is %v", c.EMA, o.EMA)
	case c.Seed != o.Seed:
		return fmt.Errorf("the checkpoint's seed is %d, the trainer's is %d", c.Seed, o.Seed)
	}
	return nil
}

// check says how c contradicts itself. hasBest says whether the best parameters
// are there.
func (c *checkpoint) check(hasBest bool) error {
	switch {
	case min(c.Step, c.Epoch, c.EpochStep, c.NextBatch, c.Pending, c.Rows, c.BadEpochs) < 0:
		return fmt.Errorf("a counter is negative: step %d, epoch %d, epoch_step %d, next_batch %d, pending %d, rows %d, bad_epochs %d",
			c.Step, c.Epoch, c.EpochStep, c.NextBatch, c.Pending, c.Rows, c.BadEpochs)
	case len(c.History) != c.Epoch:
		return fmt.Errorf("%d epochs are done, but the history has %d", c.Epoch, len(c.History))
	case c.EpochStep < c.Epoch:
		return fmt.Errorf("%d epochs are done in %d steps", c.Epoch, c.EpochStep)
	case c.Sets == nil && (c.Epoch > 0 || c.NextBatch > 0):
		return fmt.Errorf("it does not say which sets were learned from")
	case c.Sets != nil && c.NextBatch > c.batches():
		return fmt.Errorf("%d batches of the epoch are done, but the training set has %d samples", c.NextBatch, c.Sets.Training.Samples)
	case !c.placed():
		return fmt.Errorf("the step is %d, but the epoch began at step %d and %d batches of it are done, %d of them after the step", c.Step, c.EpochStep, c.NextBatch, c.Pending)
	case !(c.Weight >= 0) || c.Weight.notFinite() || c.Pending == 0 && c.Weight != 0:
		return fmt.Errorf("pending is %d and pending_weight %v", c.Pending, float64(c.Weight))
	case math.IsInf(float64(c.LastLoss), 0) || c.LossSum.notFinite():
		return fmt.Errorf("last_loss is %v and loss_sum %v", float64(c.LastLoss), float64(c.LossSum))
	}
	for i, e := range c.History {
		bad := exact(e.TrainLoss).notFinite() || exact(e.LR).notFinite() || e.TrainRows < 0 || e.TrainRows != math.Trunc(e.TrainRows) ||
			math.IsInf(e.ValidLoss, 0) || e.ValidAccuracy < 0 || e.ValidAccuracy > 1
		if bad {
			return fmt.Errorf("epoch %d of the history is %+v", i+1, e)
		}
	}
	return c.checkBest(hasBest)
}

// batches returns how many an epoch has.
func (c *checkpoint) batches() int { return (c.Sets.Training.Samples + c.Batch - 1) / c.Batch }

// placed reports whether as many updates of the epoch are done as its batches make.
func (c *checkpoint) placed() bool {
	done := c.Step - c.EpochStep
	switch {
	case c.NextBatch == 0: // batches that are pending are those of Step
		return done == 0 && c.Pending < max(1, c.Accumulate)
	case c.Chunk > 0:
		return done >= c.NextBatch && done%c.NextBatch == 0 && c.Pending == 0
	}
	updates, pending := windows(c.NextBatch, c.batches(), max(1, c.Accumulate))
	return done == updates && c.Pending == pending
}

// checkBest says how the best epoch contradicts the history.
func (c *checkpoint) checkBest(hasBest bool) error {
	if math.IsInf(float64(c.BestLoss), 1) {
		if c.BadEpochs != 0 {
			return fmt.Errorf("%d epochs since the best one, but there is none", c.BadEpochs)
		}
		return nil
	}
	best := c.Epoch - 1 - c.BadEpochs
	switch {
	case !hasBest:
		return fmt.Errorf("best_loss is %v, but tensor %s is missing", float64(c.BestLoss), bestName)
	case best < 0:
		return fmt.Errorf("%d epochs since the best one, but only %d are done", c.BadEpochs, c.Epoch)
	case c.History[best].ValidLoss != float64(c.BestLoss):
		return fmt.Errorf("best_loss is %v, but epoch %d had %v", float64(c.BestLoss), best+1, c.History[best].ValidLoss)
	}
	for i, e := range c.History[best:] {
		if !(e.ValidLoss >= float64(c.BestLoss)) {
			return fmt.Errorf("best_loss is %v, but epoch %d had %v", float64(c.BestLoss), best+i+1, e.ValidLoss)
		}
	}
	return nil
}

func (c checkpoint) progress() progress {
	s := progress{
		step: c.Step, pending: c.Pending, weight: float64(c.Weight),
		epoch: c.Epoch, epochStep: c.EpochStep, batch: c.NextBatch, lossSum: float64(c.LossSum), rows: c.Rows,
		lastLoss: float64(c.LastLoss), bestLoss: float64(c.BestLoss), badEpochs: c.BadEpochs,
	}
	for i, e := range c.History {
		s.history = append(s.history, Epoch{
			Epoch: i + 1, LR: e.LR, TrainLoss: e.TrainLoss, TrainRows: int(e.TrainRows),
			ValidLoss: e.ValidLoss, ValidAccuracy: e.ValidAccuracy,
			Seconds: math.NaN(), SamplesPerSecond: math.NaN(), SumSeconds: math.NaN(),
		})
	}
	return s
}

// describeStages describes the stages of net, such as "head: model.Dense{Out:10 ...}".
func describeStages(net *model.Network) []string {
	var stages []string
	for _, s := range net.Spec() {
		stages = append(stages, s.Name+": "+describe(s.Layer))
	}
	return stages
}

// describeGroups describes each of groups.
func describeGroups(groups []Group) []string {
	var texts []string
	for _, g := range groups {
		texts = append(texts, describe(g))
	}
	return texts
}

// describe writes a setting with its type: "train.SGD{Momentum:0.9 ...}". What has no
// text that is the same in every process, such as an address or a function, is
// written as its type.
func describe(setting any) string {
	v := reflect.ValueOf(setting)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		return "&" + describeValue(v.Elem())
	}
	return describeValue(v)
}

func describeValue(v reflect.Value) string {
	var parts []string
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			parts = append(parts, v.Type().Field(i).Name+":"+describeValue(v.Field(i)))
		}
		return v.Type().String() + "{" + strings.Join(parts, " ") + "}"
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			parts = append(parts, describeValue(v.Index(i)))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Interface:
		if !v.IsNil() {
			return describeValue(v.Elem())
		}
		return "nil"
	case reflect.Pointer, reflect.Func, reflect.Chan, reflect.Map, reflect.UnsafePointer, reflect.Invalid:
		if v.IsValid() && !v.IsZero() {
			return v.Type().String()
		}
		return "nil"
	}
	return fmt.Sprint(v)
}
