package simd

import "fmt"

// Vector has the functions over slices of float32 at one level. Slices of a call
// have the same length, unless it is said otherwise. The result of an elementwise
// function may be an operand, but not overlap a part of one; other results may be no
// operand unless it is said.
//
// An element of a result has the same bits at any place in a slice, and on AVX2 and
// AVX-512. Errors are in units of the last place (ulp) of the exact result, the
// largest over all 2³² arguments, as
//
//	go test ./cpu/internal/simd -run Accura -all
//
// finds them.
type Vector struct {
	exp, log, sigmoid, tanh, relu                          func(y, x []float32)
	add, sub, mul, addMul, sigmoidGrad, tanhGrad, reluGrad func(dst, x, y []float32)
	addRows                                                func(dst, x []float32, stride int)
	scale, addScaled                                       func(dst []float32, alpha float32, x []float32)

	scaleAdd      func(dst []float32, alpha, beta float32, x []float32)
	softmaxGrad   func(dx, y, dy []float32, sum float32)
	normalize     func(y, x []float32, mean, scale float64)
	normalizeGrad func(dx, y, dy []float32, scale, mean, product float32)

	lstmCell                     func(gates, before, cell, hidden []float32)
	lstmCellPeep                 func(gates, before, cell, hidden, peep []float32)
	lstmCellGrad                 func(gates, before, cell, dy, dh, dc, dz []float32)
	lstmCellGradPeep             func(gates, before, cell, dy, dh, dc, dz, peep []float32)
	gruCell                      func(gates, recurrent, before, hidden []float32)
	gruCellGrad                  func(gates, recurrent, before, dy, dh, dv, du []float32)
	rnnCellGrad, rnnCellGradReLU func(dz, hidden, dy, dh []float32)

	sgd                      func(param, grad []float32, rate, decay float32)
	sgdMomentum, sgdNesterov func(param, grad, velocity []float32, rate, momentum, decay float32)
	rmsProp                  func(param, grad, square []float32, rate, keep, renew, epsilon, decay float32)
	rmsPropMomentum          func(param, grad, square, velocity []float32, rate, keep, renew, epsilon, decay, momentum float32)
	adam                     func(param, grad, mean, square []float32, rate, keepMean, newMean, keepSquare, newSquare, correct, epsilon, decay, shrink float32)

	largest              func(x []float32) float32
	sum                  func(x []float32) float64
	sumSquares           func(x []float32, mean float64) float64
	dot, squaredDistance func(x, y []float32) float64
	sumExp               func(x []float32, shift float32) float64
	expSum               func(y, x []float32, shift float32) float64
}

// Exp sets y[i] = exp(x[i]). Its error is at most 1.08 ulp.
func (v *Vector) Exp(y, x []float32) {
	equalLengths(len(y), x)
	v.exp(y, x)
}

// Log sets y[i] = log(x[i]). Its error is at most 0.9 ulp.
func (v *Vector) Log(y, x []float32) {
	equalLengths(len(y), x)
	v.log(y, x)
}

// Sigmoid sets y[i] = 1/(1+exp(−x[i])). Its error is at most 2.41 ulp.
func (v *Vector) Sigmoid(y, x []float32) {
	equalLengths(len(y), x)
	v.sigmoid(y, x)
}

// Tanh sets y[i] = tanh(x[i]). Its error is at most 2.61 ulp.
func (v *Vector) Tanh(y, x []float32) {
	equalLengths(len(y), x)
	v.tanh(y, x)
}

// ReLU sets y[i] = max(x[i], 0), NaN for NaN.
func (v *Vector) ReLU(y, x []float32) {
	equalLengths(len(y), x)
	v.relu(y, x)
}

// Add sets dst[i] = x[i] + y[i].
func (v *Vector) Add(dst, x, y []float32) {
	equalLengths(len(dst), x, y)
	v.add(dst, x, y)
}

// Sub sets dst[i] = x[i] − y[i].
func (v *Vector) Sub(dst, x, y []float32) {
	equalLengths(len(dst), x, y)
	v.sub(dst, x, y)
}

// Mul sets dst[i] = x[i]·y[i].
func (v *Vector) Mul(dst, x, y []float32) {
	equalLengths(len(dst), x, y)
	v.mul(dst, x, y)
}

// AddMul adds x[i]·y[i] to dst[i].
func (v *Vector) AddMul(dst, x, y []float32) {
	equalLengths(len(dst), x, y)
	v.addMul(dst, x, y)
}

// AddRows adds four rows of x to dst, one after the other. The second one begins at
// x[stride], and so on. The fourth one ends where x does.
func (v *Vector) AddRows(dst, x []float32, stride int) {
	if stride < 0 || len(x) != 3*stride+len(dst) {
		panic(fmt.Sprintf("simd: a slice of %d elements, want 4 rows of %d, %d apart", len(x), len(dst), stride))
	}
	v.addRows(dst, x, stride)
}

// Scale sets dst[i] = alpha·x[i].
func (v *Vector) Scale(dst []float32, alpha float32, x []float32) {
	equalLengths(len(dst), x)
	v.scale(dst, alpha, x)
}

// AddScaled adds alpha·x[i] to dst[i].
func (v *Vector) AddScaled(dst []float32, alpha float32, x []float32) {
	equalLengths(len(dst), x)
	v.addScaled(dst, alpha, x)
}

// ScaleAdd sets dst[i] = alpha·dst[i] + beta·x[i].
func (v *Vector) ScaleAdd(dst []float32, alpha, beta float32, x []float32) {
	equalLengths(len(dst), x)
	v.scaleAdd(dst, alpha, beta, x)
}

// SigmoidGrad sets dx[i] = dy[i]·y[i]·(1−y[i]).
func (v *Vector) SigmoidGrad(dx, y, dy []float32) {
	equalLengths(len(dx), y, dy)
	v.sigmoidGrad(dx, y, dy)
}

// TanhGrad sets dx[i] = dy[i]·(1−y[i]²).
func (v *Vector) TanhGrad(dx, y, dy []float32) {
	equalLengths(len(dx), y, dy)
	v.tanhGrad(dx, y, dy)
}

// ReLUGrad sets dx[i] = dy[i] where y[i] > 0, else 0.
func (v *Vector) ReLUGrad(dx, y, dy []float32) {
	equalLengths(len(dx), y, dy)
	v.reluGrad(dx, y, dy)
}

// SoftmaxGrad sets dx[i] = y[i]·(dy[i]−sum).
func (v *Vector) SoftmaxGrad(dx, y, dy []float32, sum float32) {
	equalLengths(len(dx), y, dy)
	v.softmaxGrad(dx, y, dy, sum)
}

// Normalize sets y[i] = (x[i]−mean)·scale, rounded once.
func (v *Vector) Normalize(y, x []float32, mean, scale float64) {
	equalLengths(len(y), x)
	v.normalize(y, x, mean, scale)
}

// NormalizeGrad sets dx[i] = scale·(dy[i]−mean−y[i]·product).
func (v *Vector) NormalizeGrad(dx, y, dy []float32, scale, mean, product float32) {
	equalLengths(len(dx), y, dy)
	v.normalizeGrad(dx, y, dy, scale, mean, product)
}

// LSTMCell is backend.LSTMCell for one row: gates, 4 times as long as the others,
// holds z and then i, f, g, o. peep has 3 rows, or is nil.
func (v *Vector) LSTMCell(gates, before, cell, hidden, peep []float32) {
	n := len(hidden)
	equalLengths(n, before, cell)
	equalLengths(4*n, gates)
	if peep == nil {
		v.lstmCell(gates, before, cell, hidden)
		return
	}
	equalLengths(3*n, peep)
	v.lstmCellPeep(gates, before, cell, hidden, peep)
}

// LSTMCellGrad is backend.LSTMCellGrad for one row. gates and dz, which may be the
// same, are 4 times as long as the others. peep has 3 rows, or is nil.
func (v *Vector) LSTMCellGrad(gates, before, cell, dy, dh, dc, dz, peep []float32) {
	n := len(cell)
	equalLengths(n, before, dy, dh, dc)
	equalLengths(4*n, gates, dz)
	if peep == nil {
		v.lstmCellGrad(gates, before, cell, dy, dh, dc, dz)
		return
	}
	equalLengths(3*n, peep)
	v.lstmCellGradPeep(gates, before, cell, dy, dh, dc, dz, peep)
}

// GRUCell is backend.GRUCell for one row. gates and recurrent are 3 times as long
// as the others.
func (v *Vector) GRUCell(gates, recurrent, before, hidden []float32) {
	n := len(hidden)
	equalLengths(n, before)
	equalLengths(3*n, gates, recurrent)
	v.gruCell(gates, recurrent, before, hidden)
}

// GRUCellGrad is backend.GRUCellGrad for one row. gates, recurrent, dv and du are 3
// times as long as the others. dv may be gates, and du recurrent.
func (v *Vector) GRUCellGrad(gates, recurrent, before, dy, dh, dv, du []float32) {
	n := len(dh)
	equalLengths(n, before, dy)
	equalLengths(3*n, gates, recurrent, dv, du)
	v.gruCellGrad(gates, recurrent, before, dy, dh, dv, du)
}

// RNNCellGrad sets dz[i] = (dy[i]+dh[i])·(1−hidden[i]²).
func (v *Vector) RNNCellGrad(dz, hidden, dy, dh []float32) {
	equalLengths(len(dz), hidden, dy, dh)
	v.rnnCellGrad(dz, hidden, dy, dh)
}

// RNNCellGradReLU sets dz[i] = dy[i]+dh[i] where hidden[i] > 0, else 0.
func (v *Vector) RNNCellGradReLU(dz, hidden, dy, dh []float32) {
	equalLengths(len(dz), hidden, dy, dh)
	v.rnnCellGradReLU(dz, hidden, dy, dh)
}

// SGD has the factors of backend.SGDArgs.
type SGD struct {
	Rate, Momentum, Decay float32
	Nesterov              bool
}

// SGD is backend.SGD. velocity is not touched if Momentum is 0.
func (v *Vector) SGD(param, grad, velocity []float32, f SGD) {
	equalLengths(len(param), grad)
	if f.Momentum == 0 {
		v.sgd(param, grad, f.Rate, f.Decay)
		return
	}
	equalLengths(len(param), velocity)
	step := v.sgdMomentum
	if f.Nesterov {
		step = v.sgdNesterov
	}
	step(param, grad, velocity, f.Rate, f.Momentum, f.Decay)
}

// RMSProp has the factors of
//
//	g      = grad + Decay·param
//	square = Keep·square + Renew·g²
//	g      = g / (√square + Epsilon)
//	g      = velocity = Momentum·velocity + g    if Momentum ≠ 0
//	param  = param − Rate·g
type RMSProp struct{ Rate, Keep, Renew, Epsilon, Decay, Momentum float32 }

// RMSProp is backend.RMSProp. velocity is not touched if Momentum is 0.
func (v *Vector) RMSProp(param, grad, square, velocity []float32, f RMSProp) {
	equalLengths(len(param), grad, square)
	if f.Momentum == 0 {
		v.rmsProp(param, grad, square, f.Rate, f.Keep, f.Renew, f.Epsilon, f.Decay)
		return
	}
	equalLengths(len(param), velocity)
	v.rmsPropMomentum(param, grad, square, velocity, f.Rate, f.Keep, f.Renew, f.Epsilon, f.Decay, f.Momentum)
}

// Adam has the factors of
//
//	g      = grad + Decay·param
//	mean   = KeepMean·mean + NewMean·g
//	square = KeepSquare·square + NewSquare·g²
//	param  = (1−Shrink)·param − Rate·mean / (Correct·√square + Epsilon)
type Adam struct {
	Rate                                     float32
	KeepMean, NewMean, KeepSquare, NewSquare float32
	Correct, Epsilon                         float32
	Decay, Shrink                            float32
}

// Adam is backend.Adam.
func (v *Vector) Adam(param, grad, mean, square []float32, f Adam) {
	equalLengths(len(param), grad, mean, square)
	v.adam(param, grad, mean, square, f.Rate, f.KeepMean, f.NewMean, f.KeepSquare, f.NewSquare, f.Correct, f.Epsilon, f.Decay, f.Shrink)
}

// Sums are of float64s. Their order depends on the length alone.

// Max returns the largest x[i] that is not NaN, or −Inf.
func (v *Vector) Max(x []float32) float32 { return v.largest(x) }

// Sum returns Σ x[i].
func (v *Vector) Sum(x []float32) float64 { return v.sum(x) }

// SumSquares returns Σ (x[i]−mean)².
func (v *Vector) SumSquares(x []float32, mean float64) float64 { return v.sumSquares(x, mean) }

// Dot returns Σ x[i]·y[i].
func (v *Vector) Dot(x, y []float32) float64 {
	equalLengths(len(x), y)
	return v.dot(x, y)
}

// SquaredDistance returns Σ (x[i]−y[i])².
func (v *Vector) SquaredDistance(x, y []float32) float64 {
	equalLengths(len(x), y)
	return v.squaredDistance(x, y)
}

// SumExp returns Σ exp(x[i]−shift), of float32s.
func (v *Vector) SumExp(x []float32, shift float32) float64 { return v.sumExp(x, shift) }

// ExpSum sets y[i] = exp(x[i]−shift) and returns Σ y[i]. y may be x.
func (v *Vector) ExpSum(y, x []float32, shift float32) float64 {
	equalLengths(len(y), x)
	return v.expSum(y, x, shift)
}

// equalLengths panics unless all slices have length n. Assembly would go beyond the end.
func equalLengths(n int, slices ...[]float32) {
	for _, s := range slices {
		if len(s) != n {
			panic(fmt.Sprintf("simd: a slice of %d elements, want %d", len(s), n))
		}
	}
}
