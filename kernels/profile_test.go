package kernels_test

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/written"
	"gputrain/kernels"
)

var (
	update   = flag.Bool("update", false, "write the measurements to docs/kernels.md")
	uncapped = flag.Bool("uncapped", false, "measure a persistent LSTM at 512 units and a batch of 64, and all of a large time step; test all kernels for tensor cores")
)

// The emulator counts what each kernel does. The operands start at whole sectors.
// docs/kernels.md holds the counts, so that a change shows.
func TestProfile(t *testing.T) {
	d := open(t, kernels.Modules()...)
	d.offset = 0
	var table strings.Builder
	table.WriteString("\n| kernel | on | instructions | bytes moved | least | barriers |\n|---|---|---|---|---|---|\n")
	measured := map[string]bool{}
	for _, c := range profileCases() {
		s := d.measure(c)
		measured[c.kernel] = true
		moved := 32 * float64(s.GlobalSectors)
		if s.BankConflicts != 0 {
			t.Errorf("%s has %d bank conflicts, want none", c.kernel, s.BankConflicts)
		}
		if excess := moved / float64(4*c.words); excess < 0.99 || excess > max(c.excess, 1.01) {
			t.Errorf("%s moves %v bytes, want %d or up to %.2f times that", c.kernel, moved, 4*c.words, max(c.excess, 1.01))
		}
		blocks := float64(s.Grid.X * s.Grid.Y * s.Grid.Z)
		fmt.Fprintf(&table, "| %s | %s | %.1f | %.2f | %.2f | %.3g |\n", c.kernel, c.size, float64(s.Total().Threads)/float64(c.work),
			moved/float64(c.work), float64(4*c.words)/float64(c.work), float64(s.Barriers)/blocks)
	}
	for _, k := range kernels.All() {
		if !measured[k.Name] {
			t.Errorf("%s is not measured", k.Name)
		}
	}
	written.Table(t, "../docs/kernels.md", "go test ./kernels -run TestProfile -update", table.String(), *update)
}

// measure launches the kernel of a case.
func (d *device) measure(c profileCase) emulator.LaunchStats {
	d.Helper()
	args := make([]any, len(c.args))
	for i, arg := range c.args {
		switch v := arg.(type) {
		case floats:
			args[i] = put(d, uniform(random(uint64(i)), int(v)))
		case doubles:
			args[i] = put(d, make([]float64, v))
		case indices:
			args[i] = put(d, v.draw(uint64(i)))
		case words:
			args[i] = put(d, v)
		default:
			args[i] = arg
		}
	}
	emulated := d.Device.(*emulator.Device)
	emulated.ResetProfile()
	d.run(c.kernel, c.launch, args...)
	return emulated.Profile()[0]
}

// A profileCase is a launch of a kernel.
type profileCase struct {
	kernel string
	size   string
	launch kernels.Launch
	args   []any
	work   int     // elements, or multiply-adds of a product
	words  int     // least number of 4-byte words that must move to and from memory
	excess float64 // how many times that may move; 0 means 1.01
}

// Operands that measure makes and uploads.
type (
	floats  int
	doubles int
	words   []uint64
	indices struct{ n, limit int }
)

func (i indices) draw(seed uint64) []int32 {
	r := random(seed)
	ids := make([]int32, i.n)
	for k := range ids {
		ids[k] = int32(r.IntN(i.limit))
	}
	return ids
}

func profileCases() []profileCase {
	const (
		n             = 1 << 15
		rows, cols    = 256, 128
		few           = 8 // rows that are indexed
		batch, hidden = 64, 64
		parts         = 1024
	)
	null, one := cuda.Pointer(0), 1.0
	none := words{math.MaxUint64}
	x, m, row, cell := floats(n), floats(rows*cols), floats(cols), floats(batch*hidden)
	gates, triple, peep := floats(batch*4*hidden), floats(batch*3*hidden), floats(3*hidden)
	vector := fmt.Sprint(n)
	matrix := fmt.Sprintf("%dx%d", rows, cols)
	lstm := fmt.Sprintf("batch %d, hidden %d", batch, hidden)
	each, tail := kernels.Elements(n), int64(n)
	partials, byRow, matrixLaunch := kernels.Partials(n), kernels.Rows(rows, cols), kernels.Matrix(rows, cols)
	sum, peepGrad := kernels.SumRows(rows, cols), kernels.LSTMPeepGrad(batch, hidden)

	all := []profileCase{
		{"fill", vector, each, []any{x, tail, one}, n, n, 0},
		{"copy_cols", matrix, matrixLaunch, []any{m, m, rows, cols, cols, 0, cols, 0}, n, 2 * n, 0},
		{"add", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"sub", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"mul", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"add_mul", vector, each, []any{x, x, x, tail}, n, 4 * n, 0},
		{"scale", vector, each, []any{x, x, tail, one}, n, 2 * n, 0},
		{"add_scaled", vector, each, []any{x, x, tail, one}, n, 3 * n, 0},
		{"add_row", matrix, matrixLaunch, []any{m, m, row, rows, cols}, n, 2 * n, 1.5},
		{"mul_row", matrix, matrixLaunch, []any{m, m, row, rows, cols}, n, 2 * n, 1.5},
		{"mul_col", matrix, matrixLaunch, []any{m, m, floats(rows), rows, cols}, n, 2*n + rows, 1.2},
		{"dropout", vector, each, []any{x, x, words{1, 2}, tail, uint64(1 << 22), one}, n, 2 * n, 1.25},

		{"sigmoid", vector, each, []any{x, x, tail}, n, 2 * n, 0},
		{"sigmoid_grad", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"tanh_forward", vector, each, []any{x, x, tail}, n, 2 * n, 0},
		{"tanh_grad", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"relu", vector, each, []any{x, x, tail}, n, 2 * n, 0},
		{"relu_grad", vector, each, []any{x, x, x, tail}, n, 3 * n, 0},
		{"softmax", matrix, byRow, []any{m, m, rows, cols}, n, 2 * n, 2},
		{"softmax_grad", matrix, byRow, []any{m, m, m, rows, cols}, n, 3 * n, 1.7},
		{"layer_norm", matrix, byRow, []any{m, floats(rows), m, rows, cols, one}, n, 2 * n, 2.1},
		{"layer_norm_grad", matrix, byRow, []any{m, m, floats(rows), m, rows, cols}, n, 3 * n, 1.8},
		{"gemm_reduce", "4 slices of " + vector, each, []any{x, floats(4 * n), tail, 4, one, 0.0}, n, 5 * n, 0},

		{"sum_rows", matrix, sum.First, []any{row, m, rows, cols, sum.Chunk, 0.0}, n, n + cols, 0},
		{"gather_rows", matrix, matrixLaunch, []any{m, floats(few * cols), indices{rows, few}, rows, few, cols, none, uint64(0)}, n, 2 * n, 1.2},
		{"scatter_add_rows", matrix + fmt.Sprintf(" into %d", few), kernels.ScatterAddRows(few, cols),
			[]any{floats(few * cols), m, indices{rows, few}, rows, few, cols, none, uint64(0)}, n, n + 2*few*cols, 1.3},
		{"argmax_rows", matrix, byRow, []any{indices{rows, 1}, m, rows, cols}, n, n + rows, 1.1},

		{"softmax_cross_entropy", matrix, byRow, []any{floats(rows), m, m, indices{rows, cols}, rows, cols, floats(1), none, uint64(0)}, n, 2 * n, 2.3},
		{"squared_error", vector, partials, []any{floats(partials.Grid.X), x, x, x, tail, floats(1)}, n, 3 * n, 1.02},
		{"loss_sum", fmt.Sprint(parts), kernels.Single(), []any{floats(1), floats(parts), int64(parts), floats(1)}, parts, parts, 1.02},

		{"sgd", vector, each, []any{x, x, x, floats(1), floats(3), tail, 1}, n, 5 * n, 1.2},
		{"rmsprop", vector, each, []any{x, x, x, x, floats(1), floats(6), tail}, n, 7 * n, 1.25},
		{"adam", vector, each, []any{x, x, x, x, floats(1), floats(9), tail}, n, 7 * n, 1.36},
		{"clip_norm_square", vector, partials, []any{doubles(partials.Grid.X), x, tail}, n, n, 0},
		{"clip_norm_root", fmt.Sprint(parts), kernels.Single(), []any{floats(1), floats(1), doubles(parts), int64(parts), one}, parts, 2 * parts, 0},
		{"clip_norm_scale", vector, each, []any{x, floats(1), tail}, n, 2 * n, 1.15},

		{"lstm_cell", lstm, kernels.Matrix(batch, hidden), []any{gates, cell, cell, cell, peep, batch, hidden},
			batch * hidden, batch * hidden * 11, 1.3},
		{"lstm_cell_grad", lstm, kernels.Matrix(batch, hidden), []any{gates, cell, gates, cell, cell, peep, cell, cell, batch, hidden, 1},
			batch * hidden, batch * hidden * 14, 1.25},
		{"lstm_peep_grad", lstm, peepGrad.First, []any{peep, gates, cell, cell, batch, hidden, peepGrad.Chunk},
			batch * hidden, batch*hidden*5 + 3*hidden, 0},
		{"rnn_cell_grad", lstm, kernels.Elements(batch * hidden), []any{cell, cell, cell, cell, int64(batch * hidden), 1, 0},
			batch * hidden, batch * hidden * 4, 0},
		{"gru_cell", lstm, kernels.Matrix(batch, hidden), []any{triple, cell, triple, cell, batch, hidden},
			batch * hidden, batch * hidden * 11, 1.3},
		{"gru_cell_grad", lstm, kernels.Matrix(batch, hidden), []any{triple, triple, cell, triple, triple, cell, cell, null, batch, hidden, 0},
			batch * hidden, batch * hidden * 14, 1.25},
	}
	all = append(all, stepCases()...)
	all = append(all, persistentCases()...)
	all = append(all, blockCases()...)
	for _, tile := range kernels.GemmTiles("float32") {
		for _, trans := range []string{"nn", "nt", "tn", "tt"} {
			m, n, k := 256, 128, 64
			plan := tile.Plan(kernels.GemmShape{TransA: trans[0] == 't', TransB: trans[1] == 't', M: m, N: n, K: k}, 1)
			all = append(all, profileCase{plan.Kernel, fmt.Sprintf("%dx%dx%d", m, n, k), plan.Launch,
				[]any{floats(m * n), floats(m * k), floats(k * n), m, n, k, k, one, 0.0}, m * n * k, tiled(m, n, k, tile.Rows, tile.Columns), 0})
		}
	}
	return append(all, tensorCases()...)
}

// tensorCases returns products on tensor cores, and the packing of their operands.
func tensorCases() []profileCase {
	const m, n, k = 128, 256, 128
	var all []profileCase
	for _, math := range tensorMaths() {
		for _, tile := range kernels.GemmTiles(math) {
			plan := tile.Plan(kernels.GemmShape{M: m, N: n, K: k}, 1)
			a, b := plan.PackA.Bytes/4, plan.PackB.Bytes/4 // words; all are zeros
			all = append(all, profileCase{plan.Kernel, fmt.Sprintf("%dx%dx%d", m, n, k), plan.Launch,
				[]any{floats(m * n), make(words, a/2), make(words, b/2), floats(m * k), floats(k * n), m, n, k, k, 0, 0, 1.0, 0.0}, m * n * k,
				a*(n/tile.Columns) + b*(m/tile.Rows) + m*n, 0})
		}
		for _, tile := range kernels.GemmShareTiles(math) {
			const k, shares = 256, 6
			tiles := m * n / (tile.Rows * tile.Columns)
			plan, _ := tile.Share(kernels.GemmShape{M: m, N: n, K: k}, max(0, tiles-4), shares)
			a, b := plan.PackA.Bytes/4, plan.PackB.Bytes/4
			pieces := 0
			for block := range shares {
				from, end := block*plan.Share+min(block, plan.Extra), (block+1)*plan.Share+min(block+1, plan.Extra)
				pieces += 1 + (end-1)/plan.Slabs - from/plan.Slabs
			}
			all = append(all, profileCase{plan.Kernel, fmt.Sprintf("%dx%dx%d", m, n, k), plan.Launch,
				[]any{floats(m * n), floats(plan.Part), make(words, a/2), make(words, b/2), floats(m * k), floats(k * n), m, n, k,
					plan.Whole, plan.Share, plan.Extra, 0, 0, 1.0, 0.0}, m * n * k,
				a*(n/tile.Columns) + b*(m/tile.Rows) + (plan.Whole+pieces)*tile.Rows*tile.Columns, 0})
		}
		plan := kernels.GemmTiles(math)[0].Plan(kernels.GemmShape{M: m, N: n, K: k}, 1)
		for _, p := range []kernels.Packing{plan.PackA, plan.PackB} {
			all = append(all, profileCase{p.Kernel, fmt.Sprintf("%dx%d", p.Rows, p.K), p.Launch,
				[]any{floats(p.Bytes / 4), floats(p.Rows * p.K), p.Rows, p.K, p.Padded}, p.Rows * p.K, p.Rows*p.K + p.Bytes/4, 0})
		}
	}
	for _, tile := range kernels.GemmShareTiles("float32") {
		for _, trans := range []string{"nn", "nt", "tn", "tt"} {
			const m, n, k, shares = 256, 128, 64, 6
			tiles := m * n / (tile.Rows * tile.Columns)
			plan, _ := tile.Share(kernels.GemmShape{TransA: trans[0] == 't', TransB: trans[1] == 't', M: m, N: n, K: k}, tiles-3, shares)
			pieces := 6 * tile.Rows * tile.Columns // two of each of three tiles
			all = append(all, profileCase{plan.Kernel, fmt.Sprintf("%dx%dx%d", m, n, k), plan.Launch,
				[]any{floats(m * n), floats(plan.Part), floats(m * k), floats(k * n), m, n, k, plan.Whole, plan.Share, plan.Extra, 1.0, 0.0},
				m * n * k, tiled(m, n, k, tile.Rows, tile.Columns) + pieces/2, 0})
			if trans == "tt" && tile.Rows == 128 {
				all = append(all, profileCase{"gemm_join", fmt.Sprintf("3 tiles of %dx%d in 2 pieces", tile.Rows, tile.Columns), plan.Join,
					[]any{floats(m * n), floats(plan.Part), m, n, tile.Rows, tile.Columns, plan.Slabs, plan.Whole, plan.Share, plan.Extra, 1.0, 0.0},
					pieces / 2, 3 * pieces / 2, 0})
			}
		}
	}
	return all
}

// blockCases returns cases of memory blocks with forget gates and peepholes. A step reads
// four rows of the sources for four units of a block, of which there are five.
func blockCases() []profileCase {
	const (
		steps, batch, blocks, cells, sources = 2, 64, 16, 2, 64

		states, units, columns = blocks * cells, blocks * (3 + cells), sources + cells
		rows                   = batch * states
	)
	size := fmt.Sprintf("batch %d, %d blocks of %d, %d sources", batch, blocks, cells, sources)
	gates, state, peep, source := floats(batch*units), floats(rows), floats(3*states), floats(batch*sources)
	partials, ofCells := floats(rows*columns), floats(rows*sources)
	grad, chunk, chunks := kernels.LSTM1997Grad(batch, blocks, columns)
	return []profileCase{
		{"lstm1997_cell", size, kernels.Matrix(batch, blocks),
			[]any{gates, state, state, state, peep, batch, blocks, cells, 1, 2.0, 0.5, 1.0, 0.5},
			rows, batch * (2*units + 3*states), 3},
		{"lstm1997_step", size, kernels.LSTM1997Step(batch, blocks),
			[]any{gates, state, state, source, source, floats(units * sources), state, peep, batch, blocks, cells, sources, 1, 0, 2.0, 0.5, 1.0, 0.5},
			batch * units * sources, batch/4*blocks*2*(4+4)*sources + batch*(units+4*states), 2},
		{"lstm1997_error", size, kernels.Matrix(batch, blocks),
			[]any{state, floats(batch * blocks), gates, state, state, batch, blocks, cells, 1, 1.0, 0.5},
			rows, 3*rows + 2*batch*blocks, 2},
		{"lstm1997_grad", fmt.Sprintf("%d steps, ", steps) + size, grad,
			[]any{floats(chunks * units * sources), floats(chunks * 3 * states), partials, partials, ofCells, floats(steps * batch * units),
				floats(steps * rows), floats(steps * rows), floats(steps * rows), floats(steps * batch * blocks), floats(steps * batch * sources),
				steps, batch, blocks, cells, sources, columns, chunk, 2.0, 0.5, 0.0},
			steps * rows * columns, 2*rows*(2*columns+sources) + steps*batch*(units+3*states+blocks+sources) + chunks*(units*sources+3*states), 2.2},
	}
}

// stepCases returns time steps in each tile. The sizes are multiples of it.
func stepCases() []profileCase {
	null := cuda.Pointer(0)
	var all []profileCase
	for _, c := range []struct {
		layer         string
		batch, hidden int
		args          func(weights, cell floats) []any
	}{
		{"lstm", 128, 64, func(weights, cell floats) []any {
			return []any{4 * cell, cell, cell, cell, cell, weights, null, null, null}
		}},
		{"rnn", 128, 128, func(weights, cell floats) []any { return []any{cell, cell, weights, null, null} }},
		{"gru", 128, 64, func(weights, cell floats) []any {
			return []any{3 * cell, 3 * cell, cell, cell, weights, null, null}
		}},
	} {
		weights := kernels.Gates(c.layer) * c.hidden * c.hidden
		var plans []kernels.StepPlan
		for _, math := range kernels.Maths() {
			of := kernels.StepPlans(math, c.layer, 1, c.batch, c.hidden, h100)
			plans = append(plans, slices.DeleteFunc(of, func(p kernels.StepPlan) bool { return p.Slices > 1 })...)
		}
		for _, p := range plans {
			args := c.args(floats(weights), floats(c.batch*c.hidden))
			if h := p.PackH.Bytes / 8; h > 0 {
				args = append(args, make(words, h), make(words, p.PackWeights.Bytes/8), make(words, h), floats(0), words(nil), p.Slice)
			} else {
				args = append(args, floats(p.Part), words(make([]uint64, p.Tiles)))
			}
			args = append(args, c.batch, c.hidden)
			if c.layer == "rnn" {
				args = append(args, 0)
			}
			all = append(all, profileCase{p.Kernel, fmt.Sprintf("batch %d, hidden %d", c.batch, c.hidden), p.Launch, args, c.batch * weights, int(p.Bytes / 4), 0})
		}
	}
	return all
}

// persistentCases returns layers over two time steps. A group of blocks has half of the
// batch. A block reads its weights once. Forward, it reads all of its rows of h at each
// time step. Backward, it writes its part of the gradient of all units, and reads what
// others have of its own.
func persistentCases() []profileCase {
	const (
		steps, batch, hidden = 2, 16, 64

		cells = batch * hidden
		rows  = batch / 2
	)
	null := cuda.Pointer(0)
	layer := lstm{steps: steps, batch: batch, hidden: hidden}
	states, cell, sequence, peep, barriers := floats((steps+1)*cells), floats(cells), floats(steps*cells), floats(3*hidden), words{0}
	var all []profileCase
	for _, c := range []struct {
		pass          string
		gates         int
		ahead, behind int // words of a cell: of a step of forward and of backward
		args          func(weights, part floats) []any
	}{
		{"lstm_forward", 4, 11, 0, func(weights, _ floats) []any {
			return []any{4 * sequence, states, states, weights, null, null, peep, barriers}
		}},
		{"lstm_backward", 4, 0, 13, func(weights, part floats) []any {
			return []any{4 * sequence, cell, 4 * sequence, states, weights, peep, sequence, null, null, null, part, barriers}
		}},
		{"rnn_forward", 1, 2, 0, func(weights, _ floats) []any {
			return []any{states, weights, null, null, barriers}
		}},
		{"rnn_backward", 1, 0, 3, func(weights, part floats) []any {
			return []any{sequence, states, weights, sequence, null, null, part, barriers}
		}},
		{"gru_forward", 3, 11, 0, func(weights, _ floats) []any {
			return []any{3 * sequence, 3 * sequence, states, weights, null, null, barriers}
		}},
		{"gru_backward", 3, 0, 13, func(weights, part floats) []any {
			return []any{3 * sequence, 3 * sequence, cell, 3 * sequence, 3 * sequence, states, weights, sequence, null, null, part, barriers}
		}},
	} {
		for _, kernel := range kernelsOf(c.pass) {
			units := kernel.Units
			launch := layer.persistent(units, rows)
			args, shared := c.args(floats(c.gates*hidden*hidden), floats(kernels.Persistent{Launch: launch, Units: units}.Part(batch))), 1
			if c.ahead == 0 {
				shared = 2
			}
			operands := args[:len(args)-shared]
			args = slices.Concat(operands, operands, args[len(operands):])
			args = append(args, steps, batch, hidden, rows)
			if c.gates == 1 {
				args = append(args, 0)
			}
			across, words := launch.Grid.X, 2*c.gates*hidden*hidden
			products := steps
			if c.ahead > 0 {
				words += steps * cells * (across + c.ahead)
			} else {
				products = steps - 1
				words += steps*cells*c.behind + products*2*across*cells
			}
			all = append(all, profileCase{kernel.Kernel, layer.String(), launch, args,
				products * cells * c.gates * hidden, words, 1.25})
		}
	}
	return all
}

// kernelsOf returns plans of each kernel of a persistent pass, in each math.
func kernelsOf(pass string) []kernels.Persistent {
	var all []kernels.Persistent
	for _, math := range kernels.Maths() {
		name := kernels.PersistentPass(pass, math)
		for _, most := range []int{128, 256, 512, 1024} {
			p, err := kernels.PlanPersistent(name, 1, 2, 1, most, most)
			if err == nil && p.Kernel == fmt.Sprintf("%s_%d", name, most) {
				all = append(all, p)
			}
		}
	}
	return all
}

// tiled returns how many words a product in tiles of rows x columns moves.
func tiled(m, n, k, rows, columns int) int { return m*k*(n/columns) + k*n*(m/rows) + m*n }
