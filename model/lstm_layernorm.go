package model

import "gputrain/backend"

// layerNorm normalizes rows and multiplies them by a gain (Ba, Kiros, Hinton 2016):
// L(x) ⊙ gain, L(x) = (x − mean) / √(variance + ε). The zero layerNorm means no
// normalization.
type layerNorm struct {
	y, rstd        backend.Tensor // L(x) of all rows, and [rows, 1]; see backend.LayerNorm
	gain, gainGrad backend.Tensor
}

// layerNormEpsilon is ε, the same as in PyTorch.
const layerNormEpsilon = 1e-5

func newLayerNorm(b *Builder, rows int, gain, gainGrad backend.Tensor) layerNorm {
	return layerNorm{y: b.New(rows, gain.Cols), rstd: b.New(rows, 1), gain: gain, gainGrad: gainGrad}
}

func (l layerNorm) present() bool { return l.y.Present() }

// forward sets dst to the norm of x. Both hold only these rows. dst may be x.
func (l layerNorm) forward(b backend.Backend, dst, x backend.Tensor, rows span) {
	y := rows.slice(l.y)
	b.LayerNorm(y, rows.slice(l.rstd), x, layerNormEpsilon)
	b.MulRow(dst, y, l.gain)
}

// backward sets dx to the gradient of x and adds the gradient of the gain to
// gainGrad. dx may be the rows of l.y or dy.
func (l layerNorm) backward(b backend.Backend, dx, dy, scratch backend.Tensor, rows span) {
	y := rows.slice(l.y)
	b.Mul(scratch, dy, y)
	b.SumRows(l.gainGrad, scratch, 1)
	b.MulRow(scratch, dy, l.gain)
	b.LayerNormGrad(dx, y, rows.slice(l.rstd), scratch)
}
