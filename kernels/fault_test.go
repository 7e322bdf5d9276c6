package kernels_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// Ids and labels that do not exist write nothing. The fault word then holds the first
// bad position of the first bad call.
func TestFaultsNameTheFirstBadElement(t *testing.T) {
	const none = math.MaxUint64
	const rows, cols, n = 4, 40, 70
	call := func(i uint64) uint64 { return i << 32 }
	good := make([]int32, n)
	with := func(id int32, at ...int) []int32 {
		ids := slices.Clone(good)
		for _, i := range at {
			ids[i] = id
		}
		return ids
	}
	for _, c := range []struct {
		name  string
		calls [][]int32 // ids or labels
		want  uint64
	}{
		{"none", [][]int32{good, with(rows-1, 0, 69)}, none},
		{"the first element", [][]int32{with(rows, 0)}, call(1)},
		{"the last element", [][]int32{with(rows, 69)}, call(1) + 69},
		{"the smaller of two", [][]int32{with(-2, 66, 33, 69)}, call(1) + 33},
		{"the first of two calls", [][]int32{with(math.MaxInt32, 50), with(math.MinInt32, 3)}, call(1) + 50},
		{"after a good call", [][]int32{good, with(-2, 5)}, call(2) + 5},
	} {
		for _, op := range []string{"gather_rows", "scatter_add_rows", "softmax_cross_entropy"} {
			t.Run(op+"/"+c.name, func(t *testing.T) {
				d := open(t, "linear", "loss")
				fault := put(d, []uint64{none})
				for i, ids := range c.calls {
					at, size := call(uint64(i+1)), n*cols
					// long has a row for each id; the ids index the rows of short.
					long, short := put(d, make([]float32, n*cols)), put(d, uniform(random(1), rows*cols))
					before := get[float32](d, short, rows*cols)
					switch op {
					case "gather_rows":
						d.run(op, kernels.Matrix(n, cols), long, short, put(d, ids), n, rows, cols, fault, at)
						got := get[float32](d, long, size)
						for i, id := range ids {
							want := make([]float32, cols)
							if 0 <= id && id < rows {
								want = before[int(id)*cols:][:cols]
							}
							if !slices.Equal(got[i*cols:][:cols], want) {
								t.Fatalf("id %d: row %d is %v, want %v", id, i, got[i*cols:][:cols], want)
							}
						}
					case "scatter_add_rows":
						d.run(op, kernels.ScatterAddRows(rows, cols), short, long, put(d, ids), n, rows, cols, fault, at)
						if got := get[float32](d, short, rows*cols); !slices.Equal(got, before) {
							t.Fatalf("adding zeros: got %v, want %v", got, before)
						}
					case "softmax_cross_entropy":
						part := room[float32](d, n)
						d.run(op, kernels.Rows(n, rows), part, cuda.Pointer(0), long, put(d, ids), n, rows, put(d, []float32{1}), fault, at)
						for i, got := range get[float32](d, part, n) {
							want := math.Log(rows) // of equal logits
							if ids[i] < 0 || ids[i] >= rows {
								want = 0
							}
							if math.Abs(float64(got)-want) > 1e-6 {
								t.Fatalf("label %d: loss %v, want %v", ids[i], got, want)
							}
						}
					}
				}
				if got := get[uint64](d, fault, 1)[0]; got != c.want {
					t.Errorf("fault is %#x, want %#x", got, c.want)
				}
			})
		}
	}
}

// Ids are checked even where there is nothing to add.
func TestScatterIntoNothingChecksIds(t *testing.T) {
	for _, c := range []struct {
		rows, cols int
		want       uint64
	}{{0, 40, 0}, {0, 0, 0}, {4, 0, 50}} {
		d := open(t, "linear")
		const n = 70
		ids := make([]int32, n)
		ids[50], ids[60] = 4, -1
		fault := put(d, []uint64{math.MaxUint64})
		d.run("scatter_add_rows", kernels.ScatterAddRows(c.rows, c.cols), put(d, make([]float32, c.rows*c.cols)),
			put(d, make([]float32, n*c.cols)), put(d, ids), n, c.rows, c.cols, fault, uint64(0))
		if got := get[uint64](d, fault, 1)[0]; got != c.want {
			t.Errorf("%d ids into %dx%d: fault is %#x, want %#x", n, c.rows, c.cols, got, c.want)
		}
	}
}
