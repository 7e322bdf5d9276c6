// Package model builds networks of layers on any backend and runs their
// forward and backward passes.
//
// All parameters of a network lie in one flat tensor, their gradients in another,
// and layers hold windows on them. So an optimizer, clipping and checkpoints take a
// few calls for the whole model. Names and shapes of the parameters are those of
// PyTorch's state dict. All memory is taken when the network is built; a pass
// allocates none, neither on the device nor in Go.
//
// The layers are Dense, Embedding, ColumnEmbedding, Perceptron, and the functions Activation, Logistic,
// Squash and Threshold; the recurrent nets of the literature, Elman, Jordan,
// PartiallyRecurrent and FullyRecurrent; LSTM1997, memory blocks with their
// truncated gradient; RNN, GRU and LSTM, with PyTorch's parameters; GridLSTM;
// Dropout and LastStep. The Window of a layer says how far an error goes back in
// time. If it is not set, the error goes back one step in Elman and Jordan, and
// over the whole sequence in the other layers. LSTM1997 has a rule of its own.
//
// To write a layer of your own, implement Layer and Module: see the example of
// Layer.
//
// Problems that depend on sizes, memory or files are returned as errors. A call
// that cannot be right, such as one with an input of another width, panics. A
// Network is not safe for concurrent use: two passes at once panic.
package model

import (
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
	"gputrain/internal/inuse"
)

// Spec describes a network: the stages that the input passes, in order.
type Spec []Stage

// Stage is a layer under a name, which is the prefix of the names of its
// parameters: the layer's "weight" is the network's "head.weight".
type Stage struct {
	Name  string
	Layer Layer
	Init  Initialization // how its matrices are drawn
}

// Network is a network built on a backend.
type Network struct {
	backend       backend.Backend
	options       Options
	input         Shape // the largest
	stages        []builtStage
	pupils        []pupil
	parameters    []Parameter
	values, grads backend.Tensor
	buffers       []backend.Buffer

	idCount int          // how many ids it takes; 0 if it takes numbers
	ids     backend.Ints // of the last ForwardIDs

	columnIDs []*columnIDs // nil if no column of the input holds ids

	lengths *Lengths // nil unless ragged
	ended   bool     // the layers built from now on see no lengths: see Builder.EndSequences
	seed    uint64   // of dropout and zoneout
	noises  uint64   // number of streams of Noise

	use     inuse.Flag
	output  Shape // of the last Forward
	trained bool  // the last pass was a Forward in mode Training

	anew           int // passes of BackwardAnew
	overwriters    []*overwriter
	notOverwritten []backend.Tensor // stretches of grads that no overwriter has
}

type builtStage struct {
	Stage
	module Module
}

// Parameter is a parameter of a network, with its windows on Values and Grads.
type Parameter struct {
	Name        string // "lstm.weight_ih_l0"
	Shape       []int  // PyTorch's
	Value, Grad backend.Tensor

	init  func(dst []float64, rng *rand.Rand)
	taken int // how often a layer has asked for it
}

// Options are the options of New. The zero value is a sensible choice.
type Options struct {
	// Ragged makes room for sequences that end before the last step: see
	// Network.SetLengths.
	Ragged bool

	// InputGrad makes Backward compute the gradient of the network's input.
	InputGrad bool

	// Observe, if not nil, is called before each stage's part of a pass with the
	// name of the stage, and with "" when the pass is over.
	Observe func(stage string, pass Pass)
}

// Pass is one of the two ways through a network.
type Pass string

const (
	ForwardPass  Pass = "forward"
	BackwardPass Pass = "backward"
)

// New builds the network that spec describes on b, for inputs of in.Width columns
// with up to in.Steps steps and in.Batch sequences. The parameters are zero until
// Init or Load. An error names the stage, and then nothing stays allocated.
func New(b backend.Backend, spec Spec, in Shape, o Options) (*Network, error) {
	if b == nil {
		panic("model: New: the backend is nil")
	}
	n := &Network{backend: b, input: in, options: o}
	if o.Observe == nil {
		n.options.Observe = func(string, Pass) {}
	}
	shapes, err := spec.shapes(in)
	if err != nil {
		return nil, err
	}
	if o.Ragged {
		if n.lengths, err = newLengths(n); err != nil {
			n.Free()
			return nil, fmt.Errorf("model: lengths of %d sequences of up to %d steps: %w", in.Batch, in.Steps, err)
		}
	}
	if err := n.build(spec, shapes); err != nil {
		n.Free()
		return nil, err
	}
	return n, nil
}

// Init draws initial values for all parameters, rounded to float32. Each parameter
// has a random stream of its own, from seed and its index, so the size of one
// parameter does not change the values of another.
func (n *Network) Init(seed uint64) {
	n.enter("Init")
	defer n.use.Leave()
	flat := make([]float32, n.values.Size())
	for i, p := range n.parameters {
		if p.init == nil {
			continue
		}
		values := make([]float64, p.Value.Size())
		p.init(values, rand.New(rand.NewPCG(seed, uint64(i))))
		for j, v := range values {
			flat[p.Value.Off-n.values.Off+j] = float32(v)
		}
	}
	n.backend.Upload(n.values, flat)
}

// Forward queues the forward pass for x, [steps·batch, Width], time-major, and
// returns the output, which the next Forward overwrites. x must keep its
// values until Backward. It panics if x does not fit what the network was
// built for.
func (n *Network) Forward(x backend.Tensor, steps int, mode Mode) backend.Tensor {
	n.enter("Forward")
	defer n.use.Leave()
	if n.idCount > 0 {
		panic("model: Forward: the network takes ids, not numbers: call ForwardIDs")
	}
	n.checkSteps("Forward", steps)
	if x.Cols != n.input.Width || x.Rows%steps != 0 || x.Rows/steps > n.input.Batch {
		panic(fmt.Sprintf("model: Forward: x is %v, want %d columns and a multiple of %d rows up to %d",
			x, n.input.Width, steps, steps*n.input.Batch))
	}
	return n.forward(x, Shape{Steps: steps, Batch: x.Rows / steps, Width: x.Cols}, mode)
}

func (n *Network) checkSteps(op string, steps int) {
	if steps < 1 || steps > n.input.Steps {
		panic(fmt.Sprintf("model: %s: %d steps, want 1 to %d", op, steps, n.input.Steps))
	}
}

// forward is Forward for an x of shape in, which is absent if the network takes ids.
func (n *Network) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	n.lengths.check(in)
	n.checkColumnIDs(in.Rows())
	for _, s := range n.stages {
		n.options.Observe(s.Name, ForwardPass)
		x = s.module.Forward(x, in, mode)
		in = s.output(in)
	}
	n.options.Observe("", ForwardPass)
	n.output, n.trained = in, mode == Training
	return x
}

// Backward queues the backward pass of the last Forward. That must have been in
// mode Training, and it serves one Backward. dy is the gradient of its output and
// is only read. The gradients of the parameters are added to Grads. Backward
// returns the gradient of the input, absent unless the network was built with
// Options.InputGrad.
func (n *Network) Backward(dy backend.Tensor) backend.Tensor {
	n.enter("Backward")
	defer n.use.Leave()
	n.checkBackward("Backward", dy)
	return n.backward(dy)
}

// BackwardAnew is Backward, but overwrites Grads instead of adding to it. The first
// gradient of an update so needs no zeros before.
func (n *Network) BackwardAnew(dy backend.Tensor) backend.Tensor {
	n.enter("BackwardAnew")
	defer n.use.Leave()
	n.checkBackward("BackwardAnew", dy)
	for _, stretch := range n.notOverwritten {
		n.backend.Fill(stretch, 0)
	}
	n.anew++
	dx := n.backward(dy)
	for _, o := range n.overwriters {
		o.finish(n.backend)
	}
	return dx
}

func (n *Network) checkBackward(op string, dy backend.Tensor) {
	if !n.trained {
		panic("model: " + op + ": no Forward in mode Training before it")
	}
	if dy.Rows != n.output.Rows() || dy.Cols != n.output.Width {
		panic(fmt.Sprintf("model: %s: dy is %v, want %dx%d", op, dy, n.output.Rows(), n.output.Width))
	}
}

func (n *Network) backward(dy backend.Tensor) backend.Tensor {
	n.trained = false
	for i := len(n.stages) - 1; i >= 0 && dy.Present(); i-- {
		n.options.Observe(n.stages[i].Name, BackwardPass)
		dy = n.stages[i].module.Backward(dy)
	}
	n.options.Observe("", BackwardPass)
	return dy
}

// Backend returns the backend that the network was built on.
func (n *Network) Backend() backend.Backend { return n.backend }

// Spec returns the stages that the network was built from.
func (n *Network) Spec() Spec {
	spec := make(Spec, len(n.stages))
	for i, s := range n.stages {
		spec[i] = s.Stage
	}
	return spec
}

// Input returns the largest input shape.
func (n *Network) Input() Shape { return n.input }

// Output returns the output shape for the largest input.
func (n *Network) Output() Shape { return n.OutputShape(n.input) }

// OutputShape returns the output shape for an input of shape in. It panics if
// a layer does not take it.
func (n *Network) OutputShape(in Shape) Shape {
	for _, s := range n.stages {
		in = s.output(in)
	}
	return in
}

func (s builtStage) output(in Shape) Shape {
	out, err := s.Layer.Output(in)
	if err != nil {
		panic(fmt.Sprintf("model: stage %q: %v", s.Name, err))
	}
	return out
}

// Values returns the values of all parameters, flat, [1, P]. Each parameter starts
// at a multiple of 32 elements; the padding between them is zero and stays so under
// every optimizer.
func (n *Network) Values() backend.Tensor { return n.values }

// Grads returns the gradients of Values. BackwardAnew overwrites them, Backward adds to
// them.
func (n *Network) Grads() backend.Tensor { return n.grads }

// Parameters returns the parameters in the order of the state dict. The slice is
// the network's own.
func (n *Network) Parameters() []Parameter { return n.parameters }

// Parameter returns the parameter of the given name.
func (n *Network) Parameter(name string) (Parameter, bool) {
	for _, p := range n.parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// Count returns the number of parameters, without padding.
func (n *Network) Count() int {
	count := 0
	for _, p := range n.parameters {
		count += p.Value.Size()
	}
	return count
}

// Free releases all memory of the network. Any later use panics, except for Free.
// After the backend's Close, which has released it, Free does nothing.
func (n *Network) Free() {
	if n == nil {
		panic("model: Free: the network is nil")
	}
	n.use.Enter("model: Free")
	defer n.use.Leave()
	for _, buf := range n.buffers {
		if !buf.Meta().Freed {
			n.backend.Free(buf)
		}
	}
	n.buffers = nil
}

// enter begins a call that uses the network alone; use.Leave ends it. It panics if
// there is no network, or no longer.
func (n *Network) enter(op string) {
	if n == nil {
		panic("model: " + op + ": the network is nil")
	}
	n.use.Enter("model: " + op)
	if n.values.Buf.Meta().Freed {
		n.use.Leave()
		panic("model: " + op + ": the network is freed, or its backend closed")
	}
}

// Memory returns how many bytes of its device the network has: parameters, gradients,
// and what the passes need. A backend may round up each tensor.
func (n *Network) Memory() int64 {
	n.enter("Memory")
	defer n.use.Leave()
	var bytes int64
	for _, buf := range n.buffers {
		bytes += 4 * int64(buf.Meta().Len)
	}
	return bytes
}

// SetSeed sets the seed of Dropout and zoneout. Passes in mode Training with the
// same seed drop the same elements, so give each training step its own seed.
func (n *Network) SetSeed(seed uint64) { n.seed = seed }

// alloc allocates what Free releases.
func (n *Network) alloc(rows, cols int) (backend.Tensor, error) {
	t, err := n.backend.New(rows, cols)
	if err == nil {
		n.buffers = append(n.buffers, t.Buf)
	}
	return t, err
}

// allocInts is alloc for integers.
func (n *Network) allocInts(count int) (backend.Ints, error) {
	t, err := n.backend.NewInts(count)
	if err == nil {
		n.buffers = append(n.buffers, t.Buf)
	}
	return t, err
}
