package backendtest

import "gputrain/backend"

// brokenReplays do in a replay what they did in the first one, on the same memory,
// but for one thing that has changed. They see no plan: what they know an
// operation by is its first operand.
var brokenReplays = []control{
	freezing("Fill", "value"), freezing("Scale", "alpha"), freezing("AddScaled", "alpha"), freezing("CopyCols", "columns"),
	freezing("Dropout", "rate"), freezing("Dropout", "seed"), freezing("Dropout", "offset"), freezing("LayerNorm", "epsilon"),
	freezing("Gemm", "alpha"), freezing("Gemm", "beta"), freezing("Gemm", "transposes"), freezing("Gemm", "operands"),
	freezing("SumRows", "beta"), freezing("SoftmaxCrossEntropy", "scale"), freezing("SoftmaxCrossEntropy", "gradient"),
	freezing("SquaredError", "scale"), freezing("SGD", "LR"), freezing("SGD", "Momentum"), freezing("SGD", "WeightDecay"),
	freezing("SGD", "Nesterov"), freezing("SGD", "Velocity"),
	freezing("RMSProp", "LR"), freezing("RMSProp", "Decay"), freezing("RMSProp", "Epsilon"), freezing("RMSProp", "Momentum"),
	freezing("RMSProp", "WeightDecay"),
	freezing("Adam", "LR"), freezing("Adam", "Beta1"), freezing("Adam", "Beta2"), freezing("Adam", "Epsilon"),
	freezing("Adam", "WeightDecay"), freezing("Adam", "Step"), freezing("Adam", "Decoupled"),
	freezing("ClipNorm", "limit"), freezing("Sub", "operands"), freezing("Softmax", "shapes"), freezing("Copy", "windows"),
	freezing("GatherRows", "ids"), freezing("ArgMaxRows", "windows"), freezing("LSTM1997Cell", "squashes"),
	freezing("LSTM1997Cell", "Peep"), freezing("LSTMForward", "biases"), freezing("LSTMForward", "Peep"),
	freezing("LSTMForward", "Batch"), freezing("RNNForward", "ReLU"),
	freezing("LSTMBackward", "Overwrite"), freezing("RNNBackward", "Overwrite"), freezing("GRUBackward", "Overwrite"),
}

func freezing(op, what string) control {
	return control{check: "Replay", name: op + " keeps its " + what, mistake: func(b backend.Backend) backend.Backend {
		return &freezes{fused: b.(fused), what: op + " " + what, first: map[backend.Buffer]any{}}
	}}
}

type freezes struct {
	fused
	what   string
	within bool
	first  map[backend.Buffer]any // what was frozen, of each allocation
}

func (b *freezes) Replay(ops func()) {
	b.within = true
	defer func() { b.within = false }()
	ops()
}

func (b *freezes) Free(buf backend.Buffer) {
	delete(b.first, buf)
	b.fused.Free(buf)
}

// freeze makes *now what it was in the first replay.
func freeze[T any](b *freezes, what string, buf backend.Buffer, now *T) {
	if what != b.what || !b.within || buf == nil {
		return
	}
	if first, ok := b.first[buf]; ok {
		*now = first.(T)
		return
	}
	b.first[buf] = *now
}

func (b *freezes) Fill(dst backend.Tensor, value float64) {
	freeze(b, "Fill value", dst.Buf, &value)
	b.fused.Fill(dst, value)
}

func (b *freezes) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	freeze(b, "Scale alpha", dst.Buf, &alpha)
	b.fused.Scale(dst, alpha, x)
}

func (b *freezes) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	freeze(b, "AddScaled alpha", dst.Buf, &alpha)
	b.fused.AddScaled(dst, alpha, x)
}

func (b *freezes) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	columns := [3]int{dstCol, xCol, cols}
	freeze(b, "CopyCols columns", dst.Buf, &columns)
	b.fused.CopyCols(dst, columns[0], x, columns[1], columns[2])
}

func (b *freezes) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	freeze(b, "Dropout rate", dst.Buf, &rate)
	freeze(b, "Dropout seed", dst.Buf, &seed)
	freeze(b, "Dropout offset", dst.Buf, &offset)
	b.fused.Dropout(dst, x, rate, seed, offset)
}

func (b *freezes) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	freeze(b, "LayerNorm epsilon", y.Buf, &epsilon)
	b.fused.LayerNorm(y, rstd, x, epsilon)
}

func (b *freezes) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	transposes, operands := [2]backend.Transpose{transA, transB}, [2]backend.Tensor{x, y}
	freeze(b, "Gemm alpha", dst.Buf, &alpha)
	freeze(b, "Gemm beta", dst.Buf, &beta)
	if x.Rows == x.Cols && y.Rows == y.Cols {
		freeze(b, "Gemm transposes", dst.Buf, &transposes)
		freeze(b, "Gemm operands", dst.Buf, &operands)
	}
	b.fused.Gemm(dst, transposes[0], transposes[1], alpha, operands[0], operands[1], beta)
}

func (b *freezes) SumRows(dst, x backend.Tensor, beta float64) {
	freeze(b, "SumRows beta", dst.Buf, &beta)
	b.fused.SumRows(dst, x, beta)
}

func (b *freezes) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	freeze(b, "SoftmaxCrossEntropy scale", loss.Buf, &scale)
	if logits.Rows == 4 {
		freeze(b, "SoftmaxCrossEntropy gradient", loss.Buf, &dlogits)
	}
	b.fused.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
}

func (b *freezes) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	freeze(b, "SquaredError scale", loss.Buf, &scale)
	b.fused.SquaredError(loss, dy, y, target, scale)
}

func (b *freezes) SGD(a backend.SGDArgs) {
	freeze(b, "SGD LR", a.Param.Buf, &a.LR)
	if a.Velocity.Present() {
		freeze(b, "SGD Momentum", a.Param.Buf, &a.Momentum)
	}
	freeze(b, "SGD WeightDecay", a.Param.Buf, &a.WeightDecay)
	freeze(b, "SGD Nesterov", a.Param.Buf, &a.Nesterov)
	if velocity := a.Velocity; b.what == "SGD Velocity" && b.within {
		freeze(b, b.what, a.Param.Buf, &velocity)
		if !a.Velocity.Present() && velocity.Present() {
			b.fused.Copy(velocity, a.Grad)
		}
	}
	b.fused.SGD(a)
}

func (b *freezes) RMSProp(a backend.RMSPropArgs) {
	freeze(b, "RMSProp LR", a.Param.Buf, &a.LR)
	freeze(b, "RMSProp Decay", a.Param.Buf, &a.Decay)
	freeze(b, "RMSProp Epsilon", a.Param.Buf, &a.Epsilon)
	freeze(b, "RMSProp WeightDecay", a.Param.Buf, &a.WeightDecay)
	if a.Velocity.Present() {
		freeze(b, "RMSProp Momentum", a.Param.Buf, &a.Momentum)
	}
	b.fused.RMSProp(a)
}

func (b *freezes) Adam(a backend.AdamArgs) {
	freeze(b, "Adam LR", a.Param.Buf, &a.LR)
	freeze(b, "Adam Beta1", a.Param.Buf, &a.Beta1)
	freeze(b, "Adam Beta2", a.Param.Buf, &a.Beta2)
	freeze(b, "Adam Epsilon", a.Param.Buf, &a.Epsilon)
	freeze(b, "Adam WeightDecay", a.Param.Buf, &a.WeightDecay)
	freeze(b, "Adam Step", a.Param.Buf, &a.Step)
	freeze(b, "Adam Decoupled", a.Param.Buf, &a.Decoupled)
	b.fused.Adam(a)
}

func (b *freezes) ClipNorm(x, norm backend.Tensor, limit float64) {
	freeze(b, "ClipNorm limit", x.Buf, &limit)
	b.fused.ClipNorm(x, norm, limit)
}

func (b *freezes) Sub(dst, x, y backend.Tensor) {
	operands := [2]backend.Tensor{x, y}
	freeze(b, "Sub operands", dst.Buf, &operands)
	b.fused.Sub(dst, operands[0], operands[1])
}

func (b *freezes) Softmax(y, x backend.Tensor) {
	windows := [2]backend.Tensor{y, x}
	freeze(b, "Softmax shapes", y.Buf, &windows)
	b.fused.Softmax(windows[0], windows[1])
}

func (b *freezes) Copy(dst, x backend.Tensor) {
	windows := [2]backend.Tensor{dst, x}
	freeze(b, "Copy windows", dst.Buf, &windows)
	b.fused.Copy(windows[0], windows[1])
}

func (b *freezes) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	if dst.Rows == 4 {
		freeze(b, "GatherRows ids", dst.Buf, &ids)
	}
	b.fused.GatherRows(dst, x, ids)
}

func (b *freezes) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	freeze(b, "ArgMaxRows windows", dst.Buf, &dst)
	b.fused.ArgMaxRows(dst, x)
}

func (b *freezes) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	f := squashes{g: a.G, h: a.H}
	freeze(b, "LSTM1997Cell squashes", a.Gates.Buf, &f)
	freeze(b, "LSTM1997Cell Peep", a.Gates.Buf, &a.Peep)
	a.G, a.H = f.g, f.h
	b.fused.LSTM1997Cell(a)
}

func (b *freezes) LSTMForward(a backend.LSTMArgs) {
	biases := [2]backend.Tensor{a.BIH, a.BHH}
	freeze(b, "LSTMForward biases", a.Gates.Buf, &biases)
	freeze(b, "LSTMForward Peep", a.Gates.Buf, &a.Peep)
	a.BIH, a.BHH = biases[0], biases[1]
	if b.what == "LSTMForward Batch" {
		freeze(b, b.what, a.Gates.Buf, &a)
	}
	b.fused.LSTMForward(a)
}

func (b *freezes) RNNForward(a backend.RNNArgs) {
	freeze(b, "RNNForward ReLU", a.H.Buf, &a.ReLU)
	b.fused.RNNForward(a)
}

func (b *freezes) LSTMBackward(a backend.LSTMGradArgs) {
	freeze(b, "LSTMBackward Overwrite", a.DZ.Buf, &a.Overwrite)
	b.fused.LSTMBackward(a)
}

func (b *freezes) RNNBackward(a backend.RNNGradArgs) {
	freeze(b, "RNNBackward Overwrite", a.DZ.Buf, &a.Overwrite)
	b.fused.RNNBackward(a)
}

func (b *freezes) GRUBackward(a backend.GRUGradArgs) {
	freeze(b, "GRUBackward Overwrite", a.DV.Buf, &a.Overwrite)
	b.fused.GRUBackward(a)
}
