package cuda_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/kernels"
)

// larger is an operation at a larger size than the conformance suite has here.
// Sums take a second pass, and products take larger tiles.
type larger struct {
	name            string
	multiprocessors int       // of the device; 0 for the emulator's default
	dst, x, y       [2]int    // rows and columns
	call            operation // on dst, x, y
}

type operation func(b backend.Backend, dst, x, y backend.Tensor)

// secondPasses leave partial sums to a second kernel.
var secondPasses = []larger{
	{"Gemm", 0, [2]int{3, 3}, [2]int{2500, 3}, [2]int{2500, 3}, product(backend.Trans, backend.NoTrans)},
	{"SumRows", 0, [2]int{1, 3}, [2]int{2500, 3}, [2]int{}, func(b backend.Backend, dst, x, _ backend.Tensor) { b.SumRows(dst, x, 2) }},
	{"SquaredError", 0, [2]int{1, 1}, [2]int{2500, 3}, [2]int{2500, 3}, func(b backend.Backend, dst, x, y backend.Tensor) {
		b.SquaredError(dst, backend.Tensor{}, x, y, 0.25)
	}},
	{"ClipNorm", 0, [2]int{1, 1}, [2]int{2500, 3}, [2]int{}, func(b backend.Backend, dst, x, _ backend.Tensor) { b.ClipNorm(x, dst, 1) }},
	{"ClipFactor", 0, [2]int{1, 1}, [2]int{2500, 3}, [2]int{1, 1}, func(b backend.Backend, dst, x, y backend.Tensor) {
		b.(backend.ClipFactorer).ClipFactor(x, y, dst, 1)
	}},
	{"LSTMPeepGrad", 0, [2]int{3, 5}, [2]int{300, 20}, [2]int{301, 5}, peepholeGrad},
}

// tiles are products that a device computes with the kernel that is the first word of the
// name. In nn_32x32 rows of x are not aligned.
var tiles = []larger{
	{"nn_32x32", 132, [2]int{33, 34}, [2]int{33, 70}, [2]int{70, 34}, product(backend.NoTrans, backend.NoTrans)},
	{"nn_32x32 aligned", 132, [2]int{33, 36}, [2]int{33, 104}, [2]int{104, 36}, product(backend.NoTrans, backend.NoTrans)},
	{"nn_32x32 of a window", 132, [2]int{33, 36}, [2]int{34, 104}, [2]int{104, 36}, windowed},
	{"nn_share_32x32", 7, [2]int{70, 72}, [2]int{70, 700}, [2]int{700, 72}, product(backend.NoTrans, backend.NoTrans)},
	{"nn_64x64", 1, [2]int{61, 62}, [2]int{61, 70}, [2]int{70, 62}, product(backend.NoTrans, backend.NoTrans)},
	{"tn_64x64", 1, [2]int{61, 62}, [2]int{70, 61}, [2]int{70, 62}, product(backend.Trans, backend.NoTrans)},
	{"nt_128x128", 1, [2]int{127, 126}, [2]int{127, 20}, [2]int{126, 20}, product(backend.NoTrans, backend.Trans)},
	{"tt_128x128", 1, [2]int{127, 126}, [2]int{20, 127}, [2]int{126, 20}, product(backend.Trans, backend.Trans)},
}

// sequences are layers whose units take two blocks, and whose rows take several groups of
// such blocks, or one.
var sequences = []larger{
	{"LSTM forward", 0, [2]int{15, 40}, [2]int{160, 40}, [2]int{12, 40}, lstmForward},
	{"LSTM backward", 2, [2]int{12, 160}, [2]int{160, 40}, [2]int{12, 40}, lstmBackward},
	{"RNN forward", 0, [2]int{15, 70}, [2]int{70, 70}, [2]int{12, 70}, rnnForward},
	{"RNN backward", 3, [2]int{12, 70}, [2]int{70, 70}, [2]int{12, 70}, rnnBackward},
	{"GRU forward", 0, [2]int{15, 40}, [2]int{120, 40}, [2]int{12, 40}, gruForward},
	{"GRU backward", 2, [2]int{12, 120}, [2]int{120, 40}, [2]int{12, 40}, gruBackward},
}

// largeNumbers are layers in which two numbers would be rounded to infinity: of the first h, or
// of the gradient of the second step. With small weights slopes are near 1,
// and what comes of these numbers is finite.
var largeNumbers = []larger{
	{"RNN forward of large numbers", 0, [2]int{15, 70}, [2]int{70, 70}, [2]int{12, 70}, func(b backend.Backend, dst, x, y backend.Tensor) {
		b.Fill(firstTwo(dst, 0), math.MaxFloat32)
		b.Scale(x, 0x1p-12, x)
		rnnForward(b, dst, x, y)
	}},
	{"RNN backward of large numbers", 0, [2]int{12, 70}, [2]int{70, 70}, [2]int{12, 70}, func(b backend.Backend, dst, x, y backend.Tensor) {
		b.Fill(firstTwo(y, sequenceBatch), math.MaxFloat32)
		b.Scale(x, 0x1p-12, x)
		rnnBackward(b, dst, x, y)
	}},
}

// firstTwo returns two elements of a row.
func firstTwo(x backend.Tensor, row int) backend.Tensor {
	return backend.Tensor{Buf: x.Buf, Off: x.Off + row*x.Cols, Rows: 1, Cols: 2}
}

// Backward the batch is 3. There is one input. The weights are in x, the inputs in y, the
// states in dst.
const sequenceBatch = 3

func firstColumn(x backend.Tensor) backend.Tensor {
	return backend.Tensor{Buf: x.Buf, Off: x.Off, Rows: x.Rows, Cols: 1}
}

func lstmSequence(b backend.Backend, h, x, y backend.Tensor) backend.LSTMArgs {
	a := backend.LSTMArgs{
		Batch: h.Rows - y.Rows, X: firstColumn(y), WIH: firstColumn(x), WHH: x, H: h, C: room(b, h.Rows, h.Cols), Gates: room(b, y.Rows, x.Rows),
	}
	a.Scratch = room(b, 1, backend.LSTMScratch(b, a.Dims()))
	return a
}

func rnnSequence(b backend.Backend, h, x, y backend.Tensor) backend.RNNArgs {
	a := backend.RNNArgs{Batch: h.Rows - y.Rows, X: firstColumn(y), WIH: firstColumn(x), WHH: x, H: h}
	a.Scratch = room(b, 1, backend.RNNScratch(b, a.Dims()))
	return a
}

func gruSequence(b backend.Backend, h, x, y backend.Tensor) backend.GRUArgs {
	a := backend.GRUArgs{
		Batch: h.Rows - y.Rows, X: firstColumn(y), WIH: firstColumn(x), WHH: x, H: h, Gates: room(b, y.Rows, x.Rows), Recurrent: room(b, y.Rows, x.Rows),
	}
	a.Scratch = room(b, 1, backend.GRUScratch(b, a.Dims()))
	return a
}

func lstmForward(b backend.Backend, dst, x, y backend.Tensor) {
	backend.LSTMForward(b, lstmSequence(b, dst, x, y))
}

func rnnForward(b backend.Backend, dst, x, y backend.Tensor) {
	backend.RNNForward(b, rnnSequence(b, dst, x, y))
}

func gruForward(b backend.Backend, dst, x, y backend.Tensor) {
	backend.GRUForward(b, gruSequence(b, dst, x, y))
}

// Backward, the gradients of the gates are in dst. y holds those of the states too.
func lstmBackward(b backend.Backend, dst, x, y backend.Tensor) {
	a := lstmSequence(b, room(b, y.Rows+sequenceBatch, y.Cols), x, y)
	backend.LSTMForward(b, a)
	backend.LSTMBackward(b, backend.LSTMGradArgs{
		LSTMArgs: a, DY: y, DZ: dst, DH0: room(b, sequenceBatch, y.Cols), DWIH: room(b, x.Rows, 1), DWHH: room(b, x.Rows, x.Cols),
	})
}

func rnnBackward(b backend.Backend, dst, x, y backend.Tensor) {
	a := rnnSequence(b, room(b, y.Rows+sequenceBatch, y.Cols), x, y)
	backend.RNNForward(b, a)
	backend.RNNBackward(b, backend.RNNGradArgs{
		RNNArgs: a, DY: y, DZ: dst, DH0: room(b, sequenceBatch, y.Cols), DWIH: room(b, x.Rows, 1), DWHH: room(b, x.Rows, x.Cols),
	})
}

func gruBackward(b backend.Backend, dst, x, y backend.Tensor) {
	a := gruSequence(b, room(b, y.Rows+sequenceBatch, y.Cols), x, y)
	backend.GRUForward(b, a)
	backend.GRUBackward(b, backend.GRUGradArgs{
		GRUArgs: a, DY: y, DV: room(b, dst.Rows, dst.Cols), DU: dst, DH0: room(b, sequenceBatch, y.Cols), DWIH: room(b, x.Rows, 1), DWHH: room(b, x.Rows, x.Cols),
	})
}

// room returns a tensor of 0. If there is no memory, operations on it panic.
func room(b backend.Backend, rows, cols int) backend.Tensor {
	x, _ := b.New(rows, cols)
	return x
}

// product returns a product with beta.
func product(transX, transY backend.Transpose) operation {
	return func(b backend.Backend, dst, x, y backend.Tensor) { b.Gemm(dst, transX, transY, -0.5, x, y, 2) }
}

// windowed is a product of which x begins one element later.
func windowed(b backend.Backend, dst, x, y backend.Tensor) {
	b.Gemm(dst, backend.NoTrans, backend.NoTrans, -0.5, backend.Tensor{Buf: x.Buf, Off: x.Off + 1, Rows: x.Rows - 1, Cols: x.Cols}, y, 2)
}

// peepholeGrad adds the gradient of the peepholes to dst. x is the gradient of the
// gates. y holds the cells before the first time step and after each one.
func peepholeGrad(b backend.Backend, dst, x, y backend.Tensor) {
	steps, hidden := x.Rows, y.Cols
	if p, ok := b.(backend.LSTMPeepGrader); ok {
		p.LSTMPeepGrad(dst, x, y.Slice(0, steps), y.Slice(1, steps+1))
		return
	}
	for row, peep := range []struct{ gate, later int }{{0, 0}, {1, 0}, {3, 1}} {
		for t := range steps {
			dz := backend.Tensor{Buf: x.Buf, Off: x.Off + (4*t+peep.gate)*hidden, Rows: 1, Cols: hidden}
			b.AddMul(dst.Slice(row, row+1), dz, y.Slice(t+peep.later, t+peep.later+1))
		}
	}
}

func TestSecondPasses(t *testing.T) { testLarger(t, secondPasses) }

func TestSequences(t *testing.T) { testLarger(t, append(sequences, largeNumbers...)) }

func TestTiles(t *testing.T) {
	for _, c := range tiles {
		depth := c.x[1]
		if c.name[0] == 't' {
			depth = c.x[0]
		}
		plan := kernels.ChooseGemm([]string{"float32"}, kernels.GemmShape{
			TransA: c.name[0] == 't', TransB: c.name[1] == 't', M: c.dst[0], N: c.dst[1], K: depth,
		}, kernels.Device{Multiprocessors: c.multiprocessors, Lanes: 128})
		if want := "gemm_" + strings.Fields(c.name)[0]; plan.Kernel != want {
			t.Errorf("a product of %v and %v is planned with %s, want %s", c.x, c.y, plan.Kernel, want)
		}
	}
	testLarger(t, tiles)
}

func testLarger(t *testing.T, all []larger) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			if err := c.on(&altered{Driver: newDriver(t, emulator.Options{}), multiprocessors: c.multiprocessors}); err != nil {
				t.Error(err)
			}
		})
	}
}

// on runs the operation on a device of the driver. It returns an error if the
// result is wrong.
func (c larger) on(driver cuda.Driver) error { return c.in("float32", driver) }

// in is on, with products in a math.
func (c larger) in(name string, driver cuda.Driver) error {
	b, err := cuda.Open(driver, 0, cuda.Options{Math: name, Always: true})
	if err != nil {
		return err
	}
	defer b.Close()
	got, err := c.run(b)
	if err != nil {
		return err
	}
	want, err := c.run(reference.New())
	if err != nil {
		return err
	}
	// Sums are cut into parts of some hundred terms of at most 1.
	product, _ := cuda.MathError(name)
	tolerance := 512*0x1p-24 + 100*product // with these weights, errors grow from step to step
	for k := range want {
		allowed := tolerance * math.Max(1, math.Abs(float64(want[k])))
		if off := math.Abs(float64(got[k]) - float64(want[k])); !(off <= allowed) {
			return fmt.Errorf("seed 1,1, x %v, y %v: element %d of dst and x: got %v, want %v, tolerance %.2g", c.x, c.y, k, got[k], want[k], allowed)
		}
	}
	return nil
}

// run runs the operation on random numbers, which are always the same. It returns
// dst and then x.
func (c larger) run(b backend.Backend) ([]float32, error) {
	r := rand.New(rand.NewPCG(1, 1))
	var tensors [3]backend.Tensor
	for i, size := range [][2]int{c.dst, c.x, c.y} {
		var err error
		if tensors[i], err = b.New(size[0], size[1]); err != nil {
			return nil, err
		}
		b.Upload(tensors[i], operands.Uniform(r, tensors[i].Size()))
	}
	dst, x := tensors[0], tensors[1]
	c.call(b, dst, x, tensors[2])
	result := make([]float32, dst.Size()+x.Size())
	err := b.Download(result[:dst.Size()], dst)
	if err == nil {
		err = b.Download(result[dst.Size():], x)
	}
	return result, err
}
