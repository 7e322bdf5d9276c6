package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gputrain/backend"
)

// maxSize bounds every size that a caller gives and the rows of a batch, so
// that no product of a few of them overflows.
const maxSize = 1 << 28

// checkSize returns an error unless 1 ≤ n ≤ most.
func checkSize(name string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("%s is %d, want 1 to %d", name, n, most)
	}
	return nil
}

// shapes checks s and returns the input shape of each stage.
func (s Spec) shapes(in Shape) ([]Shape, error) {
	if len(s) == 0 {
		return nil, errors.New("model: the network has no stages")
	}
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("model: input of stage %q: %w", s[0].Name, err)
	}
	shapes := make([]Shape, len(s))
	for i, stage := range s {
		if err := s.checkStage(i); err != nil {
			return nil, err
		}
		out, err := stage.Layer.Output(in)
		if err != nil {
			return nil, fmt.Errorf("model: stage %q: %w", stage.Name, err)
		}
		shapes[i], in = in, out
	}
	return shapes, nil
}

func (s Shape) check() error {
	for _, size := range []struct {
		name string
		n    int
	}{
		{"Width", s.Width}, {"Steps", s.Steps}, {"Batch", s.Batch}, {"Steps·Batch", s.Rows()},
	} {
		if err := checkSize(size.name, size.n, maxSize); err != nil {
			return err
		}
	}
	return nil
}

// checkStage checks the name of stage i and that it has a layer.
func (s Spec) checkStage(i int) error {
	name := s[i].Name
	switch {
	case name == "":
		return fmt.Errorf("model: stage %d has no name", i+1)
	case checkName(name) != nil:
		return fmt.Errorf("model: stage %d: %w", i+1, checkName(name))
	case strings.HasPrefix(name, trainPrefix):
		return fmt.Errorf("model: stage %q: names that begin with %q are reserved", name, trainPrefix)
	case slices.ContainsFunc(s[:i], func(other Stage) bool { return other.Name == name }):
		return fmt.Errorf("model: stage %q: another stage has that name", name)
	case s[i].Layer == nil:
		return fmt.Errorf("model: stage %q has no Layer", name)
	case s[i].Init < OwnInit || s[i].Init > Orthogonal:
		return fmt.Errorf("model: stage %q: there is no Init %d", name, s[i].Init)
	}
	return nil
}

// build lays out and allocates the parameters, then builds the modules.
func (n *Network) build(spec Spec, shapes []Shape) error {
	first := make([]int, len(spec)+1) // index of each stage's first parameter
	for i, stage := range spec {
		for _, p := range stage.Layer.Parameters(shapes[i]) {
			name := stage.Name + "." + p.Name
			if p.Name == "" {
				return fmt.Errorf("model: stage %q: a parameter has no name", stage.Name)
			}
			if err := checkName(name); err != nil {
				return fmt.Errorf("model: stage %q: %w", stage.Name, err)
			}
			if _, taken := n.Parameter(name); taken {
				return fmt.Errorf("model: stage %q: another stage has a parameter %q too", stage.Name, name)
			}
			n.parameters = append(n.parameters, Parameter{Name: name, Shape: p.Shape, init: stage.Init.drawing(p)})
		}
		first[i+1] = len(n.parameters)
	}
	if err := n.allocParameters(); err != nil {
		return err
	}
	for i, stage := range spec {
		b := &Builder{
			network:    n,
			stage:      stage.Name,
			first:      i == 0,
			parameters: n.parameters[first[i]:first[i+1]],
			inputGrad:  n.options.InputGrad || first[i] > 0,
			err:        new(error),
		}
		module := stage.Layer.Build(b, shapes[i])
		if *b.err != nil {
			return *b.err
		}
		n.stages = append(n.stages, builtStage{stage, module})
	}
	n.settleOverwriters()
	return n.checkTeacher()
}

const (
	// alignment divides the offset of every parameter, in elements. It is 128
	// bytes, a cache line of a GPU and more than any vector register.
	alignment = 32

	// maxParameters bounds the number of parameters with their padding, so that
	// their bytes and those of all optimizer state fit an int64.
	maxParameters = 1 << 58
)

// allocParameters allocates the flat tensors and places the parameters on them.
func (n *Network) allocParameters() error {
	total := 0
	offsets := make([]int, len(n.parameters))
	largest, most := "none", 0 // the parameter with the most elements, for the error
	for i, p := range n.parameters {
		size, ok := product(p.Shape)
		if !ok || size > maxParameters-alignment-total {
			return fmt.Errorf("model: parameter %q of shape %v makes the network too large", p.Name, p.Shape)
		}
		if size > most {
			largest, most = fmt.Sprintf("%q of shape %v", p.Name, p.Shape), size
		}
		offsets[i] = total
		total += (size + alignment - 1) / alignment * alignment
	}
	for _, flat := range []*backend.Tensor{&n.values, &n.grads} {
		var err error
		if *flat, err = n.alloc(1, total); err != nil {
			return fmt.Errorf("model: %d parameters, the largest %s: %w", total, largest, err)
		}
	}
	for i := range n.parameters {
		p := &n.parameters[i]
		p.Value = window(n.values, offsets[i], p.Shape)
		p.Grad = window(n.grads, offsets[i], p.Shape)
	}
	return nil
}

// product returns the number of elements of a tensor; ok is false if a
// dimension is negative or the product overflows.
func product(shape []int) (size int, ok bool) {
	size = 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > math.MaxInt/d {
			return 0, false
		}
		size *= d
	}
	return size, true
}

// window returns the window of the given shape that starts at element off of
// flat. A vector is a row.
func window(flat backend.Tensor, off int, shape []int) backend.Tensor {
	rows, cols := 1, 1
	if len(shape) > 1 {
		rows, shape = shape[0], shape[1:]
	}
	for _, d := range shape {
		cols *= d
	}
	_, rest := flat.Take(1, off)
	w, _ := rest.Take(rows, cols)
	return w
}
