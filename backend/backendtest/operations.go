package backendtest

import (
	"slices"

	"gputrain/backend"
)

// operation is a legal call, of which each operand is spoiled in turn.
type operation struct {
	name     string
	operands []operand
	call     func(b backend.Backend, x tensors)
	check    func(owner any, x tensors) // the one of package backend
}

// f and n are shorthands for operands of floats and of integers.
func f(name string, rows, cols int) operand { return out(name, rows, cols) }
func n(name string, count int) operand      { return outInts(name, count) }

// operations returns all that b has.
func operations(b backend.Backend) []operation {
	return slices.Concat(memoryOperations(), elementwiseOperations(), linearOperations(), updateOperations(),
		clipFactorOperations(b), lstm1997Operations(), lstm1997SequenceOperations(b), lstmOperations(b), rnnOperations(b), gruOperations(b))
}

func memoryOperations() []operation {
	type b = backend.Backend
	return []operation{
		{"Free", []operand{f("buffer", 3, 4)},
			func(b b, x tensors) { b.Free(x["buffer"].Buf) },
			func(o any, x tensors) { backend.CheckFree(o, x["buffer"].Buf) }},
		{"Free", []operand{n("buffer", 5)},
			func(b b, x tensors) { b.Free(x["buffer"].Buf) },
			func(o any, x tensors) { backend.CheckFree(o, x["buffer"].Buf) }},
		{"Upload", []operand{f("dst", 3, 4)},
			func(b b, x tensors) { b.Upload(x["dst"], make([]float32, 12)) },
			func(o any, x tensors) { backend.CheckUpload(o, x["dst"], 12) }},
		{"UploadInts", []operand{n("dst", 5)},
			func(b b, x tensors) { b.UploadInts(x.ints("dst"), make([]int32, 5)) },
			func(o any, x tensors) { backend.CheckUploadInts(o, x.ints("dst"), 5) }},
		{"Download", []operand{f("src", 3, 4)},
			func(b b, x tensors) { b.Download(make([]float32, 12), x["src"]) },
			func(o any, x tensors) { backend.CheckDownload(o, 12, x["src"]) }},
		{"DownloadInts", []operand{n("src", 5)},
			func(b b, x tensors) { b.DownloadInts(make([]int32, 5), x.ints("src")) },
			func(o any, x tensors) { backend.CheckDownloadInts(o, 5, x.ints("src")) }},
	}
}

func elementwiseOperations() []operation {
	type b = backend.Backend
	type t = backend.Tensor
	all := []operation{
		{"Fill", []operand{f("dst", 3, 4)},
			func(b b, x tensors) { b.Fill(x["dst"], 1) },
			func(o any, x tensors) { backend.CheckFill(o, x["dst"]) }},
		{"CopyCols", []operand{f("dst", 3, 4), f("x", 3, 5)},
			func(b b, x tensors) { b.CopyCols(x["dst"], 1, x["x"], 2, 3) },
			func(o any, x tensors) { backend.CheckCopyCols(o, x["dst"], 1, x["x"], 2, 3) }},
		{"Dropout", []operand{f("dst", 3, 4), f("x", 3, 4)},
			func(b b, x tensors) { b.Dropout(x["dst"], x["x"], 0.5, 1, 2) },
			func(o any, x tensors) { backend.CheckDropout(o, x["dst"], x["x"], 0.5) }},
		{"LayerNorm", []operand{f("y", 3, 4), f("rstd", 3, 1), f("x", 3, 4)},
			func(b b, x tensors) { b.LayerNorm(x["y"], x["rstd"], x["x"], 1) },
			func(o any, x tensors) { backend.CheckLayerNorm(o, x["y"], x["rstd"], x["x"], 1) }},
		{"LayerNormGrad", []operand{f("dx", 3, 4), f("y", 3, 4), f("rstd", 3, 1), f("dy", 3, 4)},
			func(b b, x tensors) { b.LayerNormGrad(x["dx"], x["y"], x["rstd"], x["dy"]) },
			func(o any, x tensors) { backend.CheckLayerNormGrad(o, x["dx"], x["y"], x["rstd"], x["dy"]) }},
	}
	for _, op := range []struct {
		name string
		call func(b b, dst, x t)
	}{
		{"Copy", b.Copy}, {"Sigmoid", b.Sigmoid}, {"Tanh", b.Tanh}, {"ReLU", b.ReLU}, {"Softmax", b.Softmax},
		{"Scale", func(b b, dst, x t) { b.Scale(dst, 2, x) }}, {"AddScaled", func(b b, dst, x t) { b.AddScaled(dst, 2, x) }},
	} {
		all = append(all, operation{op.name, []operand{f("dst", 3, 4), f("x", 3, 4)},
			func(b b, x tensors) { op.call(b, x["dst"], x["x"]) },
			func(o any, x tensors) { backend.CheckMap(o, op.name, x["dst"], x["x"]) }})
	}
	for _, op := range []struct {
		name  string
		call  func(b b, dst, x, y t)
		check func(o any, op string, dst, x, y t)
	}{
		{"Add", b.Add, backend.CheckZip}, {"Sub", b.Sub, backend.CheckZip},
		{"Mul", b.Mul, backend.CheckZip}, {"AddMul", b.AddMul, backend.CheckZip},
		{"SigmoidGrad", b.SigmoidGrad, backend.CheckGrad}, {"TanhGrad", b.TanhGrad, backend.CheckGrad},
		{"ReLUGrad", b.ReLUGrad, backend.CheckGrad}, {"SoftmaxGrad", b.SoftmaxGrad, backend.CheckGrad},
		{"AddRow", b.AddRow, backend.CheckRow}, {"MulRow", b.MulRow, backend.CheckRow}, {"MulCol", b.MulCol, backend.CheckCol},
	} {
		operands := []operand{f("dst", 3, 4), f("a", 3, 4), f("b", 3, 4)}
		switch op.name {
		case "AddRow", "MulRow":
			operands[2] = f("b", 1, 4)
		case "MulCol":
			operands[2] = f("b", 3, 1)
		}
		all = append(all, operation{op.name, operands,
			func(b b, x tensors) { op.call(b, x["dst"], x["a"], x["b"]) },
			func(o any, x tensors) { op.check(o, op.name, x["dst"], x["a"], x["b"]) }})
	}
	return all
}

func linearOperations() []operation {
	type b = backend.Backend
	all := []operation{
		{"SumRows", []operand{f("dst", 1, 4), f("x", 3, 4)},
			func(b b, x tensors) { b.SumRows(x["dst"], x["x"], 1) },
			func(o any, x tensors) { backend.CheckSumRows(o, x["dst"], x["x"]) }},
		{"GatherRows", []operand{f("dst", 5, 4), f("x", 3, 4), n("ids", 5)},
			func(b b, x tensors) { b.GatherRows(x["dst"], x["x"], x.ints("ids")) },
			func(o any, x tensors) { backend.CheckGatherRows(o, x["dst"], x["x"], x.ints("ids")) }},
		{"ScatterAddRows", []operand{f("dst", 3, 4), f("x", 5, 4), n("ids", 5)},
			func(b b, x tensors) { b.ScatterAddRows(x["dst"], x["x"], x.ints("ids")) },
			func(o any, x tensors) { backend.CheckScatterAddRows(o, x["dst"], x["x"], x.ints("ids")) }},
		{"ArgMaxRows", []operand{n("dst", 3), f("x", 3, 4)},
			func(b b, x tensors) { b.ArgMaxRows(x.ints("dst"), x["x"]) },
			func(o any, x tensors) { backend.CheckArgMaxRows(o, x.ints("dst"), x["x"]) }},
		{"SoftmaxCrossEntropy", []operand{f("loss", 1, 1), f("dlogits", 3, 4), f("logits", 3, 4), n("labels", 3)},
			func(b b, x tensors) {
				b.SoftmaxCrossEntropy(x["loss"], x["dlogits"], x["logits"], x.ints("labels"), 1)
			},
			func(o any, x tensors) {
				backend.CheckSoftmaxCrossEntropy(o, x["loss"], x["dlogits"], x["logits"], x.ints("labels"))
			}},
		{"SquaredError", []operand{f("loss", 1, 1), f("dy", 3, 4), f("y", 3, 4), f("target", 3, 4)},
			func(b b, x tensors) { b.SquaredError(x["loss"], x["dy"], x["y"], x["target"], 1) },
			func(o any, x tensors) { backend.CheckSquaredError(o, x["loss"], x["dy"], x["y"], x["target"]) }},
	}
	for _, tA := range []backend.Transpose{backend.NoTrans, backend.Trans} {
		for _, tB := range []backend.Transpose{backend.NoTrans, backend.Trans} {
			g := gemm{tA, tB, 3, 4, 5, 1, 1}
			as, bs := g.sizes()
			all = append(all, operation{"Gemm", []operand{f("dst", 3, 4), f("a", as.rows, as.cols), f("b", bs.rows, bs.cols)},
				func(b b, x tensors) { b.Gemm(x["dst"], tA, tB, 1, x["a"], x["b"], 1) },
				func(o any, x tensors) { backend.CheckGemm(o, x["dst"], tA, tB, x["a"], x["b"]) }})
		}
	}
	return all
}

func updateOperations() []operation {
	type b = backend.Backend
	param := []operand{f("Param", 3, 4), f("Grad", 3, 4)}
	sgd := func(x tensors) backend.SGDArgs {
		return backend.SGDArgs{Param: x["Param"], Grad: x["Grad"], Velocity: x["Velocity"], Momentum: 0.5}
	}
	rmsprop := func(x tensors) backend.RMSPropArgs {
		return backend.RMSPropArgs{Param: x["Param"], Grad: x["Grad"], Square: x["Square"], Velocity: x["Velocity"], Momentum: 0.5}
	}
	adam := func(x tensors) backend.AdamArgs {
		return backend.AdamArgs{Param: x["Param"], Grad: x["Grad"], Mean: x["Mean"], Square: x["Square"], Step: 1}
	}
	return []operation{
		{"SGD", append(param[:2:2], f("Velocity", 3, 4)),
			func(b b, x tensors) { b.SGD(sgd(x)) }, func(o any, x tensors) { backend.CheckSGD(o, sgd(x)) }},
		{"RMSProp", append(param[:2:2], f("Square", 3, 4), f("Velocity", 3, 4)),
			func(b b, x tensors) { b.RMSProp(rmsprop(x)) }, func(o any, x tensors) { backend.CheckRMSProp(o, rmsprop(x)) }},
		{"Adam", append(param[:2:2], f("Mean", 3, 4), f("Square", 3, 4)),
			func(b b, x tensors) { b.Adam(adam(x)) }, func(o any, x tensors) { backend.CheckAdam(o, adam(x)) }},
		{"ClipNorm", []operand{f("x", 3, 4), f("norm", 1, 1)},
			func(b b, x tensors) { b.ClipNorm(x["x"], x["norm"], 1) },
			func(o any, x tensors) { backend.CheckClipNorm(o, x["x"], x["norm"], 1) }},
	}
}

// clipFactorOperations returns ClipFactor and the optimizers with its factor, if b has them.
func clipFactorOperations(b backend.Backend) []operation {
	if _, ok := b.(backend.ClipFactorer); !ok {
		return nil
	}
	type back = backend.Backend
	sgd := func(x tensors) backend.SGDArgs {
		return backend.SGDArgs{Param: x["Param"], Grad: x["Grad"], Factor: x["Factor"]}
	}
	rmsprop := func(x tensors) backend.RMSPropArgs {
		return backend.RMSPropArgs{Param: x["Param"], Grad: x["Grad"], Square: x["Square"], Factor: x["Factor"]}
	}
	adam := func(x tensors) backend.AdamArgs {
		return backend.AdamArgs{Param: x["Param"], Grad: x["Grad"], Mean: x["Mean"], Square: x["Square"], Factor: x["Factor"], Step: 1}
	}
	param := []operand{f("Param", 3, 4), f("Grad", 3, 4), f("Factor", 1, 1)}
	return []operation{
		{"SGD", param, func(b back, x tensors) { b.SGD(sgd(x)) }, func(o any, x tensors) { backend.CheckSGD(o, sgd(x)) }},
		{"RMSProp", append(param[:3:3], f("Square", 3, 4)),
			func(b back, x tensors) { b.RMSProp(rmsprop(x)) }, func(o any, x tensors) { backend.CheckRMSProp(o, rmsprop(x)) }},
		{"Adam", append(param[:3:3], f("Mean", 3, 4), f("Square", 3, 4)),
			func(b back, x tensors) { b.Adam(adam(x)) }, func(o any, x tensors) { backend.CheckAdam(o, adam(x)) }},
		{"ClipFactor", []operand{f("x", 3, 4), f("norm", 1, 1), f("factor", 1, 1)},
			func(b back, x tensors) {
				b.(backend.ClipFactorer).ClipFactor(x["x"], x["norm"], x["factor"], 1)
			},
			func(o any, x tensors) { backend.CheckClipFactor(o, x["x"], x["norm"], x["factor"], 1) }},
	}
}

func lstm1997Operations() []operation {
	var all []operation
	for _, d := range []lstm1997Dims{
		{batch: 2, blocks: 2, cells: 2, sources: 3},
		{batch: 2, blocks: 2, cells: 2, sources: 3, forget: true, peephole: true},
	} {
		forward := lstm1997Trial("", d, squashes1997, content{})
		grad := lstm1997GradTrial("", d, squashes1997, content{}, exact)
		all = append(all,
			operation{"LSTM1997Cell", forward.operands, forward.call,
				func(o any, x tensors) { backend.CheckLSTM1997Cell(o, lstm1997Args(d, squashes1997, x)) }},
			operation{"LSTM1997CellGrad", grad.operands, grad.call,
				func(o any, x tensors) { backend.CheckLSTM1997CellGrad(o, lstm1997GradArgs(d, squashes1997, x)) }})
	}
	return all
}

// lstmOperations returns what b has fused.
func lstmOperations(b backend.Backend) []operation {
	type back = backend.Backend
	var all []operation
	if _, ok := b.(backend.LSTMCeller); ok {
		all = append(all,
			operation{"LSTMCell", []operand{f("Gates", 2, 12), f("CPrev", 2, 3), f("Peep", 3, 3), f("C", 2, 3), f("H", 2, 3)},
				func(b back, x tensors) { b.(backend.LSTMCeller).LSTMCell(lstmCellArgs(x)) },
				func(o any, x tensors) { backend.CheckLSTMCell(o, lstmCellArgs(x)) }},
			operation{"LSTMCellGrad", []operand{f("Gates", 2, 12), f("CPrev", 2, 3), f("C", 2, 3), f("Peep", 3, 3),
				f("DY", 2, 3), f("DH", 2, 3), f("DC", 2, 3), f("DZ", 2, 12)},
				func(b back, x tensors) { b.(backend.LSTMCeller).LSTMCellGrad(lstmCellGradArgs(x)) },
				func(o any, x tensors) { backend.CheckLSTMCellGrad(o, lstmCellGradArgs(x)) }})
	}
	if _, ok := b.(backend.LSTMPeepGrader); ok {
		all = append(all, operation{"LSTMPeepGrad", []operand{f("dPeep", 3, 3), f("dz", 2, 12), f("cPrev", 2, 3), f("c", 2, 3)}, lstmPeepGrad,
			func(o any, x tensors) { backend.CheckLSTMPeepGrad(o, x["dPeep"], x["dz"], x["cPrev"], x["c"]) }})
	}
	if s, ok := b.(backend.LSTMSequencer); ok {
		d := dims{2, 3, 4, 5}
		scratch := func(x tensors) int { return s.LSTMScratch(lstmArgs(d.batch, x).Dims()) }
		forward := lstmForward(b, d, content{}, nil)
		backward := lstmBackward(b, d, content{}, values{}, nil)
		all = append(all,
			operation{"LSTMForward", forward.operands,
				func(b back, x tensors) { b.(backend.LSTMSequencer).LSTMForward(lstmArgs(d.batch, x)) },
				func(o any, x tensors) { backend.CheckLSTMForward(o, lstmArgs(d.batch, x), scratch(x)) }},
			operation{"LSTMBackward", backward.operands,
				func(b back, x tensors) { b.(backend.LSTMSequencer).LSTMBackward(lstmGradArgs(d.batch, x)) },
				func(o any, x tensors) { backend.CheckLSTMBackward(o, lstmGradArgs(d.batch, x), scratch(x)) }})
	}
	return all
}

// rnnOperations returns what b has fused.
func rnnOperations(b backend.Backend) []operation {
	type back = backend.Backend
	tanh := nonlinearities[0]
	var all []operation
	if _, ok := b.(backend.RNNCeller); ok {
		all = append(all,
			operation{"RNNCell", []operand{f("Z", 2, 3), f("H", 2, 3)},
				func(b back, x tensors) { b.(backend.RNNCeller).RNNCell(tanh.cellArgs(x)) },
				func(o any, x tensors) { backend.CheckRNNCell(o, tanh.cellArgs(x)) }},
			operation{"RNNCellGrad", []operand{f("H", 2, 3), f("DY", 2, 3), f("DH", 2, 3), f("DZ", 2, 3)},
				func(b back, x tensors) { b.(backend.RNNCeller).RNNCellGrad(tanh.cellGradArgs(x)) },
				func(o any, x tensors) { backend.CheckRNNCellGrad(o, tanh.cellGradArgs(x)) }})
	}
	if s, ok := b.(backend.RNNSequencer); ok {
		d := dims{2, 3, 4, 5}
		scratch := func(x tensors) int { return s.RNNScratch(tanh.args(d.batch, x).Dims()) }
		forward := tanh.forward(b, d, content{}, nil)
		backward := tanh.backward(b, d, content{}, values{}, nil)
		all = append(all,
			operation{"RNNForward", forward.operands,
				func(b back, x tensors) { b.(backend.RNNSequencer).RNNForward(tanh.args(d.batch, x)) },
				func(o any, x tensors) { backend.CheckRNNForward(o, tanh.args(d.batch, x), scratch(x)) }},
			operation{"RNNBackward", backward.operands,
				func(b back, x tensors) { b.(backend.RNNSequencer).RNNBackward(tanh.gradArgs(d.batch, x)) },
				func(o any, x tensors) { backend.CheckRNNBackward(o, tanh.gradArgs(d.batch, x), scratch(x)) }})
	}
	return all
}

// gruOperations returns what b has fused.
func gruOperations(b backend.Backend) []operation {
	type back = backend.Backend
	var all []operation
	if _, ok := b.(backend.GRUCeller); ok {
		all = append(all,
			operation{"GRUCell", []operand{f("Gates", 2, 9), f("Recurrent", 2, 9), f("HPrev", 2, 3), f("H", 2, 3)},
				func(b back, x tensors) { b.(backend.GRUCeller).GRUCell(gruCellArgs(x)) },
				func(o any, x tensors) { backend.CheckGRUCell(o, gruCellArgs(x)) }},
			operation{"GRUCellGrad", []operand{f("Gates", 2, 9), f("Recurrent", 2, 9), f("HPrev", 2, 3),
				f("DY", 2, 3), f("DH", 2, 3), f("DV", 2, 9), f("DU", 2, 9)},
				func(b back, x tensors) { b.(backend.GRUCeller).GRUCellGrad(gruCellGradArgs(x)) },
				func(o any, x tensors) { backend.CheckGRUCellGrad(o, gruCellGradArgs(x)) }})
	}
	if s, ok := b.(backend.GRUSequencer); ok {
		d := dims{2, 3, 4, 5}
		scratch := func(x tensors) int { return s.GRUScratch(gruArgs(d.batch, x).Dims()) }
		forward := gruForward(b, d, content{}, nil)
		backward := gruBackward(b, d, content{}, values{}, nil)
		all = append(all,
			operation{"GRUForward", forward.operands,
				func(b back, x tensors) { b.(backend.GRUSequencer).GRUForward(gruArgs(d.batch, x)) },
				func(o any, x tensors) { backend.CheckGRUForward(o, gruArgs(d.batch, x), scratch(x)) }},
			operation{"GRUBackward", backward.operands,
				func(b back, x tensors) { b.(backend.GRUSequencer).GRUBackward(gruGradArgs(d.batch, x)) },
				func(o any, x tensors) { backend.CheckGRUBackward(o, gruGradArgs(d.batch, x), scratch(x)) }})
	}
	return all
}
