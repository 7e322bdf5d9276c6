// Package cpu is the backend for any CPU: float32 with its vector instructions,
// spread over a fixed set of goroutines.
//
// Results have the same bits run after run and for any number of workers: the
// parts that an operation is cut into never change the order of a sum. No
// operation allocates.
package cpu

import (
	"fmt"
	"runtime"
	"slices"

	"gonum.org/v1/gonum/blas"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// Options are the settings of Open. The zero value is a good one.
type Options struct {
	// Workers is the number of goroutines that compute, the caller's included.
	// 0 means GOMAXPROCS.
	Workers int

	// MemoryLimit is the number of bytes that all tensors may take together. 0
	// means what this process may still take when the backend is opened: the
	// machine, a control group, ulimit or GOMEMLIMIT sets the limit. With a higher
	// one, the system ends the process where New would return an error.
	MemoryLimit int64

	// Level names the instruction set to compute with, one of Levels. "" means the
	// best.
	Level string

	// Math names how matrix products are computed, one of Maths. "" means float32. The
	// others are for CPUs with AMX. They sum products of the bfloat16 parts of numbers:
	// bf16x6 is as accurate as float32. bf16x3 is off by up to 2⁻¹⁵ of each product,
	// bf16 by up to 2⁻⁷. NaN, infinities and what lies near the limits of float32 are
	// computed in float32, element by element of the result.
	Math string

	// BLAS computes the blocks of matrix products, on all workers at once. nil
	// means the kernels of this package. It must neither allocate nor depend, in
	// its bits, on the number of rows or columns of a product. It leaves no choice of
	// Math.
	BLAS blas.Float32Level3
}

// Levels returns the names of the instruction sets that this machine executes: first
// "generic", which is Go, last the best.
func Levels() []string {
	var names []string
	for _, level := range simd.Levels() {
		names = append(names, level.String())
	}
	return names
}

// levelOf returns the level of that name, the best of "".
func levelOf(name string) (simd.Level, error) {
	if name == "" {
		return simd.Best(), nil
	}
	level, err := simd.ParseLevel(name)
	if err == nil && !slices.Contains(simd.Levels(), level) {
		err = fmt.Errorf("this machine lacks the instruction set %q: it has %q", name, Levels())
	}
	return level, err
}

// Maths returns the names of the ways to compute matrix products, first "float32".
func Maths() []string { return simd.Maths() }

// CheckMath returns why this machine can't compute matrix products in that way, or nil.
func CheckMath(name string) error {
	_, err := kernelsOf(Options{Math: name}, simd.Best())
	return err
}

// MathError returns by how much a product of two numbers may be off in a math, relative to
// it, beyond what float32 is.
func MathError(name string) float64 {
	return map[string]float64{"bf16x3": 0x1p-15 + 0x1p-23, "bf16": 0x1p-7 + 0x1p-16}[name]
}

// kernelsOf returns the kernels for matrix products that o asks for.
func kernelsOf(o Options, level simd.Level) (kernels, error) {
	if o.Math == "" || o.Math == simd.Float32.String() {
		return level, nil
	}
	math, err := simd.ParseMath(o.Math)
	switch {
	case err != nil:
		return nil, err
	case o.BLAS != nil:
		return nil, fmt.Errorf("it is %q, but BLAS computes the products", o.Math)
	}
	return simd.NewTiles(level, math)
}

// Backend computes in float32 on the CPU. A call returns when its operation is
// done.
type Backend struct {
	memory
	pool *pool
	multiplier
	vector *simd.Vector
	err    error

	loop loop
	jobs jobs
}

// jobs holds the operation in progress, in a field of its own type. A job is
// passed as an interface, which would allocate it otherwise.
type jobs struct {
	elementwise     elementwise
	rowwise         rowwise
	dropout         dropout
	mulCol          mulCol
	copyCols        copyCols
	layerNorm       layerNorm
	layerNormGrad   layerNormGrad
	sumRows         sumRows
	gatherRows      gatherRows
	scatterRows     scatterRows
	argMaxRows      argMaxRows
	product         product
	crossEntropy    crossEntropy
	squaredError    squaredError
	sumSquares      sumSquares
	sgd             sgd
	rmsProp         rmsProp
	adam            adam
	sequence        sequence
	step            step
	lstmCell        lstmCell
	lstmCellGrad    lstmCellGrad
	lstmForward     lstmForward
	lstmBackward    lstmBackward
	peepholes       peepholes
	lstm1997Cell    lstm1997Cell
	lstm1997Grad    lstm1997CellGrad
	rnnCellGrad     rnnCellGrad
	rnnForward      rnnForward
	rnnBackward     rnnBackward
	gruCell         gruCell
	gruCellGrad     gruCellGrad
	gruForward      gruForward
	gruBackward     gruBackward
	lstm1997Forward lstm1997Forward
	packing         packing
	weightGrads     weightGrads
}

var (
	_ backend.Backend       = (*Backend)(nil)
	_ backend.LSTMCeller    = (*Backend)(nil)
	_ backend.LSTMSequencer = (*Backend)(nil)
	_ backend.RNNCeller     = (*Backend)(nil)
	_ backend.RNNSequencer  = (*Backend)(nil)
	_ backend.GRUCeller     = (*Backend)(nil)
	_ backend.GRUSequencer  = (*Backend)(nil)

	_ backend.LSTM1997Sequencer = (*Backend)(nil)
)

// Open starts the workers and returns the backend. Close ends them.
func Open(o Options) (*Backend, error) {
	if o.Workers < 0 {
		return nil, fmt.Errorf("cpu: Open: Workers is %d, want 0 or more", o.Workers)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	level, err := levelOf(o.Level)
	if err != nil {
		return nil, fmt.Errorf("cpu: Open: Level: %w", err)
	}
	kernels, err := kernelsOf(o, level)
	if err != nil {
		return nil, fmt.Errorf("cpu: Open: Math: %w", err)
	}
	memory, err := newMemory(o.MemoryLimit)
	if err != nil {
		return nil, fmt.Errorf("cpu: Open: %w", err)
	}
	return &Backend{
		memory:     memory,
		pool:       newPool(o.Workers),
		multiplier: newMultiplier(kernels, o.BLAS, o.Workers),
		vector:     level.Vector(),
	}, nil
}

// Name returns "cpu".
func (c *Backend) Name() string { return "cpu" }

// Sync returns the sticky error. Nothing is ever queued.
func (c *Backend) Sync() error { return c.err }

// Err returns the sticky error.
func (c *Backend) Err() error { return c.err }

// Close ends the workers, frees all allocations and returns the sticky error.
func (c *Backend) Close() error {
	if !c.closed {
		c.pool.close()
		c.memory.close()
		c.jobs = jobs{}
	}
	return c.err
}

// fail makes the first error stick.
func (c *Backend) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("cpu: "+format, args...)
	}
}

// ranged is an operation over indices that are independent of each other.
type ranged interface{ run(from, to int) }

// loop is the job that runs an operation over the indices 0..n−1 in parts of
// grain.
type loop struct {
	op       ranged
	n, grain int
}

func (l *loop) part(_, index int) {
	from := index * l.grain
	l.op.run(from, min(from+l.grain, l.n))
}

// forEach runs op over 0..n−1 in parts of grain, on all workers.
func (c *Backend) forEach(op ranged, n, grain int) {
	c.loop = loop{op, n, grain}
	c.pool.run(&c.loop, ceilDiv(n, grain))
}

// Sizes of the parts of forEach, in elements. A part is about 10 µs of work, a
// few times as long as it takes to hand it to a worker.
const (
	cheapGrain  = 1 << 16 // an addition
	costlyGrain = 1 << 14 // an exponential
)

// rowGrain returns how many rows of cols elements make a part of grain
// elements.
func rowGrain(grain, cols int) int { return max(1, grain/max(1, cols)) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
