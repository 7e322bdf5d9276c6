package kernels_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// The compiler copies the nonlinearities into each cell. Every copy must give the same
// bits as sigmoid and tanh_forward, whose error bounds another test checks.
func TestCellsApplyTheNonlinearities(t *testing.T) {
	x := append(scaled(uniform(random(21), 1024), 12), 25, -25, 110, -110, float32(math.Inf(1)), float32(math.Inf(-1)))
	n := len(x)
	d := open(t, "activation", "lstm", "rnn", "gru", "lstm1997")
	each := kernels.Matrix(n, 1) // one unit, n rows
	none := cuda.Pointer(0)
	constant := func(value float32, count int) cuda.Pointer { return put(d, slices.Repeat([]float32{value}, count)) }
	apply := func(kernel string, x []float32) []float32 {
		dst := room[float32](d, len(x))
		d.run(kernel, kernels.Elements(int64(len(x))), dst, put(d, x), int64(len(x)))
		return get[float32](d, dst, len(x))
	}
	s, th := apply("sigmoid", x), apply("tanh_forward", x)
	state := products(s, th)
	output := products(s, apply("tanh_forward", state))
	quarter := products(th, slices.Repeat([]float32{0.25}, n))
	// check compares columns, starting at first, of the matrix [n, width] at got.
	check := func(what string, got cuda.Pointer, width, first int, want ...[]float32) {
		t.Helper()
		values := get[float32](d, got, n*width)
		for row, x := range x {
			for column, want := range want {
				got, want := values[row*width+first+column], want[row]
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Errorf("seed 1,21: %s[%d,%d] of %v = %v, want %v", what, row, first+column, x, got, want)
					return
				}
			}
		}
	}

	// Gates i, f, g, o. The previous state is 0.
	gates, c, h := put(d, repeated(x, 4)), room[float32](d, n), room[float32](d, n)
	d.run("lstm_cell", each, gates, c, h, constant(0, n), none, n, 1)
	check("gates of lstm_cell", gates, 4, 0, s, s, th, s)
	check("c of lstm_cell", c, 1, 0, state)
	check("h of lstm_cell", h, 1, 0, output)

	step := layerStep{device: d, batch: n, hidden: 1}
	for _, p := range kernels.StepPlans("float32", "lstm", 1, n, 1, kernels.Device{Multiprocessors: n, Lanes: 128}) {
		gates, c, h = put(d, repeated(x, 4)), room[float32](d, n), room[float32](d, n)
		step.step(p, gates, c, h, constant(0, n), constant(0, n), constant(0, 4), none, none, none)
		check("gates of "+p.Kernel, gates, 4, 0, s, s, th, s)
		check("h of "+p.Kernel, h, 1, 0, output)
	}

	// dz of o is tanh(c) * o * (1-o) with o = ½.
	dz := room[float32](d, 4*n)
	d.run("lstm_cell_grad", each, dz, constant(0, n), constant(0.5, 4*n), constant(0, n), put(d, x), none, constant(1, n), constant(0, n), n, 1, 1)
	check("dz of lstm_cell_grad", dz, 4, 3, quarter)

	for _, p := range kernels.StepPlans("float32", "rnn", 1, n, 1, kernels.Device{Multiprocessors: n, Lanes: 128}) {
		h = put(d, x)
		step.step(p, h, constant(0, n), constant(0, 1), none, none, 0)
		check("h of "+p.Kernel, h, 1, 0, th)
	}

	for _, p := range kernels.StepPlans("float32", "gru", 1, n, 1, kernels.Device{Multiprocessors: n, Lanes: 128}) {
		gates, h = put(d, repeated(x, 3)), room[float32](d, n)
		step.step(p, gates, room[float32](d, 3*n), h, constant(0, n), constant(0, 3), none, none)
		check("gates of "+p.Kernel, gates, 3, 0, s, s, th)
	}

	gates, h = put(d, repeated(x, 3)), room[float32](d, n)
	d.run("gru_cell", each, gates, h, constant(0, 3*n), constant(0, n), n, 1)
	check("gates of gru_cell", gates, 3, 0, s, s, th)

	// Gates in, f, out and the cell. Both squashing functions are tanh.
	gates, c, h = put(d, repeated(x, 4)), room[float32](d, n), room[float32](d, n)
	d.run("lstm1997_cell", each, gates, c, h, constant(0, n), none, n, 1, 1, 1, 1.0, 1.0, 1.0, 1.0)
	check("gates of lstm1997_cell", gates, 4, 0, s, s, s, th)
	check("s of lstm1997_cell", c, 1, 0, state)
	check("y of lstm1997_cell", h, 1, 0, output)

	// d_out is h(s) * out * (1-out) with out = ½.
	e, dOut := room[float32](d, n), room[float32](d, n)
	d.run("lstm1997_error", each, e, dOut, constant(0.5, 4*n), put(d, x), constant(1, n), n, 1, 1, 1, 1.0, 1.0)
	check("d_out of lstm1997_error", dOut, 1, 0, quarter)
}

// repeated returns the elements of x, each of them repeated.
func repeated(x []float32, times int) []float32 {
	var all []float32
	for _, v := range x {
		all = append(all, slices.Repeat([]float32{v}, times)...)
	}
	return all
}

// products returns 0 + a*b.
func products(a, b []float32) []float32 {
	c := make([]float32, len(a))
	for k := range c {
		c[k] += a[k] * b[k]
	}
	return c
}
