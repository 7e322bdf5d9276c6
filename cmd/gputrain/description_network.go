package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gputrain/model"
)

// stackDescription is a network that is more than a plain one of plainKinds: the layers
// from first to last, each with all that it is. A plain one has none.
type stackDescription []layer

// UnmarshalJSON implements json.Unmarshaler. It takes what is written and nothing else.
func (s *stackDescription) UnmarshalJSON(text []byte) error {
	var layers []json.RawMessage
	if err := json.Unmarshal(text, &layers); err != nil {
		return err
	}
	if len(layers) == 0 || len(layers) > maxStack {
		return fmt.Errorf("%d layers, want 1 to %d", len(layers), maxStack)
	}
	*s = make(stackDescription, len(layers))
	for i, text := range layers {
		if err := decodeStrictly(string(text), reflect.ValueOf(&(*s)[i]).Elem()); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return nil
}

// setStack makes a complete stack the network of d.
func (d *description) setStack(stack []layer) {
	if kind, hidden, layers, ok := plainSizes(stack, d.ofText()); ok {
		d.Model, d.Hidden, d.Layers, d.Stack = kind, hidden, layers, nil
	} else {
		d.Model, d.Hidden, d.Layers, d.Stack = "", 0, 0, stack
	}
}

// layers returns the stack of d.
func (d *description) layers() []layer {
	if d.Stack != nil {
		return d.Stack
	}
	return stackOf(d.Model, d.Hidden, d.Layers, layerOptions{}, d.ofText())
}

// body returns the stages behind the front, the head among them.
func (d *description) body() model.Spec { return stackSpec(d.layers(), d.outputs(), d.ofText()) }

// learnedSpec is spec for a network that learns no more.
func (d *description) learnedSpec() model.Spec {
	return slices.Concat(d.front(), stackSpec(learned(d.layers()), d.outputs(), d.ofText()))
}

// recurrent reports whether the network of d looks at several time steps.
func (d *description) recurrent() bool { return lastRecurrent(d.layers()) >= 0 }

// checkStack reports a stack that no network can have.
func (d *description) checkStack() error {
	if d.Stack == nil {
		return nil
	}
	if d.Model != "" || d.Hidden != 0 || d.Layers != 0 {
		return errors.New("it has both a model and a stack")
	}
	var wrong *layerError
	if errors.As(checkStack(d.Stack, d.ofText()), &wrong) {
		return fmt.Errorf("layer %d of the stack: %w", wrong.at+1, wrong)
	}
	for _, l := range d.Stack {
		if l.Window > d.Steps {
			return fmt.Errorf("the bptt-window of %s is %d, but the network sees %s at a time", l.Name, l.Window, plural(d.Steps, "time step", "time steps"))
		}
	}
	if !reflect.DeepEqual([]layer(d.Stack), completed(d.Stack, d.ofText())) {
		return errors.New("the stack is not complete")
	}
	return nil
}

// network returns the network in a few words.
func (d *description) network() string {
	if d.Stack != nil {
		return stackText(d.Stack)
	}
	return fmt.Sprintf("%s, %s of %s", d.Model, plural(d.Layers, "layer", "layers"), plural(d.Hidden, "hidden unit", "hidden units"))
}
