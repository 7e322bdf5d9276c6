package backend

// Activation holds the nonlinearities. Their gradients take the output y of
// the forward operation, not its input.
type Activation interface {
	// Sigmoid sets y[i,j] = 1/(1+exp(−x[i,j])). y may be x.
	Sigmoid(y, x Tensor)

	// SigmoidGrad sets dx[i,j] = dy[i,j]·y[i,j]·(1−y[i,j]). dx may be y or dy.
	SigmoidGrad(dx, y, dy Tensor)

	// Tanh sets y[i,j] = tanh(x[i,j]). y may be x.
	Tanh(y, x Tensor)

	// TanhGrad sets dx[i,j] = dy[i,j]·(1−y[i,j]²). dx may be y or dy.
	TanhGrad(dx, y, dy Tensor)

	// ReLU sets y[i,j] = max(x[i,j], 0), NaN for NaN. y may be x.
	ReLU(y, x Tensor)

	// ReLUGrad sets dx[i,j] = dy[i,j] where y[i,j] > 0, else 0. dx may be y or
	// dy.
	ReLUGrad(dx, y, dy Tensor)

	// Softmax sets y[i,j] = exp(x[i,j]−m_i) / Σ_k exp(x[i,k]−m_i), where
	// m_i = max_k x[i,k]. y may be x.
	Softmax(y, x Tensor)

	// SoftmaxGrad sets dx[i,j] = y[i,j]·(dy[i,j] − Σ_k dy[i,k]·y[i,k]). dx may
	// be y or dy.
	SoftmaxGrad(dx, y, dy Tensor)

	// LayerNorm sets y[i,j] = (x[i,j]−μ_i)·rstd[i,0], where rstd[i,0] =
	// 1/√(v_i+epsilon), and μ_i and v_i = Σ_k (x[i,k]−μ_i)²/cols are the mean
	// and the variance of row i. rstd is [rows, 1]. y may be x. epsilon ≥ 0.
	// Gain and bias are MulRow and AddRow (Ba, Kiros, Hinton 2016, eq. 4).
	LayerNorm(y, rstd, x Tensor, epsilon float64)

	// LayerNormGrad sets dx[i,j] = rstd[i,0]·(dy[i,j] − Σ_k dy[i,k]/cols −
	// y[i,j]·Σ_k dy[i,k]·y[i,k]/cols). dx may be y or dy.
	LayerNormGrad(dx, y, rstd, dy Tensor)
}
