package backend

import "time"

// The optional interfaces are discovered in the files fused*.go and nowhere
// else. Each function takes the widest fusion that b offers: the whole sequence,
// else a loop of Gemm and the fused cell, else a loop of plain operations.
// Whichever path runs, the numbers agree within rounding. The loops are exported
// under names of their own, Composed..., for a backend that fuses only a part.

// The paths that LSTMPath, RNNPath, GRUPath and LSTM1997Path name.
const (
	PathSequence = "whole sequence, fused"
	PathCell     = "loop over time steps, fused cell"
	PathPlain    = "loop over time steps, plain operations"
)

// Replay queues the operations that ops calls. On a backend that is a Replayer,
// operations that were queued before with the same arguments are queued again
// at once, as one, so that the host does next to nothing for each. Scalars that
// change from step to step may differ: those of the optimizers (LR, Step and so
// on), the scale of a loss, and the seed and offset of Dropout.
//
// ops must call operations only: no method of Memory, none that waits, and not
// Replay. Replay calls it any number of times, and perhaps not at all after a sticky
// error. Each time it must call the same operations.
func Replay(b Backend, ops func()) {
	if r, ok := b.(Replayer); ok {
		r.Replay(ops)
		return
	}
	ops()
}

// Pair queues the operations that first calls and those that second calls. Neither may read
// or write what the other writes. On a backend that is a Pairer they may run at the same
// time; otherwise second comes after first. The results are the same, bit for bit. The
// operations of each stay in their order.
//
// first and second must call operations only: no method of Memory and none that waits. They
// may call Pair, and Replay may call Pair.
func Pair(b Backend, first, second func()) {
	if p, ok := b.(Pairer); ok {
		p.Pair(first, second)
		return
	}
	first()
	second()
}

// Time returns how long b takes for the operations that ops calls, once all
// that was queued before is done. It waits, and returns the sticky error, also one
// that ops caused. ops may call Replay. A Timer measures with the clock of the device.
// Otherwise the clock is the host's, and the time of the host counts too.
func Time(b Backend, ops func()) (time.Duration, error) {
	if t, ok := b.(Timer); ok {
		return t.Time(ops)
	}
	if err := b.Sync(); err != nil {
		return 0, err
	}
	began := time.Now()
	ops()
	err := b.Sync()
	return time.Since(began), err
}

// inputGrads computes, from the gradient dz of the pre-activations of all
// steps, one product each: the gradients of input, weights and bias. beta is the factor
// of what is there of the latter two.
func inputGrads(b Backend, dz, x, wih, dx, dwih, dbih Tensor, beta float64) {
	if dx.Present() {
		b.Gemm(dx, NoTrans, NoTrans, 1, dz, wih, 0)
	}
	b.Gemm(dwih, Trans, NoTrans, 1, dz, x, beta)
	if dbih.Present() {
		b.SumRows(dbih, dz, beta)
	}
}

// recurrentGrads is inputGrads for the input from the step before.
func recurrentGrads(b Backend, dz, hPrev, dwhh, dbhh Tensor, beta float64) {
	b.Gemm(dwhh, Trans, NoTrans, 1, dz, hPrev, beta)
	if dbhh.Present() {
		b.SumRows(dbhh, dz, beta)
	}
}

// beta returns the factor of a gradient that is there before.
func beta(overwrite bool) float64 {
	if overwrite {
		return 0
	}
	return 1
}

func addBias(b Backend, z, bih, bhh Tensor) {
	if bih.Present() {
		b.AddRow(z, z, bih)
	}
	if bhh.Present() {
		b.AddRow(z, z, bhh)
	}
}

func copyOrZero(b Backend, dst, x Tensor) {
	if x.Present() {
		b.Copy(dst, x)
	} else {
		b.Fill(dst, 0)
	}
}
