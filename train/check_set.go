package train

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gputrain/data"
	"gputrain/model"
)

// checkSetThere panics if set, which name says the purpose of, is nil.
func checkSetThere(op, name string, set *data.Dataset) {
	if set == nil {
		panic("train: " + op + ": the " + name + " is nil")
	}
}

// checkSet says why net cannot be trained or evaluated on set with loss.
func checkSet(net *model.Network, loss Loss, set *data.Dataset) error {
	if err := checkInputs(net, set); err != nil {
		return err
	}
	out := net.OutputShape(model.Shape{Steps: set.Steps, Batch: 1, Width: set.Width})
	switch {
	case set.PerStep && out.Steps != set.Steps:
		return fmt.Errorf("it has a target for each of %d time steps (PerStep), but the network gives outputs for %d: leave out model.LastStep, or give one target per sample", set.Steps, out.Steps)
	case !set.PerStep && out.Steps != 1:
		return fmt.Errorf("it has one target per sample, but the network gives outputs for %d time steps: take the last with model.LastStep, or set PerStep and give a target for each", out.Steps)
	}
	if err := cmp.Or(checkLogits(net, loss), loss.Check(set, out.Width)); err != nil {
		return err
	}
	switch loss.(type) {
	case MSE, L1, Huber:
		return checkRange(net, set)
	}
	return nil
}

// checkRange says which target of set net cannot come near, whatever it learns.
func checkRange(net *model.Network, set *data.Dataset) error {
	low, high := net.OutputRange()
	for i, target := range set.Targets {
		row := i / set.TargetWidth
		if padding(set, row) || set.Mask != nil && set.Mask[row] == 0 {
			continue
		}
		if float64(target) < low || float64(target) > high {
			return fmt.Errorf("target %v at index %d is outside the output range of the network, %v to %v: scale the targets, or end with a layer whose outputs have no bounds", target, i, low, high)
		}
	}
	return nil
}

// checkInputs says why net cannot be run on set.
func checkInputs(net *model.Network, set *data.Dataset) error {
	if len(set.X)+len(set.IDs) == 0 {
		return errors.New("it is empty")
	}
	if err := set.Check(); err != nil {
		return err
	}
	in := net.Input()
	switch {
	case set.IDs == nil && net.IDs() > 0:
		return errors.New("its samples are numbers (X), but the network takes ids: fill in IDs, or leave out model.Embedding")
	case set.IDs != nil && net.IDs() == 0:
		return errors.New("its samples are IDs, but the network takes numbers: begin it with model.Embedding")
	case set.IDs != nil && set.Width != in.Width:
		return fmt.Errorf("its samples have %d ids per time step, but the network takes %d", set.Width, in.Width)
	case set.Width != in.Width:
		return fmt.Errorf("its samples have %d features per time step, but the network takes %d", set.Width, in.Width)
	case set.Lengths != nil && !net.Ragged():
		return errors.New("its samples have lengths of their own, but the network is built for whole sequences: build it with model.Options{Ragged: true}")
	case set.Steps > in.Steps && checkCarry(net) != nil:
		return fmt.Errorf("its samples have %d time steps, but the network was built for at most %d", set.Steps, in.Steps)
	}
	return cmp.Or(checkIDs(net, set), checkColumnIDs(net, set))
}

// checkIDs names the first id of set that the network does not have. The padding may
// hold anything.
func checkIDs(net *model.Network, set *data.Dataset) error {
	for i, id := range set.IDs {
		row := i / set.Width
		sample, step := row/set.Steps, row%set.Steps
		if (id < 0 || int(id) >= net.IDs()) && (set.Lengths == nil || step < int(set.Lengths[sample])) {
			return fmt.Errorf("sample %d has id %d at time step %d, but the ids of the network are 0 to %d", sample, id, step, net.IDs()-1)
		}
	}
	return nil
}

// checkColumnIDs names the first number of set that is no id in a column of ids.
func checkColumnIDs(net *model.Network, set *data.Dataset) error {
	for column, count := range net.ColumnIDs() {
		if count == 0 {
			continue // numbers
		}
		for i := column; i < len(set.X); i += set.Width {
			row, id := i/set.Width, set.X[i]
			if sample, step := row/set.Steps, row%set.Steps; !(id >= 0 && id < float32(count) && id == float32(int32(id))) && (set.Lengths == nil || step < int(set.Lengths[sample])) {
				return fmt.Errorf("sample %d has %v at time step %d in column %d, but that holds ids, 0 to %d", sample, id, step, column, count-1)
			}
		}
	}
	return nil
}

// checkSteps says why the sequences of set are too short to train on, or too long
// for the option Chunk. set must fit the network otherwise.
func (t *Trainer) checkSteps(set *data.Dataset) error {
	chunk, most := t.options.Chunk, t.net.Input().Steps
	switch {
	case set.Lengths != nil && !slices.ContainsFunc(set.Lengths, func(length int32) bool { return length > 0 }):
		return errors.New("all its samples have length 0: there is nothing to learn from")
	case chunk == 0 && set.Steps > most:
		return fmt.Errorf("its samples have %d time steps, but the network was built for at most %d: set option Chunk", set.Steps, most)
	case t.options.Streams && set.Lengths != nil:
		return errors.New("its samples have lengths of their own, but option Streams is set: the parts of a stream are whole")
	case t.options.Streams && set.Len()%t.options.Batch != 0:
		return fmt.Errorf("it has %d samples, but option Streams is set: want the same number for each of the %d streams", set.Len(), t.options.Batch)
	}
	return nil
}

// checkTeacher says what set lacks for the layers with TeacherForcing.
func checkTeacher(net *model.Network, set *data.Dataset) error {
	if net.Taught() && (set.Targets == nil || set.Mask != nil || !set.PerStep && set.Steps > 1) {
		return errors.New("it has no target values for each time step, which a layer with TeacherForcing needs")
	}
	return nil
}

// checkNumbers names the first number of set that counts and is not finite. The
// padding and targets that the mask leaves out may hold anything.
func checkNumbers(set *data.Dataset) error {
	return cmp.Or(checkFeatures(set), checkTargets(set))
}

func checkFeatures(set *data.Dataset) error {
	if set.IDs != nil {
		return nil // whole numbers are finite
	}
	for sample := range set.Len() {
		steps := set.Steps
		if set.Lengths != nil {
			steps = int(set.Lengths[sample])
		}
		first := sample * set.Steps * set.Width
		x := set.X[first : first+steps*set.Width]
		if i := firstNotFinite(x); i >= 0 {
			return fmt.Errorf("feature %d of sample %d is %v at time step %d, want a finite number",
				i%set.Width, sample, x[i], i/set.Width)
		}
	}
	return nil
}

func checkTargets(set *data.Dataset) error {
	if len(set.Targets) == 0 {
		return nil
	}
	for row := range len(set.Targets) / set.TargetWidth {
		if padding(set, row) || set.Mask != nil && set.Mask[row] == 0 {
			continue
		}
		targets := set.Targets[row*set.TargetWidth : (row+1)*set.TargetWidth]
		if i := firstNotFinite(targets); i >= 0 {
			sample := row
			if set.PerStep {
				sample = row / set.Steps
			}
			return fmt.Errorf("a target of sample %d is %v, want a finite number", sample, targets[i])
		}
	}
	return nil
}

// padding reports whether a row of the labels or targets of set is after the end of
// its sample.
func padding(set *data.Dataset, row int) bool {
	return set.PerStep && set.Lengths != nil && row%set.Steps >= int(set.Lengths[row/set.Steps])
}

// checkBatch panics if batch is not one that Step can take.
func (t *Trainer) checkBatch(batch data.Batch) {
	in := t.net.Input()
	name, got := "X", len(batch.X)
	if t.net.IDs() > 0 {
		name, got = "IDs", len(batch.IDs)
	}
	switch want := batch.Steps * batch.Size * in.Width; {
	case batch.Size < 1 || batch.Size > t.options.Batch:
		panic(fmt.Sprintf("train: Step: the batch has %d samples, want 1 to %d", batch.Size, t.options.Batch))
	case t.options.Streams && batch.Size != t.options.Batch:
		panic(fmt.Sprintf("train: Step: the batch has %d samples, want %d, one for each stream", batch.Size, t.options.Batch))
	case batch.Steps < 1 || t.options.Chunk == 0 && batch.Steps > in.Steps:
		panic(fmt.Sprintf("train: Step: the batch has %d time steps, want 1 to %d", batch.Steps, in.Steps))
	case got != want:
		panic(fmt.Sprintf("train: Step: %s of the batch has length %d, want %d: %d time steps of %d samples of %d features", name, got, want, batch.Steps, batch.Size, in.Width))
	}
}
