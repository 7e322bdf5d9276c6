package gl

import (
	"math"

	"gputrain/backend"
)

// Gemm implements backend.Linear. A product with few tiles, or with a long k, is cut
// into slices of k, which a second shader adds up in their order.
func (d *Backend) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	const op = "Gemm"
	m, n, k := backend.CheckGemm(d, dst, transA, transB, a, b)
	if m == 0 || n == 0 {
		return
	}
	p := planGemm(m, n, k)
	gemm := variant{"gemm", p.tile}
	shape := [...]uint32{word(m), word(n), word(k), word(p.slice), flag(bool(transA)), flag(bool(transB)), float(1), float(0)}
	if p.slices == 1 {
		shape[6], shape[7] = float(alpha), float(beta)
		d.run(op, gemm, p.tiles, 1, []window{of(dst), of(a), of(b)}, shape[:]...)
		return
	}
	part := d.scratch(op, p.slices*m*n)
	d.run(op, gemm, p.tiles, p.slices, []window{part, of(a), of(b)}, shape[:]...)
	d.each(op, "gemm_reduce", m*n, []window{of(dst), part}, size(dst), word(p.slices), float(alpha), float(beta))
}

// gemmPlan says how to compute a product: with which tile, how many of them, and in how
// many slices of k.
type gemmPlan struct{ tile, tiles, slice, slices int }

// planGemm plans a product. It takes the tile with the least estimated time: larger ones
// read less for each product, but more of them lies outside of a small matrix. Where
// that gives few tiles, k is cut into slices, for a GPU to have enough to do. No slice
// is longer than a loop may be.
func planGemm(m, n, k int) gemmPlan {
	const enough = 64    // groups
	const shortest = 256 // slice
	var p gemmPlan
	least := math.MaxInt
	for _, tile := range gemmTiles {
		if time := ceil(m, tile.size) * ceil(n, tile.size) * tile.time; time < least {
			p.tile, least = tile.size, time
		}
	}
	p.tiles = ceil(m, p.tile) * ceil(n, p.tile)
	slices := max(ceil(k, maxLoop), min(ceil(enough, p.tiles), k/shortest), 1)
	p.slice = ceil(ceil(k, slices), 16) * 16
	p.slices = max(1, ceil(k, max(1, p.slice)))
	return p
}

// gemmTiles are the tiles of gemm.comp and their times on llvmpipe, relative to the
// smallest one.
var gemmTiles = [...]struct{ size, time int }{{32, 1}, {64, 4}, {128, 14}}

// SumRows implements backend.Linear. Many rows are summed in chunks, which a second
// shader adds up.
func (d *Backend) SumRows(dst, x backend.Tensor, beta float64) {
	const op = "SumRows"
	backend.CheckSumRows(d, dst, x)
	if x.Cols == 0 {
		return
	}
	if x.Rows <= longestSum {
		d.sumRows(op, of(dst), of(x), x.Rows, x.Cols, max(x.Rows, 1), beta)
		return
	}
	chunk, chunks := chunksOf(x.Rows)
	part := d.scratch(op, chunks*x.Cols)
	d.sumRows(op, part, of(x), x.Rows, x.Cols, chunk, 0)
	d.sumRows(op, of(dst), part, chunks, x.Cols, chunks, beta)
}

// sumRows runs sum_rows, which leaves a row of sums for each chunk of the rows.
func (d *Backend) sumRows(op string, dst, x window, rows, cols, chunk int, beta float64) {
	d.run(op, variant{"sum_rows", 0}, ceil(cols, 32), ceil(rows, chunk), []window{dst, x}, word(rows), word(cols), word(chunk), float(beta))
}

// longestSum is how many rows are summed in one pass.
const longestSum = 512

// chunksOf returns the length and the number of the chunks of many rows.
func chunksOf(rows int) (chunk, chunks int) {
	const fewest, most = 256, 1024 // rows of a chunk, chunks
	chunk = max(fewest, ceil(rows, most))
	return chunk, ceil(rows, chunk)
}

// GatherRows implements backend.Linear.
func (d *Backend) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	const op = "GatherRows"
	backend.CheckGatherRows(d, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := d.lookup(lookup{op: op, name: "ids", ids: ids, limit: x.Rows, target: "x has %d rows"})
	d.each(op, "gather_rows", ids.N*max(x.Cols, 1), []window{of(dst), of(x), ofInts(ids), fault},
		word(ids.N), word(x.Rows), word(x.Cols), call)
}

// ScatterAddRows implements backend.Linear. Many ids are added in parts, one after the
// other.
func (d *Backend) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	const op = "ScatterAddRows"
	backend.CheckScatterAddRows(d, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := d.lookup(lookup{op: op, name: "ids", ids: ids, limit: dst.Rows, target: "dst has %d rows"})
	for first := 0; first < ids.N; first += maxLoop {
		d.each(op, "scatter_add_rows", max(dst.Size(), 1), []window{of(dst), of(x), ofInts(ids), fault},
			word(first), word(min(first+maxLoop, ids.N)), word(dst.Rows), word(dst.Cols), call)
	}
}

// ArgMaxRows implements backend.Linear.
func (d *Backend) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	backend.CheckArgMaxRows(d, dst, x)
	dst.Buf.(*buffer).writes++
	if v, groups, ok := d.rows("ArgMaxRows", "argmax_rows", x.Rows, x.Cols); ok {
		d.run("ArgMaxRows", v, groups, 1, []window{ofInts(dst), of(x)}, word(x.Rows), word(x.Cols))
	}
}
