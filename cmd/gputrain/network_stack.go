package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gputrain/model"
)

// A stack is the layers of a network from what the data give to the outputs. The last
// one is the head, whose size is the number of outputs. A stack is complete if each
// layer has its name, and nothing is left to the command.

// maxWritten bounds the layers that a user may ask for: for each of --layers of an mlp a
// layer, its activation and its dropout. maxStack is that with the last step and the head.
const (
	maxWritten = 3 * maxLayers
	maxStack   = maxWritten + 2
)

// plainKinds are the networks that a description can have without a stack.
func plainKinds() []string { return []string{"lstm", "gru", "rnn", "mlp"} }

// stackOf returns the complete stack of what --model calls a kind.
func stackOf(kind string, hidden, layers int, o layerOptions, text bool) []layer {
	var stack []layer
	switch k, _ := kindOf(kind); {
	case kind == "mlp":
		for range layers {
			stack = append(stack, layer{Kind: "dense", Hidden: hidden, layerOptions: layerOptions{Init: o.Init}})
			if o.Activation == "" {
				stack = append(stack, layer{Kind: "relu"})
			} else {
				stack = append(stack, layer{Kind: o.Activation})
			}
			if o.Dropout > 0 {
				stack = append(stack, layer{Kind: "dropout", layerOptions: layerOptions{Dropout: o.Dropout}})
			}
		}
	case slices.Contains(k.keys, "layers"):
		stack = []layer{{Kind: kind, Hidden: hidden, Layers: layers, layerOptions: o}}
	default:
		for range layers {
			stack = append(stack, layer{Kind: kind, Hidden: hidden, layerOptions: o})
		}
	}
	return completed(append(stack, layer{Kind: headName, layerOptions: layerOptions{Init: o.Init}}), text)
}

// completed returns a stack with what is left to the command. Of samples with several
// time steps, that is the last step behind the last layer that needs them all. Options
// that are as if they were not set are not.
func completed(stack []layer, text bool) []layer {
	stack = slices.Clone(stack)
	is := func(kind string) func(layer) bool { return func(l layer) bool { return l.Kind == kind } }
	if !slices.ContainsFunc(stack, is(headName)) {
		stack = append(stack, layer{Kind: headName})
	}
	if last := lastRecurrent(stack); !text && last >= 0 && !slices.ContainsFunc(stack, is(lastStepKind)) {
		stack = slices.Insert(stack, last+1, layer{Kind: lastStepKind})
	}
	count, next := map[string]int{}, map[string]int{} // of each kind
	for _, l := range stack {
		count[l.Kind]++
	}
	for i := range stack {
		l := &stack[i]
		kind, _ := kindOf(l.Kind)
		if slices.Contains(kind.keys, "layers") && l.Layers == 0 {
			l.Layers = 1
		}
		for _, name := range []*string{&l.Activation, &l.OutputActivation} {
			if *name == activationNames(l.Kind)[0] {
				*name = ""
			}
		}
		for n := len(l.Zoneout); n > 0 && l.Zoneout[n-1] == 0; n-- {
			l.Zoneout = l.Zoneout[:n-1]
		}
		if len(l.Zoneout) == 0 {
			l.Zoneout = nil
		}
		if l.Name == "" {
			l.Name = kind.stage
			if kind.numbers || count[l.Kind] > 1 {
				l.Name += strconv.Itoa(next[l.Kind])
			}
		}
		next[l.Kind]++
	}
	return stack
}

// lastRecurrent returns the index of the last layer that looks at several time steps,
// −1 if there is none.
func lastRecurrent(stack []layer) int {
	for i, l := range slices.Backward(stack) {
		if kind, known := kindOf(l.Kind); known && !kind.rows {
			return i
		}
	}
	return -1
}

// layerError is what is wrong with the layer at an index.
type layerError struct {
	at  int
	bad *settingError
}

func (e *layerError) Error() string { return e.bad.key + " " + e.bad.why }

// checkStack returns a layerError for the first layer of a complete stack that makes no
// sense.
func checkStack(stack []layer, text bool) error {
	all, last, parameters := 0, lastRecurrent(stack), 0
	for i, l := range stack {
		fail := func(key, format string, args ...any) error {
			return &layerError{i, &settingError{key, fmt.Sprintf(format, args...)}}
		}
		if err := l.check(); err != nil {
			bad := new(settingError)
			errors.As(err, &bad)
			return &layerError{i, bad}
		}
		kind, _ := kindOf(l.Kind)
		switch all += l.Layers; {
		case all > maxLayers:
			return fail("layers", "are more than %d in all", maxLayers)
		case !validStageName(l.Name):
			return fail("name", "is %q; it must be letters, digits, - and _", l.Name)
		case slices.Contains([]string{embeddingName, lastStepName, headName}, l.Name) && l.Name != kind.stage, l.Kind == headName && l.Name != headName:
			return fail("name", "is %q, but %s, %s and %s are the names of what the command adds", l.Name, embeddingName, lastStepName, headName)
		case slices.ContainsFunc(stack[:i], func(other layer) bool { return other.Name == l.Name }):
			return fail("name", "is %q, as that of a layer before", l.Name)
		case (l.Kind == headName) != (i == len(stack)-1):
			return fail("kind", "is %s: the head, and no other layer, is the last one", l.Kind)
		case text && l.Bidirectional:
			return fail("bidirectional", "does not go with text, whose next characters nobody has read yet")
		case text && l.Kind == lastStepKind:
			return fail("kind", "is %s, but a text is learned at every step", l.Kind)
		case text && (kind.deaf || l.RTRL):
			return fail("kind", "is %s, which gives no error to the embedding of a text, and so it could not learn", layerTitle(l))
		case (kind.deaf || l.RTRL) && parameters > 0:
			return fail("kind", "is %s, which gives no error to layers before, and so %s could not learn: make it the first one", layerTitle(l), stack[0].Name)
		case l.Kind == lastStepKind && i < last:
			return fail("kind", "is %s, but %s behind it needs all time steps", l.Kind, stack[last].Name)
		case l.Kind == lastStepKind && i > last && (last < 0 || slices.ContainsFunc(stack[last+1:i], func(l layer) bool { return l.Kind == lastStepKind })):
			return fail("kind", "is %s, but there is only one time step there", l.Kind)
		case l.Kind == lastStepKind && stack[last].Bidirectional && slices.ContainsFunc(stack[last+1:i], func(l layer) bool { return l.Kind == "dense" || l.Kind == "softmax" }):
			return fail("kind", "is %s, but the two directions of %s end at different steps, and are mixed here: put it right behind", l.Kind, stack[last].Name)
		}
		if slices.Contains(kind.keys, "hidden") {
			parameters++
		}
	}
	if text && last < 0 {
		return &layerError{0, &settingError{"kind", fmt.Sprintf("is %s: a text needs a layer with a memory, such as lstm", stack[0].Kind)}}
	}
	return nil
}

// layerTitle names what gives no error to the layers before.
func layerTitle(l layer) string {
	if l.RTRL {
		return l.Kind + " with rtrl"
	}
	return l.Kind
}

func validStageName(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// stackSpec returns the stages of a complete stack for so many outputs. Those for text go
// on from where they are.
func stackSpec(stack []layer, outputs int, text bool) model.Spec {
	var spec model.Spec
	for i, l := range stack {
		if l.Kind == headName {
			l.Hidden = outputs
		}
		kind, _ := kindOf(l.Kind)
		stage := model.Stage{Name: l.Name, Layer: kind.model(l, text), Init: initializations[l.Init]}
		if l.Kind == lastStepKind {
			stage.Layer = model.LastStep{Bidirectional: stack[lastRecurrent(stack[:i])].Bidirectional}
		}
		spec = append(spec, stage)
	}
	return spec
}

// plainSizes returns how a description says a stack without a list of its layers.
func plainSizes(stack []layer, text bool) (kind string, hidden, layers int, ok bool) {
	first := stack[0]
	kind, hidden, layers = first.Kind, first.Hidden, first.Layers
	if kind == "dense" {
		kind, layers = "mlp", (len(stack)-1)/2
	}
	ok = slices.Contains(plainKinds(), kind) && reflect.DeepEqual(stack, stackOf(kind, hidden, layers, layerOptions{}, text))
	return kind, hidden, layers, ok
}

// learned returns a stack without what has a part in learning only.
func learned(stack []layer) []layer {
	stack = slices.DeleteFunc(slices.Clone(stack), func(l layer) bool { return l.Kind == "dropout" })
	for i := range stack {
		l := &stack[i]
		l.Dropout, l.Init, l.ForgetBias, l.Window, l.RTRL = 0, "", 0, 0, false
	}
	return stack
}

// stackText returns a stack in a line, without what the command always adds.
func stackText(stack []layer) string {
	var texts []string
	for _, l := range stack {
		if l.Kind == lastStepKind || l.Kind == headName && len(given(l)) == 0 {
			continue
		}
		texts = append(texts, l.text())
	}
	return some(texts)
}
