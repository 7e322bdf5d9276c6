package backendtest

import (
	"fmt"

	"gputrain/backend"
)

// change is an operation in variants that differ in one thing: a scalar, a window,
// a shape, which operands there are. On one buffer after the other, replays of one
// variant follow those of another.
type change struct {
	name     string
	operands []operand
	variants []func(b backend.Backend, x tensors) // the first one, and the others in turn
}

// replayChanges checks that a replay does what it is asked for, not what the one
// before was.
func (p *probe) replayChanges() {
	for _, c := range changes(p.device) {
		for i := range c.variants[1:] {
			p.attempt(fmt.Sprintf("%s, change %d", c.name, i+1), func() {
				op := operation{name: c.name, operands: c.operands}
				replayed, direct := p.newJob(p.device, op), p.newJob(p.device, op)
				replayed.call = func(b backend.Backend, x tensors) {
					backend.Replay(b, func() { direct.call(b, x) })
				}
				for k, changed := range []bool{false, false, true, false, true, true} {
					direct.call = c.variants[0]
					if changed {
						direct.call = c.variants[i+1]
					}
					want := direct.run(p, p.device, k, backend.Tensor{})
					p.same(fmt.Sprintf("replay %d", k), replayed.run(p, p.device, k, backend.Tensor{}), want)
				}
				replayed.free(p.device)
				direct.free(p.device)
			})
		}
	}
}

// varied returns calls with base, and then with one number after the other
// changed.
func varied(call func(b backend.Backend, x tensors, v []float64), base, changed []float64) []func(backend.Backend, tensors) {
	var all []func(backend.Backend, tensors)
	for i := -1; i < len(base); i++ {
		v := append([]float64(nil), base...)
		if i >= 0 {
			v[i] = changed[i]
		}
		all = append(all, func(b backend.Backend, x tensors) { call(b, x, v) })
	}
	return all
}

func changes(device backend.Backend) []change {
	type b = backend.Backend
	type t = backend.Tensor
	type calls = []func(b, tensors)
	x, y, dst := f("x", 4, 4), f("y", 4, 4), f("dst", 4, 4)
	row, column, one := f("row", 1, 4), f("column", 4, 1), f("one", 1, 1)
	all := []change{
		{"Fill", []operand{dst}, varied(func(b b, x tensors, v []float64) { b.Fill(x["dst"], v[0]) }, []float64{1}, []float64{2})},
		{"Scale", []operand{dst, x}, varied(func(b b, x tensors, v []float64) { b.Scale(x["dst"], v[0], x["x"]) }, []float64{1}, []float64{2})},
		{"AddScaled", []operand{dst, x},
			varied(func(b b, x tensors, v []float64) { b.AddScaled(x["dst"], v[0], x["x"]) }, []float64{1}, []float64{0})},
		{"CopyCols", []operand{dst, x}, varied(func(b b, x tensors, v []float64) {
			b.CopyCols(x["dst"], int(v[0]), x["x"], int(v[1]), int(v[2]))
		}, []float64{0, 0, 2}, []float64{1, 2, 1})},
		{"Dropout", []operand{dst, x}, varied(func(b b, x tensors, v []float64) {
			b.Dropout(x["dst"], x["x"], v[0], uint64(v[1]), uint64(v[2]))
		}, []float64{0.5, 1, 2}, []float64{0.25, 1 << 40, 1 << 33})},
		{"LayerNorm", []operand{dst, column, x}, varied(func(b b, x tensors, v []float64) {
			b.LayerNorm(x["dst"], x["column"], x["x"], v[0])
		}, []float64{1e-5}, []float64{1})},
		{"Gemm", []operand{dst, x, y}, append(varied(func(b b, x tensors, v []float64) {
			b.Gemm(x["dst"], backend.NoTrans, backend.NoTrans, v[0], x["x"], x["y"], v[1])
		}, []float64{1, 0}, []float64{2, 1}), calls{
			func(b b, x tensors) { b.Gemm(x["dst"], backend.Trans, backend.NoTrans, 1, x["x"], x["y"], 0) },
			func(b b, x tensors) { b.Gemm(x["dst"], backend.NoTrans, backend.Trans, 1, x["x"], x["y"], 0) },
			func(b b, x tensors) { b.Gemm(x["dst"], backend.NoTrans, backend.NoTrans, 1, x["y"], x["x"], 0) },
			func(b b, x tensors) { b.Gemm(x["dst"], backend.NoTrans, backend.NoTrans, 1, x["x"], x["x"], 0) },
			func(b b, x tensors) {
				b.Gemm(x["dst"].Reshape(2, 8), backend.NoTrans, backend.NoTrans, 1, x["x"].Slice(0, 1).Reshape(2, 2), x["y"].Reshape(2, 8), 0)
			},
		}...)},
		{"SumRows", []operand{row, x}, varied(func(b b, x tensors, v []float64) { b.SumRows(x["row"], x["x"], v[0]) },
			[]float64{0}, []float64{1})},
		{"SoftmaxCrossEntropy", []operand{one, dst, x, n("labels", 4)}, append(varied(func(b b, x tensors, v []float64) {
			b.SoftmaxCrossEntropy(x["one"], x["dst"], x["x"], x.ints("labels"), v[0])
		}, []float64{1}, []float64{0.5}), func(b b, x tensors) {
			b.SoftmaxCrossEntropy(x["one"], t{}, x["x"], x.ints("labels"), 1)
		}, func(b b, x tensors) {
			b.SoftmaxCrossEntropy(x["one"], x["dst"].Slice(0, 3), x["x"].Slice(0, 3), x.ints("labels").Slice(1, 4), 1)
		})},
		{"SquaredError", []operand{one, dst, x, y}, append(varied(func(b b, x tensors, v []float64) {
			b.SquaredError(x["one"], x["dst"], x["x"], x["y"], v[0])
		}, []float64{1}, []float64{0.5}), func(b b, x tensors) { b.SquaredError(x["one"], t{}, x["x"], x["y"], 1) })},
		{"SGD", []operand{x, y, dst}, append(varied(func(b b, x tensors, v []float64) {
			b.SGD(backend.SGDArgs{Param: x["x"], Grad: x["y"], Velocity: x["dst"], LR: v[0], Momentum: v[1], WeightDecay: v[2], Nesterov: v[3] == 1})
		}, []float64{0.1, 0.5, 0.1, 0}, []float64{0.2, 0.25, 0, 1}), func(b b, x tensors) {
			b.SGD(backend.SGDArgs{Param: x["x"], Grad: x["y"], LR: 0.1, WeightDecay: 0.1})
		}, func(b b, x tensors) {
			b.SGD(backend.SGDArgs{Param: x["x"], Grad: x["y"], Velocity: x["dst"], LR: 0.1, WeightDecay: 0.1})
		})},
		{"RMSProp", []operand{x, y, dst, f("v", 4, 4)}, append(varied(func(b b, x tensors, v []float64) {
			b.RMSProp(backend.RMSPropArgs{Param: x["x"], Grad: x["y"], Square: x["dst"], Velocity: x["v"],
				LR: v[0], Decay: v[1], Epsilon: v[2], Momentum: v[3], WeightDecay: v[4]})
		}, []float64{0.1, 0.9, 0.1, 0.5, 0.1}, []float64{0.2, 0.5, 0.3, 0.25, 0}), func(b b, x tensors) {
			b.RMSProp(backend.RMSPropArgs{Param: x["x"], Grad: x["y"], Square: x["dst"], LR: 0.1, Decay: 0.9, Epsilon: 0.1})
		})},
		{"Adam", []operand{x, y, dst, f("v", 4, 4)}, varied(func(b b, x tensors, v []float64) {
			b.Adam(backend.AdamArgs{Param: x["x"], Grad: x["y"], Mean: x["dst"], Square: x["v"],
				LR: v[0], Beta1: v[1], Beta2: v[2], Epsilon: v[3], WeightDecay: v[4], Step: int(v[5]), Decoupled: v[6] == 1})
		}, []float64{0.1, 0.9, 0.99, 0.1, 0.1, 1, 0}, []float64{0.2, 0.5, 0.9, 0.2, 0, 2, 1})},
		{"ClipNorm", []operand{x, one}, varied(func(b b, x tensors, v []float64) { b.ClipNorm(x["x"], x["one"], v[0]) },
			[]float64{0.1}, []float64{0.2})},
		{"exchanged operands", []operand{dst, x, y}, calls{
			func(b b, x tensors) { b.Sub(x["dst"], x["x"], x["y"]) },
			func(b b, x tensors) { b.Sub(x["dst"], x["y"], x["x"]) },
			func(b b, x tensors) { b.Sub(x["dst"], x["dst"], x["y"]) },
			func(b b, x tensors) { b.Sub(x["y"], x["x"], x["dst"]) },
			func(b b, x tensors) { b.Add(x["dst"], x["x"], x["y"]) },
			func(b b, x tensors) {},
			func(b b, x tensors) { b.Sub(x["dst"], x["x"], x["y"]); b.Sub(x["dst"], x["dst"], x["y"]) },
		}},
		{"windows and shapes", []operand{dst, x}, calls{
			func(b b, x tensors) { b.Softmax(x["dst"], x["x"]) },
			func(b b, x tensors) { b.Softmax(x["dst"].Reshape(2, 8), x["x"].Reshape(2, 8)) },
			func(b b, x tensors) { b.Softmax(x["dst"].Slice(0, 2), x["x"].Slice(0, 2)) },
			func(b b, x tensors) { b.Softmax(x["dst"].Slice(0, 2), x["x"].Slice(1, 3)) },
			func(b b, x tensors) { b.Softmax(x["dst"].Slice(2, 4), x["x"].Slice(1, 3)) },
			func(b b, x tensors) { b.Softmax(x["x"], x["x"]) },
		}},
		{"moved copies", []operand{dst, x}, calls{
			func(b b, x tensors) { b.Copy(x["dst"].Slice(0, 2), x["x"].Slice(0, 2)) },
			func(b b, x tensors) { b.Copy(x["dst"].Slice(0, 2), x["x"].Slice(1, 3)) },
			func(b b, x tensors) { b.Copy(x["dst"].Slice(1, 3), x["x"].Slice(0, 2)) },
			func(b b, x tensors) { b.Copy(x["dst"].Slice(0, 1), x["x"].Slice(0, 1)) },
		}},
		{"ids", []operand{dst, x, n("ids", 8)}, calls{
			func(b b, x tensors) { b.GatherRows(x["dst"], x["x"], x.ints("ids").Slice(0, 4)) },
			func(b b, x tensors) { b.GatherRows(x["dst"], x["x"], x.ints("ids").Slice(4, 8)) },
			func(b b, x tensors) { b.GatherRows(x["dst"].Slice(0, 3), x["x"], x.ints("ids").Slice(0, 3)) },
			func(b b, x tensors) { b.ScatterAddRows(x["dst"], x["x"], x.ints("ids").Slice(0, 4)) },
		}},
		{"columns", []operand{x, n("ids", 8)}, calls{
			func(b b, x tensors) { b.ArgMaxRows(x.ints("ids").Slice(0, 4), x["x"]) },
			func(b b, x tensors) { b.ArgMaxRows(x.ints("ids").Slice(4, 8), x["x"]) },
		}},
	}
	return append(append(all, lstm1997Changes()...), layerChanges(device)...)
}

func lstm1997Changes() []change {
	d := lstm1997Dims{2, 2, 2, 3, true, true}
	var forward, backward []func(backend.Backend, tensors)
	for _, f := range allSquashes {
		forward = append(forward, func(b backend.Backend, x tensors) { b.LSTM1997Cell(lstm1997Args(d, f, x)) })
		backward = append(backward, func(b backend.Backend, x tensors) { b.LSTM1997CellGrad(lstm1997GradArgs(d, f, x)) })
	}
	forward = append(forward, func(b backend.Backend, x tensors) {
		b.LSTM1997Cell(lstm1997Args(d, squashes1997, with(x, tensors{"Peep": {}})))
	})
	operands := lstm1997GradTrial("", d, squashes1997, content{}, exact).operands
	return []change{{"LSTM1997Cell", operands, forward}, {"LSTM1997CellGrad", operands, backward}}
}

// with returns x with some operands replaced.
func with(x, by tensors) tensors {
	y := tensors{}
	for _, from := range []tensors{x, by} {
		for name, t := range from {
			y[name] = t
		}
	}
	return y
}

func layerChanges(device backend.Backend) []change {
	d := dims{4, 2, 3, 3}
	half := dims{2, 4, 3, 3}
	var all []change
	for _, l := range []struct {
		name string
		layer
		forward, backward func(batch int, b backend.Backend, x tensors)
	}{
		{"LSTM", lstm,
			func(n int, b backend.Backend, x tensors) { backend.LSTMForward(b, lstmArgs(n, x)) },
			func(n int, b backend.Backend, x tensors) { backend.LSTMBackward(b, lstmGradArgs(n, x)) }},
		{"RNN", nonlinearities[0].layer(),
			func(n int, b backend.Backend, x tensors) { backend.RNNForward(b, nonlinearities[0].args(n, x)) },
			func(n int, b backend.Backend, x tensors) { backend.RNNBackward(b, nonlinearities[0].gradArgs(n, x)) }},
		{"GRU", gru,
			func(n int, b backend.Backend, x tensors) { backend.GRUForward(b, gruArgs(n, x)) },
			func(n int, b backend.Backend, x tensors) { backend.GRUBackward(b, gruGradArgs(n, x)) }},
	} {
		// The operands are those of the batch that has more; the other one has windows.
		operands := l.layer.backward(device, half, content{}, values{}, nil).operands
		small := l.layer.backward(device, d, content{}, values{}, nil).operands
		for _, pass := range []struct {
			name string
			call func(batch int, b backend.Backend, x tensors)
		}{{"Forward", l.forward}, {"Backward", l.backward}} {
			without := func(absent ...string) func(backend.Backend, tensors) {
				return func(b backend.Backend, x tensors) {
					none := tensors{}
					for _, name := range absent {
						none[name] = backend.Tensor{}
					}
					pass.call(half.batch, b, with(x, none))
				}
			}
			variants := []func(backend.Backend, tensors){
				without(),
				without("BIH", "DBIH"),
				without("BHH", "DBHH"),
				without("Peep", "DPeep"),
				without("DX"),
				without("DH0", "DC0"),
				without("DHLast", "DCLast"),
				func(b backend.Backend, x tensors) { pass.call(d.batch, b, cut(x, small)) },
				func(b backend.Backend, x tensors) {
					pass.call(half.batch, b, with(x, tensors{"BIH": x["BHH"], "BHH": x["BIH"]}))
				},
			}
			if pass.name == "Backward" {
				variants = append(variants, func(b backend.Backend, x tensors) { l.overwrite(b, half.batch, x) })
			}
			all = append(all, change{l.name + pass.name, operands, variants})
		}
	}
	return append(all, change{"RNN nonlinearity", nonlinearities[0].backward(device, d, content{}, values{}, nil).operands,
		[]func(backend.Backend, tensors){
			func(b backend.Backend, x tensors) { backend.RNNForward(b, nonlinearities[0].args(d.batch, x)) },
			func(b backend.Backend, x tensors) { backend.RNNForward(b, nonlinearities[1].args(d.batch, x)) },
			func(b backend.Backend, x tensors) { backend.RNNBackward(b, nonlinearities[0].gradArgs(d.batch, x)) },
			func(b backend.Backend, x tensors) { backend.RNNBackward(b, nonlinearities[1].gradArgs(d.batch, x)) },
		}})
}

// cut returns windows of the shapes of operands on tensors that are as large.
func cut(x tensors, operands []operand) tensors {
	y := tensors{}
	for _, o := range operands {
		if x[o.name].Present() {
			y[o.name], _ = x[o.name].Take(o.rows, o.cols)
		}
	}
	return y
}
