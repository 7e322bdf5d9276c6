package train_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

var resumeShape = model.Shape{Steps: 4, Batch: 6, Width: 3}

// resumable returns a trainer of a small classifier, 23 samples in batches of
// 5: 5 steps per epoch, the last one of 3 samples.
func resumable(t *testing.T, initSeed uint64, change func(*train.Options)) (*model.Network, *train.Trainer) {
	t.Helper()
	net := build(t, openCPU(t), classifier(5, 3), resumeShape, initSeed)
	o := train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, ClipNorm: 1,
		Epochs: 4, Batch: 5, Seed: 3, LossEvery: 3,
	}
	change(&o)
	return net, newTrainer(t, net, o)
}

func resumeSets() (set, valid *data.Dataset) { return sequences(23, 4, 3, 1), sequences(11, 4, 3, 2) }

func TestResumedRunGivesTheBytesOfOneNeverStopped(t *testing.T) {
	set, valid := resumeSets()
	configurations := map[string]func(*train.Options){
		"Adam":     func(*train.Options) {},
		"Momentum": func(o *train.Options) { o.Optimizer = train.SGD{Momentum: 0.9}; o.LR = 0.1 },
		"Schedule": func(o *train.Options) {
			o.Optimizer = train.RMSProp{Momentum: 0.5}
			o.Schedule = train.Cosine{Warmup: 3, Total: 20}
		},
		"EarlyStopping": stopEarly,
	}
	for name, change := range configurations {
		t.Run(name, func(t *testing.T) {
			net, straight := resumable(t, 1, change)
			fit(t, straight, set, valid)
			wantNet, wantAll := saved(t, net.Save), saved(t, straight.Save)
			steps := 5 * len(straight.History())

			for _, k := range []int{1, 3, 4, 5, 6, 10, 14, 15, steps - 1, steps} {
				if k > steps {
					continue
				}
				path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
				interruptAfter(t, k, change, set, valid, path)

				// As a new process would: other initial parameters, a file.
				f, err := model.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				net, resumed := resumable(t, 99, change)
				if err := resumed.Load(f); err != nil {
					t.Fatalf("after step %d: %v", k, err)
				}
				fit(t, resumed, set, valid)
				if !bytes.Equal(saved(t, net.Save), wantNet) {
					t.Errorf("stopped after step %d of %d: the model differs from that of a run never stopped", k, steps)
				}
				if !bytes.Equal(saved(t, resumed.Save), wantAll) {
					t.Errorf("stopped after step %d of %d: the checkpoint differs from that of a run never stopped", k, steps)
				}
			}
		})
	}
}

// countdown is a context that is cancelled when it has been asked a number of times.
type countdown struct {
	context.Context
	left   int
	cancel context.CancelFunc
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// A run may be stopped wherever Fit asks whether it shall stop, also while it
// validates, which may take longer than a batch system waits.
func TestARunStoppedAnywhereGivesTheBytesOfOneNeverStopped(t *testing.T) {
	set, valid := resumeSets()
	net, straight := resumable(t, 1, stopEarly)
	fit(t, straight, set, valid)
	wantNet, wantAll := saved(t, net.Save), saved(t, straight.Save)
	validating := 0
	for moment := range 24 {
		ctx, cancel := context.WithCancel(t.Context())
		_, stopped := resumable(t, 1, stopEarly)
		err := stopped.Fit(&countdown{ctx, moment, cancel}, set, valid)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("moment %d: error %v", moment, err)
		}
		if strings.Contains(err.Error(), "in the validation of epoch") {
			validating++
		}
		f := newFile()
		if err := stopped.Save(f); err != nil {
			t.Fatal(err)
		}
		fresh, resumed := resumable(t, 99, stopEarly)
		if err := resumed.Load(f); err != nil {
			t.Fatalf("moment %d: %v", moment, err)
		}
		fit(t, resumed, set, valid)
		fit(t, stopped, set, valid)
		if !bytes.Equal(saved(t, fresh.Save), wantNet) || !bytes.Equal(saved(t, resumed.Save), wantAll) || !bytes.Equal(saved(t, stopped.Save), wantAll) {
			t.Errorf("moment %d: after %v it ends with other bytes than a run never stopped", moment, err)
		}
	}
	if validating < 2 {
		t.Errorf("%d of the runs were stopped while they validated", validating)
	}
}

// interruptAfter trains for k steps and saves a checkpoint.
func interruptAfter(t *testing.T, k int, change func(*train.Options), set, valid *data.Dataset, path string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	_, trainer := resumable(t, 1, func(o *train.Options) {
		change(o)
		o.OnStep = func(p train.Progress) error {
			if p.Step == k {
				cancel()
			}
			return nil
		}
	})
	if err := trainer.Fit(ctx, set, valid); !errors.Is(err, context.Canceled) {
		t.Fatalf("Fit, cancelled in step %d: error %v", k, err)
	}
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
}

func TestLoadedTrainerSavesTheSameFile(t *testing.T) {
	set, valid := resumeSets()
	for _, k := range []int{1, 13, 27} {
		path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
		interruptAfter(t, k, stopEarly, set, valid, path)
		f, err := model.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, loaded := resumable(t, 99, stopEarly)
		if err := loaded.Load(f); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(saved(t, loaded.Save), want) {
			t.Errorf("the checkpoint of step %d, loaded and saved again, differs", k)
		}
	}
}

// stopEarly sets a learning rate with which the validation loss goes up and down.
func stopEarly(o *train.Options) { o.Patience, o.LR, o.Epochs = 3, 0.4, 12 }

func TestResumeIsTestedWithARunThatStopsEarly(t *testing.T) {
	set, valid := resumeSets()
	_, trainer := resumable(t, 1, stopEarly)
	fit(t, trainer, set, valid)
	history := trainer.History()
	best, worse := 0, false
	for i, e := range history {
		if e.ValidLoss < history[best].ValidLoss {
			worse = worse || i > best+1
			best = i
		}
	}
	if len(history) != best+1+3 || !worse {
		t.Errorf("the best of %d epochs is %d; choose settings that end training 3 epochs after it, with worse epochs before", len(history), best+1)
	}
}

func TestMoreEpochsTrainLonger(t *testing.T) {
	set, _ := resumeSets()
	net, long := resumable(t, 1, func(o *train.Options) { o.Epochs = 6 })
	fit(t, long, set, nil)
	want := saved(t, net.Save)

	_, short := resumable(t, 1, func(o *train.Options) { o.Epochs = 2 })
	fit(t, short, set, nil)
	f := newFile()
	if err := short.Save(f); err != nil {
		t.Fatal(err)
	}
	net, longer := resumable(t, 2, func(o *train.Options) { o.Epochs = 6 })
	if err := longer.Load(f); err != nil {
		t.Fatal(err)
	}
	fit(t, longer, set, nil)
	if !bytes.Equal(saved(t, net.Save), want) {
		t.Error("2 epochs and 4 more differ from 6")
	}
}

func TestHistorySurvivesACheckpoint(t *testing.T) {
	set, valid := resumeSets()
	for name, valid := range map[string]*data.Dataset{"validated": valid, "not validated": nil} {
		t.Run(name, func(t *testing.T) {
			_, trainer := resumable(t, 1, func(*train.Options) {})
			fit(t, trainer, set, valid)
			f := newFile()
			if err := trainer.Save(f); err != nil {
				t.Fatal(err)
			}
			_, loaded := resumable(t, 1, func(*train.Options) {})
			if err := loaded.Load(f); err != nil {
				t.Fatal(err)
			}
			want, got := trainer.History(), loaded.History()
			if len(got) != len(want) {
				t.Fatalf("got %d epochs, want %d", len(got), len(want))
			}
			for i := range want {
				want[i].Seconds, want[i].SamplesPerSecond, want[i].SumSeconds = math.NaN(), math.NaN(), math.NaN()
				// Text compares NaN with NaN, and prints every bit.
				if got, want := fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", want[i]); got != want {
					t.Errorf("epoch %d: got %s, want %s", i+1, got, want)
				}
			}
		})
	}
}

func TestLoadNamesWhatDoesNotFitAndChangesNothing(t *testing.T) {
	set, valid := resumeSets()
	patient := func(o *train.Options) { o.Patience = 5 }
	_, source := resumable(t, 1, patient)
	fit(t, source, set, valid)
	checkpoint := newFile()
	if err := source.Save(checkpoint); err != nil {
		t.Fatal(err)
	}

	meta := func(from, to string) func(*model.File) {
		return func(f *model.File) {
			changed := strings.Replace(f.Meta["gputrain.train"], from, to, 1)
			if changed == f.Meta["gputrain.train"] {
				t.Fatalf("the metadata have no %q: %s", from, changed)
			}
			f.Meta["gputrain.train"] = changed
		}
	}
	options := func(change func(*train.Options)) func(*train.Options) {
		return func(o *train.Options) { patient(o); change(o) }
	}
	short := model.Array{Shape: []int{3}, Data: make([]float32, 3)}
	long := model.Array{Shape: []int{999}, Data: make([]float32, 999)}
	cases := []struct {
		name   string
		option func(*train.Options)
		file   func(*model.File)
		want   string
	}{
		{"fits", patient, func(*model.File) {}, ""},
		{"optimizer", options(func(o *train.Options) { o.Optimizer = train.AdamW{} }), func(*model.File) {}, "optimizer is train.Adam{"},
		{"optimizer's settings", options(func(o *train.Options) { o.Optimizer = train.Adam{Beta1: 0.8} }), func(*model.File) {}, "the trainer's is train.Adam{Beta1:0.8"},
		{"batch", options(func(o *train.Options) { o.Batch = 6 }), func(*model.File) {}, "batch is 5, the trainer's is 6"},
		{"seed", options(func(o *train.Options) { o.Seed = 4 }), func(*model.File) {}, "seed is 3, the trainer's is 4"},
		{"plain model", patient, func(f *model.File) { delete(f.Meta, "gputrain.train") }, "without the state of its training"},
		{"torn metadata", patient, func(f *model.File) { f.Meta["gputrain.train"] = "{" }, "metadata"},
		{"text for a number", patient, meta(`"best_loss":"`, `"best_loss":"x`), "metadata"},
		{"a key twice", patient, meta(`"step":`, `"step":1,"step":`), "there twice"},
		{"a key twice in another case", patient, meta(`"step":`, `"Step":1,"step":`), "there twice"},
		{"unknown key", patient, meta(`"step":`, `"stride":1,"step":`), "a key is unknown"},
		{"negative position", patient, meta(`"next_batch":0`, `"next_batch":-1`), "damaged"},
		{"history too short", patient, meta(`"epoch":4`, `"epoch":5`), "damaged"},
		{"unknown state", patient, func(f *model.File) { f.Tensors["train/slot2"] = short }, `tensor "train/slot2" does not belong`},
		{"renamed parameter", patient, func(f *model.File) { f.Tensors["head.bais"] = f.Tensors["head.bias"]; delete(f.Tensors, "head.bias") }, `tensor "head.bias" is missing, want shape [3]; the file has "head.bais" of shape [3] instead`},
		{"slot missing", patient, func(f *model.File) { delete(f.Tensors, "train/slot1") }, "train/slot1 is missing"},
		{"slot of another size", patient, func(f *model.File) { f.Tensors["train/slot0"] = short }, "train/slot0 has 3 elements"},
		{"slot that is too long", patient, func(f *model.File) { f.Tensors["train/slot1"] = long }, "train/slot1 has 999 elements"},
		{"best of another size", patient, func(f *model.File) { f.Tensors["train/best"] = short }, "train/best has 3 elements"},
		{"parameter missing", patient, func(f *model.File) { delete(f.Tensors, "head.bias") }, "head.bias"},
		{"parameter of another shape", patient, func(f *model.File) { f.Tensors["head.bias"] = model.Array{Shape: []int{2}, Data: make([]float32, 2)} }, "head.bias"},
		{"foreign parameter", patient, func(f *model.File) { f.Tensors["tail.bias"] = short }, "tail.bias"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, trainer := resumable(t, 2, c.option)
			before := saved(t, trainer.Save)
			f := &model.File{Meta: maps.Clone(checkpoint.Meta), Tensors: maps.Clone(checkpoint.Tensors)}
			c.file(f)
			err := trainer.Load(f)
			wantError(t, err, c.want)
			if unchanged := bytes.Equal(saved(t, trainer.Save), before); unchanged != (err != nil) {
				t.Errorf("error %v, trainer unchanged: %v", err, unchanged)
			}
		})
	}
}

// A checkpoint without best parameters must not stand for one of zeros.
func TestPatienceMayBeTurnedOnAndOff(t *testing.T) {
	set, valid := resumeSets()
	for _, patience := range [][]int{{0, 3}, {3, 0}, {3, 0, 3}} {
		t.Run(fmt.Sprint(patience), func(t *testing.T) {
			var f *model.File
			var want []byte
			for i, p := range patience {
				net, trainer := resumable(t, uint64(i), func(o *train.Options) { o.Epochs, o.Patience = 2, p })
				if i > 0 {
					if err := trainer.Load(f); err != nil {
						t.Fatal(err)
					}
				}
				fit(t, trainer, set, valid)
				f = newFile()
				if err := trainer.Save(f); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					want = saved(t, net.Save)
				} else if !bytes.Equal(saved(t, net.Save), want) {
					t.Errorf("run %d, with no epoch left, changed the parameters", i)
				}
			}
		})
	}
}

// Every step is a place to save at. The configurations have what a place consists of:
// partial batches, chunks, the best epoch, noise, a schedule.
func TestASaveAtEveryStepGoesOnToTheSameBytes(t *testing.T) {
	set, valid := resumeSets()
	chunked, chunkedValid := delayed(5, 7, 1), delayed(3, 7, 2)
	ragged := *chunked
	ragged.Lengths = []int32{7, 3, 5, 1, 6}
	chunkedNet := func(t *testing.T, o train.Options, seed uint64) (*model.Network, *train.Trainer) {
		spec := model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 3, Stateful: true, ZoneoutCell: 0.2}}, {Name: "head", Layer: model.Dense{Out: 1}}}
		net := raggedNet(t, openCPU(t), spec, model.Shape{Steps: 3, Batch: 2, Width: 1})
		net.Init(seed)
		o.Loss, o.Optimizer, o.LR, o.Epochs, o.Batch, o.Chunk, o.Seed, o.LossEvery = train.MSE{}, train.Adam{}, 0.05, 3, 2, 3, 1, 2
		return net, newTrainer(t, net, o)
	}
	classifier := func(t *testing.T, o train.Options, seed uint64) (*model.Network, *train.Trainer) {
		return resumable(t, seed, func(of *train.Options) {
			stopEarly(of)
			of.OnStep, of.OnEpoch, of.Schedule = o.OnStep, o.OnEpoch, train.Cosine{Warmup: 3, Total: 40, Floor: 0.5}
		})
	}
	for name, c := range map[string]struct {
		make       func(t *testing.T, o train.Options, seed uint64) (*model.Network, *train.Trainer)
		set, valid *data.Dataset
	}{
		"patience, partial batches": {classifier, set, valid},
		"chunks":                    {chunkedNet, chunked, chunkedValid},
		"chunks, ragged":            {chunkedNet, &ragged, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var files []*model.File
			var trainer *train.Trainer
			save := func() error {
				f := newFile()
				files = append(files, f)
				return trainer.Save(f)
			}
			var net *model.Network
			net, trainer = c.make(t, train.Options{
				OnStep:  func(train.Progress) error { return save() },
				OnEpoch: func(train.Epoch) error { return save() },
			}, 1)
			fit(t, trainer, c.set, c.valid)
			wantNet, want := saved(t, net.Save), saved(t, trainer.Save)
			if len(files) < 3*3 {
				t.Fatalf("only %d files", len(files))
			}
			for i, f := range files {
				net, resumed := c.make(t, train.Options{}, 99)
				if err := resumed.Load(f); err != nil {
					t.Fatalf("file %d: %v", i, err)
				}
				fit(t, resumed, c.set, c.valid)
				if !bytes.Equal(saved(t, net.Save), wantNet) || !bytes.Equal(saved(t, resumed.Save), want) {
					t.Errorf("the run from file %d of %d ends with other bytes", i, len(files))
				}
			}
		})
	}
}

func TestResumingWithAnotherSetSaysWhatDiffers(t *testing.T) {
	set, valid := resumeSets()
	changed := func(from *data.Dataset, change func(d *data.Dataset)) *data.Dataset {
		d := from.Subset(allOf(from))
		change(d)
		return d
	}
	pixel := func(d *data.Dataset) { d.X[17] += 0.5 }
	label := func(d *data.Dataset) { d.Labels[4] = (d.Labels[4] + 1) % 3 }
	order := func(d *data.Dataset) {
		*d = *d.Subset([]int{1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22})
	}
	for _, place := range []struct {
		name  string
		steps int
	}{{"within an epoch", 2}, {"after an epoch", 5}} {
		path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
		interruptAfter(t, place.steps, func(*train.Options) {}, set, valid, path)
		f, err := model.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name       string
			set, valid *data.Dataset
			want       string
		}{
			{"the same content", changed(set, func(*data.Dataset) {}), changed(valid, func(*data.Dataset) {}), ""},
			{"another size", sequences(24, 4, 3, 1), valid, "training set: it is not the one that this run began with: it has 24 samples instead of 23; continue with the same set"},
			{"a pixel", changed(set, pixel), valid, "training set: it is not the one that this run began with: it has other inputs;"},
			{"a label", changed(set, label), valid, "training set: it is not the one that this run began with: it has other labels or targets;"},
			{"another order", changed(set, order), valid, "other inputs and other labels or targets"},
			{"a pixel of the validation", set, changed(valid, pixel), "validation set: it is not the one that this run began with: it has other inputs;"},
			{"no validation", set, nil, "validation set: there is none, but this run began with one"},
		} {
			t.Run(place.name+"/"+c.name, func(t *testing.T) {
				_, trainer := resumable(t, 1, func(*train.Options) {})
				if err := trainer.Load(f); err != nil {
					t.Fatal(err)
				}
				before := saved(t, trainer.Save)
				err := trainer.Fit(t.Context(), c.set, c.valid)
				wantError(t, err, c.want)
				if err != nil && !bytes.Equal(saved(t, trainer.Save), before) {
					t.Error("the refused Fit changed the trainer")
				}
			})
		}
	}
}

// allOf returns the indices of all samples of d.
func allOf(d *data.Dataset) []int {
	index := make([]int, d.Len())
	for i := range index {
		index[i] = i
	}
	return index
}

// In one process, Fit goes from set to set, but only between epochs.
func TestFitTakesAnotherSetBetweenEpochs(t *testing.T) {
	set, valid := resumeSets()
	other := sequences(12, 4, 3, 9)
	stop := errors.New("stop")
	end := 5
	_, trainer := resumable(t, 1, func(o *train.Options) {
		o.OnStep = func(p train.Progress) error {
			if p.Step == end {
				return stop
			}
			return nil
		}
	})
	if err := trainer.Fit(t.Context(), set, nil); err != stop {
		t.Fatal(err)
	}
	wantError(t, trainer.Fit(t.Context(), other, nil), "it has 12 samples instead of 23")
	wantError(t, trainer.Fit(t.Context(), set, valid), "validation set: this run began without one")
	end = 10 // of the second epoch
	if err := trainer.Fit(t.Context(), set, nil); err != stop {
		t.Fatal(err)
	}
	end = 0
	fit(t, trainer, set, nil)
	_, next := resumable(t, 1, func(o *train.Options) {
		o.Epochs = 2
		o.OnEpoch = func(train.Epoch) error { return stop }
	})
	if err := next.Fit(t.Context(), set, nil); err != stop {
		t.Fatal(err)
	}
	if err := next.Fit(t.Context(), other, valid); err != stop {
		t.Errorf("another set after an epoch: %v", err)
	}
}

func TestSettingsThatDifferAreNamed(t *testing.T) {
	set, _ := resumeSets()
	_, source := resumable(t, 1, func(*train.Options) {})
	fit(t, source, set, nil)
	f := newFile()
	if err := source.Save(f); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 4, Batch: 5, Seed: 3}
	for name, c := range map[string]struct {
		spec model.Spec
		loss train.Loss
		want string
	}{
		"the same": {classifier(5, 3), train.CrossEntropy{}, ""},
		// The parameters have the same names and shapes.
		"an option of a layer": {model.Spec{
			{Name: "lstm", Layer: model.LSTM{Hidden: 5, ZoneoutCell: 0.1}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 3}},
		}, train.CrossEntropy{}, "the checkpoint's network is lstm: model.LSTM{Hidden:5 "},
		"another loss": {classifier(5, 3), train.MSE{}, "the checkpoint's loss is train.CrossEntropy{Weights:[] Smoothing:0}, the trainer's is train.MSE{}"},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Loss = c.loss
			wantError(t, newTrainer(t, build(t, openCPU(t), c.spec, resumeShape, 1), o).Load(f), c.want)
		})
	}
	net := build(t, openCPU(t), model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3, Stateful: true}}}, resumeShape, 1)
	o.Loss = train.MSE{}
	per := func(chunk int) *train.Trainer { o := o; o.Chunk = chunk; return newTrainer(t, net, o) }
	g := newFile()
	if err := per(2).Save(g); err != nil {
		t.Fatal(err)
	}
	wantError(t, per(4).Load(g), "the checkpoint's Chunk is 2, the trainer's is 4")
}

// metadata are those of a checkpoint, to be edited.
type metadata struct {
	t    *testing.T
	text string
}

// setsOf is the part of the metadata that says which the sets are.
var setsOf = regexp.MustCompile(`"sets":.*?,("step")`)

// find returns where the value of key begins and ends.
func (m *metadata) find(key string) (from, to int) {
	m.t.Helper()
	at := regexp.MustCompile(`"` + key + `":("[^"]*"|-?[0-9]+)`).FindStringSubmatchIndex(m.text)
	if at == nil {
		m.t.Fatalf("the metadata have no %q: %s", key, m.text)
	}
	return at[2], at[3]
}

func (m *metadata) set(key string, value any) {
	m.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		m.t.Fatal(err)
	}
	from, to := m.find(key)
	m.text = m.text[:from] + string(text) + m.text[to:]
}

func (m *metadata) badEpochs() int {
	from, to := m.find("bad_epochs")
	n, err := strconv.Atoi(m.text[from:to])
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

// setLast sets one of the five numbers of the last epoch.
func (m *metadata) setLast(number int, value float64) {
	from, to := m.find("history")
	content, err := base64.StdEncoding.DecodeString(m.text[from+1 : to-1])
	if err != nil {
		m.t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(content[len(content)-8*(5-number):], math.Float64bits(value))
	m.set("history", content)
}

func TestCountersThatContradictEachOtherAreErrors(t *testing.T) {
	set, valid := resumeSets()
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	interruptAfter(t, 13, stopEarly, set, valid, path) // in the third batch of the third epoch
	good, err := model.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(c *metadata)
		want   string // "Fit" if only the set shows it
	}{
		"nothing":               {func(*metadata) {}, ""},
		"no version":            {func(c *metadata) { c.set("version", 0) }, "written by another version: its format is 0"},
		"a later version":       {func(c *metadata) { c.set("version", 4) }, "written by another version: its format is 4"},
		"step":                  {func(c *metadata) { c.set("step", 14) }, "the step is 14, but the epoch began at step 10 and 3 batches of it are done"},
		"step before the epoch": {func(c *metadata) { c.set("step", 9) }, "the step is 9"},
		"negative step":         {func(c *metadata) { c.set("step", -1) }, "a counter is negative"},
		"epoch":                 {func(c *metadata) { c.set("epoch", 3) }, "3 epochs are done, but the history has 2"},
		"start of the epoch":    {func(c *metadata) { c.set("epoch_step", 1); c.set("step", 4) }, "2 epochs are done in 1 steps"},
		"batch":                 {func(c *metadata) { c.set("next_batch", 4) }, "4 batches of it are done"},
		"batch and step":        {func(c *metadata) { c.set("next_batch", 6); c.set("step", 16) }, "6 batches of the epoch are done, but the training set has 23 samples"},
		"no batch":              {func(c *metadata) { c.set("next_batch", 0) }, "0 batches of it are done"},
		"rows":                  {func(c *metadata) { c.set("rows", 16) }, "Fit: are said to have had 16 rows"},
		"negative rows":         {func(c *metadata) { c.set("rows", -1) }, "a counter is negative"},
		"no sets":               {func(c *metadata) { c.text = setsOf.ReplaceAllString(c.text, "$1") }, "it does not say which sets"},
		"size of the set":       {func(c *metadata) { c.set("samples", 24) }, "Fit: it has 23 samples instead of 24"},
		"bad epochs":            {func(c *metadata) { c.set("bad_epochs", 1-c.badEpochs()) }, "best_loss is "},
		"too many bad epochs":   {func(c *metadata) { c.set("bad_epochs", 2) }, "2 epochs since the best one, but only 2 are done"},
		"best loss":             {func(c *metadata) { c.set("best_loss", "0.001") }, "best_loss is 0.001, but epoch"},
		"best loss NaN":         {func(c *metadata) { c.set("best_loss", "NaN") }, "best_loss is NaN"},
		"no best, bad epochs":   {func(c *metadata) { c.set("best_loss", "+Inf"); c.set("bad_epochs", 1) }, "1 epochs since the best one, but there is none"},
		"a better epoch":        {func(c *metadata) { c.setLast(3, 0.0001) }, "0.0001"},
		"training loss":         {func(c *metadata) { c.setLast(1, math.NaN()) }, "epoch 2 of the history"},
		"rate":                  {func(c *metadata) { c.setLast(0, math.Inf(1)) }, "epoch 2 of the history"},
		"validation loss":       {func(c *metadata) { c.setLast(3, math.Inf(-1)) }, "epoch 2 of the history"},
		"accuracy":              {func(c *metadata) { c.setLast(4, 1.5) }, "epoch 2 of the history"},
		"sum of losses":         {func(c *metadata) { c.set("loss_sum", "NaN") }, "loss_sum NaN"},
		"loss so far":           {func(c *metadata) { c.set("last_loss", "+Inf") }, "last_loss is +Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &metadata{t, good.Meta["gputrain.train"]}
			c.change(m)
			f := &model.File{Meta: maps.Clone(good.Meta), Tensors: good.Tensors}
			f.Meta["gputrain.train"] = m.text
			_, trainer := resumable(t, 2, stopEarly)
			before := saved(t, trainer.Save)
			err := trainer.Load(f)
			if want, ok := strings.CutPrefix(c.want, "Fit: "); ok && err == nil {
				wantError(t, trainer.Fit(t.Context(), set, valid), want)
				return
			}
			wantError(t, err, c.want)
			if err != nil && !bytes.Equal(saved(t, trainer.Save), before) {
				t.Error("the refused Load changed the trainer")
			}
		})
	}
}

func TestNumbersThatAreNotFiniteAreNeitherSavedNorLoaded(t *testing.T) {
	set, valid := resumeSets()
	net, trainer := resumable(t, 1, stopEarly)
	fit(t, trainer, set, valid)
	good := newFile()
	if err := trainer.Save(good); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"head.bias", "train/slot0", "train/slot1", "train/best", "train/loss"} {
		for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			f := &model.File{Meta: good.Meta, Tensors: maps.Clone(good.Tensors)}
			a := f.Tensors[name]
			a.Data = slices.Clone(a.Data)
			a.Data[len(a.Data)-1] = float32(x)
			f.Tensors[name] = a
			_, loaded := resumable(t, 2, stopEarly)
			before := saved(t, loaded.Save)
			err := loaded.Load(f)
			if !errors.Is(err, model.ErrNotFinite) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v in %s: error %v, want ErrNotFinite and the name", x, name, err)
			}
			if !bytes.Equal(saved(t, loaded.Save), before) {
				t.Errorf("%v in %s: the refused Load changed the trainer", x, name)
			}
		}
	}
	bias, _ := net.Parameter("head.bias")
	net.Backend().Fill(bias.Value, math.NaN())
	for name, save := range map[string]func(*model.File) error{"trainer": trainer.Save, "network": net.Save} {
		f := &model.File{Meta: map[string]string{"note": "mine"}}
		err := save(f)
		if !errors.Is(err, model.ErrNotFinite) || !strings.Contains(err.Error(), `"head.bias": value 0 is NaN`) {
			t.Errorf("%s: error %v, want ErrNotFinite and the name", name, err)
		}
		if len(f.Meta) != 1 || len(f.Tensors) != 0 {
			t.Errorf("%s: the refused Save left %d metadata and %d tensors in the file", name, len(f.Meta), len(f.Tensors))
		}
	}
}

func TestACheckpointWithoutItsSealIsRefused(t *testing.T) {
	_, trainer := resumable(t, 1, func(*train.Options) {})
	content := saved(t, trainer.Save)
	for _, key := range []string{"gputrain.format", "gputrain.sha256"} {
		content = bytes.Replace(content, []byte(key), []byte("X"+key[1:]), 1)
	}
	f, err := model.ParseFile(content)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, trainer.Load(f), "the file has no checksum")
}

// pointed is a loss with settings of all kinds.
type pointed struct {
	train.MSE
	Deltas []float64
	Inner  train.Loss
	Next   *pointed
	Weight func() float64
}

// What has another address in every process must not look like another setting.
func TestSettingsAreComparedByWhatTheyAre(t *testing.T) {
	file := newFile()
	makeTrainer := func(loss train.Loss) *train.Trainer {
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 2, Width: 2}, 1)
		return newTrainer(t, net, train.Options{Loss: loss, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 2})
	}
	loss := func(delta float64) *pointed {
		return &pointed{Deltas: []float64{delta}, Inner: train.MSE{}, Next: &pointed{}, Weight: func() float64 { return 1 }}
	}
	if err := makeTrainer(loss(1)).Save(file); err != nil {
		t.Fatal(err)
	}
	wantError(t, makeTrainer(loss(1)).Load(file), "")
	wantError(t, makeTrainer(loss(2)).Load(file), "the checkpoint's loss is &train_test.pointed{MSE:train.MSE{} Deltas:[1] Inner:train.MSE{} Next:*train_test.pointed Weight:func() float64}, the trainer's is")
}
