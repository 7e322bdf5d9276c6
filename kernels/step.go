package kernels

import (
	"cmp"
	"fmt"
	"slices"
)

// StepPlan says how to run a time step of a recurrent layer in one launch: see step.cuh.
type StepPlan struct {
	Kernel             string
	Launch             Launch
	Rows, Units, Tiles int   // rows of the batch and hidden units of a tile; number of tiles
	Part               int   // floats of workspace; if any, two blocks share a tile, which has a counter
	Bytes              int64 // that multiprocessors read and write

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
	gates int // columns of the recurrent product that a hidden unit has
	words int // that are read and written for a cell, apart from the product
	rates [3]float64
	tiles [3]stepTile
}

// stepLayers holds the tiles of each layer, and the multiply-adds of each per clock on a
// full multiprocessor of 128 lanes. The rates are estimates. They follow from what is slower,
// the instructions of the inner loop or the traffic of shared memory to registers, as those
// of gemmModel do.
var stepLayers = map[string]stepLayer{
	"lstm": {4, 11, [3]float64{50, 105, 105}, [3]stepTile{{32, 8, block, 1}, {64, 16, block, 1}, {128, 32, 512, 2}}},
	"rnn":  {1, 2, [3]float64{50, 105, 105}, [3]stepTile{{32, 32, block, 1}, {64, 64, block, 1}, {128, 128, 512, 2}}},
	"gru":  {3, 11, [3]float64{45, 95, 95}, [3]stepTile{{32, 8, block, 1}, {64, 16, block, 1}, {128, 32, 512, 2}}},
}

// Gates returns how many columns of the recurrent product a hidden unit of a layer has.
func Gates(layer string) int { return stepLayers[layer].gates }

// ChooseStep plans a time step of a layer, "lstm", "rnn" or "gru". Batch and hidden must be
// at least 1.
//
// It estimates the time of each tile, in clocks, as ChooseGemm does. Few rows get small
// tiles, which spread them over all multiprocessors. Of the tiles within a tenth of the
// least time, which is more than the estimate can tell apart, it takes the one that moves
// the fewest bytes. All tiles give the same bits, so no result depends on the choice.
func ChooseStep(layer string, batch, hidden int, d Device) StepPlan {
	const near = 1.1
	plans := StepPlans(layer, batch, hidden, d)
	least := slices.MinFunc(plans, func(a, b StepPlan) int { return cmp.Compare(a.clocks, b.clocks) }).clocks
	plans = slices.DeleteFunc(plans, func(p StepPlan) bool { return p.clocks > near*least })
	return slices.MinFunc(plans, func(a, b StepPlan) int { return cmp.Compare(a.Bytes, b.Bytes) })
}

// ChooseStepProduct plans a time step as a product, in any of these Maths, and a launch of
// the cell. The weights are packed once for so many steps. It says whether that is estimated
// to take less time than p, a plan of ChooseStep.
func ChooseStepProduct(p StepPlan, maths []string, layer string, steps, batch, hidden int, d Device) (product GemmPlan, faster bool) {
	l := stepLayers[layer]
	s := GemmShape{TransB: true, M: batch, N: l.gates * hidden, K: hidden, UsesA: 1, UsesB: steps}
	product = ChooseGemm(maths, s, d)
	return product, gemmModel.clocks(product, d)+cellClocks(l.words, batch, hidden, d) < p.clocks
}

// StepClocks estimates the clocks of a time step of a layer with launches for each step, in
// any of these Maths: forward as ChooseStep and ChooseStepProduct do, and backward, where a
// product with the weights, packed once for so many steps, and the gradient of the cell have
// a launch each. That of the cell adds slices up, which is the second pass of the product.
func StepClocks(maths []string, layer string, steps, batch, hidden int, d Device) (forward, backward float64) {
	const words = 14 // of a cell backward
	p := ChooseStep(layer, batch, hidden, d)
	forward = p.clocks
	if product, faster := ChooseStepProduct(p, maths, layer, steps, batch, hidden, d); faster && product.PackA.Kernel != "" {
		forward = gemmModel.clocks(product, d) + cellClocks(stepLayers[layer].words, batch, hidden, d)
	}
	product := ChooseSlices(maths, GemmShape{M: batch, N: hidden, K: Gates(layer) * hidden, UsesB: steps}, d)
	backward = gemmModel.clocks(product, d) + cellClocks(words, batch, hidden, d)
	if product.Slices > 1 {
		backward -= gemmModel.Pass
	}
	return forward, backward
}

// cellClocks estimates the clocks of a launch for the cells, which move so many words each.
func cellClocks(words, batch, hidden int, d Device) float64 {
	return gemmModel.Pass + float64(4*words*batch*hidden)/gemmModel.Bytes/float64(d.Multiprocessors)
}

// StepPlans returns the plans that ChooseStep chooses from. Tiles that two blocks share are
// among them if there is a counter for each, of which there are as many as multiprocessors.
func StepPlans(layer string, batch, hidden int, d Device) []StepPlan {
	const sums = 4 // that a sum over k consists of
	l := stepLayers[layer]
	var plans []StepPlan
	for i, t := range l.tiles {
		elements := t.rows * t.units * l.gates
		p := StepPlan{
			Kernel: fmt.Sprintf("%s_step_%dx%d", layer, t.rows, t.units),
			Rows:   t.rows, Units: t.units, Tiles: int(ceil(int64(batch), t.rows) * ceil(int64(hidden), t.units)),
		}
		p.Launch = flat(int64(p.Tiles*t.blocks), t.threads)
		if t.blocks > 1 {
			p.Part = p.Tiles * sums * elements
		}
		if p.Part > 0 && p.Tiles > d.Multiprocessors {
			continue
		}
		lines := int64(p.Tiles) * int64(t.rows+t.units*l.gates) // of h and of the weights
		p.Bytes = 4 * (lines*int64(hidden) + 2*int64(p.Part) + int64(l.words*batch*hidden))
		p.clocks = t.clocks(p, float64(elements)*float64(hidden)/min(l.rates[i], float64(d.Lanes)), d.Multiprocessors)
		plans = append(plans, p)
	}
	return plans
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
