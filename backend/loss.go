package backend

// Loss holds the losses. The value stays on the device, in a [1,1] tensor, so
// that a training step has no hidden wait. The gradient is optional: pass the
// zero Tensor to compute the value only.
type Loss interface {
	// SoftmaxCrossEntropy computes
	//
	//	loss[0,0]    = −scale·Σ_i log softmax(logits_i)[labels[i]]
	//	dlogits[i,j] = scale·(softmax(logits_i)[j] − [j = labels[i]])
	//
	// Rows with label IgnoreLabel add nothing and have gradient 0; any other
	// label outside of 0..cols−1 is a sticky error. scale = 1/rows gives
	// the mean. dlogits may be logits; loss must not overlap anything.
	SoftmaxCrossEntropy(loss, dlogits, logits Tensor, labels Ints, scale float64)

	// SquaredError computes
	//
	//	loss[0,0] = scale·Σ_ij (y[i,j] − target[i,j])²
	//	dy[i,j]   = 2·scale·(y[i,j] − target[i,j])
	//
	// scale = 1/(rows·cols) gives the mean squared error, scale = ½ the
	// tutorial's E = ½Σe². dy may be y or target; loss must not overlap
	// anything.
	SquaredError(loss, dy, y, target Tensor, scale float64)
}

// IgnoreLabel marks a row that SoftmaxCrossEntropy leaves out.
const IgnoreLabel = -1
