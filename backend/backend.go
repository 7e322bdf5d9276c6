// Package backend is the contract between the training code and the machine
// that computes: some three dozen operations on row-major float32 matrices that
// live in the machine's own memory.
//
// # Rules that hold for every operation
//
//   - Order. Operations are queued and run in the order of the calls. They
//     return nothing. The first device error sticks, wrapped with the
//     operation's name: later operations do nothing, and Err, Sync and Download
//     report it (as bufio.Writer does).
//   - Misuse. A mistake of the caller (a wrong shape, a foreign or freed
//     tensor, illegal aliasing) panics with a text such as
//     "backend: Gemm: a is 3x4, b is 5x6". The checks are the Check functions
//     of this package; every backend calls them first, so that the panics are
//     the same on all, nothing is written, and the backend goes on.
//   - Aliasing. Elementwise operations, marked "dst may be x", allow dst to
//     be exactly an input; partial overlap panics. All others forbid any
//     overlap of an output with another operand. Inputs may share memory.
//   - dst is overwritten unless its doc says otherwise: what it held before,
//     NaN included, has no influence.
//   - Numbers. Storage and arithmetic are float32 (float64 on the reference
//     backend). Scalar arguments are float64 and are rounded once, by the
//     backend. NaN and Inf propagate as IEEE 754 says, except that Gemm may
//     skip products with a zero factor, as BLAS does. Subnormal numbers count:
//     no operand and no result is flushed to zero. The sign of a zero is not
//     specified. An intermediate result may overflow or underflow as float32
//     does, unless the operation's doc says otherwise.
//   - Determinism. The same calls on the same data give the same bits, run
//     after run on one backend: reductions have a fixed order. Where operands lie
//     in their allocations may decide about the last bits.
//   - Empty operands (zero rows or columns) are legal everywhere.
//   - A Backend is not safe for concurrent use and not tied to a goroutine.
//
// # Where to read on
//
//   - What every backend has: [Memory], [Elementwise], [Activation], [Linear],
//     [Loss], [Update] and [LSTM1997], which together are a [Backend].
//   - What it works on: [Tensor] and [Ints], windows on a [Buffer].
//   - Layers over whole sequences, for any backend: [LSTMForward] and
//     [LSTMBackward], [RNNForward], [GRUForward], [LSTM1997Forward], with the
//     equations beside their arguments ([LSTMArgs] and so on).
//   - What a backend may fuse, each an interface that these functions look for:
//     [LSTMCeller], [LSTMPeepGrader], [LSTMSequencer], [RNNCeller],
//     [RNNSequencer], [GRUCeller], [GRUSequencer], [LSTM1997Sequencer]. The functions whose names
//     begin with Composed are the loops for a backend that lacks them. [Clip] looks for
//     a [ClipFactorer].
//   - What it may offer besides: [Replayer], [Pairer] and [Timer], found by [Replay],
//     [Pair] and [Time].
//   - The Check functions are for backends alone. There is one for each operation,
//     of the same name: [CheckGemm] for Gemm. Operations of one shape rule share
//     theirs: [CheckMap] (one input), [CheckZip] (two), [CheckGrad] (of an
//     activation), [CheckRow] and [CheckCol] (a matrix and a vector).
//
// Package gputrain/backend/reference defines each operation by an obvious
// loop. Package gputrain/backend/backendtest checks any backend against it.
package backend

import "errors"

// Backend is a device with its memory and operations. Layers over whole
// sequences, which a backend may have in fused form, are the functions of
// this package (LSTMForward, RNNForward, ...), not methods.
type Backend interface {
	Memory
	Elementwise
	Activation
	Linear
	Loss
	Update
	LSTM1997

	// Name names the backend and device, such as "cpu" or "cuda:0".
	Name() string

	// Sync waits until all queued operations have run and returns the sticky
	// error.
	Sync() error

	// Err returns the sticky error without waiting.
	Err() error

	// Close waits, frees every allocation that is left and releases the
	// device. It returns the sticky error. Afterwards all tensors are freed, so any
	// use of them, Free included, panics. New and NewInts then return ErrClosed; Err, Sync and a
	// second Close still return the sticky error.
	Close() error
}

// Memory allocates and moves data.
type Memory interface {
	// New returns a zeroed [rows, cols] tensor in an allocation of its own, an
	// empty one too. Running out of memory is an error that wraps ErrOutOfMemory; it does not
	// stick. Negative sizes panic.
	New(rows, cols int) (Tensor, error)

	// NewInts is New for n integers.
	NewInts(n int) (Ints, error)

	// Free releases the allocation, and with it every window on it: any later
	// use of one panics. What is queued may still use it. Free works after an
	// error as before it.
	Free(buf Buffer)

	// Upload copies src, row-major, to dst. len(src) must be dst.Size(). src
	// may be reused as soon as Upload returns.
	Upload(dst Tensor, src []float32)

	// UploadInts is Upload for integers.
	UploadInts(dst Ints, src []int32)

	// Download waits for src and copies it to dst, row-major. len(dst) must be
	// src.Size(). It returns the sticky error; dst is then unspecified.
	Download(dst []float32, src Tensor) error

	// DownloadInts is Download for integers.
	DownloadInts(dst []int32, src Ints) error
}

var (
	// ErrOutOfMemory is wrapped by the error of New when memory is short.
	ErrOutOfMemory = errors.New("out of memory")

	// ErrClosed is wrapped by the error of New after Close.
	ErrClosed = errors.New("backend is closed")
)
