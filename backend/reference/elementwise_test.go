package reference_test

import (
	"math"
	"testing"

	"gputrain/backend"
)

func TestElementwise(t *testing.T) {
	// The operations find these in dst, a and b. row is [10 100 1000].
	dst := []float64{10, 20, 30, 40, 50, 60}
	a := []float64{1, -2, 3, -4, 5, -6}
	b := []float64{0.5, 4, -1, 2, -3, 0}
	for _, c := range []struct {
		name string
		run  func(f fixture, dst, a, b, row backend.Tensor)
		want []float64
	}{
		{"Fill", func(f fixture, dst, _, _, _ backend.Tensor) { f.Fill(dst, 2.5) },
			[]float64{2.5, 2.5, 2.5, 2.5, 2.5, 2.5}},
		{"Copy", func(f fixture, dst, a, _, _ backend.Tensor) { f.Copy(dst, a) },
			[]float64{1, -2, 3, -4, 5, -6}},
		{"Add", func(f fixture, dst, a, b, _ backend.Tensor) { f.Add(dst, a, b) },
			[]float64{1 + 0.5, -2 + 4, 3 - 1, -4 + 2, 5 - 3, -6 + 0}},
		{"Sub", func(f fixture, dst, a, b, _ backend.Tensor) { f.Sub(dst, a, b) },
			[]float64{1 - 0.5, -2 - 4, 3 + 1, -4 - 2, 5 + 3, -6 - 0}},
		{"Mul", func(f fixture, dst, a, b, _ backend.Tensor) { f.Mul(dst, a, b) },
			[]float64{1 * 0.5, -2 * 4, 3 * -1, -4 * 2, 5 * -3, -6 * 0}},
		{"AddMul", func(f fixture, dst, a, b, _ backend.Tensor) { f.AddMul(dst, a, b) },
			[]float64{10 + 1*0.5, 20 - 2*4, 30 - 3*1, 40 - 4*2, 50 - 5*3, 60 - 6*0}},
		{"Scale", func(f fixture, dst, a, _, _ backend.Tensor) { f.Scale(dst, -3, a) },
			[]float64{-3 * 1, -3 * -2, -3 * 3, -3 * -4, -3 * 5, -3 * -6}},
		{"AddScaled", func(f fixture, dst, a, _, _ backend.Tensor) { f.AddScaled(dst, 2, a) },
			[]float64{10 + 2*1, 20 - 2*2, 30 + 2*3, 40 - 2*4, 50 + 2*5, 60 - 2*6}},
		{"AddRow", func(f fixture, dst, a, _, row backend.Tensor) { f.AddRow(dst, a, row) },
			[]float64{1 + 10, -2 + 100, 3 + 1000, -4 + 10, 5 + 100, -6 + 1000}},
		{"MulRow", func(f fixture, dst, a, _, row backend.Tensor) { f.MulRow(dst, a, row) },
			[]float64{1 * 10, -2 * 100, 3 * 1000, -4 * 10, 5 * 100, -6 * 1000}},
		{"MulCol", func(f fixture, dst, a, _, _ backend.Tensor) { f.MulCol(dst, a, f.tensor(2, 1, 10, 100)) },
			[]float64{1 * 10, -2 * 10, 3 * 10, -4 * 100, 5 * 100, -6 * 100}},
		{"CopyCols", func(f fixture, dst, a, _, _ backend.Tensor) { f.CopyCols(dst, 0, a, 1, 2) },
			[]float64{-2, 3, 30, 5, -6, 60}},
		{"CopyCols of none", func(f fixture, dst, a, _, _ backend.Tensor) { f.CopyCols(dst, 3, a, 3, 0) },
			[]float64{10, 20, 30, 40, 50, 60}},

		{"Add to a", func(f fixture, dst, a, b, _ backend.Tensor) { f.Copy(dst, a); f.Add(dst, dst, b) },
			[]float64{1 + 0.5, -2 + 4, 3 - 1, -4 + 2, 5 - 3, -6 + 0}},
		{"Sub to b", func(f fixture, dst, a, b, _ backend.Tensor) { f.Copy(dst, b); f.Sub(dst, a, dst) },
			[]float64{1 - 0.5, -2 - 4, 3 + 1, -4 - 2, 5 + 3, -6 - 0}},
		{"Mul of dst by itself", func(f fixture, dst, _, _, _ backend.Tensor) { f.Mul(dst, dst, dst) },
			[]float64{100, 400, 900, 1600, 2500, 3600}},
		{"AddMul to a", func(f fixture, dst, _, b, _ backend.Tensor) { f.AddMul(dst, dst, b) },
			[]float64{10 + 10*0.5, 20 + 20*4, 30 - 30*1, 40 + 40*2, 50 - 50*3, 60 + 60*0}},
		{"AddScaled to x", func(f fixture, dst, _, _, _ backend.Tensor) { f.AddScaled(dst, 2, dst) },
			[]float64{3 * 10, 3 * 20, 3 * 30, 3 * 40, 3 * 50, 3 * 60}},
		{"MulRow to x", func(f fixture, dst, _, _, row backend.Tensor) { f.MulRow(dst, dst, row) },
			[]float64{10 * 10, 20 * 100, 30 * 1000, 40 * 10, 50 * 100, 60 * 1000}},
		{"MulCol to x", func(f fixture, dst, _, _, _ backend.Tensor) { f.MulCol(dst, dst, f.tensor(2, 1, 10, 100)) },
			[]float64{10 * 10, 20 * 10, 30 * 10, 40 * 100, 50 * 100, 60 * 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			out, x, y, row := f.tensor(2, 3, dst...), f.tensor(2, 3, a...), f.tensor(2, 3, b...), f.tensor(1, 3, 10, 100, 1000)
			c.run(f, out, x, y, row)
			f.want("dst", out, 0, c.want...)
			f.want("a", x, 0, a...)
			f.want("b", y, 0, b...)
		})
	}
}

func TestDropoutKeepsTheRateAndTheMean(t *testing.T) {
	const n, rate = 200_000, 0.3
	f := open(t)
	x := f.tensor(200, 1000)
	f.Fill(x, 1)
	f.Dropout(x, x, rate, 42, 0)
	values := f.values(x)
	kept, pairs := 0, 0
	for k, v := range values {
		if v != 0 && v != 1/(1-rate) {
			t.Fatalf("element %d is %v, want 0 or 1/(1−%v)", k, v, rate)
		}
		if v != 0 {
			kept++
		}
		if k%2 == 1 && v != 0 && values[k-1] != 0 {
			pairs++
		}
	}
	// If all elements are independent, both counts are binomial; five standard
	// deviations are allowed.
	for _, c := range []struct {
		name     string
		count, n int
		p        float64
	}{
		{"elements kept", kept, n, 1 - rate},
		{"pairs kept", pairs, n / 2, (1 - rate) * (1 - rate)},
	} {
		mean := float64(c.n) * c.p
		limit := 5 * math.Sqrt(mean*(1-c.p))
		if math.Abs(float64(c.count)-mean) > limit {
			t.Errorf("%s: %d of %d, want %v ± %v (seed 42)", c.name, c.count, c.n, mean, limit)
		}
	}
}

func TestDropoutMasksOfForwardAndBackwardAgree(t *testing.T) {
	f := open(t)
	x, dy := f.tensor(20, 30), f.tensor(20, 30)
	f.Fill(x, 3)
	f.Fill(dy, -2)
	y, dx := f.tensor(20, 30), f.tensor(20, 30)
	f.Dropout(y, x, 0.5, 7, 100)
	f.Dropout(dx, dy, 0.5, 7, 100)
	forward, backward := f.values(y), f.values(dx)
	for k := range forward {
		// Both are 0, or 3/(1−½) and −2/(1−½).
		if want := -forward[k] * 2 / 3; math.Abs(backward[k]-want) > 1e-15 {
			t.Errorf("element %d: forward %v, backward %v, want %v (seed 7)", k, forward[k], backward[k], want)
		}
	}

	// An offset continues the stream. Another seed is another stream.
	tail := f.tensor(10, 30)
	f.Dropout(tail, x.Slice(10, 20), 0.5, 7, 100+10*30)
	f.want("second half by offset", tail, 0, forward[10*30:]...)
	f.Dropout(dx, x, 0.5, 8, 100)
	same := 0
	for k, v := range f.values(dx) {
		if v == forward[k] {
			same++
		}
	}
	if same > 600*6/10 || same < 600*4/10 {
		t.Errorf("masks of seeds 7 and 8 agree at %d of 600 elements, want about 300", same)
	}
}

func TestDropoutOfRateZeroKeepsAll(t *testing.T) {
	f := open(t)
	x := f.tensor(1, 3, 1, math.Inf(1), -2)
	f.Dropout(x, x, 0, 1, 0)
	f.want("x", x, 0, 1, math.Inf(1), -2)
}
