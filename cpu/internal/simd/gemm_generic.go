package simd

import "runtime"

// genericKernels are Go. Every product is rounded before it is added, so that all
// machines get the same bits.
var genericKernels = kernels{
	width: 4, rows: 4, lanes: 4,
	tiles:           []tile{1: tile1x4, tile2x4, tile3x4, tile4x4},
	transposedTiles: []tile{1: transposedTile1x4},
	transposeRows:   transposeRowsGeneric,
	copyLanes:       copyRowsOf(4),
	copyPanel:       copyRowsOf(4),
	multiplyAdds:    multiplyAddsGeneric, flopsOfRound: 2 * 12,
}

func tile1x4(k int, a []float32, lda int, b []float32, ldb, _ int, c []float32, ldc, _ int, alpha, beta float32, _ int) {
	var sum0, sum1, sum2, sum3 float32
	for p := range k {
		x, y := a[p*lda], (*[4]float32)(b[p*ldb:])
		sum0 += float32(x * y[0])
		sum1 += float32(x * y[1])
		sum2 += float32(x * y[2])
		sum3 += float32(x * y[3])
	}
	blend4(c, sum0, sum1, sum2, sum3, alpha, beta)
}

func transposedTile1x4(k int, a []float32, lda int, b []float32, ldb, _ int, c []float32, _, _ int, alpha, beta float32, _ int) {
	b0, b1, b2, b3 := b[:k], b[ldb:][:k], b[2*ldb:][:k], b[3*ldb:][:k]
	var sum0, sum1, sum2, sum3 float32
	for p, y := range b0 {
		x := a[p*lda]
		sum0 += float32(x * y)
		sum1 += float32(x * b1[p])
		sum2 += float32(x * b2[p])
		sum3 += float32(x * b3[p])
	}
	blend4(c, sum0, sum1, sum2, sum3, alpha, beta)
}

func tile2x4(k int, a []float32, lda int, b []float32, ldb, _ int, c []float32, ldc, _ int, alpha, beta float32, _ int) {
	var sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7 float32
	for p := range k {
		x, y := (*[2]float32)(a[p*lda:]), (*[4]float32)(b[p*ldb:])
		sum0 += float32(x[0] * y[0])
		sum1 += float32(x[0] * y[1])
		sum2 += float32(x[0] * y[2])
		sum3 += float32(x[0] * y[3])
		sum4 += float32(x[1] * y[0])
		sum5 += float32(x[1] * y[1])
		sum6 += float32(x[1] * y[2])
		sum7 += float32(x[1] * y[3])
	}
	blend4(c, sum0, sum1, sum2, sum3, alpha, beta)
	blend4(c[ldc:], sum4, sum5, sum6, sum7, alpha, beta)
}

func tile3x4(k int, a []float32, lda int, b []float32, ldb, panel int, c []float32, ldc, cols int, alpha, beta float32, ahead int) {
	tile2x4(k, a, lda, b, ldb, panel, c, ldc, cols, alpha, beta, ahead)
	tile1x4(k, a[2:], lda, b, ldb, panel, c[2*ldc:], ldc, cols, alpha, beta, ahead)
}

func tile4x4(k int, a []float32, lda int, b []float32, ldb, panel int, c []float32, ldc, cols int, alpha, beta float32, ahead int) {
	tile2x4(k, a, lda, b, ldb, panel, c, ldc, cols, alpha, beta, ahead)
	tile2x4(k, a[2:], lda, b, ldb, panel, c[2*ldc:], ldc, cols, alpha, beta, ahead)
}

// blend4 sets c = alpha·sum + beta·c.
func blend4(c []float32, sum0, sum1, sum2, sum3, alpha, beta float32) {
	row := (*[4]float32)(c)
	sum0, sum1, sum2, sum3 = alpha*sum0, alpha*sum1, alpha*sum2, alpha*sum3
	if beta != 0 {
		sum0 += float32(beta * row[0])
		sum1 += float32(beta * row[1])
		sum2 += float32(beta * row[2])
		sum3 += float32(beta * row[3])
	}
	*row = [4]float32{sum0, sum1, sum2, sum3}
}

func transposeRowsGeneric(k int, src []float32, ldSrc, rows int, dst []float32, ldDst int) {
	for i := range 4 {
		for p, v := range src[min(i, rows-1)*ldSrc:][:k] {
			dst[p*ldDst+i] = v
		}
	}
}

// copyRowsOf returns copyRows for vectors of width floats together.
func copyRowsOf(width int) copyRows {
	return func(k int, src []float32, ldSrc, cols int, dst []float32, ldDst int) {
		for p := range k {
			row := dst[p*ldDst:][:width]
			clear(row[copy(row, src[p*ldSrc:][:cols]):])
		}
	}
}

func multiplyAddsGeneric(n int) {
	x, y := float32(1), float32(0.5)
	var sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11 float32
	for range n {
		sum0 = x + float32(sum0*y)
		sum1 = x + float32(sum1*y)
		sum2 = x + float32(sum2*y)
		sum3 = x + float32(sum3*y)
		sum4 = x + float32(sum4*y)
		sum5 = x + float32(sum5*y)
		sum6 = x + float32(sum6*y)
		sum7 = x + float32(sum7*y)
		sum8 = x + float32(sum8*y)
		sum9 = x + float32(sum9*y)
		sum10 = x + float32(sum10*y)
		sum11 = x + float32(sum11*y)
	}
	runtime.KeepAlive(sum0 + sum1 + sum2 + sum3 + sum4 + sum5 + sum6 + sum7 + sum8 + sum9 + sum10 + sum11)
}
