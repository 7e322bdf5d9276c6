package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
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
				want[i].Seconds, want[i].SamplesPerSecond = math.NaN(), math.NaN()
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
		{"negative position", patient, meta(`"next_batch":0`, `"next_batch":-1`), "damaged"},
		{"history too short", patient, meta(`"epoch":4`, `"epoch":5`), "damaged"},
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

func TestResumingWithAnotherSetIsAnError(t *testing.T) {
	set, valid := resumeSets()
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	interruptAfter(t, 2, func(*train.Options) {}, set, valid, path)
	f, err := model.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, trainer := resumable(t, 1, func(*train.Options) {})
	if err := trainer.Load(f); err != nil {
		t.Fatal(err)
	}
	wantError(t, trainer.Fit(t.Context(), sequences(24, 4, 3, 1), nil), "it has 24 samples, but training stopped after 2 batches of an epoch of 23 samples")
}

func TestPositionBehindTheLastBatchIsAnError(t *testing.T) {
	set, _ := resumeSets()
	_, trainer := resumable(t, 1, func(*train.Options) {})
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	f.Meta["gputrain.train"] = strings.Replace(f.Meta["gputrain.train"], `"next_batch":0,"set_size":0`, `"next_batch":6,"set_size":23`, 1)
	if err := trainer.Load(f); err != nil {
		t.Fatal(err)
	}
	wantError(t, trainer.Fit(t.Context(), set, nil), "stopped after 6 batches")
}
