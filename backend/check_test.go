package backend_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
)

// device stands for a backend: it has memory only in name.
type device struct{ name string }

type buffer struct{ backend.Allocation }

func (d *device) tensor(rows, cols int) backend.Tensor {
	return backend.Tensor{Buf: d.buffer(rows*cols, false), Rows: rows, Cols: cols}
}

func (d *device) ints(n int) backend.Ints {
	return backend.Ints{Buf: d.buffer(n, true), N: n}
}

func (d *device) buffer(n int, integer bool) *buffer {
	return &buffer{backend.Allocation{Owner: d, Len: n, Integer: integer}}
}

// operands returns those of the legal call.
func (c call) operands(d *device) (tensors, backend.Ints) {
	x := make(tensors)
	for _, o := range c.tensors {
		x[o.name] = d.tensor(o.rows, o.cols)
	}
	return x, d.ints(c.ints.n)
}

func calls() []call {
	return slices.Concat(memoryCalls(), elementwiseCalls(), linearCalls(), lossCalls(), updateCalls(), cellCalls(), lstm1997Calls(), lstm1997SequenceCalls(), layerCalls())
}

func findCall(t *testing.T, op string) call {
	t.Helper()
	all := calls()
	i := slices.IndexFunc(all, func(c call) bool { return c.op == op })
	if i < 0 {
		t.Fatalf("no call of %s", op)
	}
	return all[i]
}

// panicText returns the text of f's panic, "<nil>" if it does not panic.
func panicText(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return
}

// wantPanic fails the test unless f panics with one of texts; "<nil>" stands
// for no panic.
func wantPanic(t *testing.T, f func(), texts ...string) {
	t.Helper()
	if got := panicText(f); !slices.Contains(texts, got) {
		t.Errorf("panic %q, want %q", got, texts)
	}
}

const noPanic = "<nil>"

func TestChecksAcceptLegalCallsWithoutAllocating(t *testing.T) {
	for _, c := range calls() {
		t.Run(c.op, func(t *testing.T) {
			d := &device{"a"}
			x, ints := c.operands(d)
			wantPanic(t, func() { c.check(d, x, ints) }, noPanic)
			if n := testing.AllocsPerRun(10, func() { c.check(d, x, ints) }); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
}

func TestEveryOperandMustBeALiveWindow(t *testing.T) {
	d, other := &device{"a"}, &device{"b"}
	for _, c := range calls() {
		for _, o := range c.tensors {
			size := o.rows * o.cols
			freed := d.tensor(o.rows, o.cols)
			freed.Buf.Meta().Freed = true
			negative, before, beyond := d.tensor(o.rows, o.cols), d.tensor(o.rows, o.cols), d.tensor(o.rows, o.cols)
			negative.Rows = -1
			before.Off = -1
			beyond.Off = 1
			for _, m := range []struct {
				x    backend.Tensor
				text string
			}{
				{freed, "is freed"},
				{other.tensor(o.rows, o.cols), "belongs to another backend"},
				{backend.Tensor{Buf: d.buffer(size, true), Rows: o.rows, Cols: o.cols}, "is a window on integers"},
				{negative, fmt.Sprintf("is -1x%d", o.cols)},
				{before, fmt.Sprintf("reaches from element -1 to %d of an allocation of %d", size-1, size)},
				{beyond, fmt.Sprintf("reaches from element 1 to %d of an allocation of %d", size+1, size)},
			} {
				x, ints := c.operands(d)
				x[o.name] = m.x
				t.Run(c.op+" "+o.name+" "+m.text, func(t *testing.T) {
					wantPanic(t, func() { c.check(d, x, ints) }, fmt.Sprintf("backend: %s: %s %s", c.op, o.name, m.text))
				})
			}
		}
	}
}

func TestIntegerOperandsMustBeLiveWindows(t *testing.T) {
	d, other := &device{"a"}, &device{"b"}
	for _, c := range calls() {
		if c.ints.name == "" {
			continue
		}
		n := c.ints.n
		freed := d.ints(n)
		freed.Buf.Meta().Freed = true
		beyond := d.ints(n)
		beyond.N++
		negative := d.ints(n)
		negative.N = -1
		for _, m := range []struct {
			ints backend.Ints
			text string
		}{
			{backend.Ints{}, "is absent"},
			{freed, "is freed"},
			{other.ints(n), "belongs to another backend"},
			{backend.Ints{Buf: d.buffer(n, false), N: n}, "is a window on floats"},
			{beyond, fmt.Sprintf("reaches from element 0 to %d of an allocation of %d", n+1, n)},
			{negative, fmt.Sprintf("reaches from element 0 to -1 of an allocation of %d", n)},
		} {
			x, _ := c.operands(d)
			t.Run(c.op+" "+m.text, func(t *testing.T) {
				wantPanic(t, func() { c.check(d, x, m.ints) }, fmt.Sprintf("backend: %s: %s %s", c.op, c.ints.name, m.text))
			})
		}
	}
}

// paired are the operands that are present where their gradients are.
var paired = map[string]string{"BIH": "DBIH", "BHH": "DBHH", "Peep": "DPeep"}

func TestOnlyOptionalOperandsMayBeAbsent(t *testing.T) {
	d := &device{"a"}
	for _, c := range calls() {
		for _, o := range c.tensors {
			x, ints := c.operands(d)
			delete(x, o.name)
			want := fmt.Sprintf("backend: %s: %s is absent", c.op, o.name)
			if slices.Contains(c.optional, o.name) {
				want = noPanic
			} else {
				for param, grad := range paired {
					if o.name == param || o.name == grad {
						want = fmt.Sprintf("backend: %s: %s and %s must be both present or both absent", c.op, grad, param)
					}
				}
			}
			t.Run(c.op+" "+o.name, func(t *testing.T) {
				wantPanic(t, func() { c.check(d, x, ints) }, want)
			})
		}
		x, ints := c.operands(d)
		for param, grad := range paired {
			delete(x, param)
			delete(x, grad)
		}
		t.Run(c.op+" without pairs", func(t *testing.T) {
			wantPanic(t, func() { c.check(d, x, ints) }, noPanic)
		})
	}
}

func TestOverlapIsRefusedWhereItIsIllegal(t *testing.T) {
	d := &device{"a"}
	for _, c := range calls() {
		for i, o := range c.tensors {
			for _, p := range c.tensors[i+1:] {
				shared := d.buffer(1+max(o.rows*o.cols, p.rows*p.cols), false)
				overlap := func(offset int) func() {
					x, ints := c.operands(d)
					x[o.name] = backend.Tensor{Buf: shared, Rows: o.rows, Cols: o.cols}
					x[p.name] = backend.Tensor{Buf: shared, Off: offset, Rows: p.rows, Cols: p.cols}
					return func() { c.check(d, x, ints) }
				}
				whole, part := c.overlapTexts(o.name, p.name)
				t.Run(c.op+" "+o.name+" "+p.name, func(t *testing.T) {
					wantPanic(t, overlap(0), whole...)
					if o.rows*o.cols > 1 {
						wantPanic(t, overlap(1), part...)
					}
					x, ints := c.operands(d)
					neighbours := d.buffer(o.rows*o.cols+p.rows*p.cols, false)
					x[o.name] = backend.Tensor{Buf: neighbours, Rows: o.rows, Cols: o.cols}
					x[p.name] = backend.Tensor{Buf: neighbours, Off: o.rows * o.cols, Rows: p.rows, Cols: p.cols}
					wantPanic(t, func() { c.check(d, x, ints) }, noPanic)
				})
			}
		}
	}
}

// overlapTexts returns the panics that are right if operands p and q start at
// the same element, and if they overlap otherwise.
func (c call) overlapTexts(p, q string) (whole, part []string) {
	for _, pair := range c.inPlace {
		if pair == [2]string{p, q} || pair == [2]string{q, p} {
			return []string{noPanic}, []string{fmt.Sprintf("backend: %s: %s overlaps part of %s", c.op, pair[0], pair[1])}
		}
	}
	var texts []string
	if slices.Contains(c.outputs, p) {
		texts = append(texts, fmt.Sprintf("backend: %s: %s overlaps %s", c.op, p, q))
	}
	if slices.Contains(c.outputs, q) {
		texts = append(texts, fmt.Sprintf("backend: %s: %s overlaps %s", c.op, q, p))
	}
	if texts == nil {
		texts = []string{noPanic}
	}
	return texts, texts
}

func TestArgumentsMustBeInRange(t *testing.T) {
	d := &device{"a"}
	x, y, one, none := d.tensor(2, 3), d.tensor(2, 3), d.tensor(1, 1), backend.Tensor{}
	rnn, _ := findCall(t, "RNNForward").operands(d)
	type squash = backend.Squash
	blocks := func(blocks, cells int, h squash) {
		state := func() backend.Tensor { return d.tensor(2, cells) }
		backend.CheckLSTM1997Cell(d, backend.LSTM1997CellArgs{Blocks: blocks, H: h,
			Gates: d.tensor(2, 2*blocks+cells), S: state(), SPrev: state(), Y: state()})
	}
	batchOf := func(n int) backend.RNNArgs {
		a := rnnArgs(maps.Clone(rnn))
		a.Batch = n
		return a
	}
	for _, m := range []struct {
		text  string
		check func()
	}{
		{"New: size -1x3", func() { backend.CheckNew(-1, 3) }},
		{"New: size 3x-1", func() { backend.CheckNew(3, -1) }},
		{"NewInts: size -1", func() { backend.CheckNewInts(-1) }},
		{"Free: buffer is absent", func() { backend.CheckFree(d, nil) }},
		{"Free: buffer belongs to another backend", func() { backend.CheckFree(&device{"b"}, x.Buf) }},
		{"UploadInts: dst has 3 elements, src has 2", func() { backend.CheckUploadInts(d, d.ints(3), 2) }},
		{"DownloadInts: src has 3 elements, dst has 4", func() { backend.CheckDownloadInts(d, 4, d.ints(3)) }},
		{"CopyCols: columns -1 to 1 of dst, which is 2x3", func() { backend.CheckCopyCols(d, x, -1, y, 0, 2) }},
		{"CopyCols: columns 1 to 0 of dst, which is 2x3", func() { backend.CheckCopyCols(d, x, 1, y, 0, -1) }},
		{"CopyCols: columns -1 to 1 of x, which is 2x3", func() { backend.CheckCopyCols(d, x, 0, y, -1, 2) }},
		{"Dropout: rate is 1, want 0 ≤ rate < 1", func() { backend.CheckDropout(d, x, y, 1) }},
		{"Dropout: rate is -0.1, want 0 ≤ rate < 1", func() { backend.CheckDropout(d, x, y, -0.1) }},
		{"Dropout: rate is NaN, want 0 ≤ rate < 1", func() { backend.CheckDropout(d, x, y, math.NaN()) }},
		{"LayerNorm: epsilon is -1, want 0 or more", func() { backend.CheckLayerNorm(d, x, d.tensor(2, 1), y, -1) }},
		{"LayerNorm: epsilon is NaN, want 0 or more", func() { backend.CheckLayerNorm(d, x, d.tensor(2, 1), y, math.NaN()) }},
		{"LSTM1997Cell: S is 2x3, which is no whole number of cells in each of 0 blocks", func() { blocks(0, 3, squash{}) }},
		{"LSTM1997Cell: S is 2x3, which is no whole number of cells in each of 2 blocks", func() { blocks(2, 3, squash{}) }},
		{"LSTM1997Cell: S is 2x0, which is no whole number of cells in each of 1 blocks", func() { blocks(1, 0, squash{}) }},
		{"LSTM1997Cell: H has range 1 and slope 0, want both above 0, or neither", func() { blocks(1, 3, squash{Range: 1}) }},
		{"LSTM1997Cell: H has range -1 and slope 1, want both above 0, or neither", func() { blocks(1, 3, squash{-1, 1}) }},
		{"LSTM1997Cell: H has range 1 and slope NaN, want both above 0, or neither", func() { blocks(1, 3, squash{1, math.NaN()}) }},
		{"Gemm: a (transposed) is 2x3, b is 3x2", func() {
			backend.CheckGemm(d, one, backend.Trans, backend.NoTrans, x, d.tensor(3, 2))
		}},
		{"Gemm: a is 2x3, b (transposed) is 3x2", func() {
			backend.CheckGemm(d, one, backend.NoTrans, backend.Trans, x, d.tensor(3, 2))
		}},
		{"Gemm: dst is 1x1, want 3x3 for a (transposed) of 2x3, b of 2x3", func() {
			backend.CheckGemm(d, one, backend.Trans, backend.NoTrans, x, y)
		}},
		{"SGD: Velocity is absent, Momentum is 0.9", func() {
			backend.CheckSGD(d, backend.SGDArgs{Param: x, Grad: y, Velocity: none, Momentum: 0.9})
		}},
		{"RMSProp: Velocity is absent, Momentum is 0.9", func() {
			backend.CheckRMSProp(d, backend.RMSPropArgs{Param: x, Grad: y, Square: d.tensor(2, 3), Momentum: 0.9})
		}},
		{"Adam: Step is 0, want 1 or more", func() {
			backend.CheckAdam(d, backend.AdamArgs{Param: x, Grad: y, Mean: d.tensor(2, 3), Square: d.tensor(2, 3)})
		}},
		{"ClipNorm: limit is 0, want > 0", func() { backend.CheckClipNorm(d, x, one, 0) }},
		{"ClipFactor: limit is 0, want > 0", func() { backend.CheckClipFactor(d, x, one, d.tensor(1, 1), 0) }},
		{"Adam: Factor is present, but the backend is no ClipFactorer", func() { backend.CheckNoFactor("Adam", one) }},
		{"ClipNorm: limit is NaN, want > 0", func() { backend.CheckClipNorm(d, x, one, math.NaN()) }},
		{"RNNForward: X is 6x5, which is no whole number of steps of batch 0", func() {
			backend.CheckRNNForward(d, batchOf(0), scratch)
		}},
		{"RNNForward: X is 6x5, which is no whole number of steps of batch -2", func() {
			backend.CheckRNNForward(d, batchOf(-2), scratch)
		}},
	} {
		t.Run(m.text, func(t *testing.T) { wantPanic(t, m.check, "backend: "+m.text) })
	}
}

func TestNilOwnerTakesTensorsOfAnyBackend(t *testing.T) {
	x := (&device{"a"}).tensor(2, 3)
	wantPanic(t, func() { backend.CheckMap(nil, "Copy", x, (&device{"b"}).tensor(2, 3)) }, noPanic)
}

// The number of elements of such a window overflows to 0, or to less than there are.
func TestWindowsTooLargeToCountArePanics(t *testing.T) {
	d := &device{"a"}
	x := d.tensor(2, 3)
	for _, size := range [][2]int{{1 << 32, 1 << 32}, {1<<61 + 1, 8}, {-1 << 32, -1 << 32}} {
		huge := x
		huge.Rows, huge.Cols = size[0], size[1]
		wantPanic(t, func() { backend.CheckMap(d, "Copy", huge, huge) }, fmt.Sprintf("backend: Copy: dst is %dx%d", size[0], size[1]))
	}
}

func TestCheckNewCountsElements(t *testing.T) {
	for _, c := range []struct {
		rows, cols, want int
	}{{2, 3, 6}, {0, math.MaxInt, 0}, {math.MaxInt, 0, 0}, {1<<60 - 1, 1, 1<<60 - 1}} {
		if got, err := backend.CheckNew(c.rows, c.cols); got != c.want || err != nil {
			t.Errorf("CheckNew(%d, %d) = %d, %v; want %d", c.rows, c.cols, got, err, c.want)
		}
	}
	for _, size := range [][2]int{{1 << 60, 1}, {1, 1 << 60}, {1 << 32, 1 << 32}, {math.MaxInt, math.MaxInt}} {
		_, err := backend.CheckNew(size[0], size[1])
		want := fmt.Sprintf("backend: New: a tensor of %dx%d: out of memory", size[0], size[1])
		if !errors.Is(err, backend.ErrOutOfMemory) || err.Error() != want {
			t.Errorf("CheckNew(%d, %d): %v, want %s", size[0], size[1], err, want)
		}
	}
}
