package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// operand says what a slice of a call holds: numbers between low and high, rows
// times as many as the call has elements.
type operand struct {
	rows      int
	low, high float32
}

// vectorFunction is a function of Vector.
type vectorFunction struct {
	name     string
	operands []operand
	call     func(v *Vector, x [][]float32) float64 // 0 if it returns nothing

	// An element may differ from that of the loop in Go by the relative 2⁻²¹, which is
	// 4 to 8 ulp, and by floor, because of cancellation.
	floor float64

	sum bool // elements do not stand for themselves
}

func vectorFunctions() []vectorFunction {
	x, gate, square := operand{1, -1, 1}, operand{1, 0, 1}, operand{1, 0.1, 1}
	rows := func(o operand, n int) operand { o.rows = n; return o }
	wide, argument := operand{1, -95, 95}, operand{1, -12, 12}
	const floor = 0x1p-21
	quiet := func(f func(v *Vector, x [][]float32)) func(*Vector, [][]float32) float64 {
		return func(v *Vector, x [][]float32) float64 { f(v, x); return 0 }
	}
	return []vectorFunction{
		{name: "exp", operands: []operand{x, wide}, call: quiet(func(v *Vector, x [][]float32) { v.Exp(x[0], x[1]) })},
		{name: "log", operands: []operand{x, {1, 0, 4}}, call: quiet(func(v *Vector, x [][]float32) { v.Log(x[0], x[1]) })},
		{name: "sigmoid", operands: []operand{x, wide}, call: quiet(func(v *Vector, x [][]float32) { v.Sigmoid(x[0], x[1]) })},
		{name: "tanh", operands: []operand{x, argument}, call: quiet(func(v *Vector, x [][]float32) { v.Tanh(x[0], x[1]) })},
		{name: "relu", operands: []operand{x, x}, call: quiet(func(v *Vector, x [][]float32) { v.ReLU(x[0], x[1]) })},
		{name: "add", operands: []operand{x, x, x}, call: quiet(func(v *Vector, x [][]float32) { v.Add(x[0], x[1], x[2]) })},
		{name: "sub", operands: []operand{x, x, x}, call: quiet(func(v *Vector, x [][]float32) { v.Sub(x[0], x[1], x[2]) })},
		{name: "mul", operands: []operand{x, x, x}, call: quiet(func(v *Vector, x [][]float32) { v.Mul(x[0], x[1], x[2]) })},
		{name: "addMul", operands: []operand{x, x, x}, floor: floor, call: quiet(func(v *Vector, x [][]float32) { v.AddMul(x[0], x[1], x[2]) })},
		{name: "addRows", operands: []operand{x, rows(x, 4)}, call: quiet(func(v *Vector, x [][]float32) { v.AddRows(x[0], x[1], len(x[1])/4) })},
		{name: "sigmoidGrad", operands: []operand{x, gate, x}, call: quiet(func(v *Vector, x [][]float32) { v.SigmoidGrad(x[0], x[1], x[2]) })},
		{name: "tanhGrad", operands: []operand{x, x, x}, floor: floor, call: quiet(func(v *Vector, x [][]float32) { v.TanhGrad(x[0], x[1], x[2]) })},
		{name: "reluGrad", operands: []operand{x, x, x}, call: quiet(func(v *Vector, x [][]float32) { v.ReLUGrad(x[0], x[1], x[2]) })},
		{name: "scale", operands: []operand{x, x}, call: quiet(func(v *Vector, x [][]float32) { v.Scale(x[0], 0.3, x[1]) })},
		{name: "addScaled", operands: []operand{x, x}, floor: floor, call: quiet(func(v *Vector, x [][]float32) { v.AddScaled(x[0], 0.3, x[1]) })},
		{name: "scaleAdd", operands: []operand{x, x}, floor: floor, call: quiet(func(v *Vector, x [][]float32) { v.ScaleAdd(x[0], 0.3, -0.7, x[1]) })},
		{name: "softmaxGrad", operands: []operand{x, x, x}, floor: floor, call: quiet(func(v *Vector, x [][]float32) { v.SoftmaxGrad(x[0], x[1], x[2], 0.4) })},
		{name: "normalize", operands: []operand{x, x}, call: quiet(func(v *Vector, x [][]float32) { v.Normalize(x[0], x[1], 0.3, 1.7) })},
		{name: "normalizeGrad", operands: []operand{x, x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.NormalizeGrad(x[0], x[1], x[2], 1.7, 0.3, 0.4) })},

		{name: "lstmCell", operands: []operand{rows(argument, 4), x, x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.LSTMCell(x[0], x[1], x[2], x[3], nil) })},
		{name: "lstmCellPeep", operands: []operand{rows(argument, 4), x, x, x, rows(x, 3)}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.LSTMCell(x[0], x[1], x[2], x[3], x[4]) })},
		{name: "lstmCellGrad", operands: []operand{rows(gate, 4), x, {1, -5, 5}, x, x, x, rows(x, 4)}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.LSTMCellGrad(x[0], x[1], x[2], x[3], x[4], x[5], x[6], nil) })},
		{name: "lstmCellGradPeep", operands: []operand{rows(gate, 4), x, {1, -5, 5}, x, x, x, rows(x, 4), rows(x, 3)}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.LSTMCellGrad(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]) })},
		{name: "gruCell", operands: []operand{rows(argument, 3), rows(argument, 3), x, x}, floor: 4 * floor, // of arguments that are sums
			call: quiet(func(v *Vector, x [][]float32) { v.GRUCell(x[0], x[1], x[2], x[3]) })},
		{name: "gruCellGrad", operands: []operand{rows(gate, 3), rows(x, 3), x, x, x, rows(x, 3), rows(x, 3)}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.GRUCellGrad(x[0], x[1], x[2], x[3], x[4], x[5], x[6]) })},
		{name: "rnnCellGrad", operands: []operand{x, x, x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.RNNCellGrad(x[0], x[1], x[2], x[3]) })},
		{name: "rnnCellGradReLU", operands: []operand{x, x, x, x},
			call: quiet(func(v *Vector, x [][]float32) { v.RNNCellGradReLU(x[0], x[1], x[2], x[3]) })},

		{name: "sgd", operands: []operand{x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.SGD(x[0], x[1], nil, SGD{Rate: 0.1, Decay: 0.2}) })},
		{name: "sgdMomentum", operands: []operand{x, x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) { v.SGD(x[0], x[1], x[2], SGD{Rate: 0.1, Momentum: 0.9, Decay: 0.2}) })},
		{name: "sgdNesterov", operands: []operand{x, x, x}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) {
				v.SGD(x[0], x[1], x[2], SGD{Rate: 0.1, Momentum: 0.9, Decay: 0.2, Nesterov: true})
			})},
		{name: "rmsProp", operands: []operand{x, x, square}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) {
				v.RMSProp(x[0], x[1], x[2], nil, RMSProp{Rate: 0.1, Keep: 0.9, Renew: 0.1, Epsilon: 0.01, Decay: 0.2})
			})},
		{name: "rmsPropMomentum", operands: []operand{x, x, square, x}, floor: 4 * floor,
			call: quiet(func(v *Vector, x [][]float32) {
				v.RMSProp(x[0], x[1], x[2], x[3], RMSProp{Rate: 0.1, Keep: 0.9, Renew: 0.1, Epsilon: 0.01, Decay: 0.2, Momentum: 0.7})
			})},
		{name: "adam", operands: []operand{x, x, x, square}, floor: floor,
			call: quiet(func(v *Vector, x [][]float32) {
				v.Adam(x[0], x[1], x[2], x[3], Adam{Rate: 0.1, KeepMean: 0.9, NewMean: 0.1, KeepSquare: 0.99, NewSquare: 0.01,
					Correct: 1.3, Epsilon: 0.01, Decay: 0.2, Shrink: 0.05})
			})},

		{name: "largest", sum: true, operands: []operand{{1, -2, -1}}, call: func(v *Vector, x [][]float32) float64 { return float64(v.Max(x[0])) }},
		{name: "sum", sum: true, operands: []operand{gate}, call: func(v *Vector, x [][]float32) float64 { return v.Sum(x[0]) }},
		{name: "sumSquares", sum: true, operands: []operand{x}, call: func(v *Vector, x [][]float32) float64 { return v.SumSquares(x[0], 0.3) }},
		{name: "dot", sum: true, operands: []operand{gate, gate}, call: func(v *Vector, x [][]float32) float64 { return v.Dot(x[0], x[1]) }},
		{name: "squaredDistance", sum: true, operands: []operand{x, x},
			call: func(v *Vector, x [][]float32) float64 { return v.SquaredDistance(x[0], x[1]) }},
		{name: "sumExp", sum: true, operands: []operand{{1, -20, 5}}, call: func(v *Vector, x [][]float32) float64 { return v.SumExp(x[0], 5) }},
		{name: "expSum", sum: true, operands: []operand{x, {1, -20, 5}}, call: func(v *Vector, x [][]float32) float64 { return v.ExpSum(x[0], x[1], 5) }},
	}
}

// outcome is what a call leaves: its operands, and what it returned.
type outcome struct {
	x      [][]float32
	result float64
}

// run calls f on copies of x.
func (f vectorFunction) run(level Level, x [][]float32) outcome {
	o := outcome{x: make([][]float32, len(x))}
	for i := range x {
		o.x[i] = slices.Clone(x[i])
	}
	o.result = f.call(level.Vector(), o.x)
	return o
}

// content returns operands of n elements.
func (f vectorFunction) content(n int) [][]float32 {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([][]float32, len(f.operands))
	for i, o := range f.operands {
		x[i] = make([]float32, o.rows*n)
		for k := range x[i] {
			x[i][k] = o.low + (o.high-o.low)*random.Float32()
		}
	}
	return x
}

// columns returns the elements from..to−1 of operands of n elements.
func (f vectorFunction) columns(x [][]float32, n, from, to int) [][]float32 {
	part := make([][]float32, len(x))
	for i := range x {
		for row := range f.operands[i].rows {
			part[i] = append(part[i], x[i][row*n+from:row*n+to]...)
		}
	}
	return part
}

// differences compares outcomes, which may be off by tolerance(want) per element.
func differences(got, want outcome, tolerance func(want float64) float64) string {
	var all []string
	check := func(what string, got, want float64) {
		if !(math.Abs(got-want) <= tolerance(want)) && got != want && len(all) < 3 {
			all = append(all, fmt.Sprintf("%s is %v, want %v", what, got, want))
		}
	}
	check("the result", got.result, want.result)
	for i := range want.x {
		for k := range want.x[i] {
			check(fmt.Sprintf("element %d of operand %d", k, i), float64(got.x[i][k]), float64(want.x[i][k]))
		}
	}
	return strings.Join(all, "; ")
}

func exactly(float64) float64 { return 0 }

func (f vectorFunction) nearly(want float64) float64 {
	return 0x1p-21*math.Abs(want) + f.floor + 0x1p-149
}

// assemblyLevels returns the levels but Generic.
func assemblyLevels() []Level { return Levels()[1:] }

// TestVector compares each function with the loop in Go, of all lengths around those
// of registers.
func TestVector(t *testing.T) {
	for _, f := range vectorFunctions() {
		t.Run(f.name, func(t *testing.T) {
			for n := range 71 {
				x := f.content(n)
				want := f.run(Generic, x)
				var first outcome
				for i, level := range assemblyLevels() {
					got := f.run(level, x)
					if d := differences(got, want, f.nearly); d != "" {
						t.Fatalf("%v, %d elements: %s", level, n, d)
					}
					if i == 0 {
						first = got
					} else if d := differences(got, first, exactly); d != "" {
						t.Fatalf("%d elements: %v differs from %v: %s", n, level, assemblyLevels()[0], d)
					}
				}
			}
		})
	}
}

// TestVectorBitsDependOnNoPlace computes elements in several calls.
func TestVectorBitsDependOnNoPlace(t *testing.T) {
	const n = 70
	for _, f := range vectorFunctions() {
		if f.sum {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			x := f.content(n)
			for _, level := range assemblyLevels() {
				whole := f.run(level, x)
				for _, span := range [][2]int{{0, 1}, {1, 2}, {3, 20}, {7, 70}, {16, 33}, {69, 70}} {
					want := outcome{x: f.columns(whole.x, n, span[0], span[1])}
					got := f.run(level, f.columns(x, n, span[0], span[1]))
					if d := differences(got, want, exactly); d != "" {
						t.Errorf("%v: elements %d..%d alone: %s", level, span[0], span[1]-1, d)
					}
				}
			}
		})
	}
}

// TestVectorInPlace computes results in the place of operands.
func TestVectorInPlace(t *testing.T) {
	shared := map[string][][2]int{ // operands that may be the same slice
		"exp": {{0, 1}}, "log": {{0, 1}}, "sigmoid": {{0, 1}}, "tanh": {{0, 1}}, "relu": {{0, 1}},
		"add": {{0, 1}, {0, 2}}, "sub": {{0, 1}, {0, 2}}, "mul": {{0, 1}, {0, 2}},
		"sigmoidGrad": {{0, 1}, {0, 2}}, "tanhGrad": {{0, 1}, {0, 2}}, "reluGrad": {{0, 1}, {0, 2}}, "softmaxGrad": {{0, 1}, {0, 2}},
		"scale": {{0, 1}}, "normalize": {{0, 1}}, "normalizeGrad": {{0, 1}, {0, 2}},
		"lstmCellGrad": {{0, 6}}, "lstmCellGradPeep": {{0, 6}}, "gruCellGrad": {{0, 5}, {1, 6}}, "expSum": {{0, 1}},
	}
	const n = 37
	for _, f := range vectorFunctions() {
		for _, pair := range shared[f.name] {
			a, b := pair[0], pair[1]
			x := f.content(n)
			if f.operands[a].rows > 1 {
				a, b = b, a // the result is the second one
			}
			copy(x[a], x[b])
			for _, level := range Levels() {
				want := f.run(level, x)
				together := make([][]float32, len(x))
				for i := range x {
					together[i] = slices.Clone(x[i])
				}
				together[b] = together[a]
				got := outcome{together, f.call(level.Vector(), together)}
				want.x[b] = want.x[a]
				if d := differences(got, want, exactly); d != "" {
					t.Errorf("%s, %v, operand %d in the place of %d: %s", f.name, level, a, b, d)
				}
			}
		}
	}
}

// TestVectorSpecialNumbers compares what becomes of infinities, NaN, zeros and
// subnormal numbers with the loop in Go.
func TestVectorSpecialNumbers(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), 0x1p-149, -0x1p-140, 1, -1, 0x1p60, -0x1p60}
	for _, f := range vectorFunctions() {
		t.Run(f.name, func(t *testing.T) {
			const n = 127 // all pairs, and many among those that fill no register
			x := f.content(n)
			for i := range x {
				for k := range x[i] {
					switch {
					case f.sum: // one NaN would hide all else
						if k%5 == 0 {
							x[i][k] = -inf
						}
					case i%3 == 0:
						x[i][k] = special[k%len(special)]
					case i%3 == 1:
						x[i][k] = special[k/len(special)%len(special)]
					}
				}
			}
			want := f.run(Generic, x)
			for _, level := range assemblyLevels() {
				got := f.run(level, x)
				if kinds := mismatches(got, want); kinds != "" {
					t.Errorf("%v: %s", level, kinds)
				}
			}
		})
	}
}

// mismatches says where one outcome is NaN or infinite and the other is not.
func mismatches(got, want outcome) string {
	kind := func(x float32) string {
		switch {
		case x != x:
			return "NaN"
		case math.IsInf(float64(x), 0):
			return fmt.Sprint(x)
		}
		return "finite"
	}
	if kind(float32(got.result)) != kind(float32(want.result)) {
		return fmt.Sprintf("the result is %v, want %v", got.result, want.result)
	}
	for i := range want.x {
		for k, w := range want.x[i] {
			if g := got.x[i][k]; kind(g) != kind(w) {
				return fmt.Sprintf("element %d of operand %d is %v, want %v", k, i, g, w)
			}
		}
	}
	return ""
}

func TestVectorTakesNoSlicesOfDifferentLengths(t *testing.T) {
	for _, f := range vectorFunctions() {
		for i := range f.operands {
			if len(f.operands) == 1 {
				continue
			}
			x := f.content(20)
			x[i] = x[i][:len(x[i])-1]
			for _, level := range Levels() {
				func() {
					defer func() {
						if text, _ := recover().(string); !strings.HasPrefix(text, "simd: a slice of ") {
							t.Errorf("%s, %v: operand %d is short, and the panic is %q", f.name, level, i, text)
						}
					}()
					f.call(level.Vector(), x)
				}()
			}
		}
	}
}
