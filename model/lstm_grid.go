package model

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// GridLSTM is a two-dimensional Grid LSTM (Kalchbrenner, Danihelka, Graves 2015)
// over time and depth, trained by full backpropagation. A block of the grid, at
// time step t and layer l, gets a hidden vector h and a memory m along each
// dimension. It computes one step of an LSTM per dimension from the hidden vectors
// of both, and passes the results on along the dimensions:
//
//	(h¹_{t,l}, m¹_{t,l}) = LSTM¹_l([h¹_{t−1,l}, h²_{t,l−1}], m¹_{t−1,l})      time
//	(h²_{t,l}, m²_{t,l}) = LSTM²_l([h¹_{t−1,l}, h²_{t,l−1}], m²_{t,l−1})      depth
//
// So the depth has memories and gates like time; a stack of LSTMs does not. The
// input enters below the first layer, through a projection to both vectors of the
// depth. The output is h² at the top:
//
//	h²_{t,−1} = weight_h·x_t + bias_h      m²_{t,−1} = weight_m·x_t + bias_m      y_t = h²_{t,L−1}
//
// The LSTM is the one of backend.LSTMArgs, with h = o ⊙ tanh(m); the paper writes
// h = tanh(o ⊙ m).
//
// The parameters are weight_h, weight_m [Hidden, Width] and bias_h, bias_m
// [Hidden], drawn from U(±1/√Width). Each layer and dimension adds the weights from
// h² and from h¹, with rows in the order i, f, g, o, drawn from U(±1/√Hidden):
// weight_ih_time_l0, weight_hh_time_l0, weight_ih_depth_l0, weight_hh_depth_l0
// [4·Hidden, Hidden], bias_time_l0, bias_depth_l0 [4·Hidden].
type GridLSTM struct {
	Hidden   int
	Layers   int  // 0 means 1
	Stateful bool // the caller sets h¹_{−1} and m¹_{−1} through Network.States; else they are zero
}

func (g GridLSTM) layers() int { return cmp.Or(g.Layers, 1) }

// Output returns in with width g.Hidden.
func (g GridLSTM) Output(in Shape) (Shape, error) {
	if err := checkSize("Hidden", g.Hidden, maxSize); err != nil {
		return Shape{}, err
	}
	if err := checkSize("Layers", g.layers(), maxLayers); err != nil {
		return Shape{}, err
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: g.Hidden}, nil
}

// OutputRange returns −1 and 1.
func (g GridLSTM) OutputRange(_, _ float64) (float64, float64) { return -1, 1 }

// Path returns backend.LSTMPath.
func (GridLSTM) Path(b backend.Backend) string { return backend.LSTMPath(b) }

// Parameters describes the projection, then the parameters of all layers.
func (g GridLSTM) Parameters(in Shape) []ParameterSpec {
	var params []ParameterSpec
	add := func(draw func([]float64, *rand.Rand), name string, shape ...int) {
		params = append(params, ParameterSpec{Name: name, Shape: shape, Init: draw})
	}
	project, draw := uniform(in.Width), uniform(g.Hidden)
	for _, vector := range []string{"h", "m"} {
		add(project, "weight_"+vector, g.Hidden, in.Width)
		add(project, "bias_"+vector, g.Hidden)
	}
	for layer := range g.layers() {
		for _, dimension := range []string{"time", "depth"} {
			name := fmt.Sprintf("%s_l%d", dimension, layer)
			add(draw, "weight_ih_"+name, 4*g.Hidden, g.Hidden)
			add(draw, "weight_hh_"+name, 4*g.Hidden, g.Hidden)
			add(draw, "bias_"+name, 4*g.Hidden)
		}
	}
	return params
}

// Build allocates the vectors and gates of the whole grid and what Backward
// needs. All layers share the scratch.
func (g GridLSTM) Build(b *Builder, in Shape) Module {
	rows, layers := in.Rows(), g.layers()
	m := &gridLSTM{backend: b.Backend(), memory: b.New((layers+1)*rows, g.Hidden)}
	next := 0
	take := func(value, grad *backend.Tensor) {
		*value, *grad = b.Parameter(next)
		next++
	}
	m.toHidden = &dense{backend: b.Backend(), y: b.New(rows, g.Hidden)}
	m.toMemory = &dense{backend: b.Backend(), y: m.memory}
	for _, d := range []*dense{m.toHidden, m.toMemory} {
		take(&d.weight, &d.weightGrad)
		take(&d.bias, &d.biasGrad)
		d.overwriter = b.overwriter(d.weightGrad, d.biasGrad)
		if b.InputGrad() {
			d.dx = b.New(rows, in.Width)
		}
	}

	time := backend.LSTMDims{Steps: in.Steps, Batch: in.Batch, Input: g.Hidden, Hidden: g.Hidden}
	depth := backend.LSTMDims{Steps: 1, Batch: rows, Input: g.Hidden, Hidden: g.Hidden}
	scratch := b.New(1, max(backend.LSTMScratch(b.Backend(), time), backend.LSTMScratch(b.Backend(), depth)))
	dBefore, dx := b.New(rows+in.Batch, g.Hidden), b.New(rows, g.Hidden)
	// A layer reads only the gradients that the layer above it wrote, so two pairs
	// are enough.
	var dHidden, dMemory [2]backend.Tensor
	for i := range min(layers, 2) {
		dHidden[i], dMemory[i] = b.New(rows, g.Hidden), b.New(rows, g.Hidden)
	}
	for i := range layers {
		layer := &gridLayer{
			backend:     b.Backend(),
			hidden:      newHistory(b, in, g.Hidden, g.Stateful),
			memory:      newHistory(b, in, g.Hidden, g.Stateful),
			depthHidden: b.New(2*rows, g.Hidden),
			timeGates:   b.New(rows, 4*g.Hidden),
			depthGates:  b.New(rows, 4*g.Hidden),
			dHidden:     dHidden[i%2],
			dMemory:     dMemory[i%2],
			dBefore:     dBefore,
			dx:          dx,
		}
		var grads []backend.Tensor
		for _, a := range []*backend.LSTMGradArgs{&layer.time, &layer.depth} {
			take(&a.WIH, &a.DWIH)
			take(&a.WHH, &a.DWHH)
			take(&a.BIH, &a.DBIH)
			a.Scratch = scratch
			grads = append(grads, a.DWIH, a.DWHH, a.DBIH)
		}
		layer.overwriter = b.overwriter(grads...)
		m.layers = append(m.layers, layer)
	}
	return m
}

// gridLSTM is the Module of GridLSTM.
type gridLSTM struct {
	backend            backend.Backend
	toHidden, toMemory *dense         // the projection of the input
	memory             backend.Tensor // [(Layers+1)·rows, Hidden]: m² below each layer and at the top
	layers             []*gridLayer
}

func (m *gridLSTM) Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	h, rows := m.toHidden.Forward(x, in, mode), x.Rows
	m.toMemory.Forward(x, in, mode)
	for i, layer := range m.layers {
		h = layer.forward(h, m.memory.Slice(i*rows, (i+2)*rows), in)
	}
	return h
}

func (m *gridLSTM) Backward(dy backend.Tensor) backend.Tensor {
	dHidden, dMemory := dy, backend.Tensor{} // nothing reads m² at the top
	for i := len(m.layers) - 1; i >= 0; i-- {
		dHidden, dMemory = m.layers[i].backward(dHidden, dMemory)
	}
	dx, viaMemory := m.toHidden.Backward(dHidden), m.toMemory.Backward(dMemory)
	if dx.Present() {
		m.backend.Add(dx, dx, viaMemory)
	}
	return dx
}

// States returns h¹ and m¹ of all layers.
func (m *gridLSTM) States(steps, batch int) []State {
	var states []State
	for i, layer := range m.layers {
		h, c := layer.hidden.cut(steps, batch), layer.memory.cut(steps, batch)
		states = append(states, h.state(fmt.Sprintf("h_l%d", i), batch)...)
		states = append(states, c.state(fmt.Sprintf("m_l%d", i), batch)...)
	}
	return states
}

// gridLayer is a row of blocks along time. Its tensors have the size of the largest
// input.
type gridLayer struct {
	*overwriter
	backend               backend.Backend
	hidden, memory        history        // h¹, m¹
	depthHidden           backend.Tensor // [2·rows, Hidden]: h¹_{t−1} of all steps, then h² of all steps
	timeGates, depthGates backend.Tensor
	dHidden, dMemory      backend.Tensor // gradients of h², m² below
	dBefore               backend.Tensor // [rows+Batch, Hidden]: gradient of h¹, from h¹_{−1} on, through the depth
	dx                    backend.Tensor // gradient of h² below, through the time

	time, depth backend.LSTMGradArgs // of the last pass
}

// forward computes h², [rows, Hidden], from h² below. memory holds m² below, which
// is read, and m² above, which is written.
func (l *gridLayer) forward(below, memory backend.Tensor, in Shape) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h, m := l.hidden.cut(in.Steps, n), l.memory.cut(in.Steps, n)
	h.start(l.backend, n)
	m.start(l.backend, n)
	t := &l.time
	t.Batch, t.X, t.H, t.C = n, below, h.values, m.values
	t.DH0, t.DHLast = h.initialGrad, h.lastGrad
	t.DC0, t.DCLast = m.initialGrad, m.lastGrad
	t.Gates = l.timeGates.Slice(0, rows)
	t.DZ = t.Gates // nothing needs the gates afterwards
	backend.LSTMForward(l.backend, t.LSTMArgs)

	// Once h¹ of all steps is known, the depth is a single step for a batch of all
	// time steps.
	d := &l.depth
	d.Batch, d.X, d.H, d.C = rows, below, l.depthHidden.Slice(0, 2*rows), memory
	d.Gates = l.depthGates.Slice(0, rows)
	d.DZ = d.Gates
	l.backend.Copy(d.H.Slice(0, rows), h.values.Slice(0, rows))
	backend.LSTMForward(l.backend, d.LSTMArgs)
	return d.H.Slice(rows, 2*rows)
}

// backward computes the gradients of h² and m² below from those above.
// dMemory may be absent.
func (l *gridLayer) backward(dHidden, dMemory backend.Tensor) (belowHidden, belowMemory backend.Tensor) {
	n, rows := l.time.Batch, l.depth.Batch
	dBefore := l.dBefore.Slice(0, rows+n)
	overwrite := l.next()
	d := &l.depth
	d.Overwrite = overwrite
	d.DY, d.DCLast = dHidden, dMemory
	d.DX, d.DC0, d.DH0 = l.dHidden.Slice(0, rows), l.dMemory.Slice(0, rows), dBefore.Slice(0, rows)
	backend.LSTMBackward(l.backend, *d)

	t := &l.time
	t.Overwrite = overwrite
	l.backend.Fill(dBefore.Slice(rows, rows+n), 0) // no block reads h¹ of the last step
	t.DY, t.DX = dBefore.Slice(n, rows+n), l.dx.Slice(0, rows)
	backend.LSTMBackward(l.backend, *t)
	l.backend.Add(d.DX, d.DX, t.DX)
	if t.DH0.Present() {
		l.backend.Add(t.DH0, t.DH0, dBefore.Slice(0, n))
	}
	return d.DX, d.DC0
}
