package gl_test

import (
	"fmt"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/kernels"
)

// longest is how often a loop may run. llvmpipe ends those of an invocation, in silence,
// after four times as many iterations in all.
const longest = 1 << 14

// Long sums are cut into launches of which each loop is short enough.
func TestLongLoopsAreCut(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(b *bench)
		want []string // shaders, with their groups and the length of the loop
	}{
		{"Gemm, short k", func(b *bench) { gemm(b, 20, 20, 100) }, []string{"gemm 1x1 of 112"}},
		{"Gemm, k beyond a loop", func(b *bench) { gemm(b, 1, 1, 70000) }, []string{"gemm 1x64 of 1104", "gemm_reduce 1x1"}},
		{"Gemm, many tiles and k beyond a loop", func(b *bench) { gemm(b, 640, 640, 20000) }, []string{"gemm 25x3 of 6672", "gemm_reduce 1600x1"}},
		{"SumRows of few", func(b *bench) { b.SumRows(b.Zeros(1, 40), b.Zeros(512, 40), 0) }, []string{"sum_rows 2x1 of 512"}},
		{"SumRows of many", func(b *bench) { b.SumRows(b.Zeros(1, 1), b.Zeros(1<<20+1, 1), 0) },
			[]string{"sum_rows 1x1024 of 1025", "sum_rows 1x1 of 1024"}},
		{"ScatterAddRows of many", func(b *bench) { b.ScatterAddRows(b.Zeros(2, 1), b.Zeros(40000, 1), b.Ints(make([]int32, 40000)...)) },
			[]string{"scatter_add_rows 1x1 of 16384", "scatter_add_rows 1x1 of 16384", "scatter_add_rows 1x1 of 7232"}},
		{"Softmax of many rows", func(b *bench) { x := b.Zeros(100000, 2); b.Softmax(x, x) }, []string{"softmax 65535x1"}},
		{"Softmax of a long row", func(b *bench) { x := b.Zeros(1, 1<<22); b.Softmax(x, x) }, []string{"softmax 1x1"}},
		{"LSTM1997CellGrad of many sequences", func(b *bench) { lstm1997(b, 40000, 1) },
			[]string{"lstm1997_partials 157x1", "lstm1997_error 157x1", "lstm1997_grad 1x1 of 16384", "lstm1997_grad 1x1 of 16384", "lstm1997_grad 1x1 of 7232"}},
		{"LSTM1997CellGrad of many sequences and cells", func(b *bench) { lstm1997(b, 5000, 128) }, []string{
			"lstm1997_partials 2500x1", "lstm1997_error 5000x1",
			"lstm1997_grad 2x1 of 4096", "lstm1997_grad 1x1 of 4096", "lstm1997_grad 2x1 of 904", "lstm1997_grad 1x1 of 904"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, newFake())
			c.call(b)
			if err := b.Sync(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range b.driver.dispatches {
				got = append(got, describe(t, d))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// describe returns a shader with its groups and the length of its loop over a sum.
func describe(t *testing.T, d dispatch) string {
	t.Helper()
	text := fmt.Sprintf("%s %dx%d", d.kernel, d.x, d.y)
	scalar := func(name string) int {
		all := kernels.Shaders()
		s := all[slices.IndexFunc(all, func(s kernels.Shader) bool { return s.Kernel == d.kernel })]
		return int(d.args[len(s.Operands)+slices.Index(s.Scalars, name)])
	}
	length := 0
	switch d.kernel {
	case "gemm":
		length = scalar("slice")
	case "sum_rows":
		length = scalar("chunk")
	case "scatter_add_rows", "lstm1997_grad":
		length = scalar("last") - scalar("first")
	default:
		return text
	}
	if length > longest {
		t.Errorf("%s: a loop of %d", d.kernel, length)
	}
	return fmt.Sprintf("%s of %d", text, length)
}

func gemm(b *bench, m, n, k int) {
	b.Gemm(b.Zeros(m, n), backend.NoTrans, backend.NoTrans, 1, b.Zeros(m, k), b.Zeros(k, n), 0)
}

func lstm1997(b *bench, batch, cells int) {
	cell := backend.LSTM1997CellArgs{
		Blocks: 1, Gates: b.Zeros(batch, 2+cells), SPrev: b.Zeros(batch, cells), S: b.Zeros(batch, cells), Y: b.Zeros(batch, cells),
	}
	b.LSTM1997CellGrad(backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: cell, Source: b.Zeros(batch, 1), DY: b.Zeros(batch, cells),
		PIn: b.Zeros(batch*cells, 1), PCell: b.Zeros(batch*cells, 1), DW: b.Zeros(2+cells, 1),
	})
}

// A fused step of a layer is one shader.
func TestAForwardStepIsOneShader(t *testing.T) {
	b := newBench(t, newFake())
	const n, width, hidden, steps = 3, 4, 5, 6
	a := backend.LSTMArgs{
		Batch: n, X: b.Zeros(steps*n, width), WIH: b.Zeros(4*hidden, width), WHH: b.Zeros(4*hidden, hidden),
		H: b.Zeros((steps+1)*n, hidden), C: b.Zeros((steps+1)*n, hidden), Gates: b.Zeros(steps*n, 4*hidden),
	}
	a.Scratch = b.Zeros(1, b.LSTMScratch(a.Dims()))
	b.LSTMForward(a)
	b.Sync()
	if got, want := b.driver.kernelsRun(), append([]string{"gemm"}, slices.Repeat([]string{"lstm_step"}, steps)...); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every shader has the operands that every driver binds, arguments that fit, and groups
// that every driver runs.
func TestShadersKeepTheGuaranteedLimits(t *testing.T) {
	for _, s := range kernels.Shaders() {
		if len(s.Operands) > guaranteed.Bindings || len(s.Operands)+len(s.Scalars) > kernels.MaxArgs {
			t.Errorf("%s has %d operands and %d scalars", s.Name(), len(s.Operands), len(s.Scalars))
		}
		if s.Group > 1024 {
			t.Errorf("%s has groups of %d", s.Name(), s.Group)
		}
	}
}
