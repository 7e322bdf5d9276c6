package simd

import "testing"

// BenchmarkVector measures functions on operands in the first-level cache.
func BenchmarkVector(b *testing.B) {
	const n = 512
	for _, level := range Levels() {
		v := level.Vector()
		x := make([][]float32, 9)
		for i := range x {
			x[i] = make([]float32, 4*n)
			for k := range x[i] {
				x[i][k] = float32(i*k%97)/97 + 0.5
			}
		}
		for _, f := range []struct {
			name string
			call func()
		}{
			{"Exp", func() { v.Exp(x[0][:n], x[1][:n]) }},
			{"Sigmoid", func() { v.Sigmoid(x[0][:n], x[1][:n]) }},
			{"Tanh", func() { v.Tanh(x[0][:n], x[1][:n]) }},
			{"Add", func() { v.Add(x[0][:n], x[1][:n], x[2][:n]) }},
			{"AddMul", func() { v.AddMul(x[0][:n], x[1][:n], x[2][:n]) }},
			{"LSTMCell", func() { v.LSTMCell(x[0], x[1][:n], x[2][:n], x[3][:n], nil) }},
			{"LSTMCellGrad", func() {
				v.LSTMCellGrad(x[0], x[1][:n], x[2][:n], x[3][:n], x[4][:n], x[5][:n], x[6], nil)
			}},
			{"GRUCell", func() { v.GRUCell(x[0][:3*n], x[1][:3*n], x[2][:n], x[3][:n]) }},
			{"GRUCellGrad", func() {
				v.GRUCellGrad(x[0][:3*n], x[1][:3*n], x[2][:n], x[3][:n], x[4][:n], x[5][:3*n], x[6][:3*n])
			}},
			{"RNNCellGrad", func() { v.RNNCellGrad(x[0][:n], x[1][:n], x[2][:n], x[3][:n]) }},
			{"SGDMomentum", func() { v.SGD(x[0][:n], x[1][:n], x[2][:n], SGD{Momentum: 0.9}) }},
			{"Adam", func() { v.Adam(x[0][:n], x[1][:n], x[2][:n], x[3][:n], Adam{KeepMean: 1, KeepSquare: 1, Correct: 1}) }},
			{"Max", func() { v.Max(x[0][:n]) }},
			{"Sum", func() { v.Sum(x[0][:n]) }},
			{"SumSquares", func() { v.SumSquares(x[0][:n], 1) }},
			{"Dot", func() { v.Dot(x[0][:n], x[1][:n]) }},
			{"ExpSum", func() { v.ExpSum(x[0][:n], x[1][:n], 1) }},
		} {
			b.Run(f.name+"/"+level.String(), func(b *testing.B) {
				for b.Loop() {
					f.call()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
	}
}
