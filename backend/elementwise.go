package backend

// Elementwise holds the operations that treat each element, or each row, by
// itself.
type Elementwise interface {
	// Fill sets dst[i,j] = value.
	Fill(dst Tensor, value float64)

	// Copy sets dst[i,j] = x[i,j]. dst may be x.
	Copy(dst, x Tensor)

	// CopyCols copies cols columns, of all rows, from column xCol of x to
	// column dstCol of dst: dst[i, dstCol+j] = x[i, xCol+j] for 0 ≤ j < cols.
	// The rest of dst keeps its values. It splits and joins columns. x and dst
	// have the same number of rows and must not overlap.
	CopyCols(dst Tensor, dstCol int, x Tensor, xCol, cols int)

	// Add sets dst[i,j] = a[i,j] + b[i,j]. dst may be a or b.
	Add(dst, a, b Tensor)

	// Sub sets dst[i,j] = a[i,j] − b[i,j]. dst may be a or b.
	Sub(dst, a, b Tensor)

	// Mul sets dst[i,j] = a[i,j]·b[i,j]. dst may be a or b.
	Mul(dst, a, b Tensor)

	// AddMul adds a product: dst[i,j] += a[i,j]·b[i,j]. dst may be a or b.
	AddMul(dst, a, b Tensor)

	// Scale sets dst[i,j] = alpha·x[i,j]. dst may be x.
	Scale(dst Tensor, alpha float64, x Tensor)

	// AddScaled adds a multiple: dst[i,j] += alpha·x[i,j]. dst may be x.
	AddScaled(dst Tensor, alpha float64, x Tensor)

	// AddRow sets dst[i,j] = x[i,j] + row[0,j]. row is [1, cols]. dst may be x.
	AddRow(dst, x, row Tensor)

	// MulRow sets dst[i,j] = x[i,j]·row[0,j]. row is [1, cols]. dst may be x.
	MulRow(dst, x, row Tensor)

	// MulCol sets dst[i,j] = x[i,j]·col[i,0]. col is [rows, 1]. dst may be x.
	MulCol(dst, x, col Tensor)

	// Dropout sets dst[k] = x[k]/(1−rate) where DropoutKeeps(seed, offset+k,
	// rate), else 0. k is the row-major index. The backward pass is the same call
	// on the gradient. 0 ≤ rate < 1. dst may be x.
	Dropout(dst, x Tensor, rate float64, seed, offset uint64)
}

// DropoutKeeps reports whether Dropout keeps element index of the stream
// seed. It is SplitMix64 read at position index (Steele, Lea, Flood 2014),
// whose upper 24 bits are compared with rate·2²⁴.
func DropoutKeeps(seed, index uint64, rate float64) bool {
	z := seed + (index+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return z>>40 >= uint64(rate*(1<<24))
}
