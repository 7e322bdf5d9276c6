package simd

import "math"

var vectorGeneric = Vector{
	exp: expGeneric, log: logGeneric, sigmoid: sigmoidGeneric, tanh: tanhGeneric, relu: reluGeneric,
	add: addGeneric, sub: subGeneric, mul: mulGeneric, addMul: addMulGeneric,
	sigmoidGrad: sigmoidGradGeneric, tanhGrad: tanhGradGeneric, reluGrad: reluGradGeneric,
	addRows: addRowsGeneric,
	scale:   scaleGeneric, addScaled: addScaledGeneric, scaleAdd: scaleAddGeneric,
	softmaxGrad: softmaxGradGeneric, normalize: normalizeGeneric, normalizeGrad: normalizeGradGeneric,

	lstmCell: lstmCellGeneric, lstmCellPeep: lstmCellPeepGeneric,
	lstmCellGrad: lstmCellGradGeneric, lstmCellGradPeep: lstmCellGradPeepGeneric,
	gruCell: gruCellGeneric, gruCellGrad: gruCellGradGeneric,
	rnnCellGrad: rnnCellGradGeneric, rnnCellGradReLU: rnnCellGradReLUGeneric,

	sgd: sgdGeneric, sgdMomentum: sgdMomentumGeneric, sgdNesterov: sgdNesterovGeneric,
	rmsProp: rmsPropGeneric, rmsPropMomentum: rmsPropMomentumGeneric, adam: adamGeneric,

	largest: largestGeneric, sum: sumGeneric, sumSquares: sumSquaresGeneric, dot: dotGeneric,
	squaredDistance: squaredDistanceGeneric, sumExp: sumExpGeneric, expSum: expSumGeneric,
}

// The compiler inlines unary and binary into the functions that call them, and
// function literals that these pass too.

// unary sets dst[i] = f(x[i]).
func unary(dst, x []float32, f func(x float32) float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = f(x[i])
	}
}

// binary sets dst[i] = f(x[i], y[i]).
func binary(dst, x, y []float32, f func(x, y float32) float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = f(x[i], y[i])
	}
}

func expGeneric(y, x []float32) {
	unary(y, x, func(x float32) float32 { return float32(exp(float64(x))) })
}

func logGeneric(y, x []float32) {
	unary(y, x, func(x float32) float32 { return float32(math.Log(float64(x))) })
}

func sigmoidGeneric(y, x []float32) { unary(y, x, sigmoid) }

func tanhGeneric(y, x []float32) { unary(y, x, tanh) }

func reluGeneric(y, x []float32) {
	unary(y, x, func(x float32) float32 { return max(x, 0) })
}

func addGeneric(dst, x, y []float32) {
	binary(dst, x, y, func(x, y float32) float32 { return x + y })
}

func subGeneric(dst, x, y []float32) {
	binary(dst, x, y, func(x, y float32) float32 { return x - y })
}

func mulGeneric(dst, x, y []float32) {
	binary(dst, x, y, func(x, y float32) float32 { return x * y })
}

func addMulGeneric(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] += x[i] * y[i]
	}
}

func addRowsGeneric(dst, x []float32, stride int) {
	for row := range 4 {
		addGeneric(dst, dst, x[row*stride:][:len(dst)])
	}
}

func scaleGeneric(dst []float32, alpha float32, x []float32) {
	unary(dst, x, func(x float32) float32 { return alpha * x })
}

func addScaledGeneric(dst []float32, alpha float32, x []float32) {
	binary(dst, dst, x, func(dst, x float32) float32 { return dst + alpha*x })
}

func scaleAddGeneric(dst []float32, alpha, beta float32, x []float32) {
	binary(dst, dst, x, func(dst, x float32) float32 { return alpha*dst + beta*x })
}

func softmaxGradGeneric(dx, y, dy []float32, sum float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return y * (dy - sum) })
}

func normalizeGeneric(y, x []float32, mean, scale float64) {
	unary(y, x, func(x float32) float32 { return float32((float64(x) - mean) * scale) })
}

func normalizeGradGeneric(dx, y, dy []float32, scale, mean, product float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return scale * (dy - mean - y*product) })
}

func sigmoidGradGeneric(dx, y, dy []float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return dy * y * (1 - y) })
}

func tanhGradGeneric(dx, y, dy []float32) {
	binary(dx, y, dy, func(y, dy float32) float32 { return dy * (1 - y*y) })
}

func reluGradGeneric(dx, y, dy []float32) {
	binary(dx, y, dy, func(y, dy float32) float32 {
		// A branch would be mispredicted half the time, so choose an integer, which
		// the compiler does without a branch.
		bits := math.Float32bits(dy)
		if !(y > 0) {
			bits = 0
		}
		return math.Float32frombits(bits)
	})
}

func lstmCellGeneric(gates, before, cell, hidden []float32) {
	lstmCellPeepGeneric(gates, before, cell, hidden, nil)
}

func lstmCellPeepGeneric(gates, before, cell, hidden, peep []float32) {
	n := len(hidden)
	i, f, g, o := gates[:n], gates[n:2*n], gates[2*n:3*n], gates[3*n:4*n]
	if peep != nil {
		addMulGeneric(i, peep[:n], before)
		addMulGeneric(f, peep[n:2*n], before)
	}
	sigmoidGeneric(gates[:2*n], gates[:2*n])
	tanhGeneric(g, g)
	for j := range cell {
		cell[j] = f[j]*before[j] + i[j]*g[j]
	}
	if peep != nil {
		addMulGeneric(o, peep[2*n:], cell)
	}
	sigmoidGeneric(o, o)
	for j := range hidden {
		hidden[j] = o[j] * tanh(cell[j])
	}
}

func lstmCellGradGeneric(gates, before, cell, dy, dh, dc, dz []float32) {
	lstmCellGradPeepGeneric(gates, before, cell, dy, dh, dc, dz, nil)
}

func lstmCellGradPeepGeneric(gates, before, cell, dy, dh, dc, dz, peep []float32) {
	n := len(cell)
	for j := range dc {
		i, f, g, o := gates[j], gates[n+j], gates[2*n+j], gates[3*n+j]
		squashed := tanh(cell[j])
		dHidden := dy[j] + dh[j]
		dO := dHidden * squashed * o * (1 - o)
		dCell := dc[j] + dHidden*o*(1-squashed*squashed)
		if peep != nil {
			dCell += dO * peep[2*n+j]
		}
		dI := dCell * g * i * (1 - i)
		dF := dCell * before[j] * f * (1 - f)
		dBefore := dCell * f
		if peep != nil {
			dBefore += dI*peep[j] + dF*peep[n+j]
		}
		dz[j], dz[n+j], dz[2*n+j], dz[3*n+j] = dI, dF, dCell*i*(1-g*g), dO
		dc[j] = dBefore
	}
}

func gruCellGeneric(gates, recurrent, before, hidden []float32) {
	k := len(hidden)
	r, z, n := gates[:k], gates[k:2*k], gates[2*k:]
	addGeneric(gates[:2*k], gates[:2*k], recurrent[:2*k])
	sigmoidGeneric(gates[:2*k], gates[:2*k])
	addMulGeneric(n, r, recurrent[2*k:])
	tanhGeneric(n, n)
	for j := range hidden {
		hidden[j] = (1-z[j])*n[j] + z[j]*before[j]
	}
}

func gruCellGradGeneric(gates, recurrent, before, dy, dh, dv, du []float32) {
	k := len(dh)
	for j := range dh {
		r, z, n := gates[j], gates[k+j], gates[2*k+j]
		d := dy[j] + dh[j]
		dN := d * (1 - z) * (1 - n*n)
		dZ := d * (before[j] - n) * z * (1 - z)
		dR := dN * recurrent[2*k+j] * r * (1 - r)
		dv[j], dv[k+j], dv[2*k+j] = dR, dZ, dN
		du[j], du[k+j], du[2*k+j] = dR, dZ, dN*r
		dh[j] = d * z
	}
}

func rnnCellGradGeneric(dz, hidden, dy, dh []float32) {
	addGeneric(dz, dy, dh)
	tanhGradGeneric(dz, hidden, dz)
}

func rnnCellGradReLUGeneric(dz, hidden, dy, dh []float32) {
	addGeneric(dz, dy, dh)
	reluGradGeneric(dz, hidden, dz)
}

func sgdGeneric(param, grad []float32, rate, decay float32) {
	for k, p := range param {
		param[k] = p - rate*(grad[k]+decay*p)
	}
}

func sgdMomentumGeneric(param, grad, velocity []float32, rate, momentum, decay float32) {
	for k, p := range param {
		velocity[k] = momentum*velocity[k] + (grad[k] + decay*p)
		param[k] = p - rate*velocity[k]
	}
}

func sgdNesterovGeneric(param, grad, velocity []float32, rate, momentum, decay float32) {
	for k, p := range param {
		g := grad[k] + decay*p
		velocity[k] = momentum*velocity[k] + g
		param[k] = p - rate*(g+momentum*velocity[k])
	}
}

func rmsPropGeneric(param, grad, square []float32, rate, keep, renew, epsilon, decay float32) {
	rmsPropMomentumGeneric(param, grad, square, nil, rate, keep, renew, epsilon, decay, 0)
}

func rmsPropMomentumGeneric(param, grad, square, velocity []float32, rate, keep, renew, epsilon, decay, momentum float32) {
	for k := range param {
		g := grad[k] + decay*param[k]
		s := keep*square[k] + renew*g*g
		square[k] = s
		g /= sqrt(s) + epsilon
		if velocity != nil {
			g += momentum * velocity[k]
			velocity[k] = g
		}
		param[k] -= rate * g
	}
}

func adamGeneric(param, grad, mean, square []float32, rate, keepMean, newMean, keepSquare, newSquare, correct, epsilon, decay, shrink float32) {
	for k, p := range param {
		g := grad[k] + decay*p
		m := keepMean*mean[k] + newMean*g
		s := keepSquare*square[k] + newSquare*g*g
		mean[k], square[k] = m, s
		param[k] = p - shrink*p - rate*m/(sqrt(s)*correct+epsilon)
	}
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func largestGeneric(x []float32) float32 {
	largest := float32(math.Inf(-1))
	for _, x := range x {
		if x > largest {
			largest = x
		}
	}
	return largest
}

// lanes holds a sum: element i of a slice belongs to lane i mod 16, as in the
// registers of other levels.
type lanes [16]float64

func (l *lanes) total() float64 {
	for half := len(l) / 2; half > 0; half /= 2 {
		for i := range half {
			l[i] += l[half+i]
		}
	}
	return l[0]
}

func sumGeneric(x []float32) float64 {
	var sums lanes
	for i, x := range x {
		sums[i%len(sums)] += float64(x)
	}
	return sums.total()
}

func sumSquaresGeneric(x []float32, mean float64) float64 {
	var sums lanes
	for i, x := range x {
		difference := float64(x) - mean
		sums[i%len(sums)] += difference * difference
	}
	return sums.total()
}

func dotGeneric(x, y []float32) float64 {
	var sums lanes
	for i, x := range x {
		sums[i%len(sums)] += float64(x) * float64(y[i])
	}
	return sums.total()
}

func squaredDistanceGeneric(x, y []float32) float64 {
	var sums lanes
	for i, x := range x {
		difference := float64(x) - float64(y[i])
		sums[i%len(sums)] += difference * difference
	}
	return sums.total()
}

func sumExpGeneric(x []float32, shift float32) float64 {
	var sums lanes
	for i, x := range x {
		sums[i%len(sums)] += float64(float32(exp(float64(x - shift))))
	}
	return sums.total()
}

func expSumGeneric(y, x []float32, shift float32) float64 {
	var sums lanes
	for i, x := range x {
		y[i] = float32(exp(float64(x - shift)))
		sums[i%len(sums)] += float64(y[i])
	}
	return sums.total()
}

// sigmoid returns 1/(1+exp(−x)) within 1 ULP.
func sigmoid(x float32) float32 {
	scale, r := reduce(-float64(x))
	return float32(1 / (1 + (scale + scale*expm1(r))))
}

// tanh returns tanh(x) within 1 ULP, as (exp(2x)−1)/(exp(2x)+1). Near 0, where
// scale is 1, it subtracts the 1 before adding expm1(r), which keeps all digits.
func tanh(x float32) float32 {
	scale, r := reduce(2 * math.Abs(float64(x)))
	m := (scale - 1) + scale*expm1(r)
	return float32(m * math.Copysign(1, float64(x)) / (m + 2))
}

// exp returns exp(x) with a relative error of at most 6e−9. Beyond ±700 it returns
// its value at ±700.
func exp(x float64) float64 {
	scale, r := reduce(x)
	return scale + scale*expm1(r)
}

// reduce returns a power of two, scale, and r with |r| ≤ ln 2 / 2, such that
// exp(x) = scale·exp(r). Beyond ±700 it returns those of ±700. scale is 1 where
// r is x.
func reduce(x float64) (scale, r float64) {
	const limit = 700
	if x > limit {
		x = limit
	} else if x < -limit {
		x = -limit
	}
	// x = n·ln 2 + r. Adding 1.5·2⁵² rounds to the integer n and leaves it in the
	// lowest bits.
	const rounder = 3 << 51
	shifted := x*math.Log2E + rounder
	scale = math.Float64frombits((math.Float64bits(shifted) + 1023) << 52)
	return scale, x - (shifted-rounder)*math.Ln2
}

// expm1 returns exp(r)−1 with a relative error of at most 6e−9, for r from reduce.
// With float64, the final rounding is nearly the only error of a float32 result,
// and nothing overflows.
func expm1(r float64) float64 {
	// r + r²/2! + ... + r⁷/7!, in an order where few operations wait for others.
	square := r * r
	low := r + square*(1./2+r*(1./6))
	high := (1./24 + r*(1./120)) + square*(1./720+r*(1./5040))
	return low + square*square*high
}
