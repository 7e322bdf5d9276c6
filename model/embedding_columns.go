package model

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// ColumnEmbedding gives the categories in some columns of its input vectors that are
// learned, and passes on the numbers in the others:
//
//	y = [the numbers in their order, 0.weight[id], 1.weight[id], ...]
//
// It is the first stage of a network. A category is an id, a whole number from 0 to
// IDs−1, which stands among the numbers; float32 holds each up to 2²⁴. For each batch
// the ids must also be given to Network.SetColumnIDs. The gradient of the input is not
// computed.
//
// Its parameters are those of PyTorch's ModuleList of an Embedding for each column:
// 0.weight [IDs, Out], 1.weight and so on. They are drawn from N(0, 1), but for id 0. It
// stands for categories that are unknown, and its vector begins at zero. The gradient is
// dense, as that of Embedding.
type ColumnEmbedding struct {
	Columns []EmbeddedColumn // in increasing order
}

// EmbeddedColumn is a column of ids.
type EmbeddedColumn struct {
	Column int // in the input, from 0
	IDs    int // number of ids
	Out    int // width of a vector
}

// Output returns in with a width that has Out for 1 of each column.
func (e ColumnEmbedding) Output(in Shape) (Shape, error) {
	if len(e.Columns) == 0 {
		return Shape{}, errors.New("it has no Columns: without categories, leave the stage out")
	}
	width := in.Width - len(e.Columns)
	for i, c := range e.Columns {
		if c.Column < 0 || c.Column >= in.Width || i > 0 && c.Column <= e.Columns[i-1].Column {
			return Shape{}, fmt.Errorf("entry %d of Columns is column %d; want increasing ones below the width of the input, %d", i, c.Column, in.Width)
		}
		if err := checkSize("IDs", c.IDs, maxColumnIDs); err != nil {
			return Shape{}, err
		}
		if err := checkSize("Out", c.Out, maxSize); err != nil {
			return Shape{}, err
		}
		width += c.Out
		if err := checkSize("the width of the output", width, maxSize); err != nil {
			return Shape{}, err
		}
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: width}, nil
}

// maxColumnIDs is how many whole numbers float32 holds from 0 on, without a gap.
const maxColumnIDs = 1 << 24

// Parameters describes the weight of each column.
func (e ColumnEmbedding) Parameters(Shape) []ParameterSpec {
	var params []ParameterSpec
	for i, c := range e.Columns {
		params = append(params, ParameterSpec{
			Name: fmt.Sprintf("%d.weight", i), Shape: []int{c.IDs, c.Out},
			Init: func(dst []float64, rng *rand.Rand) {
				standardNormal(dst, rng)
				clear(dst[:c.Out])
			},
		})
	}
	return params
}

// Build allocates the output, and the vectors of each column.
func (e ColumnEmbedding) Build(b *Builder, in Shape) Module {
	out, err := e.Output(in)
	if err != nil {
		b.Fail(err)
		return nil
	}
	m := &columnEmbedding{backend: b.Backend(), y: b.New(in.Rows(), out.Width)}
	from := 0
	for i, c := range e.Columns {
		m.numbers = append(m.numbers, columnRun{from, c.Column - from})
		from = c.Column + 1
		column := embeddedColumn{ids: b.TakeColumnIDs(c.Column, c.IDs), vectors: b.New(in.Rows(), c.Out)}
		column.weight, column.weightGrad = b.Parameter(i)
		m.columns = append(m.columns, column)
	}
	m.numbers = append(m.numbers, columnRun{from, in.Width - from})
	return m
}

type columnEmbedding struct {
	backend backend.Backend
	numbers []columnRun // between the columns
	columns []embeddedColumn
	y       backend.Tensor // for the largest input
}

// columnRun is columns of numbers that stand side by side.
type columnRun struct{ first, count int }

type embeddedColumn struct {
	ids                *backend.Ints
	weight, weightGrad backend.Tensor
	vectors            backend.Tensor // of the ids, or their gradient; for the largest input
}

func (m *columnEmbedding) Forward(x backend.Tensor, _ Shape, _ Mode) backend.Tensor {
	y, to := m.y.Slice(0, x.Rows), 0
	for _, run := range m.numbers {
		m.backend.CopyCols(y, to, x, run.first, run.count)
		to += run.count
	}
	for _, c := range m.columns {
		vectors := c.vectors.Slice(0, x.Rows)
		m.backend.GatherRows(vectors, c.weight, *c.ids)
		m.backend.CopyCols(y, to, vectors, 0, vectors.Cols)
		to += vectors.Cols
	}
	return y
}

func (m *columnEmbedding) Backward(dy backend.Tensor) backend.Tensor {
	from := 0
	for _, run := range m.numbers {
		from += run.count
	}
	for _, c := range m.columns {
		vectors := c.vectors.Slice(0, dy.Rows)
		m.backend.CopyCols(vectors, 0, dy, from, vectors.Cols)
		m.backend.ScatterAddRows(c.weightGrad, vectors, *c.ids)
		from += vectors.Cols
	}
	return backend.Tensor{}
}

// columnIDs are the ids in a column of the input.
type columnIDs struct {
	column, count int
	whole, ids    backend.Ints // for the largest input, and of the batch
	host          []int32
}

// TakeColumnIDs says that a column of the input holds ids from 0 to count−1, as numbers.
// During a Forward the result points to those that Network.SetColumnIDs got. Only the
// first stage can take ids, and only in a network without Options.InputGrad.
func (b *Builder) TakeColumnIDs(column, count int) *backend.Ints {
	n := b.network
	b.checkTakesIDs()
	c := &columnIDs{column: column, count: count, whole: b.newInts(n.input.Rows())}
	if *b.err == nil { // only the backend knows whether there is so much memory
		c.host = make([]int32, n.input.Rows())
	}
	n.columnIDs = append(n.columnIDs, c)
	return &c.ids
}

// TakesColumnIDs reports whether columns of the input hold ids: see SetColumnIDs.
func (n *Network) TakesColumnIDs() bool { return n.columnIDs != nil }

// ColumnIDs returns how many ids each column of the input has, 0 for columns of numbers.
// It is nil for a network without columns of ids.
func (n *Network) ColumnIDs() []int {
	if !n.TakesColumnIDs() {
		return nil
	}
	counts := make([]int, n.input.Width)
	for _, c := range n.columnIDs {
		counts[c.column] = c.count
	}
	return counts
}

// SetColumnIDs gives the network the ids of the next batch: x is what Forward gets then,
// [steps·batch, Width], of which SetColumnIDs reads the columns of ids. It uploads and
// so must stay outside of backend.Replay. An id beyond those of its column is an error of
// the Forward, which sticks to the backend. SetColumnIDs panics if x does not fit, or if
// the network has no columns of ids.
func (n *Network) SetColumnIDs(x []float32) {
	n.enter("SetColumnIDs")
	defer n.use.Leave()
	width := n.input.Width
	rows := len(x) / width
	switch {
	case n.columnIDs == nil:
		panic("model: SetColumnIDs: no column of the input holds ids")
	case rows*width != len(x) || rows > n.input.Rows():
		panic(fmt.Sprintf("model: SetColumnIDs: x has length %d, want a multiple of %d up to %d", len(x), width, width*n.input.Rows()))
	}
	for _, c := range n.columnIDs {
		ids := c.host[:rows]
		for row := range ids {
			ids[row] = int32(x[row*width+c.column])
		}
		c.ids = c.whole.Slice(0, rows)
		n.backend.UploadInts(c.ids, ids)
	}
}

// checkColumnIDs panics unless the columns of ids are those of a batch of so many rows.
func (n *Network) checkColumnIDs(rows int) {
	if n.columnIDs != nil && n.columnIDs[0].ids.N != rows {
		panic(fmt.Sprintf("model: Forward: x has %d rows, but SetColumnIDs got %d: call it for each batch", rows, n.columnIDs[0].ids.N))
	}
}
