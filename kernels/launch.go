package kernels

import "math/bits"

// Dim3 is the extent of a grid or block.
type Dim3 struct{ X, Y, Z int }

// Launch says how a kernel is spread over the device. Every launch depends only on the
// sizes, and so does the order of every sum.
type Launch struct {
	Grid, Block Dim3
	Shared      int  // bytes of dynamic shared memory, of a block
	Cooperative bool // blocks wait for each other, so all of them must run at once
}

// gridLimit is the smallest limit of a grid's dimensions. Kernels loop as often as it
// takes.
const gridLimit = 1<<16 - 1

// Elements launches a kernel whose grid is "over n".
func Elements(n int64) Launch {
	return flat(ceil(n, block), block)
}

// Updates launches an optimizer, whose grid is "over n". From some size on each thread has
// several elements, and reads the scalars once for all of them.
func Updates(n int64) Launch {
	const most = 1024
	return flat(min(ceil(n, block), most), block)
}

// Partials launches a kernel whose grid is "over n, at least one" block, and which
// leaves a partial sum per block. Grid.X is the number of partial sums.
func Partials(n int64) Launch {
	const perThread, most = 8, 1024
	return flat(min(ceil(n, block*perThread), most), block)
}

// Single launches one block.
func Single() Launch { return flat(1, block) }

// Matrix launches a kernel whose grid is "over [rows, cols]". Narrow matrices get
// narrow blocks, so that few threads are without a column.
func Matrix(rows, cols int) Launch {
	x := min(powerOfTwo(cols), block)
	y := block / x
	return Launch{
		Grid:  Dim3{clamp(ceil(int64(cols), x)), clamp(ceil(int64(rows), y)), 1},
		Block: Dim3{x, y, 1},
	}
}

// Rows launches a kernel whose grid is "rows blocks": one for each row of cols
// elements.
func Rows(rows, cols int) Launch {
	return Launch{Grid: Dim3{rows, 1, 1}, Block: Dim3{teamOf(cols), 1, 1}}
}

// ScatterAddRows launches scatter_add_rows into a matrix of [rows, cols].
func ScatterAddRows(rows, cols int) Launch {
	x := min(max(powerOfTwo(cols), warp), block)
	return Launch{Grid: Dim3{max(rows, 1), clamp(ceil(int64(cols), x)), 1}, Block: Dim3{x, 1, 1}}
}

// LSTM1997Step launches lstm1997_step: a warp for each block and four rows.
func LSTM1997Step(batch, blocks int) Launch {
	return flat(ceil(ceil(int64(batch), 4)*int64(blocks), block/warp), block)
}

// LSTM1997Grad plans lstm1997_grad for a batch of sequences. With one chunk it adds to the
// gradients. With more, up to 256, it writes the sums of each to a workspace, with beta = 0.
// A chunk has as many sequences as leave the device enough threads.
func LSTM1997Grad(batch, blocks, columns int) (l Launch, chunk, chunks int) {
	const enough, most = 1 << 16, 256 // threads, chunks
	chunk = max(1, int(ceil(int64(batch)*int64(blocks)*int64(columns), enough)), int(ceil(int64(batch), most)))
	chunks = max(1, int(ceil(int64(batch), chunk)))
	l = Matrix(blocks, columns)
	l.Grid.Z = chunks
	return l, chunk, chunks
}

// LSTMPeepGrad plans the gradient of the peepholes; rows is the number of rows of
// gates. First runs lstm_peep_grad, which writes Chunks rows of 3*hidden sums to a
// workspace. Second runs sum_rows over them, with chunk = Chunks.
func LSTMPeepGrad(rows, hidden int) SumRowsPlan {
	p := SumRows(rows, hidden)
	p.Second = SumRows(p.Chunks, 3*hidden).First
	return p
}

// SumRowsPlan says how to sum a matrix over its rows. With Chunks = 1, First writes the
// result. With more, First writes Chunks rows of sums to a workspace of [Chunks, cols],
// with beta = 0, and Second sums them, with chunk = Chunks.
type SumRowsPlan struct {
	Chunk, Chunks int // rows per chunk; number of chunks
	First, Second Launch
}

// SumRows plans sum_rows of [rows, cols].
func SumRows(rows, cols int) SumRowsPlan {
	const fewest, most = 256, 256 // fewest rows of a chunk, most chunks
	chunk := max(fewest, int(ceil(int64(rows), most)))
	p := SumRowsPlan{Chunk: chunk, Chunks: max(1, int(ceil(int64(rows), chunk)))}
	across := int(ceil(int64(cols), 32))
	p.First = Launch{Grid: Dim3{across, p.Chunks, 1}, Block: Dim3{32, 8, 1}}
	p.Second = Launch{Grid: Dim3{across, 1, 1}, Block: Dim3{32, 8, 1}}
	return p
}

const warp = 32

// teamOf returns how many threads share a row. It is a warp, or more if each thread
// would have many columns.
func teamOf(cols int) int {
	const perThread = 4
	return min(max(powerOfTwo(int(ceil(int64(cols), perThread))), warp), block)
}

func flat(blocks int64, threads int) Launch {
	return Launch{Grid: Dim3{int(max(blocks, 1)), 1, 1}, Block: Dim3{threads, 1, 1}}
}

func clamp(blocks int64) int { return int(min(max(blocks, 1), gridLimit)) }

func ceil(n int64, size int) int64 { return (n + int64(size) - 1) / int64(size) }

// powerOfTwo returns the smallest power of two that is at least n.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(max(n, 1)-1)) }
