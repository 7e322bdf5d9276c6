package backend_test

import "gputrain/backend"

// call is a legal call of a Check function, which the tests spoil.
type call struct {
	op      string
	tensors []operand
	ints    intsOperand
	check   func(owner any, x map[string]backend.Tensor, ints backend.Ints)

	optional []string    // operands that may be absent
	outputs  []string    // operands that must be apart from all others,
	inPlace  [][2]string // but for these pairs, which may be the same window
}

type operand struct {
	name       string
	rows, cols int
}

type intsOperand struct {
	name string
	n    int
}

type tensors = map[string]backend.Tensor

// The sizes of the layers below: T, N, D, H; and their scratch.
const (
	steps, batch, input, hidden = 3, 2, 5, 4

	scratch = 7
)

func memoryCalls() []call {
	return []call{
		{op: "Upload", tensors: []operand{{"dst", 2, 3}}, outputs: []string{"dst"},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckUpload(owner, x["dst"], 6) }},
		{op: "Download", tensors: []operand{{"src", 2, 3}},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckDownload(owner, 6, x["src"]) }},
		{op: "UploadInts", ints: intsOperand{"dst", 3},
			check: func(owner any, _ tensors, ints backend.Ints) { backend.CheckUploadInts(owner, ints, 3) }},
		{op: "DownloadInts", ints: intsOperand{"src", 3},
			check: func(owner any, _ tensors, ints backend.Ints) { backend.CheckDownloadInts(owner, 3, ints) }},
	}
}

func elementwiseCalls() []call {
	return []call{
		{op: "Fill", tensors: []operand{{"dst", 2, 3}}, outputs: []string{"dst"},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckFill(owner, x["dst"]) }},
		{op: "Tanh", tensors: []operand{{"dst", 2, 3}, {"x", 2, 3}},
			outputs: []string{"dst"}, inPlace: [][2]string{{"dst", "x"}},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckMap(owner, "Tanh", x["dst"], x["x"]) }},
		{op: "Add", tensors: []operand{{"dst", 2, 3}, {"a", 2, 3}, {"b", 2, 3}},
			outputs: []string{"dst"}, inPlace: [][2]string{{"dst", "a"}, {"dst", "b"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckZip(owner, "Add", x["dst"], x["a"], x["b"])
			}},
		{op: "TanhGrad", tensors: []operand{{"dx", 2, 3}, {"y", 2, 3}, {"dy", 2, 3}},
			outputs: []string{"dx"}, inPlace: [][2]string{{"dx", "y"}, {"dx", "dy"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGrad(owner, "TanhGrad", x["dx"], x["y"], x["dy"])
			}},
		{op: "AddRow", tensors: []operand{{"dst", 2, 3}, {"x", 2, 3}, {"row", 1, 3}},
			outputs: []string{"dst"}, inPlace: [][2]string{{"dst", "x"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRow(owner, "AddRow", x["dst"], x["x"], x["row"])
			}},
		{op: "MulCol", tensors: []operand{{"dst", 2, 3}, {"x", 2, 3}, {"col", 2, 1}},
			outputs: []string{"dst"}, inPlace: [][2]string{{"dst", "x"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckCol(owner, "MulCol", x["dst"], x["x"], x["col"])
			}},
		{op: "LayerNorm", tensors: []operand{{"y", 2, 3}, {"rstd", 2, 1}, {"x", 2, 3}},
			outputs: []string{"y", "rstd"}, inPlace: [][2]string{{"y", "x"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLayerNorm(owner, x["y"], x["rstd"], x["x"], 1e-5)
			}},
		{op: "LayerNormGrad", tensors: []operand{{"dx", 2, 3}, {"y", 2, 3}, {"rstd", 2, 1}, {"dy", 2, 3}},
			outputs: []string{"dx"}, inPlace: [][2]string{{"dx", "y"}, {"dx", "dy"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLayerNormGrad(owner, x["dx"], x["y"], x["rstd"], x["dy"])
			}},
		{op: "CopyCols", tensors: []operand{{"dst", 2, 3}, {"x", 2, 4}}, outputs: []string{"dst"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckCopyCols(owner, x["dst"], 1, x["x"], 2, 2)
			}},
		{op: "Dropout", tensors: []operand{{"dst", 2, 3}, {"x", 2, 3}},
			outputs: []string{"dst"}, inPlace: [][2]string{{"dst", "x"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckDropout(owner, x["dst"], x["x"], 0.5)
			}},
	}
}

func linearCalls() []call {
	return []call{
		{op: "Gemm", tensors: []operand{{"dst", 2, 3}, {"a", 2, 4}, {"b", 4, 3}}, outputs: []string{"dst"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGemm(owner, x["dst"], backend.NoTrans, backend.NoTrans, x["a"], x["b"])
			}},
		{op: "SumRows", tensors: []operand{{"dst", 1, 3}, {"x", 2, 3}}, outputs: []string{"dst"},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckSumRows(owner, x["dst"], x["x"]) }},
		{op: "GatherRows", tensors: []operand{{"dst", 2, 3}, {"x", 4, 3}}, ints: intsOperand{"ids", 2}, outputs: []string{"dst"},
			check: func(owner any, x tensors, ids backend.Ints) {
				backend.CheckGatherRows(owner, x["dst"], x["x"], ids)
			}},
		{op: "ScatterAddRows", tensors: []operand{{"dst", 4, 3}, {"x", 2, 3}}, ints: intsOperand{"ids", 2}, outputs: []string{"dst"},
			check: func(owner any, x tensors, ids backend.Ints) {
				backend.CheckScatterAddRows(owner, x["dst"], x["x"], ids)
			}},
		{op: "ArgMaxRows", tensors: []operand{{"x", 2, 3}}, ints: intsOperand{"dst", 2},
			check: func(owner any, x tensors, dst backend.Ints) { backend.CheckArgMaxRows(owner, dst, x["x"]) }},
	}
}

func lossCalls() []call {
	return []call{
		{op: "SoftmaxCrossEntropy",
			tensors: []operand{{"loss", 1, 1}, {"dlogits", 2, 3}, {"logits", 2, 3}}, ints: intsOperand{"labels", 2},
			optional: []string{"dlogits"},
			outputs:  []string{"loss", "dlogits"}, inPlace: [][2]string{{"dlogits", "logits"}},
			check: func(owner any, x tensors, labels backend.Ints) {
				backend.CheckSoftmaxCrossEntropy(owner, x["loss"], x["dlogits"], x["logits"], labels)
			}},
		{op: "SquaredError",
			tensors:  []operand{{"loss", 1, 1}, {"dy", 2, 3}, {"y", 2, 3}, {"target", 2, 3}},
			optional: []string{"dy"},
			outputs:  []string{"loss", "dy"}, inPlace: [][2]string{{"dy", "y"}, {"dy", "target"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckSquaredError(owner, x["loss"], x["dy"], x["y"], x["target"])
			}},
	}
}

func updateCalls() []call {
	return []call{
		{op: "SGD", tensors: []operand{{"Param", 1, 6}, {"Grad", 1, 6}, {"Velocity", 1, 6}, {"Factor", 1, 1}},
			optional: []string{"Velocity", "Factor"},
			outputs:  []string{"Param", "Grad", "Velocity", "Factor"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckSGD(owner, backend.SGDArgs{Param: x["Param"], Grad: x["Grad"], Velocity: x["Velocity"], Factor: x["Factor"]})
			}},
		{op: "RMSProp", tensors: []operand{{"Param", 1, 6}, {"Grad", 1, 6}, {"Square", 1, 6}, {"Velocity", 1, 6}, {"Factor", 1, 1}},
			optional: []string{"Velocity", "Factor"},
			outputs:  []string{"Param", "Grad", "Square", "Velocity", "Factor"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRMSProp(owner, backend.RMSPropArgs{Param: x["Param"], Grad: x["Grad"], Square: x["Square"], Velocity: x["Velocity"], Factor: x["Factor"]})
			}},
		{op: "Adam", tensors: []operand{{"Param", 1, 6}, {"Grad", 1, 6}, {"Mean", 1, 6}, {"Square", 1, 6}, {"Factor", 1, 1}},
			optional: []string{"Factor"},
			outputs:  []string{"Param", "Grad", "Mean", "Square", "Factor"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckAdam(owner, backend.AdamArgs{Param: x["Param"], Grad: x["Grad"], Mean: x["Mean"], Square: x["Square"], Factor: x["Factor"], Step: 1})
			}},
		{op: "ClipNorm", tensors: []operand{{"x", 2, 3}, {"norm", 1, 1}}, outputs: []string{"x", "norm"},
			check: func(owner any, x tensors, _ backend.Ints) { backend.CheckClipNorm(owner, x["x"], x["norm"], 1) }},
		{op: "ClipFactor", tensors: []operand{{"x", 2, 3}, {"norm", 1, 1}, {"factor", 1, 1}}, outputs: []string{"x", "norm", "factor"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckClipFactor(owner, x["x"], x["norm"], x["factor"], 1)
			}},
	}
}

func cellCalls() []call {
	const n, h = batch, hidden
	return []call{
		{op: "LSTMCell",
			tensors:  []operand{{"Gates", n, 4 * h}, {"CPrev", n, h}, {"Peep", 3, h}, {"C", n, h}, {"H", n, h}},
			optional: []string{"Peep"},
			outputs:  []string{"Gates", "C", "H"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTMCell(owner, backend.LSTMCellArgs{
					Gates: x["Gates"], CPrev: x["CPrev"], Peep: x["Peep"], C: x["C"], H: x["H"],
				})
			}},
		{op: "LSTMCellGrad",
			tensors: []operand{{"Gates", n, 4 * h}, {"CPrev", n, h}, {"C", n, h}, {"Peep", 3, h},
				{"DY", n, h}, {"DH", n, h}, {"DC", n, h}, {"DZ", n, 4 * h}},
			optional: []string{"Peep"},
			outputs:  []string{"DC", "DZ"}, inPlace: [][2]string{{"DZ", "Gates"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTMCellGrad(owner, backend.LSTMCellGradArgs{
					Gates: x["Gates"], CPrev: x["CPrev"], C: x["C"], Peep: x["Peep"],
					DY: x["DY"], DH: x["DH"], DC: x["DC"], DZ: x["DZ"],
				})
			}},
		{op: "LSTMPeepGrad",
			tensors: []operand{{"dPeep", 3, h}, {"dz", n, 4 * h}, {"cPrev", n, h}, {"c", n, h}},
			outputs: []string{"dPeep"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTMPeepGrad(owner, x["dPeep"], x["dz"], x["cPrev"], x["c"])
			}},
		{op: "RNNCell", tensors: []operand{{"Z", n, h}, {"H", n, h}},
			outputs: []string{"H"}, inPlace: [][2]string{{"H", "Z"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRNNCell(owner, backend.RNNCellArgs{Z: x["Z"], H: x["H"]})
			}},
		{op: "RNNCellGrad", tensors: []operand{{"H", n, h}, {"DY", n, h}, {"DH", n, h}, {"DZ", n, h}},
			outputs: []string{"DZ"}, inPlace: [][2]string{{"DZ", "DY"}, {"DZ", "DH"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRNNCellGrad(owner, backend.RNNCellGradArgs{H: x["H"], DY: x["DY"], DH: x["DH"], DZ: x["DZ"]})
			}},
		{op: "GRUCell", tensors: []operand{{"Gates", n, 3 * h}, {"Recurrent", n, 3 * h}, {"HPrev", n, h}, {"H", n, h}},
			outputs: []string{"H", "Gates"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGRUCell(owner, backend.GRUCellArgs{Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"], H: x["H"]})
			}},
		{op: "GRUCellGrad",
			tensors: []operand{{"Gates", n, 3 * h}, {"Recurrent", n, 3 * h}, {"HPrev", n, h}, {"DY", n, h}, {"DH", n, h},
				{"DV", n, 3 * h}, {"DU", n, 3 * h}},
			outputs: []string{"DH", "DV", "DU"}, inPlace: [][2]string{{"DV", "Gates"}, {"DU", "Recurrent"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGRUCellGrad(owner, backend.GRUCellGradArgs{
					Gates: x["Gates"], Recurrent: x["Recurrent"], HPrev: x["HPrev"],
					DY: x["DY"], DH: x["DH"], DV: x["DV"], DU: x["DU"],
				})
			}},
	}
}

// lstm1997Calls are those of two memory blocks of two cells, with forget gates and
// peepholes; the partials have columns for these.
func lstm1997Calls() []call {
	const n, states, units, sources = batch, 4, 10, 3
	step := []operand{{"Gates", n, units}, {"SPrev", n, states}, {"Peep", 3, states}, {"S", n, states}, {"Y", n, states}}
	grad := []operand{{"Source", n, sources}, {"DY", n, states}, {"PIn", n * states, sources + 2}, {"PForget", n * states, sources + 2},
		{"PCell", n * states, sources}, {"DW", units, sources}, {"DPeep", 3, states}}
	return []call{
		{op: "LSTM1997Cell", tensors: step,
			optional: []string{"Peep"},
			outputs:  []string{"Gates", "S", "Y"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTM1997Cell(owner, lstm1997Args(x))
			}},
		{op: "LSTM1997CellGrad", tensors: append(step, grad...),
			outputs: []string{"PIn", "PForget", "PCell", "DW", "DPeep"},
			check: func(owner any, x tensors, _ backend.Ints) {
				a := backend.LSTM1997CellGradArgs{LSTM1997CellArgs: lstm1997Args(x), Source: x["Source"], DY: x["DY"],
					PIn: x["PIn"], PForget: x["PForget"], PCell: x["PCell"], DW: x["DW"], DPeep: x["DPeep"]}
				if !a.Peep.Present() && !a.DPeep.Present() {
					a.PIn.Cols, a.PForget.Cols = sources, sources
				}
				backend.CheckLSTM1997CellGrad(owner, a)
			}},
	}
}

func lstm1997Args(x tensors) backend.LSTM1997CellArgs {
	return backend.LSTM1997CellArgs{Blocks: 2, G: backend.SquashInput(), H: backend.SquashOutput(),
		Gates: x["Gates"], SPrev: x["SPrev"], Peep: x["Peep"], S: x["S"], Y: x["Y"]}
}

func layerCalls() []call {
	const rows, n, d, h = steps * batch, batch, input, hidden
	lstm := []operand{{"X", rows, d}, {"WIH", 4 * h, d}, {"WHH", 4 * h, h}, {"BIH", 1, 4 * h}, {"BHH", 1, 4 * h}, {"Peep", 3, h},
		{"H", rows + n, h}, {"C", rows + n, h}, {"Gates", rows, 4 * h}, {"Scratch", 1, scratch}}
	lstmGrad := []operand{{"DY", rows, h}, {"DHLast", n, h}, {"DCLast", n, h}, {"DZ", rows, 4 * h}, {"DX", rows, d}, {"DH0", n, h}, {"DC0", n, h},
		{"DWIH", 4 * h, d}, {"DWHH", 4 * h, h}, {"DBIH", 1, 4 * h}, {"DBHH", 1, 4 * h}, {"DPeep", 3, h}}
	rnn := []operand{{"X", rows, d}, {"WIH", h, d}, {"WHH", h, h}, {"BIH", 1, h}, {"BHH", 1, h},
		{"H", rows + n, h}, {"Scratch", 1, scratch}}
	rnnGrad := []operand{{"DY", rows, h}, {"DHLast", n, h}, {"DZ", rows, h}, {"DX", rows, d}, {"DH0", n, h},
		{"DWIH", h, d}, {"DWHH", h, h}, {"DBIH", 1, h}, {"DBHH", 1, h}}
	gru := []operand{{"X", rows, d}, {"WIH", 3 * h, d}, {"WHH", 3 * h, h}, {"BIH", 1, 3 * h}, {"BHH", 1, 3 * h},
		{"H", rows + n, h}, {"Gates", rows, 3 * h}, {"Recurrent", rows, 3 * h}, {"Scratch", 1, scratch}}
	gruGrad := []operand{{"DY", rows, h}, {"DHLast", n, h}, {"DV", rows, 3 * h}, {"DU", rows, 3 * h}, {"DX", rows, d}, {"DH0", n, h},
		{"DWIH", 3 * h, d}, {"DWHH", 3 * h, h}, {"DBIH", 1, 3 * h}, {"DBHH", 1, 3 * h}}
	return []call{
		{op: "LSTMForward", tensors: lstm,
			optional: []string{"BIH", "BHH", "Peep"},
			outputs:  []string{"H", "C", "Gates", "Scratch"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTMForward(owner, lstmArgs(x), scratch)
			}},
		{op: "LSTMBackward", tensors: append(lstm, lstmGrad...),
			optional: []string{"DHLast", "DCLast", "DX", "DH0", "DC0"},
			outputs:  []string{"Scratch", "DZ", "DX", "DH0", "DC0", "DWIH", "DWHH", "DBIH", "DBHH", "DPeep"},
			inPlace:  [][2]string{{"DZ", "Gates"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckLSTMBackward(owner, lstmGradArgs(x), scratch)
			}},
		{op: "GRUForward", tensors: gru,
			optional: []string{"BIH", "BHH"},
			outputs:  []string{"Gates", "Recurrent", "H", "Scratch"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGRUForward(owner, gruArgs(x), scratch)
			}},
		{op: "GRUBackward", tensors: append(gru, gruGrad...),
			optional: []string{"DHLast", "DX", "DH0"},
			outputs:  []string{"Scratch", "DV", "DU", "DX", "DH0", "DWIH", "DWHH", "DBIH", "DBHH"},
			inPlace:  [][2]string{{"DV", "Gates"}, {"DU", "Recurrent"}},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckGRUBackward(owner, gruGradArgs(x), scratch)
			}},
		{op: "RNNForward", tensors: rnn,
			optional: []string{"BIH", "BHH"},
			outputs:  []string{"H", "Scratch"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRNNForward(owner, rnnArgs(x), scratch)
			}},
		{op: "RNNBackward", tensors: append(rnn, rnnGrad...),
			optional: []string{"DHLast", "DX", "DH0"},
			outputs:  []string{"Scratch", "DZ", "DX", "DH0", "DWIH", "DWHH", "DBIH", "DBHH"},
			check: func(owner any, x tensors, _ backend.Ints) {
				backend.CheckRNNBackward(owner, rnnGradArgs(x), scratch)
			}},
	}
}

func lstmArgs(x tensors) backend.LSTMArgs {
	return backend.LSTMArgs{
		Batch: batch, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"], Peep: x["Peep"],
		H: x["H"], C: x["C"], Gates: x["Gates"], Scratch: x["Scratch"],
	}
}

func lstmGradArgs(x tensors) backend.LSTMGradArgs {
	return backend.LSTMGradArgs{
		LSTMArgs: lstmArgs(x),
		DY:       x["DY"], DHLast: x["DHLast"], DCLast: x["DCLast"],
		DZ: x["DZ"], DX: x["DX"], DH0: x["DH0"], DC0: x["DC0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"], DPeep: x["DPeep"],
	}
}

func rnnArgs(x tensors) backend.RNNArgs {
	return backend.RNNArgs{
		Batch: batch, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"],
		H: x["H"], Scratch: x["Scratch"],
	}
}

func rnnGradArgs(x tensors) backend.RNNGradArgs {
	return backend.RNNGradArgs{
		RNNArgs: rnnArgs(x),
		DY:      x["DY"], DHLast: x["DHLast"],
		DZ: x["DZ"], DX: x["DX"], DH0: x["DH0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"],
	}
}

func gruArgs(x tensors) backend.GRUArgs {
	return backend.GRUArgs{
		Batch: batch, X: x["X"], WIH: x["WIH"], WHH: x["WHH"], BIH: x["BIH"], BHH: x["BHH"],
		H: x["H"], Gates: x["Gates"], Recurrent: x["Recurrent"], Scratch: x["Scratch"],
	}
}

func gruGradArgs(x tensors) backend.GRUGradArgs {
	return backend.GRUGradArgs{
		GRUArgs: gruArgs(x), DY: x["DY"], DHLast: x["DHLast"], DV: x["DV"], DU: x["DU"], DX: x["DX"], DH0: x["DH0"],
		DWIH: x["DWIH"], DWHH: x["DWHH"], DBIH: x["DBIH"], DBHH: x["DBHH"],
	}
}
