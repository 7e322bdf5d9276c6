package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
)

// stored returns sets as they are in a file of rows, and the file.
func stored(t *testing.T, sets ...*data.Dataset) ([]*data.Dataset, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.rows")
	err := data.WriteRowFile(path, nil, func(w *data.RowWriter) error {
		for _, set := range sets {
			w.Begin(set, set.Len())
			if err := w.Add(set); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := data.OpenRowFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file.Sets, path
}

// storedParts returns parts of the digits for training and validation, of classes or with
// targets.
func storedParts(t *testing.T, targets bool) (train, valid *data.Dataset) {
	t.Helper()
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		t.Fatal(err)
	}
	if digits, err = digits.WithSteps(1); err != nil {
		t.Fatal(err)
	}
	if targets {
		digits.Targets, digits.TargetWidth = make([]float32, digits.Len()), 1
		for i, label := range digits.Labels {
			digits.Targets[i] = float32(label)
		}
		digits.Labels, digits.Classes = nil, nil
	}
	parts := digits.Split(1, 0.1, 0.05, 0.85)
	return parts[0], parts[1]
}

func storedTrainer(t *testing.T, targets bool, epochs int) *Trainer {
	t.Helper()
	out, loss := 10, Loss(CrossEntropy{})
	if targets {
		out, loss = 1, MSE{}
	}
	net, err := model.New(reference.New(), model.Spec{{Name: "head", Layer: model.Dense{Out: out}}}, model.Shape{Steps: 1, Batch: 16, Width: 64}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	trainer, err := New(net, Options{Loss: loss, Optimizer: Adam{}, LR: 0.01, Epochs: epochs, Batch: 16, Seed: 3, KeepBest: true})
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func savedValues(t *testing.T, trainer *Trainer) *model.File {
	t.Helper()
	f := &model.File{Meta: map[string]string{}, Tensors: map[string]model.Array{}}
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// Training on samples in a file, all of which fit into a window, is training on them in
// memory: the same history, the same parameters, the same identity.
func TestFitOnStoredSamplesIsFitInMemory(t *testing.T) {
	for _, targets := range []bool{false, true} {
		training, validation := storedParts(t, targets)
		sets, _ := stored(t, training, validation)
		inMemory, streamed := storedTrainer(t, targets, 3), storedTrainer(t, targets, 3)
		if err := inMemory.Fit(context.Background(), training, validation); err != nil {
			t.Fatal(err)
		}
		if err := streamed.Fit(context.Background(), sets[0], sets[1]); err != nil {
			t.Fatal(err)
		}
		want, got := savedValues(t, inMemory), savedValues(t, streamed)
		for name, array := range want.Tensors {
			for i, x := range array.Data {
				if got.Tensors[name].Data[i] != x {
					t.Fatalf("targets %v: %s[%d] = %v, want %v", targets, name, i, got.Tensors[name].Data[i], x)
				}
			}
		}
		a, b := inMemory.History(), streamed.History()
		for i := range a {
			if a[i].TrainLoss != b[i].TrainLoss || a[i].ValidLoss != b[i].ValidLoss || a[i].ValidAccuracy != b[i].ValidAccuracy && !math.IsNaN(a[i].ValidAccuracy) {
				t.Errorf("targets %v: epoch %d: %+v, want %+v", targets, i+1, b[i], a[i])
			}
		}
		// A checkpoint of the one goes on with the other.
		longer := storedTrainer(t, targets, 4)
		if err := longer.Load(got); err != nil {
			t.Fatal(err)
		}
		if err := longer.Fit(context.Background(), training, validation); err != nil {
			t.Error(err)
		}
		m, err := Evaluate(streamed.net, streamed.options.Loss, sets[1])
		if want, failed := Evaluate(streamed.net, streamed.options.Loss, validation); err != nil || failed != nil || m.Loss != want.Loss || m.Correct != want.Correct {
			t.Errorf("targets %v: %+v, %v, want %+v, %v", targets, m, err, want, failed)
		}
		outputs, err := Predict(streamed.net, sets[1])
		if want, failed := Predict(streamed.net, validation); err != nil || failed != nil || len(outputs) != len(want) || outputs[7][0] != want[7][0] {
			t.Errorf("targets %v: %d predictions, %v, want %d, %v", targets, len(outputs), err, len(want), failed)
		}
	}
}

// What stored samples hold is checked before training, as in memory.
func TestFitChecksStoredSamples(t *testing.T) {
	training, _ := storedParts(t, false)
	training.Labels[100] = 9
	training.X[64*150+3] = float32(math.NaN())
	sets, _ := stored(t, training, training.Subset(nil))
	trainer := storedTrainer(t, false, 1)
	if err := trainer.Fit(context.Background(), sets[0], nil); err == nil || !strings.Contains(err.Error(), "feature 3 of sample 150 is NaN") {
		t.Errorf("NaN: %v", err)
	}
	if err := trainer.Fit(context.Background(), sets[1], nil); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Errorf("empty: %v", err)
	}
	if _, err := Evaluate(trainer.net, CrossEntropy{}, sets[0]); err == nil {
		t.Error("Evaluate takes NaN")
	}
	if _, err := Predict(trainer.net, sets[0]); err == nil {
		t.Error("Predict takes NaN")
	}
}

// A block that is damaged while training goes on ends it with an error that names the file.
func TestFitFindsDamageOfStoredSamples(t *testing.T) {
	training, validation := storedParts(t, false)
	for name, damagedSet := range map[string]int64{"training": 0, "validation": 1} {
		sets, path := stored(t, training, validation)
		trainer := storedTrainer(t, false, 2)
		if err := trainer.Check(sets[0], sets[1]); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte{1, 2, 3}, 1000+damagedSet*int64(training.Len())*65*4); err != nil {
			t.Fatal(err)
		}
		file.Close()
		if err := trainer.Fit(context.Background(), sets[0], sets[1]); !errors.Is(err, data.ErrRowFile) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A training on samples of several windows that stops in the middle of one, is saved and goes on
// in another process, ends with the same numbers.
func TestATrainingOnWindowsGoesOnExactly(t *testing.T) {
	const width, samples = 1 << 14, 400 // 26 MB, more than a window
	rng := rand.New(rand.NewPCG(1, 1))
	set := &data.Dataset{Steps: 1, Width: width, X: make([]float32, samples*width), Labels: make([]int32, samples), Classes: []string{"a", "b"}}
	for i := range set.X {
		set.X[i] = rng.Float32() - 0.5
	}
	for i := range set.Labels {
		set.Labels[i] = int32(rng.IntN(2))
	}
	sets, _ := stored(t, set)
	b, err := cpu.Open(cpu.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	make := func(stopAt int) (*Trainer, context.Context) {
		net, err := model.New(b, model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 1, Batch: 24, Width: width}, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(1)
		ctx, stop := context.WithCancel(context.Background())
		trainer, err := New(net, Options{Loss: CrossEntropy{}, Optimizer: SGD{}, LR: 0.001, Epochs: 2, Batch: 24, Seed: 3, OnStep: func(p Progress) error {
			if p.Step == stopAt {
				stop()
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return trainer, ctx
	}
	whole, ctx := make(0)
	if err := whole.Fit(ctx, sets[0], nil); err != nil {
		t.Fatal(err)
	}
	want := savedValues(t, whole).Tensors["head.weight"].Data
	for _, stopAt := range []int{3, 11, 20} { // in both windows of the first epoch, and in the second epoch
		part, ctx := make(stopAt)
		if err := part.Fit(ctx, sets[0], nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		rest, ctx := make(0)
		if err := rest.Load(savedValues(t, part)); err != nil {
			t.Fatal(err)
		}
		if err := rest.Fit(ctx, sets[0], nil); err != nil {
			t.Fatal(err)
		}
		if got := savedValues(t, rest).Tensors["head.weight"].Data; !slices.Equal(got, want) {
			t.Errorf("stopped after step %d: other parameters", stopAt)
		}
	}
	// The control: the order in memory is another one.
	inMemory, ctx := make(0)
	if err := inMemory.Fit(ctx, set, nil); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(savedValues(t, inMemory).Tensors["head.weight"].Data, want) {
		t.Error("the samples of several windows come in the order that they have in memory")
	}
}

func TestMemoryIsFlatOver10000StepsOnStoredSamples(t *testing.T) {
	training, validation := storedParts(t, false)
	sets, _ := stored(t, training.Subset([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}), validation.Subset([]int{1, 2, 3}))
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	var early int64
	trainer := storedTrainer(t, false, 1050)
	trainer.options.Batch = 2
	trainer.options.OnEpoch = func(e Epoch) error {
		switch e.Epoch {
		case 50: // 500 steps
			early = heap()
		case 1050:
			const history = 200 // bytes of an epoch, in an array that grows
			if grown := heap() - early; grown > 64<<10+1000*history {
				t.Errorf("the heap grew by %d bytes from step 500 to step 10500", grown)
			}
		}
		return nil
	}
	if err := trainer.Fit(context.Background(), sets[0], sets[1]); err != nil || trainer.Steps() != 10500 {
		t.Errorf("%d steps, %v", trainer.Steps(), err)
	}
}
