package model

import (
	"fmt"
	"math"
)

// Flow is how much of an error is left after it went back Lag time steps.
type Flow struct {
	Lag     int
	Largest float64 // max |∂s_u(T)/∂s_v(T−Lag)| over all u and v
	Norm    float64 // ‖∂s(T)/∂s(T−Lag)‖∞, the largest sum of magnitudes over v
}

// ErrorFlow measures the error flow of a Stateful layer, for lags from 0 to the
// number of time steps of x. The flow is the derivative of the state s after the
// last step by s at the steps before (Hochreiter 1991; Hochreiter, Schmidhuber
// 1997, section 3.1). x is one sequence, [steps, Width]; state is a name from
// Network.States such as "rnn.h_l0" or "lstm.c_l0". For a simple recurrent layer,
// y = f(z), this is the same product of Lag factors f'·W as ∂ϑ_v(T−Lag)/∂ϑ_u(T),
// one time step later.
//
// A state with a gradient is measured by backpropagation, over all paths. Where the
// learning rule cuts the error off, as for s of LSTM1997, the state is measured by
// differences over the path that is left: from s(t−1) to s(t), with all other
// states held constant.
//
// All recurrent layers must be Stateful and go forward in time, and none may use
// TeacherForcing. The network must be built for a batch of as many sequences as s
// has elements. To measure by differences it takes twice as many. Afterwards all
// states and gradients are zero, and the sequences of a Ragged network are whole.
//
// ErrorFlow returns an error if the network does not meet these conditions or has no
// such state, if memory runs out, or if the device fails. It panics if x is empty or
// not a multiple of the network's width.
func ErrorFlow(net *Network, x []float32, state string) ([]Flow, error) {
	if width := net.input.Width; len(x) == 0 || len(x)%width != 0 {
		panic(fmt.Sprintf("model: ErrorFlow: x has %d elements, want a multiple of %d", len(x), width))
	}
	p, err := newProbe(net, x, state)
	if err != nil {
		return nil, fmt.Errorf("model: error flow: %w", err)
	}
	defer p.free()
	flow, err := p.measure()
	if err != nil {
		return nil, fmt.Errorf("model: error flow: %w", err)
	}
	return flow, nil
}

// ErrorBound returns an upper bound of Flow.Largest, n·(slope·‖W‖∞)^lag, for a net
// of n units with recurrent weights W, [n, n], and with f' of at most slope
// (Hochreiter, Schmidhuber 1997, section 3.1).
func ErrorBound(weights []float64, slope float64, lag int) float64 {
	n := int(math.Sqrt(float64(len(weights))))
	if n*n != len(weights) {
		panic(fmt.Sprintf("model: ErrorBound: %d weights do not make a square matrix", len(weights)))
	}
	return float64(n) * math.Pow(slope*rowSum(weights, n), float64(lag))
}

// rowSum returns the largest sum of magnitudes over a row of x, [rows, cols].
func rowSum(x []float64, cols int) float64 {
	largest := 0.0
	for from := 0; from < len(x); from += cols {
		sum := 0.0
		for _, v := range x[from : from+cols] {
			sum += math.Abs(v)
		}
		largest = max(largest, sum)
	}
	return largest
}
