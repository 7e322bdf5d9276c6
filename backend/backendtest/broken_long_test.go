package backendtest

import (
	"math"

	"gputrain/backend"
)

// brokenLong are the mistakes of a grid that is as large as it can be and no
// larger, and of sums in two stages, of which the second one has a limit.
var brokenLong = append(append(beyondGridControls(), brokenLoops()...), []control{
	{check: "Gemm", long: true, name: "drops the last row of 63 beyond whole tiles", mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(row, _ int) bool { return row == p.dst.Rows-1 && row > 128 && row%64 == 62 }, func() { p.on(b) })
	})},
	{check: "Gemm", long: true, name: "drops the last column of 63 beyond whole tiles", mistake: gemmMistake(func(b backend.Backend, p product) {
		keeping(b, p.dst, func(_, col int) bool { return col == p.dst.Cols-1 && col > 128 && col%64 == 62 }, func() { p.on(b) })
	})},
	{check: "Gemm", long: true, name: "drops the last term of sums of 63 beyond whole tiles", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.inner() > 128 && p.inner()%64 == 63 {
			p.dropLastTerm(b, 128)
			return
		}
		p.on(b)
	})},
	{check: "Gemm", long: true, name: "reads dst where beta is 0 and the sum has parts", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.beta == 0 && p.inner() > 256 {
			b.Scale(p.dst, 0, p.dst) // NaN stays
			p.beta = 1
		}
		p.on(b)
	})},
	{check: "Add", long: true, mistake: broken[addDropsTailOf63]},
	{check: "Dropout", long: true, mistake: broken[dropoutIndexIs16Bit]},
	{check: "ClipNorm", long: true, mistake: broken[clipNormHas1024Parts]},
	{check: "SquaredError", long: true, mistake: broken[squaredErrorHas1024Parts]},
	{check: "SoftmaxCrossEntropy", long: true, mistake: broken[crossEntropyHas1024Parts]},
	{check: "SumRows", long: true, mistake: broken[sumRowsHas256Chunks]},
	{check: "SumRows", long: true, mistake: broken[sumRowsAddsParts]},
	{check: "Softmax", long: true, mistake: broken[softmaxHalvesWarps]},
	{check: "LayerNorm", long: true, mistake: broken[layerNormHalvesWarps]},
	{check: "ArgMaxRows", long: true, mistake: broken[argMaxHalvesWarps]},
	{check: "Upload", long: true, mistake: broken[uploadsOneBlock]},
	{check: "Upload", long: true, mistake: broken[downloadsOneBlock]},
	{check: "New", long: true, mistake: func(b backend.Backend) backend.Backend { return altered{b, &zeroesOneBlock{sound: b}} }},
	{check: "StickyErrors", long: true, mistake: broken[looksAt65536Labels]},
}...)

func beyondGridControls() []control {
	var all []control
	for _, op := range []string{
		"Fill", "Copy", "CopyCols", "Add", "Sub", "Mul", "AddMul", "Scale", "AddScaled", "AddRow", "MulRow", "MulCol", "Dropout",
		"Sigmoid", "SigmoidGrad", "Tanh", "TanhGrad", "ReLU", "ReLUGrad", "Softmax", "SoftmaxGrad", "LayerNorm", "LayerNormGrad",
		"Gemm", "SumRows", "GatherRows", "ScatterAddRows", "ArgMaxRows", "SoftmaxCrossEntropy", "SquaredError",
		"SGD", "RMSProp", "Adam", "ClipNorm", "LSTM1997Cell", "LSTM1997CellGrad",
		"LSTMCell", "LSTMCellGrad", "RNNCell", "RNNCellGrad", "GRUCell", "GRUCellGrad",
	} {
		all = append(all, control{check: op, name: "drops what is beyond 65,535 rows and columns", long: true,
			mistake: func(b backend.Backend) backend.Backend { return beyondGrid{b.(fused), op} }})
	}
	return all
}

// beyondGrid runs one operation on rows and columns up to 65,535.
type beyondGrid struct {
	fused
	op string
}

// limited runs op and puts back what it has done to dst beyond the limit.
func (b beyondGrid) limited(name string, dst backend.Tensor, op func()) {
	const limit = 1<<16 - 1
	if name != b.op || !dst.Present() || max(dst.Rows, dst.Cols) <= limit {
		op()
		return
	}
	keeping(b.fused, dst, func(row, col int) bool { return row >= limit || col >= limit }, op)
}

func (b beyondGrid) Fill(dst backend.Tensor, value float64) {
	b.limited("Fill", dst, func() { b.fused.Fill(dst, value) })
}
func (b beyondGrid) Copy(dst, x backend.Tensor) {
	b.limited("Copy", dst, func() { b.fused.Copy(dst, x) })
}
func (b beyondGrid) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.limited("CopyCols", dst, func() { b.fused.CopyCols(dst, dstCol, x, xCol, cols) })
}
func (b beyondGrid) Add(dst, x, y backend.Tensor) {
	b.limited("Add", dst, func() { b.fused.Add(dst, x, y) })
}
func (b beyondGrid) Sub(dst, x, y backend.Tensor) {
	b.limited("Sub", dst, func() { b.fused.Sub(dst, x, y) })
}
func (b beyondGrid) Mul(dst, x, y backend.Tensor) {
	b.limited("Mul", dst, func() { b.fused.Mul(dst, x, y) })
}
func (b beyondGrid) AddMul(dst, x, y backend.Tensor) {
	b.limited("AddMul", dst, func() { b.fused.AddMul(dst, x, y) })
}
func (b beyondGrid) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.limited("Scale", dst, func() { b.fused.Scale(dst, alpha, x) })
}
func (b beyondGrid) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.limited("AddScaled", dst, func() { b.fused.AddScaled(dst, alpha, x) })
}
func (b beyondGrid) AddRow(dst, x, row backend.Tensor) {
	b.limited("AddRow", dst, func() { b.fused.AddRow(dst, x, row) })
}
func (b beyondGrid) MulRow(dst, x, row backend.Tensor) {
	b.limited("MulRow", dst, func() { b.fused.MulRow(dst, x, row) })
}
func (b beyondGrid) MulCol(dst, x, col backend.Tensor) {
	b.limited("MulCol", dst, func() { b.fused.MulCol(dst, x, col) })
}
func (b beyondGrid) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.limited("Dropout", dst, func() { b.fused.Dropout(dst, x, rate, seed, offset) })
}
func (b beyondGrid) Sigmoid(y, x backend.Tensor) {
	b.limited("Sigmoid", y, func() { b.fused.Sigmoid(y, x) })
}
func (b beyondGrid) SigmoidGrad(dx, y, dy backend.Tensor) {
	b.limited("SigmoidGrad", dx, func() { b.fused.SigmoidGrad(dx, y, dy) })
}
func (b beyondGrid) Tanh(y, x backend.Tensor) {
	b.limited("Tanh", y, func() { b.fused.Tanh(y, x) })
}
func (b beyondGrid) TanhGrad(dx, y, dy backend.Tensor) {
	b.limited("TanhGrad", dx, func() { b.fused.TanhGrad(dx, y, dy) })
}
func (b beyondGrid) ReLU(y, x backend.Tensor) {
	b.limited("ReLU", y, func() { b.fused.ReLU(y, x) })
}
func (b beyondGrid) ReLUGrad(dx, y, dy backend.Tensor) {
	b.limited("ReLUGrad", dx, func() { b.fused.ReLUGrad(dx, y, dy) })
}
func (b beyondGrid) Softmax(y, x backend.Tensor) {
	b.limited("Softmax", y, func() { b.fused.Softmax(y, x) })
}
func (b beyondGrid) SoftmaxGrad(dx, y, dy backend.Tensor) {
	b.limited("SoftmaxGrad", dx, func() { b.fused.SoftmaxGrad(dx, y, dy) })
}
func (b beyondGrid) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	b.limited("LayerNorm", y, func() { b.fused.LayerNorm(y, rstd, x, epsilon) })
}
func (b beyondGrid) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	b.limited("LayerNormGrad", dx, func() { b.fused.LayerNormGrad(dx, y, rstd, dy) })
}
func (b beyondGrid) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.limited("Gemm", dst, func() { b.fused.Gemm(dst, transA, transB, alpha, x, y, beta) })
}
func (b beyondGrid) SumRows(dst, x backend.Tensor, beta float64) {
	b.limited("SumRows", dst, func() { b.fused.SumRows(dst, x, beta) })
}
func (b beyondGrid) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	b.limited("GatherRows", dst, func() { b.fused.GatherRows(dst, x, ids) })
}
func (b beyondGrid) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.limited("ScatterAddRows", dst, func() { b.fused.ScatterAddRows(dst, x, ids) })
}
func (b beyondGrid) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	if b.op == "ArgMaxRows" && x.Rows > 1<<16 {
		dst, x = dst.Slice(0, 1<<16), x.Slice(0, 1<<16)
	}
	b.fused.ArgMaxRows(dst, x)
}
func (b beyondGrid) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.limited("SoftmaxCrossEntropy", dlogits, func() { b.fused.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale) })
}
func (b beyondGrid) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.limited("SquaredError", dy, func() { b.fused.SquaredError(loss, dy, y, target, scale) })
}
func (b beyondGrid) SGD(a backend.SGDArgs) {
	b.limited("SGD", a.Param, func() { b.fused.SGD(a) })
}
func (b beyondGrid) RMSProp(a backend.RMSPropArgs) {
	b.limited("RMSProp", a.Param, func() { b.fused.RMSProp(a) })
}
func (b beyondGrid) Adam(a backend.AdamArgs) {
	b.limited("Adam", a.Param, func() { b.fused.Adam(a) })
}
func (b beyondGrid) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.limited("ClipNorm", x, func() { b.fused.ClipNorm(x, norm, limit) })
}
func (b beyondGrid) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	b.limited("LSTM1997Cell", a.Y, func() { b.fused.LSTM1997Cell(a) })
}
func (b beyondGrid) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	b.limited("LSTM1997CellGrad", a.PCell, func() { b.fused.LSTM1997CellGrad(a) })
}
func (b beyondGrid) LSTMCell(a backend.LSTMCellArgs) {
	b.limited("LSTMCell", a.C, func() { b.fused.LSTMCell(a) })
}
func (b beyondGrid) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	b.limited("LSTMCellGrad", a.DZ, func() { b.fused.LSTMCellGrad(a) })
}
func (b beyondGrid) RNNCell(a backend.RNNCellArgs) {
	b.limited("RNNCell", a.H, func() { b.fused.RNNCell(a) })
}
func (b beyondGrid) RNNCellGrad(a backend.RNNCellGradArgs) {
	b.limited("RNNCellGrad", a.DZ, func() { b.fused.RNNCellGrad(a) })
}
func (b beyondGrid) GRUCell(a backend.GRUCellArgs) {
	b.limited("GRUCell", a.H, func() { b.fused.GRUCell(a) })
}
func (b beyondGrid) GRUCellGrad(a backend.GRUCellGradArgs) {
	b.limited("GRUCellGrad", a.DU, func() { b.fused.GRUCellGrad(a) })
}

// addDropsTailOf63 has a last vector that is too short by one.
type addDropsTailOf63 mistake

func (b addDropsTailOf63) Add(dst, x, y backend.Tensor) {
	n := dst.Size()
	keeping(b.sound, dst, func(row, col int) bool { return n > 128 && n%64 == 63 && row*dst.Cols+col == n-1 },
		func() { b.sound.Add(dst, x, y) })
}

type dropoutIndexIs16Bit mistake

func (b dropoutIndexIs16Bit) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	for from := 0; from < dst.Size(); from += 1 << 16 {
		n := min(1<<16, dst.Size()-from)
		part := func(t backend.Tensor) backend.Tensor {
			return backend.Tensor{Buf: t.Buf, Off: t.Off + from, Rows: 1, Cols: n}
		}
		b.sound.Dropout(part(dst), part(x), rate, seed, offset)
	}
	if dst.Size() == 0 {
		b.sound.Dropout(dst, x, rate, seed, offset)
	}
}

// clipNormHas1024Parts adds up a part of each of 1,024 blocks, which do not go
// round.
type clipNormHas1024Parts mistake

func (b clipNormHas1024Parts) ClipNorm(x, norm backend.Tensor, limit float64) {
	if most := 1024 * 2048; x.Size() > most {
		x, _ = x.Take(1, most)
	}
	b.sound.ClipNorm(x, norm, limit)
}

type squaredErrorHas1024Parts mistake

func (b squaredErrorHas1024Parts) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, y, target, scale)
	if most := 1024 * 2048; y.Size() > most {
		y, _ = y.Take(1, most)
		target, _ = target.Take(1, most)
		if dy.Off != y.Off && dy.Off != target.Off {
			b.sound.SquaredError(loss, backend.Tensor{}, y, target, scale)
		}
	}
}

type crossEntropyHas1024Parts mistake

func (b crossEntropyHas1024Parts) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	if logits.Rows > 1024 {
		b.sound.SoftmaxCrossEntropy(loss, backend.Tensor{}, logits.Slice(0, 1024), labels.Slice(0, 1024), scale)
		first := read(b.sound, loss)
		b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
		b.sound.Upload(loss, first)
		return
	}
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
}

type sumRowsHas256Chunks mistake

func (b sumRowsHas256Chunks) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.SumRows(dst, x.Slice(0, min(x.Rows, 256*256)), beta)
}

// halved returns how many columns count where the warps of a row are combined in
// halves, and an odd one is left over.
func halved(cols int) int {
	if warps := (cols + 31) / 32; warps == 3 {
		return 2 * 32
	}
	return cols
}

type softmaxHalvesWarps mistake

func (b softmaxHalvesWarps) Softmax(y, x backend.Tensor) {
	b.sound.Softmax(y, x)
	if columns := halved(y.Cols); columns < y.Cols {
		normaliseBy(b.sound, y, columns)
	}
}

type layerNormHalvesWarps mistake

func (b layerNormHalvesWarps) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	normalize(b.sound, y, rstd, x, func(row []float32, mean float64) float64 {
		columns := halved(len(row))
		return 1 / math.Sqrt(variance(row[:columns], mean)*float64(columns)/float64(len(row))+epsilon)
	})
}

type argMaxHalvesWarps mistake

func (b argMaxHalvesWarps) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	counted := clone(b.sound, x)
	each(b.sound, counted, func(k int, v float32) float32 {
		if k%x.Cols >= halved(x.Cols) {
			return float32(-inf)
		}
		return v
	})
	b.sound.ArgMaxRows(dst, counted)
}

// sumRowsAddsParts adds up parts in dst, whatever beta is.
type sumRowsAddsParts mistake

func (b sumRowsAddsParts) SumRows(dst, x backend.Tensor, beta float64) {
	if beta == 0 && x.Rows > 256*256 {
		b.sound.Scale(dst, 0, dst) // NaN stays
		beta = 1
	}
	b.sound.SumRows(dst, x, beta)
}

// uploadsOneBlock has page-locked memory of a mebibyte.
type uploadsOneBlock mistake

func (b uploadsOneBlock) Upload(dst backend.Tensor, src []float32) {
	const most = 1 << 18
	keeping(struct{ backend.Backend }{b.sound}, dst, func(row, col int) bool { return row*dst.Cols+col >= most }, func() { b.sound.Upload(dst, src) })
}

type downloadsOneBlock mistake

func (b downloadsOneBlock) Download(dst []float32, src backend.Tensor) error {
	err := b.sound.Download(dst, src)
	if most := 1 << 18; len(dst) > most {
		clear(dst[most:])
	}
	return err
}

// zeroesOneBlock clears no more than so much of memory that is used again.
type zeroesOneBlock struct {
	sound backend.Backend
	dirty bool
}

func (b *zeroesOneBlock) Free(buf backend.Buffer) {
	b.dirty = true
	b.sound.Free(buf)
}

func (b *zeroesOneBlock) New(rows, cols int) (backend.Tensor, error) {
	t, err := b.sound.New(rows, cols)
	if most := 1 << 16; err == nil && b.dirty && t.Size() > most {
		_, rest := t.Take(1, most)
		b.sound.Fill(rest, -7)
	}
	return t, err
}

type looksAt65536Labels mistake

func (b looksAt65536Labels) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	most := min(labels.N, 1<<16)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits.Slice(0, most), labels.Slice(0, most), scale)
}
