package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gputrain/model"
)

// checkContext panics if ctx is nil.
func checkContext(op string, ctx context.Context) {
	if ctx == nil {
		panic("train: " + op + ": the context is nil")
	}
}

// checkNet panics if net is nil.
func checkNet(op string, net *model.Network) {
	if net == nil {
		panic("train: " + op + ": the network is nil")
	}
}

// checkGradient says why net cannot learn from a gradient.
func checkGradient(net *model.Network) error {
	if net.Count() == 0 {
		return errors.New("the network has no parameters")
	}
	for _, stage := range net.Spec() {
		switch stage.Layer.(type) {
		case model.Perceptron, model.Threshold:
			return fmt.Errorf("stage %q is a %T, which has no gradient: take PerceptronRule for a single perceptron, or model.Sigmoid", stage.Name, stage.Layer)
		}
	}
	return nil
}

// checkLogits says why the outputs of net cannot be logits, if loss wants logits.
func checkLogits(net *model.Network, loss Loss) error {
	low, high := net.OutputRange()
	if low != 0 || high != 1 {
		return nil
	}
	switch loss.(type) {
	case CrossEntropy:
		return errors.New("the outputs of the network are from 0 to 1, but CrossEntropy wants logits because it applies softmax itself: leave out Softmax or Sigmoid at the end")
	case BCEWithLogits:
		return errors.New("the outputs of the network are from 0 to 1, but BCEWithLogits wants logits because it applies the sigmoid itself: leave out Softmax or Sigmoid at the end")
	}
	return nil
}

// checkLoss says which option of loss makes no sense for net.
func checkLoss(net *model.Network, loss Loss) error {
	if l, ok := loss.(interface{ checkOptions(outputs int) error }); ok {
		return l.checkOptions(net.Output().Width)
	}
	return nil
}

// checkChunk says why net cannot run on sequences chunk by chunk.
func checkChunk(net *model.Network, chunk int) error {
	if most := net.Input().Steps; chunk > most {
		return fmt.Errorf("option Chunk is %d, but the network was built for at most %d time steps", chunk, most)
	}
	if err := checkCarry(net); err != nil {
		return fmt.Errorf("option Chunk is %d, but %w", chunk, err)
	}
	return nil
}

// checkStreams says why net cannot go on from batch to batch.
func checkStreams(net *model.Network) error {
	if err := checkCarry(net); err != nil {
		return fmt.Errorf("option Streams is set, but %w", err)
	}
	return nil
}

// checkCarry says why net cannot go on from chunk to chunk. Its states must carry
// over, and only forward in time, and it must have an output at every time step.
func checkCarry(net *model.Network) error {
	if restarts := net.Restarts(); len(restarts) > 0 {
		return fmt.Errorf("stage %q is not Stateful: it would begin each chunk at zero", restarts[0])
	}
	states := net.States(1, 1)
	if len(states) == 0 {
		return errors.New("the network has no Stateful layer that would go on from chunk to chunk")
	}
	if i := slices.IndexFunc(states, func(s model.State) bool { return s.Reversed }); i >= 0 {
		return fmt.Errorf("the state %q belongs to a layer that goes backward in time, from the end of the sequence", states[i].Name)
	}
	if !everyStep(net) {
		return errors.New("the network has no output at every time step: leave out model.LastStep")
	}
	return nil
}
