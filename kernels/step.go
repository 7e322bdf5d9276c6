package kernels

import (
	"cmp"
	"fmt"
	"slices"
)

// StepPlan says how to run a time step of a recurrent layer in one launch: see step.cuh, and
// for tensor cores step_mma.cuh.
type StepPlan struct {
	Kernel             string
	Launch             Launch
	Rows, Units, Tiles int   // rows of the batch and hidden units of a tile; number of tiles
	Part               int   // floats of workspace; if any, blocks share a tile, which has a counter
	Bytes              int64 // that multiprocessors read and write

	// Tensor cores take the weights packed, once for all steps, and h. A step packs the h of
	// the next one into memory of the same size, which the packing of any h has padded.
	PackWeights, PackH Packing
	Slice, Slices      int // of k, as those of a product, for the blocks that share a tile

	clocks float64
}

// stepTile is a tile of a kernel.
type stepTile struct {
	rows, units int
	threads     int // of a block
	blocks      int // that share a tile
}

// stepLayer is a layer as its steps see it.
type stepLayer struct {
	gates  int // columns of the recurrent product that a hidden unit has
	words  int // that are read and written for a cell, apart from the product
	rates  [3]float64
	tiles  [3]stepTile // in float32
	tensor []stepTile  // in each other math
}

// stepLayers holds the tiles of each layer, and the multiply-adds of each per clock on a
// full multiprocessor of 128 lanes. The rates are estimates. They follow from what is slower,
// the instructions of the inner loop or the traffic of shared memory to registers, as those
// of gemmModel do.
var stepLayers = map[string]stepLayer{
	"lstm": {4, 11, [3]float64{50, 105, 105}, [3]stepTile{{32, 8, block, 1}, {64, 16, block, 1}, {128, 32, 512, 2}},
		[]stepTile{{64, 16, 128, 1}, {128, 32, block, 1}}},
	"rnn": {1, 2, [3]float64{50, 105, 105}, [3]stepTile{{32, 32, block, 1}, {64, 64, block, 1}, {128, 128, 512, 2}},
		[]stepTile{{64, 64, 128, 1}, {128, 128, block, 1}}},
	"gru": {3, 11, [3]float64{45, 95, 95}, [3]stepTile{{32, 8, block, 1}, {64, 16, block, 1}, {128, 32, 512, 2}},
		[]stepTile{{64, 32, 128, 1}, {128, 32, block, 1}}},
}

// Gates returns how many columns of the recurrent product a hidden unit of a layer has.
func Gates(layer string) int { return stepLayers[layer].gates }

// ChooseStep plans each of so many time steps of a layer, "lstm", "rnn" or "gru", in any of
// these Maths. Steps, batch and hidden must be at least 1.
//
// It estimates the time of each tile, in clocks, as ChooseGemm does. Few rows get small
// tiles, which spread them over all multiprocessors. Of the tiles of a math within a tenth of
// the least time, which is more than the estimate can tell apart, it takes the one that moves
// the fewest bytes, and of the maths the fastest. All tiles of float32 give the same bits. On
// tensor cores the order of a sum depends on the slices, and so on sizes and multiprocessors.
func ChooseStep(maths []string, layer string, steps, batch, hidden int, d Device) StepPlan {
	const near = 1.1
	faster := func(a, b StepPlan) int { return cmp.Compare(a.clocks, b.clocks) }
	var chosen []StepPlan
	for _, math := range maths {
		plans := StepPlans(math, layer, steps, batch, hidden, d)
		if len(plans) == 0 {
			continue
		}
		least := slices.MinFunc(plans, faster).clocks
		plans = slices.DeleteFunc(plans, func(p StepPlan) bool { return p.clocks > near*least })
		chosen = append(chosen, slices.MinFunc(plans, func(a, b StepPlan) int { return cmp.Compare(a.Bytes, b.Bytes) }))
	}
	return slices.MinFunc(chosen, faster)
}

// ChooseStepProduct plans a time step as a product, in any of these Maths, and a launch of
// the cell. The weights are packed once for so many steps. It says whether tensor cores make
// the product, and that is estimated to be faster than p, a plan of ChooseStep, by a tenth,
// which is more than the estimate can tell apart. So it is for many rows, where tiles of a
// product are larger than those of a step.
func ChooseStepProduct(p StepPlan, maths []string, layer string, steps, batch, hidden int, d Device) (product GemmPlan, faster bool) {
	const near = 1.1
	product, clocks := stepProduct(maths, layer, steps, batch, hidden, d)
	return product, product.PackA.Kernel != "" && near*clocks < p.clocks
}

// stepProduct is ChooseStepProduct with the clocks.
func stepProduct(maths []string, layer string, steps, batch, hidden int, d Device) (product GemmPlan, clocks float64) {
	l := stepLayers[layer]
	s := GemmShape{TransB: true, M: batch, N: l.gates * hidden, K: hidden, UsesA: 1, UsesB: steps}
	product = ChooseGemm(maths, s, d)
	return product, gemmModel.clocks(product, d) + gemmModel.Pass + cellClocks(l.words, batch, hidden, d)
}

// StepClocks estimates the clocks of a time step of a layer with launches for each step, in
// any of these Maths: forward as ChooseStep and ChooseStepProduct do, and backward, where a product with the
// weights, packed once for so many steps, and the gradient of the cell have a launch each.
// That of the cell adds slices up, which is the second pass of the product.
func StepClocks(maths []string, layer string, steps, batch, hidden int, d Device) (forward, backward float64) {
	const words = 14 // of a cell backward
	product := ChooseSlices(maths, GemmShape{M: batch, N: hidden, K: Gates(layer) * hidden, UsesB: steps}, d)
	backward = gemmModel.clocks(product, d) + gemmModel.Pass + cellClocks(words, batch, hidden, d)
	if product.Slices > 1 {
		backward -= gemmModel.Pass
	}
	step := ChooseStep(maths, layer, steps, batch, hidden, d)
	forward = step.clocks
	if _, faster := ChooseStepProduct(step, maths, layer, steps, batch, hidden, d); faster {
		_, forward = stepProduct(maths, layer, steps, batch, hidden, d)
	}
	return forward, backward
}

// cellClocks estimates the clocks to move so many words for each cell.
func cellClocks(words, batch, hidden int, d Device) float64 {
	return float64(4*words*batch*hidden) / gemmModel.Bytes / float64(d.Multiprocessors)
}

// Counters returns how many counters a device has, for tiles that blocks share, and for groups
// of blocks that wait for each other. Of these there are never more than multiprocessors.
func Counters(multiprocessors int) int { return 4 * multiprocessors }

// StepPlans returns the plans in a math that ChooseStep chooses from. Tiles that blocks share
// are among them if there is a counter for each, and tiles of tensor cores if the device has
// the shared memory.
func StepPlans(math, layer string, steps, batch, hidden int, d Device) []StepPlan {
	l := stepLayers[layer]
	var plans []StepPlan
	if math != "float32" {
		const most = 16 // slices
		for _, t := range l.tensor {
			for slices := 1; slices <= most; slices++ {
				p := l.tensorPlan(math, layer, t, slices, steps, batch, hidden, d)
				if p.Slices == slices && p.Launch.Shared <= d.Shared && (slices == 1 || p.Tiles <= Counters(d.Multiprocessors)) {
					plans = append(plans, p)
				}
			}
		}
		return plans
	}
	const sums = 4 // that a sum over k consists of
	for i, t := range l.tiles {
		elements := t.rows * t.units * l.gates
		p := t.plan(layer, "", batch, hidden)
		if t.blocks > 1 {
			p.Part = p.Tiles * sums * elements
		}
		if p.Part > 0 && p.Tiles > Counters(d.Multiprocessors) {
			continue
		}
		lines := int64(p.Tiles) * int64(t.rows+t.units*l.gates) // of h and of the weights
		p.Bytes = 4 * (lines*int64(hidden) + 2*int64(p.Part) + int64(l.words*batch*hidden))
		p.clocks = t.clocks(p, float64(elements)*float64(hidden)/min(l.rates[i], float64(d.Lanes)), d.Multiprocessors)
		plans = append(plans, p)
	}
	return plans
}

// plan returns what a tile says of a step, in the math of a prefix.
func (t stepTile) plan(layer, math string, batch, hidden int) StepPlan {
	tiles := int(ceil(int64(batch), t.rows) * ceil(int64(hidden), t.units))
	return StepPlan{
		Kernel: fmt.Sprintf("%s_step_%s%dx%d", layer, math, t.rows, t.units),
		Launch: flat(int64(tiles*t.blocks), t.threads),
		Rows:   t.rows, Units: t.units, Tiles: tiles,
	}
}

// tensorPlan plans a step on tensor cores in about so many slices. It has the rate of the
// tile of a product that has as many rows, or less if the second cache allows less with fewer
// columns.
func (l stepLayer) tensorPlan(math, layer string, t stepTile, slices, steps, batch, hidden int, d Device) StepPlan {
	packed := 1 // words of a number of h, of which the next step's is written; sectors are not filled in bf16
	if math == "tf32x3" {
		packed = 2
	}
	p := t.plan(layer, math+"_", batch, hidden)
	columns, of := t.units*l.gates, gemmTile(math, t.rows)
	product := of.Plan(GemmShape{M: batch, N: hidden, K: hidden}, slices)
	p.Slice, p.Slices, p.PackH = product.Slice, product.Slices, product.PackA
	p.PackWeights = of.pack(false, hidden, hidden, max(t.units, packRows), 1)
	p.PackWeights.Bytes *= l.gates
	p.PackWeights.Launch.Grid.Y = l.gates
	p.Launch.Grid.Y = p.Slices
	p.Launch.Shared = slabsAtOnce * (t.rows + columns) * slabBytes
	if p.Slices > 1 {
		p.Part = p.Tiles * p.Slices * t.rows * columns
	}
	p.Bytes = int64(p.Tiles)*product.slabs*int64((t.rows+columns)*slabBytes) + 4*int64(2*p.Part+(l.words+packed)*batch*hidden)

	rounds := ceil(int64(p.Tiles*p.Slices), d.Multiprocessors)
	rate := gemmModel.Rates[of.Name].Full
	if int(rounds)*t.threads < fewThreads(of) {
		rate = gemmModel.Rates[of.Name].Few
	}
	rate = min(rate, d.limit(GemmTile{Name: of.Name, Rows: t.rows, Columns: columns, Depth: of.Depth}))
	once := p.PackWeights.moved() + 2*p.PackH.moved() // three launches for all steps
	p.clocks = float64(rounds)*(gemmModel.Start+float64(t.rows*columns*p.Slice)/rate) +
		float64(4*2*p.Part)/gemmModel.Bytes/float64(d.Multiprocessors) + cellClocks(l.words+packed, batch, hidden, d) +
		(3*gemmModel.Pass+once/gemmModel.Bytes/float64(d.Multiprocessors))/float64(steps)
	return p
}

// clocks estimates the time of a step whose tiles take so many clocks for their product.
func (t stepTile) clocks(p StepPlan, product float64, multiprocessors int) float64 {
	const (
		alone = 0.6 // of the rate, below that many threads
		full  = 512 // threads that reach the whole rate of a multiprocessor
		cell  = 2   // clocks to make a cell
		width = 64  // bytes per clock between a multiprocessor and the second cache
	)
	rounds := int(ceil(int64(p.Tiles*t.blocks), multiprocessors))
	product /= float64(t.blocks)
	if rounds*t.threads < full {
		product /= alone
	}
	// One of the blocks that share a tile reads all sums after the others have written
	// theirs, and makes all cells.
	last := float64(cell * t.rows * t.units)
	if p.Part > 0 {
		last += 4 * float64(p.Part/p.Tiles) * (1 + 1/float64(t.blocks)) / width
	}
	return float64(rounds)*(gemmModel.Start+product) + last*float64(ceil(int64(p.Tiles), multiprocessors))
}
