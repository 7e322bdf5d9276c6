package kernels

// GemmModel is what ChooseGemm knows of devices. A plan takes
//
//	Start·Starts + Work/rate + Pass·Passes + Moved/Bytes
//
// clocks, with the GemmTerms of the plan.
type GemmModel struct {
	Start float64             // clocks until the first slab of a block has arrived, and to store the result
	Pass  float64             // clocks to launch another pass
	Bytes float64             // that move per clock and multiprocessor between memory and the other passes
	Rates map[string]GemmRate // by the name of a tile
}

// GemmRate is how many multiply-adds a multiprocessor makes per clock with a tile: when it
// has enough blocks to hide their waits, and when it has few. Lanes, tensor cores and the
// second cache of a Device set limits to both.
type GemmRate struct{ Full, Few float64 }

// GemmTerms are what the time of a plan depends on, for the busiest multiprocessor.
type GemmTerms struct {
	Starts float64 // blocks
	Work   float64 // multiply-adds
	Few    bool    // there are too few blocks to hide their waits
	Passes float64 // launches before and after the product: packing, and adding up
	Moved  float64 // bytes that these and partial sums move, per multiprocessor
}

// Model returns the constants of ChooseGemm.
func Model() GemmModel { return gemmModel }

// Terms returns the terms of the plan on a device. It works in rounds of one block per
// multiprocessor.
func (p GemmPlan) Terms(multiprocessors int) GemmTerms {
	rounds, slabs := p.busiest(multiprocessors)
	t := GemmTerms{
		Starts: float64(rounds),
		Work:   float64(slabs) * float64(p.tile.Rows*p.tile.Columns*p.tile.Depth),
		Few:    int(rounds)*p.tile.Threads < fewThreads(p.tile),
	}
	for _, packing := range []Packing{p.PackA, p.PackB} {
		if packing.Bytes > 0 {
			t.Passes += 1 / float64(packing.Uses)
			t.Moved += packing.moved() / float64(packing.Uses) / float64(multiprocessors)
		}
	}
	elements := 0.0 // that partial sums have, written and read, and the result
	switch tile := float64(p.tile.Rows * p.tile.Columns); {
	case p.Shares > 0:
		rest := float64(p.tiles) - float64(p.Whole)
		elements = tile * (2*(float64(p.Shares)+rest) + rest)
	case p.Slices > 1:
		elements = float64(p.shape.M) * float64(p.shape.N) * float64(2*p.Slices+1)
	default:
		return t
	}
	t.Passes++
	t.Moved += 4 * elements / float64(multiprocessors)
	return t
}

// fewThreads is how many threads of a tile hide each other's waits. With tensor cores it is
// those of two blocks.
func fewThreads(t GemmTile) int {
	if t.Shared > 0 {
		return 2 * t.Threads
	}
	const threads = 384
	return threads
}

// clocks estimates the time of the plan.
func (m GemmModel) clocks(p GemmPlan, d Device) float64 {
	t := p.Terms(d.Multiprocessors)
	rate := m.Rates[p.tile.Name].Full
	if t.Few {
		rate = m.Rates[p.tile.Name].Few
	}
	rate = min(rate, d.limit(p.tile))
	return m.Start*t.Starts + t.Work/rate + m.Pass*t.Passes + t.Moved/m.Bytes
}

// Balance returns the share of the time in which the average multiprocessor has work, of
// the time in which the busiest has, if blocks are dealt out in turn.
func (p GemmPlan) Balance(multiprocessors int) float64 {
	_, slabs := p.busiest(multiprocessors)
	if p.slabs == 0 {
		return 1
	}
	return float64(p.tiles) * float64(p.slabs) / (float64(slabs) * float64(multiprocessors))
}

// busiest returns how many blocks, and how many slabs, the first multiprocessor has, if
// blocks are dealt out in turn. No other has more.
func (p GemmPlan) busiest(multiprocessors int) (blocks, slabs int64) {
	if p.Shares == 0 {
		blocks = ceil(p.tiles*int64(p.Slices), multiprocessors)
		return blocks, blocks * int64(p.Slice/p.tile.Depth)
	}
	whole, shares := ceil(int64(p.Whole), multiprocessors), ceil(int64(p.Shares), multiprocessors)
	return whole + shares, whole*p.slabs + shares*int64(p.Share) + ceil(int64(p.Extra), multiprocessors)
}
