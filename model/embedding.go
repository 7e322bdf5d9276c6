package model

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// Embedding gives each id, a whole number from 0 to IDs−1, a vector that is learned:
//
//	y = weight[id]
//
// It is the first stage of a network that takes ids, which Network.ForwardIDs passes
// to it. The Width of the input is the number of ids in a time step. Their vectors
// stand side by side in the output, which is Width·Out wide.
//
// Its parameter is that of PyTorch's Embedding: weight [IDs, Out], drawn from N(0, 1).
// The gradient is dense, as without PyTorch's sparse=True: it is 0 for ids that do not
// occur in the batch, but momentum and weight decay move their vectors too.
type Embedding struct {
	IDs int // number of ids
	Out int // width of a vector
}

// Output returns in with width in.Width·e.Out.
func (e Embedding) Output(in Shape) (Shape, error) {
	if err := checkSize("IDs", e.IDs, maxSize); err != nil {
		return Shape{}, err
	}
	if err := checkSize("Out", e.Out, maxSize); err != nil {
		return Shape{}, err
	}
	if err := checkSize("Width·Out", in.Width*e.Out, maxSize); err != nil {
		return Shape{}, err
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: in.Width * e.Out}, nil
}

// Parameters describes weight.
func (e Embedding) Parameters(Shape) []ParameterSpec {
	return []ParameterSpec{{Name: "weight", Shape: []int{e.IDs, e.Out}, Init: standardNormal}}
}

// standardNormal draws from N(0, 1).
func standardNormal(dst []float64, rng *rand.Rand) {
	for i := range dst {
		dst[i] = rng.NormFloat64()
	}
}

// Build allocates the output.
func (e Embedding) Build(b *Builder, in Shape) Module {
	m := &embedding{backend: b.Backend(), ids: b.TakeIDs(e.IDs), y: b.New(in.Rows()*in.Width, e.Out)}
	m.weight, m.weightGrad = b.Parameter(0)
	return m
}

type embedding struct {
	backend            backend.Backend
	ids                *backend.Ints
	weight, weightGrad backend.Tensor
	y                  backend.Tensor // a row for each id of the largest input
}

func (m *embedding) Forward(_ backend.Tensor, in Shape, _ Mode) backend.Tensor {
	y := m.y.Slice(0, m.ids.N)
	m.backend.GatherRows(y, m.weight, *m.ids)
	return y.Reshape(in.Rows(), in.Width*y.Cols)
}

func (m *embedding) Backward(dy backend.Tensor) backend.Tensor {
	m.backend.ScatterAddRows(m.weightGrad, dy.Reshape(m.ids.N, m.y.Cols), *m.ids)
	return backend.Tensor{}
}

// TakeIDs makes the network one that takes ids from 0 to count−1 in place of numbers:
// Forward gets an absent x, and finds the ids of the batch where the result points to.
// They are in the order of the rows of the input, Width of them in each. Only the first
// stage can take ids, and only in a network without Options.InputGrad.
func (b *Builder) TakeIDs(count int) *backend.Ints {
	n := b.network
	b.checkTakesIDs()
	if n.idCount == 0 || count < n.idCount {
		n.idCount = count
	}
	return &n.ids
}

// checkTakesIDs fails unless the stage may take ids.
func (b *Builder) checkTakesIDs() {
	switch {
	case !b.first:
		b.Fail(errors.New("it takes ids, which only the first stage gets"))
	case b.network.options.InputGrad:
		b.Fail(errors.New("it takes ids, which have no gradient: leave out Options.InputGrad"))
	}
}

// IDs returns how many different ids the network takes, which are then 0 to IDs−1. It
// is 0 for a network that takes numbers.
func (n *Network) IDs() int { return n.idCount }

// ForwardIDs is Forward for a network that takes ids: Width of them for each of the
// steps·batch rows, time-major. An id beyond those of the network is an error that
// sticks to the backend.
func (n *Network) ForwardIDs(ids backend.Ints, steps int, mode Mode) backend.Tensor {
	n.enter("ForwardIDs")
	defer n.use.Leave()
	if n.idCount == 0 {
		panic("model: ForwardIDs: the network takes numbers, not ids: call Forward")
	}
	n.checkSteps("ForwardIDs", steps)
	row := steps * n.input.Width
	if ids.N%row != 0 || ids.N/row > n.input.Batch {
		panic(fmt.Sprintf("model: ForwardIDs: there are %d ids, want a multiple of %d up to %d", ids.N, row, row*n.input.Batch))
	}
	n.ids = ids
	return n.forward(backend.Tensor{}, Shape{Steps: steps, Batch: ids.N / row, Width: n.input.Width}, mode)
}
