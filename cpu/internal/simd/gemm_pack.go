package simd

// packPanel sets dst[q,j'] = op(b)[p+q,j+j'] for q < depth and j' < cols.
func (kernels *kernels) packPanel(dst []float32, trans bool, b []float32, ldb, p, depth, j, cols int) {
	if !trans {
		kernels.copyPanel(depth, b[p*ldb+j:], ldb, cols, dst, kernels.width)
		return
	}
	for at := 0; at < kernels.width; at += kernels.lanes {
		// Beyond cols, the last column is repeated.
		first := min(at, cols-1)
		kernels.transpose(depth, b[(j+first)*ldb+p:], ldb, min(cols-first, kernels.lanes), dst[at:], kernels.width)
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
