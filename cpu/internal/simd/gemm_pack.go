package simd

// packPanel sets dst[q,j'] = op(b)[p+q,j+j'] for q < depth and j' < cols. Rows of dst
// have width floats, those of one panel or more. What lies beyond cols is of no use.
func (kernels *kernels) packPanel(dst []float32, width int, trans bool, b []float32, ldb, p, depth, j, cols int) {
	step := kernels.width
	if trans {
		step = kernels.lanes
	}
	for at := 0; at < width; at += step {
		first := min(at, cols-1)
		some := min(cols-first, step)
		if trans {
			kernels.transpose(depth, b[(j+first)*ldb+p:], ldb, some, dst[at:], width)
		} else {
			kernels.copyPanel(depth, b[p*ldb+j+first:], ldb, some, dst[at:], width)
		}
	}
}

// transpose is transposeRows for any k.
func (kernels *kernels) transpose(k int, src []float32, ldSrc, rows int, dst []float32, ldDst int) {
	if k >= 4 {
		kernels.transposeRows(k, src, ldSrc, rows, dst, ldDst)
		return
	}
	for p := range k {
		for i := range kernels.lanes {
			dst[p*ldDst+i] = src[min(i, rows-1)*ldSrc+p]
		}
	}
}
