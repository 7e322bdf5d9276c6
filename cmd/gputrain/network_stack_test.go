package main

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// randomStack draws a complete stack that makes sense.
func randomStack(rng *rand.Rand, text bool) []layer {
	for {
		stack := make([]layer, 1+rng.IntN(4))
		for i := range stack {
			stack[i] = randomLayer(rng)
		}
		if stack = completed(stack, text); checkStack(stack, text) == nil {
			return stack
		}
	}
}

// randomLayer draws a layer of any kind, each of its options by chance.
func randomLayer(rng *rand.Rand) layer {
	kinds := layerKinds()
	kind := kinds[rng.IntN(len(kinds))]
	l := layer{Kind: kind.name, Hidden: 4}
	object := reflect.ValueOf(&l).Elem()
	for _, field := range keyedFields(object.Type(), "toml") {
		key, value := keyOf(field, "toml"), object.FieldByIndex(field.Index)
		if !slices.Contains(kind.keys, key) {
			if key == "hidden" {
				l.Hidden = 0
			}
			continue
		}
		if rng.IntN(3) > 0 && key != "dropout" || key == "hidden" {
			continue
		}
		switch target := value.Addr().Interface().(type) {
		case *bool:
			*target = true
		case *int:
			*target = 1 + rng.IntN(2)
		case *float64:
			*target = 0.5
		case *rates:
			*target = rates{0.25, 0.5}
		case *string:
			names := activationNames(kind.name)
			if key == "init" {
				names = initializationNames()
			}
			*target = names[rng.IntN(len(names))]
		}
	}
	return l
}

// trainStep builds the network of d, trains it for a step and returns its file.
func trainStep(b backend.Backend, d *description) (*model.File, error) {
	net, err := model.New(b, d.spec(), d.input(2), model.Options{})
	if err != nil {
		return nil, err
	}
	defer net.Free()
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 2, Streams: d.ofText()})
	if err != nil {
		return nil, err
	}
	set := &data.Dataset{Steps: d.Steps, Width: d.Width, X: []float32{0, 1, 2, 3, 1, 0, -1, 0, 2, 0, 1, -3}, Labels: []int32{0, 1}, Classes: d.Classes}
	if d.ofText() {
		if set, err = data.Streams([]int32{0, 1, 1, 0, 0, 1, 0, 1, 1}, 2, d.Steps); err != nil {
			return nil, err
		}
	}
	trainer.Step(data.NewBatches(set, 2).Batch(0))
	file, err := d.newFile()
	if err != nil {
		return nil, err
	}
	return file, net.Save(file)
}

// Any stack that the checks let through can be built, trained, described and used.
func TestRandomStacksTrainAndComeBack(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(1, seed))
		d := validDescription()
		d.Steps, d.Width, d.Features, d.Shift, d.Factor = 3, 2, nil, []float64{0}, []float64{1}
		if text := rng.IntN(3) == 0; text {
			var err error
			if d, err = parseDescription(textDescription); err != nil {
				t.Fatal(err)
			}
			d.Steps = 3
		}
		d.setStack(randomStack(rng, d.ofText()))
		if !d.recurrent() {
			d.Steps, d.Width = 1, d.Steps*d.Width
		}
		for _, l := range d.layers() {
			kinds[l.Kind] = true
		}
		encoded, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseDescription(string(encoded))
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("seed %d: %s\ncomes back as %+v, error %v", seed, encoded, again, err)
			continue
		}
		func() {
			b := reference.New()
			defer b.Close()
			file, err := trainStep(b, d)
			if err != nil {
				t.Errorf("seed %d: %s: %v", seed, encoded, err)
				return
			}
			net, err := again.restore(b, file)
			if err != nil {
				t.Errorf("seed %d: %s: what was learned does not come back: %v", seed, encoded, err)
				return
			}
			if out := net.Output(); out.Width != d.outputs() || d.ofText() != (out.Steps == d.Steps) && d.Steps > 1 {
				t.Errorf("seed %d: %s: outputs of shape %+v", seed, encoded, out)
			}
		}()
	}
	for _, kind := range layerKindNames() {
		if !kinds[kind] {
			t.Errorf("no stack has a %s", kind)
		}
	}
}
