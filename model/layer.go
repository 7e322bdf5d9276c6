package model

import (
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// Shape is the shape of a batch of sequences: a [Steps·Batch, Width] matrix,
// time-major. Rows t·Batch..(t+1)·Batch−1 are time step t.
type Shape struct{ Steps, Batch, Width int }

// Rows returns the number of rows of the matrix.
func (s Shape) Rows() int { return s.Steps * s.Batch }

// Mode says what a forward pass is for.
type Mode int

const (
	Evaluation Mode = iota // Backward after such a pass panics
	Training               // keeps what Backward needs
)

// Layer describes one stage of a network: its sizes and options. It holds no
// memory; Build makes the Module that does. A layer may be made of others: see
// Builder.Inner. A layer whose outputs have bounds also has a method
//
//	OutputRange(low, high float64) (float64, float64)
//
// which gives the bounds for inputs from low to high; see Network.OutputRange. A
// layer that a backend may fuse also has a method
//
//	Path(b backend.Backend) string
//
// which names how the layer runs on b; see Path.
type Layer interface {
	// Output returns the shape that the layer makes of in, or an error that
	// says why it cannot. It must not fail on a smaller number of steps or a
	// smaller batch than one it accepts.
	Output(in Shape) (Shape, error)

	// Parameters describes the parameters for inputs of in.Width, in the order of
	// PyTorch's state dict.
	Parameters(in Shape) []ParameterSpec

	// Build allocates through b what the passes need for inputs up to in.
	Build(b *Builder, in Shape) Module
}

// Path names how l runs on b. It asks the method Path of l. A layer without that
// method runs as plain operations.
func Path(l Layer, b backend.Backend) string {
	if l, ok := l.(interface{ Path(backend.Backend) string }); ok {
		return l.Path(b)
	}
	return "plain operations"
}

// ParameterSpec describes a parameter of a layer.
type ParameterSpec struct {
	Name  string // PyTorch's name within the layer
	Shape []int

	// Init draws the initial values, row-major. nil means zeros.
	Init func(dst []float64, rng *rand.Rand)
}

// Module is a layer that was built: it has parameters and workspace on a backend. A
// recurrent module also has a method
//
//	States(steps, batch int) []State
//
// The names of the states are unique in the module. The method returns none if each
// Forward begins at zero; see Network.States and Network.Restarts.
type Module interface {
	// Forward queues the forward pass for x, which has in.Rows rows of in.Width, or is
	// absent: see Builder.TakeIDs. It returns the output, which lies in memory of the module or in x. x must keep
	// its values until Backward.
	Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor

	// Backward queues the backward pass of the last Forward. dy is the gradient of
	// its output and is only read. The gradients of the parameters are added to
	// what is there. Backward returns the gradient of x, absent unless
	// Builder.InputGrad.
	Backward(dy backend.Tensor) backend.Tensor
}

// Builder gives a Layer what it needs to build its Module.
type Builder struct {
	network    *Network
	stage      string
	first      bool // the stage is the first of the network
	parameters []Parameter
	inputGrad  bool
	err        *error // the first error; Inner shares it
}

// Backend returns the backend of the network.
func (b *Builder) Backend() backend.Backend { return b.network.backend }

// Parameter returns the value of the i-th of the layer's Parameters and its
// gradient. A vector of n elements is [1, n]; a tensor of higher rank keeps its
// first dimension as rows.
func (b *Builder) Parameter(i int) (value, grad backend.Tensor) {
	p := &b.parameters[i]
	p.taken++
	return p.Value, p.Grad
}

// Inner returns the Builder for a layer within the layer. The Parameters of the
// inner layer begin at index first of the outer layer's. The Backward of the inner
// layer must return the gradient of its input if the outer layer must, or if
// parameters come before the inner layer.
func (b *Builder) Inner(first int) *Builder {
	inner := *b
	inner.parameters = b.parameters[first:]
	inner.inputGrad = b.inputGrad || first > 0
	return &inner
}

// New returns a zeroed [rows, cols] workspace that lives as long as the network.
// When memory runs out, this call and all later ones return absent tensors, and the
// New that builds the network returns the error.
func (b *Builder) New(rows, cols int) backend.Tensor {
	if *b.err != nil {
		return backend.Tensor{}
	}
	t, err := b.network.alloc(rows, cols)
	if err != nil {
		b.Fail(fmt.Errorf("workspace of %dx%d: %w", rows, cols, err))
	}
	return t
}

// NewConstant returns a [rows, cols] tensor of these values, rounded to float32,
// that lives as long as the network. When memory runs out the tensor is absent, as
// with New.
func (b *Builder) NewConstant(rows, cols int, values []float64) backend.Tensor {
	t := b.New(rows, cols)
	if !t.Present() {
		return t
	}
	single := make([]float32, len(values))
	for i, v := range values {
		single[i] = float32(v)
	}
	b.Backend().Upload(t, single)
	return t
}

// NewIntConstant is NewConstant for integers.
func (b *Builder) NewIntConstant(values []int32) backend.Ints {
	t := b.newInts(len(values))
	if t.Present() {
		b.Backend().UploadInts(t, values)
	}
	return t
}

// newInts is New for n integers.
func (b *Builder) newInts(n int) backend.Ints {
	if *b.err != nil {
		return backend.Ints{}
	}
	t, err := b.network.allocInts(n)
	if err != nil {
		b.Fail(fmt.Errorf("workspace of %d integers: %w", n, err))
	}
	return t
}

// Fail makes the New that builds the network return err, as an error of the stage.
// Use it for errors that only Build can find. The first error counts.
func (b *Builder) Fail(err error) {
	if *b.err == nil {
		*b.err = fmt.Errorf("model: stage %q: %w", b.stage, err)
	}
}

// InputGrad reports whether Backward must return the gradient of the input.
func (b *Builder) InputGrad() bool { return b.inputGrad }
