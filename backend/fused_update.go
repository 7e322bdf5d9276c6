package backend

// Clip clips x to a norm of limit and computes norm, as ClipNorm does. A ClipFactorer
// leaves x as it is and gets the factor, [1,1], which Clip returns: the Factor of the
// optimizers that then read x. Otherwise Clip returns the zero Tensor.
func Clip(b Backend, x, norm, factor Tensor, limit float64) Tensor {
	if c, ok := b.(ClipFactorer); ok {
		c.ClipFactor(x, norm, factor, limit)
		return factor
	}
	b.ClipNorm(x, norm, limit)
	return Tensor{}
}
