package backendtest

import (
	"math"

	"gputrain/backend"
)

// brokenLoops end one loop of one operation after 65,535 rounds, as some drivers do
// without a word, or after a second such part. What is beyond counts for nothing.
// Loops over the elements of a result are those of beyondGrid.
func brokenLoops() []control {
	const most = 1<<16 - 1
	var all []control
	for _, c := range []struct {
		op, loop string
		longer   bool // the suite has a loop beyond two parts
	}{
		{"Gemm", "products", true}, {"SumRows", "rows", true}, {"ScatterAddRows", "ids", true}, {"ArgMaxRows", "columns", true},
		{"Softmax", "columns", true}, {"SoftmaxGrad", "columns", true}, {"LayerNorm", "mean", true}, {"LayerNorm", "variance", true},
		{"LayerNormGrad", "mean", true}, {"LayerNormGrad", "slope", true},
		{"SoftmaxCrossEntropy", "columns", true}, {"SoftmaxCrossEntropy", "rows", false},
		{"SquaredError", "elements", true}, {"ClipNorm", "elements", true},
		{"LSTMPeepGrad", "rows", true}, {"LSTM1997Cell", "peepholes", false},
		{"LSTM1997CellGrad", "sequences", false}, {"LSTM1997CellGrad", "cells", false},
		{"LSTMForward", "steps", false}, {"LSTMForward", "sequences", false}, {"LSTMForward", "inputs", true},
		{"LSTMBackward", "steps", false}, {"LSTMBackward", "rows", false}, {"LSTMBackward", "inputs", true},
		{"RNNForward", "steps", false}, {"RNNForward", "sequences", false}, {"RNNForward", "inputs", true},
		{"RNNBackward", "steps", false}, {"RNNBackward", "rows", false}, {"RNNBackward", "inputs", true},
		{"LSTM1997Forward", "steps", false}, {"LSTM1997Forward", "sequences", false}, {"LSTM1997Forward", "inputs", true},
		{"LSTM1997Backward", "steps", false}, {"LSTM1997Backward", "sequences", false}, {"LSTM1997Backward", "inputs", true},
	} {
		add := func(name string, limit int) {
			all = append(all, control{check: c.op, name: name, long: true,
				mistake: func(b backend.Backend) backend.Backend { return shortened{b.(fused), c.op, c.loop, limit} }})
		}
		add("ends "+c.loop+" at 65,535", most)
		if c.longer {
			add("splits "+c.loop+" once", 2*most)
		}
	}
	for _, op := range []string{"GatherRows", "ScatterAddRows", "ArgMaxRows", "SoftmaxCrossEntropy"} {
		all = append(all, control{check: op, name: "counts in 16 bits", long: true,
			mistake: func(b backend.Backend) backend.Backend { return narrow{b.(fused), op} }})
	}
	return all
}

// shortened is a backend in which a loop of an operation ends at limit.
type shortened struct {
	fused
	op, loop string
	limit    int
}

func (b shortened) ends(op, loop string) bool { return b.op == op && b.loop == loop }

// first returns the rows of t within the limit, of which a round of the loop has so
// many, and some more.
func (b shortened) first(t backend.Tensor, round, more int) backend.Tensor {
	if !t.Present() {
		return t
	}
	return t.Slice(0, min(t.Rows, b.limit*round+more))
}

// masked returns t, or a copy with value where beyond says so.
func (b shortened) masked(t backend.Tensor, value float32, beyond func(row, col int) bool) backend.Tensor {
	if max(t.Rows, t.Cols) <= b.limit {
		return t
	}
	t = clone(b.fused, t)
	each(b.fused, t, func(k int, v float32) float32 {
		if beyond(k/t.Cols, k%t.Cols) {
			return value
		}
		return v
	})
	return t
}

func (b shortened) columns(t backend.Tensor, value float32) backend.Tensor {
	return b.masked(t, value, func(_, col int) bool { return col >= b.limit })
}

// missing returns for each row the sum of products beyond the limit of columns.
func (b shortened) missing(x, y backend.Tensor) []float64 {
	a, c, sums := read(b.fused, x), read(b.fused, y), make([]float64, x.Rows)
	for k := range a {
		if k%x.Cols >= b.limit {
			sums[k/x.Cols] += float64(a[k]) * float64(c[k])
		}
	}
	return sums
}

// lacking runs op and adds sums[i]·factor(k) to element k of dst, in row i.
func (b shortened) lacking(dst backend.Tensor, sums []float64, factor func(k int) float64, op func()) {
	op()
	each(b.fused, dst, func(k int, v float32) float32 { return float32(float64(v) + sums[k/dst.Cols]*factor(k)) })
}

func (b shortened) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	if b.op == "Gemm" {
		x = b.masked(x, 0, func(row, col int) bool {
			if transA {
				col = row
			}
			return col >= b.limit
		})
	}
	b.fused.Gemm(dst, transA, transB, alpha, x, y, beta)
}

func (b shortened) SumRows(dst, x backend.Tensor, beta float64) {
	if b.op == "SumRows" {
		x = b.first(x, 1, 0)
	}
	b.fused.SumRows(dst, x, beta)
}

func (b shortened) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	if b.op == "ScatterAddRows" {
		x, ids = b.first(x, 1, 0), ids.Slice(0, min(ids.N, b.limit))
	}
	b.fused.ScatterAddRows(dst, x, ids)
}

func (b shortened) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	if b.op == "ArgMaxRows" {
		x = b.columns(x, float32(-inf))
	}
	b.fused.ArgMaxRows(dst, x)
}

func (b shortened) Softmax(y, x backend.Tensor) {
	b.fused.Softmax(y, x)
	if b.op == "Softmax" && y.Cols > b.limit {
		normaliseBy(b.fused, y, b.limit)
	}
}

func (b shortened) SoftmaxGrad(dx, y, dy backend.Tensor) {
	if b.op != "SoftmaxGrad" {
		b.fused.SoftmaxGrad(dx, y, dy)
		return
	}
	outputs := read(b.fused, y)
	b.lacking(dx, b.missing(y, dy), func(k int) float64 { return float64(outputs[k]) }, func() { b.fused.SoftmaxGrad(dx, y, dy) })
}

func (b shortened) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	switch {
	case b.ends("LayerNorm", "variance") && x.Cols > b.limit:
		normalize(b.fused, y, rstd, x, func(row []float32, mean float64) float64 {
			return 1 / math.Sqrt(variance(row[:b.limit], mean)*float64(b.limit)/float64(len(row))+epsilon)
		})
	case b.ends("LayerNorm", "mean"):
		ones := clone(b.fused, x)
		b.Fill(ones, 1)
		sums := b.missing(x, ones)
		b.fused.LayerNorm(y, rstd, x, epsilon)
		scales := read(b.fused, rstd)
		b.lacking(y, sums, func(k int) float64 { return float64(scales[k/y.Cols]) / float64(y.Cols) }, func() {})
	default:
		b.fused.LayerNorm(y, rstd, x, epsilon)
	}
}

func (b shortened) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	if b.op != "LayerNormGrad" {
		b.fused.LayerNormGrad(dx, y, rstd, dy)
		return
	}
	factors := clone(b.fused, y) // of a sum over dy
	if b.loop == "mean" {
		b.Fill(factors, 1)
	}
	scales, slopes := read(b.fused, rstd), read(b.fused, factors)
	b.lacking(dx, b.missing(factors, dy), func(k int) float64 {
		return float64(scales[k/dx.Cols]) * float64(slopes[k]) / float64(dx.Cols)
	}, func() { b.fused.LayerNormGrad(dx, y, rstd, dy) })
}

func (b shortened) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	within := logits
	switch {
	case b.ends("SoftmaxCrossEntropy", "columns"):
		within = b.columns(logits, float32(-inf))
	case b.ends("SoftmaxCrossEntropy", "rows"):
		within = b.first(clone(b.fused, logits), 1, 0)
	}
	b.fused.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	if b.op == "SoftmaxCrossEntropy" && within != logits {
		b.fused.SoftmaxCrossEntropy(loss, backend.Tensor{}, within, labels.Slice(0, within.Rows), scale)
	}
}

func (b shortened) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	if b.op == "SquaredError" && y.Size() > b.limit {
		before := [2]backend.Tensor{clone(b.fused, y), clone(b.fused, target)}
		b.fused.SquaredError(loss, dy, y, target, scale)
		y, _ = before[0].Take(1, b.limit)
		target, _ = before[1].Take(1, b.limit)
		dy = backend.Tensor{}
	}
	b.fused.SquaredError(loss, dy, y, target, scale)
}

func (b shortened) ClipNorm(x, norm backend.Tensor, limit float64) {
	if b.op == "ClipNorm" && x.Size() > b.limit {
		x, _ = x.Take(1, b.limit)
	}
	b.fused.ClipNorm(x, norm, limit)
}

func (b shortened) LSTMPeepGrad(dPeep, dz, cPrev, c backend.Tensor) {
	if b.op == "LSTMPeepGrad" {
		dz, cPrev, c = b.first(dz, 1, 0), b.first(cPrev, 1, 0), b.first(c, 1, 0)
	}
	b.fused.LSTMPeepGrad(dPeep, dz, cPrev, c)
}

func (b shortened) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	if b.op == "LSTM1997Cell" && a.Blocks == 1 {
		a.Peep = b.columns(a.Peep, 0)
	}
	b.fused.LSTM1997Cell(a)
}

func (b shortened) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	switch {
	case b.ends("LSTM1997CellGrad", "sequences"):
		a.DY = b.masked(a.DY, 0, func(row, _ int) bool { return row >= b.limit })
	case b.ends("LSTM1997CellGrad", "cells") && a.Blocks == 1:
		a.DY = b.columns(a.DY, 0)
	}
	b.fused.LSTM1997CellGrad(a)
}

// sequences runs op and puts back what it has done to sequences beyond the limit.
func (b shortened) sequences(dst backend.Tensor, batch int, op func()) {
	if batch <= b.limit {
		op()
		return
	}
	keeping(b.fused, dst, func(row, _ int) bool { return row%batch >= b.limit }, op)
}

func (b shortened) LSTMForward(a backend.LSTMArgs) {
	switch n := a.Batch; {
	case b.ends("LSTMForward", "steps"):
		a.X, a.H, a.C, a.Gates = b.first(a.X, n, 0), b.first(a.H, n, n), b.first(a.C, n, n), b.first(a.Gates, n, 0)
	case b.ends("LSTMForward", "inputs"):
		a.X = b.columns(a.X, 0)
	case b.ends("LSTMForward", "sequences"):
		b.sequences(a.H, n, func() { b.fused.LSTMForward(a) })
		return
	}
	b.fused.LSTMForward(a)
}

func (b shortened) LSTMBackward(a backend.LSTMGradArgs) {
	switch n := a.Batch; {
	case b.ends("LSTMBackward", "steps"):
		a.X, a.H, a.C, a.Gates = b.first(a.X, n, 0), b.first(a.H, n, n), b.first(a.C, n, n), b.first(a.Gates, n, 0)
		a.DY, a.DZ, a.DX = b.first(a.DY, n, 0), b.first(a.DZ, n, 0), b.first(a.DX, n, 0)
	case b.ends("LSTMBackward", "rows"):
		a.X = b.masked(a.X, 0, func(row, _ int) bool { return row >= b.limit })
	case b.ends("LSTMBackward", "inputs"):
		a.X = b.columns(a.X, 0)
	}
	b.fused.LSTMBackward(a)
}

func (b shortened) RNNForward(a backend.RNNArgs) {
	switch n := a.Batch; {
	case b.ends("RNNForward", "steps"):
		a.X, a.H = b.first(a.X, n, 0), b.first(a.H, n, n)
	case b.ends("RNNForward", "inputs"):
		a.X = b.columns(a.X, 0)
	case b.ends("RNNForward", "sequences"):
		b.sequences(a.H, n, func() { b.fused.RNNForward(a) })
		return
	}
	b.fused.RNNForward(a)
}

func (b shortened) RNNBackward(a backend.RNNGradArgs) {
	switch n := a.Batch; {
	case b.ends("RNNBackward", "steps"):
		a.X, a.H = b.first(a.X, n, 0), b.first(a.H, n, n)
		a.DY, a.DZ, a.DX = b.first(a.DY, n, 0), b.first(a.DZ, n, 0), b.first(a.DX, n, 0)
	case b.ends("RNNBackward", "rows"):
		a.X = b.masked(a.X, 0, func(row, _ int) bool { return row >= b.limit })
	case b.ends("RNNBackward", "inputs"):
		a.X = b.columns(a.X, 0)
	}
	b.fused.RNNBackward(a)
}

// within returns the operands of the first steps, up to the limit.
func (b shortened) within(a backend.LSTM1997Args) backend.LSTM1997Args {
	n := a.Batch
	a.X, a.Source = b.first(a.X, n, 0), b.first(a.Source, n, 0)
	a.Gates, a.S, a.Y = b.first(a.Gates, n, n), b.first(a.S, n, n), b.first(a.Y, n, n)
	return a
}

func (b shortened) LSTM1997Forward(a backend.LSTM1997Args) {
	switch {
	case b.ends("LSTM1997Forward", "steps"):
		a = b.within(a)
	case b.ends("LSTM1997Forward", "inputs"):
		a.Weight = b.columns(a.Weight, 0)
	case b.ends("LSTM1997Forward", "sequences"):
		b.sequences(a.Y, a.Batch, func() { b.fused.LSTM1997Forward(a) })
		return
	}
	b.fused.LSTM1997Forward(a)
}

func (b shortened) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	switch {
	case b.ends("LSTM1997Backward", "steps"):
		a.LSTM1997Args, a.DY = b.within(a.LSTM1997Args), b.first(a.DY, a.Batch, 0)
	case b.ends("LSTM1997Backward", "sequences"):
		a.DY = b.masked(a.DY, 0, func(row, _ int) bool { return row%max(a.Batch, 1) >= b.limit })
	case b.ends("LSTM1997Backward", "inputs"):
		a.Source = b.columns(a.Source, 0)
	}
	b.fused.LSTM1997Backward(a)
}

// narrow is a backend in which an operation has indices of 16 bits.
type narrow struct {
	fused
	op string
}

// wrapped returns ids, or for the operation in question their lower 16 bits.
func (b narrow) wrapped(op string, ids backend.Ints) backend.Ints {
	if op != b.op {
		return ids
	}
	list := readInts(b.fused, ids)
	for i, id := range list {
		if id > math.MaxUint16 {
			list[i] = id & math.MaxUint16
		}
	}
	copied, err := b.NewInts(len(list))
	if err != nil {
		panic(err)
	}
	b.UploadInts(copied, list)
	return copied
}

func (b narrow) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	b.fused.GatherRows(dst, x, b.wrapped("GatherRows", ids))
}

func (b narrow) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.fused.ScatterAddRows(dst, x, b.wrapped("ScatterAddRows", ids))
}

func (b narrow) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	b.fused.ArgMaxRows(dst, x)
	b.UploadInts(dst, readInts(b.fused, b.wrapped("ArgMaxRows", dst)))
}

func (b narrow) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.fused.SoftmaxCrossEntropy(loss, dlogits, logits, b.wrapped("SoftmaxCrossEntropy", labels), scale)
}
